//! [`StackView`]: a stack that was opened, to push and pop, to read and to write.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::NonNull;

use crate::barrier::Barrier;
use crate::barrier::rules::{RootWrite, Rules};
use crate::context::Mutator;
use crate::fault::{self, Fault};
use crate::full::HeapFull;
use crate::roots::stack::area::StackArea;
use crate::trace::{Trace, restamp};

/// A stack that was opened in a scope. The view borrows the [`Stack`](crate::Stack) and not the mutator: it lives across safepoints.
///
/// ```
/// use grisaille::{Gc, Heap, Mutator, Stack, StackView};
///
/// fn add<'s>(cx: &mut Mutator<'s>, view: &mut StackView<'_, 's, Gc<'static, i64>>) {
///     let sum = *view.pop(cx).unwrap() + *view.pop(cx).unwrap();
///     view.push(cx, cx.alloc(sum));
///     cx.safepoint();
/// }
/// Heap::new().enter(|cx| {
///     let mut stack = Stack::new(cx);
///     let mut view = stack.open(cx);
///     view.push(cx, cx.alloc(1));
///     view.push(cx, cx.alloc(2));
///     add(cx, &mut view);
///     assert_eq!(*view.top(cx, 0), 3);
/// });
/// ```
#[must_use = "a view does nothing until it is used"]
pub struct StackView<'v, 's, V> {
    area: &'v StackArea,
    /// Invariant in `'s`; not `Send`.
    _scope: PhantomData<(Cell<&'s ()>, &'v mut V, *mut ())>,
}

impl<'v, V> StackView<'v, '_, V> {
    /// Makes a view of a stack, for the scope that the caller is in.
    ///
    /// # Safety
    /// The elements must be `V`s, the caller be in the heap that the stack belongs to, and nobody else use the elements
    /// during `'v`.
    pub(super) unsafe fn of(area: &'v StackArea) -> Self {
        StackView { area, _scope: PhantomData }
    }
}

impl<V: Trace + Copy> StackView<'_, '_, V>
where
    for<'a> V::At<'a>: Copy,
{
    /// Pushes a value. Amortized constant time: a push that finds the stack full moves the values to a larger
    /// allocation.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// # let mut stack: Stack<i64> = Stack::new(cx);
    /// # let mut view = stack.open(cx);
    /// view.push(cx, 1);
    /// assert_eq!(view.pop(cx), Some(1));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the stack must grow and the heap is full, as for [`Mutator::alloc`]: [`try_push`](StackView::try_push)
    /// returns an error instead.
    #[inline(always)]
    #[track_caller]
    pub fn push<'a, B: Barrier>(&mut self, cx: &'a Mutator<'_, B>, value: V::At<'a>) {
        if self.len() == self.area.capacity.get() || self.is_watched(cx) {
            self.push_slow(cx, value);
        } else {
            // SAFETY: there is room, and roots are not watched.
            unsafe { self.push_unwatched(value) };
        }
    }

    /// Pushes a value, or gives the value back where the stack must grow and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    /// heap.enter(|cx| {
    ///     let mut stack: Stack<u64> = Stack::new(cx);
    ///     let mut view = stack.open(cx);
    ///     while view.try_push(cx, 7).is_ok() {}
    ///     assert!((1 << 16..1 << 17).contains(&view.len()));
    /// });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    #[inline(always)]
    pub fn try_push<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        value: V::At<'a>,
    ) -> Result<(), HeapFull<V::At<'a>>> {
        if self.len() == self.area.capacity.get() || self.is_watched(cx) {
            return self.try_push_slow(cx, value);
        }
        // SAFETY: there is room, and roots are not watched.
        unsafe { self.push_unwatched(value) };
        Ok(())
    }

    /// Out of line and complete, so that the inlined fast path keeps no register alive across a call.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn push_slow<'a, B: Barrier>(&mut self, cx: &'a Mutator<'_, B>, value: V::At<'a>) {
        self.try_push_slow(cx, value).unwrap_or_else(|full| full.panic());
    }

    #[cold]
    #[inline(never)]
    fn try_push_slow<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        value: V::At<'a>,
    ) -> Result<(), HeapFull<V::At<'a>>> {
        let len = self.len();
        if len == self.area.capacity.get() {
            self.grow(cx, len + 1).map_err(|full| full.with(value))?;
        }
        self.before_write(cx, len, value);
        // SAFETY: room was made, and the rules for root writes were applied.
        unsafe { self.push_unwatched(value) };
        Ok(())
    }

    /// Makes room for `wanted` values, which is more than the capacity.
    fn grow<B: Barrier>(&mut self, cx: &Mutator<'_, B>, wanted: usize) -> Result<(), HeapFull<()>> {
        let (c, area) = (cx.collector(), self.area);
        let held = area.bytes();
        let bytes = |capacity: usize| capacity.saturating_mul(area.element.size()).saturating_sub(held);
        let [usual, least] = area.capacities(wanted);
        // Near the limit the stack grows by less.
        let done = c.leaves_room(bytes(usual)) && area.resize(usual).is_ok()
            || c.has_room_outside(bytes(least)) && area.resize(least).is_ok();
        c.roots.stacks.borrow_mut().areas.owns(area.bytes(), held);
        if done { Ok(()) } else { Err(cx.full((), bytes(least))) }
    }

    /// Frees memory that the stack does not need for the values that it holds.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// let mut stack: Stack<u64> = Stack::with_capacity(cx, 100_000);
    /// let before = cx.stats().bytes_outside();
    /// stack.open(cx).shrink_to_fit(cx);
    /// assert!(cx.stats().bytes_outside() + 800_000 <= before);
    /// # });
    /// ```
    pub fn shrink_to_fit<B: Barrier>(&mut self, cx: &Mutator<'_, B>) {
        let held = self.area.bytes();
        self.area.shrink();
        cx.collector().roots.stacks.borrow_mut().areas.owns(self.area.bytes(), held);
    }

    /// Makes room for `additional` more values, so that pushing them does not make the stack grow.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// let mut stack: Stack<u64> = Stack::new(cx);
    /// let mut view = stack.open(cx);
    /// view.reserve(cx, 1000);
    /// let before = cx.stats().bytes_outside();
    /// (0..1000).for_each(|n| view.push(cx, n));
    /// assert_eq!(cx.stats().bytes_outside(), before);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full: [`try_reserve`](StackView::try_reserve) returns an error instead.
    #[track_caller]
    pub fn reserve<B: Barrier>(&mut self, cx: &Mutator<'_, B>, additional: usize) {
        self.try_reserve(cx, additional).unwrap_or_else(|full| full.panic());
    }

    /// Makes room for `additional` more values, unless the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::builder().limit(1 << 20).build().unwrap().enter(|cx| {
    /// let mut stack: Stack<u64> = Stack::new(cx);
    /// let mut view = stack.open(cx);
    /// assert!(view.try_reserve(cx, 1000).is_ok() && view.try_reserve(cx, 1 << 20).is_err());
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full.
    pub fn try_reserve<B: Barrier>(&mut self, cx: &Mutator<'_, B>, additional: usize) -> Result<(), HeapFull<()>> {
        let wanted = self.len().checked_add(additional).ok_or_else(|| cx.full((), usize::MAX))?;
        if wanted <= self.area.capacity.get() { Ok(()) } else { self.grow(cx, wanted) }
    }

    /// Returns the place of the values from index `from` on, and their number.
    ///
    /// # Panics
    /// When there are fewer values.
    #[track_caller]
    pub(crate) fn run(&self, from: usize) -> (NonNull<V>, usize) {
        let count = self.len().checked_sub(from).expect("the run must lie within its Stack");
        (self.element(from), count)
    }

    /// Pushes a run of values, by a copy.
    ///
    /// # Safety
    /// There must be room. `from` must lead to `count` values of this type, but for the lifetime, that are live until the
    /// next safepoint and lie outside of the stack.
    pub(crate) unsafe fn push_run<B: Barrier>(&mut self, cx: &Mutator<'_, B>, from: NonNull<V>, count: usize) {
        let len = self.len();
        if self.is_watched(cx) && !fault::is(Fault::FiberArrivesUnseen) {
            self.note_written(cx, len..len + count);
        }
        // SAFETY: there is room, and the values are rooted from here on: the caller's promise.
        unsafe { self.element(len).copy_from_nonoverlapping(from, count) };
        self.area.len.set(len + count);
    }

    /// Removes all values from index `len` on, which go to an object. Returns whether some were still to be scanned under
    /// a policy that shades such roots when they are popped: then the object must become grey.
    pub(crate) fn cut_run<B: Barrier>(&mut self, cx: &Mutator<'_, B>, len: usize) -> bool {
        let unscanned = self.is_watched(cx) && self.area.cut_watched(len, &B::RULES, cx.collector().cycle.get());
        self.area.len.set(len);
        unscanned
    }

    /// Writes a value above the last one.
    ///
    /// # Safety
    /// There must be room, and if roots are watched, the rules for root writes must have been applied.
    #[inline(always)]
    unsafe fn push_unwatched(&mut self, value: V::At<'_>) {
        let len = self.len();
        // SAFETY: below the capacity, of the right type but for the lifetime; the value is rooted from here on.
        unsafe { self.element(len).cast().write(value) };
        self.area.len.set(len + 1);
    }

    /// Removes and returns the last value, or returns `None` where there is none.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// # let mut stack: Stack<i64> = Stack::new(cx);
    /// # let mut view = stack.open(cx);
    /// view.push(cx, 1);
    /// assert_eq!((view.pop(cx), view.pop(cx)), (Some(1), None));
    /// # });
    /// ```
    #[inline(always)]
    pub fn pop<'a, B: Barrier>(&mut self, cx: &'a Mutator<'_, B>) -> Option<V::At<'a>> {
        let area = self.area;
        let len = area.len.get().checked_sub(1)?;
        // SAFETY: below `len`; the value stays live until the next safepoint, popped or not.
        let value = unsafe { self.read(len) };
        self.before_truncate(cx, len);
        area.len.set(len);
        Some(value)
    }

    /// Returns the number of values.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// # let mut stack: Stack<i64> = Stack::new(cx);
    /// # let mut view = stack.open(cx);
    /// view.push(cx, 1);
    /// assert_eq!((view.len(), view.is_empty()), (1, false));
    /// # });
    /// ```
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.area.len.get()
    }

    /// Returns whether there is no value.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// # let mut stack: Stack<i64> = Stack::new(cx);
    /// assert!(stack.open(cx).is_empty());
    /// # });
    /// ```
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops all values from index `len` on. Has no effect where there are fewer.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// # let mut stack: Stack<i64> = Stack::new(cx);
    /// # let mut view = stack.open(cx);
    /// view.push(cx, 1);
    /// view.push(cx, 2);
    /// view.truncate(cx, 1);
    /// assert_eq!(view.top(cx, 0), 1);
    /// # });
    /// ```
    #[inline(always)]
    pub fn truncate<B: Barrier>(&mut self, cx: &Mutator<'_, B>, len: usize) {
        if len < self.len() {
            self.before_truncate(cx, len);
            self.area.len.set(len);
        }
    }

    /// Returns the value at `index`, from the bottom.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// # let mut stack: Stack<i64> = Stack::new(cx);
    /// # let mut view = stack.open(cx);
    /// view.push(cx, 1);
    /// view.push(cx, 2);
    /// assert_eq!(view.at(cx, 0), 1);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When there is no such value: [`get`](StackView::get) returns `None` instead.
    #[inline(always)]
    #[track_caller]
    pub fn at<'a, B: Barrier>(&self, _cx: &'a Mutator<'_, B>, index: usize) -> V::At<'a> {
        assert!(index < self.len(), "a Stack has no value at this index");
        // SAFETY: below `len`, and rooted.
        unsafe { self.read(index) }
    }

    /// Returns the value at `index`, from the bottom, or `None` where there is none.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// # let mut stack: Stack<i64> = Stack::new(cx);
    /// # let mut view = stack.open(cx);
    /// view.push(cx, 1);
    /// assert_eq!((view.get(cx, 0), view.get(cx, 1)), (Some(1), None));
    /// # });
    /// ```
    #[inline(always)]
    pub fn get<'a, B: Barrier>(&self, _cx: &'a Mutator<'_, B>, index: usize) -> Option<V::At<'a>> {
        // SAFETY: below `len`, and rooted.
        (index < self.len()).then(|| unsafe { self.read(index) })
    }

    /// Returns the value `distance` places below the last one: 0 is the last value.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// # let mut stack: Stack<i64> = Stack::new(cx);
    /// # let mut view = stack.open(cx);
    /// view.push(cx, 1);
    /// view.push(cx, 2);
    /// assert_eq!((view.top(cx, 0), view.top(cx, 1)), (2, 1));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When there is no such value: [`get_top`](StackView::get_top) returns `None` instead.
    #[inline(always)]
    #[track_caller]
    pub fn top<'a, B: Barrier>(&self, _cx: &'a Mutator<'_, B>, distance: usize) -> V::At<'a> {
        assert!(distance < self.len(), "a Stack has no value this far down");
        // SAFETY: below `len`, and rooted.
        unsafe { self.read(self.len() - 1 - distance) }
    }

    /// Returns the value `distance` places below the last one, or `None` where there is none: 0 is the last value.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// # let mut stack: Stack<i64> = Stack::new(cx);
    /// # let mut view = stack.open(cx);
    /// view.push(cx, 1);
    /// assert_eq!((view.get_top(cx, 0), view.get_top(cx, 1)), (Some(1), None));
    /// # });
    /// ```
    #[inline(always)]
    pub fn get_top<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, distance: usize) -> Option<V::At<'a>> {
        self.get(cx, self.len().checked_sub(distance.checked_add(1)?)?)
    }

    /// Replaces the value at `index`, from the bottom.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// # let mut stack: Stack<i64> = Stack::new(cx);
    /// # let mut view = stack.open(cx);
    /// view.push(cx, 1);
    /// view.set(cx, 0, 2);
    /// assert_eq!(view.pop(cx), Some(2));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When there is no such value.
    #[inline(always)]
    #[track_caller]
    pub fn set<'a, B: Barrier>(&mut self, cx: &'a Mutator<'_, B>, index: usize, value: V::At<'a>) {
        assert!(index < self.len(), "a Stack has no value at this index");
        self.before_write(cx, index, value);
        // SAFETY: below `len`, of the right type but for the lifetime.
        unsafe { self.element(index).cast::<V::At<'a>>().write(value) };
    }

    /// Returns a range of the stack as cells, to read and write until the next push or safepoint. The call counts as a
    /// write to the whole range: while roots are watched it costs time in proportion to the length of the range.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// # let mut stack: Stack<i64> = Stack::new(cx);
    /// # let mut view = stack.open(cx);
    /// view.push(cx, 1);
    /// view.push(cx, 2);
    /// let cells = view.cells(cx, 0..2);
    /// cells[0].swap(&cells[1]);
    /// assert_eq!(view.top(cx, 0), 1);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the range is not within the stack.
    #[inline(always)]
    #[track_caller]
    pub fn cells<'c, B: Barrier>(&'c self, cx: &'c Mutator<'_, B>, range: Range<usize>) -> &'c [Cell<V::At<'c>>] {
        assert!(range.start <= range.end && range.end <= self.len(), "the range must lie within its Stack");
        // SAFETY: within the stack; `lent` is called where roots are not watched.
        unsafe { if self.is_watched(cx) { self.lent_watched(cx, range) } else { self.lent(cx, range) } }
    }

    /// Returns a range as cells.
    ///
    /// # Safety
    /// The range must lie within the stack, and count as written if roots are watched.
    #[inline(always)]
    unsafe fn lent<'c, B: Barrier>(&'c self, _cx: &'c Mutator<'_, B>, range: Range<usize>) -> &'c [Cell<V::At<'c>>] {
        // SAFETY: within `len`; `Cell<T>` has T's layout; the view is borrowed, so nothing moves the elements, and
        // `_cx` is, so no collector step reads them meanwhile. What is written is rooted from then on.
        unsafe { core::slice::from_raw_parts(self.element(range.start).cast().as_ptr(), range.len()) }
    }

    #[inline(always)]
    fn element(&self, index: usize) -> NonNull<V> {
        // SAFETY: callers stay within the capacity.
        unsafe { self.area.data.get().cast::<V>().add(index) }
    }

    /// Reads a value.
    ///
    /// # Safety
    /// `index` must be below `len`.
    #[inline(always)]
    unsafe fn read<'a>(&self, index: usize) -> V::At<'a> {
        // SAFETY: an initialized element, by the caller's promise.
        unsafe { restamp(self.element(index).read()) }
    }

    /// Returns whether the collector must know of writes to roots.
    #[inline(always)]
    fn is_watched<B: Barrier>(&self, cx: &Mutator<'_, B>) -> bool {
        (const { V::NEEDS_TRACE && B::RULES.watches_roots() }) && cx.collector().watch_roots.get()
    }

    #[inline(always)]
    fn before_write<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, index: usize, new: V::At<'a>) {
        if self.is_watched(cx) {
            self.watched_write(cx, index, new);
        }
    }

    /// Takes the value, not a reference: a reference would force the value into memory on the fast path too.
    #[cold]
    #[inline(never)]
    fn watched_write<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, index: usize, new: V::At<'a>) {
        let collector = cx.collector();
        collector.before_root_write::<B, _>(&new);
        if const { !B::RULES.shades_new_root() } {
            self.area.write_watched(index, &B::RULES, &collector.marker, collector.cycle.get());
        }
    }

    /// Returns a range as cells while roots are watched.
    ///
    /// # Safety
    /// The range must lie within the stack.
    #[cold]
    #[inline(never)]
    unsafe fn lent_watched<'c, B: Barrier>(
        &'c self,
        cx: &'c Mutator<'_, B>,
        range: Range<usize>,
    ) -> &'c [Cell<V::At<'c>>] {
        self.note_written(cx, range.clone());
        // SAFETY: within the stack, by the caller's promise; the range has just been noted as lent.
        unsafe { self.lent(cx, range) }
    }

    /// Notes that a range, which lies within the capacity, is written while roots are watched.
    #[cold]
    #[inline(never)]
    fn note_written<B: Barrier>(&self, cx: &Mutator<'_, B>, range: Range<usize>) {
        let collector = cx.collector();
        collector.saw_writes(1);
        collector.roots.stacks.borrow_mut().lend(self.area, range, &B::RULES, &collector.marker, collector.cycle.get());
    }

    #[inline(always)]
    fn before_truncate<B: Barrier>(&self, cx: &Mutator<'_, B>, len: usize) {
        // A value that was written in the root-scanning window is shaded, so its removal needs no action.
        const fn looks_at_pops(rules: &Rules) -> bool {
            rules.shades_popped_root()
                || rules.only_in_tests.window_is_derived()
                || matches!(rules.root_write, RootWrite::NoteDirty)
        }
        if const { V::NEEDS_TRACE && looks_at_pops(&B::RULES) } && cx.collector().watch_roots.get() {
            let collector = cx.collector();
            self.area.truncate_watched(len, &B::RULES, &collector.marker, collector.cycle.get());
            if const { B::RULES.only_in_tests.window_is_derived() } {
                collector.close_derived_window::<B>();
            }
        }
    }
}

impl<V> fmt::Debug for StackView<'_, '_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackView").field("len", &self.area.len.get()).finish_non_exhaustive()
    }
}
