//! The interpreter between two safepoints.
//!
//! Everything here borrows the mutator for one lifetime, `'a`. No collection happens while that lasts, so values are
//! kept in registers, in vectors, wherever is best; and none of them can be kept longer, which the compiler checks.

use std::io::Write;

use grisaille::{Barrier, Gc, Mutator, StackView};
use hashbrown::HashMap;

use super::call::close_upvalues;
use super::property::Property;
use super::window::Window;
use super::{FRAMES_MAX, Frame, SLACK, Stop, VALUES_MAX};
use crate::code::{Function, Op, Place, Site};
use crate::object::Upvalue;
use crate::source::text;
use crate::value::Value;

/// What the interpreter works on.
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
    pub fn run<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        values: &'a StackView<'v, 's, Value<'static>>,
        top: usize,
    ) -> (Stop, usize) {
        let code = self.code;
        let frame = self.frames.pop(cx).expect("a frame that is to run");
        let mut closure = frame.closure;
        // The instructions from here to the end of the program.
        let mut rest = code[frame.ip as usize..].iter();
        let mut base = frame.base as usize;
        let mut window = Window { slots: values.window(cx, base..base + closure.slots as usize), top: top - base };

        // `break`s with a reason to stop, which is what `?` would do in a function of its own.
        macro_rules! attempt {
            ($result:expr) => {
                match $result {
                    Ok(value) => value,
                    Err(stop) => break Stop::from(stop),
                }
            };
        }
        macro_rules! ip {
            () => {
                code.len() - rest.len()
            };
        }
        macro_rules! jump {
            ($sign:tt $distance:expr) => {
                rest = code[ip!() $sign $distance as usize..].iter()
            };
        }
        macro_rules! error {
            ($message:literal) => {
                break cold($message)
            };
        }
        // Two numbers off the stack, or a constant for the second.
        macro_rules! numbers {
            ($a:expr, $b:expr) => {{
                let (Value::Number(a), Value::Number(b)) = ($a, $b) else { error!("Operands must be numbers.") };
                (a.get(), b.get())
            }};
        }
        macro_rules! binary {
            (|$a:ident, $b:ident| $result:expr) => {{
                let ($a, $b) = numbers!(window.peek(1), window.peek(0));
                window.top -= 1;
                window.poke(0, Value::from($result));
                continue;
            }};
        }
        macro_rules! jump_unless {
            ($distance:ident, |$a:ident, $b:ident| $condition:expr) => {{
                let ($a, $b) = numbers!(window.peek(1), window.peek(0));
                window.top -= 2;
                if !$condition {
                    jump!(+ $distance);
                }
                continue;
            }};
        }

        macro_rules! get_property {
            ($receiver:expr, $site:ident) => {{
                let Value::Instance(instance) = $receiver else { error!("Only instances have properties.") };
                let known = &self.sites[$site as usize];
                if known.class == instance.class_id
                    && let Place::Field(field) = known.place
                    && let Some(slot) = instance.fields.slot(field)
                    && let value = slot.get()
                    && !matches!(value, Value::Absent)
                {
                    value
                } else {
                    attempt!(self.get_property(cx, $site, instance))
                }
            }};
        }
        macro_rules! set_property {
            ($site:ident) => {{
                let Value::Instance(instance) = window.peek(1) else { error!("Only instances have fields.") };
                let value = window.peek(0);
                let known = &self.sites[$site as usize];
                if known.class == instance.class_id
                    && let Place::Field(field) = known.place
                    && let Some(slot) = instance.fields.slot(field)
                {
                    slot.set(cx, value);
                } else {
                    attempt!(self.set_field(cx, $site, instance, value));
                }
                value
            }};
        }
        macro_rules! set_global {
            ($global:ident, $value:expr) => {{
                if let Value::Absent = self.globals.get(cx, $global as usize) {
                    break self.undefined($global);
                }
                self.globals.set(cx, $global as usize, $value);
                continue;
            }};
        }
        macro_rules! add {
            ($a:expr, $b:expr) => {
                match ($a, $b) {
                    (Value::Number(a), Value::Number(b)) => Value::from(a.get() + b.get()),
                    (a, b) => attempt!(self.add(cx, a, b)),
                }
            };
        }

        let stop = loop {
            let Some(&op) = rest.next() else { unreachable!("a function ends in a return") };
            // Most instructions `continue`; the calls come to a closure to enter.
            let (callee, arguments) = match op {
                Op::Constant(constant) => {
                    window.push(self.constants.get(cx, constant as usize));
                    continue;
                }
                Op::Nil => {
                    window.push(Value::Nil);
                    continue;
                }
                Op::True => {
                    window.push(Value::True);
                    continue;
                }
                Op::False => {
                    window.push(Value::False);
                    continue;
                }
                Op::Pop => {
                    window.pop();
                    continue;
                }
                Op::GetLocal(slot) => {
                    window.push(window.get(slot));
                    continue;
                }
                Op::SetLocal(slot) => {
                    window.set(slot, window.peek(0));
                    continue;
                }
                Op::PopIntoLocal(slot) => {
                    window.set(slot, window.peek(0));
                    window.top -= 1;
                    continue;
                }
                Op::GetGlobal(global) => {
                    let value = self.globals.get(cx, global as usize);
                    if let Value::Absent = value {
                        break self.undefined(global);
                    }
                    window.push(value);
                    continue;
                }
                Op::SetGlobal(global) => set_global!(global, window.peek(0)),
                Op::PopIntoGlobal(global) => set_global!(global, window.pop()),
                Op::GetUpvalue(index) => {
                    let upvalue = closure.upvalue(index);
                    let slot = upvalue.slot.get();
                    window.push(if slot == Upvalue::CLOSED {
                        upvalue.value.get()
                    } else {
                        values.get(cx, slot as usize)
                    });
                    continue;
                }
                Op::SetUpvalue(index) => {
                    let upvalue = closure.upvalue(index);
                    let slot = upvalue.slot.get();
                    if slot == Upvalue::CLOSED {
                        upvalue.value.set(cx, window.peek(0));
                    } else {
                        let slot = slot as usize;
                        values.window(cx, slot..slot + 1)[0].set(window.peek(0));
                    }
                    continue;
                }
                Op::GetProperty(site) => {
                    let value = get_property!(window.peek(0), site);
                    window.poke(0, value);
                    continue;
                }
                Op::GetLocalProperty(slot, site) => {
                    let value = get_property!(window.get(slot), site);
                    window.push(value);
                    continue;
                }
                Op::SetProperty(site) => {
                    let value = set_property!(site);
                    window.top -= 1;
                    window.poke(0, value);
                    continue;
                }
                Op::PopIntoProperty(site) => {
                    set_property!(site);
                    window.top -= 2;
                    continue;
                }
                Op::Equal => {
                    let b = window.pop();
                    window.poke(0, Value::from(window.peek(0).equals(b)));
                    continue;
                }
                Op::NotEqual => {
                    let b = window.pop();
                    window.poke(0, Value::from(!window.peek(0).equals(b)));
                    continue;
                }
                Op::Greater => binary!(|a, b| a > b),
                // As clox has it, which tells it from `>=` where a number is none.
                Op::GreaterEqual => binary!(|a, b| !(a < b)),
                Op::Less => binary!(|a, b| a < b),
                Op::LessEqual => binary!(|a, b| !(a > b)),
                Op::Subtract => binary!(|a, b| a - b),
                Op::Multiply => binary!(|a, b| a * b),
                Op::Divide => binary!(|a, b| a / b),
                Op::Add => {
                    let sum = add!(window.peek(1), window.peek(0));
                    window.top -= 1;
                    window.poke(0, sum);
                    continue;
                }
                Op::AddConstant(constant) => {
                    let sum = add!(window.peek(0), self.constants.get(cx, constant as usize));
                    window.poke(0, sum);
                    continue;
                }
                Op::SubtractConstant(constant) => {
                    let (a, b) = numbers!(window.peek(0), self.constants.get(cx, constant as usize));
                    window.poke(0, Value::from(a - b));
                    continue;
                }
                Op::Not => {
                    window.poke(0, Value::from(window.peek(0).is_false()));
                    continue;
                }
                Op::Negate => {
                    let Value::Number(number) = window.peek(0) else { error!("Operand must be a number.") };
                    window.poke(0, Value::from(-number.get()));
                    continue;
                }
                Op::Jump(distance) => {
                    jump!(+ distance);
                    continue;
                }
                Op::JumpIfFalse(distance) => {
                    if window.pop().is_false() {
                        jump!(+ distance);
                    }
                    continue;
                }
                Op::JumpUnlessEqual(distance) => {
                    let equal = window.peek(1).equals(window.peek(0));
                    window.top -= 2;
                    if !equal {
                        jump!(+ distance);
                    }
                    continue;
                }
                Op::JumpIfEqual(distance) => {
                    let equal = window.peek(1).equals(window.peek(0));
                    window.top -= 2;
                    if equal {
                        jump!(+ distance);
                    }
                    continue;
                }
                Op::JumpUnlessGreater(distance) => jump_unless!(distance, |a, b| a > b),
                Op::JumpUnlessGreaterEqual(distance) => jump_unless!(distance, |a, b| !(a < b)),
                Op::JumpUnlessLess(distance) => jump_unless!(distance, |a, b| a < b),
                Op::JumpUnlessLessEqual(distance) => jump_unless!(distance, |a, b| !(a > b)),
                Op::And(distance) => {
                    if window.peek(0).is_false() {
                        jump!(+ distance);
                    } else {
                        window.top -= 1;
                    }
                    continue;
                }
                Op::Or(distance) => {
                    if window.peek(0).is_false() {
                        window.top -= 1;
                    } else {
                        jump!(+ distance);
                    }
                    continue;
                }
                Op::Loop(distance) => {
                    jump!(-distance);
                    if cx.safepoint_due() {
                        break Stop::Safepoint;
                    }
                    continue;
                }
                Op::Call(arguments) => {
                    let arguments = usize::from(arguments);
                    match window.peek(arguments) {
                        Value::Closure(callee) => (callee, arguments),
                        callee => match attempt!(self.call(cx, window, callee, arguments)) {
                            Some(callee) => (callee, arguments),
                            None => {
                                window.top -= arguments;
                                continue;
                            }
                        },
                    }
                }
                Op::Invoke(arguments, site) => {
                    let arguments = usize::from(arguments);
                    let Value::Instance(instance) = window.peek(arguments) else {
                        error!("Only instances have methods.")
                    };
                    let known = &self.sites[site as usize];
                    if known.class == instance.class_id
                        && let Place::Method(method) = known.place
                        && let Some(slot) = instance.class.methods.slot(method)
                        && let Value::Closure(callee) = slot.get()
                    {
                        (callee, arguments)
                    } else {
                        match attempt!(self.property(cx, site, instance)) {
                            Property::Method(callee) => (callee, arguments),
                            Property::Field(callee) => {
                                window.poke(arguments, callee);
                                match attempt!(self.call(cx, window, callee, arguments)) {
                                    Some(callee) => (callee, arguments),
                                    None => {
                                        window.top -= arguments;
                                        continue;
                                    }
                                }
                            }
                        }
                    }
                }
                Op::SuperInvoke(arguments, name) => {
                    let Value::Class(superclass) = window.pop() else { unreachable!("`super` is a class") };
                    let (method, _) = attempt!(self.method(cx, superclass, name));
                    (method, usize::from(arguments))
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
                    let Some(frame) = self.frames.pop(cx) else {
                        return (Stop::Done, 0);
                    };
                    window.top = base - frame.base as usize;
                    closure = frame.closure;
                    rest = code[frame.ip as usize..].iter();
                    base = frame.base as usize;
                    window.slots = values.window(cx, base..base + closure.slots as usize);
                    window.push(result);
                    continue;
                }
                Op::DefineGlobal(_)
                | Op::Print
                | Op::Closure(_)
                | Op::CloseUpvalue
                | Op::Class(_)
                | Op::Inherit
                | Op::Method(_)
                | Op::GetSuper(_) => {
                    window.top = attempt!(self.rare(cx, values, window, closure, base, op));
                    continue;
                }
            };

            // Enter the callee: its frame begins with itself, or the receiver, and the arguments.
            let start = base + window.top - 1 - arguments;
            let end = start + callee.slots as usize;
            if arguments != callee.arity as usize || self.frames.len() + 1 == FRAMES_MAX || end > VALUES_MAX {
                break self.refused(&callee, arguments);
            }
            self.frames.push(cx, Frame { closure, ip: ip!() as u32, base: base as u32 });
            closure = callee;
            rest = code[callee.entry as usize..].iter();
            base = start;
            window.top = 1 + arguments;
            if end > values.len() {
                break Stop::Stack;
            }
            window.slots = values.window(cx, start..end);
            if cx.safepoint_due() {
                break Stop::Safepoint;
            }
        };
        let ip = match stop {
            // Nothing has happened but the attempt.
            Stop::Full => ip!() - 1,
            _ => ip!(),
        };
        self.frames.push(cx, Frame { closure, ip: ip as u32, base: base as u32 });
        (stop, base + window.top)
    }

    /// Adds what are not two numbers.
    #[inline(never)]
    fn add<'a, B: Barrier>(&mut self, cx: &'a Mutator<'s, B>, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>, Stop> {
        let (Value::Str(a), Value::Str(b)) = (a, b) else {
            return Err(cold("Operands must be two numbers or two strings."));
        };
        self.text.clear();
        self.text.push_str(a.as_str());
        text::append(&mut self.text, b.as_str());
        Ok(Value::Str(cx.try_intern(&self.text)?))
    }

    #[cold]
    #[inline(never)]
    fn undefined(&self, global: u32) -> Stop {
        let name = self.global_names.iter().find(|&(_, &index)| index == global).map_or("", |(name, _)| name);
        Stop::Error(format!("Undefined variable '{name}'."))
    }
}

#[cold]
#[inline(never)]
pub(super) fn cold(message: &str) -> Stop {
    Stop::Error(message.to_string())
}
