//! Visiting and removing the entries of a [`Map`].

use core::fmt;
use core::iter::FusedIterator;

use super::{Map, Table};
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::kit::key::Key;
use crate::trace::Trace;

impl<'gc, K: Key, V: Trace + Copy> Map<'gc, K, V> {
    /// Visits all entries, in no order.
    ///
    /// Time in proportion to the number of entries, and not to the room; the first entry is found in constant time.
    ///
    /// The map may change meanwhile. Entries that stay are visited, unless the table grows or is shrunk: then some may
    /// be visited twice or not at all. To go on after a safepoint, use [`entry_from`](Map::entry_from).
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<'_, i64, i64>> = cx.alloc(Map::new());
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
    pub fn iter(&self) -> MapIter<'gc, K, V> {
        MapIter { table: self.table(), position: 0 }
    }

    /// Visits the keys, as [`iter`](Map::iter) visits the entries.
    ///
    /// ```
    /// # use grisaille::{Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(Map::<'_, i64, char>::new());
    /// map.extend(cx, [(1, 'a'), (2, 'b')]);
    /// assert_eq!(map.keys().sum::<i64>(), 3);
    /// # });
    /// ```
    pub fn keys(&self) -> impl FusedIterator<Item = K> + Clone + use<'gc, K, V> {
        self.iter().map(|(key, _)| key)
    }

    /// Visits the values, as [`iter`](Map::iter) visits the entries.
    ///
    /// ```
    /// # use grisaille::{Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(Map::<'_, char, i64>::new());
    /// map.extend(cx, [('a', 1), ('b', 2)]);
    /// assert_eq!(map.values().max(), Some(2));
    /// # });
    /// ```
    pub fn values(&self) -> impl FusedIterator<Item = V> + Clone + use<'gc, K, V> {
        self.iter().map(|(_, value)| value)
    }

    /// Returns the first entry at or after a position, and the position from which to go on; start at 0. So an
    /// iteration can go on after a safepoint, which no iterator survives. As for [`iter`](Map::iter), entries may be
    /// visited twice or not at all when the table grows. Positions are not indices: they increase in the order of the
    /// visits, and have gaps.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<'_, i64, i64>> = cx.alloc(Map::new());
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
    pub fn entry_from(&self, position: usize) -> Option<(usize, K, V)> {
        self.table()?.entry_from(position)
    }

    /// Removes and returns one entry: the first that [`iter`](Map::iter) would visit. Constant time, so that a map may
    /// be a work list. The table keeps its memory.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let todo: Gc<'_, Map<'_, u64, ()>> = cx.alloc(Map::new());
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
    pub fn pop<B: Barrier>(&self, cx: &Mutator<'_, B>) -> Option<(K, V)> {
        self.table()?.pop(cx)
    }

    /// Removes all entries, each when the iterator is asked for it. Dropping the iterator removes the rest; forgetting
    /// it leaves the rest in the map. Entries that are inserted meanwhile are removed too. The table keeps its memory.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<'_, char, i64>> = cx.alloc(Map::new());
    /// map.insert(cx, 'a', 1);
    /// map.insert(cx, 'b', 2);
    /// assert_eq!(map.drain(cx).map(|(_, value)| value).sum::<i64>(), 3);
    /// assert!(map.is_empty());
    /// # });
    /// ```
    pub fn drain<'m, B: Barrier>(&'m self, cx: &'m Mutator<'_, B>) -> impl FusedIterator<Item = (K, V)> {
        Drain { map: self, cx }
    }

    /// Keeps the entries for which `keep` returns true, and removes the others. Time in proportion to the number of
    /// entries. The table keeps its memory.
    ///
    /// `keep` may use the map, as the body of a loop over [`iter`](Map::iter) may; a key for which `keep` returns false
    /// is removed, whatever `keep` did to it.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<'_, i64, i64>> = cx.alloc(Map::new());
    /// for n in 0..10 {
    ///     map.insert(cx, n, n * n);
    /// }
    /// map.retain(cx, |key, _| key % 2 == 0);
    /// assert_eq!((map.len(), map.get(4), map.get(5)), (5, Some(16), None));
    /// # });
    /// ```
    ///
    /// # Panics
    /// Passes panics of `keep` on: entries for which `keep` has not been called stay.
    pub fn retain<B: Barrier>(&self, cx: &Mutator<'_, B>, mut keep: impl FnMut(K, V) -> bool) {
        let mut position = 0;
        while let Some((next, key, value)) = self.entry_from(position) {
            position = next;
            if !keep(key, value) {
                self.remove(cx, key);
            }
        }
    }
}

/// The iterator over the entries of a [`Map`], made by [`iter`](Map::iter): it copies each entry when it is asked for
/// it.
///
/// ```
/// use grisaille::{Heap, Map};
///
/// Heap::new().enter(|cx| {
///     let map = cx.alloc(Map::<'_, i64, char>::new());
///     map.insert(cx, 1, 'a');
///     for (key, value) in &*map {
///         assert_eq!((key, value), (1, 'a'));
///     }
/// });
/// ```
pub struct MapIter<'gc, K, V> {
    table: Option<Table<'gc, K, V>>,
    position: usize,
}

impl<K, V> Clone for MapIter<'_, K, V> {
    fn clone(&self) -> Self {
        MapIter { ..*self }
    }
}

impl<K: Key, V: Trace + Copy> Iterator for MapIter<'_, K, V> {
    type Item = (K, V);
    fn next(&mut self) -> Option<(K, V)> {
        let (position, key, value) = self.table?.entry_from(self.position)?;
        self.position = position;
        Some((key, value))
    }
}

impl<K: Key, V: Trace + Copy> FusedIterator for MapIter<'_, K, V> {}

impl<'gc, K: Key, V: Trace + Copy> IntoIterator for &Map<'gc, K, V> {
    type Item = (K, V);
    type IntoIter = MapIter<'gc, K, V>;
    fn into_iter(self) -> MapIter<'gc, K, V> {
        self.iter()
    }
}

impl<K, V> fmt::Debug for MapIter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapIter").field("position", &self.position).finish_non_exhaustive()
    }
}

/// The iterator of [`drain`](Map::drain). It holds no entries: forgetting it loses none.
struct Drain<'m, 's, 'gc, B: Barrier, K: Key, V: Trace + Copy> {
    map: &'m Map<'gc, K, V>,
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
