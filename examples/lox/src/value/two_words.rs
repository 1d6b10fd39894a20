//! Values that are stored as they are.

use std::mem::discriminant;

use grisaille::{Gc, Str, Trace};

use super::Value;

/// A value as it is stored.
pub type Stored<'gc> = Value<'gc>;

/// The bits of a floating-point number.
#[derive(Clone, Copy, Trace)]
pub struct Number(u64);

#[inline(always)]
pub fn number(float: f64) -> Number {
    Number(float.to_bits())
}

#[inline(always)]
pub fn float(number: Number) -> f64 {
    f64::from_bits(number.0)
}

impl<'gc> Value<'gc> {
    /// Returns the value as it is stored.
    #[inline(always)]
    pub fn pack(self) -> Stored<'gc> {
        self
    }

    /// Returns a stored value.
    #[inline(always)]
    pub fn unpack(self) -> Value<'gc> {
        self
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
}

/// Returns whether two values are the same object, or the same number bit by bit.
#[inline(always)]
pub fn is_same<'gc>(a: Stored<'gc>, b: Stored<'gc>) -> bool {
    discriminant(&a) == discriminant(&b) && a.word() == b.word()
}
