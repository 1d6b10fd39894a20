//! Visiting the entries of a [`Map`], and taking them out.

use core::fmt;
use core::iter::FusedIterator;

use super::{Map, before_remove};
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::kit::key::Key;
use crate::pointer::gc::Gc;
use crate::trace::Trace;

impl<'gc, K: Key, V: Trace + Copy> Gc<'gc, Map<K, V>> {
    /// All entries, in no order.
    ///
    /// Time in proportion to what there is, and not to what there is room for; the first is found in constant time.
    ///
    /// The map may change meanwhile. Entries that stay are visited, unless the table has to grow or is shrunk: then
    /// some may be visited twice or not at all. To go on after a safepoint, use [`entry_from`](Gc::entry_from).
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<i64, i64>> = cx.alloc_map();
    /// for n in 0..10 {
    ///     map.insert(cx, n, n * n);
    /// }
    /// for (key, _) in map.iter() {
    ///     if key % 2 == 1 {
    ///         map.remove(cx, key);
    ///     }
    /// }
    /// assert_eq!(map.iter().map(|(_, value)| value).sum::<i64>(), 0 + 4 + 16 + 36 + 64);
    /// # });
    /// ```
    pub fn iter(self) -> MapIter<'gc, K, V> {
        MapIter { map: self, position: 0 }
    }

    /// The first entry at or after a position, and the position to go on from; start at 0. So an iteration can go on
    /// after a safepoint, which no iterator survives. As for [`iter`](Gc::iter), growth mixes the positions up. Positions are no
    /// indices: they are in the order in which entries are visited, and have gaps.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<i64, i64>> = cx.alloc_map();
    /// for n in 0..10 {
    ///     map.insert(cx, n, n * n);
    /// }
    /// let map = cx.root(map);
    /// let (mut position, mut sum) = (0, 0);
    /// while let Some((next, key, _)) = map.get(cx).entry_from(position) {
    ///     (position, sum) = (next, sum + key);
    ///     cx.safepoint();
    /// }
    /// assert_eq!(sum, 45);
    /// # });
    /// ```
    #[inline]
    pub fn entry_from(self, position: usize) -> Option<(usize, K, V)> {
        // SAFETY: a leaf expression.
        let (at, &(key, value)) = unsafe { self.store() }.next(position)?;
        Some((at + 1, key, value))
    }

    /// Takes an entry out: the first that [`iter`](Gc::iter) would visit. Constant time, so that a map may be a work list.
    /// The table keeps its memory.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let todo: Gc<'_, Map<u64, ()>> = cx.alloc_map();
    /// todo.insert(cx, 27, ());
    /// let mut steps = 0;
    /// while let Some((n, ())) = todo.pop(cx) {
    ///     if n != 1 {
    ///         todo.insert(cx, if n % 2 == 0 { n / 2 } else { 3 * n + 1 }, ());
    ///         steps += 1;
    ///     }
    /// }
    /// assert_eq!(steps, 111);
    /// # });
    /// ```
    #[inline]
    pub fn pop<B: Barrier>(self, cx: &Mutator<'_, B>) -> Option<(K, V)> {
        // SAFETY: a leaf expression.
        let (position, &old) = unsafe { self.store() }.next(0)?;
        if const { (K::NEEDS_TRACE || V::NEEDS_TRACE) && B::RULES.has_write_barrier() } && cx.collector().marking.get()
        {
            before_remove::<B, K, V>(cx.collector(), old);
        }
        // SAFETY: a leaf expression.
        unsafe { self.store() }.remove_at(position)
    }

    /// Takes all entries out, one by one, when they are asked for; dropping the iterator takes out the rest, forgetting
    /// it leaves the rest in the map. Entries that are inserted meanwhile are taken out too. The table keeps its memory.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<char, i64>> = cx.alloc_map();
    /// map.insert(cx, 'a', 1);
    /// map.insert(cx, 'b', 2);
    /// assert_eq!(map.drain(cx).map(|(_, value)| value).sum::<i64>(), 3);
    /// assert!(map.is_empty());
    /// # });
    /// ```
    pub fn drain<B: Barrier>(self, cx: &Mutator<'_, B>) -> impl FusedIterator<Item = (K, V)> {
        Drain { map: self, cx }
    }

    /// Keeps the entries for which `keep` returns true, and removes the others. Time in proportion to what there is. The
    /// table keeps its memory.
    ///
    /// `keep` may use the map, as the body of a loop over [`iter`](Gc::iter) may; a key for which it returns false is
    /// removed, whatever it has done to it.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<i64, i64>> = cx.alloc_map();
    /// for n in 0..10 {
    ///     map.insert(cx, n, n * n);
    /// }
    /// map.retain(cx, |key, _| key % 2 == 0);
    /// assert_eq!((map.len(), map.get(4), map.get(5)), (5, Some(16), None));
    /// # });
    /// ```
    ///
    /// # Panics
    /// Passes panics of `keep` on: the entries that it has not yet been asked for stay.
    pub fn retain<B: Barrier>(self, cx: &Mutator<'_, B>, mut keep: impl FnMut(K, V) -> bool) {
        let mut position = 0;
        while let Some((next, key, value)) = self.entry_from(position) {
            position = next;
            if !keep(key, value) {
                self.remove(cx, key);
            }
        }
    }
}

/// The entries of a [`Map`], by [`iter`](Gc::iter): copies, taken when they are asked for.
pub struct MapIter<'gc, K, V> {
    map: Gc<'gc, Map<K, V>>,
    position: usize,
}

impl<K: Key, V: Trace + Copy> Iterator for MapIter<'_, K, V> {
    type Item = (K, V);
    fn next(&mut self) -> Option<(K, V)> {
        let (position, key, value) = self.map.entry_from(self.position)?;
        self.position = position;
        Some((key, value))
    }
}

impl<K: Key, V: Trace + Copy> FusedIterator for MapIter<'_, K, V> {}

impl<K, V> fmt::Debug for MapIter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapIter").field("map", &self.map).finish_non_exhaustive()
    }
}

/// See [`drain`](Gc::drain). Holds no entries: whoever forgets it forgets nothing.
struct Drain<'m, 's, 'gc, B: Barrier, K: Key, V: Trace + Copy> {
    map: Gc<'gc, Map<K, V>>,
    cx: &'m Mutator<'s, B>,
}

impl<B: Barrier, K: Key, V: Trace + Copy> Iterator for Drain<'_, '_, '_, B, K, V> {
    type Item = (K, V);
    fn next(&mut self) -> Option<(K, V)> {
        self.map.pop(self.cx)
    }
}

impl<B: Barrier, K: Key, V: Trace + Copy> FusedIterator for Drain<'_, '_, '_, B, K, V> {}

impl<B: Barrier, K: Key, V: Trace + Copy> Drop for Drain<'_, '_, '_, B, K, V> {
    fn drop(&mut self) {
        while self.next().is_some() {}
    }
}
