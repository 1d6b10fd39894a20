//! [`Map`]: a hash table with the write barrier at the element.
//!
//! The entries lie in a [`Store`]: one table, or several where there are many, since a table that grows moves all its
//! entries at once.
//!
//! # Why marking it in pieces is sound
//!
//! The mark loop scans one table after the other, each by bucket index, [`PIECE`] buckets at a time, and the mutator
//! runs between two pieces. An entry is *scanned* when its table comes before that of the scan's position, or is the
//! same and its bucket lies below.
//!
//! * **Overwriting** an entry, **inserting** into a bucket that nobody uses and **removing** (also by `pop`, `drain` and
//!   `retain`) are writes to one field, and run the barrier of `slot.set` with the old key and value, or the new ones; a
//!   map that is scanned in part is a grey object with scanned and unscanned fields, as any array is. In short: under
//!   the policies that shade the new, whatever enters the scanned part is shaded; under those that shade the old,
//!   whatever was in the unscanned part when tracing began is either still there or was shaded when it left, and what is
//!   new in the scanned part was shaded elsewhere, or born black.
//! * **Moving** entries to other buckets is no write of the user's, runs no barrier, and under every policy could
//!   carry an unscanned entry into the scanned part: a lost object. Entries move on three occasions (removal moves
//!   nothing), and none of them carries one there:
//!   - *A table is rehashed*, to grow or to get rid of tombstones: its entries stay in it. It says that it `moved`, and
//!     where the scan stands in the middle of it, the scan begins anew with this table. If it was scanned as a whole,
//!     all its entries were, and still are; if it was not begun, none was.
//!   - *A part is added*: it takes entries of one other part, and is the last of all. The position of a scan that has
//!     not ended lies in a part that was there before, so the new one is unscanned: an entry may come to be scanned
//!     twice. The other part is rehashed, as above. (A table that becomes the first part keeps its buckets.)
//!   - *The map is cleared, or shrunk*, so that there are fewer parts: the map says that it `moved`, and the next piece
//!     is the first of all.
//!
//!   So growth costs marking no more than it moves: a map that grows by some millions of entries while it is scanned is
//!   not scanned again.
//!
//! Tried and left out: to ask for the bucket where a search begins before the tags are read. With 200,000 strings, each
//! insertion with a removal before it, that was 3 to 10 % of the processor cycles and nothing that could be seen in time,
//! and it rests on where `hashbrown` lays its entries.

mod bits;
mod iter;
mod store;
mod table;

use core::cell::UnsafeCell;
use core::fmt;
use core::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use self::iter::MapIter;
use self::store::{Store, place, position};
use self::table::NoMemory;
use super::key::Key;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::cycle::collector::Collector;
use crate::full::HeapFull;
use crate::mark::edges::Top;
use crate::mark::tracer::{Tracer, trace_with};
use crate::pointer::gc::Gc;
use crate::space::block::Kind;
use crate::space::header::object_bytes;
use crate::space::header::{ObjectPtr, Traced, TypeInfo, trace_nothing};
use crate::space::tally::Size;
use crate::trace::{DropOn, Trace};

/// Buckets that are scanned in one piece.
const PIECE: usize = 128;

/// A hash table in the heap, from [keys](Key) to values that are `Copy`.
///
/// It is an object, made by [`Mutator::alloc_map`] and used through [`Gc`]: see [`get`](Gc::get). The write barrier
/// works at the element, as for a [`Slot`](crate::Slot), and a large table is marked in pieces.
///
/// The entries lie outside the heap, in memory that counts towards its goal and its
/// [limit](crate::HeapBuilder::limit), and that is freed when the object is swept, on whatever thread. An insertion costs
/// constant time on average, and one in many moves entries to make room: up to some 1800 of them, however many there
/// are. [`reserve`](Gc::reserve) makes room beforehand. Removing moves nothing and gives nothing back, which
/// [`shrink_to_fit`](Gc::shrink_to_fit) and [`clear`](Gc::clear) do; the first entry is found in constant time, so a map
/// may be a work list ([`pop`](Gc::pop)), and visiting all costs what is there and not what there is room for.
///
/// Words, identities and what is made of them are hashed with a key that is random by process, by a fast function that
/// is *not* resistant to keys which are chosen to collide: where whoever writes the input may choose the numbers and
/// means harm, operations may take time in proportion to the map. Strings are hashed by
/// one that [is](crate::Str#hashes).
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
    store: UnsafeCell<Store<K, V>>,
    /// Where the bytes go when the table is dropped.
    given_back: Arc<AtomicUsize>,
}

/// The table's memory goes back, on whatever thread. Keys and values are `Copy`: there is nothing in them to drop.
impl<K, V> Drop for Map<K, V> {
    fn drop(&mut self) {
        self.given_back.fetch_add(self.store.get_mut().bytes(), Ordering::Relaxed);
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
    // SAFETY: `TypeInfo::trace`: nobody writes it until the call ends, and what borrows the store for a write is inside of
    // the map's own functions, which stand at no safepoint and behind their barrier.
    let store = unsafe { &*map.store.get() };
    // SAFETY: `TypeInfo::trace`: a tracer that is ours until the end of the call, and a top of its edges.
    unsafe { trace_with(erased, top, |tracer| scan_map(store, from, tracer)) }
}

/// Scans a piece of the map, and returns the next.
fn scan_map<K: Key, V: Trace + Copy>(store: &Store<K, V>, from: usize, tracer: &mut Tracer<'_>) -> usize {
    let mark_loop = tracer.is_mark_loop();
    let (mut number, mut bucket) = place(from);
    // Tables before this one were scanned in another order: all over again (see the module).
    if store.moved().get() && from != 0 {
        tracer.restarts(0);
        if mark_loop {
            (number, bucket) = (0, 0);
        }
    }
    // Only a map that moved has fewer tables than when it was scanned.
    let Some(look) = store.table(number) else { return 0 };
    // The same for the buckets of this table.
    if look.moved.get() && bucket != 0 {
        tracer.restarts(position(number, 0));
        if mark_loop {
            bucket = 0;
        }
    }
    let buckets = look.table.num_buckets();
    let end = buckets.min(bucket + PIECE);
    let mut at = bucket;
    while let Some(used) = look.next(at).filter(|used| *used < end) {
        if let Some((key, value)) = look.table.get_bucket(used) {
            key.trace(tracer);
            value.trace(tracer);
        }
        at = used + 1;
    }
    if mark_loop {
        // Only when the piece is complete: a trace that panics leaves the flags as they are.
        store.moved().set(false);
        look.moved.set(false);
    }
    tracer.scanned::<(K, V)>(end - bucket.min(end));
    if end < buckets {
        position(number, end)
    } else if number + 1 < store.tables() {
        position(number + 1, 0)
    } else {
        0
    }
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
        let map =
            Map::<K, V> { store: UnsafeCell::new(Store::new()), given_back: self.collector().pacer.given_back.clone() };
        match self.place(map, const { &InfoOfMap::<K, V>::INFO }, Kind::BackgroundDrop) {
            // SAFETY: just written as a map; no safepoint before `'a` ends.
            Ok(object) => Ok(unsafe { Gc::from_object(object) }),
            Err(_) => Err(self.full((), const { object_bytes::<Map<K, V>>() })),
        }
    }
}

impl<'gc, K: Key, V: Trace + Copy> Gc<'gc, Map<K, V>> {
    /// # Safety
    /// No other reference to the store may be live, and none be made while this one is: callers keep it within an
    /// expression in which no user code runs. (Hashing and comparing keys are this crate's own: [`Key`] is sealed.)
    #[allow(clippy::mut_from_ref, reason = "exclusive by the caller's word")]
    #[inline(always)]
    unsafe fn store(self) -> &'gc mut Store<K, V> {
        // SAFETY: the map is live for `'gc`; exclusive by the caller's word.
        unsafe { &mut *self.as_ref().store.get() }
    }

    /// The entry of a key.
    #[inline(always)]
    fn find(self, hash: u64, key: &K) -> Option<(K, V)> {
        // SAFETY: a leaf expression.
        unsafe { self.store() }.find(hash, key).copied()
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
        unsafe { self.store() }.len()
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
        let store = unsafe { self.store() };
        if let Some(entry) = store.find_mut(hash, &key) {
            return Ok(Some(core::mem::replace(&mut entry.1, value)));
        }
        if !store.has_room(hash)
            && let Err(full) = self.make_room(cx, hash)
        {
            return Err(full.with(value));
        }
        // SAFETY: a leaf expression; the borrow above has ended.
        unsafe { self.store() }.insert(hash, (key, value));
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
        let entry = unsafe { self.store() }.find_mut(hash, &key)?;
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
        unsafe { self.store() }.remove(hash, &key).map(|(_, value)| value)
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
        let old = core::mem::replace(unsafe { self.store() }, Store::new());
        // SAFETY: as above.
        unsafe { self.store() }.moved().set(true);
        self.book(cx, old.bytes());
    }

    /// Makes room for `additional` more entries, so that the table need not grow for them. Time in proportion to
    /// what there is room for then.
    ///
    /// (A map of thousands of entries consists of parts, and hashes say which an entry goes to: where keys were chosen to
    /// collide, a part may still have to grow.)
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
        // SAFETY: a leaf expression: hashing is ours.
        let bytes = unsafe { self.store() }.growth_for(additional);
        self.grow(cx, bytes, |store| store.reserve(additional))
    }

    /// Gives back the memory that the table does not need for the entries it has. Time in proportion to the table,
    /// and memory for a second one of the new size; where there is none, the table stays as it is.
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
        let store = unsafe { self.store() };
        let before = store.bytes();
        store.shrink_to_fit();
        self.book(cx, before);
    }

    /// Room for an entry with this hash.
    #[cold]
    #[inline(never)]
    fn make_room<B: Barrier>(self, cx: &Mutator<'_, B>, hash: u64) -> Result<(), HeapFull<()>> {
        // SAFETY: a leaf expression.
        let bytes = unsafe { self.store() }.growth(hash);
        self.grow(cx, bytes, |store| store.make_room(hash))
    }

    /// Lets the store take so many bytes more, or about as many. `f` is the crate's own code.
    fn grow<B: Barrier>(
        self,
        cx: &Mutator<'_, B>,
        bytes: usize,
        f: impl FnOnce(&mut Store<K, V>) -> Result<(), NoMemory>,
    ) -> Result<(), HeapFull<()>> {
        if bytes > 0 && !cx.collector().has_room_outside(bytes) {
            return Err(cx.full((), bytes));
        }
        // SAFETY: a leaf expression: `f` runs no user code, and hashing is ours.
        let store = unsafe { self.store() };
        let before = store.bytes();
        let result = f(store);
        self.book(cx, before);
        result.map_err(|NoMemory| cx.full((), bytes))
    }

    /// The store takes other memory than before.
    fn book<B: Barrier>(self, cx: &Mutator<'_, B>, before: usize) {
        // SAFETY: a leaf expression.
        let after = unsafe { self.store() }.bytes();
        cx.collector().table_changed(before, after);
    }
}

/// The barrier of an insertion, before it.
#[cold]
#[inline(never)]
fn before_insert<B: Barrier, K: Key, V: Trace + Copy>(c: &Collector, old: Option<(K, V)>, key: K, value: V) {
    match old {
        // The key stays.
        Some((_, old)) => c.before_write::<B, _, _>(&old, &value),
        None => {
            c.before_write::<B, _, _>(&(), &key);
            c.before_write::<B, _, _>(&(), &value);
        }
    }
}

/// The barrier of a removal, before it.
#[cold]
#[inline(never)]
fn before_remove<B: Barrier, K: Key, V: Trace + Copy>(c: &Collector, (key, value): (K, V)) {
    c.before_write::<B, _, _>(&key, &());
    c.before_write::<B, _, _>(&value, &());
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
