//! How the variants of an enum are written in a word of 64 bits.
//!
//! ```text
//!  63        48 47       32 31                     0
//! +------------+-----------+------------------------+
//! | 0 to 14    | address of an object's payload     |   pointer; the number says which variant it is of
//! | 15         | variant   | a value of 32 bits     |   unit, boolean, small integer, character
//! | the bits of a double, inverted                  |   double: 2^52 - 1 and more
//! +------------+-----------+------------------------+
//! ```
//!
//! A double that is no NaN, inverted, is 2^52 - 1 (negative infinity) or more, and so is the one NaN that stands for all.
//! No word is 0, which is a pointer of no address, or a NaN that is never written.
//!
//! The word is kept as a pointer, so that a heap pointer never loses its provenance; all else is a pointer without
//! provenance.

use core::ptr::{NonNull, without_provenance_mut};

use crate::kit::array::Array;
use crate::kit::string::Str;
use crate::pointer::any::{AnyGc, AnyObject};
use crate::pointer::dynamic::DynGc;
use crate::pointer::gc::Gc;
use crate::pointer::weak::Weak;
use crate::space::header::ObjectPtr;

/// The word of a packed value.
pub(super) type Word = NonNull<()>;

/// Number of bits by which a tag is shifted.
const TAG: u32 = 48;
/// The bits of an address.
const ADDRESS: usize = (1 << TAG) - 1;
/// Number of bits by which a variant's number is shifted.
const VARIANT: u32 = 32;
/// The most variants that are pointers, of which each has a tag.
pub(super) const MOST_POINTERS: usize = 15;
/// The most variants. (More would fit; the list of their types is as deep as long, which the compiler does not like.)
pub(super) const MOST_VARIANTS: usize = 64;
/// All words below are pointers.
const LEAST_IMMEDIATE: usize = MOST_POINTERS << TAG;
/// This word and all above are doubles.
const LEAST_DOUBLE: usize = !f64::NEG_INFINITY.to_bits() as usize;
/// The NaN that stands for all: positive and quiet, without payload.
const NAN: u64 = 0x7ff8_0000_0000_0000;

const _: () = assert!(LEAST_IMMEDIATE | MOST_VARIANTS << VARIANT < LEAST_DOUBLE);
const _: () = assert!(f64::from_bits(NAN).is_nan() && !NAN as usize > LEAST_DOUBLE);

/// Returns the object, if the word is a pointer.
///
/// # Safety
/// The word must come from [`Field::into_word`], and if it is a pointer, the object must be live.
#[inline(always)]
pub(super) unsafe fn object_of(word: Word) -> Option<ObjectPtr> {
    (word.as_ptr().addr() < LEAST_IMMEDIATE).then(|| {
        // SAFETY: below `LEAST_IMMEDIATE` are the pointers of `Pointer::into_word`: without its tag it is the payload of
        // an object, provenance included.
        unsafe { ObjectPtr::from_payload(NonNull::new_unchecked(word.as_ptr().map_addr(|a| a & ADDRESS)).cast()) }
    })
}

/// Three ways of writing a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Pointer,
    Double,
    Immediate,
}

/// The place of a variant among those of its enum.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    kind: Kind,
    variant: usize,
    /// The tag of a pointer: the number of variants before that are pointers.
    tag: usize,
}

impl Place {
    /// Returns the place of the variant of that number.
    pub(super) const fn of<F: Fields + ?Sized>(variant: usize) -> Place {
        let () = F::CHECK;
        let bit = 1 << variant;
        let kind = if F::POINTERS & bit != 0 {
            Kind::Pointer
        } else if F::DOUBLES & bit != 0 {
            Kind::Double
        } else {
            Kind::Immediate
        };
        Place { kind, variant, tag: (F::POINTERS & (bit - 1)).count_ones() as usize }
    }

    /// Returns whether a word is of this variant.
    #[inline(always)]
    pub(super) fn is_of(self, word: Word) -> bool {
        let word = word.as_ptr().addr();
        match self.kind {
            Kind::Pointer => word >> TAG == self.tag,
            Kind::Double => word >= LEAST_DOUBLE,
            Kind::Immediate => word >> VARIANT == (LEAST_IMMEDIATE >> VARIANT) | self.variant,
        }
    }
}

/// A type that a variant may hold. Implemented here only.
///
/// # Safety
/// * `from_word` returns what `into_word` was given, for the same place; what both require of the place is checked where an
///   enum is [described](Fields::CHECK).
/// * `KIND` is that of the word, as of the place. A pointer's `trace` does no more than visit the object whose payload's address the word
///   has.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be held by a variant of an enum that derives `Pack`",
    label = "this does not fit the word beside a tag",
    note = "a variant holds nothing, a `bool`, a `char`, an integer of at most 32 bits, an `f64`, or a pointer to an object: `Gc`, `AnyGc`, `DynGc`, `Str`, `Array`, `Weak`",
    note = "what is larger goes into an object: `Gc<'gc, T>`"
)]
pub unsafe trait Field: Copy {
    const KIND: Kind;
    fn into_word(self, place: Place) -> Word;
    /// # Safety
    /// `into_word` must have returned the word for the same place, of this type, the lifetime in it apart; if that is a
    /// pointer, the object must be live for as long as the returned type says.
    unsafe fn from_word(word: Word, place: Place) -> Self;
}

/// Returns the word of a pointer to a payload.
#[inline(always)]
#[track_caller]
fn tagged(payload: NonNull<()>, tag: usize) -> Word {
    let address = payload.as_ptr().addr();
    if address > ADDRESS {
        too_wide(address);
    }
    payload.map_addr(|a| a | tag << TAG)
}

#[cold]
#[inline(never)]
#[track_caller]
fn too_wide(address: usize) -> ! {
    panic!("a pointer to {address:#x} cannot be packed: of an address 48 bits are kept, and this one has more")
}

fn without_provenance(word: usize) -> Word {
    debug_assert!(word != 0);
    // SAFETY: no word is 0: see the table.
    unsafe { NonNull::new_unchecked(without_provenance_mut(word)) }
}

/// The types of pointers to an object, by their conversions from and to a `Gc`.
macro_rules! pointers {
    ($([$($parameter:tt)*] $pointer:ty: $into:expr, $from:expr;)*) => {$(
        // SAFETY: the word is the payload's address with the tag in the bits that the address does not use, and `trace` of
        // each of these types visits the object.
        unsafe impl<$($parameter)*> Field for $pointer {
            const KIND: Kind = Kind::Pointer;
            #[inline(always)]
            #[track_caller]
            fn into_word(self, place: Place) -> Word {
                let object: ObjectPtr = $into(self);
                tagged(object.payload().cast(), place.tag)
            }
            #[inline(always)]
            unsafe fn from_word(word: Word, place: Place) -> Self {
                let payload = word.as_ptr().map_addr(|a| a.wrapping_sub(place.tag << TAG));
                // SAFETY: the caller's promise: the word is the payload of such an object, with this tag.
                unsafe { $from(ObjectPtr::from_payload(NonNull::new_unchecked(payload.cast()))) }
            }
        }
    )*};
}

pointers! {
    ['gc, T] Gc<'gc, T>: Gc::object, |object| Gc::from_object(object);
    ['gc] Str<'gc>: |string| Str::as_gc(string).object(), |object| Str::from(Gc::from_object(object));
    ['gc, T] Array<'gc, T>: |array| Array::as_gc(array).object(), |object| Array::from(Gc::from_object(object));
    ['gc, T: ?Sized] Weak<'gc, T>: Weak::cell, |cell| Weak::from_cell(cell);
    ['gc] AnyGc<'gc>: |any| AnyGc::as_gc(any).object(), |object| AnyGc::from(Gc::<AnyObject>::from_object(object));
    ['gc, D: ?Sized] DynGc<'gc, D>: |seen| DynGc::as_gc(seen).object(), |object| DynGc::from(Gc::from_object(object));
}

// SAFETY: inverting twice gives the same double. A NaN comes back as a NaN.
unsafe impl Field for f64 {
    const KIND: Kind = Kind::Double;
    #[inline(always)]
    fn into_word(self, _: Place) -> Word {
        let bits = if self.is_nan() { NAN } else { self.to_bits() };
        without_provenance(!bits as usize)
    }
    #[inline(always)]
    unsafe fn from_word(word: Word, _: Place) -> Self {
        f64::from_bits(!word.as_ptr().addr() as u64)
    }
}

/// Types of at most 32 bits.
macro_rules! immediates {
    ($($value:ty: $into:expr, $from:expr;)*) => {$(
        // SAFETY: the lower 32 bits are the value's, and each conversion is undone by the other.
        unsafe impl Field for $value {
            const KIND: Kind = Kind::Immediate;
            #[inline(always)]
            fn into_word(self, place: Place) -> Word {
                let bits: u32 = $into(self);
                without_provenance(LEAST_IMMEDIATE | place.variant << VARIANT | bits as usize)
            }
            #[inline(always)]
            unsafe fn from_word(word: Word, _: Place) -> Self {
                let bits = word.as_ptr().addr() as u32;
                // SAFETY: for `char`: the caller's promise: these are the bits of one.
                #[allow(unused_unsafe, reason = "only one of the conversions is unsafe")]
                unsafe { $from(bits) }
            }
        }
    )*};
}

immediates! {
    (): |()| 0, |_| ();
    bool: u32::from, |bits| bits != 0;
    char: u32::from, |bits| char::from_u32_unchecked(bits);
    u8: u32::from, |bits| bits as u8;
    u16: u32::from, |bits| bits as u16;
    u32: |bits| bits, |bits| bits;
    i8: |value: i8| value as u32, |bits| bits as i8;
    i16: |value: i16| value as u32, |bits| bits as i16;
    i32: i32::cast_unsigned, u32::cast_signed;
}

/// The types that the variants of an enum hold, as a list: `()`, or a pair of the first type and the list of the others.
/// A variant that holds nothing has `()`.
pub trait Fields {
    const VARIANTS: usize;
    /// A bit for each variant that is a pointer, the first variant's the lowest.
    const POINTERS: u64;
    /// A bit for each variant that is a double.
    const DOUBLES: u64;
    /// Fails to compile where a word would not tell the variants apart.
    const CHECK: () = {
        assert!(Self::VARIANTS <= MOST_VARIANTS, "an enum that derives `Pack` may have 64 variants at most");
        assert!(
            Self::DOUBLES.count_ones() <= 1,
            "of an enum that derives `Pack`, one variant at most may hold an `f64`"
        );
        assert!(
            Self::POINTERS.count_ones() as usize <= MOST_POINTERS,
            "of an enum that derives `Pack`, 15 variants at most may hold a pointer: there are no more tags"
        );
    };
}

impl Fields for () {
    const VARIANTS: usize = 0;
    const POINTERS: u64 = 0;
    const DOUBLES: u64 = 0;
}

impl<F: Field, R: Fields> Fields for (F, R) {
    const VARIANTS: usize = 1 + R::VARIANTS;
    const POINTERS: u64 = R::POINTERS << 1 | matches!(F::KIND, Kind::Pointer) as u64;
    const DOUBLES: u64 = R::DOUBLES << 1 | matches!(F::KIND, Kind::Double) as u64;
}

/// A list in which a variant has the position `P`: `()` for the first, `((),)` for the second, `(((),),)` for the third.
pub trait Nth<P> {
    /// The type that the variant holds.
    type Field;
    /// The number of the variant.
    const VARIANT: usize;
}

impl<F, R> Nth<()> for (F, R) {
    type Field = F;
    const VARIANT: usize = 0;
}

impl<F, R: Nth<P>, P> Nth<(P,)> for (F, R) {
    type Field = R::Field;
    const VARIANT: usize = 1 + R::VARIANT;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(address: usize) -> NonNull<()> {
        NonNull::without_provenance(address.try_into().unwrap())
    }

    #[test]
    fn an_address_of_48_bits_is_kept() {
        for tag in 0..MOST_POINTERS {
            let word = tagged(address(ADDRESS & !7), tag).as_ptr().addr();
            assert_eq!((word & ADDRESS, word >> TAG), (ADDRESS & !7, tag));
            assert!(word < LEAST_IMMEDIATE);
        }
    }

    #[test]
    #[should_panic(expected = "a pointer to 0x1000000000000 cannot be packed")]
    fn an_address_of_49_bits_is_refused() {
        tagged(address(ADDRESS + 1), 0);
    }

    #[test]
    #[should_panic(expected = "of an address 48 bits are kept")]
    fn an_address_with_a_tag_of_the_allocator_is_refused() {
        tagged(address(0xb400_0000_1000_0000), 1);
    }
}
