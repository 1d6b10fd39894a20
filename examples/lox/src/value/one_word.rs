//! Values that are stored in one word.

use grisaille::Packed;

use super::Value;

/// A value as it is stored.
pub type Stored<'gc> = Packed<Value<'gc>>;

/// A floating-point number.
pub type Number = f64;

#[inline(always)]
pub fn number(float: f64) -> Number {
    float
}

#[inline(always)]
pub fn float(number: Number) -> f64 {
    number
}

impl<'gc> Value<'gc> {
    /// Returns the value as it is stored.
    #[inline(always)]
    pub fn pack(self) -> Stored<'gc> {
        Packed::new(self)
    }
}

/// Returns whether two values are the same object, or the same number bit by bit.
#[inline(always)]
pub fn is_same<'gc>(a: Stored<'gc>, b: Stored<'gc>) -> bool {
    Packed::ptr_eq(a, b)
}
