//! The functions that are not written in Lox.

use std::cell::Cell;

use grisaille::{Barrier, Gc, List, Mutator};

use super::{Stop, Switch, cold, error};
use crate::number;
use crate::object::{Fiber, FiberState, MapKey, NativeFunction, Table};
use crate::value::{Stored, Value, float};

impl NativeFunction {
    /// Those that every program has.
    pub(super) const ALWAYS: [(&'static str, NativeFunction); 2] =
        [("clock", NativeFunction::Clock), ("toString", NativeFunction::ToString)];

    /// Those that are no part of Lox.
    pub(super) const EXTENSIONS: [(&'static str, NativeFunction); 14] = [
        ("Fiber", NativeFunction::Fiber),
        ("resume", NativeFunction::Resume),
        ("yield", NativeFunction::Yield),
        ("isDone", NativeFunction::IsDone),
        ("List", NativeFunction::List),
        ("append", NativeFunction::Append),
        ("at", NativeFunction::At),
        ("put", NativeFunction::Put),
        ("takeLast", NativeFunction::TakeLast),
        ("length", NativeFunction::Length),
        ("Map", NativeFunction::Map),
        ("lookup", NativeFunction::Lookup),
        ("store", NativeFunction::Store),
        ("delete", NativeFunction::Delete),
    ];

    /// Returns the number of arguments, unless any number will do.
    fn arity(self) -> Option<usize> {
        Some(match self {
            // As in clox.
            NativeFunction::Clock => return None,
            NativeFunction::List | NativeFunction::Map => 0,
            NativeFunction::ToString
            | NativeFunction::Fiber
            | NativeFunction::Yield
            | NativeFunction::IsDone
            | NativeFunction::TakeLast
            | NativeFunction::Length => 1,
            NativeFunction::Resume
            | NativeFunction::Append
            | NativeFunction::At
            | NativeFunction::Lookup
            | NativeFunction::Delete => 2,
            NativeFunction::Put | NativeFunction::Store => 3,
        })
    }

    /// Calls the function. It may allocate: `cx` is the mutator in the middle of a burst, which does not collect.
    pub(super) fn call<'a, B: Barrier>(
        self,
        cx: &'a Mutator<'_, B>,
        arguments: &[Cell<Stored<'a>>],
    ) -> Result<Stored<'a>, Stop> {
        if let Some(arity) = self.arity()
            && arity != arguments.len()
        {
            return Err(error(format_args!("Expected {arity} arguments but got {}.", arguments.len())));
        }
        let stored = |index: usize| arguments[index].get();
        let argument = |index: usize| stored(index).unpack();
        match self {
            NativeFunction::Clock => Ok(Value::from(seconds()).pack()),
            NativeFunction::ToString => to_string(cx, stored(0)),
            NativeFunction::Fiber => {
                let Value::Closure(function) = argument(0) else { return Err(cold("A fiber is made of a function.")) };
                if function.arity > 1 {
                    return Err(cold("A fiber's function has at most one parameter."));
                }
                Ok(Value::Fiber(cx.try_alloc(Fiber::new(function))?).pack())
            }
            NativeFunction::Resume => Err(Stop::Switch(Switch::Resume)),
            NativeFunction::Yield => Err(Stop::Switch(Switch::Yield)),
            NativeFunction::IsDone => match argument(0) {
                Value::Fiber(fiber) => Ok(Value::from(fiber.state.get() == FiberState::Done).pack()),
                _ => Err(cold("Only fibers can be done.")),
            },
            NativeFunction::List => Ok(Value::List(cx.try_alloc(List::new())?).pack()),
            NativeFunction::Append => {
                list(argument(0))?.try_push(cx, stored(1))?;
                Ok(stored(1))
            }
            NativeFunction::At => {
                let list = list(argument(0))?;
                element(list, argument(1)).and_then(|index| list.get(index)).ok_or_else(out_of_range)
            }
            NativeFunction::Put => {
                let list = list(argument(0))?;
                list.set(cx, element(list, argument(1)).ok_or_else(out_of_range)?, stored(2));
                Ok(stored(2))
            }
            NativeFunction::TakeLast => list(argument(0))?.pop(cx).ok_or_else(out_of_range),
            NativeFunction::Length => match argument(0) {
                Value::List(list) => Ok(Value::from(list.len() as f64).pack()),
                Value::Map(map) => Ok(Value::from(map.len() as f64).pack()),
                _ => Err(cold("Only lists and maps have a length.")),
            },
            NativeFunction::Map => Ok(Value::Map(cx.try_alloc(Table::new())?).pack()),
            NativeFunction::Lookup => Ok(map(argument(0))?.get(key(argument(1))?).unwrap_or(Value::Nil.pack())),
            NativeFunction::Store => {
                map(argument(0))?.try_insert(cx, key(argument(1))?, stored(2))?;
                Ok(stored(2))
            }
            NativeFunction::Delete => Ok(map(argument(0))?.remove(cx, key(argument(1))?).unwrap_or(Value::Nil.pack())),
        }
    }
}

fn list<'a>(value: Value<'a>) -> Result<Gc<'a, List<'a, Stored<'a>>>, Stop> {
    if let Value::List(list) = value { Ok(list) } else { Err(cold("Only lists have elements.")) }
}

/// Returns the index of an element that a list has.
fn element<'a>(list: Gc<'a, List<'a, Stored<'a>>>, index: Value<'a>) -> Option<usize> {
    let Value::Number(index) = index else { return None };
    let number = float(index);
    (number >= 0.0 && number < list.len() as f64 && number.fract() == 0.0).then_some(number as usize)
}

#[cold]
fn out_of_range() -> Stop {
    cold("The list has no such element.")
}

fn map<'a>(value: Value<'a>) -> Result<Gc<'a, Table<'a>>, Stop> {
    if let Value::Map(map) = value { Ok(map) } else { Err(cold("Only maps have entries.")) }
}

/// Returns the key that a value stands for: zero is one number, whatever its sign.
fn key(value: Value<'_>) -> Result<MapKey<'_>, Stop> {
    match value {
        Value::Number(number) => Ok(MapKey::Number((float(number) + 0.0).to_bits())),
        Value::Str(text) => Ok(MapKey::Str(text)),
        _ => Err(cold("Only numbers and strings can be keys.")),
    }
}

/// Returns the string that `print` would print.
fn to_string<'a, B: Barrier>(cx: &'a Mutator<'_, B>, value: Stored<'a>) -> Result<Stored<'a>, Stop> {
    let text = match value.unpack() {
        Value::Str(_) => return Ok(value),
        Value::Nil => "nil",
        Value::False => "false",
        Value::True => "true",
        Value::Number(number) => {
            let mut buffer = [0; 32];
            let mut rest = &mut buffer[..];
            number::write(&mut rest, float(number)).map_err(Stop::Output)?;
            let left = rest.len();
            let written = &buffer[..buffer.len() - left];
            return Ok(Value::Str(cx.try_intern(str::from_utf8(written).expect("digits are ASCII"))?).pack());
        }
        _ => return Err(cold("Only numbers, strings, booleans and nil can be made strings.")),
    };
    Ok(Value::Str(cx.try_intern(text)?).pack())
}

/// Returns the value of `clock()`: seconds of processor time, as in clox. (The sweeper's thread is counted too.)
#[cfg(unix)]
fn seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Returns the value of `clock()`: seconds of wall-clock time, where there is no clock of processor time.
#[cfg(not(any(unix, all(target_family = "wasm", target_os = "unknown"))))]
fn seconds() -> f64 {
    use std::{sync::LazyLock, time::Instant};
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}

/// Returns the value of `clock()`, which stands still where there is no clock.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
fn seconds() -> f64 {
    0.0
}
