//! [`Slot`]: a mutable field of a heap object, with the write barrier.

use core::cell::UnsafeCell;
use core::cmp::Ordering;
use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::cycle::collector::Collector;
use crate::mark::tracer::Tracer;
use crate::trace::Trace;
use crate::trace::private::Only;

/// A mutable field of a heap object.
///
/// Reading is a load. Writing is a store after a load and a branch; while the collector marks, a write also does what
/// the heap's [policy](crate::barrier) requires: shades the value that is overwritten, or the new one.
///
/// A type that holds a `Slot` is invariant in its lifetime: see
/// [what the compiler says](crate::guide::lifetimes) where two of them meet.
///
/// ```
/// use grisaille::{Gc, Heap, Slot, Trace};
///
/// #[derive(Trace)]
/// struct Node<'gc> {
///     next: Slot<Option<Gc<'gc, Node<'gc>>>>,
/// }
/// Heap::new().enter(|cx| {
///     let node = cx.alloc(Node { next: Slot::new(None) });
///     node.next.set(cx, Some(node)); // a cycle
///     assert!(Gc::ptr_eq(node.next.get().unwrap(), node));
/// });
/// ```
#[repr(transparent)]
pub struct Slot<V> {
    value: UnsafeCell<V>,
    /// Invariant: a value is written through one view and read through another. Not `Sync`.
    _invariant: PhantomData<core::cell::Cell<V>>,
}

impl<V: Trace + Copy> Slot<V> {
    /// Makes a field that holds `value`. This needs no barrier: the object around the field does not exist yet.
    ///
    /// ```
    /// assert_eq!(grisaille::Slot::new(3i64).get(), 3);
    /// ```
    #[inline(always)]
    pub fn new(value: V) -> Self {
        Slot { value: UnsafeCell::new(value), _invariant: PhantomData }
    }

    /// Returns the value of the field.
    ///
    /// ```
    /// assert_eq!(grisaille::Slot::new(Some(3i64)).get(), Some(3));
    /// ```
    #[inline(always)]
    pub fn get(&self) -> V {
        if const { V::ATOMIC_WORD } {
            // SAFETY: the type is one initialized word without padding (`ATOMIC_WORD`), aligned as a pointer. Nothing
            // races with it, atomic or not: a Slot is not Sync, and gives no reference to its value away.
            let word = unsafe { AtomicPtr::<()>::from_ptr(self.value.get().cast()) }.load(Relaxed);
            // SAFETY: the word was stored from a `V`, provenance included.
            unsafe { core::mem::transmute_copy::<*mut (), V>(&word) }
        } else {
            // SAFETY: a Slot is not Sync and gives no reference to its value away.
            unsafe { *self.value.get() }
        }
    }

    /// Stores `value`, after the [write barrier](crate::barrier). Never allocates and never collects.
    ///
    /// ```
    /// # use grisaille::{Heap, Slot};
    /// Heap::new().enter(|cx| {
    ///     let slot = cx.alloc(Slot::new(1i64));
    ///     slot.set(cx, 2);
    ///     assert_eq!(slot.get(), 2);
    /// });
    /// ```
    #[inline(always)]
    pub fn set<B: Barrier>(&self, cx: &Mutator<'_, B>, value: V) {
        cx.before_write::<V, ()>(|collector| {
            let old = if const { B::RULES.only_in_tests.reads_old_after_the_store() } { value } else { self.get() };
            write_barrier::<B, V>(collector, old, value);
        });
        if const { V::ATOMIC_WORD } {
            // SAFETY: `V` is one initialized pointer-sized word.
            let word = unsafe { core::mem::transmute_copy::<V, *mut ()>(&value) };
            // SAFETY: as in `get`.
            unsafe { AtomicPtr::<()>::from_ptr(self.value.get().cast()) }.store(word, Relaxed);
        } else {
            // SAFETY: as in `get`.
            unsafe { *self.value.get() = value };
        }
    }
}

/// Runs the barrier before the store, so that the old value can still be read and shaded.
#[cold]
#[inline(never)]
pub(crate) fn write_barrier<B: Barrier, V: Trace>(collector: &Collector, old: V, new: V) {
    collector.before_write::<B, _, _>(&old, &new);
}

// SAFETY: passes its value on.
unsafe impl<V: Trace + Copy> Trace for Slot<V>
where
    for<'a> V::At<'a>: Copy,
{
    type At<'a> = Slot<V::At<'a>>;
    const NEEDS_TRACE: bool = V::NEEDS_TRACE;
    const MAX_POINTERS: usize = V::MAX_POINTERS;
    const AT_MOST_ONE: bool = V::AT_MOST_ONE;
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.get().trace(tracer);
    }
    #[inline(always)]
    fn __only(&self) -> Only {
        self.get().__only()
    }
}

impl<V: Trace + Copy + Default> Default for Slot<V> {
    fn default() -> Self {
        Slot::new(V::default())
    }
}

impl<V: Trace + Copy> From<V> for Slot<V> {
    fn from(value: V) -> Self {
        Slot::new(value)
    }
}

/// Compares the current values.
impl<V: Trace + Copy + PartialEq> PartialEq for Slot<V> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<V: Trace + Copy + Eq> Eq for Slot<V> {}

/// Compares the current values.
impl<V: Trace + Copy + PartialOrd> PartialOrd for Slot<V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.get().partial_cmp(&other.get())
    }
}

/// Compares the current values.
impl<V: Trace + Copy + Ord> Ord for Slot<V> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.get().cmp(&other.get())
    }
}

impl<V: Trace + Copy + fmt::Debug> fmt::Debug for Slot<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&self.get()).finish()
    }
}
