//! [`Rooted`]: a value that is rooted until its scope ends.

use core::fmt;
use core::marker::PhantomData;

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::trace::{Trace, restamp};

/// A value that is rooted until the scope in which it was rooted ends: `Copy`, and free to read.
///
/// [`Mutator::root`] makes a `Rooted`. The objects that its value points to stay alive until the scope ends, through
/// every safepoint; [`get`](Rooted::get) returns the value for use until the next safepoint.
///
/// `Rooted`s of values that contain a [`Slot`](crate::Slot) are of different types where they come from different
/// scopes: see [what the compiler says](crate#lifetimes-and-what-the-compiler-says-of-them). `cx.root(outer.get(cx))`
/// makes one of the innermost scope. A value that a loop carries from turn to turn belongs in a
/// [`Persistent`](crate::Persistent) that is set, or on a [`Stack`](crate::Stack): a new `Rooted` in each turn adds a
/// root in each turn.
///
/// ```
/// use grisaille::{Gc, Heap, Rooted, Mutator};
///
/// fn twice<'s>(cx: &mut Mutator<'s>, number: Rooted<'_, Gc<'_, i64>>) -> Rooted<'s, Gc<'s, i64>> {
///     cx.safepoint();
///     let twice = cx.alloc(*number.get(cx) * 2);
///     cx.root(twice)
/// }
/// Heap::new().enter(|cx| {
///     let three = cx.root(cx.alloc(3i64));
///     let six = twice(cx, three);
///     cx.collect();
///     assert_eq!((*three.get(cx), *six.get(cx)), (3, 6));
/// });
/// ```
#[must_use = "a value is rooted to be kept"]
pub struct Rooted<'s, V> {
    value: V,
    _scope: PhantomData<&'s *mut ()>,
}

impl<V: Copy> Clone for Rooted<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: Copy> Copy for Rooted<'_, V> {}

impl<'s, V: Trace + Copy> Rooted<'s, V> {
    /// Makes a handle of a value that is rooted.
    ///
    /// # Safety
    /// What `value` points to must be rooted for `'s`.
    #[inline(always)]
    pub(crate) unsafe fn new(value: V) -> Self {
        Rooted { value, _scope: PhantomData }
    }

    /// Returns the value, for use until the next safepoint. Costs nothing: the heap does not move objects.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let one = cx.root(cx.alloc(1));
    /// assert_eq!(*one.get(cx), 1);
    /// # });
    /// ```
    #[inline(always)]
    pub fn get<'a, B: Barrier>(self, _cx: &'a Mutator<'_, B>) -> V::At<'a>
    where
        V::At<'a>: Copy,
    {
        // SAFETY: the value is rooted while the scope lives; a Rooted is used in its own heap only, since one heap is
        // entered at a time and `suspend` lets no Rooted in.
        unsafe { restamp(self.value) }
    }
}

/// Prints no value: a user's `Debug` must not see a value that may be stale.
impl<V> fmt::Debug for Rooted<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rooted { .. }")
    }
}
