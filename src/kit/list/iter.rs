//! [`ListIter`]: visits the values of a [`List`].

use core::fmt;
use core::iter::FusedIterator;

use super::List;
use crate::pointer::slot::Slot;
use crate::trace::Trace;

/// The iterator over the values of a [`List`], made by [`iter`](List::iter): it copies each value when it is asked for
/// it.
///
/// ```
/// use grisaille::{Heap, List};
///
/// Heap::new().enter(|cx| {
///     let list = cx.alloc(List::<usize>::new());
///     list.extend(cx, 0..3);
///     let mut last_first = list.iter().rev();
///     assert_eq!((last_first.len(), last_first.next()), (3, Some(2)));
/// });
/// ```
pub struct ListIter<'gc, V> {
    pub(super) slots: core::slice::Iter<'gc, Slot<V>>,
}

impl<V> Clone for ListIter<'_, V> {
    fn clone(&self) -> Self {
        ListIter { slots: self.slots.clone() }
    }
}

impl<V: Trace + Copy> Iterator for ListIter<'_, V> {
    type Item = V;
    #[inline]
    fn next(&mut self) -> Option<V> {
        self.slots.next().map(Slot::get)
    }
    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.slots.size_hint()
    }
    #[inline]
    fn nth(&mut self, n: usize) -> Option<V> {
        self.slots.nth(n).map(Slot::get)
    }
}

impl<V: Trace + Copy> DoubleEndedIterator for ListIter<'_, V> {
    #[inline]
    fn next_back(&mut self) -> Option<V> {
        self.slots.next_back().map(Slot::get)
    }
}

impl<V: Trace + Copy> ExactSizeIterator for ListIter<'_, V> {}

impl<V: Trace + Copy> FusedIterator for ListIter<'_, V> {}

impl<V> fmt::Debug for ListIter<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListIter").field("len", &self.slots.len()).finish()
    }
}

impl<'gc, V: Trace + Copy + 'gc> IntoIterator for &List<'gc, V> {
    type Item = V;
    type IntoIter = ListIter<'gc, V>;
    fn into_iter(self) -> ListIter<'gc, V> {
        self.iter()
    }
}
