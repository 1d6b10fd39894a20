//! Sorting a [`List`].
//!
//! The comparison is a user's function: it may panic, and it may use the list. So the values are sorted outside of the
//! list, and written back when the last comparison is over. There is no safepoint before that, so the values that are
//! outside stay alive, whatever becomes of the list.

use core::cmp::Ordering;

use super::List;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::cycle::collector::Collector;
use crate::full::HeapFull;
use crate::memory::with_room;
use crate::trace::Trace;

impl<'gc, V: Trace + Copy + 'gc> List<'gc, V> {
    /// Sorts the values by a comparison. Values that compare equal keep their order. Time in proportion to *n* log *n*
    /// for *n* values, and memory outside the heap for a copy of them meanwhile.
    ///
    /// `compare` may use the list. The values that are sorted are those that there are at the call: a value that
    /// `compare` writes to one of their places is overwritten at the end, and values that it adds stay behind them. Where
    /// it removes values from the end, the first of the sorted ones are written, as many as there are places.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<Gc<'_, f64>>::new());
    /// list.extend(cx, [2.5, 0.5, 1.5].map(|n| cx.alloc(n)));
    /// list.sort_by(cx, |a, b| a.total_cmp(&*b));
    /// assert_eq!(list.iter().map(|n| *n).collect::<Vec<_>>(), [0.5, 1.5, 2.5]);
    /// # });
    /// ```
    ///
    /// # Panics
    /// Passes panics of `compare` on: the list is what it was. May panic where `compare` is no total order, as the sort
    /// of `std` may. When there is no memory for the copy: [`try_sort_by`](List::try_sort_by) returns an error instead.
    #[track_caller]
    pub fn sort_by<B: Barrier>(&self, cx: &Mutator<'_, B>, compare: impl FnMut(V, V) -> Ordering) {
        self.try_sort_by(cx, compare).unwrap_or_else(|full| full.panic());
    }

    /// Sorts the values by a key of each: see [`sort_by`](List::sort_by). `key` is called more than once for a value.
    ///
    /// ```
    /// # use grisaille::{Heap, List, Str};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<Str<'_>>::new());
    /// list.extend(cx, ["pear", "fig", "apple", "nut"].map(|text| cx.intern(text)));
    /// list.sort_by_key(cx, |text| text.len());
    /// assert_eq!(list.iter().map(|text| text.as_str()).collect::<Vec<_>>(), ["fig", "nut", "pear", "apple"]);
    /// # });
    /// ```
    ///
    /// # Panics
    /// As [`sort_by`](List::sort_by).
    #[track_caller]
    pub fn sort_by_key<B: Barrier, K: Ord>(&self, cx: &Mutator<'_, B>, mut key: impl FnMut(V) -> K) {
        self.sort_by(cx, |a, b| key(a).cmp(&key(b)));
    }

    /// Sorts the values by a comparison, unless there is no memory for a copy of the values: see
    /// [`sort_by`](List::sort_by).
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<i64>::new());
    /// list.extend(cx, [3, 1, 2]);
    /// list.try_sort_by(cx, |a, b| b.cmp(&a))?;
    /// assert_eq!(list.iter().collect::<Vec<_>>(), [3, 2, 1]);
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap's limit or the system leaves no room for the copy: the list is what it was.
    ///
    /// # Panics
    /// Passes panics of `compare` on: the list is what it was. May panic where `compare` is no total order.
    pub fn try_sort_by<B: Barrier>(
        &self,
        cx: &Mutator<'_, B>,
        mut compare: impl FnMut(V, V) -> Ordering,
    ) -> Result<(), HeapFull<()>> {
        let values = self.as_slice();
        let bytes = values.len().saturating_mul(size_of::<(V, usize)>());
        if values.len() < 2 {
            return Ok(());
        }
        if !cx.collector().has_room_outside(bytes) {
            return Err(cx.full((), bytes));
        }
        let mut copy = with_room(values.len()).map_err(|_| cx.full((), bytes))?;
        copy.extend(values.iter().enumerate().map(|(place, slot)| (slot.get(), place)));
        let _counted = Counted::new(cx.collector(), bytes);
        // By the places of values that are equal, so that their order stays. (The stable sort of `std` takes memory that
        // it cannot be refused.)
        copy.sort_unstable_by(|(a, at_a), (b, at_b)| compare(*a, *b).then(at_a.cmp(at_b)));
        for (slot, (value, _)) in self.as_slice().iter().zip(copy) {
            slot.set(cx, value);
        }
        Ok(())
    }
}

/// Bytes outside the heap that are counted until this is dropped, also by a panic.
struct Counted<'c> {
    collector: &'c Collector,
    bytes: usize,
}

impl Counted<'_> {
    fn new(collector: &Collector, bytes: usize) -> Counted<'_> {
        collector.table_changed(0, bytes);
        Counted { collector, bytes }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.collector.table_changed(self.bytes, 0);
    }
}
