//! Values that are stored in one word.

use grisaille::{Barrier, Mutator, Packed, Slot, Trace};

use super::Value;

/// A value as it is stored.
pub type Stored<'gc> = Packed<Value<'gc>>;

/// A field of an object that holds a value.
#[derive(Trace)]
pub struct ValueSlot<'gc>(Slot<Stored<'gc>>);

impl<'gc> ValueSlot<'gc> {
    #[inline(always)]
    pub fn new(value: Value<'gc>) -> Self {
        ValueSlot(Slot::new(value.pack()))
    }

    #[inline(always)]
    pub fn get(&self) -> Value<'gc> {
        self.0.unpack()
    }

    #[inline(always)]
    pub fn set<B: Barrier>(&self, cx: &Mutator<'_, B>, value: Value<'gc>) {
        self.0.pack(cx, value);
    }
}

/// An integer that is no `Big`.
pub type Small = i32;

/// A floating-point number.
pub type Float = f64;

#[inline(always)]
pub fn new_float(number: f64) -> Float {
    number
}

#[inline(always)]
pub fn float(number: Float) -> f64 {
    number
}

/// A character.
pub type Letter = char;

#[inline(always)]
pub fn new_letter(letter: char) -> Letter {
    letter
}

#[inline(always)]
pub fn letter(letter: Letter) -> char {
    letter
}

/// An index in a table.
pub type Index = u32;

#[inline(always)]
pub fn new_index(index: usize) -> Index {
    index as u32
}

#[inline(always)]
pub fn index(index: Index) -> usize {
    index as usize
}

impl<'gc> Value<'gc> {
    /// Returns the value as it is stored.
    #[inline(always)]
    pub fn pack(self) -> Stored<'gc> {
        Packed::new(self)
    }
}
