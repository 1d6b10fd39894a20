//! The procedures that are written in Rust.

mod control;
mod lists;
mod numbers;
mod ports;
mod texts;
mod vectors;

use grisaille::{Barrier, Gc};

use crate::code::{CallBack, Function, Many, One, Primitive, Two};
use crate::error::{Error, Result};
use crate::value::{Pair, Value};

pub use lists::equal;
pub use texts::text;

/// A table of primitives.
type Table<B> = Vec<Primitive<B>>;

pub fn all<B: Barrier>() -> Table<B> {
    let mut all = lists::table();
    all.extend(numbers::table());
    all.extend(texts::table());
    all.extend(vectors::table());
    all.extend(ports::table());
    all.extend(control::table());
    all
}

/// No bound on the number of arguments.
const ANY: usize = usize::MAX;

fn one<B: Barrier>(name: &'static str, f: One<B>) -> Primitive<B> {
    Primitive { name, least: 1, most: 1, function: Function::One(f) }
}

fn two<B: Barrier>(name: &'static str, f: Two<B>) -> Primitive<B> {
    Primitive { name, least: 2, most: 2, function: Function::Two(f) }
}

fn many<B: Barrier>(name: &'static str, least: usize, most: usize, f: Many<B>) -> Primitive<B> {
    Primitive { name, least, most, function: Function::Many(f) }
}

/// A primitive that is mostly called with two arguments.
fn fold<B: Barrier>(name: &'static str, least: usize, two: Two<B>, f: Many<B>) -> Primitive<B> {
    Primitive { name, least, most: ANY, function: Function::TwoOrMany(two, f) }
}

fn calling<B: Barrier>(name: &'static str, least: usize, most: usize, f: CallBack<B>) -> Primitive<B> {
    Primitive { name, least, most, function: Function::Calling(f) }
}

fn pair<'a>(value: Value<'a>) -> Result<Gc<'a, Pair<'a>>> {
    match value {
        Value::Pair(pair) => Ok(pair),
        _ => Err(Error::wrong("a pair", value)),
    }
}

fn index(value: Value<'_>) -> Result<usize> {
    match value {
        Value::Int(number) => usize::try_from(number).map_err(|_| Error::wrong("an index", value)),
        Value::Big(big) => usize::try_from(&big.0.0).map_err(|_| Error::wrong("an index", value)),
        _ => Err(Error::wrong("an index", value)),
    }
}

/// Returns the range that two optional arguments give, of a sequence of that length.
fn range(arguments: &[Value<'_>], length: usize) -> Result<std::ops::Range<usize>> {
    let start = arguments.first().map_or(Ok(0), |start| index(*start))?;
    let end = arguments.get(1).map_or(Ok(length), |end| index(*end))?;
    if start <= end && end <= length {
        return Ok(start..end);
    }
    Err(Error::new(format!("there is no range from {start} to {end} in what has {length} elements")))
}

fn element<'e, T>(elements: &'e [T], at: Value<'_>) -> Result<&'e T> {
    let length = elements.len();
    let absent =
        || Error::new(format!("there is no element {} in what has {length} elements", crate::print::written(at)));
    elements.get(index(at)?).ok_or_else(absent)
}

/// Returns the elements of a list, which must be one.
fn elements<'a>(list: Value<'a>) -> Result<Vec<Value<'a>>> {
    match length(list) {
        Some(_) => Ok(list.iter().collect()),
        None => Err(Error::wrong("a list", list)),
    }
}

/// Returns the length of a list, or nothing where it is none: it ends in another value, or nowhere.
fn length(list: Value<'_>) -> Option<usize> {
    // The slow end moves half as far as the fast one, and meets it where there is no end.
    let (mut slow, mut fast, mut length) = (list.iter(), list.iter(), 0);
    while fast.next().is_some() {
        length += 1;
        if length % 2 == 0 {
            slow.next();
            if matches!(slow.rest(), Value::Pair(_)) && slow.rest().same(fast.rest()) {
                return None;
            }
        }
    }
    matches!(fast.rest(), Value::Nil).then_some(length)
}
