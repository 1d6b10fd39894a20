//! [`Map`], as a field or as an object of its own.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

use super::Table;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;
use crate::kit::key::Key;
use crate::mark::tracer::Tracer;
use crate::pointer::gc::Gc;
use crate::pointer::slot::Slot;
use crate::trace::Trace;
use crate::trace::private::Only;

/// A hash table from [keys](Key) to values that are `Copy`, as a field or as an object of its own. Keys are strings,
/// objects, numbers, and types of your own by `#[derive(Key)]`.
///
/// The write barrier works at the element, as for a [`Slot`], and a large table is marked in pieces. An empty map is
/// one word; the first insertion allocates an object for the table. No operation collects. The methods that may
/// allocate take the mutator for exactly `'gc`, the lifetime for which the map itself was borrowed from it.
///
/// The entries lie outside the heap, in memory that counts towards the heap's goal and its
/// [limit](crate::HeapBuilder::limit), and that is freed when the table's object is swept, on any thread. An insertion
/// costs constant time on average; one in many moves entries to make room: up to 7168 of them, however large the map
/// is, unless keys collide (extendible hashing: Fagin, Nievergelt, Pippenger and Strong, TODS 1979).
/// [`reserve`](Map::reserve) makes room beforehand. Removing moves no entries and frees no memory, which
/// [`shrink_to_fit`](Map::shrink_to_fit) and [`clear`](Map::clear) do; the first entry is found in constant time, so a
/// map may be a work list ([`pop`](Map::pop)), and visiting all takes time in proportion to the number of entries, not
/// to the room.
///
/// Numbers, identities and the keys made of them are hashed with a key that is random by process, by a fast function
/// that does *not* resist keys that are chosen to collide: where an attacker chooses the numbers, operations may take
/// time in proportion to the size of the map. The hash of strings [resists](crate::Str#hashes) such keys.
///
/// ```
/// use grisaille::{Heap, Map, Str, Trace};
///
/// #[derive(Trace)]
/// struct Scope<'gc> {
///     ages: Map<'gc, Str<'gc>, i64>,
/// }
///
/// Heap::new().enter(|cx| {
///     let scope = cx.alloc(Scope { ages: Map::new() });
///     assert_eq!(scope.ages.insert(cx, cx.intern("ann"), 30), None);
///     assert_eq!(scope.ages.insert(cx, cx.intern("ann"), 31), Some(30));
///     assert_eq!(scope.ages.get(cx.intern("ann")), Some(31));
///     assert_eq!(scope.ages.remove(cx, cx.intern("ann")), Some(31));
///     assert!(scope.ages.is_empty());
/// });
/// ```
pub struct Map<'gc, K, V> {
    /// Points to a `MapObject<K, V>`.
    table: Slot<Option<Gc<'gc, AnyMapObject>>>,
    /// The table's entries. Invariant: an entry is written through one view and read through another.
    _entries: PhantomData<Cell<(K, V)>>,
}

/// A [`MapObject`](super::MapObject) of any keys and values, so that the type of a map can be named whatever these are.
struct AnyMapObject;

// SAFETY: holds no pointer by itself: the object is traced through its header.
unsafe impl Trace for AnyMapObject {
    type At<'a> = AnyMapObject;
    fn trace(&self, _: &mut Tracer<'_>) {
        unreachable!("maps are traced through their header")
    }
}

impl<'gc, K: Key, V: Trace + Copy> Map<'gc, K, V> {
    /// Makes an empty map, which takes no memory besides its word.
    ///
    /// ```
    /// # use grisaille::Map;
    /// assert!(Map::<'_, i64, i64>::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Map { table: Slot::new(None), _entries: PhantomData }
    }

    #[inline(always)]
    pub(super) fn table(&self) -> Option<Table<'gc, K, V>> {
        // SAFETY: the field holds pointers to objects that `Table::alloc` made for this type of keys and values; what
        // it holds now is live until the next safepoint, which `'gc` does not survive.
        self.table.get().map(|object| Table(unsafe { Gc::from_object(object.object()) }))
    }

    /// Returns the table, which is allocated where there is none.
    #[inline(always)]
    fn table_or_new<B: Barrier>(&self, cx: &'gc Mutator<'_, B>) -> Result<Table<'gc, K, V>, HeapFull<()>> {
        match self.table() {
            Some(table) => Ok(table),
            None => self.new_table(cx),
        }
    }

    #[cold]
    #[inline(never)]
    fn new_table<B: Barrier>(&self, cx: &'gc Mutator<'_, B>) -> Result<Table<'gc, K, V>, HeapFull<()>> {
        let table = Table::alloc(cx)?;
        // SAFETY: the same object, live until the next safepoint.
        self.table.set(cx, Some(unsafe { Gc::from_object(table.0.object()) }));
        Ok(table)
    }

    /// Returns the value of a key, or `None` where the key has none. Constant time on average.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map, Str};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<'_, Str<'_>, f64>> = cx.alloc(Map::new());
    /// map.insert(cx, cx.intern("pi"), 3.14);
    /// assert_eq!(map.get(cx.intern("pi")), Some(3.14));
    /// assert_eq!(map.get(cx.intern("e")), None);
    /// # });
    /// ```
    #[inline]
    pub fn get(&self, key: K) -> Option<V> {
        self.table()?.get(key)
    }

    /// Returns whether the key has a value.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<'_, i64, ()>> = cx.alloc(Map::new());
    /// map.insert(cx, 1, ());
    /// assert!(map.contains_key(1) && !map.contains_key(2));
    /// # });
    /// ```
    #[inline]
    pub fn contains_key(&self, key: K) -> bool {
        self.table().is_some_and(|table| table.contains_key(key))
    }

    /// Returns the number of entries.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<'_, i64, ()>> = cx.alloc(Map::new());
    /// assert_eq!((map.len(), map.is_empty()), (0, true));
    /// # });
    /// ```
    #[inline]
    pub fn len(&self) -> usize {
        self.table().map_or(0, Table::len)
    }

    /// Returns whether there is no entry.
    ///
    /// ```
    /// # use grisaille::{Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(Map::<'_, i64, char>::new());
    /// assert!(map.is_empty());
    /// map.insert(cx, 1, 'a');
    /// assert!(!map.is_empty());
    /// # });
    /// ```
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets the value of a key, and returns the old one, if any. Constant time on average; see [`Map`] for the table's
    /// growth. Where the map has an equal key already, the map keeps the key object that it has.
    ///
    /// ```
    /// # use grisaille::{Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(Map::<'_, i64, char>::new());
    /// assert_eq!((map.insert(cx, 1, 'a'), map.insert(cx, 1, 'b')), (None, Some('a')));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the table must grow and the heap is full: [`try_insert`](Map::try_insert) returns an error instead.
    #[inline]
    #[track_caller]
    pub fn insert<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, key: K, value: V) -> Option<V> {
        self.try_insert(cx, key, value).unwrap_or_else(|full| full.panic())
    }

    /// Sets the value of a key, and returns the old one, if any, unless the table must grow and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    /// heap.enter(|cx| {
    ///     let map: Gc<'_, Map<'_, usize, usize>> = cx.alloc(Map::new());
    ///     let full = (0..).find_map(|n| map.try_insert(cx, n, 2 * n).err()).unwrap();
    ///     assert_eq!(full.0, 2 * map.len()); // the value is not lost, and the table is what it was
    /// });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    #[inline]
    pub fn try_insert<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, key: K, value: V) -> Result<Option<V>, HeapFull<V>> {
        match self.table_or_new(cx) {
            Ok(table) => table.try_insert(cx, key, value),
            Err(full) => Err(full.with(value)),
        }
    }

    /// Replaces the value of a key that has one, and returns the old value. Stores nothing where the key has none.
    /// Never allocates.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let globals: Gc<'_, Map<'_, u32, i64>> = cx.alloc(Map::new());
    /// assert_eq!(globals.replace(cx, 7, 1), None); // assignment to what was never defined
    /// globals.insert(cx, 7, 0);
    /// assert_eq!(globals.replace(cx, 7, 1), Some(0));
    /// # });
    /// ```
    #[inline]
    pub fn replace<B: Barrier>(&self, cx: &Mutator<'_, B>, key: K, value: V) -> Option<V> {
        self.table()?.replace(cx, key, value)
    }

    /// Sets the value of a key to what `f` makes of the old one, and returns the new value. `f` may use the map.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let counts: Gc<'_, Map<'_, char, u32>> = cx.alloc(Map::new());
    /// for letter in "abba".chars() {
    ///     counts.update(cx, letter, |count| count.unwrap_or(0) + 1);
    /// }
    /// assert_eq!(counts.get('b'), Some(2));
    /// # });
    /// ```
    ///
    /// # Panics
    /// As [`insert`](Map::insert); passes panics of `f` on.
    #[inline]
    #[track_caller]
    pub fn update<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, key: K, f: impl FnOnce(Option<V>) -> V) -> V {
        self.try_update(cx, key, f).unwrap_or_else(|full| full.panic())
    }

    /// Sets the value of a key to what `f` makes of the old one, and returns the new value, unless the table must grow
    /// and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let counts = cx.alloc(Map::<'_, char, i32>::new());
    /// assert_eq!(counts.try_update(cx, 'a', |count| count.unwrap_or(0) + 1)?, 1);
    /// # Ok::<(), grisaille::HeapFull<i32>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value that `f` made, when the heap is full.
    ///
    /// # Panics
    /// Passes panics of `f` on.
    pub fn try_update<B: Barrier>(
        &self,
        cx: &'gc Mutator<'_, B>,
        key: K,
        f: impl FnOnce(Option<V>) -> V,
    ) -> Result<V, HeapFull<V>> {
        let value = f(self.get(key));
        self.try_insert(cx, key, value)?;
        Ok(value)
    }

    /// Returns the value of a key; where the key has none, sets it to what `f` makes first. `f` may use the map: a value
    /// that `f` gives to the same key is replaced.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, List, Map};
    /// # Heap::new().enter(|cx| {
    /// let groups = cx.alloc(Map::<'_, usize, Gc<'_, List<'_, i64>>>::new());
    /// for number in [7, 12, 5, 44] {
    ///     let digits = number.to_string().len();
    ///     groups.get_or_insert_with(cx, digits, || cx.alloc(List::new())).push(cx, number);
    /// }
    /// assert_eq!(groups.get(2).unwrap().iter().collect::<Vec<_>>(), [12, 44]);
    /// # });
    /// ```
    ///
    /// # Panics
    /// As [`insert`](Map::insert); passes panics of `f` on.
    #[inline]
    #[track_caller]
    pub fn get_or_insert_with<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, key: K, f: impl FnOnce() -> V) -> V {
        self.try_get_or_insert_with(cx, key, f).unwrap_or_else(|full| full.panic())
    }

    /// Returns the value of a key, which is set to what `f` makes where the key has none, unless the table must grow and
    /// the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let squares = cx.alloc(Map::<'_, i64, i64>::new());
    /// assert_eq!(squares.try_get_or_insert_with(cx, 7, || 49)?, 49);
    /// # Ok::<(), grisaille::HeapFull<i64>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value that `f` made, when the heap is full.
    ///
    /// # Panics
    /// Passes panics of `f` on.
    pub fn try_get_or_insert_with<B: Barrier>(
        &self,
        cx: &'gc Mutator<'_, B>,
        key: K,
        f: impl FnOnce() -> V,
    ) -> Result<V, HeapFull<V>> {
        if let Some(value) = self.get(key) {
            return Ok(value);
        }
        let value = f();
        self.try_insert(cx, key, value)?;
        Ok(value)
    }

    /// Sets the values of all keys of an iterator. (The trait `Extend` passes no mutator.)
    ///
    /// ```
    /// # use grisaille::{Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map = cx.alloc(Map::<'_, i64, i64>::new());
    /// map.extend(cx, (0..10).map(|n| (n, n * n)));
    /// assert_eq!(map.get(7), Some(49));
    /// # });
    /// ```
    ///
    /// # Panics
    /// As [`insert`](Map::insert): the entries inserted before stay. Passes panics of the iterator on.
    #[track_caller]
    pub fn extend<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, entries: impl IntoIterator<Item = (K, V)>) {
        entries.into_iter().for_each(|(key, value)| _ = self.insert(cx, key, value));
    }

    /// Sets the values of the keys of an iterator, until one finds the heap full.
    ///
    /// ```
    /// # use grisaille::{Heap, Map};
    /// # Heap::builder().limit(1 << 20).build().unwrap().enter(|cx| {
    /// let map = cx.alloc(Map::<'_, u64, u64>::new());
    /// let full = map.try_extend(cx, (0..).map(|n| (n, n * n))).unwrap_err();
    /// assert_eq!(full.0.0, map.len() as u64); // those before are in the map
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the entry for which there was no room: the entries inserted before stay.
    ///
    /// # Panics
    /// Passes panics of the iterator on.
    pub fn try_extend<B: Barrier>(
        &self,
        cx: &'gc Mutator<'_, B>,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), HeapFull<(K, V)>> {
        entries.into_iter().try_for_each(|(key, value)| match self.try_insert(cx, key, value) {
            Ok(_) => Ok(()),
            Err(full) => Err(full.with((key, value))),
        })
    }

    /// Removes a key, and returns the value that it had. The table keeps its memory: see
    /// [`shrink_to_fit`](Map::shrink_to_fit).
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<'_, i64, i64>> = cx.alloc(Map::new());
    /// map.insert(cx, 1, 10);
    /// assert_eq!((map.remove(cx, 1), map.remove(cx, 1)), (Some(10), None));
    /// # });
    /// ```
    #[inline]
    pub fn remove<B: Barrier>(&self, cx: &Mutator<'_, B>, key: K) -> Option<V> {
        self.table()?.remove(cx, key)
    }

    /// Removes all entries, and frees the table's memory. Time in proportion to the number of entries while the
    /// collector marks and the policy shades what is overwritten.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<'_, i64, i64>> = cx.alloc(Map::new());
    /// map.insert(cx, 1, 10);
    /// map.clear(cx);
    /// assert!(map.is_empty());
    /// assert_eq!(cx.stats().bytes_external(), 0);
    /// # });
    /// ```
    pub fn clear<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        if let Some(table) = self.table() {
            table.clear(cx);
        }
    }

    /// Makes room for `additional` more entries, so that inserting them does not make the table grow. Time in
    /// proportion to the room that there is afterwards.
    ///
    /// (A map of thousands of entries consists of parts, and hashes decide to which part an entry goes: where keys were
    /// chosen to collide, a part may still have to grow.)
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<'_, i64, i64>> = cx.alloc(Map::new());
    /// map.reserve(cx, 1000);
    /// let bytes = cx.stats().bytes_external();
    /// for n in 0..1000 {
    ///     map.insert(cx, n, n);
    /// }
    /// assert_eq!(cx.stats().bytes_external(), bytes);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full: [`try_reserve`](Map::try_reserve) returns an error instead.
    #[track_caller]
    pub fn reserve<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, additional: usize) {
        self.try_reserve(cx, additional).unwrap_or_else(|full| full.panic());
    }

    /// Makes room for `additional` more entries, unless the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, Map};
    /// # Heap::builder().limit(1 << 18).build().unwrap().enter(|cx| {
    /// let map = cx.alloc(Map::<i64, i64>::new());
    /// assert!(map.try_reserve(cx, 100).is_ok() && map.try_reserve(cx, 100_000).is_err());
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full.
    pub fn try_reserve<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, additional: usize) -> Result<(), HeapFull<()>> {
        if additional == 0 {
            return Ok(());
        }
        self.table_or_new(cx)?.try_reserve(cx, additional)
    }

    /// Frees the memory that the table does not need for its entries. Takes time in proportion to the table, and memory
    /// for a second table of the new size; where there is none, the table stays as it is.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Map};
    /// # Heap::new().enter(|cx| {
    /// let map: Gc<'_, Map<'_, i64, i64>> = cx.alloc(Map::new());
    /// map.reserve(cx, 1000);
    /// map.shrink_to_fit(cx);
    /// assert_eq!(cx.stats().bytes_external(), 0);
    /// # });
    /// ```
    pub fn shrink_to_fit<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        if let Some(table) = self.table() {
            table.shrink_to_fit(cx);
        }
    }
}

impl<K: Key, V: Trace + Copy> Default for Map<'_, K, V> {
    fn default() -> Self {
        Map::new()
    }
}

// SAFETY: passes the table on, whose header names the trace of its entries; `At` replaces the lifetime of the pointer,
// and in keys and values.
unsafe impl<K: Trace, V: Trace> Trace for Map<'_, K, V>
where
    for<'a> K::At<'a>: Sized,
    for<'a> V::At<'a>: Sized,
{
    type At<'a> = Map<'a, K::At<'a>, V::At<'a>>;
    const MAX_POINTERS: usize = 1;
    const AT_MOST_ONE: bool = true;
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.table.trace(tracer);
    }
    #[inline(always)]
    fn __only(&self) -> Only {
        self.table.__only()
    }
}

impl<K, V> fmt::Debug for Map<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Map { .. }")
    }
}
