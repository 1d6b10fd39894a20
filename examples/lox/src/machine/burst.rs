//! The interpreter between two safepoints.
//!
//! Everything here borrows the mutator for one lifetime, `'a`. No collection happens while that lasts, so values are
//! kept in registers, in vectors, wherever is best; and none of them can be kept longer, which the compiler checks.

use std::io::Write;

use grisaille::{Barrier, Gc, Mutator, StackView};
use hashbrown::HashMap;

use super::call::close_upvalues;
use super::property::{Property, method};
use super::window::Window;
use super::{FRAMES_MAX, Frame, SLACK, Stop, VALUES_MAX, cold};
use crate::code::{Function, Op, Place, Site};
use crate::object::Upvalue;
use crate::source::text;
use crate::value::Value;

/// What the interpreter works on, besides the values.
pub(super) struct Burst<'m, 'v, 's> {
    pub code: &'m [Op],
    pub functions: &'m [Function],
    pub sites: &'m mut [Site],
    /// For messages.
    pub global_names: &'m HashMap<String, u32>,
    /// The calls under way, without the running one while a burst runs.
    pub frames: StackView<'v, 's, Frame<'static>>,
    pub open: StackView<'v, 's, Gc<'static, Upvalue<'static>>>,
    pub constants: StackView<'v, 's, Value<'static>>,
    pub globals: StackView<'v, 's, Value<'static>>,
    pub classes: &'m mut u32,
    /// Where strings are put together.
    pub text: String,
    pub out: &'m mut dyn Write,
}

impl<'v, 's> Burst<'_, 'v, 's> {
    /// Makes the value stack long enough for every frame, so that a call has to look at it, and a return does not.
    pub fn make_room<B: Barrier>(&self, cx: &Mutator<'s, B>, values: &mut StackView<'v, 's, Value<'static>>) {
        let frames = (0..self.frames.len()).map(|index| self.frames.get(cx, index));
        let needed = frames.map(|frame| (frame.base + frame.closure.slots) as usize).max().unwrap_or(0);
        if values.len() < needed {
            for _ in values.len()..needed + SLACK {
                values.push(cx, Value::Nil);
            }
        }
    }

    /// Runs the top frame, and those it calls, until there is a reason to stop. Returns it with the number of values
    /// in use; the frame that ran then is on top again.
    #[expect(
        clippy::neg_cmp_op_on_partial_ord,
        reason = "`<=` is compiled as clox does it: not `>`, which NaN tells apart"
    )]
    pub fn run<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        values: &'a StackView<'v, 's, Value<'static>>,
        top: usize,
    ) -> (Stop, usize) {
        let code = self.code;
        let frame = self.frames.pop(cx).expect("a frame that is to run");
        let mut closure = frame.closure;
        let mut base = frame.base as usize;
        let mut window = Window { slots: values.window(cx, base..base + closure.slots as usize), top: top - base };
        // The instructions from the next one to the end of the program.
        let mut rest = code[frame.ip as usize..].iter();

        macro_rules! jump {
            ($sign:tt $distance:expr) => {
                rest = code[code.len() - rest.len() $sign $distance as usize..].iter()
            };
        }
        let stop = 'run: loop {
            // What `?` would do in a function of its own: the burst ends here, and what it knows is still to be put away.
            macro_rules! attempt {
                ($result:expr) => {
                    match $result {
                        Ok(value) => value,
                        Err(stop) => break 'run Stop::from(stop),
                    }
                };
            }
            macro_rules! binary {
                (|$a:ident, $b:ident| $result:expr) => {{
                    let ($a, $b) = attempt!(numbers(window.peek(1), window.peek(0)));
                    window.replace(2, Value::from($result));
                }};
            }
            macro_rules! jump_unless {
                ($distance:ident, |$a:ident, $b:ident| $condition:expr) => {{
                    let ($a, $b) = attempt!(numbers(window.peek(1), window.peek(0)));
                    window.drop(2);
                    if !$condition {
                        jump!(+ $distance);
                    }
                }};
            }

            // Instructions, until one calls a closure.
            let (callee, arguments) = loop {
                let Some(&op) = rest.next() else { unreachable!("a function ends in a return") };
                match op {
                    Op::Constant(constant) => window.push(self.constants.get(cx, constant as usize)),
                    Op::Nil => window.push(Value::Nil),
                    Op::True => window.push(Value::True),
                    Op::False => window.push(Value::False),
                    Op::Pop => window.drop(1),

                    Op::GetLocal(slot) => window.push(window.get(slot)),
                    Op::SetLocal(slot) => window.set(slot, window.peek(0)),
                    Op::PopIntoLocal(slot) => {
                        let value = window.pop();
                        window.set(slot, value);
                    }
                    Op::GetGlobal(global) => match self.globals.get(cx, global as usize) {
                        Value::Absent => break 'run self.undefined(global),
                        value => window.push(value),
                    },
                    Op::SetGlobal(global) => attempt!(self.set_global(cx, global, window.peek(0))),
                    Op::PopIntoGlobal(global) => attempt!(self.set_global(cx, global, window.pop())),
                    Op::GetUpvalue(index) => {
                        let upvalue = closure.upvalue(index);
                        window.push(match upvalue.slot.get() {
                            Upvalue::CLOSED => upvalue.value.get(),
                            slot => values.get(cx, slot as usize),
                        });
                    }
                    Op::SetUpvalue(index) => {
                        let upvalue = closure.upvalue(index);
                        match upvalue.slot.get() {
                            Upvalue::CLOSED => upvalue.value.set(cx, window.peek(0)),
                            slot => {
                                let slot = slot as usize;
                                values.window(cx, slot..slot + 1)[0].set(window.peek(0));
                            }
                        }
                    }

                    Op::GetProperty(site) => {
                        let value = attempt!(self.get_property(cx, site, window.peek(0)));
                        window.replace(1, value);
                    }
                    Op::GetLocalProperty(slot, site) => {
                        let value = attempt!(self.get_property(cx, site, window.get(slot)));
                        window.push(value);
                    }
                    Op::SetProperty(site) => {
                        let value = window.peek(0);
                        attempt!(self.set_property(cx, site, window.peek(1), value));
                        window.replace(2, value);
                    }
                    Op::PopIntoProperty(site) => {
                        attempt!(self.set_property(cx, site, window.peek(1), window.peek(0)));
                        window.drop(2);
                    }

                    Op::Equal => window.replace(2, Value::from(window.peek(1).equals(window.peek(0)))),
                    Op::NotEqual => window.replace(2, Value::from(!window.peek(1).equals(window.peek(0)))),
                    Op::Greater => binary!(|a, b| a > b),
                    Op::GreaterEqual => binary!(|a, b| !(a < b)),
                    Op::Less => binary!(|a, b| a < b),
                    Op::LessEqual => binary!(|a, b| !(a > b)),
                    Op::Subtract => binary!(|a, b| a - b),
                    Op::Multiply => binary!(|a, b| a * b),
                    Op::Divide => binary!(|a, b| a / b),
                    Op::Add => {
                        let sum = attempt!(self.add(cx, window.peek(1), window.peek(0)));
                        window.replace(2, sum);
                    }
                    Op::AddConstant(constant) => {
                        let sum = attempt!(self.add(cx, window.peek(0), self.constants.get(cx, constant as usize)));
                        window.replace(1, sum);
                    }
                    Op::SubtractConstant(constant) => {
                        let (a, b) = attempt!(numbers(window.peek(0), self.constants.get(cx, constant as usize)));
                        window.replace(1, Value::from(a - b));
                    }
                    Op::Not => window.replace(1, Value::from(window.peek(0).is_false())),
                    Op::Negate => match window.peek(0) {
                        Value::Number(number) => window.replace(1, Value::from(-number.get())),
                        _ => break 'run cold("Operand must be a number."),
                    },

                    Op::Jump(distance) => jump!(+ distance),
                    Op::JumpIfFalse(distance) => {
                        if window.pop().is_false() {
                            jump!(+ distance);
                        }
                    }
                    Op::JumpUnlessEqual(distance) => {
                        let equal = window.peek(1).equals(window.peek(0));
                        window.drop(2);
                        if !equal {
                            jump!(+ distance);
                        }
                    }
                    Op::JumpIfEqual(distance) => {
                        let equal = window.peek(1).equals(window.peek(0));
                        window.drop(2);
                        if equal {
                            jump!(+ distance);
                        }
                    }
                    Op::JumpUnlessGreater(distance) => jump_unless!(distance, |a, b| a > b),
                    Op::JumpUnlessGreaterEqual(distance) => jump_unless!(distance, |a, b| !(a < b)),
                    Op::JumpUnlessLess(distance) => jump_unless!(distance, |a, b| a < b),
                    Op::JumpUnlessLessEqual(distance) => jump_unless!(distance, |a, b| !(a > b)),
                    Op::And(distance) => match window.peek(0).is_false() {
                        true => jump!(+ distance),
                        false => window.drop(1),
                    },
                    Op::Or(distance) => match window.peek(0).is_false() {
                        true => window.drop(1),
                        false => jump!(+ distance),
                    },
                    Op::Loop(distance) => {
                        jump!(-distance);
                        if cx.safepoint_due() {
                            break 'run Stop::Safepoint;
                        }
                    }

                    Op::Call(arguments) => {
                        let arguments = usize::from(arguments);
                        let callee = window.peek(arguments);
                        if let Value::Closure(callee) = callee {
                            break (callee, arguments);
                        }
                        if let Some(callee) = attempt!(self.call(cx, window, callee, arguments)) {
                            break (callee, arguments);
                        }
                        window.drop(arguments);
                    }
                    Op::Invoke(arguments, site) => {
                        let arguments = usize::from(arguments);
                        let Value::Instance(instance) = window.peek(arguments) else {
                            break 'run cold("Only instances have methods.");
                        };
                        let known = &self.sites[site as usize];
                        if known.class == instance.class_id
                            && let Place::Method(method) = known.place
                            && let Some(slot) = instance.class.methods.slot(method)
                            && let Value::Closure(callee) = slot.get()
                        {
                            break (callee, arguments);
                        }
                        let callee = match attempt!(self.property(cx, site, instance)) {
                            Property::Method(callee) => break (callee, arguments),
                            Property::Field(callee) => callee,
                        };
                        if let Some(callee) = attempt!(self.call(cx, window, callee, arguments)) {
                            break (callee, arguments);
                        }
                        window.drop(arguments);
                    }
                    Op::SuperInvoke(arguments, name) => {
                        let Value::Class(superclass) = window.pop() else { unreachable!("`super` is a class") };
                        let (callee, _) = attempt!(method(superclass, self.string(cx, name)));
                        break (callee, usize::from(arguments));
                    }
                    Op::Return | Op::ReturnNil | Op::ReturnLocal(_) => {
                        let result = match op {
                            Op::ReturnNil => Value::Nil,
                            Op::ReturnLocal(slot) => window.get(slot),
                            _ => window.pop(),
                        };
                        if !self.open.is_empty() {
                            close_upvalues(cx, &mut self.open, values, base);
                        }
                        let Some(frame) = self.frames.pop(cx) else { return (Stop::Done, 0) };
                        let callers = frame.base as usize;
                        closure = frame.closure;
                        rest = code[frame.ip as usize..].iter();
                        let slots = values.window(cx, callers..callers + closure.slots as usize);
                        window = Window { slots, top: base - callers };
                        base = callers;
                        window.push(result);
                    }

                    Op::DefineGlobal(_) | Op::Print | Op::Closure(_) | Op::CloseUpvalue => {
                        window.top = attempt!(self.rare(cx, values, window, closure, base, op));
                    }
                    Op::Class(_) | Op::Inherit | Op::Method(_) | Op::GetSuper(_) => {
                        window.top = attempt!(self.rare(cx, values, window, closure, base, op));
                    }
                }
            };

            // The callee's frame begins with itself, or the receiver, and the arguments.
            let start = base + window.top - 1 - arguments;
            let end = start + callee.slots as usize;
            if arguments != callee.arity as usize || self.frames.len() + 1 == FRAMES_MAX || end > VALUES_MAX {
                break 'run self.refused(&callee, arguments);
            }
            let ip = (code.len() - rest.len()) as u32;
            self.frames.push(cx, Frame { closure, ip, base: base as u32 });
            closure = callee;
            rest = code[callee.entry as usize..].iter();
            base = start;
            window.top = 1 + arguments;
            if end > values.len() {
                break 'run Stop::Stack;
            }
            window.slots = values.window(cx, start..end);
            if cx.safepoint_due() {
                break 'run Stop::Safepoint;
            }
        };
        let next = code.len() - rest.len();
        // Nothing has happened but the attempt.
        let next = if let Stop::Full = stop { next - 1 } else { next };
        self.frames.push(cx, Frame { closure, ip: next as u32, base: base as u32 });
        (stop, base + window.top)
    }

    #[inline(always)]
    fn set_global<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        global: u32,
        value: Value<'a>,
    ) -> Result<(), Stop> {
        if let Value::Absent = self.globals.get(cx, global as usize) {
            return Err(self.undefined(global));
        }
        self.globals.set(cx, global as usize, value);
        Ok(())
    }

    #[inline(always)]
    fn add<'a, B: Barrier>(&mut self, cx: &'a Mutator<'s, B>, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>, Stop> {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => Ok(Value::from(a.get() + b.get())),
            _ => self.concatenate(cx, a, b),
        }
    }

    #[inline(never)]
    fn concatenate<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        a: Value<'a>,
        b: Value<'a>,
    ) -> Result<Value<'a>, Stop> {
        let (Value::Str(a), Value::Str(b)) = (a, b) else {
            return Err(cold("Operands must be two numbers or two strings."));
        };
        self.text.clear();
        self.text.try_reserve(a.len() + b.len())?;
        self.text.push_str(a.as_str());
        text::append(&mut self.text, b.as_str())?;
        Ok(Value::Str(cx.try_intern(&self.text)?))
    }

    #[cold]
    #[inline(never)]
    fn undefined(&self, global: u32) -> Stop {
        let name = self.global_names.iter().find(|&(_, &index)| index == global).map_or("", |(name, _)| name);
        Stop::Error(format!("Undefined variable '{name}'.").into())
    }
}

#[inline(always)]
fn numbers(a: Value<'_>, b: Value<'_>) -> Result<(f64, f64), Stop> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Ok((a.get(), b.get())),
        _ => Err(cold("Operands must be numbers.")),
    }
}
