//! [`WeakSet`]: a hash table of objects that it does not keep alive. A [`WeakMap`] without values.

use core::fmt;
use core::iter::FusedIterator;

use super::weak_map::WeakMap;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;
use crate::pointer::gc::Gc;
use crate::trace::Trace;

/// A set of objects, by identity, as a field or as an object of its own. The set does not keep its objects alive, and
/// forgets those that are dead, as a [`WeakMap`](crate::WeakMap) does, whose costs it has.
///
/// ```
/// use grisaille::{Heap, WeakSet};
///
/// Heap::new().enter(|cx| {
///     let listeners = cx.root(cx.alloc(WeakSet::<'_, String>::new()));
///     let kept = cx.root(cx.alloc("kept".to_string()));
///     listeners.get(cx).insert(cx, kept.get(cx));
///     listeners.get(cx).insert(cx, cx.alloc("not kept".to_string()));
///     cx.collect();
///     assert!(listeners.get(cx).contains(cx, kept.get(cx)));
///     assert_eq!(listeners.get(cx).iter(cx).count(), 1);
/// });
/// ```
#[derive(grisaille_derive::Trace)]
pub struct WeakSet<'gc, T> {
    map: WeakMap<'gc, T, ()>,
}

impl<'gc, T> WeakSet<'gc, T>
where
    T: Trace,
    for<'a> T::At<'a>: Sized,
{
    /// Makes an empty set.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakSet};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(cx.alloc(WeakSet::<'_, String>::new()).len_with_dead(), 0);
    /// # });
    /// ```
    pub fn new() -> Self {
        WeakSet { map: WeakMap::new() }
    }

    /// Adds an object, and returns whether it was not in the set. Constant time on average. Allocates an ephemeron where
    /// the object is new, and looks for dead entries as [`WeakMap::insert`](crate::WeakMap::insert) does.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakSet};
    /// # Heap::new().enter(|cx| {
    /// let set = cx.alloc(WeakSet::<'_, String>::new());
    /// let object = cx.alloc("object".to_string());
    /// assert_eq!((set.insert(cx, object), set.insert(cx, object)), (true, false));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full: [`try_insert`](WeakSet::try_insert) returns an error instead.
    #[track_caller]
    pub fn insert<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, object: Gc<'_, T>) -> bool {
        self.try_insert(cx, object).unwrap_or_else(|full| full.panic())
    }

    /// Adds an object, and returns whether it was not in the set, unless it is new and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakSet};
    /// # Heap::new().enter(|cx| {
    /// let set = cx.alloc(WeakSet::<'_, String>::new());
    /// assert!(set.try_insert(cx, cx.alloc("object".to_string()))?);
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full.
    pub fn try_insert<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, object: Gc<'_, T>) -> Result<bool, HeapFull<()>> {
        Ok(self.map.try_insert(cx, object, ())?.is_none())
    }

    /// Returns whether the object is in the set. Constant time on average.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakSet};
    /// # Heap::new().enter(|cx| {
    /// let set = cx.alloc(WeakSet::<'_, i64>::new());
    /// let one = cx.alloc(1);
    /// set.insert(cx, one);
    /// assert!(set.contains(cx, one) && !set.contains(cx, cx.alloc(1)));
    /// # });
    /// ```
    pub fn contains<B: Barrier>(&self, cx: &Mutator<'_, B>, object: Gc<'_, T>) -> bool {
        self.map.contains_key(cx, object)
    }

    /// Removes an object, and returns whether it was in the set.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakSet};
    /// # Heap::new().enter(|cx| {
    /// let set = cx.alloc(WeakSet::<'_, i64>::new());
    /// let one = cx.alloc(1);
    /// set.insert(cx, one);
    /// assert_eq!((set.remove(cx, one), set.remove(cx, one)), (true, false));
    /// # });
    /// ```
    pub fn remove<B: Barrier>(&self, cx: &Mutator<'_, B>, object: Gc<'_, T>) -> bool {
        self.map.remove(cx, object).is_some()
    }

    /// Visits the objects that are alive, in no order. While the collector marks, this shades them where the policy
    /// requires it: a set that is visited in each cycle keeps its objects.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakSet};
    /// # Heap::new().enter(|cx| {
    /// let set = cx.alloc(WeakSet::<'_, i64>::new());
    /// set.insert(cx, cx.alloc(1));
    /// assert_eq!(set.iter(cx).map(|n| *n).collect::<Vec<_>>(), [1]);
    /// # });
    /// ```
    pub fn iter<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>) -> impl FusedIterator<Item = Gc<'a, T::At<'a>>> {
        self.map.iter(cx).map(|(object, ())| object)
    }

    /// Keeps the objects for which `keep` returns true, and removes the others and the dead ones. Time in proportion to
    /// the number of entries. `keep` may use the set.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakSet};
    /// # Heap::new().enter(|cx| {
    /// let set = cx.alloc(WeakSet::<'_, i64>::new());
    /// (0..10).for_each(|n| _ = set.insert(cx, cx.alloc(n)));
    /// set.retain(cx, |n| *n % 2 == 0);
    /// assert_eq!(set.iter(cx).count(), 5);
    /// # });
    /// ```
    ///
    /// # Panics
    /// Passes panics of `keep` on: objects for which `keep` has not been called stay.
    pub fn retain<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, mut keep: impl FnMut(Gc<'a, T::At<'a>>) -> bool) {
        self.map.retain(cx, |object, ()| keep(object));
    }

    /// Removes the entries of all dead objects, now. Time in proportion to the number of entries.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakSet};
    /// # Heap::new().enter(|cx| {
    /// let set = cx.root(cx.alloc(WeakSet::<'_, i64>::new()));
    /// set.get(cx).insert(cx, cx.alloc(1));
    /// cx.collect();
    /// set.get(cx).purge(cx);
    /// assert_eq!(set.get(cx).len_with_dead(), 0);
    /// # });
    /// ```
    pub fn purge<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        self.map.purge(cx);
    }

    /// Removes all objects, and frees the table's memory.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakSet};
    /// # Heap::new().enter(|cx| {
    /// let set = cx.alloc(WeakSet::<'_, i64>::new());
    /// set.insert(cx, cx.alloc(1));
    /// set.clear(cx);
    /// assert_eq!(set.len_with_dead(), 0);
    /// # });
    /// ```
    pub fn clear<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        self.map.clear(cx);
    }

    /// Returns the number of entries, with those of dead objects that are not forgotten yet. Constant time.
    ///
    /// ```
    /// # use grisaille::{Heap, WeakSet};
    /// # Heap::new().enter(|cx| {
    /// let set = cx.alloc(WeakSet::<'_, i64>::new());
    /// set.insert(cx, cx.alloc(1));
    /// assert_eq!(set.len_with_dead(), 1);
    /// # });
    /// ```
    pub fn len_with_dead(&self) -> usize {
        self.map.len_with_dead()
    }
}

impl<'gc, T> Default for WeakSet<'gc, T>
where
    T: Trace,
    for<'a> T::At<'a>: Sized,
{
    fn default() -> Self {
        WeakSet::new()
    }
}

impl<T> fmt::Debug for WeakSet<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakSet { .. }")
    }
}
