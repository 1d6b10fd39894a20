//! Values that are stored as they are. What each variant carries is one word, so that a value is passed in two registers.

use grisaille::{Slot, Trace};

use super::Value;

/// A value as it is stored.
pub type Stored<'gc> = Value<'gc>;

/// A field of an object that holds a value.
pub type ValueSlot<'gc> = Slot<Value<'gc>>;

/// An integer that is no `Big`.
pub type Small = i64;

/// The bits of a floating-point number.
#[derive(Clone, Copy, Trace)]
pub struct Float(u64);

#[inline(always)]
pub fn new_float(number: f64) -> Float {
    Float(number.to_bits())
}

#[inline(always)]
pub fn float(number: Float) -> f64 {
    f64::from_bits(number.0)
}

/// A character, in a word.
#[derive(Clone, Copy, Trace)]
pub struct Letter(u64);

#[inline(always)]
pub fn new_letter(letter: char) -> Letter {
    Letter(u64::from(u32::from(letter)))
}

#[inline(always)]
pub fn letter(letter: Letter) -> char {
    char::from_u32(letter.0 as u32).expect("it was made from a character")
}

/// An index in a table.
pub type Index = usize;

#[inline(always)]
pub fn new_index(index: usize) -> Index {
    index
}

#[inline(always)]
pub fn index(index: Index) -> usize {
    index
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
}
