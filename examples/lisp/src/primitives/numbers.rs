//! Numbers.

use std::cmp::Ordering;

use grisaille::{Barrier, Mutator};
use num_integer::Integer;

use super::{ANY, Table, fold, many, one, text, two};
use crate::code::Primitive;
use crate::error::{Error, Result};
use crate::lisp::Lisp;
use crate::number::{self, ADD, FLOOR_QUOTIENT, GCD, MODULO, MULTIPLY, QUOTIENT, REMAINDER, SUBTRACT};
use crate::value::{self, Value};

#[inline(always)]
fn holds<'a>(a: Value<'a>, b: Value<'a>, holds: fn(Ordering) -> bool) -> Result<Value<'a>> {
    Ok(number::compare(a, b)?.is_some_and(holds).into())
}

/// Returns whether each number is to the next as it should be.
fn chain<'a>(all: &[Value<'a>], holds: fn(Ordering) -> bool) -> Result<Value<'a>> {
    let mut result = true;
    for two in all.windows(2) {
        result &= number::compare(two[0], two[1])?.is_some_and(holds);
    }
    if let [only] = all {
        number::float(*only)?;
    }
    Ok(result.into())
}

/// Applies a function of floating-point numbers.
macro_rules! functions {
    ($all:ident: $($name:literal $function:expr;)*) => {
        $($all.push(one($name, |_, _, a| {
            let function: fn(f64) -> f64 = $function;
            Ok(function(number::float(a)?).into())
        }));)*
    };
}

/// Rounds: an integer is what it is.
macro_rules! roundings {
    ($all:ident: $($name:literal $function:expr;)*) => {
        $($all.push(one($name, |_, _, a| match a {
            Value::Float(float) => {
                let function: fn(f64) -> f64 = $function;
                Ok(function(value::float(float)).into())
            }
            _ => number::big(a).map(|_| a),
        }));)*
    };
}

fn is_whole(value: Value<'_>) -> bool {
    match value {
        Value::Float(float) => value::float(float).fract() == 0.0,
        _ => number::is_number(value),
    }
}

fn extreme<'a>(all: &[Value<'a>], better: Ordering) -> Result<Value<'a>> {
    let mut best = all[0];
    let inexact = all.iter().any(|value| matches!(value, Value::Float(_)));
    for value in all {
        if number::compare(*value, best)? == Some(better) {
            best = *value;
        }
    }
    if inexact { Ok(number::float(best)?.into()) } else { Ok(best) }
}

fn root<'a, B: Barrier>(_: &Lisp<'_, B>, cx: &'a Mutator<'_, B>, value: Value<'a>) -> Result<Value<'a>> {
    if !matches!(value, Value::Float(_))
        && let Ok((root, rest)) = number::integer_root(value)
        && rest == 0.into()
    {
        return number::integer(cx, root);
    }
    Ok(number::float(value)?.sqrt().into())
}

pub fn table<B: Barrier>() -> Table<B> {
    let mut all = vec![
        fold(
            "+",
            0,
            |_, cx, a, b| ADD.on(cx, a, b),
            |_, cx, all| all.iter().try_fold(Value::Int(0), |sum, value| ADD.on(cx, sum, *value)),
        ),
        fold(
            "*",
            0,
            |_, cx, a, b| MULTIPLY.on(cx, a, b),
            |_, cx, all| all.iter().try_fold(Value::Int(1), |sum, value| MULTIPLY.on(cx, sum, *value)),
        ),
        fold(
            "-",
            1,
            |_, cx, a, b| SUBTRACT.on(cx, a, b),
            |_, cx, all| match all {
                [only] => SUBTRACT.on(cx, Value::Int(0), *only),
                [first, rest @ ..] => rest.iter().try_fold(*first, |sum, value| SUBTRACT.on(cx, sum, *value)),
                [] => unreachable!("there is one"),
            },
        ),
        fold(
            "/",
            1,
            |_, cx, a, b| number::divide(cx, a, b),
            |_, cx, all| match all {
                [only] => number::divide(cx, Value::Int(1), *only),
                [first, rest @ ..] => rest.iter().try_fold(*first, |sum, value| number::divide(cx, sum, *value)),
                [] => unreachable!("there is one"),
            },
        ),
        fold("=", 1, |_, _, a, b| holds(a, b, Ordering::is_eq), |_, _, all| chain(all, Ordering::is_eq)),
        fold("<", 1, |_, _, a, b| holds(a, b, Ordering::is_lt), |_, _, all| chain(all, Ordering::is_lt)),
        fold(">", 1, |_, _, a, b| holds(a, b, Ordering::is_gt), |_, _, all| chain(all, Ordering::is_gt)),
        fold("<=", 1, |_, _, a, b| holds(a, b, Ordering::is_le), |_, _, all| chain(all, Ordering::is_le)),
        fold(">=", 1, |_, _, a, b| holds(a, b, Ordering::is_ge), |_, _, all| chain(all, Ordering::is_ge)),
        many("max", 1, ANY, |_, _, all| extreme(all, Ordering::Greater)),
        many("min", 1, ANY, |_, _, all| extreme(all, Ordering::Less)),
        many("gcd", 0, ANY, |_, cx, all| all.iter().try_fold(Value::Int(0), |sum, value| GCD.on(cx, sum, *value))),
        two("quotient", |_, cx, a, b| QUOTIENT.divide(cx, a, b)),
        two("remainder", |_, cx, a, b| REMAINDER.divide(cx, a, b)),
        two("modulo", |_, cx, a, b| MODULO.divide(cx, a, b)),
        two("floor-quotient", |_, cx, a, b| FLOOR_QUOTIENT.divide(cx, a, b)),
        two("expt", |_, cx, a, b| number::power(cx, a, b)),
        one("exact", |_, cx, a| number::exact(cx, a)),
        one("inexact", |_, _, a| Ok(number::float(a)?.into())),
        one("number?", |_, _, a| Ok(number::is_number(a).into())),
        one("integer?", |_, _, a| Ok(is_whole(a).into())),
        one("rational?", |_, _, a| Ok((number::is_number(a) && number::float(a)?.is_finite()).into())),
        one("exact?", |_, _, a| number::float(a).map(|_| (!matches!(a, Value::Float(_))).into())),
        one("nan?", |_, _, a| Ok(number::float(a)?.is_nan().into())),
        one("infinite?", |_, _, a| Ok(number::float(a)?.is_infinite().into())),
        one("zero?", |_, _, a| Ok((number::compare(a, Value::Int(0))? == Some(Ordering::Equal)).into())),
        one("positive?", |_, _, a| Ok((number::compare(a, Value::Int(0))? == Some(Ordering::Greater)).into())),
        one("negative?", |_, _, a| Ok((number::compare(a, Value::Int(0))? == Some(Ordering::Less)).into())),
        one("even?", |_, _, a| match a {
            Value::Int(number) => Ok((number % 2 == 0).into()),
            _ => Ok(number::big(a)?.is_even().into()),
        }),
        one("sqrt", root),
        one("%exact-integer-sqrt", |_, cx, a| {
            let (root, rest) = number::integer_root(a)?;
            crate::read::cons(cx, number::integer(cx, root)?, number::integer(cx, rest)?)
        }),
        many("atan", 1, 2, |_, _, all| match all {
            [y, x] => Ok(number::float(*y)?.atan2(number::float(*x)?).into()),
            all => Ok(number::float(all[0])?.atan().into()),
        }),
        many("log", 1, 2, |_, _, all| match all {
            [number, base] => Ok((number::float(*number)?.ln() / number::float(*base)?.ln()).into()),
            all => Ok(number::float(all[0])?.ln().into()),
        }),
        many("number->string", 1, 2, |_, cx, all| {
            number::float(all[0])?;
            text(cx, number::format(all[0], radix(all)?)?.chars())
        }),
        many("string->number", 1, 2, |_, cx, all| {
            Ok(number::parse(cx, &super::texts::string(all[0])?, radix(all)?).unwrap_or(Value::False))
        }),
    ];
    functions! { all: "sin" f64::sin; "cos" f64::cos; "tan" f64::tan; "asin" f64::asin; "acos" f64::acos; }
    all.push(one(
        "exp",
        |_, _, a| if let Value::Int(0) = a { Ok(Value::Int(1)) } else { Ok(number::float(a)?.exp().into()) },
    ));
    roundings! { all: "floor" f64::floor; "ceiling" f64::ceil; "truncate" f64::trunc; "round" f64::round_ties_even; }
    all.extend(bits());
    all
}

fn bits<B: Barrier>() -> [Primitive<B>; 4] {
    [
        two("bitwise-and", |_, cx, a, b| number::integer(cx, number::big(a)? & number::big(b)?)),
        two("bitwise-or", |_, cx, a, b| number::integer(cx, number::big(a)? | number::big(b)?)),
        two("bitwise-xor", |_, cx, a, b| number::integer(cx, number::big(a)? ^ number::big(b)?)),
        two("arithmetic-shift", |_, cx, a, b| {
            let number = number::big(a)?;
            let Value::Int(by @ -100_000..=100_000) = b else { return Err(Error::wrong("a small integer", b)) };
            number::integer(cx, if by < 0 { number >> -by } else { number << by })
        }),
    ]
}

fn radix(all: &[Value<'_>]) -> Result<u32> {
    match all.get(1) {
        None => Ok(10),
        Some(&Value::Int(radix @ 2..=36)) => Ok(radix as u32),
        Some(value) => Err(Error::wrong("a radix", *value)),
    }
}
