//! Several handles read at once: [`Handles`], and [`RootedIter`] for slices.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::slice;

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::handles::rooted::Rooted;
use crate::handles::rooted_cell::RootedCell;
use crate::trace::Trace;

mod sealed {
    /// A trait that this crate alone implements.
    pub trait Sealed {}
}
use sealed::Sealed;

/// Handles whose values [`Mutator::get`] returns: a [`Rooted`], a [`RootedCell`] by reference, a tuple or an array of
/// these, or a slice of `Rooted`s.
///
/// ```
/// use grisaille::{Gc, Handles, Heap, Mutator};
///
/// fn sum<'a>(cx: &'a Mutator<'_>, pair: impl Handles<At<'a> = [Gc<'a, i64>; 2]>) -> i64 {
///     let [a, b] = cx.get(pair);
///     *a + *b
/// }
/// Heap::new().enter(|cx| {
///     let (one, two) = (cx.root(cx.alloc(1i64)), cx.root(cx.alloc(2i64)));
///     assert_eq!(sum(cx, [one, two]), 3);
/// });
/// ```
pub trait Handles: Copy + Sealed {
    /// The values.
    type At<'a>;

    /// Returns the values: see [`Mutator::get`].
    #[doc(hidden)]
    fn get<'a, B: Barrier>(self, cx: &'a Mutator<'_, B>) -> Self::At<'a>;
}

impl<B: Barrier> Mutator<'_, B> {
    /// Returns the values of several handles, for use until the next safepoint.
    ///
    /// ```
    /// use grisaille::Heap;
    ///
    /// Heap::new().enter(|cx| {
    ///     let (a, b) = (cx.root(cx.alloc(1)), cx.root(cx.alloc(2.5)));
    ///     let all = [a, a, a];
    ///     cx.safepoint();
    ///     let (one, half) = cx.get((a, b));
    ///     assert_eq!(f64::from(*one) + *half, 3.5);
    ///     assert_eq!(cx.get(&all[..]).map(|number| *number).sum::<i32>(), 3);
    /// });
    /// ```
    #[inline(always)]
    pub fn get<'a, H: Handles>(&'a self, handles: H) -> H::At<'a> {
        handles.get(self)
    }
}

impl<V> Sealed for Rooted<'_, V> {}

impl<V: Trace + Copy> Handles for Rooted<'_, V>
where
    for<'a> V::At<'a>: Copy,
{
    type At<'a> = V::At<'a>;

    #[inline(always)]
    fn get<'a, B: Barrier>(self, cx: &'a Mutator<'_, B>) -> V::At<'a> {
        Rooted::get(self, cx)
    }
}

impl<V> Sealed for &RootedCell<'_, V> {}

impl<V: Trace + Copy> Handles for &RootedCell<'_, V>
where
    for<'a> V::At<'a>: Copy,
{
    type At<'a> = V::At<'a>;

    #[inline(always)]
    fn get<'a, B: Barrier>(self, cx: &'a Mutator<'_, B>) -> V::At<'a> {
        RootedCell::get(self, cx)
    }
}

impl<H: Handles, const N: usize> Sealed for [H; N] {}

impl<H: Handles, const N: usize> Handles for [H; N] {
    type At<'a> = [H::At<'a>; N];

    #[inline(always)]
    fn get<'a, B: Barrier>(self, cx: &'a Mutator<'_, B>) -> [H::At<'a>; N] {
        self.map(|handle| handle.get(cx))
    }
}

macro_rules! tuples {
    ($(($($part:ident)+))*) => {$(
        impl<$($part: Handles),+> Sealed for ($($part,)+) {}

        impl<$($part: Handles),+> Handles for ($($part,)+) {
            type At<'a> = ($($part::At<'a>,)+);

            #[inline(always)]
            #[allow(non_snake_case)]
            fn get<'a, Policy: Barrier>(self, cx: &'a Mutator<'_, Policy>) -> Self::At<'a> {
                let ($($part,)+) = self;
                ($($part.get(cx),)+)
            }
        }
    )*};
}

tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) }

impl<V> Sealed for &[Rooted<'_, V>] {}

impl<'r, 's, V: Trace + Copy> Handles for &'r [Rooted<'s, V>]
where
    for<'a> V::At<'a>: Copy,
{
    type At<'a> = RootedIter<'a, 'r, 's, V>;

    #[inline(always)]
    fn get<'a, B: Barrier>(self, _cx: &'a Mutator<'_, B>) -> RootedIter<'a, 'r, 's, V> {
        RootedIter { handles: self.iter(), _borrowed: PhantomData }
    }
}

/// The values of a slice of [`Rooted`]s, for use until the next safepoint: see [`Mutator::get`].
///
/// ```
/// # grisaille::Heap::new().enter(|cx| {
/// let handles = [cx.root(cx.alloc(1)), cx.root(cx.alloc(2))];
/// let values: grisaille::RootedIter<_> = cx.get(&handles[..]);
/// assert_eq!(values.rev().map(|number| *number).collect::<Vec<_>>(), [2, 1]);
/// # });
/// ```
#[must_use = "an iterator does nothing until it is used"]
pub struct RootedIter<'a, 'r, 's, V> {
    handles: slice::Iter<'r, Rooted<'s, V>>,
    _borrowed: PhantomData<&'a ()>,
}

impl<'a, V: Trace + Copy> Iterator for RootedIter<'a, '_, '_, V>
where
    V::At<'a>: Copy,
{
    type Item = V::At<'a>;

    #[inline]
    fn next(&mut self) -> Option<V::At<'a>> {
        // SAFETY: the mutator of the heap is borrowed for `'a`.
        self.handles.next().map(|handle| unsafe { handle.value_until_safepoint() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.handles.size_hint()
    }
}

impl<'a, V: Trace + Copy> DoubleEndedIterator for RootedIter<'a, '_, '_, V>
where
    V::At<'a>: Copy,
{
    #[inline]
    fn next_back(&mut self) -> Option<V::At<'a>> {
        // SAFETY: as in `next`.
        self.handles.next_back().map(|handle| unsafe { handle.value_until_safepoint() })
    }
}

impl<'a, V: Trace + Copy> ExactSizeIterator for RootedIter<'a, '_, '_, V> where V::At<'a>: Copy {}

impl<'a, V: Trace + Copy> FusedIterator for RootedIter<'a, '_, '_, V> where V::At<'a>: Copy {}

impl<V> Clone for RootedIter<'_, '_, '_, V> {
    fn clone(&self) -> Self {
        RootedIter { handles: self.handles.clone(), _borrowed: PhantomData }
    }
}

/// Prints no values: a user's `Debug` must not see a value that may be stale.
impl<V> fmt::Debug for RootedIter<'_, '_, '_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootedIter { .. }")
    }
}
