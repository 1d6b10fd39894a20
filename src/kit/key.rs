//! [`Key`]: the types of keys of a [`Map`](super::map::Map).

use core::fmt;
use core::hash::{BuildHasher, Hash, Hasher};
use std::sync::LazyLock;

use super::string::Str;
use crate::fault::{self, Fault};
use crate::mark::tracer::Tracer;
use crate::pointer::gc::Gc;
use crate::trace::Trace;
use crate::trace::private::Only;

/// A key of a [`Map`](crate::Map).
///
/// | keys | are the same where |
/// |---|---|
/// | strings ([`Str`](crate::Str)) | the texts are equal (one comparison of pointers where both are [interned](crate::Mutator::intern)) |
/// | objects, as [`Identity`] | the object is the same, whatever it holds |
/// | [tagged words](crate::Tagged) | the words are equal: numbers by value, objects by identity |
/// | [packed values](crate::Packed#as-a-key) | the words are equal: numbers bit by bit, objects by identity |
/// | integers, `bool`, `char`, `()` | they are equal |
/// | tuples and arrays of keys, options of keys | all parts are the same |
/// | a type of yours, by `#[derive(Key)]` | the variant is the same, and all fields are |
///
/// The derive is for structs and enums that are `Copy` and [`Trace`], and whose fields are all keys. The type may have an
/// equality of its own ([`PartialEq`]), which plays no part: a map goes by the structure. Where a field is to count by its
/// identity, its type is [`Identity`].
///
/// All hashes are keyed at random by process. The hashes of strings resist texts that are chosen to
/// [collide](Str#hashes). The hashes of all other keys do not: their function is fast and was not made for that, and
/// numbers that an attacker chooses may make a map as slow as a list.
///
/// ```
/// use grisaille::{Gc, Heap, Identity, Key, Map, Str, Trace};
///
/// /// What the constants of a program are found by.
/// #[derive(Clone, Copy, Trace, Key)]
/// enum Constant<'gc> {
///     Nil,
///     Bits(u64), // of an `f64`, which is no key: a NaN is not equal to itself
///     Text(Str<'gc>),
///     Object(Identity<'gc, i64>),
/// }
///
/// Heap::new().enter(|cx| {
///     let constants = cx.alloc(Map::<'_, Constant<'_>, u32>::new());
///     constants.insert(cx, Constant::Text(cx.intern("name")), 0);
///     constants.insert(cx, Constant::Bits(0.5f64.to_bits()), 1);
///     constants.insert(cx, Constant::Nil, 2);
///     assert_eq!(constants.get(Constant::Text(cx.alloc_str("name"))), Some(0));
///     assert_eq!(constants.get(Constant::Object(cx.alloc(7).into())), None);
/// });
/// ```
///
/// # Safety
///
/// The functions of this trait run while a map's table is borrowed, exclusively where it grows. So they
///
/// * must call nothing but functions of the same trait, and what computes without a heap: no code that could lead back to
///   a map, and so no function that comes from elsewhere, such as `Hash` or `PartialEq` of a type that is not known;
/// * must not panic;
/// * must have the same result for the same key each time, at whatever lifetime, while the key is alive: what they read
///   must not change, so it cannot lie in a [`Slot`](crate::Slot) or behind a lock;
/// * `is_same` must be an equivalence, and keys that are the same must have the same hash.
///
/// The derive's impls do that. An impl by hand is hardly ever needed: wrap the value in a type with other fields.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a `Map`",
    label = "not a `Key`",
    note = "a type of your own is a key by `#[derive(Clone, Copy, Trace, Key)]`, where all its fields are keys; an object by `Identity`, an `f64` by its bits",
    note = "keys are strings (`Str`), `Tagged` and `Packed` words, integers, `bool`, `char`, and tuples, arrays and options of keys"
)]
pub unsafe trait Key: Trace + Copy {
    /// Returns the hash of the key.
    ///
    /// ```
    /// use grisaille::Key;
    ///
    /// assert_eq!((1u32, 'a').hash_key(), (1u32, 'a').hash_key());
    /// ```
    fn hash_key(&self) -> u64;

    /// Returns whether two keys are the same.
    ///
    /// ```
    /// use grisaille::Key;
    ///
    /// assert!(Some(7u8).is_same(&Some(7)) && !Some(7u8).is_same(&None));
    /// ```
    fn is_same(&self, other: &Self) -> bool;

    // The derive's impls consist of calls of these. They take fields in tuples, so that nothing is coerced on the way (a
    // reference to a field would become one to what the field dereferences to, by a user's code), and the type of a field
    // is the compiler's finding and not the macro's. As for `Trace`, no other name is used.

    /// Returns the hash of a key that is the only field of another.
    #[doc(hidden)]
    #[inline(always)]
    fn __hash_only<K: Key>(field: (&K,)) -> u64 {
        field.0.hash_key()
    }

    /// Returns the hash of the fields before, and of one more.
    #[doc(hidden)]
    #[inline(always)]
    fn __hash_field<K: Key>(before: u64, field: (&K,)) -> u64 {
        hash_word(before ^ field.0.hash_key())
    }

    /// Returns the hash of a variant without fields.
    #[doc(hidden)]
    #[inline(always)]
    fn __hash_variant(variant: u64) -> u64 {
        hash_word(variant)
    }

    /// Returns whether two fields are the same.
    #[doc(hidden)]
    #[inline(always)]
    fn __is_same_field<K: Key>(one: (&K,), other: (&K,)) -> bool {
        one.0.is_same(other.0)
    }
}

/// Hashes a word, with a key that is random by process, so that the same numbers do not collide in each. The function
/// (`hashbrown`'s default) does not resist numbers that are chosen to collide; what a function that does costs is in
/// `docs/experiments.md`.
#[inline]
pub(crate) fn hash_word(word: u64) -> u64 {
    static STATE: LazyLock<hashbrown::DefaultHashBuilder> = LazyLock::new(Default::default);
    STATE.hash_one(word)
}

/// Hashes by the stored hash. Keys are the same where the pointers are, or the texts; texts are compared only where the
/// words that hold length and hash are equal, which is very rare for strings that differ.
// SAFETY: reads the string object, which does not change, and calls functions of this crate.
unsafe impl Key for Str<'_> {
    #[inline(always)]
    fn hash_key(&self) -> u64 {
        self.hash_code()
    }
    #[inline(always)]
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }
}

macro_rules! words {
    ($($word:ty),*) => {$(
        // SAFETY: computes with the value itself.
        unsafe impl Key for $word {
            #[inline(always)]
            #[allow(clippy::cast_sign_loss, clippy::cast_lossless, reason = "any injection will do")]
            fn hash_key(&self) -> u64 {
                hash_word(*self as u64)
            }
            #[inline(always)]
            fn is_same(&self, other: &Self) -> bool {
                self == other
            }
        }
    )*};
}

words!(bool, char, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

// SAFETY: calls functions of the trait.
unsafe impl<K: Key> Key for Option<K>
where
    for<'a> K::At<'a>: Sized,
{
    #[inline]
    fn hash_key(&self) -> u64 {
        self.as_ref().map_or(0, Key::hash_key)
    }
    #[inline]
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(a), Some(b)) => a.is_same(b),
            (None, None) => true,
            _ => false,
        }
    }
}

// SAFETY: there is one value.
unsafe impl Key for () {
    #[inline(always)]
    fn hash_key(&self) -> u64 {
        0
    }
    #[inline(always)]
    fn is_same(&self, _: &Self) -> bool {
        true
    }
}

// SAFETY: calls functions of the trait.
unsafe impl<K: Key, const N: usize> Key for [K; N]
where
    for<'a> K::At<'a>: Sized,
{
    #[inline]
    fn hash_key(&self) -> u64 {
        self.iter().fold(0, |hash, part| hash_word(hash ^ part.hash_key()))
    }
    #[inline]
    fn is_same(&self, other: &Self) -> bool {
        self.iter().zip(other).all(|(one, other)| one.is_same(other))
    }
}

macro_rules! tuples {
    ($($part:ident $index:tt)*) => {
        // SAFETY: calls functions of the trait.
        unsafe impl<$($part: Key),*> Key for ($($part,)*)
        where
            $(for<'a> $part::At<'a>: Sized,)*
        {
            #[inline]
            fn hash_key(&self) -> u64 {
                let hash = 0u64;
                $(let hash = hash_word(hash ^ self.$index.hash_key());)*
                hash
            }
            #[inline]
            fn is_same(&self, other: &Self) -> bool {
                $(self.$index.is_same(&other.$index))&&*
            }
        }
    };
}

tuples!(A 0 B 1);
tuples!(A 0 B 1 C 2);
tuples!(A 0 B 1 C 2 D 3);

/// An object as a key: equal to another where both are the same object, whatever the object holds. The heap does not
/// move objects.
///
/// ```
/// use grisaille::{Gc, Heap, Identity, Map};
///
/// Heap::new().enter(|cx| {
///     let (a, b) = (cx.alloc(1), cx.alloc(1));
///     let seen: Gc<'_, Map<'_, Identity<'_, i64>, ()>> = cx.alloc(Map::new());
///     seen.insert(cx, Identity(a), ());
///     assert!(seen.contains_key(Identity(a)) && !seen.contains_key(Identity(b)));
/// });
/// ```
pub struct Identity<'gc, T: ?Sized>(
    /// The object.
    pub Gc<'gc, T>,
);

impl<T: ?Sized> Clone for Identity<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Identity<'_, T> {}

/// Compares addresses: two are equal where the object is the same.
impl<T: ?Sized> PartialEq for Identity<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        Gc::ptr_eq(self.0, other.0)
    }
}

impl<T: ?Sized> Eq for Identity<'_, T> {}

/// Hashes the address of the object, which no other object has while the object lives.
impl<T: ?Sized> Hash for Identity<'_, T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Gc::addr(self.0).hash(state);
    }
}

impl<'gc, T: ?Sized> From<Gc<'gc, T>> for Identity<'gc, T> {
    fn from(object: Gc<'gc, T>) -> Self {
        Identity(object)
    }
}

// SAFETY: computes with the address, which is the object's for as long as the object lives.
unsafe impl<T: ?Sized + Trace> Key for Identity<'_, T> {
    #[inline(always)]
    fn hash_key(&self) -> u64 {
        hash_word(Gc::addr(self.0) as u64)
    }
    #[inline(always)]
    fn is_same(&self, other: &Self) -> bool {
        Gc::ptr_eq(self.0, other.0)
    }
}

// SAFETY: passes the pointer on.
unsafe impl<T: ?Sized + Trace> Trace for Identity<'_, T> {
    type At<'a> = Identity<'a, T::At<'a>>;
    const ATOMIC_WORD: bool = <Gc<'_, T> as Trace>::ATOMIC_WORD;
    const MAX_POINTERS: usize = 1;
    const AT_MOST_ONE: bool = true;
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if !fault::is(Fault::IdentitiesAreNotTraced) {
            self.0.trace(tracer);
        }
    }
    #[inline(always)]
    fn __only(&self) -> Only {
        if fault::is(Fault::IdentitiesAreNotTraced) { Only::NONE } else { self.0.__only() }
    }
}

impl<T: ?Sized> fmt::Debug for Identity<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.0).finish()
    }
}
