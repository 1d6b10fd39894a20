//! Calls of other values than closures, and closures with the variables they capture.

use std::cell::Cell;
use std::cmp::Ordering;

use grisaille::{Barrier, Gc, Mutator, Slot, StackView};

use super::burst::Burst;
use super::slots::Slots;
use super::{Full, Stop, cold, error};
use crate::code::Capture;
use crate::object::{Class, Closure, Instance, Row, Upvalue};
use crate::value::{Stored, Value};

impl<'v, 's> Burst<'_, 'v, 's> {
    /// Calls `callee` with the `arguments` on the stack. Returns the closure to enter, if there is one, with the callee
    /// or receiver in the callee's place below the arguments; otherwise the result is in that place.
    #[inline(never)]
    pub(super) fn call<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        slots: Slots<'a>,
        callee: Stored<'a>,
        arguments: usize,
    ) -> Result<Option<Gc<'a, Closure<'a>>>, Stop> {
        match callee.unpack() {
            Value::Class(class) => {
                slots.poke(arguments, Value::Instance(instantiate(cx, class)?));
                let init = class.init.get();
                if init.is_none() && arguments != 0 {
                    return Err(error(format_args!("Expected 0 arguments but got {arguments}.")));
                }
                Ok(init)
            }
            Value::Bound(bound) => {
                slots.poke(arguments, bound.receiver);
                Ok(Some(bound.method))
            }
            Value::Native(native) => {
                let result = native.function.call(cx, &slots.cells[slots.top - arguments..slots.top])?;
                slots.poke(arguments, result);
                Ok(None)
            }
            Value::Closure(closure) => {
                slots.poke(arguments, callee);
                Ok(Some(closure))
            }
            _ => Err(cold("Can only call functions and classes.")),
        }
    }

    /// Returns the error of a call that cannot be entered.
    #[cold]
    #[inline(never)]
    pub(super) fn refused(&self, callee: &Closure<'_>, arguments: usize) -> Stop {
        let arity = callee.arity as usize;
        if arguments != arity {
            return error(format_args!("Expected {arity} arguments but got {arguments}."));
        }
        cold("Stack overflow.")
    }

    /// Makes a closure of a function, for `running` in the frame at `base`.
    #[inline(never)]
    pub(super) fn closure<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        running: Gc<'a, Closure<'a>>,
        base: usize,
        function: u32,
    ) -> Result<Gc<'a, Closure<'a>>, Full> {
        let code = &self.functions[function as usize];
        let mut upvalues = None;
        if !code.captures.is_empty() {
            // Allocation never collects, so pointers may be kept in a plain vector.
            let mut captured = Vec::new();
            captured.try_reserve_exact(code.captures.len())?;
            for &capture in &code.captures {
                captured.push(match capture {
                    Capture::Local(slot) => self.capture(cx, base + usize::from(slot))?,
                    Capture::Upvalue(index) => running.upvalue(index),
                });
            }
            upvalues = Some(cx.try_alloc_array(captured.len(), |index| captured[index])?);
        }
        let arity = u32::from(code.arity);
        Ok(cx.try_alloc(Closure { function, entry: code.entry, slots: code.slots, arity, upvalues })?)
    }

    /// Returns the open upvalue of a slot, made if there is none.
    fn capture<'a, B: Barrier>(&mut self, cx: &'a Mutator<'s, B>, slot: usize) -> Result<Gc<'a, Upvalue<'a>>, Full> {
        let mut at = self.open.len();
        while at > 0 {
            let upvalue = self.open.at(cx, at - 1);
            match (upvalue.slot.get() as usize).cmp(&slot) {
                Ordering::Greater => at -= 1,
                Ordering::Equal => return Ok(upvalue),
                Ordering::Less => break,
            }
        }
        let upvalue = cx.try_alloc(Upvalue { slot: Cell::new(slot as u32), value: Slot::new(Value::Nil.pack()) })?;
        self.open.try_push(cx, upvalue)?;
        // Sorts the new upvalue into its place, which is nearly always the end.
        for above in (at + 1..self.open.len()).rev() {
            let lower = self.open.at(cx, above - 1);
            self.open.set(cx, above, lower);
        }
        self.open.set(cx, at, upvalue);
        Ok(upvalue)
    }
}

/// Makes an instance of a class, without fields.
fn instantiate<'a, B: Barrier>(cx: &'a Mutator<'_, B>, class: Gc<'a, Class<'a>>) -> Result<Gc<'a, Instance<'a>>, Full> {
    Ok(cx.try_alloc(Instance { class, class_id: class.id, fields: Row::new() })?)
}

/// Closes the open upvalues of slot `from` and above: each gets its value for its own.
#[cold]
#[inline(never)]
pub(super) fn close_upvalues<B: Barrier>(
    cx: &Mutator<'_, B>,
    open: &mut StackView<'_, '_, Gc<'static, Upvalue<'static>>>,
    values: &StackView<'_, '_, Stored<'static>>,
    from: usize,
) {
    while !open.is_empty() {
        let upvalue = open.top(cx, 0);
        let slot = upvalue.slot.get();
        if (slot as usize) < from {
            return;
        }
        upvalue.value.set(cx, values.at(cx, slot as usize));
        upvalue.slot.set(Upvalue::CLOSED);
        open.pop(cx);
    }
}
