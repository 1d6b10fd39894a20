//! What a vector has besides: looking at the ends, and changing a [`List`] in its middle.

use core::iter::FusedIterator;
use core::ops::{Bound, Range, RangeBounds};

use super::{List, first};
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::cycle::collector::Collector;
use crate::fault::{self, Fault};
use crate::full::HeapFull;
use crate::pointer::slot::Slot;
use crate::trace::Trace;

impl<'gc, V: Trace + Copy + 'gc> List<'gc, V> {
    /// Returns the first value, or `None` where there is none.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.extend(cx, 3..6);
    /// assert_eq!((list.first(), list.last()), (Some(3), Some(5)));
    /// # });
    /// ```
    #[inline]
    pub fn first(&self) -> Option<V> {
        self.get(0)
    }

    /// Returns the last value, or `None` where there is none.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// assert_eq!(list.last(), None);
    /// list.extend(cx, 3..6);
    /// assert_eq!(list.last(), Some(5));
    /// # });
    /// ```
    #[inline]
    pub fn last(&self) -> Option<V> {
        self.as_slice().last().map(super::Slot::get)
    }

    /// Returns whether one of the values is equal to `value`. Time in proportion to the number of values. (By a rule of
    /// another kind: `list.iter().any(..)`; the place of a value: `list.iter().position(..)`.)
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.extend(cx, 3..6);
    /// assert!(list.contains(&4) && !list.contains(&6));
    /// # });
    /// ```
    pub fn contains(&self, value: &V) -> bool
    where
        V: PartialEq,
    {
        self.iter().any(|own| own == *value)
    }

    /// Puts a value in front of the one at `index`, or at the end. Time in proportion to the number of values behind
    /// it.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.extend(cx, 3..6);
    /// list.insert(cx, 1, 10);
    /// assert_eq!(list.iter().collect::<Vec<_>>(), [3, 10, 4, 5]);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When `index` is greater than the number of values. When the list must grow and the heap is full:
    /// [`try_insert`](List::try_insert) returns an error instead.
    #[track_caller]
    pub fn insert<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, index: usize, value: V) {
        self.try_insert(cx, index, value).unwrap_or_else(|full| full.panic());
    }

    /// Puts a value in front of the one at `index`, or at the end, unless the list must grow and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::builder().limit(1 << 20).build().unwrap().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// let full = (0..).find_map(|n| list.try_insert(cx, n / 2, n).err()).unwrap();
    /// assert_eq!(full.0, list.len()); // the value is not lost, and the list is what it was
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    ///
    /// # Panics
    /// When `index` is greater than the number of values.
    #[track_caller]
    pub fn try_insert<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, index: usize, value: V) -> Result<(), HeapFull<V>> {
        let len = self.len();
        assert!(index <= len, "a value cannot be inserted at {index} into a list of {len} values");
        let Some(last) = self.last().filter(|_| index < len) else { return self.try_push(cx, value) };
        self.try_push(cx, last).map_err(|full| full.with(value))?;
        self.copy_within(cx, index..len - 1, index + 1);
        self.set(cx, index, value);
        Ok(())
    }

    /// Removes and returns the value at `index`. Time in proportion to the number of values behind it:
    /// [`swap_remove`](List::swap_remove) takes constant time.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.extend(cx, 3..7);
    /// assert_eq!(list.remove(cx, 1), 4);
    /// assert_eq!(list.iter().collect::<Vec<_>>(), [3, 5, 6]);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When there is no such value.
    #[track_caller]
    pub fn remove<B: Barrier>(&self, cx: &Mutator<'_, B>, index: usize) -> V {
        let value = self[index].get();
        self.remove_range(cx, index..index + 1);
        value
    }

    /// Removes and returns the value at `index`, and puts the last one in its place. Constant time.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.extend(cx, 3..7);
    /// assert_eq!(list.swap_remove(cx, 1), 4);
    /// assert_eq!(list.iter().collect::<Vec<_>>(), [3, 6, 5]);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When there is no such value.
    #[track_caller]
    pub fn swap_remove<B: Barrier>(&self, cx: &Mutator<'_, B>, index: usize) -> V {
        let all = self.as_slice();
        let value = all[index].get();
        all[index].set(cx, all[all.len() - 1].get());
        self.truncate(cx, all.len() - 1);
        value
    }

    /// Exchanges two values. Constant time.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.extend(cx, 3..7);
    /// list.swap(cx, 0, 3);
    /// assert_eq!(list.iter().collect::<Vec<_>>(), [6, 4, 5, 3]);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When there is no such value.
    #[track_caller]
    pub fn swap<B: Barrier>(&self, cx: &Mutator<'_, B>, a: usize, b: usize) {
        let all = self.as_slice();
        let (a, b) = (&all[a], &all[b]);
        let (at_a, at_b) = (a.get(), b.get());
        a.set(cx, at_b);
        b.set(cx, at_a);
    }

    /// Reverses the order of the values. Time in proportion to their number.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.extend(cx, 3..6);
    /// list.reverse(cx);
    /// assert_eq!(list.iter().collect::<Vec<_>>(), [5, 4, 3]);
    /// # });
    /// ```
    pub fn reverse<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        let len = self.len();
        (0..len / 2).for_each(|at| self.swap(cx, at, len - 1 - at));
    }

    /// Keeps the values for which `keep` returns true, in their order, and removes the others. Time in proportion to the
    /// number of values. The list keeps its buffer.
    ///
    /// `keep` is called once for each value that there was, and may use the list: values that it adds stay, and are not
    /// visited; values that it removes from the end are not visited. Meanwhile the values that were kept are at the
    /// front, those that `keep` was not called for yet are where they were, and what is between is one of both.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.extend(cx, 0..10);
    /// list.retain(cx, |n| n % 3 == 0);
    /// assert_eq!(list.iter().collect::<Vec<_>>(), [0, 3, 6, 9]);
    /// # });
    /// ```
    ///
    /// # Panics
    /// Passes panics of `keep` on: the value for which `keep` panicked, and those behind it, stay.
    pub fn retain<B: Barrier>(&self, cx: &Mutator<'_, B>, mut keep: impl FnMut(V) -> bool) {
        let mut gap = Gap { list: self, cx, range: 0..0 };
        let len = self.len();
        while gap.range.end < len
            && let Some(value) = self.get(gap.range.end)
        {
            let keeps = keep(value);
            let Range { start, end } = gap.range;
            if keeps && let Some(now) = self.get(end) {
                if start < end {
                    self.set(cx, start, now);
                }
                gap.range.start += 1;
            }
            gap.range.end += 1;
        }
    }

    /// Removes the values of a range, and returns an iterator over them. They stay in the list, to be seen and changed,
    /// until the iterator is dropped; forgetting it leaves them there. Dropping takes time in proportion to the number
    /// of values in and behind the range.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.extend(cx, 0..6);
    /// assert_eq!(list.drain(cx, 1..3).collect::<Vec<_>>(), [1, 2]);
    /// assert_eq!(list.iter().collect::<Vec<_>>(), [0, 3, 4, 5]);
    /// list.drain(cx, ..);
    /// assert!(list.is_empty());
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the range ends before it begins, or behind the last value.
    #[track_caller]
    pub fn drain<'m, B: Barrier>(
        &'m self,
        cx: &'m Mutator<'_, B>,
        range: impl RangeBounds<usize>,
    ) -> impl DoubleEndedIterator<Item = V> + FusedIterator {
        let len = self.len();
        let start = match range.start_bound() {
            Bound::Unbounded => Some(0),
            Bound::Included(&start) => Some(start),
            Bound::Excluded(&start) => start.checked_add(1),
        };
        let end = match range.end_bound() {
            Bound::Unbounded => Some(len),
            Bound::Included(&end) => end.checked_add(1),
            Bound::Excluded(&end) => Some(end),
        };
        let range = start.zip(end).map(|(start, end)| start..end).filter(|range| range.start <= range.end);
        match range {
            Some(range) if range.end <= len => Drain { left: range.clone(), gap: Gap { list: self, cx, range } },
            _ => panic!("a list of {len} values has no such range"),
        }
    }

    /// Copies the values at the places `from` to as many places from `to` on. Both must be within the list, and may
    /// overlap. Time in proportion to the number of values.
    ///
    /// # Panics
    /// When a place is not in the list.
    fn copy_within<B: Barrier>(&self, cx: &Mutator<'_, B>, from: Range<usize>, to: usize) {
        let all = self.as_slice();
        let (new, old) = (&all[from.clone()], &all[to..to + from.len()]);
        cx.before_write::<V, ()>(|collector| before_copy::<B, V>(collector, old, new));
        if let Some(buffer) = self.buffer.get() {
            // SAFETY: the object is a buffer of `V`.
            let first = unsafe { first::<V>(buffer.object()) };
            // SAFETY: both ranges are of initialized elements (seen above). A slot gives no reference to its value away,
            // and nothing else reads or writes one meanwhile.
            unsafe { first.add(from.start).copy_to(first.add(to), from.len()) };
        }
    }

    /// Removes the values of a range, as far as there are any.
    fn remove_range<B: Barrier>(&self, cx: &Mutator<'_, B>, range: Range<usize>) {
        let len = self.len();
        let end = range.end.min(len);
        if range.start < end {
            self.copy_within(cx, end..len, range.start);
            self.truncate(cx, len - (end - range.start));
        }
    }
}

/// Runs the barrier of a write of each place of `old`, before it.
#[cold]
#[inline(never)]
fn before_copy<B: Barrier, V: Trace + Copy>(collector: &Collector, old: &[Slot<V>], new: &[Slot<V>]) {
    if fault::is(Fault::ListMovesUnseen) {
        return;
    }
    for (old, new) in old.iter().zip(new) {
        collector.before_write::<B, _, _>(&old.get(), &new.get());
    }
}

/// Values that are removed when this is dropped, also by a panic.
struct Gap<'m, 's, 'gc, B: Barrier, V: Trace + Copy + 'gc> {
    list: &'m List<'gc, V>,
    cx: &'m Mutator<'s, B>,
    range: Range<usize>,
}

impl<'gc, B: Barrier, V: Trace + Copy + 'gc> Drop for Gap<'_, '_, 'gc, B, V> {
    fn drop(&mut self) {
        self.list.remove_range(self.cx, self.range.clone());
    }
}

/// The iterator of [`drain`](List::drain). It holds no values: forgetting it loses none.
struct Drain<'m, 's, 'gc, B: Barrier, V: Trace + Copy + 'gc> {
    gap: Gap<'m, 's, 'gc, B, V>,
    left: Range<usize>,
}

impl<'gc, B: Barrier, V: Trace + Copy + 'gc> Drain<'_, '_, 'gc, B, V> {
    /// Returns the value at a place, if there is one.
    fn at(&mut self, place: usize) -> Option<V> {
        let value = self.gap.list.get(place);
        if value.is_none() {
            self.left.start = self.left.end;
        }
        value
    }
}

impl<'gc, B: Barrier, V: Trace + Copy + 'gc> Iterator for Drain<'_, '_, 'gc, B, V> {
    type Item = V;
    fn next(&mut self) -> Option<V> {
        let place = self.left.next()?;
        self.at(place)
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left.len()))
    }
}

impl<'gc, B: Barrier, V: Trace + Copy + 'gc> DoubleEndedIterator for Drain<'_, '_, 'gc, B, V> {
    fn next_back(&mut self) -> Option<V> {
        let place = self.left.next_back()?;
        self.at(place)
    }
}

impl<'gc, B: Barrier, V: Trace + Copy + 'gc> FusedIterator for Drain<'_, '_, 'gc, B, V> {}
