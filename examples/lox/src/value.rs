//! The values of Lox variables.

use std::io::{self, Write};
use std::mem::discriminant;

use grisaille::{Gc, List, Str, Trace};

use crate::number;
use crate::object::{Bound, Class, Closure, Fiber, Instance, Native, Table};
use crate::source::text;

/// A value: two words, copied freely, and traced by the derive.
///
/// Every variant that carries something carries exactly one word, which is why numbers are wrapped and why there are
/// two variants for the booleans: so a value is passed in two registers. The tag is smaller than a word so that a copy
/// is two stores and two loads. A load of both words at once would have to wait for both stores to reach the cache.
#[derive(Clone, Copy, Trace)]
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
    List(Gc<'gc, List<'gc, Value<'gc>>>),
    Map(Gc<'gc, Table<'gc>>),
}

/// The bits of a floating-point number.
#[derive(Clone, Copy, Trace)]
pub struct Number(u64);

impl Number {
    #[inline(always)]
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl From<f64> for Value<'_> {
    #[inline(always)]
    fn from(number: f64) -> Self {
        Value::Number(Number(number.to_bits()))
    }
}

impl From<bool> for Value<'_> {
    #[inline(always)]
    fn from(truth: bool) -> Self {
        if truth { Value::True } else { Value::False }
    }
}

impl Value<'_> {
    #[inline(always)]
    pub fn is_false(self) -> bool {
        matches!(self, Value::Nil | Value::False)
    }

    /// Returns whether the two are equal as by Lox's `==`: numbers by value, all else by identity, which for strings is
    /// equality of their text.
    #[inline(always)]
    pub fn equals(self, other: Self) -> bool {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => a.get() == b.get(),
            _ => discriminant(&self) == discriminant(&other) && self.word() == other.word(),
        }
    }

    /// Returns the word that the value carries.
    #[inline(always)]
    fn word(self) -> usize {
        match self {
            Value::Absent | Value::Nil | Value::False | Value::True => 0,
            Value::Number(number) => number.0 as usize,
            Value::Str(string) => Str::addr(string),
            Value::Closure(closure) => Gc::addr(closure),
            Value::Class(class) => Gc::addr(class),
            Value::Instance(instance) => Gc::addr(instance),
            Value::Bound(bound) => Gc::addr(bound),
            Value::Native(native) => Gc::addr(native),
            Value::Fiber(fiber) => Gc::addr(fiber),
            Value::List(list) => Gc::addr(list),
            Value::Map(map) => Gc::addr(map),
        }
    }

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
            Value::Number(number) => number::write(out, number.get()),
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
