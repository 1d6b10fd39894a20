//! [`RootedCell`]: a root of a scope whose value can be replaced.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::fault::{self, Fault};
use crate::trace::{Trace, restamp};

/// A root that can be set, until the scope in which it was made ends: the variable that a loop carries across
/// safepoints, the environment and the expression of an evaluator whose tail calls are a loop.
///
/// [`Mutator::root_cell`] makes a `RootedCell`. It takes one place among the roots of its scope, however often it is
/// set, where a new [`Rooted`](crate::Rooted) in each turn of a loop adds a root in each turn. Inner scopes may set it,
/// too: so a value leaves a scope without [`Out::keep`](crate::Out::keep).
///
/// ```
/// use grisaille::{Gc, Heap, Trace};
///
/// #[derive(Trace)]
/// struct Frame<'gc> { depth: u64, caller: Option<Gc<'gc, Frame<'gc>>> }
///
/// Heap::new().enter(|cx| {
///     let frame = cx.root_cell(cx.alloc(Frame { depth: 0, caller: None }));
///     for depth in 1..1000 {
///         frame.set(cx, cx.alloc(Frame { depth, caller: Some(frame.get(cx)) }));
///         cx.safepoint();
///     }
///     assert_eq!(frame.get(cx).depth, 999);
///     assert_eq!(cx.stats().rooted(), 1);
/// });
/// ```
#[must_use = "a value is rooted to be kept"]
pub struct RootedCell<'s, V> {
    value: Cell<V>,
    /// The index of the first entry among the roots of scopes. The cell owns as many as the value may have pointers.
    at: usize,
    _scope: PhantomData<&'s *mut ()>,
}

impl<'s, V: Trace + Copy> RootedCell<'s, V> {
    /// Makes the handle of a place.
    ///
    /// # Safety
    /// For `'s` the entries from `at` on, as many as a `V` may have pointers and at most
    /// [`LARGEST_PLACE`](crate::roots::area::LARGEST_PLACE), must be used by this cell only, and hold the pointers of
    /// `value`.
    #[inline(always)]
    pub(crate) unsafe fn new(value: V, at: usize) -> Self {
        RootedCell { value: Cell::new(value), at, _scope: PhantomData }
    }

    /// Returns the value, for use until the next safepoint. Costs a load: the heap does not move objects.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let number = cx.root_cell(cx.alloc(1));
    /// assert_eq!(*number.get(cx), 1);
    /// # });
    /// ```
    #[inline(always)]
    pub fn get<'a, B: Barrier>(&self, _cx: &'a Mutator<'_, B>) -> V::At<'a>
    where
        V::At<'a>: Copy,
    {
        // SAFETY: the value is rooted while the scope lives; a cell is used in its own heap only, since one heap is
        // entered at a time and `suspend` lets no cell in.
        unsafe { restamp(self.value.get()) }
    }

    /// Replaces the value. Costs a few writes, and the policy's rule for roots while roots are watched. Never fails:
    /// the place has room for any value of the type.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let sum = cx.root_cell(cx.alloc(0));
    /// for n in 1..=10 {
    ///     cx.scope(|cx, _| {
    ///         sum.set(cx, cx.alloc(*sum.get(cx) + n)); // an inner scope
    ///         cx.safepoint();
    ///     });
    /// }
    /// assert_eq!(*sum.get(cx), 55);
    /// # });
    /// ```
    #[inline]
    pub fn set<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, value: V::At<'a>)
    where
        V::At<'a>: Copy,
    {
        if const { V::NEEDS_TRACE } {
            let c = cx.collector();
            if const { B::RULES.watches_roots() } && c.watch_roots.get() {
                if !fault::is(Fault::CellHidesNewRoot) {
                    c.before_root_write::<B, _>(&value);
                }
                c.roots.locals.write_watched(self.at, V::MAX_POINTERS, &B::RULES, &c.marker);
            }
            // SAFETY: the entries exist while the scope does, and are few (`new`'s contract); a trace passes at most
            // `MAX_POINTERS` on, and `V::At<'a>` has those of `V` (`Trace`'s contract).
            unsafe { c.roots.locals.overwrite(self.at, V::MAX_POINTERS, |tracer| value.trace(tracer)) };
        }
        // SAFETY: `V` and `V::At<'a>` are one type but for the lifetime, and the value is rooted from here on.
        unsafe { self.value.as_ptr().cast::<V::At<'a>>().write(value) };
    }
}

/// Prints no value: a user's `Debug` must not see a value that may be stale.
impl<V> fmt::Debug for RootedCell<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootedCell { .. }")
    }
}
