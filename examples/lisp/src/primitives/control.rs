//! Procedures that call procedures. They may collect, so they work with what is rooted.

use std::cell::Cell;

use grisaille::{Barrier, Mutator, Rooted, RootedCell};

use super::{ANY, Table, calling, elements, many, one, pair, two};
use crate::code::Answer;
use crate::error::{Error, Result, Thrown};
use crate::eval::RootedValues;
use crate::lisp::Lisp;
use crate::port::Input;
use crate::read::{cons, list};
use crate::value::{Condition, Continuation, Kind, Parameter, Rare, Value, ValueSlot};

type Arguments<'x, 's> = &'x [Rooted<'s, Value<'s>>];

/// `(apply f a .. list)`: calls the procedure last, so that this is a tail call.
fn apply<'s, B: Barrier>(lisp: &Lisp<'_, B>, cx: &mut Mutator<'s, B>, all: Arguments<'_, 's>) -> Result<Answer<'s>> {
    let [procedure, first @ .., rest] = all else { unreachable!("there are two") };
    let mut arguments: RootedValues<'s> = first.into();
    arguments.extend(elements(rest.get(cx))?.into_iter().map(|value| cx.root(value)));
    lisp.tail(cx, *procedure, &arguments)
}

/// Calls a procedure with the elements of lists, until one of them ends, and `each` with each result.
fn walk<B: Barrier>(
    lisp: &Lisp<'_, B>,
    cx: &mut Mutator<'_, B>,
    all: &[Rooted<'_, Value<'_>>],
    mut each: impl for<'a> FnMut(&'a Mutator<'_, B>, Value<'a>) -> Result<()>,
) -> Result<()> {
    let [procedure, lists @ ..] = all else { unreachable!("there are two") };
    let rests: Vec<RootedCell<'_, Value<'_>>> = lists.iter().map(|list| cx.root_cell(list.get(cx))).collect();
    while rests.iter().all(|rest| matches!(rest.get(cx), Value::Pair(_))) {
        cx.scope_value::<Result<()>>(|cx| {
            let mut arguments = RootedValues::new();
            for rest in &rests {
                let pair = pair(rest.get(cx))?;
                arguments.push(cx.root(pair.car.get()));
                rest.set(cx, pair.cdr.get());
            }
            let value = lisp.apply(cx, *procedure, &arguments)?;
            each(cx, value.get(cx))
        })?;
    }
    Ok(())
}

fn map<'s, B: Barrier>(lisp: &Lisp<'_, B>, cx: &mut Mutator<'s, B>, all: Arguments<'_, 's>) -> Result<Answer<'s>> {
    cx.scope_value(|cx| {
        let results = cx.root_cell(Value::Nil);
        walk(lisp, cx, all, |cx, value| {
            results.set(cx, cons(cx, value, results.get(cx))?);
            Ok(())
        })?;
        let cx = &*cx;
        results.get(cx).iter().try_fold(Value::Nil, |rest, value| cons(cx, value, rest)).map(Some)
    })
}

/// Calls the receiver with where this call returns to. The continuation ends with the call.
fn call_cc<'s, B: Barrier>(lisp: &Lisp<'_, B>, cx: &mut Mutator<'s, B>, all: Arguments<'_, 's>) -> Result<Answer<'s>> {
    let id = lisp.next_continuation();
    let continuation = Rare::Continuation(Continuation { id, ended: Cell::new(false) });
    let continuation = cx.root(Value::Rare(cx.try_alloc(continuation)?));
    let result = lisp.apply(cx, all[0], &[continuation]);
    if let Some(Rare::Continuation(continuation)) = continuation.get(cx).rare() {
        continuation.ended.set(true);
    }
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.thrown() {
            Thrown::Escape(to, value) if *to == id => Ok(Some(cx.root(value.get(cx)))),
            _ => Err(error),
        },
    }
}

fn dynamic_wind<'s, B: Barrier>(
    lisp: &Lisp<'_, B>,
    cx: &mut Mutator<'s, B>,
    all: Arguments<'_, 's>,
) -> Result<Answer<'s>> {
    let _ = lisp.apply(cx, all[0], &[])?;
    // Whatever ends the second procedure, the third one is called.
    let result = lisp.apply(cx, all[1], &[]);
    let _ = lisp.apply(cx, all[2], &[])?;
    result.map(Some)
}

fn call_with_values<'s, B: Barrier>(
    lisp: &Lisp<'_, B>,
    cx: &mut Mutator<'s, B>,
    all: Arguments<'_, 's>,
) -> Result<Answer<'s>> {
    let values = lisp.apply(cx, all[0], &[])?;
    let arguments: RootedValues<'s> = match values.get(cx) {
        Value::Values(values) => values.iter().map(|value| cx.root(value.get())).collect(),
        value => [cx.root(value)].into_iter().collect(),
    };
    lisp.tail(cx, all[1], &arguments)
}

fn with_handler<'s, B: Barrier>(
    lisp: &Lisp<'_, B>,
    cx: &mut Mutator<'s, B>,
    all: Arguments<'_, 's>,
) -> Result<Answer<'s>> {
    let handlers = cx.root(lisp.handlers.get(cx));
    lisp.handlers.set(cx, cons(cx, all[0].get(cx), handlers.get(cx))?);
    let result = lisp.apply(cx, all[1], &[]);
    lisp.handlers.set(cx, handlers.get(cx));
    // Where calls are nested too deep, a handler further out has more room.
    let no_room = lisp.depth.get() > lisp.depth_max / 2;
    match result {
        // `raise` has called the handler already; the interpreter's own errors come here first.
        Err(error) if matches!(*error.thrown(), Thrown::Message(kind, _) if !(kind == Kind::Depth && no_room)) => {
            let raised = cx.root(lisp.raised(cx, error)?);
            let _ = lisp.apply(cx, all[0], &[raised])?;
            Err(Error::new("the handler of an error has returned"))
        }
        result => result.map(Some),
    }
}

/// `(%guard body handler)`: calls the body, and the handler with what it raises. The handler is called last.
fn guard<'s, B: Barrier>(lisp: &Lisp<'_, B>, cx: &mut Mutator<'s, B>, all: Arguments<'_, 's>) -> Result<Answer<'s>> {
    let handlers = cx.root(lisp.handlers.get(cx));
    lisp.handlers.set(cx, cons(cx, Value::False, handlers.get(cx))?);
    let result = lisp.apply(cx, all[0], &[]);
    lisp.handlers.set(cx, handlers.get(cx));
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            let raised = cx.root(lisp.raised(cx, error)?);
            lisp.tail(cx, all[1], &[raised])
        }
    }
}

/// Calls the innermost handler, with those around it as handlers. A `guard` wants the object itself.
fn raise<'s, B: Barrier>(
    lisp: &Lisp<'_, B>,
    cx: &mut Mutator<'s, B>,
    raised: Rooted<'s, Value<'s>>,
    continuable: bool,
) -> Result<Answer<'s>> {
    let handlers = cx.root(lisp.handlers.get(cx));
    let Value::Pair(innermost) = handlers.get(cx) else { return Err(throw(cx, raised)) };
    if let Value::False = innermost.car.get() {
        return Err(throw(cx, raised));
    }
    let handler = cx.root(innermost.car.get());
    lisp.handlers.set(cx, innermost.cdr.get());
    let result = lisp.apply(cx, handler, &[raised]);
    if let (Ok(_), false) = (&result, continuable) {
        let condition = Condition {
            message: super::text(cx, "the handler of what was raised has returned".chars())?,
            irritants: list(cx, &[raised.get(cx)])?,
            kind: Kind::Other,
        };
        let condition = cx.root(Value::Rare(cx.try_alloc(Rare::Condition(condition))?));
        let result = raise(lisp, cx, condition, false);
        lisp.handlers.set(cx, handlers.get(cx));
        return result;
    }
    lisp.handlers.set(cx, handlers.get(cx));
    result.map(Some)
}

fn throw<B: Barrier>(cx: &Mutator<'_, B>, raised: Rooted<'_, Value<'_>>) -> Error {
    cx.try_persist(raised.get(cx)).map_or_else(Error::from, |value| Thrown::Raised(value).into())
}

fn condition<'a>(value: Value<'a>) -> Result<&'a Condition<'a>> {
    match value.rare() {
        Some(Rare::Condition(condition)) => Ok(condition),
        _ => Err(Error::wrong("an error object", value)),
    }
}

pub fn table<B: Barrier>() -> Table<B> {
    vec![
        calling("apply", 2, ANY, apply),
        calling("map", 2, ANY, map),
        calling("for-each", 2, ANY, |lisp, cx, all| {
            walk(lisp, cx, all, |_, _| Ok(()))?;
            Ok(Some(cx.root(Value::Unspecified)))
        }),
        calling("call-with-current-continuation", 1, 1, call_cc),
        calling("call/cc", 1, 1, call_cc),
        calling("dynamic-wind", 3, 3, dynamic_wind),
        calling("call-with-values", 2, 2, call_with_values),
        calling("with-exception-handler", 2, 2, with_handler),
        calling("%guard", 2, 2, guard),
        calling("raise", 1, 1, |lisp, cx, all| raise(lisp, cx, all[0], false)),
        calling("raise-continuable", 1, 1, |lisp, cx, all| raise(lisp, cx, all[0], true)),
        calling("error", 1, ANY, |lisp, cx, all| {
            let irritants: Vec<Value<'_>> = cx.get(&all[1..]).collect();
            let irritants = list(cx, &irritants)?;
            let condition = Condition { message: all[0].get(cx), irritants, kind: Kind::Other };
            let condition = cx.root(Value::Rare(cx.try_alloc(Rare::Condition(condition))?));
            raise(lisp, cx, condition, false)
        }),
        calling("eval", 1, 2, |lisp, cx, all| lisp.evaluate(cx, all[0], &Input::default()).map(Some)),
        calling("load", 1, 2, |lisp, cx, all| {
            let file = super::texts::string(all[0].get(cx))?;
            let failed = |error| Error::of_kind(Kind::File, format!("cannot load {file:?}: {error}"));
            lisp.run(cx, &mut Input::of_file(&std::fs::read_to_string(&file).map_err(failed)?, &file))?;
            Ok(Some(cx.root(Value::Unspecified)))
        }),
        many("values", 0, ANY, |_, cx, all| match all {
            [only] => Ok(*only),
            all => Ok(Value::Values(cx.try_alloc_array(all.len(), |at| ValueSlot::new(all[at]))?)),
        }),
        one("error-object?", |_, _, a| Ok(condition(a).is_ok().into())),
        one("error-object-message", |_, _, a| Ok(condition(a)?.message)),
        one("error-object-irritants", |_, _, a| Ok(condition(a)?.irritants)),
        one("file-error?", |_, _, a| Ok(condition(a).is_ok_and(|c| c.kind == Kind::File).into())),
        one("read-error?", |_, _, a| Ok(condition(a).is_ok_and(|c| c.kind == Kind::Read).into())),
        two("%make-parameter", |_, cx, value, converter| {
            let parameter = Parameter { value: ValueSlot::new(value), converter };
            Ok(Value::Rare(cx.try_alloc(Rare::Parameter(parameter))?))
        }),
        one("%parameter-converter", |_, _, a| match a.rare() {
            Some(Rare::Parameter(parameter)) => Ok(parameter.converter),
            _ => Err(Error::wrong("a parameter", a)),
        }),
        two("%parameter-set!", |_, cx, a, value| match a.rare() {
            Some(Rare::Parameter(parameter)) => {
                parameter.value.set(cx, value);
                Ok(Value::Unspecified)
            }
            _ => Err(Error::wrong("a parameter", a)),
        }),
    ]
}
