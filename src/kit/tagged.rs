//! [`Tagged`]: a pointer or a small number, in one word.
//!
//! ```text
//!  63                                                     3 2 1 0
//! +--------------------------------------------------------+-----+
//! | address of an object's payload, a multiple of 8        | 0 0 0|   pointer
//! | a signed integer of 63 bits                                | 1|   integer
//! | a constant of 32 bits                                  | 0 1 0|   constant
//! +--------------------------------------------------------+-----+
//! ```
//!
//! The word is kept as a pointer, so that a heap pointer never loses its provenance; integers and constants are
//! pointers without provenance.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::ptr::{NonNull, without_provenance_mut};

use super::key::{Key, hash_word};
use crate::mark::tracer::Tracer;
use crate::pointer::gc::Gc;
use crate::space::header::ObjectPtr;
use crate::trace::Trace;

const INTEGER: usize = 1;
const CONSTANT: usize = 2;
const TAGS: usize = 7;
/// Number of bits by which a constant is shifted.
const SHIFT: u32 = 3;

/// One word that holds a pointer to a `T`, an integer of 63 bits (31 where words have 32), or one of 2^29 constants
/// (such as nil, true and false, or characters).
///
/// A [`Slot`](crate::Slot) of a tagged word is one atomic word, an `Option` of one is still one word, and a tagged word
/// may be the key of a [`Map`](crate::Map), by identity. For objects of several types, `T` is an enum.
///
/// ```
/// use grisaille::{Gc, Heap, Slot, Tagged, Trace, Untagged};
///
/// type Value<'gc> = Tagged<'gc, Pair<'gc>>;
///
/// #[derive(Trace)]
/// struct Pair<'gc> {
///     car: Slot<Value<'gc>>,
///     cdr: Slot<Value<'gc>>,
/// }
///
/// fn sum(mut list: Value<'_>) -> isize {
///     let mut sum = 0;
///     while let Untagged::Object(pair) = list.get() {
///         sum += pair.car.get().as_integer().unwrap_or(0);
///         list = pair.cdr.get();
///     }
///     sum
/// }
///
/// Heap::new().enter(|cx| {
///     let nil = Value::constant(0);
///     let two = cx.alloc(Pair { car: Slot::new(Value::integer(2).unwrap()), cdr: Slot::new(nil) });
///     let one = cx.alloc(Pair { car: Slot::new(Value::integer(1).unwrap()), cdr: Slot::new(two.into()) });
///     assert_eq!(sum(one.into()), 3);
///     assert_eq!(size_of::<Pair<'_>>(), 16);
/// });
/// ```
#[repr(transparent)]
pub struct Tagged<'gc, T> {
    word: NonNull<()>,
    _object: PhantomData<Gc<'gc, T>>,
}

/// The content of a [`Tagged`] word, as [`Tagged::get`] returns it.
///
/// ```
/// use grisaille::{Tagged, Untagged};
///
/// assert!(matches!(Tagged::<()>::constant(3).get(), Untagged::Constant(3)));
/// ```
#[non_exhaustive]
pub enum Untagged<'gc, T> {
    /// A pointer.
    Object(Gc<'gc, T>),
    /// An integer.
    Integer(isize),
    /// A constant.
    Constant(u32),
}

impl<'gc, T> Tagged<'gc, T> {
    /// The greatest integer that fits.
    ///
    /// ```
    /// # use grisaille::Tagged;
    /// assert!(Tagged::<()>::integer(Tagged::<()>::MAX).is_some() && Tagged::<()>::integer(Tagged::<()>::MAX + 1).is_none());
    /// ```
    pub const MAX: isize = isize::MAX >> 1;
    /// The least integer that fits.
    ///
    /// ```
    /// # use grisaille::Tagged;
    /// assert!(Tagged::<()>::integer(Tagged::<()>::MIN).is_some() && Tagged::<()>::integer(Tagged::<()>::MIN - 1).is_none());
    /// ```
    pub const MIN: isize = isize::MIN >> 1;
    /// The greatest constant.
    ///
    /// ```
    /// # use grisaille::Tagged;
    /// assert!(char::MAX as u32 <= Tagged::<()>::MAX_CONSTANT); // a constant may be a character
    /// ```
    pub const MAX_CONSTANT: u32 = u32::MAX >> SHIFT;

    const fn without_object(bits: usize) -> Self {
        // A tag is set, so the word is not zero.
        match NonNull::new(without_provenance_mut(bits)) {
            Some(word) => Tagged { word, _object: PhantomData },
            None => unreachable!(),
        }
    }

    /// Makes a word that holds a pointer, as `From` does.
    ///
    /// ```
    /// # use grisaille::{Heap, Tagged};
    /// # Heap::new().enter(|cx| {
    /// let word = Tagged::object(cx.alloc(1.5));
    /// assert_eq!(word.as_object().map(|number| *number), Some(1.5));
    /// # });
    /// ```
    #[inline(always)]
    pub fn object(object: Gc<'gc, T>) -> Self {
        Tagged { word: object.object().payload().cast(), _object: PhantomData }
    }

    /// Makes a word that holds an integer, or returns `None` where the integer does not fit.
    ///
    /// ```
    /// # use grisaille::Tagged;
    /// assert_eq!(Tagged::<()>::integer(-5).unwrap().as_integer(), Some(-5));
    /// assert!(Tagged::<()>::integer(isize::MAX).is_none());
    /// ```
    #[inline(always)]
    pub const fn integer(integer: isize) -> Option<Self> {
        if integer >= Self::MIN && integer <= Self::MAX {
            Some(Tagged::without_object((integer << 1).cast_unsigned() | INTEGER))
        } else {
            None
        }
    }

    /// Makes a word that holds a constant.
    ///
    /// ```
    /// # use grisaille::Tagged;
    /// const NIL: Tagged<'_, ()> = Tagged::constant(0);
    /// assert_eq!(NIL.as_constant(), Some(0));
    /// ```
    ///
    /// # Panics
    /// When the constant is greater than [`MAX_CONSTANT`](Tagged::MAX_CONSTANT).
    #[inline(always)]
    #[track_caller]
    pub const fn constant(constant: u32) -> Self {
        assert!(constant <= Self::MAX_CONSTANT, "the constant is too large for a tagged word");
        Tagged::without_object((constant as usize) << SHIFT | CONSTANT)
    }

    #[inline(always)]
    fn bits(self) -> usize {
        self.word.as_ptr().addr()
    }

    #[inline(always)]
    fn is_object(self) -> bool {
        self.bits() & TAGS == 0
    }

    /// Returns the content of the word.
    ///
    /// ```
    /// # use grisaille::{Heap, Tagged, Untagged};
    /// # Heap::new().enter(|cx| {
    /// let words = [Tagged::object(cx.alloc(7)), Tagged::integer(8).unwrap(), Tagged::constant(9)];
    /// let sum: i64 = words.iter().map(|word| match word.get() {
    ///     Untagged::Object(number) => *number,
    ///     Untagged::Integer(number) => number as i64,
    ///     Untagged::Constant(number) => number.into(),
    ///     _ => unreachable!(),
    /// }).sum();
    /// assert_eq!(sum, 24);
    /// # });
    /// ```
    #[inline(always)]
    pub fn get(self) -> Untagged<'gc, T> {
        if let Some(object) = self.as_object() {
            Untagged::Object(object)
        } else if let Some(integer) = self.as_integer() {
            Untagged::Integer(integer)
        } else {
            Untagged::Constant((self.bits() >> SHIFT) as u32)
        }
    }

    /// Returns the pointer, or `None` where the word holds no pointer.
    ///
    /// ```
    /// # use grisaille::{Heap, Tagged};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(Tagged::object(cx.alloc(7)).as_object().map(|number| *number), Some(7));
    /// assert!(Tagged::<i32>::constant(7).as_object().is_none());
    /// # });
    /// ```
    #[inline(always)]
    pub fn as_object(self) -> Option<Gc<'gc, T>> {
        // SAFETY: without a tag the word is the payload of a `Gc<'gc, T>`, provenance included.
        self.is_object().then(|| unsafe { Gc::from_object(ObjectPtr::from_payload(self.word.cast())) })
    }

    /// Returns the integer, or `None` where the word holds no integer.
    ///
    /// ```
    /// # use grisaille::Tagged;
    /// assert_eq!(Tagged::<()>::integer(7).unwrap().as_integer(), Some(7));
    /// assert_eq!(Tagged::<()>::constant(7).as_integer(), None);
    /// ```
    #[inline(always)]
    pub fn as_integer(self) -> Option<isize> {
        (self.bits() & INTEGER != 0).then(|| self.bits().cast_signed() >> 1)
    }

    /// Returns the constant, or `None` where the word holds no constant.
    ///
    /// ```
    /// # use grisaille::Tagged;
    /// assert_eq!(Tagged::<()>::constant(7).as_constant(), Some(7));
    /// assert_eq!(Tagged::<()>::integer(7).unwrap().as_constant(), None);
    /// ```
    #[inline(always)]
    pub fn as_constant(self) -> Option<u32> {
        (self.bits() & TAGS == CONSTANT).then(|| (self.bits() >> SHIFT) as u32)
    }
}

impl<T> Clone for Tagged<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Tagged<'_, T> {}

/// Compares words: equal where both hold the same number, or the same object.
impl<T> PartialEq for Tagged<'_, T> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

impl<T> Eq for Tagged<'_, T> {}

/// Hashes the word: the number, or the object's address.
impl<T> Hash for Tagged<'_, T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits().hash(state);
    }
}

impl<'gc, T> From<Gc<'gc, T>> for Tagged<'gc, T> {
    #[inline(always)]
    fn from(object: Gc<'gc, T>) -> Self {
        Tagged::object(object)
    }
}

// SAFETY: computes with the word itself; the address in it is the object's for as long as the object lives.
unsafe impl<T: Trace> Key for Tagged<'_, T>
where
    for<'a> T::At<'a>: Sized,
{
    #[inline(always)]
    fn hash_key(&self) -> u64 {
        hash_word(self.bits() as u64)
    }
    #[inline(always)]
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }
}

// SAFETY: passes the pointer on, where it is one; `At` replaces the lifetime in it. One word without padding, which is
// always initialized.
unsafe impl<T: Trace> Trace for Tagged<'_, T>
where
    for<'a> T::At<'a>: Sized,
{
    type At<'a> = Tagged<'a, T::At<'a>>;
    const ATOMIC_WORD: bool = true;
    const MAX_POINTERS: usize = 1;
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if let Some(object) = self.as_object() {
            object.trace(tracer);
        }
    }
}

impl<T> Clone for Untagged<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Untagged<'_, T> {}

/// Compares words: equal where both are the same number, or the same object.
impl<T> PartialEq for Untagged<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Untagged::Object(a), Untagged::Object(b)) => Gc::ptr_eq(a, b),
            (Untagged::Integer(a), Untagged::Integer(b)) => a == b,
            (Untagged::Constant(a), Untagged::Constant(b)) => a == b,
            _ => false,
        }
    }
}

impl<T> Eq for Untagged<'_, T> {}

/// Prints an address for a pointer.
impl<T> fmt::Debug for Untagged<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Untagged::Object(object) => f.debug_tuple("Object").field(object).finish(),
            Untagged::Integer(integer) => f.debug_tuple("Integer").field(integer).finish(),
            Untagged::Constant(constant) => f.debug_tuple("Constant").field(constant).finish(),
        }
    }
}

/// Prints an address for a pointer.
impl<T> fmt::Debug for Tagged<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Word = Tagged<'static, u64>;

    #[test]
    fn one_word_with_a_niche() {
        assert_eq!(size_of::<Word>(), size_of::<usize>());
        assert_eq!(size_of::<Option<Word>>(), size_of::<usize>());
    }

    #[test]
    fn bounds() {
        for integer in [Word::MIN, -1, 0, 1, Word::MAX] {
            assert_eq!(Word::integer(integer).unwrap().as_integer(), Some(integer));
        }
        assert!(Word::integer(Word::MAX + 1).is_none() && Word::integer(Word::MIN - 1).is_none());
        assert_eq!(Word::constant(Word::MAX_CONSTANT).as_constant(), Some(Word::MAX_CONSTANT));
        assert!(std::panic::catch_unwind(|| Word::constant(Word::MAX_CONSTANT + 1)).is_err());
    }

    proptest! {
        #[test]
        fn each_is_itself_only(integer in Word::MIN..=Word::MAX, constant in 0..=Word::MAX_CONSTANT) {
            let (a, b) = (Word::integer(integer).unwrap(), Word::constant(constant));
            prop_assert_eq!((a.as_integer(), a.as_constant(), a.as_object().is_none()), (Some(integer), None, true));
            prop_assert_eq!((b.as_integer(), b.as_constant(), b.as_object().is_none()), (None, Some(constant), true));
            prop_assert!(a != b);
        }
    }
}
