//! The interpreter between two safepoints.
//!
//! Everything here borrows the mutator for one lifetime, `'a`, in which no collection happens. So values may be kept in
//! registers, in vectors, wherever is best; the compiler checks that none is kept longer.

use std::io::Write;

use grisaille::{Barrier, Gc, Mutator, StackView};
use hashbrown::HashMap;

use super::call::close_upvalues;
use super::property::{Property, method};
use super::running::{Call, Running};
use super::slots::Slots;
use super::{FRAMES_MAX, Frame, SLACK, Stop, VALUES_MAX, cold, error};
use crate::code::{Function, Op, Place, Site};
use crate::object::{FiberMark, Upvalue};
use crate::source::text;
use crate::value::{Stored, Value, equal, float, is_false};

/// The state that the interpreter works on, besides the values.
pub(super) struct Burst<'m, 'v, 's> {
    pub code: &'m [Op],
    pub functions: &'m [Function],
    pub sites: &'m mut [Site],
    /// The names of globals, for messages.
    pub global_names: &'m HashMap<String, u32>,
    /// The calls under way, without the running one while a burst runs.
    pub frames: StackView<'v, 's, Frame<'static>>,
    pub open: StackView<'v, 's, Gc<'static, Upvalue<'static>>>,
    pub constants: StackView<'v, 's, Stored<'static>>,
    pub globals: StackView<'v, 's, Stored<'static>>,
    pub fibers: StackView<'v, 's, FiberMark<'static>>,
    pub end_of_fibers: u32,
    pub classes: &'m mut u32,
    /// A buffer in which strings are concatenated.
    pub text: String,
    pub out: &'m mut dyn Write,
}

impl<'m, 'v, 's> Burst<'m, 'v, 's> {
    /// Makes the value stack long enough for every frame, so that a call checks its length and a return does not.
    pub fn make_room<B: Barrier>(
        &self,
        cx: &Mutator<'s, B>,
        values: &mut StackView<'v, 's, Stored<'static>>,
    ) -> Result<(), Stop> {
        let frames = (0..self.frames.len()).map(|index| self.frames.at(cx, index));
        let needed = frames.map(|frame| (frame.base + frame.closure.slots) as usize).max().unwrap_or(0);
        if values.len() < needed {
            for _ in values.len()..needed + SLACK {
                values.try_push(cx, Value::Nil.pack())?;
            }
        }
        Ok(())
    }

    /// Runs the top frame, and those it calls, until there is a reason to stop. Returns the reason and the number of values
    /// in use; the frame that ran then is on top again.
    pub fn run<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        values: &'a StackView<'v, 's, Stored<'static>>,
        top: usize,
    ) -> (Stop, usize) {
        let frame = self.frames.pop(cx).expect("a frame that is to run");
        let mut running = Running::new(cx, values, self.code, frame, top);
        let stop = loop {
            let entered = match self.run_to_call(cx, values, &mut running) {
                Ok(Some(call)) => self.enter(cx, values, &mut running, call),
                Ok(None) => return (Stop::Done, 0),
                Err(stop) => Err(stop),
            };
            if let Err(stop) = entered {
                break stop;
            }
        };
        let next = running.next(self.code);
        // Nothing has happened but the attempt.
        let next = if let Stop::Full = stop { next - 1 } else { next };
        self.frames.push(cx, Frame { closure: running.closure, ip: next as u32, base: running.base as u32 });
        (stop, running.base + running.slots.top)
    }

    /// Runs instructions until one calls a closure, which is still to be entered. Returns `None` at the program's end.
    #[inline(always)]
    #[expect(
        clippy::neg_cmp_op_on_partial_ord,
        reason = "`<=` is compiled as clox does it: not `>`, which NaN tells apart"
    )]
    fn run_to_call<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        values: &'a StackView<'v, 's, Stored<'static>>,
        running: &mut Running<'m, 'a>,
    ) -> Result<Option<Call<'a>>, Stop> {
        let code = self.code;
        loop {
            let Some(&op) = running.rest.next() else { unreachable!("a function ends in a return") };
            let slots = &mut running.slots;
            match op {
                Op::Constant(constant) => slots.push(self.constants.at(cx, constant as usize)),
                Op::Nil => slots.push(Value::Nil),
                Op::True => slots.push(Value::True),
                Op::False => slots.push(Value::False),
                Op::Pop => slots.drop(1),

                Op::GetLocal(slot) => slots.push(slots.get(slot)),
                Op::SetLocal(slot) => slots.set(slot, slots.peek(0)),
                Op::PopIntoLocal(slot) => {
                    let value = slots.pop();
                    slots.set(slot, value);
                }
                Op::GetGlobal(global) => slots.push(self.get_global(cx, global)?),
                Op::SetGlobal(global) => self.set_global(cx, global, slots.peek(0))?,
                Op::PopIntoGlobal(global) => self.set_global(cx, global, slots.pop())?,
                Op::GetUpvalue(index) => slots.push(get_upvalue(cx, values, running.closure.upvalue(index))),
                Op::SetUpvalue(index) => set_upvalue(cx, values, running.closure.upvalue(index), slots.peek(0)),

                Op::GetProperty(site) => {
                    let value = self.get_property(cx, site, slots.peek(0))?;
                    slots.replace(1, value);
                }
                Op::GetLocalProperty(slot, site) => slots.push(self.get_property(cx, site, slots.get(slot))?),
                Op::SetProperty(site) => {
                    let value = slots.peek(0);
                    self.set_property(cx, site, slots.peek(1), value)?;
                    slots.replace(2, value);
                }
                Op::PopIntoProperty(site) => {
                    self.set_property(cx, site, slots.peek(1), slots.peek(0))?;
                    slots.drop(2);
                }

                Op::Equal => slots.replace(2, Value::from(equal(slots.peek(1), slots.peek(0)))),
                Op::NotEqual => slots.replace(2, Value::from(!equal(slots.peek(1), slots.peek(0)))),
                Op::Greater => binary(slots, |a, b| a > b)?,
                Op::GreaterEqual => binary(slots, |a, b| !(a < b))?,
                Op::Less => binary(slots, |a, b| a < b)?,
                Op::LessEqual => binary(slots, |a, b| !(a > b))?,
                Op::Subtract => binary(slots, |a, b| a - b)?,
                Op::Multiply => binary(slots, |a, b| a * b)?,
                Op::Divide => binary(slots, |a, b| a / b)?,
                Op::Add => {
                    let sum = self.add(cx, slots.peek(1), slots.peek(0))?;
                    slots.replace(2, sum);
                }
                Op::AddConstant(constant) => {
                    let sum = self.add(cx, slots.peek(0), self.constants.at(cx, constant as usize))?;
                    slots.replace(1, sum);
                }
                Op::SubtractConstant(constant) => {
                    let (a, b) = numbers(slots.peek(0), self.constants.at(cx, constant as usize))?;
                    slots.replace(1, Value::from(a - b));
                }
                Op::Not => slots.replace(1, Value::from(is_false(slots.peek(0)))),
                Op::Negate => match slots.peek(0).unpack() {
                    Value::Number(number) => slots.replace(1, Value::from(-float(number))),
                    _ => return Err(cold("Operand must be a number.")),
                },

                Op::Jump(distance) => running.jump(code, distance),
                Op::JumpIfFalse(distance) => {
                    let taken = is_false(slots.pop());
                    running.jump_if(taken, code, distance);
                }
                Op::JumpUnlessEqual(distance) => {
                    let equal = slots.pop_equal();
                    running.jump_if(!equal, code, distance);
                }
                Op::JumpIfEqual(distance) => {
                    let equal = slots.pop_equal();
                    running.jump_if(equal, code, distance);
                }
                Op::JumpUnlessGreater(distance) => running.jump_unless(code, distance, |a, b| a > b)?,
                Op::JumpUnlessGreaterEqual(distance) => running.jump_unless(code, distance, |a, b| !(a < b))?,
                Op::JumpUnlessLess(distance) => running.jump_unless(code, distance, |a, b| a < b)?,
                Op::JumpUnlessLessEqual(distance) => running.jump_unless(code, distance, |a, b| !(a > b))?,
                Op::And(distance) => match is_false(slots.peek(0)) {
                    true => running.jump(code, distance),
                    false => slots.drop(1),
                },
                Op::Or(distance) => match is_false(slots.peek(0)) {
                    true => slots.drop(1),
                    false => running.jump(code, distance),
                },
                Op::Loop(distance) => {
                    running.jump_back(code, distance);
                    if cx.safepoint_due() {
                        return Err(Stop::Safepoint);
                    }
                }

                Op::Call(arguments) => {
                    let arguments = usize::from(arguments);
                    let call = match slots.peek(arguments).unpack() {
                        Value::Closure(callee) => Some(Call { callee, arguments }),
                        _ => self.call_other(cx, slots, slots.peek(arguments), arguments)?,
                    };
                    if call.is_some() {
                        return Ok(call);
                    }
                }
                Op::Invoke(arguments, site) => {
                    if let Some(call) = self.invoke(cx, slots, site, usize::from(arguments))? {
                        return Ok(Some(call));
                    }
                }
                Op::SuperInvoke(arguments, name) => {
                    let Value::Class(superclass) = slots.pop().unpack() else { unreachable!("`super` is a class") };
                    let (callee, _) = method(superclass, self.string(cx, name))?;
                    return Ok(Some(Call { callee, arguments: usize::from(arguments) }));
                }
                Op::Return | Op::ReturnNil | Op::ReturnLocal(_) => {
                    let result = match op {
                        Op::ReturnNil => Value::Nil.pack(),
                        Op::ReturnLocal(slot) => slots.get(slot),
                        _ => slots.pop(),
                    };
                    if !self.leave(cx, values, running, result) {
                        return Ok(None);
                    }
                }

                Op::DefineGlobal(_) | Op::Print | Op::Closure(_) | Op::CloseUpvalue | Op::EndFiber => {
                    slots.top = self.rare(cx, values, *slots, running.closure, running.base, op)?;
                }
                Op::Class(_) | Op::Inherit | Op::Method(_) | Op::GetSuper(_) => {
                    slots.top = self.rare(cx, values, *slots, running.closure, running.base, op)?;
                }
            }
        }
    }

    /// Enters a closure: the running frame is put away, and the callee's begins with itself, or the receiver, and the
    /// arguments.
    #[inline(always)]
    fn enter<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        values: &'a StackView<'v, 's, Stored<'static>>,
        running: &mut Running<'m, 'a>,
        Call { callee, arguments }: Call<'a>,
    ) -> Result<(), Stop> {
        let start = running.base + running.slots.top - 1 - arguments;
        let end = start + callee.slots as usize;
        if arguments != callee.arity as usize || self.frames.len() + 1 == FRAMES_MAX || end > VALUES_MAX {
            return Err(self.refused(&callee, arguments));
        }
        let ip = running.next(self.code) as u32;
        self.frames.push(cx, Frame { closure: running.closure, ip, base: running.base as u32 });
        running.closure = callee;
        running.rest = self.code[callee.entry as usize..].iter();
        running.base = start;
        running.slots.top = 1 + arguments;
        if end > values.len() {
            return Err(Stop::Stack);
        }
        running.slots.cells = values.cells(cx, start..end);
        if cx.safepoint_due() { Err(Stop::Safepoint) } else { Ok(()) }
    }

    /// Returns from the running frame to its caller's. Returns false when there is none: the program is at its end.
    #[inline(always)]
    fn leave<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        values: &'a StackView<'v, 's, Stored<'static>>,
        running: &mut Running<'m, 'a>,
        result: Stored<'a>,
    ) -> bool {
        if !self.open.is_empty() {
            close_upvalues(cx, &mut self.open, values, running.base);
        }
        let Some(frame) = self.frames.pop(cx) else { return false };
        *running = Running::new(cx, values, self.code, frame, running.base);
        running.slots.push(result);
        true
    }

    /// Calls a value that may be no closure, and puts it into the callee's place. Returns the closure to enter; where
    /// there is none, the call is done and its result is in the callee's place.
    #[inline(always)]
    fn call_other<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        slots: &mut Slots<'a>,
        callee: Stored<'a>,
        arguments: usize,
    ) -> Result<Option<Call<'a>>, Stop> {
        let callee = self.call(cx, *slots, callee, arguments)?;
        if callee.is_none() {
            slots.drop(arguments);
        }
        Ok(callee.map(|callee| Call { callee, arguments }))
    }

    /// Calls a property of the instance below the arguments; returns as [`call_other`](Burst::call_other) does.
    #[inline(always)]
    fn invoke<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        slots: &mut Slots<'a>,
        site: u32,
        arguments: usize,
    ) -> Result<Option<Call<'a>>, Stop> {
        let Value::Instance(instance) = slots.peek(arguments).unpack() else {
            return Err(cold("Only instances have methods."));
        };
        let known = &self.sites[site as usize];
        if known.class == instance.class_id
            && let Place::Method(method) = known.place
            && let Some(slot) = instance.class.methods.slot(method)
            && let Value::Closure(callee) = slot.get().unpack()
        {
            return Ok(Some(Call { callee, arguments }));
        }
        match self.property(cx, site, instance)? {
            Property::Method(callee) => Ok(Some(Call { callee, arguments })),
            // `call_other` puts the callee into the receiver's place.
            Property::Field(callee) => self.call_other(cx, slots, callee, arguments),
        }
    }

    #[inline(always)]
    fn get_global<'a, B: Barrier>(&self, cx: &'a Mutator<'s, B>, global: u32) -> Result<Stored<'a>, Stop> {
        let value = self.globals.at(cx, global as usize);
        match value.unpack() {
            Value::Absent => Err(self.undefined(global)),
            _ => Ok(value),
        }
    }

    #[inline(always)]
    fn set_global<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        global: u32,
        value: Stored<'a>,
    ) -> Result<(), Stop> {
        if let Value::Absent = self.globals.at(cx, global as usize).unpack() {
            return Err(self.undefined(global));
        }
        self.globals.set(cx, global as usize, value);
        Ok(())
    }

    #[inline(always)]
    fn add<'a, B: Barrier>(&mut self, cx: &'a Mutator<'s, B>, a: Stored<'a>, b: Stored<'a>) -> Result<Value<'a>, Stop> {
        match (a.unpack(), b.unpack()) {
            (Value::Number(a), Value::Number(b)) => Ok(Value::from(float(a) + float(b))),
            _ => self.concatenate(cx, a, b),
        }
    }

    #[inline(never)]
    fn concatenate<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        a: Stored<'a>,
        b: Stored<'a>,
    ) -> Result<Value<'a>, Stop> {
        let (Value::Str(a), Value::Str(b)) = (a.unpack(), b.unpack()) else {
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
        error(format_args!("Undefined variable '{name}'."))
    }
}

/// Returns two numbers, or an error.
#[inline(always)]
pub(super) fn numbers(a: Stored<'_>, b: Stored<'_>) -> Result<(f64, f64), Stop> {
    match (a.unpack(), b.unpack()) {
        (Value::Number(a), Value::Number(b)) => Ok((float(a), float(b))),
        _ => Err(cold("Operands must be numbers.")),
    }
}

/// Replaces the two topmost values, numbers, by the result of `of`.
#[inline(always)]
fn binary<'a, T: Into<Value<'a>>>(slots: &mut Slots<'a>, of: impl FnOnce(f64, f64) -> T) -> Result<(), Stop> {
    let (a, b) = numbers(slots.peek(1), slots.peek(0))?;
    slots.replace(2, of(a, b).into());
    Ok(())
}

/// Reads the variable of an upvalue: on the value stack while the upvalue is open, in the upvalue afterwards.
#[inline(always)]
fn get_upvalue<'a, 's, B: Barrier>(
    cx: &'a Mutator<'s, B>,
    values: &'a StackView<'_, 's, Stored<'static>>,
    upvalue: Gc<'a, Upvalue<'a>>,
) -> Stored<'a> {
    match upvalue.slot.get() {
        Upvalue::CLOSED => upvalue.value.get(),
        slot => values.at(cx, slot as usize),
    }
}

/// Writes the variable of an upvalue.
#[inline(always)]
fn set_upvalue<'a, 's, B: Barrier>(
    cx: &'a Mutator<'s, B>,
    values: &'a StackView<'_, 's, Stored<'static>>,
    upvalue: Gc<'a, Upvalue<'a>>,
    value: Stored<'a>,
) {
    match upvalue.slot.get() {
        Upvalue::CLOSED => upvalue.value.set(cx, value),
        slot => values.cells(cx, slot as usize..slot as usize + 1)[0].set(value),
    }
}
