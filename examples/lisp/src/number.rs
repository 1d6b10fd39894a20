//! Arithmetic: integers of any size, and floating-point numbers.

use std::cmp::Ordering;

use grisaille::{Barrier, Mutator};
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{FromPrimitive, Num, Signed, ToPrimitive, Zero};

use crate::error::{Error, Result};
use crate::value::{self, Big, Digits, Small, Value};

/// Returns the value of an integer, in a word if it fits.
pub fn integer<'a, B: Barrier>(cx: &'a Mutator<'_, B>, number: BigInt) -> Result<Value<'a>> {
    match Small::try_from(&number) {
        Ok(small) => Ok(Value::Int(small)),
        Err(_) => Ok(Value::Big(cx.try_alloc(Big(cx.try_own(Digits(number))?))?)),
    }
}

/// Returns the value of an integer of one of Rust's types.
pub fn whole<'a, B: Barrier>(
    cx: &'a Mutator<'_, B>,
    number: impl Copy + TryInto<Small> + Into<BigInt>,
) -> Result<Value<'a>> {
    number.try_into().map_or_else(|_| integer(cx, number.into()), |small| Ok(Value::Int(small)))
}

/// Returns the integer that a value is, also where it is a floating-point number without a fraction.
pub fn big(value: Value<'_>) -> Result<BigInt> {
    match value {
        Value::Int(number) => Ok(BigInt::from(number)),
        Value::Big(big) => Ok(big.0.0.clone()),
        Value::Float(number) if value::float(number).fract() == 0.0 => {
            BigInt::from_f64(value::float(number)).ok_or_else(|| Error::wrong("an integer", value))
        }
        _ => Err(Error::wrong("an integer", value)),
    }
}

pub fn float(value: Value<'_>) -> Result<f64> {
    match value {
        Value::Int(number) => Ok(number as f64),
        Value::Float(number) => Ok(value::float(number)),
        Value::Big(big) => Ok(big.0.0.to_f64().unwrap_or(f64::NAN)),
        _ => Err(Error::wrong("a number", value)),
    }
}

pub fn is_number(value: Value<'_>) -> bool {
    matches!(value, Value::Int(_) | Value::Big(_) | Value::Float(_))
}

/// An operation on two numbers of the same kind.
pub struct Operation {
    pub small: fn(Small, Small) -> Option<Small>,
    pub big: fn(&BigInt, &BigInt) -> BigInt,
    pub float: fn(f64, f64) -> f64,
}

pub const ADD: Operation = Operation { small: Small::checked_add, big: |a, b| a + b, float: |a, b| a + b };
pub const SUBTRACT: Operation = Operation { small: Small::checked_sub, big: |a, b| a - b, float: |a, b| a - b };
pub const MULTIPLY: Operation = Operation { small: Small::checked_mul, big: |a, b| a * b, float: |a, b| a * b };
pub const QUOTIENT: Operation =
    Operation { small: Small::checked_div, big: |a, b| a / b, float: |a, b| (a / b).trunc() };
pub const REMAINDER: Operation = Operation { small: Small::checked_rem, big: |a, b| a % b, float: |a, b| a % b };
pub const FLOOR_QUOTIENT: Operation = Operation {
    small: |a, b| (b != 0 && b != -1).then(|| Integer::div_floor(&a, &b)),
    big: |a, b| a.div_floor(b),
    float: |a, b| (a / b).floor(),
};
pub const MODULO: Operation = Operation {
    small: |a, b| (b != 0 && b != -1).then(|| Integer::mod_floor(&a, &b)),
    big: |a, b| a.mod_floor(b),
    float: |a, b| a - b * (a / b).floor(),
};
pub const GCD: Operation =
    Operation { small: |_, _| None, big: |a, b| a.gcd(b), float: |a, b| big_gcd(a, b).to_f64().unwrap_or(f64::NAN) };

fn big_gcd(a: f64, b: f64) -> BigInt {
    BigInt::from_f64(a).unwrap_or_default().gcd(&BigInt::from_f64(b).unwrap_or_default())
}

impl Operation {
    #[inline(always)]
    pub fn on<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>> {
        if let (Value::Int(x), Value::Int(y)) = (a, b) {
            if let Some(result) = (self.small)(x, y) {
                return Ok(Value::Int(result));
            }
        } else if let (Value::Float(x), Value::Float(y)) = (a, b) {
            return Ok((self.float)(value::float(x), value::float(y)).into());
        }
        self.rare(cx, a, b)
    }

    #[cold]
    fn rare<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>> {
        if matches!((a, b), (Value::Float(_), _) | (_, Value::Float(_))) {
            return Ok((self.float)(float(a)?, float(b)?).into());
        }
        for value in [a, b] {
            if !is_number(value) {
                return Err(Error::wrong("a number", value));
            }
        }
        integer(cx, (self.big)(&big(a)?, &big(b)?))
    }

    /// Applies an operation on integers that divides.
    pub fn divide<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>> {
        if let (Value::Int(x), Value::Int(y)) = (a, b)
            && let Some(result) = (self.small)(x, y)
        {
            return Ok(Value::Int(result));
        }
        for value in [a, b] {
            big(value)?;
        }
        if float(b)? == 0.0 {
            return Err(Error::new("division by zero"));
        }
        self.on(cx, a, b)
    }
}

/// Divides: the quotient of integers is an integer where there is no remainder, and a floating-point number otherwise.
pub fn divide<'a, B: Barrier>(cx: &'a Mutator<'_, B>, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>> {
    match (a, b) {
        (Value::Int(_) | Value::Big(_), Value::Int(_) | Value::Big(_)) => {
            let (a, b) = (big(a)?, big(b)?);
            if b.is_zero() {
                return Err(Error::new("division by zero"));
            }
            let (quotient, remainder) = a.div_rem(&b);
            if remainder.is_zero() {
                return integer(cx, quotient);
            }
            Ok((a.to_f64().unwrap_or(f64::NAN) / b.to_f64().unwrap_or(f64::NAN)).into())
        }
        _ => Ok((float(a)? / float(b)?).into()),
    }
}

/// Compares two numbers. A NaN compares with nothing.
#[inline(always)]
pub fn compare(a: Value<'_>, b: Value<'_>) -> Result<Option<Ordering>> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(Some(a.cmp(&b))),
        (Value::Float(a), Value::Float(b)) => Ok(value::float(a).partial_cmp(&value::float(b))),
        _ => compare_rare(a, b),
    }
}

#[cold]
fn compare_rare(a: Value<'_>, b: Value<'_>) -> Result<Option<Ordering>> {
    let (x, y) = (float(a)?, float(b)?);
    match (big(a), big(b)) {
        (Ok(a), Ok(b)) => Ok(Some(a.cmp(&b))),
        _ => Ok(x.partial_cmp(&y)),
    }
}

pub fn power<'a, B: Barrier>(cx: &'a Mutator<'_, B>, base: Value<'a>, exponent: Value<'a>) -> Result<Value<'a>> {
    match (base, exponent) {
        (Value::Int(_) | Value::Big(_), Value::Int(n)) if n >= 0 => {
            let n = u32::try_from(n).ok().filter(|&n| u64::from(n) * big(base).map_or(0, |b| b.bits()) < 1 << 32);
            let n = n.ok_or_else(|| Error::new("expt: the result is too large"))?;
            integer(cx, big(base)?.pow(n))
        }
        _ => Ok(float(base)?.powf(float(exponent)?).into()),
    }
}

/// Returns the largest integer whose square is at most the number, and the rest.
pub fn integer_root(value: Value<'_>) -> Result<(BigInt, BigInt)> {
    let number = big(value)?;
    if number.is_negative() {
        return Err(Error::wrong("a number that is not negative", value));
    }
    let root = number.sqrt();
    let rest = number - &root * &root;
    Ok((root, rest))
}

/// Returns the integer that a floating-point number is.
pub fn exact<'a, B: Barrier>(cx: &'a Mutator<'_, B>, value: Value<'a>) -> Result<Value<'a>> {
    integer(cx, big(value)?)
}

pub fn format(value: Value<'_>, radix: u32) -> Result<String> {
    match value {
        Value::Float(number) => Ok(match value::float(number) {
            number if number.is_nan() => "+nan.0".into(),
            number if number.is_infinite() => if number > 0.0 { "+inf.0" } else { "-inf.0" }.into(),
            number => format!("{number:?}"),
        }),
        Value::Int(number) if radix == 10 => Ok(number.to_string()),
        _ => Ok(big(value)?.to_str_radix(radix)),
    }
}

/// Reads a number. A fraction is a floating-point number where it does not come out even.
pub fn parse<'a, B: Barrier>(cx: &'a Mutator<'_, B>, text: &str, radix: u32) -> Option<Value<'a>> {
    if let Some(rest) = text.strip_prefix('#') {
        let (mark, rest) = (rest.chars().next()?, rest.get(1..)?);
        return match mark.to_ascii_lowercase() {
            'x' => parse(cx, rest, 16),
            'b' => parse(cx, rest, 2),
            'o' => parse(cx, rest, 8),
            'd' => parse(cx, rest, 10),
            'e' => exact(cx, parse(cx, rest, radix)?).ok(),
            'i' => float(parse(cx, rest, radix)?).ok().map(Value::from),
            _ => None,
        };
    }
    match text {
        "+inf.0" => return Some(f64::INFINITY.into()),
        "-inf.0" => return Some(f64::NEG_INFINITY.into()),
        "+nan.0" | "-nan.0" => return Some(f64::NAN.into()),
        _ => {}
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let first = digits.chars().next()?;
    if !(first.is_digit(radix) || (first == '.' && digits.len() > 1)) {
        return None;
    }
    if let Ok(small) = Small::from_str_radix(text, radix) {
        return Some(Value::Int(small));
    }
    if digits.chars().all(|digit| digit.is_digit(radix)) {
        return integer(cx, BigInt::from_str_radix(text.strip_prefix('+').unwrap_or(text), radix).ok()?).ok();
    }
    if let Some((above, below)) = text.split_once('/') {
        return divide(cx, parse(cx, above, radix)?, parse(cx, below, radix)?).ok();
    }
    let plain = radix == 10 && digits.chars().all(|c| c.is_ascii_digit() || ".eE+-".contains(c));
    if plain { text.parse::<f64>().ok().map(Value::from) } else { None }
}
