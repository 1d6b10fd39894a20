//! [`Map`]: a hash table with the write barrier at the element.
//!
//! A map is one word, which points to an object of its own from the first insertion on, so that the mark loop can scan
//! the map in pieces. The public type is in `field`; the object and its operations are here.
//!
//! The entries lie in a [`Store`]: one table, or several where there are many entries, since a table that grows moves
//! all its entries at once.
//!
//! # Why marking it in pieces is sound
//!
//! The mark loop scans one table after the other, each by bucket index, [`PIECE`] buckets at a time, and the mutator
//! runs between two pieces. An entry is *scanned* when its table comes before that of the scan's position, or is the
//! same table and the entry's bucket lies below.
//!
//! * **Overwriting** an entry, **inserting** into a free bucket and **removing** (also by `pop`, `drain` and `retain`)
//!   are writes to one field, and run the barrier of `slot.set` with the old key and value, or the new ones; a map that
//!   is scanned in part is a grey object with scanned and unscanned fields, as any array is. In short: under the
//!   policies that shade the new value, whatever enters the scanned part is shaded; under those that shade the old
//!   value, whatever was in the unscanned part when tracing began is either still there or was shaded when it left, and
//!   what is new in the scanned part was shaded elsewhere, or allocated black.
//! * **Moving** entries to other buckets is no write of the user's, runs no barrier, and under every policy could
//!   carry an unscanned entry into the scanned part: a lost object. Entries move on three occasions (removal moves
//!   nothing), and none of them carries an unscanned entry there:
//!   - *A table is rehashed*, to grow or to remove tombstones: its entries stay in the table. The table's `moved` is set,
//!     and where the scan stands in the middle of the table, the scan begins anew with it. If the table was scanned as a
//!     whole, all its entries were, and still are; if its scan has not begun, none was.
//!   - *A part is split*: the new part takes entries of the old one, and is the last of all. The position of a scan that
//!     has not ended lies in a part that existed before, so the new part is unscanned: an entry may be scanned
//!     twice. The part that is split is rehashed, as above. (A table that becomes the first part keeps its buckets.)
//!   - *The map is cleared, or shrunk*, so that there are fewer parts: the store's `moved` is set, and the next piece
//!     is the first of all.
//!
//!   So the scan repeats no more than growth moves: a map that grows by some millions of entries while it is scanned is
//!   not scanned again.
//!
//! What was tried and left out is in `docs/experiments.md`.

mod bits;
mod field;
mod iter;
mod store;
mod table;

use core::any::type_name;
use core::cell::UnsafeCell;
use core::fmt;
use core::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use self::field::Map;
pub use self::iter::MapIter;
use self::store::{Store, place, position};
use super::key::Key;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::cycle::collector::Collector;
use crate::fault::{self, Fault};
use crate::full::HeapFull;
use crate::mark::edges::Top;
use crate::mark::tracer::{Tracer, trace_with};
use crate::memory::NoMemory;
use crate::pointer::gc::Gc;
use crate::space::block::Kind;
use crate::space::header::object_bytes;
use crate::space::header::{About, ObjectPtr, TraceResult, TypeInfo};
use crate::trace::{DropOn, Trace};

/// Number of buckets that are scanned in one piece.
const PIECE: usize = 128;

/// The object behind a [`Map`], which the mark loop scans in pieces.
pub(crate) struct MapObject<K, V> {
    /// Borrowed in leaf functions that run no user code: never twice at once. Invariant, and not `Sync`.
    store: UnsafeCell<Store<K, V>>,
    /// The counter to which the table's bytes are returned when the table is dropped.
    given_back: Arc<AtomicUsize>,
}

/// Frees the table's memory, on any thread. Keys and values are `Copy`: they have no drop glue.
impl<K, V> Drop for MapObject<K, V> {
    fn drop(&mut self) {
        self.given_back.fetch_add(self.store.get_mut().bytes(), Ordering::Relaxed);
    }
}

struct InfoOfMap<K, V>(core::marker::PhantomData<(K, V)>);

impl<K: Key, V: Trace + Copy> InfoOfMap<K, V> {
    const INFO: TypeInfo = TypeInfo::sized::<MapObject<K, V>>(|| About::internal(type_name::<Map<'static, K, V>>()))
        .traced_if(K::NEEDS_TRACE || V::NEEDS_TRACE, trace_map::<K, V>)
        .dropped_if(true, drop_map::<K, V>);
}

/// Traces a piece of a map.
///
/// # Safety
/// As for [`TypeInfo::trace`].
unsafe fn trace_map<K: Key, V: Trace + Copy>(
    object: ObjectPtr,
    from: usize,
    erased: NonNull<()>,
    top: Top,
) -> TraceResult {
    // SAFETY: `TypeInfo::trace`: the header names `InfoOfMap<K, V>`, so the payload is a map; it is complete.
    let map = unsafe { object.payload().cast::<MapObject<K, V>>().as_ref() };
    // SAFETY: `TypeInfo::trace`: the store is not written until the call ends: it is borrowed for a write only inside
    // of the map's own functions, which reach no safepoint meanwhile and run their barrier before.
    let store = unsafe { &*map.store.get() };
    // SAFETY: `TypeInfo::trace`: a tracer that is exclusive until the end of the call, and a top of its edges.
    unsafe { trace_with(erased, top, |tracer| scan_map(store, from, tracer)) }
}

/// Scans the piece of the map that begins at position `from`, and returns the position of the next piece, or 0 at the
/// end.
fn scan_map<K: Key, V: Trace + Copy>(store: &Store<K, V>, from: usize, tracer: &mut Tracer<'_>) -> usize {
    let mark_loop = tracer.is_mark_loop();
    let (mut number, mut bucket) = place(from);
    // The map moved, so the tables before this one are not those that were scanned: begin anew (see the module).
    if store.moved().get() && from != 0 {
        tracer.restarts(0);
        if mark_loop {
            (number, bucket) = (0, 0);
        }
    }
    // Only a map that moved has fewer tables than when the scan reached this position.
    let Some(look) = store.table(number) else { return 0 };
    // The same for the buckets of this table.
    if look.moved.get() && bucket != 0 && !fault::is(Fault::MapIgnoresRehash) {
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
            if !fault::is(Fault::MapForgetsKeys) {
                key.trace(tracer);
            }
            value.trace(tracer);
        }
        at = used + 1;
    }
    if mark_loop {
        // Only when the piece is complete: a trace that panics must leave the flags as they are.
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

/// Drops the table of a map.
///
/// # Safety
/// As for [`TypeInfo::drop`].
unsafe fn drop_map<K, V>(object: ObjectPtr) {
    // SAFETY: `TypeInfo::drop`: the header names `InfoOfMap<K, V>`, so the payload is a map; it is complete, was not
    // dropped, and is not in use.
    unsafe { object.payload().cast::<MapObject<K, V>>().drop_in_place() };
}

/// A pointer to the object behind a map.
pub(super) struct Table<'gc, K, V>(Gc<'gc, MapObject<K, V>>);

impl<K, V> Clone for Table<'_, K, V> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Table<'_, K, V> {}

impl<'gc, K: Key, V: Trace + Copy> Table<'gc, K, V> {
    /// Allocates an empty table.
    #[cold]
    #[inline(never)]
    fn alloc<B: Barrier>(cx: &'gc Mutator<'_, B>) -> Result<Self, HeapFull<()>> {
        let given_back = cx.collector().pacer.given_back.clone();
        let map = MapObject::<K, V> { store: UnsafeCell::new(Store::new()), given_back };
        match cx.place(map, const { &InfoOfMap::<K, V>::INFO }, Kind::BackgroundDrop) {
            // SAFETY: just written as a map; no safepoint before `'gc` ends.
            Ok(object) => Ok(Table(unsafe { Gc::from_object(object) })),
            Err(_) => Err(cx.full((), const { object_bytes::<MapObject<K, V>>() })),
        }
    }

    /// Returns the store, to read or to change.
    ///
    /// # Safety
    /// No other reference to the store may be live, and none be made while this one is: callers keep the reference
    /// within an expression in which no user code runs. (Hashing and comparing keys run no code of users: [`Key`]'s
    /// contract.)
    #[allow(clippy::mut_from_ref, reason = "exclusive by the caller's word")]
    #[inline(always)]
    unsafe fn store(self) -> &'gc mut Store<K, V> {
        // SAFETY: the map is live for `'gc`; exclusive by the caller's promise.
        unsafe { &mut *Gc::as_ref(self.0).store.get() }
    }

    /// Returns the entry of a key.
    #[inline(always)]
    fn find(self, hash: u64, key: &K) -> Option<(K, V)> {
        // SAFETY: a leaf expression.
        unsafe { self.store() }.find(hash, key).copied()
    }

    #[inline]
    fn get(self, key: K) -> Option<V> {
        self.find(key.hash_key(), &key).map(|(_, value)| value)
    }

    #[inline]
    fn contains_key(self, key: K) -> bool {
        self.find(key.hash_key(), &key).is_some()
    }

    #[inline]
    fn len(self) -> usize {
        // SAFETY: a leaf expression.
        unsafe { self.store() }.len()
    }

    #[inline]
    fn try_insert<B: Barrier>(self, cx: &Mutator<'_, B>, key: K, value: V) -> Result<Option<V>, HeapFull<V>> {
        let hash = key.hash_key();
        cx.before_write::<K, V>(|c| before_insert::<B, K, V>(c, self.find(hash, &key), key, value));
        // SAFETY: a leaf expression.
        unsafe { self.store() }.put(hash, key, value).or_else(|value| self.insert_where_full(cx, hash, key, value))
    }

    #[inline]
    fn replace<B: Barrier>(self, cx: &Mutator<'_, B>, key: K, value: V) -> Option<V> {
        let hash = key.hash_key();
        cx.before_write::<V, ()>(|c| {
            if let Some(old) = self.find(hash, &key) {
                before_insert::<B, K, V>(c, Some(old), key, value);
            }
        });
        // SAFETY: a leaf expression.
        let entry = unsafe { self.store() }.find_mut(hash, &key)?;
        Some(core::mem::replace(&mut entry.1, value))
    }

    #[inline]
    fn remove<B: Barrier>(self, cx: &Mutator<'_, B>, key: K) -> Option<V> {
        let hash = key.hash_key();
        cx.before_write::<K, V>(|c| {
            if let Some(old) = self.find(hash, &key) {
                before_remove::<B, K, V>(c, old);
            }
        });
        // SAFETY: a leaf expression.
        unsafe { self.store() }.remove(hash, &key).map(|(_, value)| value)
    }

    #[inline]
    fn entry_from(self, position: usize) -> Option<(usize, K, V)> {
        // SAFETY: a leaf expression.
        let (at, &(key, value)) = unsafe { self.store() }.next(position)?;
        Some((at + 1, key, value))
    }

    #[inline]
    fn pop<B: Barrier>(self, cx: &Mutator<'_, B>) -> Option<(K, V)> {
        // SAFETY: a leaf expression.
        let (position, &old) = unsafe { self.store() }.next(0)?;
        cx.before_write::<K, V>(|c| before_remove::<B, K, V>(c, old));
        // SAFETY: a leaf expression.
        unsafe { self.store() }.remove_at(position)
    }

    fn clear<B: Barrier>(self, cx: &Mutator<'_, B>) {
        cx.before_write::<K, V>(|c| {
            let mut position = 0;
            while const { B::RULES.shade_old }
                && let Some((next, key, value)) = self.entry_from(position)
            {
                position = next;
                before_remove::<B, K, V>(c, (key, value));
            }
        });
        // SAFETY: a leaf expression: nothing in the table has drop glue.
        let old = core::mem::replace(unsafe { self.store() }, Store::new());
        // SAFETY: as above.
        unsafe { self.store() }.moved().set(true);
        self.book(cx, old.bytes());
    }

    fn try_reserve<B: Barrier>(self, cx: &Mutator<'_, B>, additional: usize) -> Result<(), HeapFull<()>> {
        // SAFETY: a leaf expression: hashing is this crate's own code.
        let bytes = unsafe { self.store() }.growth_for(additional);
        self.grow(cx, bytes, |store| store.reserve(additional))
    }

    fn shrink_to_fit<B: Barrier>(self, cx: &Mutator<'_, B>) {
        // SAFETY: a leaf expression: hashing is this crate's own code.
        let store = unsafe { self.store() };
        let before = store.bytes();
        store.shrink_to_fit();
        self.book(cx, before);
    }

    /// Inserts an entry whose key is not in the store, and for which there is no room.
    #[cold]
    #[inline(never)]
    fn insert_where_full<B: Barrier>(
        self,
        cx: &Mutator<'_, B>,
        hash: u64,
        key: K,
        value: V,
    ) -> Result<Option<V>, HeapFull<V>> {
        // SAFETY: a leaf expression.
        let bytes = unsafe { self.store() }.growth(hash);
        if let Err(full) = self.grow(cx, bytes, |store| store.make_room(hash)) {
            return Err(full.with(value));
        }
        // SAFETY: a leaf expression.
        unsafe { self.store() }.put(hash, key, value).map_err(|value| cx.full(value, bytes))
    }

    /// Lets the store take `bytes` more bytes, or about as many, by `f`, which is this crate's own code.
    fn grow<B: Barrier>(
        self,
        cx: &Mutator<'_, B>,
        bytes: usize,
        f: impl FnOnce(&mut Store<K, V>) -> Result<(), NoMemory>,
    ) -> Result<(), HeapFull<()>> {
        if bytes > 0 && !cx.collector().has_room_outside(bytes) {
            return Err(cx.full((), bytes));
        }
        // SAFETY: a leaf expression: `f` runs no user code, and hashing is this crate's own.
        let store = unsafe { self.store() };
        let before = store.bytes();
        let result = f(store);
        self.book(cx, before);
        result.map_err(|NoMemory| cx.full((), bytes))
    }

    /// Tells the pacer that the store took `before` bytes and now takes another number.
    fn book<B: Barrier>(self, cx: &Mutator<'_, B>, before: usize) {
        // SAFETY: a leaf expression.
        let after = unsafe { self.store() }.bytes();
        cx.collector().table_changed(before, after);
    }
}

/// Runs the barrier of an insertion, before it.
#[cold]
#[inline(never)]
fn before_insert<B: Barrier, K: Key, V: Trace + Copy>(c: &Collector, old: Option<(K, V)>, key: K, value: V) {
    match old {
        Some(_) if fault::is(Fault::MapReplacesUnseen) => {}
        None if fault::is(Fault::MapInsertsUnseen) => {}
        // The key in the map stays.
        Some((_, old)) => c.before_write::<B, _, _>(&old, &value),
        None => {
            c.before_write::<B, _, _>(&(), &key);
            c.before_write::<B, _, _>(&(), &value);
        }
    }
}

/// Runs the barrier of a removal, before it.
#[cold]
#[inline(never)]
fn before_remove<B: Barrier, K: Key, V: Trace + Copy>(c: &Collector, (key, value): (K, V)) {
    if fault::is(Fault::MapRemovesUnseen) {
        return;
    }
    c.before_write::<B, _, _>(&key, &());
    c.before_write::<B, _, _>(&value, &());
}

// SAFETY: there is no value of this type outside an object whose header names `trace_map`; `At` replaces the lifetime
// in keys and values. The rest is `Send + 'static`.
unsafe impl<K: Trace, V: Trace> Trace for MapObject<K, V>
where
    for<'a> K::At<'a>: Sized,
    for<'a> V::At<'a>: Sized,
{
    type At<'a> = MapObject<K::At<'a>, V::At<'a>>;
    const NEEDS_TRACE: bool = K::NEEDS_TRACE || V::NEEDS_TRACE;
    const DROP: DropOn = DropOn::Sweeper;
    fn trace(&self, _: &mut Tracer<'_>) {
        unreachable!("maps are traced through their header")
    }
}

impl<K, V> fmt::Debug for MapObject<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Map { .. }")
    }
}
