//! [`Persistent`]: a value that is rooted until its handle is dropped, on any thread.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

use crate::barrier::Barrier;
use crate::barrier::rules::RootWrite;
use crate::context::Mutator;
use crate::mark::tracer::Tracer;
use crate::roots::persistent::{RootArea, value_of};
use crate::roots::table::Handle;
use crate::trace::{Trace, restamp};

/// A value that is rooted until the handle is dropped: the handle may outlive [`Heap::enter`](crate::Heap::enter), and
/// be sent to another thread.
///
/// [`Mutator::persist`] makes a `Persistent`, which belongs to the mutator's heap. Dropping it, on any thread, is one
/// atomic exchange; the heap removes the root in a later step.
///
/// ```
/// use grisaille::{Gc, Heap, Persistent};
///
/// let mut heap = Heap::new();
/// let root: Persistent<Gc<'static, String>> = heap.enter(|cx| cx.persist(cx.alloc("kept".to_string())));
/// heap.enter(|cx| {
///     cx.collect();
///     assert_eq!(*root.get(cx).as_ref(), "kept");
/// });
/// ```
///
/// An object must not own a `Persistent`: the rooted value would not die before the object, and never where the value
/// leads back to the object. The derive refuses a `Persistent` (a [`Stack`](crate::Stack), a
/// [`Guardian`](crate::Guardian)) in a skipped field, and in what the field holds by value; the derive cannot see a
/// handle behind a `Box`, an `Arc` or a closure's `dyn`, which leaks.
#[must_use = "the value is rooted until the handle is dropped"]
pub struct Persistent<V> {
    area: Handle<RootArea>,
    /// Invariant: values go in through a shared handle.
    _value: PhantomData<Cell<V>>,
}

// SAFETY: the value is touched by the heap's mutator only: `Persistent::get` and `set` take the `Mutator` of the heap,
// and check its number. The objects that the value points to are in the heap, which is `Send` with all in it. `V` is
// `Copy`: dropping the value runs no code.
unsafe impl<V> Send for Persistent<V> {}
// SAFETY: as above.
unsafe impl<V> Sync for Persistent<V> {}

impl<V> Persistent<V> {
    /// Makes the handle of an area.
    ///
    /// # Safety
    /// The area must have been made for a `V`.
    pub(crate) unsafe fn new(area: Handle<RootArea>) -> Self {
        Persistent { area, _value: PhantomData }
    }

    #[inline(always)]
    fn value(&self) -> *mut V {
        value_of(&self.area)
    }
}

impl<V: Trace + Copy> Persistent<V> {
    /// Returns the value, for use until the next safepoint.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # let mut heap = Heap::new();
    /// let number = heap.enter(|cx| cx.persist(cx.alloc(7)));
    /// heap.enter(|cx| assert_eq!(*number.get(cx), 7));
    /// ```
    ///
    /// # Panics
    /// When `cx` is not of the heap that the value belongs to: [`try_get`](Persistent::try_get) returns `None` instead.
    #[inline]
    #[track_caller]
    pub fn get<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>) -> V::At<'a>
    where
        V::At<'a>: Copy,
    {
        self.check(cx);
        // SAFETY: the mutator of the root's heap is the only one to touch the value, and this borrow ends here; the
        // value is rooted while the handle lives.
        unsafe { restamp(*self.value()) }
    }

    /// Replaces the value. For a variable that a loop carries across safepoints, set one `Persistent` in each turn:
    /// then the number of roots does not grow.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// let root = cx.persist(cx.alloc(1));
    /// root.set(cx, cx.alloc(2));
    /// cx.collect();
    /// assert_eq!(*root.get(cx), 2);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When `cx` is not of the heap that the value belongs to: see [`belongs_to`](Persistent::belongs_to).
    #[track_caller]
    pub fn set<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, value: V::At<'a>)
    where
        V::At<'a>: Copy,
    {
        self.check(cx);
        let collector = cx.collector();
        if const { V::NEEDS_TRACE && B::RULES.watches_roots() } && collector.watch_roots.get() {
            let marker = &collector.marker;
            collector.before_root_write::<B, _>(&value);
            if B::RULES.shades_old_root() && self.area.scanned_in.get() != collector.cycle.get() {
                // SAFETY: as in `get`.
                unsafe { *self.value() }.trace(&mut Tracer::shading(marker));
            }
            if B::RULES.root_write == RootWrite::NoteDirty {
                self.area.dirty.set(true);
            }
        }
        // SAFETY: as in `get`; `V` and `V::At<'a>` are one type but for the lifetime, and the value is rooted from
        // here on.
        unsafe { self.value().cast::<V::At<'a>>().write(value) };
    }

    /// Returns whether the value belongs to the heap that `cx` is in. [`get`](Persistent::get) and
    /// [`set`](Persistent::set) panic where it does not.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// let mut heap = Heap::new();
    /// let number = heap.enter(|cx| cx.persist(cx.alloc(1)));
    /// assert!(heap.enter(|cx| number.belongs_to(cx)));
    /// assert!(!Heap::new().enter(|cx| number.belongs_to(cx)));
    /// ```
    #[inline]
    pub fn belongs_to<B: Barrier>(&self, cx: &Mutator<'_, B>) -> bool {
        self.area.head.heap == cx.collector().id
    }

    /// Returns the value as [`get`](Persistent::get) does, or `None` where it belongs to another heap.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// let mut heap = Heap::new();
    /// let number = heap.enter(|cx| cx.persist(cx.alloc(1)));
    /// assert_eq!(heap.enter(|cx| number.try_get(cx).map(|number| *number)), Some(1));
    /// assert!(Heap::new().enter(|cx| number.try_get(cx).is_none()));
    /// ```
    #[inline]
    pub fn try_get<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>) -> Option<V::At<'a>>
    where
        V::At<'a>: Copy,
    {
        self.belongs_to(cx).then(|| self.get(cx))
    }

    #[inline]
    #[track_caller]
    fn check<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        assert!(self.belongs_to(cx), "a Persistent was used with a heap that it does not belong to");
    }
}

/// Prints no value: a user's `Debug` must not see a value that may be stale.
impl<V> fmt::Debug for Persistent<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Persistent { .. }")
    }
}
