//! [`Map`]: a hash table with the write barrier at the element.
//!
//! # Why marking it in pieces is sound
//!
//! The mark loop scans a table by bucket index, [`PIECE`] buckets at a time, and the mutator runs between two pieces.
//! An entry is *scanned* when its bucket lies below the scan's position.
//!
//! * **Overwriting** an entry, **inserting** into a bucket that nobody uses and **removing** are writes to one field,
//!   and run the barrier of `slot.set` with the old key and value, or the new ones; a table that is scanned in
//!   part is a grey object with scanned and unscanned fields, as any array is. In short: under the policies that shade
//!   the new, whatever enters the scanned part is shaded; under those that shade the old, whatever was in the
//!   unscanned part when tracing began is either still there or was shaded when it left, and what is new in the
//!   scanned part was shaded elsewhere, or born black.
//! * **Moving** entries to other buckets is no write of the user's, runs no barrier, and under every policy could
//!   carry an unscanned entry into the scanned part: a lost object. Entries move only when the table is rehashed, to
//!   grow, to shrink or to get rid of tombstones (removal moves nothing). So a rehash sets `moved`, and the next piece
//!   starts again at bucket 0. A table that grows all the time is scanned anew as often as it doubles: a constant
//!   factor.
//!
//! Tried and left out: to ask for the bucket where a search begins before the tags are read. With 200,000 strings, each
//! insertion with a removal before it, that was 3 to 10 % of the processor cycles and nothing that could be seen in time,
//! and it rests on where `hashbrown` lays its entries.

use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::iter::FusedIterator;
use core::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashTable;

use super::key::Key;
use crate::barrier::Barrier;
use crate::cycle::collector::Collector;
use crate::cycle::edges::Top;
use crate::full::HeapFull;
use crate::mutator::Mutator;
use crate::pointer::gc::Gc;
use crate::space::block::Kind;
use crate::space::header::{ObjectPtr, Size, Traced, TypeInfo, trace_nothing};
use crate::trace::{DropOn, Trace, Tracer, object_bytes, trace_with};

/// Buckets that are scanned in one piece.
const PIECE: usize = 128;

/// A hash table in the heap, from [keys](Key) to values that are `Copy`.
///
/// It is an object, made by [`Mutator::alloc_map`] and used through [`Gc`]: see [`get`](Gc::get). The write barrier
/// works at the element, as for a [`Slot`](crate::Slot), and a large table is marked in pieces.
///
/// The entries lie outside the heap, in memory that counts towards its goal and its
/// [limit](crate::HeapBuilder::limit), and that is freed when the object is swept, on whatever thread. A table that
/// has to grow moves all its entries in one go: an insertion costs constant time on average, but one in many costs
/// time in proportion to the table (some 10 ns an entry). [`reserve`](Gc::reserve) says beforehand how large a table
/// will be.
///
/// ```
/// use grisaille::{Gc, Heap, Map, Str};
///
/// Heap::new().enter(|cx| {
///     let ages: Gc<'_, Map<Gc<'_, Str>, i64>> = cx.alloc_map();
///     assert_eq!(ages.insert(cx, cx.intern("ann"), 30), None);
///     assert_eq!(ages.insert(cx, cx.intern("ann"), 31), Some(30));
///     assert_eq!(ages.get(cx.intern("ann")), Some(31));
///     assert_eq!(ages.remove(cx, cx.intern("ann")), Some(31));
///     assert!(ages.is_empty());
/// });
/// ```
pub struct Map<K, V> {
    /// Borrowed in leaf functions that run no code of the user's: never twice at once. Invariant, and not `Sync`.
    table: UnsafeCell<HashTable<(K, V)>>,
    /// Entries changed their buckets since the mark loop last began to scan the table.
    moved: Cell<bool>,
    /// Where the bytes go when the table is dropped.
    given_back: Arc<AtomicUsize>,
}

/// The table's memory goes back, on whatever thread. Keys and values are `Copy`: there is nothing in them to drop.
impl<K, V> Drop for Map<K, V> {
    fn drop(&mut self) {
        self.given_back.fetch_add(self.table.get_mut().allocation_size(), Ordering::Relaxed);
    }
}

struct InfoOfMap<K, V>(core::marker::PhantomData<(K, V)>);

impl<K: Key, V: Trace + Copy> InfoOfMap<K, V> {
    const INFO: TypeInfo = TypeInfo {
        size: Size::of_bytes(object_bytes::<Map<K, V>>()),
        element: 0,
        prefix: 0,
        needs_trace: K::NEEDS_TRACE || V::NEEDS_TRACE,
        trace: if K::NEEDS_TRACE || V::NEEDS_TRACE { trace_map::<K, V> } else { trace_nothing },
        mark_alike: None,
        drop: Some(drop_map::<K, V>),
        name: core::any::type_name::<Map<K, V>>,
    };
}

/// # Safety
/// [`TypeInfo::trace`]'s.
unsafe fn trace_map<K: Key, V: Trace + Copy>(object: ObjectPtr, from: usize, erased: NonNull<()>, top: Top) -> Traced {
    // SAFETY: `TypeInfo::trace`: the header names `InfoOfMap<K, V>`, so the payload is a map; it is complete.
    let map = unsafe { object.payload().cast::<Map<K, V>>().as_ref() };
    // SAFETY: `TypeInfo::trace`: nobody writes it until the call ends, and what borrows the table for a write is inside of
    // the map's own functions, which stand at no safepoint and behind their barrier.
    let table = unsafe { &*map.table.get() };
    // SAFETY: `TypeInfo::trace`: a tracer that is ours until the end of the call, and a top of its edges.
    unsafe { trace_with(erased, top, |tracer| scan_map(map, table, from, tracer)) }
}

/// Scans a piece of the table, and returns the next.
fn scan_map<K: Key, V: Trace + Copy>(
    map: &Map<K, V>,
    table: &HashTable<(K, V)>,
    from: usize,
    tracer: &mut Tracer<'_>,
) -> usize {
    let mark_loop = tracer.is_mark_loop();
    // Buckets below `from` were scanned in another order of the entries: all over again (see the module).
    if map.moved.get() {
        tracer.restarts();
    }
    let from = if mark_loop && map.moved.get() { 0 } else { from };
    let buckets = table.num_buckets();
    let end = buckets.min(from + PIECE);
    for at in from..end {
        if let Some((key, value)) = table.get_bucket(at) {
            key.trace(tracer);
            value.trace(tracer);
        }
    }
    if mark_loop {
        // Only when the piece is complete: a trace that panics leaves the flag as it is.
        map.moved.set(false);
    }
    tracer.scanned::<(K, V)>(end - from.min(end));
    if end == buckets { 0 } else { end }
}

/// # Safety
/// [`TypeInfo::drop`]'s.
unsafe fn drop_map<K, V>(object: ObjectPtr) {
    // SAFETY: `TypeInfo::drop`: the header names `InfoOfMap<K, V>`, so the payload is a map; it is complete, was not dropped,
    // and is used by nobody.
    unsafe { object.payload().cast::<Map<K, V>>().drop_in_place() };
}

impl<B: Barrier> Mutator<'_, B> {
    /// Allocates an empty [`Map`]. Its table takes no memory before the first insertion.
    ///
    /// # Panics
    /// When the heap is full.
    #[track_caller]
    pub fn alloc_map<'a, K, V>(&'a self) -> Gc<'a, Map<K, V>>
    where
        K: Key + Trace<At<'a> = K>,
        V: Trace<At<'a> = V> + Copy,
    {
        self.try_alloc_map().unwrap_or_else(|full| full.panic())
    }

    /// Allocates an empty [`Map`], unless the heap is full.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let squares: Gc<'_, Map<i64, i64>> = cx.try_alloc_map()?;
    /// squares.insert(cx, 3, 9);
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`].
    pub fn try_alloc_map<'a, K, V>(&'a self) -> Result<Gc<'a, Map<K, V>>, HeapFull<()>>
    where
        K: Key + Trace<At<'a> = K>,
        V: Trace<At<'a> = V> + Copy,
    {
        let map = Map::<K, V> {
            table: UnsafeCell::new(HashTable::new()),
            moved: Cell::new(false),
            given_back: self.collector().pacer.given_back.clone(),
        };
        match self.place(map, const { &InfoOfMap::<K, V>::INFO }, Kind::BackgroundDrop) {
            // SAFETY: just written as a map; no safepoint before `'a` ends.
            Ok(object) => Ok(unsafe { Gc::from_object(object) }),
            Err(_) => Err(self.full((), const { object_bytes::<Map<K, V>>() })),
        }
    }
}

/// Bytes of a table with room for `items`, or more where that overflows.
fn bytes_for<T>(items: usize) -> usize {
    let buckets = items.saturating_mul(8).div_ceil(7).checked_next_power_of_two().unwrap_or(usize::MAX);
    buckets.saturating_mul(size_of::<T>() + 1)
}

impl<'gc, K: Key, V: Trace + Copy> Gc<'gc, Map<K, V>> {
    /// # Safety
    /// No other reference to the table may be live, and none be made while this one is: callers keep it within an
    /// expression in which no user code runs. (Hashing and comparing keys are this crate's own: [`Key`] is sealed.)
    #[allow(clippy::mut_from_ref, reason = "exclusive by the caller's word")]
    #[inline(always)]
    unsafe fn table(self) -> &'gc mut HashTable<(K, V)> {
        // SAFETY: the map is live for `'gc`; exclusive by the caller's word.
        unsafe { &mut *self.as_ref().table.get() }
    }

    /// The entry of a key.
    #[inline(always)]
    fn find(self, hash: u64, key: &K) -> Option<(K, V)> {
        // SAFETY: a leaf expression.
        unsafe { self.table() }.find(hash, |entry| entry.0.is_same(key)).copied()
    }

    /// The value of a key.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map, Str};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<Gc<'_, Str>, f64>> = cx.alloc_map();
    /// map.insert(cx, cx.intern("pi"), 3.14);
    /// assert_eq!(map.get(cx.intern("pi")), Some(3.14));
    /// assert_eq!(map.get(cx.intern("e")), None);
    /// # });
    /// ```
    #[inline]
    pub fn get(self, key: K) -> Option<V> {
        self.find(key.hash_key(), &key).map(|(_, value)| value)
    }

    /// Whether the key has a value.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<i64, ()>> = cx.alloc_map();
    /// map.insert(cx, 1, ());
    /// assert!(map.contains(1) && !map.contains(2));
    /// # });
    /// ```
    #[inline]
    pub fn contains(self, key: K) -> bool {
        self.find(key.hash_key(), &key).is_some()
    }

    /// How many entries there are.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<i64, ()>> = cx.alloc_map();
    /// assert_eq!((map.len(), map.is_empty()), (0, true));
    /// # });
    /// ```
    #[inline]
    pub fn len(self) -> usize {
        // SAFETY: a leaf expression.
        unsafe { self.table() }.len()
    }

    /// Whether there is no entry.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Gives a key a value, and returns the one it had. Constant time on average; see [`Map`] for the table's growth.
    /// A key that is there already stays the object that it is.
    ///
    /// # Panics
    /// When the table has to grow and the heap is full: [`try_insert`](Gc::try_insert) answers with a value.
    #[inline]
    #[track_caller]
    pub fn insert<B: Barrier>(self, cx: &Mutator<'_, B>, key: K, value: V) -> Option<V> {
        self.try_insert(cx, key, value).unwrap_or_else(|full| full.panic())
    }

    /// Gives a key a value, and returns the one it had, unless the table has to grow and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    /// heap.enter(|cx| {
    ///     let map: Gc<'_, Map<usize, usize>> = cx.alloc_map();
    ///     let full = (0..).find_map(|n| map.try_insert(cx, n, 2 * n).err()).unwrap();
    ///     assert_eq!(full.0, 2 * map.len()); // the value is not lost, and the table is what it was
    /// });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value.
    #[inline]
    pub fn try_insert<B: Barrier>(self, cx: &Mutator<'_, B>, key: K, value: V) -> Result<Option<V>, HeapFull<V>> {
        let hash = key.hash_key();
        if const { (K::NEEDS_TRACE || V::NEEDS_TRACE) && B::RULES.has_write_barrier() } && cx.collector().marking.get()
        {
            before_insert::<B, K, V>(cx.collector(), self.find(hash, &key), key, value);
        }
        // SAFETY: a leaf expression, up to the return.
        let table = unsafe { self.table() };
        if let Some(entry) = table.find_mut(hash, |entry| entry.0.is_same(&key)) {
            return Ok(Some(core::mem::replace(&mut entry.1, value)));
        }
        if table.len() == table.capacity()
            && let Err(full) = self.make_room(cx, 1)
        {
            return Err(full.with(value));
        }
        // SAFETY: a leaf expression; the borrow above has ended.
        let table = unsafe { self.table() };
        let _buckets = table.num_buckets();
        table.insert_unique(hash, (key, value), |entry| entry.0.hash_key());
        debug_assert_eq!(_buckets, table.num_buckets(), "entries moved, and the mark loop does not know");
        Ok(None)
    }

    /// Gives a key that has a value another one, and returns the old. Without it nothing is stored.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let globals: Gc<'_, Map<u32, i64>> = cx.alloc_map();
    /// assert_eq!(globals.replace(cx, 7, 1), None); // assignment to what was never defined
    /// globals.insert(cx, 7, 0);
    /// assert_eq!(globals.replace(cx, 7, 1), Some(0));
    /// # });
    /// ```
    #[inline]
    pub fn replace<B: Barrier>(self, cx: &Mutator<'_, B>, key: K, value: V) -> Option<V> {
        let hash = key.hash_key();
        if const { V::NEEDS_TRACE && B::RULES.has_write_barrier() }
            && cx.collector().marking.get()
            && let Some(old) = self.find(hash, &key)
        {
            before_insert::<B, K, V>(cx.collector(), Some(old), key, value);
        }
        // SAFETY: a leaf expression.
        let entry = unsafe { self.table() }.find_mut(hash, |entry| entry.0.is_same(&key))?;
        Some(core::mem::replace(&mut entry.1, value))
    }

    /// Gives a key the value that `f` makes of the one it has, and returns it. `f` may use the map.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let counts: Gc<'_, Map<char, u32>> = cx.alloc_map();
    /// for letter in "abba".chars() {
    ///     counts.update(cx, letter, |count| count.unwrap_or(0) + 1);
    /// }
    /// assert_eq!(counts.get('b'), Some(2));
    /// # });
    /// ```
    ///
    /// # Panics
    /// As [`insert`](Gc::insert); passes panics of `f` on.
    #[inline]
    #[track_caller]
    pub fn update<B: Barrier>(self, cx: &Mutator<'_, B>, key: K, f: impl FnOnce(Option<V>) -> V) -> V {
        let value = f(self.get(key));
        self.insert(cx, key, value);
        value
    }

    /// Forgets a key, and returns the value it had. The table keeps its memory: see
    /// [`shrink_to_fit`](Gc::shrink_to_fit).
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<i64, i64>> = cx.alloc_map();
    /// map.insert(cx, 1, 10);
    /// assert_eq!((map.remove(cx, 1), map.remove(cx, 1)), (Some(10), None));
    /// # });
    /// ```
    #[inline]
    pub fn remove<B: Barrier>(self, cx: &Mutator<'_, B>, key: K) -> Option<V> {
        let hash = key.hash_key();
        if const { (K::NEEDS_TRACE || V::NEEDS_TRACE) && B::RULES.has_write_barrier() }
            && cx.collector().marking.get()
            && let Some(old) = self.find(hash, &key)
        {
            before_remove::<B, K, V>(cx.collector(), old);
        }
        // SAFETY: a leaf expression.
        let entry = unsafe { self.table() }.find_entry(hash, |entry| entry.0.is_same(&key)).ok()?;
        let ((_, value), _) = entry.remove();
        Some(value)
    }

    /// Forgets all entries, and gives the table's memory back. While the collector marks, and the policy shades what
    /// is overwritten, this looks at each.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<i64, i64>> = cx.alloc_map();
    /// map.insert(cx, 1, 10);
    /// map.clear(cx);
    /// assert!(map.is_empty());
    /// assert_eq!(cx.stats().bytes_external, 0);
    /// # });
    /// ```
    pub fn clear<B: Barrier>(self, cx: &Mutator<'_, B>) {
        if const { (K::NEEDS_TRACE || V::NEEDS_TRACE) && B::RULES.shade_old } && cx.collector().marking.get() {
            for old in self.iter() {
                before_remove::<B, K, V>(cx.collector(), old);
            }
        }
        // SAFETY: a leaf expression: nothing in the table has drop glue.
        let old = core::mem::take(unsafe { self.table() });
        self.table_moved(cx, old.allocation_size());
    }

    /// Makes room for `additional` more entries, so that the table need not grow for them.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<i64, i64>> = cx.alloc_map();
    /// map.reserve(cx, 1000).unwrap();
    /// let bytes = cx.stats().bytes_external;
    /// for n in 0..1000 {
    ///     map.insert(cx, n, n);
    /// }
    /// assert_eq!(cx.stats().bytes_external, bytes);
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`].
    pub fn reserve<B: Barrier>(self, cx: &Mutator<'_, B>, additional: usize) -> Result<(), HeapFull<()>> {
        // SAFETY: a leaf expression.
        let table = unsafe { self.table() };
        if additional > table.capacity() - table.len() { self.make_room(cx, additional) } else { Ok(()) }
    }

    /// Gives back the memory that the table does not need for the entries it has. Time in proportion to the table.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<i64, i64>> = cx.alloc_map();
    /// map.reserve(cx, 1000).unwrap();
    /// map.shrink_to_fit(cx);
    /// assert_eq!(cx.stats().bytes_external, 0);
    /// # });
    /// ```
    pub fn shrink_to_fit<B: Barrier>(self, cx: &Mutator<'_, B>) {
        // SAFETY: a leaf expression: hashing is ours.
        let table = unsafe { self.table() };
        let before = table.allocation_size();
        table.shrink_to_fit(|entry| entry.0.hash_key());
        self.table_moved(cx, before);
    }

    /// All entries, in no order.
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
    /// after a safepoint, which no iterator survives. As for [`iter`](Gc::iter), growth mixes the positions up.
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
        // SAFETY: a leaf expression, to the end of the function.
        let table = unsafe { self.table() };
        (position..table.num_buckets()).find_map(|at| table.get_bucket(at).map(|&(key, value)| (at + 1, key, value)))
    }

    /// Room for `additional` more entries than there are: all entries move.
    #[cold]
    #[inline(never)]
    fn make_room<B: Barrier>(self, cx: &Mutator<'_, B>, additional: usize) -> Result<(), HeapFull<()>> {
        let c = cx.collector();
        // SAFETY: a leaf expression, to the end of the function: hashing is ours.
        let table = unsafe { self.table() };
        let before = table.allocation_size();
        let after = bytes_for::<(K, V)>(table.len().saturating_add(additional));
        if after > before && !c.has_room_outside(after - before) {
            return Err(cx.full((), after));
        }
        let result = table.try_reserve(additional, |entry| entry.0.hash_key());
        self.table_moved(cx, before);
        result.map_err(|_| cx.full((), after))
    }

    /// The table was rehashed: the mark loop starts again, and the bytes are booked.
    fn table_moved<B: Barrier>(self, cx: &Mutator<'_, B>, before: usize) {
        self.as_ref().moved.set(true);
        // SAFETY: a leaf expression.
        let after = unsafe { self.table() }.allocation_size();
        cx.collector().table_changed(before, after);
    }
}

/// The barrier of an insertion, before it.
#[cold]
#[inline(never)]
fn before_insert<B: Barrier, K: Key, V: Trace + Copy>(c: &Collector, old: Option<(K, V)>, key: K, value: V) {
    match old {
        // The key stays.
        Some((_, old)) => c.before_write::<B>(&old, &value),
        None => {
            c.before_write::<B>(&(), &key);
            c.before_write::<B>(&(), &value);
        }
    }
}

/// The barrier of a removal, before it.
#[cold]
#[inline(never)]
fn before_remove<B: Barrier, K: Key, V: Trace + Copy>(c: &Collector, (key, value): (K, V)) {
    c.before_write::<B>(&key, &());
    c.before_write::<B>(&value, &());
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

// SAFETY: there is no value of this type outside an object whose header names `trace_map`; `At` replaces the lifetime
// in keys and values. The rest is `Send + 'static`.
unsafe impl<K: Trace, V: Trace> Trace for Map<K, V>
where
    for<'a> K::At<'a>: Sized,
    for<'a> V::At<'a>: Sized,
{
    type At<'a> = Map<K::At<'a>, V::At<'a>>;
    const NEEDS_TRACE: bool = K::NEEDS_TRACE || V::NEEDS_TRACE;
    const DROP: DropOn = DropOn::Sweeper;
    fn trace(&self, _: &mut Tracer<'_>) {
        unreachable!("maps are traced through their header")
    }
}

impl<K, V> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Map { .. }")
    }
}
