//! The values of Lox variables.

use std::io::{self, Write};

use grisaille::{Gc, List, Str, Trace};

use crate::number;
use crate::object::{Bound, Class, Closure, Fiber, Instance, Native, Table};
use crate::source::text;

#[cfg_attr(feature = "packed", path = "value/one_word.rs")]
#[cfg_attr(not(feature = "packed"), path = "value/two_words.rs")]
mod form;

pub use form::{Number, Stored, float};

/// A value: two words, copied freely, and traced by the derive.
///
/// Every variant that carries something carries exactly one word, which is why numbers are wrapped and why there are
/// two variants for the booleans: so a value is passed in two registers. The tag is smaller than a word so that a copy
/// is two stores and two loads. A load of both words at once would have to wait for both stores to reach the cache.
///
/// Slots, stacks and lists hold a [`Stored`] value, which is the same or, with the feature `packed`, one word. Code that
/// only moves a value moves the stored one.
#[derive(Clone, Copy, Trace)]
#[cfg_attr(feature = "packed", derive(grisaille::Pack))]
#[repr(u32)]
pub enum Value<'gc> {
    /// No value: a global that is not defined, a field that was never set.
    Absent,
    Nil,
    False,
    True,
    Number(Number),
    /// Interned: the same text is the same object.
    Str(Str<'gc>),
    Closure(Gc<'gc, Closure<'gc>>),
    Class(Gc<'gc, Class<'gc>>),
    Instance(Gc<'gc, Instance<'gc>>),
    Bound(Gc<'gc, Bound<'gc>>),
    Native(Gc<'gc, Native>),
    Fiber(Gc<'gc, Fiber<'gc>>),
    List(Gc<'gc, List<'gc, Stored<'gc>>>),
    Map(Gc<'gc, Table<'gc>>),
}

impl From<f64> for Value<'_> {
    #[inline(always)]
    fn from(number: f64) -> Self {
        Value::Number(form::number(number))
    }
}

impl From<bool> for Value<'_> {
    #[inline(always)]
    fn from(truth: bool) -> Self {
        if truth { Value::True } else { Value::False }
    }
}

/// Returns whether a value counts as false.
#[inline(always)]
pub fn is_false(value: Stored<'_>) -> bool {
    matches!(value.unpack(), Value::Nil | Value::False)
}

/// Returns whether two values are equal as by Lox's `==`: numbers by value, all else by identity, which for strings is
/// equality of their text.
#[inline(always)]
pub fn equal<'gc>(a: Stored<'gc>, b: Stored<'gc>) -> bool {
    match (a.unpack(), b.unpack()) {
        (Value::Number(a), Value::Number(b)) => float(a) == float(b),
        _ => form::is_same(a, b),
    }
}

impl Value<'_> {
    /// Writes the value as `print` does. `name` returns a function's name by its index.
    pub fn write<'n>(self, out: &mut dyn Write, name: impl Fn(u32) -> Option<&'n str>) -> io::Result<()> {
        let function = |out: &mut dyn Write, closure: &Closure<'_>| match name(closure.function) {
            Some(name) => write!(out, "<fn {name}>"),
            None => write!(out, "<script>"),
        };
        match self {
            Value::Absent => unreachable!("an absent value is on no stack"),
            Value::Nil => write!(out, "nil"),
            Value::False => write!(out, "false"),
            Value::True => write!(out, "true"),
            Value::Number(number) => number::write(out, float(number)),
            Value::Str(string) => text::write(out, string.as_str()),
            Value::Closure(closure) => function(out, &closure),
            Value::Class(class) => write!(out, "{}", class.name.as_str()),
            Value::Instance(instance) => write!(out, "{} instance", instance.class.name.as_str()),
            Value::Bound(bound) => function(out, &bound.method),
            Value::Native(_) => write!(out, "<native fn>"),
            Value::Fiber(_) => write!(out, "<fiber>"),
            Value::List(list) => write!(out, "<list of {}>", list.len()),
            Value::Map(map) => write!(out, "<map of {}>", map.len()),
        }
    }
}
