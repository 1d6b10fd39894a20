//! Instructions that are not worth a place in the loop: their work costs more than a call.

use grisaille::{Barrier, Gc, Mutator, StackView};

use super::burst::Burst;
use super::call::close_upvalues;
use super::property::{add_method, inherit, method};
use super::slots::Slots;
use super::{INIT, Stop, Switch, cold};
use crate::code::Op;
use crate::object::{Bound, Closure};
use crate::value::{Stored, Value};

impl<'v, 's> Burst<'_, 'v, 's> {
    /// Runs an instruction, and returns how many values of the frame are in use after it.
    #[inline(never)]
    pub(super) fn rare<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        values: &'a StackView<'v, 's, Stored<'static>>,
        mut slots: Slots<'a>,
        running: Gc<'a, Closure<'a>>,
        base: usize,
        op: Op,
    ) -> Result<usize, Stop> {
        match op {
            Op::DefineGlobal(global) => self.globals.set(cx, global as usize, slots.pop()),
            Op::Print => {
                slots.pop().unpack().write(self.out, |function| self.functions[function as usize].name.as_deref())?;
                self.out.write_all(b"\n")?;
            }
            Op::Closure(function) => {
                let closure = self.closure(cx, running, base, function)?;
                slots.push(Value::Closure(closure));
            }
            Op::CloseUpvalue => {
                slots.top -= 1;
                close_upvalues(cx, &mut self.open, values, base + slots.top);
            }
            Op::EndFiber => return Err(Stop::Switch(Switch::End)),
            Op::Class(name) => {
                let class = self.class(cx, name)?;
                slots.push(Value::Class(class));
            }
            Op::Inherit => {
                let (Value::Class(superclass), Value::Class(class)) = (slots.peek(1).unpack(), slots.peek(0).unpack())
                else {
                    return Err(cold("Superclass must be a class."));
                };
                inherit(cx, superclass, class)?;
                slots.top -= 1;
            }
            Op::Method(name) => {
                let (Value::Class(class), Value::Closure(method)) = (slots.peek(1).unpack(), slots.peek(0).unpack())
                else {
                    unreachable!("methods are compiled between a class and its end")
                };
                add_method(cx, class, self.string(cx, name), method)?;
                if name == INIT {
                    class.init.set(cx, Some(method));
                }
                slots.top -= 1;
            }
            Op::GetSuper(name) => {
                let Value::Class(superclass) = slots.peek(0).unpack() else { unreachable!("`super` is a class") };
                let (method, _) = method(superclass, self.string(cx, name))?;
                let bound = cx.try_alloc(Bound { receiver: slots.peek(1), method })?;
                slots.top -= 1;
                slots.poke(0, Value::Bound(bound));
            }
            op => unreachable!("{op:?} is in the loop"),
        }
        Ok(slots.top)
    }
}
