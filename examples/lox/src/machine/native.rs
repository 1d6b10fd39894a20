//! The functions that are not written in Lox.

use std::cell::Cell;

use grisaille::{Barrier, Mutator};

use super::{Stop, cold, error};
use crate::number;
use crate::object::NativeFunction;
use crate::value::Value;

impl NativeFunction {
    /// All of them, with their names.
    pub(super) const ALL: [(&'static str, NativeFunction); 2] =
        [("clock", NativeFunction::Clock), ("toString", NativeFunction::ToString)];

    /// Calls the function. It may allocate: `cx` is the mutator in the middle of a burst, which does not collect.
    pub(super) fn call<'a, B: Barrier>(
        self,
        cx: &'a Mutator<'_, B>,
        arguments: &[Cell<Value<'a>>],
    ) -> Result<Value<'a>, Stop> {
        match (self, arguments) {
            // As in clox, whatever the arguments.
            (NativeFunction::Clock, _) => Ok(Value::from(seconds())),
            (NativeFunction::ToString, [argument]) => to_string(cx, argument.get()),
            (NativeFunction::ToString, _) => {
                Err(error(format_args!("Expected 1 arguments but got {}.", arguments.len())))
            }
        }
    }
}

/// Returns the string that `print` would print.
fn to_string<'a, B: Barrier>(cx: &'a Mutator<'_, B>, value: Value<'a>) -> Result<Value<'a>, Stop> {
    let text = match value {
        Value::Str(_) => return Ok(value),
        Value::Nil => "nil",
        Value::False => "false",
        Value::True => "true",
        Value::Number(number) => {
            let mut buffer = [0; 32];
            let mut rest = &mut buffer[..];
            number::write(&mut rest, number.get()).map_err(Stop::Output)?;
            let left = rest.len();
            let written = &buffer[..buffer.len() - left];
            return Ok(Value::Str(cx.try_intern(str::from_utf8(written).expect("digits are ASCII"))?));
        }
        _ => return Err(cold("Only numbers, strings, booleans and nil can be made strings.")),
    };
    Ok(Value::Str(cx.try_intern(text)?))
}

/// Returns the value of `clock()`: seconds of processor time, as in clox. (The sweeper's thread is counted too.)
#[cfg(unix)]
fn seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Returns the value of `clock()`: seconds of wall-clock time, where there is no clock of processor time.
#[cfg(not(unix))]
fn seconds() -> f64 {
    use std::{sync::LazyLock, time::Instant};
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}
