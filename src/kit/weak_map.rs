//! [`WeakMap`]: a hash table that keeps neither its keys alive nor, by itself, its values.
//!
//! Made of what there is: a [`Map`] from the addresses of the keys to [`Ephemeron`]s. So nothing here is unsafe, and
//! marking, barriers and clearing are those of maps and ephemerons.
//!
//! **An address names one object**, while that object lives. When it dies, the collector clears its ephemerons before its
//! memory is swept, and so before another object can have the address: an entry whose ephemeron is not cleared is that of
//! the object which has the address now, and an entry whose ephemeron is cleared counts as none.
//!
//! **Dead entries are searched for** by insertions of new keys, each of which looks at [`STEP`] entries, from when a cycle
//! has ended until the end of the map was reached twice: the search goes on where the last one was. So the work of an
//! insertion is bounded, and nothing is done where nothing can have died. Those that died in a cycle are found within half
//! as many insertions as there are entries, unless the table grew meanwhile: an entry that moved behind the search is found
//! after the next cycle.

use core::cell::Cell;
use core::fmt;
use core::iter::FusedIterator;

use super::ephemeron::Ephemeron;
use super::map::Map;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::fault::{self, Fault};
use crate::full::HeapFull;
use crate::pointer::gc::Gc;
use crate::trace::Trace;

/// Number of entries that an insertion looks at.
const STEP: usize = 4;

/// A hash table from objects, by identity, to values that are `Copy`, as a field or as an object of its own. A key is not
/// kept alive, and a value only while its key is, also where the value points to the key; the map forgets entries whose
/// key is dead.
///
/// Use it for what is known of objects beside them: caches, properties, the numbers of what was visited. A set of such
/// objects is a [`WeakSet`](crate::WeakSet). Where the *value* should not be kept, and the key is a name, use a
/// [`Map`](crate::Map) to [`Weak`](crate::Weak) pointers, and its [`retain`](crate::Map::retain).
///
/// An entry is an [`Ephemeron`](crate::Ephemeron), an object in the heap, and an entry of a [`Map`](crate::Map), with the
/// costs of both. A value dies in the cycle that finds the key dead. The memory of the entry itself is found later: after
/// each cycle, insertions of new keys look at four entries each, until all were looked at. A map into which nothing is
/// inserted keeps the memory of its dead entries, until [`purge`](WeakMap::purge) is called.
///
/// The methods that allocate take the mutator for exactly `'gc`, the lifetime for which the map itself was borrowed from
/// it.
///
/// ```
/// use grisaille::{Gc, Heap, Trace, WeakMap};
///
/// #[derive(Trace)]
/// struct Node { number: u32 }
///
/// Heap::new().enter(|cx| {
///     let names = cx.root(cx.alloc(WeakMap::<'_, Node, Gc<'_, String>>::new()));
///     let node = cx.root(cx.alloc(Node { number: 1 }));
///     {
///         let (node, other) = (node.get(cx), cx.alloc(Node { number: 2 }));
///         names.get(cx).insert(cx, node, cx.alloc("one".to_string()));
///         names.get(cx).insert(cx, other, cx.alloc("two".to_string()));
///     }
///     cx.collect(); // the second node dies, and its name
///     let found: Vec<_> = names.get(cx).iter(cx).map(|(node, name)| (node.number, name.as_str().to_owned())).collect();
///     assert_eq!(found, [(1, "one".to_owned())]);
/// });
/// ```
#[derive(grisaille_derive::Trace)]
pub struct WeakMap<'gc, K, V> {
    /// By the address of the key.
    entries: Map<'gc, usize, Ephemeron<'gc, K, V>>,
    #[trace(skip)]
    search: Search,
}

/// How far the search for dead entries has come.
#[derive(Default)]
struct Search {
    /// The position in the map from which to go on.
    position: Cell<usize>,
    /// The number of cycles that had ended when the search began.
    cycles: Cell<u64>,
    /// How often the end of the map is still to be reached: twice where the search began in its middle.
    ends: Cell<u8>,
}

impl<'gc, K, V> WeakMap<'gc, K, V>
where
    K: Trace,
    V: Trace + Copy + 'gc,
    for<'a> K::At<'a>: Sized,
    for<'a> V::At<'a>: Copy,
{
    /// Makes an empty map.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakMap};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(WeakMap::<'_, String, i64>::new());
    /// assert_eq!(map.len_with_dead(), 0);
    /// # });
    /// ```
    pub fn new() -> Self {
        WeakMap { entries: Map::new(), search: Search::default() }
    }

    /// Returns the value of a key, or `None` where the key has none. Constant time on average. While the collector marks,
    /// this shades the value where the policy requires it.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakMap};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(WeakMap::<'_, String, i64>::new());
    /// let key = cx.alloc("key".to_string());
    /// map.insert(cx, key, 7);
    /// // By identity: an equal string is another key.
    /// assert_eq!((map.get(cx, key), map.get(cx, cx.alloc("key".to_string()))), (Some(7), None));
    /// # });
    /// ```
    pub fn get<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, key: Gc<'_, K>) -> Option<V::At<'a>> {
        self.entries.get(Gc::addr(key))?.value(cx)
    }

    /// Returns whether the key has a value. Shades nothing.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakMap};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(WeakMap::<'_, String, i64>::new());
    /// let key = cx.alloc("key".to_string());
    /// map.insert(cx, key, 7);
    /// assert!(map.contains_key(cx, key));
    /// # });
    /// ```
    pub fn contains_key<B: Barrier>(&self, cx: &Mutator<'_, B>, key: Gc<'_, K>) -> bool {
        self.entries.get(Gc::addr(key)).is_some_and(|entry| entry.is_alive(cx))
    }

    /// Sets the value of a key, and returns the old one, if any. Constant time on average. Allocates an ephemeron where
    /// the key is new, and looks for dead entries then: at four of them, if a cycle has ended that may have left some.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakMap};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(WeakMap::<'_, String, i64>::new());
    /// let key = cx.alloc("key".to_string());
    /// assert_eq!((map.insert(cx, key, 7), map.insert(cx, key, 8)), (None, Some(7)));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full: [`try_insert`](WeakMap::try_insert) returns an error instead.
    #[track_caller]
    pub fn insert<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, key: Gc<'_, K>, value: V) -> Option<V::At<'gc>> {
        self.try_insert(cx, key, value).unwrap_or_else(|full| full.panic())
    }

    /// Sets the value of a key, and returns the old one, if any, unless the key is new and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakMap};
    /// # Heap::builder().limit(1 << 20).build().unwrap().enter(|cx| {
    /// let map = cx.alloc(WeakMap::<'_, i64, i64>::new());
    /// let full = (0..).find_map(|n| map.try_insert(cx, cx.try_alloc(n).ok()?, n).err());
    /// assert_eq!(full.map(|full| full.0 as usize), Some(map.len_with_dead())); // the value is not lost
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    pub fn try_insert<B: Barrier>(
        &self,
        cx: &'gc Mutator<'_, B>,
        key: Gc<'_, K>,
        value: V,
    ) -> Result<Option<V::At<'gc>>, HeapFull<V>> {
        if let Some(entry) = self.entries.get(Gc::addr(key))
            && let Some(old) = entry.value(cx)
        {
            entry.set(cx, value);
            return Ok(Some(old));
        }
        self.search(cx);
        let entry = cx.place_ephemeron(key, value)?;
        // Over the entry of a dead key that had this address, if there is one.
        match self.entries.try_insert(cx, Gc::addr(key), entry) {
            Ok(_) => Ok(None),
            Err(full) => Err(full.with(value)),
        }
    }

    /// Removes a key, and returns the value that it had.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakMap};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(WeakMap::<'_, String, i64>::new());
    /// let key = cx.alloc("key".to_string());
    /// map.insert(cx, key, 7);
    /// assert_eq!((map.remove(cx, key), map.remove(cx, key)), (Some(7), None));
    /// # });
    /// ```
    pub fn remove<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, key: Gc<'_, K>) -> Option<V::At<'a>> {
        self.entries.remove(cx, Gc::addr(key))?.value(cx)
    }

    /// Visits the entries whose keys are alive, in no order. While the collector marks, this shades keys and values where
    /// the policy requires it, as [`Weak::upgrade`](crate::Weak::upgrade) does: a map that is visited in each cycle keeps
    /// its keys.
    ///
    /// The map may change meanwhile, as for [`Map::iter`](crate::Map::iter).
    ///
    /// ```
    /// # use grisaille::{Heap, WeakMap};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(WeakMap::<'_, String, i64>::new());
    /// map.insert(cx, cx.alloc("key".to_string()), 7);
    /// assert!(map.iter(cx).all(|(key, value)| (&**key, value) == ("key", 7)));
    /// # });
    /// ```
    pub fn iter<'a, B: Barrier>(
        &self,
        cx: &'a Mutator<'_, B>,
    ) -> impl FusedIterator<Item = (Gc<'a, K::At<'a>>, V::At<'a>)> {
        self.entries.iter().filter_map(|(_, entry)| entry.key(cx).zip(entry.value(cx)))
    }

    /// Keeps the entries for which `keep` returns true, and removes the others and those whose keys are dead. Time in
    /// proportion to the number of entries. Shades as [`iter`](WeakMap::iter) does. `keep` may use the map, as for
    /// [`Map::retain`](crate::Map::retain).
    ///
    /// ```
    /// # use grisaille::{Heap, WeakMap};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(WeakMap::<'_, i64, bool>::new());
    /// (0..10).for_each(|n| _ = map.insert(cx, cx.alloc(n), n % 3 == 0));
    /// map.retain(cx, |n, is_third| is_third && *n > 0);
    /// assert_eq!(map.iter(cx).map(|(n, _)| *n).sum::<i64>(), 3 + 6 + 9);
    /// # });
    /// ```
    ///
    /// # Panics
    /// Passes panics of `keep` on: entries for which `keep` has not been called stay.
    pub fn retain<'a, B: Barrier>(
        &self,
        cx: &'a Mutator<'_, B>,
        mut keep: impl FnMut(Gc<'a, K::At<'a>>, V::At<'a>) -> bool,
    ) {
        self.entries
            .retain(cx, |_, entry| entry.key(cx).zip(entry.value(cx)).is_some_and(|(key, value)| keep(key, value)));
    }

    /// Removes all entries whose keys are dead, now. Time in proportion to the number of entries.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakMap};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.root(cx.alloc(WeakMap::<'_, i64, i64>::new()));
    /// map.get(cx).insert(cx, cx.alloc(1), 1);
    /// cx.collect();
    /// assert_eq!(map.get(cx).len_with_dead(), 1);
    /// map.get(cx).purge(cx);
    /// assert_eq!(map.get(cx).len_with_dead(), 0);
    /// # });
    /// ```
    pub fn purge<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        self.entries.retain(cx, |_, entry| entry.is_alive(cx));
    }

    /// Removes all entries, and frees the table's memory.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakMap};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(WeakMap::<'_, i64, i64>::new());
    /// map.insert(cx, cx.alloc(1), 1);
    /// map.clear(cx);
    /// assert_eq!((map.len_with_dead(), cx.stats().bytes_external()), (0, 0));
    /// # });
    /// ```
    pub fn clear<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        self.entries.clear(cx);
    }

    /// Frees the memory that the table does not need for its entries: see [`Map::shrink_to_fit`]. Dead entries count,
    /// unless [`purge`](WeakMap::purge) is called before.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakMap};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(WeakMap::<'_, i64, i64>::new());
    /// let keys = [1, 2].map(|n| cx.alloc(n));
    /// keys.iter().for_each(|key| _ = map.insert(cx, *key, 0));
    /// keys.iter().for_each(|key| _ = map.remove(cx, *key));
    /// map.shrink_to_fit(cx);
    /// assert_eq!(cx.stats().bytes_external(), 0);
    /// # });
    /// ```
    pub fn shrink_to_fit<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        self.entries.shrink_to_fit(cx);
    }

    /// Returns the number of entries, with those whose keys are dead and that are not forgotten yet. Constant time.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakMap};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(WeakMap::<'_, i64, i64>::new());
    /// map.insert(cx, cx.alloc(1), 1);
    /// assert_eq!(map.len_with_dead(), 1);
    /// # });
    /// ```
    pub fn len_with_dead(&self) -> usize {
        self.entries.len()
    }

    /// Looks at some entries for dead keys, if a cycle has ended since all were looked at, and removes the dead ones.
    fn search<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        let search = &self.search;
        let cycles = cx.collector().counters.cycles.get();
        if search.cycles.replace(cycles) != cycles {
            search.ends.set(2);
        }
        for _ in 0..STEP {
            if search.ends.get() == 0 {
                return;
            }
            match self.entries.entry_from(search.position.get()) {
                Some((next, address, entry)) => {
                    search.position.set(next);
                    let dead = !entry.is_alive(cx) && !fault::is(Fault::WeakMapKeepsTheDead);
                    if dead || fault::is(Fault::WeakMapForgetsTheLiving) {
                        self.entries.remove(cx, address);
                    }
                }
                None => {
                    search.position.set(0);
                    search.ends.set(search.ends.get() - 1);
                }
            }
        }
    }
}

impl<'gc, K, V> Default for WeakMap<'gc, K, V>
where
    K: Trace,
    V: Trace + Copy + 'gc,
    for<'a> K::At<'a>: Sized,
    for<'a> V::At<'a>: Copy,
{
    fn default() -> Self {
        WeakMap::new()
    }
}

impl<K, V> fmt::Debug for WeakMap<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakMap { .. }")
    }
}
