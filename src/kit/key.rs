//! [`Key`]: the types of keys of a [`Map`](super::map::Map).

use core::fmt;
use core::hash::{BuildHasher, Hash, Hasher};
use std::sync::LazyLock;

use super::string::Str;
use crate::mark::tracer::Tracer;
use crate::pointer::gc::Gc;
use crate::trace::Trace;

/// Seals [`Key`](super::Key): hashing and comparing run while a table is borrowed, so they are never a user's code.
pub(crate) mod sealed {
    pub trait Key {
        fn hash_key(&self) -> u64;
        fn is_same(&self, other: &Self) -> bool;
    }
}

/// A key of a [`Map`](crate::Map): strings by their text (one comparison of pointers where they are
/// [interned](crate::Mutator::intern)), objects by [`Identity`], [tagged words](crate::Tagged) by their word, integers,
/// `bool`, `char`, and tuples and options of these. Sealed: hashing and comparing run inside the table.
///
/// All hashes are keyed at random by process. The hashes of strings resist texts that are chosen to
/// [collide](Str#hashes). The hashes of all other keys do not: their function is fast and was not made for that, and
/// numbers that an attacker chooses may make a map as slow as a list.
///
/// ```
/// use grisaille::{Gc, Heap, Map};
///
/// Heap::new().enter(|cx| {
///     let map: Gc<'_, Map<'_, (u32, char), bool>> = cx.alloc(Map::new());
///     map.insert(cx, (7, 'x'), true);
///     assert_eq!(map.get((7, 'x')), Some(true));
/// });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a `Map`",
    label = "not a `Key`, a trait that is sealed: hashing and comparing run while the table is borrowed",
    note = "keys are strings (`Str`), objects (`Identity`), `Tagged` words, integers, `bool`, `char`, and tuples and options of these"
)]
#[allow(private_bounds, reason = "the seal")]
pub trait Key: Trace + Copy + sealed::Key {}

impl<K: Trace + Copy + sealed::Key> Key for K {}

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
impl sealed::Key for Str<'_> {
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
        impl sealed::Key for $word {
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

impl<K: sealed::Key> sealed::Key for Option<K> {
    #[inline]
    fn hash_key(&self) -> u64 {
        self.as_ref().map_or(0, sealed::Key::hash_key)
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

macro_rules! tuples {
    ($($part:ident $index:tt)*) => {
        impl<$($part: sealed::Key),*> sealed::Key for ($($part,)*) {
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

impl<T: ?Sized> sealed::Key for Identity<'_, T> {
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
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
    }
}

impl<T: ?Sized> fmt::Debug for Identity<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.0).finish()
    }
}
