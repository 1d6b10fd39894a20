//! The evaluator.
//!
//! [`Lisp::simple`] evaluates what calls no closure. It takes `&Mutator`, so it cannot collect, and works with plain
//! values. [`Lisp::eval`] evaluates the rest. It takes `&mut Mutator` and what is rooted. Each call of a closure has a
//! scope, whose end removes the roots of the call; a tail call leaves its scope before the next one is opened, so that
//! a loop adds no roots.

use std::cell::Cell;

use grisaille::{Barrier, Mutator, Rooted};
use smallvec::SmallVec;

use crate::code::{Answer, Code, Function, Op};
use crate::error::{Error, Result};
use crate::lisp::Lisp;
use crate::value::{Frame, Kind, Value, index};

/// Arguments of a call.
pub type Values<'a> = SmallVec<[Value<'a>; 4]>;
pub type RootedValues<'s> = SmallVec<[Rooted<'s, Value<'s>>; 4]>;

/// One more evaluation within another, until it is dropped.
struct Level<'c>(&'c Cell<usize>);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// What is called by a call that is not simple.
enum Operator<'c, 's, B: Barrier> {
    /// A variable, which is read again.
    Variable(&'c Code<B>),
    Value(Rooted<'s, Value<'s>>),
    Global(usize),
}

impl<B: Barrier> Lisp<'_, B> {
    /// Counts an evaluation within another, unless there are too many.
    fn level(&self) -> Result<Level<'_>> {
        let depth = self.depth.get();
        if depth >= self.depth_max {
            return Err(Error::of_kind(Kind::Depth, "recursion too deep"));
        }
        self.depth.set(depth + 1);
        Ok(Level(&self.depth))
    }

    /// Returns whether code calls no closure, so that [`simple`](Lisp::simple) evaluates it.
    #[inline(always)]
    fn is_simple(&self, code: &Code<B>) -> bool {
        code.simple == self.epoch.get()
    }

    /// Evaluates code to a value, which is rooted in the caller's scope.
    pub fn eval<'c, 's>(
        &'c self,
        cx: &mut Mutator<'s, B>,
        code: &'c Code<B>,
        env: Rooted<'_, Frame<'_>>,
    ) -> Result<Rooted<'s, Value<'s>>> {
        if self.is_simple(code) {
            return Ok(cx.root(self.simple(cx, code, env.get(cx))?));
        }
        self.nested(cx, code, env).map_err(|error| error.at(code.place))
    }

    #[inline(always)]
    fn nested<'s>(
        &self,
        cx: &mut Mutator<'s, B>,
        code: &Code<B>,
        env: Rooted<'_, Frame<'_>>,
    ) -> Result<Rooted<'s, Value<'s>>> {
        let _level = self.level()?;
        let answer = match &code.op {
            // No scope is needed where nothing is rooted.
            Op::Call(call) if self.begin_simple(cx, call, env.get(cx))? => None,
            _ => cx.scope_value::<Result<Answer<'s>>>(|cx| self.turn(cx, code, env))?,
        };
        self.finish(cx, answer)
    }

    /// Calls a procedure.
    pub fn apply<'s>(
        &self,
        cx: &mut Mutator<'s, B>,
        procedure: Rooted<'_, Value<'_>>,
        values: &[Rooted<'s, Value<'s>>],
    ) -> Result<Rooted<'s, Value<'s>>> {
        let _level = self.level()?;
        let answer = self.tail(cx, procedure, values)?;
        self.finish(cx, answer)
    }

    /// Calls a procedure, unless it is a closure: its call is left to the evaluator.
    pub fn tail<'s>(
        &self,
        cx: &mut Mutator<'s, B>,
        procedure: Rooted<'_, Value<'_>>,
        values: &[Rooted<'s, Value<'s>>],
    ) -> Result<Answer<'s>> {
        if let Some(function) = self.calls_back(procedure.get(cx), values.len())? {
            return function(self, cx, values);
        }
        let plain: Values<'_> = cx.get(values).collect();
        Ok(self.begin(cx, procedure.get(cx), &plain)?.map(|value| cx.root(value)))
    }

    /// Evaluates the calls that are left, until there is a value.
    fn finish<'s>(&self, cx: &mut Mutator<'s, B>, answer: Answer<'s>) -> Result<Rooted<'s, Value<'s>>> {
        let mut answer = answer;
        loop {
            if let Some(value) = answer {
                return Ok(value);
            }
            cx.safepoint();
            let lambda = &self.lambdas[self.next_lambda.get()];
            answer = cx.scope_value::<Result<Answer<'s>>>(|cx| {
                let env = cx.root(self.next_frame.get(cx));
                self.turn(cx, &lambda.body, env)
            })?;
        }
    }

    /// Evaluates code in a scope that ends with it. Returns no value where a call is left.
    fn turn<'a>(
        &self,
        cx: &'a mut Mutator<'_, B>,
        code: &Code<B>,
        env: Rooted<'_, Frame<'_>>,
    ) -> Result<Option<Value<'a>>> {
        let mut code = code;
        loop {
            if self.is_simple(code) {
                return self.simple(cx, code, env.get(cx)).map(Some);
            }
            let place = code.place;
            let here = |error: Error| error.at(place);
            code = match &code.op {
                Op::If(parts) => {
                    let [test, then, other] = &**parts;
                    if self.test(cx, test, env)? { then } else { other }
                }
                Op::Seq(parts) => {
                    let (last, parts) = parts.split_last().expect("there are parts");
                    for part in parts {
                        self.effect(cx, part, env)?;
                    }
                    last
                }
                Op::And(parts) | Op::Or(parts) => {
                    let ends_when = matches!(code.op, Op::Or(_));
                    let (last, parts) = parts.split_last().expect("there are parts");
                    for part in parts {
                        let value = self.eval(cx, part, env)?;
                        if value.get(cx).is_true() == ends_when {
                            return Ok(Some(value.get(cx)));
                        }
                    }
                    last
                }
                Op::Call(call) => {
                    if self.begin_simple(cx, call, env.get(cx)).map_err(here)? {
                        return Ok(None);
                    }
                    let [operator, operands @ ..] = &*call.parts else { unreachable!("a call has an operator") };
                    let operator = match operator {
                        variable if variable.is_variable() => Operator::Variable(variable),
                        other => Operator::Value(self.eval(cx, other, env)?),
                    };
                    let done = self.operands(cx, operands, env)?;
                    return self.call(cx, operator, operands, &done, env).map_err(here);
                }
                Op::Known(known) => {
                    let done = self.operands(cx, &known.operands, env)?;
                    if let Some(global) = known.global
                        && !known.holds(self.global_value(cx, global), cx)
                    {
                        return self.call(cx, Operator::Global(global), &known.operands, &done, env).map_err(here);
                    }
                    let values = self.plain(cx, &known.operands, &done, env)?;
                    return self.known(cx, known, &values).map(Some).map_err(here);
                }
                Op::SetLocal(index, value) => {
                    let value = self.eval(cx, value, env)?;
                    env.get(cx).slot(*index).set(cx, value.get(cx));
                    return Ok(Some(Value::Unspecified));
                }
                Op::SetOuter(depth, index, value) => {
                    let value = self.eval(cx, value, env)?;
                    env.get(cx).outer(*depth).slot(*index).set(cx, value.get(cx));
                    return Ok(Some(Value::Unspecified));
                }
                Op::SetGlobal(index, value) => {
                    let value = self.eval(cx, value, env)?;
                    self.assign(cx, *index, value.get(cx)).map_err(here)?;
                    return Ok(Some(Value::Unspecified));
                }
                Op::Define(index, value) => {
                    let value = self.eval(cx, value, env)?;
                    self.set_global(cx, *index, value.get(cx));
                    return Ok(Some(Value::Unspecified));
                }
                // They are simple, but the globals have changed since they were compiled.
                _ => return self.simple(cx, code, env.get(cx)).map(Some),
            }
        }
    }

    /// Evaluates code for its effect, and roots nothing.
    fn effect(&self, cx: &mut Mutator<'_, B>, code: &Code<B>, env: Rooted<'_, Frame<'_>>) -> Result<()> {
        if self.is_simple(code) {
            self.simple(cx, code, env.get(cx))?;
        } else {
            let _ = self.eval(cx, code, env)?;
        }
        Ok(())
    }

    fn test(&self, cx: &mut Mutator<'_, B>, code: &Code<B>, env: Rooted<'_, Frame<'_>>) -> Result<bool> {
        if self.is_simple(code) {
            return Ok(self.simple(cx, code, env.get(cx))?.is_true());
        }
        Ok(self.eval(cx, code, env)?.get(cx).is_true())
    }

    /// Evaluates those operands that are not simple.
    fn operands<'s>(
        &self,
        cx: &mut Mutator<'s, B>,
        operands: &[Code<B>],
        env: Rooted<'_, Frame<'_>>,
    ) -> Result<SmallVec<[Option<Rooted<'s, Value<'s>>>; 4]>> {
        let epoch = self.epoch.get();
        let mut done: SmallVec<[Option<Rooted<'s, Value<'s>>>; 4]> = SmallVec::new();
        for operand in operands {
            done.push(if self.is_simple(operand) { None } else { Some(self.eval(cx, operand, env)?) });
        }
        if self.epoch.get() != epoch {
            // What was simple may call a closure now.
            for (operand, done) in operands.iter().zip(done.iter_mut()) {
                if done.is_none() {
                    *done = Some(self.eval(cx, operand, env)?);
                }
            }
        }
        Ok(done)
    }

    /// Returns the values of operands: of those that were evaluated before, and of the simple ones.
    fn plain<'a>(
        &self,
        cx: &'a Mutator<'_, B>,
        operands: &[Code<B>],
        done: &[Option<Rooted<'_, Value<'_>>>],
        env: Rooted<'_, Frame<'_>>,
    ) -> Result<Values<'a>> {
        let mut values = Values::new();
        for (operand, done) in operands.iter().zip(done) {
            values.push(match done {
                Some(value) => value.get(cx),
                None => self.simple(cx, operand, env.get(cx))?,
            });
        }
        Ok(values)
    }

    /// Calls what an operator stands for.
    fn call<'a>(
        &self,
        cx: &'a mut Mutator<'_, B>,
        operator: Operator<'_, '_, B>,
        operands: &[Code<B>],
        done: &[Option<Rooted<'_, Value<'_>>>],
        env: Rooted<'_, Frame<'_>>,
    ) -> Result<Option<Value<'a>>> {
        let procedure = self.operator(cx, &operator, env)?;
        if let Some(function) = self.calls_back(procedure, operands.len())? {
            let values = self.plain(cx, operands, done, env)?;
            let rooted: RootedValues<'_> = values.iter().map(|value| cx.root(*value)).collect();
            drop(values);
            return Ok(function(self, cx, &rooted)?.map(|value| value.get(cx)));
        }
        let values = self.plain(cx, operands, done, env)?;
        self.begin(cx, self.operator(cx, &operator, env)?, &values)
    }

    fn operator<'a>(
        &self,
        cx: &'a Mutator<'_, B>,
        operator: &Operator<'_, '_, B>,
        env: Rooted<'_, Frame<'_>>,
    ) -> Result<Value<'a>> {
        match operator {
            Operator::Variable(code) => self.simple(cx, code, env.get(cx)),
            Operator::Value(value) => Ok(value.get(cx)),
            Operator::Global(index) => Ok(self.global_value(cx, *index)),
        }
    }

    /// Returns the function of a primitive that may call back, if the procedure is one.
    fn calls_back(&self, procedure: Value<'_>, count: usize) -> Result<Option<crate::code::CallBack<B>>> {
        let Value::Primitive(primitive) = procedure else { return Ok(None) };
        let primitive = &self.primitives[index(primitive)];
        let Function::Calling(function) = primitive.function else { return Ok(None) };
        primitive.check_count(count)?;
        Ok(Some(function))
    }
}
