//! Calls of natives: the program goes on in the call, which ends as a scope does, well or with an error, or in a panic.

use grisaille::{Barrier, Gc, Mutator, Rooted};

use super::frame::{Frame, Keep, Local, Registers};
use super::holders::MAX_LOCALS;
use super::quiet::{self, Leave};
use super::{Machine, Outcome, pick};
use crate::object::{Captures, Closure, FAILS, Function, Native, Value};
use crate::shadow::{Kind, SLOTS};

/// A native that is rooted in the scope from which it is called.
#[derive(Clone, Copy)]
pub enum Callee<'s> {
    Native(Rooted<'s, Gc<'s, Native<'s>>>),
    Closure(Rooted<'s, Gc<'s, Closure<'s>>>),
}

impl<'s> Callee<'s> {
    /// Roots a native. Returns `None` when the value is none, or the heap is full.
    fn root<B: Barrier>(cx: &Mutator<'s, B>, native: Value<'_>) -> Option<Callee<'s>> {
        match native {
            Value::Native(native) => cx.try_root(native).ok().map(Callee::Native),
            Value::Closure(closure) => cx.try_root(closure).ok().map(Callee::Closure),
            _ => None,
        }
    }

    pub fn get<'a, B: Barrier>(self, cx: &'a Mutator<'_, B>) -> Value<'a> {
        match self {
            Callee::Native(native) => Value::Native(native.get(cx)),
            Callee::Closure(closure) => Value::Closure(closure.get(cx)),
        }
    }

    fn function(self) -> &'s Function {
        match self {
            Callee::Native(native) => native.function(),
            Callee::Closure(closure) => closure.function(),
        }
    }

    /// Returns the captures as a handle of their own, where they stay as they are.
    fn captured(self) -> Option<Rooted<'s, Captures<'s>>> {
        if let Callee::Closure(closure) = self { Some(closure.captured()) } else { None }
    }
}

impl Machine<'_> {
    /// Calls a native, which runs operations. `how` says whether it fails at the end.
    pub(super) fn call<'s, B: Barrier>(
        &mut self,
        cx: &mut Mutator<'s, B>,
        frame: &mut Frame<'_, 's, B>,
        keep: Keep<'_, 's, B>,
        nth: u8,
        how: u8,
    ) -> Outcome {
        let is_native = |kind: Option<Kind>| kind.is_some_and(Kind::is_native);
        let natives = self.operands(cx, frame, &Registers::EMPTY, |shadow, shade| is_native(shadow.kind(shade)));
        let Some(&(Some(id), native)) = pick(&natives, nth) else { return Ok(()) };
        if self.locals.len() >= MAX_LOCALS {
            return Ok(());
        }
        let Some(callee) = Callee::root(cx, native.plain()) else { return Ok(()) };
        self.note(|m| format!("local {} = #{id}, which is called", m.locals.len()));
        frame.locals.push(Local::Callee(callee));
        self.locals.push(Some(id));
        let captured = callee.captured();
        let fails = how % 4 == 3;
        let depth = self.depth;
        self.depth += 1;
        let mut inner = Frame { outer: Some(&*frame), ..Frame::outermost() };
        let mut outcome = Ok(());
        let called = quiet::catch::<_, Leave>(|| {
            callee.function()(&mut || {
                outcome = self.scope(cx, &mut inner, keep);
                !fails
            })
        });
        let locals = inner.locals;
        self.depth = depth;
        frame.locals.extend(locals);
        outcome?;
        match called {
            Ok(Ok(found)) if !fails && found == Value::canary_of(id) => {}
            Ok(Err(error)) if fails && error == FAILS => {}
            Ok(result) => return Err(format!("#{id} was called, and said {result:?}")),
            Err(Leave { scopes: 0 }) => {}
            Err(Leave { scopes }) => quiet::raise(Leave { scopes: scopes - 1 }),
        }
        self.note(|_| format!("the call of #{id} ends: {}", if fails { "it fails" } else { "well" }));
        if self.leaving.is_none() && !self.blind {
            for slot in 0..SLOTS {
                let (shade, captured) = (self.shadow.get(id, slot), captured.map(|captured| captured.get(cx)));
                if let (Some(held), Some(captured)) = (shade, captured)
                    && let Some(complaint) = captured.items[slot].complaint(self.shadow.at(held), held)
                {
                    return Err(format!("what #{id} has captured is not intact: {complaint}"));
                }
            }
        }
        Ok(())
    }
}
