//! The part of the evaluator that calls no closure. It takes `&Mutator`, so it cannot collect, and works with plain values.

use grisaille::{Barrier, Gc, Mutator};

use crate::code::{Call, Code, Function, Known, Lambda, Op};
use crate::error::{Error, Result, Thrown};
use crate::eval::Values;
use crate::lisp::Lisp;
use crate::read::list;
use crate::value::{Closure, Frame, Rare, Record, RecordProcedure, RecordWork, Value, ValueSlot, index};

impl<B: Barrier> Lisp<'_, B> {
    /// Evaluates code that calls no closure.
    pub fn simple<'a>(&self, cx: &'a Mutator<'_, B>, code: &Code<B>, env: Frame<'a>) -> Result<Value<'a>> {
        let here = |error: Error| error.at(code.place);
        match &code.op {
            Op::Int(number) => Ok(Value::Int(*number)),
            Op::Constant(value) => Ok(value.get(cx)),
            Op::Local(index) => Ok(env.slot(*index).get()),
            Op::Outer(depth, index) => Ok(env.outer(*depth).slot(*index).get()),
            Op::Global(index) => match self.global_value(cx, *index) {
                Value::Unbound => Err(here(Error::new(format!("{} is not defined", self.global_name(*index))))),
                value => Ok(value),
            },
            Op::Known(known) => match (&known.function, &*known.operands) {
                (Some(Function::One(function)), [a]) => function(self, cx, self.simple(cx, a, env)?).map_err(here),
                (Some(Function::Two(function) | Function::TwoOrMany(function, _)), [a, b]) => {
                    function(self, cx, self.simple(cx, a, env)?, self.simple(cx, b, env)?).map_err(here)
                }
                (_, operands) => {
                    let mut values = Values::new();
                    for operand in operands {
                        values.push(self.simple(cx, operand, env)?);
                    }
                    self.known(cx, known, &values).map_err(here)
                }
            },
            Op::If(parts) => {
                let [test, then, other] = &**parts;
                let branch = if self.simple(cx, test, env)?.is_true() { then } else { other };
                self.simple(cx, branch, env)
            }
            Op::Lambda(lambda) => Ok(Value::Closure(cx.try_alloc(Closure { lambda: *lambda, env })?)),
            Op::SetLocal(index, value) => {
                env.slot(*index).set(cx, self.simple(cx, value, env)?);
                Ok(Value::Unspecified)
            }
            Op::SetOuter(depth, index, value) => {
                env.outer(*depth).slot(*index).set(cx, self.simple(cx, value, env)?);
                Ok(Value::Unspecified)
            }
            Op::SetGlobal(index, value) => {
                self.assign(cx, *index, self.simple(cx, value, env)?).map_err(here)?;
                Ok(Value::Unspecified)
            }
            Op::Seq(parts) => {
                let mut last = Value::Unspecified;
                for part in parts {
                    last = self.simple(cx, part, env)?;
                }
                Ok(last)
            }
            Op::And(parts) => {
                let mut last = Value::True;
                for part in parts {
                    last = self.simple(cx, part, env)?;
                    if !last.is_true() {
                        break;
                    }
                }
                Ok(last)
            }
            Op::Or(parts) => {
                let mut last = Value::False;
                for part in parts {
                    last = self.simple(cx, part, env)?;
                    if last.is_true() {
                        break;
                    }
                }
                Ok(last)
            }
            Op::Define(..) | Op::Call(_) => unreachable!("the compiler calls none of these simple"),
        }
    }

    /// Sets a global variable that must exist.
    pub fn assign<'a>(&self, cx: &'a Mutator<'_, B>, index: usize, value: Value<'a>) -> Result<()> {
        if matches!(self.global_value(cx, index), Value::Unbound) {
            return Err(Error::new(format!("{} is not defined", self.global_name(index))));
        }
        self.set_global(cx, index, value);
        Ok(())
    }

    /// Calls what is known to be a primitive or a record's procedure.
    pub fn known<'a>(&self, cx: &'a Mutator<'_, B>, known: &Known<B>, values: &[Value<'a>]) -> Result<Value<'a>> {
        match (known.function, known.value.get(cx)) {
            (Some(function), _) => self.primitive(cx, function, values),
            (None, Value::RecordProcedure(procedure)) => self.record(cx, procedure, values),
            _ => unreachable!("it has a function, or is of a record"),
        }
    }

    /// Calls a primitive, with as many arguments as it takes.
    pub fn primitive<'a>(&self, cx: &'a Mutator<'_, B>, f: Function<B>, values: &[Value<'a>]) -> Result<Value<'a>> {
        match (f, values) {
            (Function::One(function), &[a]) => function(self, cx, a),
            (Function::Two(function) | Function::TwoOrMany(function, _), &[a, b]) => function(self, cx, a, b),
            (Function::Many(function) | Function::TwoOrMany(_, function), values) => function(self, cx, values),
            _ => unreachable!("the number of arguments is right, and it does not call back"),
        }
    }

    pub fn record<'a>(
        &self,
        cx: &'a Mutator<'_, B>,
        procedure: Gc<'a, RecordProcedure<'a>>,
        values: &[Value<'a>],
    ) -> Result<Value<'a>> {
        let kind = procedure.kind;
        let own = |value| match value {
            Value::Record(record) if Gc::ptr_eq(record.kind, kind) => Ok(record),
            _ => Err(Error::wrong(&format!("a {}", crate::print::text(kind.name, false)), value)),
        };
        match (&procedure.does, values) {
            (RecordWork::Get(index), &[record]) => Ok(own(record)?.fields[*index].get()),
            (RecordWork::Set(index), &[record, value]) => {
                own(record)?.fields[*index].set(cx, value);
                Ok(Value::Unspecified)
            }
            (RecordWork::Test, &[value]) => Ok(own(value).is_ok().into()),
            (RecordWork::Make(places), values) if values.len() == places.len() => {
                let fields = cx.try_alloc_array(kind.fields, |_| ValueSlot::new(Value::False))?;
                for (place, value) in places.iter().zip(values) {
                    fields[*place].set(cx, *value);
                }
                Ok(Value::Record(cx.try_alloc(Record { kind, fields })?))
            }
            _ => Err(Error::new("a record's procedure was called with a wrong number of arguments")),
        }
    }

    /// Makes the frame of a call.
    pub fn frame<'a>(
        &self,
        cx: &'a Mutator<'_, B>,
        lambda: &Lambda<B>,
        env: Frame<'a>,
        values: &[Value<'a>],
    ) -> Result<Frame<'a>> {
        let (given, required) = (values.len(), lambda.required);
        if given < required || (given > required && !lambda.rest) {
            return Err(lambda.wrong_count(given));
        }
        let rest = if lambda.rest { list(cx, &values[required..])? } else { Value::Unspecified };
        let frame = cx.try_alloc_array(lambda.size, |at| {
            ValueSlot::new(match at {
                0 => Value::Frame(env.0),
                at if at <= required => values[at - 1],
                at if at == required + 1 => rest,
                _ => Value::Unspecified,
            })
        })?;
        Ok(Frame(frame))
    }

    /// Begins the call of a procedure that does not call back: returns the value of a primitive, or nothing where a
    /// closure is to be evaluated, whose code and frame are left in `next_lambda` and `next_frame`.
    pub fn begin<'a>(
        &self,
        cx: &'a Mutator<'_, B>,
        procedure: Value<'a>,
        values: &[Value<'a>],
    ) -> Result<Option<Value<'a>>> {
        match procedure {
            Value::Closure(closure) => {
                let frame = self.frame(cx, &self.lambdas[closure.lambda], closure.env, values)?;
                self.next_lambda.set(closure.lambda);
                self.next_frame.set(cx, frame);
                Ok(None)
            }
            Value::Primitive(primitive) => {
                let primitive = &self.primitives[index(primitive)];
                primitive.check_count(values.len())?;
                self.primitive(cx, primitive.function, values).map(Some)
            }
            Value::RecordProcedure(procedure) => self.record(cx, procedure, values).map(Some),
            _ => self.begin_rare(cx, procedure, values).map(Some),
        }
    }

    /// Calls a parameter or a continuation.
    fn begin_rare<'a>(&self, cx: &'a Mutator<'_, B>, procedure: Value<'a>, values: &[Value<'a>]) -> Result<Value<'a>> {
        match procedure.rare() {
            Some(Rare::Parameter(parameter)) if values.is_empty() => Ok(parameter.value.get()),
            Some(Rare::Continuation(continuation)) if continuation.ended.get() => {
                Err(Error::new("a continuation was called after its call/cc had returned: it cannot be entered again"))
            }
            Some(Rare::Continuation(continuation)) => {
                let value = match values {
                    &[value] => value,
                    values => Value::Values(cx.try_alloc_array(values.len(), |at| ValueSlot::new(values[at]))?),
                };
                Err(Thrown::Escape(continuation.id, cx.try_persist(value)?).into())
            }
            _ => Err(Error::wrong("a procedure", procedure)),
        }
    }

    /// Begins the call of a closure whose operands are simple: they are evaluated into its frame. Returns false where
    /// the call is none of that kind.
    #[inline]
    pub fn begin_simple<'a>(&self, cx: &'a Mutator<'_, B>, call: &Call<B>, env: Frame<'a>) -> Result<bool> {
        let [operator, operands @ ..] = &*call.parts else { unreachable!("a call has an operator") };
        if call.simple != self.epoch.get() || !operator.is_variable() {
            return Ok(false);
        }
        let Value::Closure(closure) = self.simple(cx, operator, env)? else { return Ok(false) };
        let lambda = &self.lambdas[closure.lambda];
        if lambda.rest || operands.len() != lambda.required {
            return Ok(false);
        }
        let mut failed = None;
        let frame = cx.try_alloc_array(lambda.size, |at| {
            ValueSlot::new(match at {
                0 => Value::Frame(closure.env.0),
                at if at <= operands.len() => self.simple(cx, &operands[at - 1], env).unwrap_or_else(|error| {
                    failed.get_or_insert(error);
                    Value::Unspecified
                }),
                _ => Value::Unspecified,
            })
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.next_lambda.set(closure.lambda);
        self.next_frame.set(cx, Frame(frame));
        Ok(true)
    }
}
