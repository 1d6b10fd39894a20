//! [`Stack`]: a stack of values that is a root, for interpreters.

use core::alloc::Layout;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::NonNull;

use crate::barrier::Barrier;
use crate::barrier::rules::{RootWrite, Rules};
use crate::context::Mutator;
use crate::full::HeapFull;
use crate::mark::tracer::Tracer;
use crate::roots::stack::area::StackArea;
use crate::roots::table::Handle;
use crate::trace::{Trace, restamp};

/// A stack of values that keeps what they point to alive: an interpreter's value stack, a work list, a table of
/// globals. Pushing and popping need no write barrier, and the collector scans the stack in pieces.
///
/// The handle may outlive [`Heap::enter`](crate::Heap::enter) and be sent to another thread. To use the stack, open it:
/// the [`StackView`] lives across safepoints, until the scope or the call of `Heap::enter` in which the stack was
/// opened ends. Dropping the handle, on any thread, is one atomic exchange; the heap frees the memory in a later step.
///
/// ```
/// use grisaille::{Gc, Heap, Stack};
///
/// let mut heap = Heap::new();
/// heap.enter(|cx| {
///     let mut stack: Stack<Gc<'static, i64>> = Stack::new(cx);
///     let mut view = stack.open(cx);
///     view.push(cx, cx.alloc(1));
///     view.push(cx, cx.alloc(2));
///     cx.collect();
///     assert_eq!(*view.pop(cx).unwrap() + *view.top(cx, 0), 3);
/// });
/// ```
#[must_use = "a stack is dropped with its handle"]
pub struct Stack<V> {
    area: Handle<StackArea>,
    _values: PhantomData<V>,
}

// SAFETY: but for its head the area is touched by the mutator of its heap only (`open` takes a mutator and checks the
// heap's id). What the values point to is in the heap, which is `Send` with all in it, and the values are `Copy`:
// dropping them runs no code.
unsafe impl<V> Send for Stack<V> {}
// SAFETY: a shared handle does nothing.
unsafe impl<V> Sync for Stack<V> {}

impl<V: Trace + Copy> Stack<V>
where
    for<'a> V::At<'a>: Copy,
{
    /// Makes an empty stack, in the heap that `cx` is in.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// let mut stack: Stack<f64> = Stack::new(cx);
    /// assert!(stack.open(cx).is_empty());
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full, as for [`Mutator::alloc`]: [`try_new`](Stack::try_new) returns an error instead.
    pub fn new<B: Barrier>(cx: &Mutator<'_, B>) -> Self
    where
        V: 'static,
    {
        Self::with_capacity(cx, 0)
    }

    /// Makes an empty stack with room for `capacity` values.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// let mut stack: Stack<f64> = Stack::with_capacity(cx, 100);
    /// stack.open(cx).push(cx, 1.0);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full, as for [`Mutator::alloc`]: [`try_with_capacity`](Stack::try_with_capacity) returns an
    /// error instead.
    #[track_caller]
    pub fn with_capacity<B: Barrier>(cx: &Mutator<'_, B>, capacity: usize) -> Self
    where
        V: 'static,
    {
        Self::try_with_capacity(cx, capacity).unwrap_or_else(|full| full.panic())
    }

    /// Makes an empty stack, unless the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// let mut stack: Stack<f64> = Stack::try_new(cx)?;
    /// assert!(stack.open(cx).is_empty());
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full.
    pub fn try_new<B: Barrier>(cx: &Mutator<'_, B>) -> Result<Self, HeapFull<()>>
    where
        V: 'static,
    {
        Self::try_with_capacity(cx, 0)
    }

    /// Makes an empty stack with room for `capacity` values, unless the heap has no room for them.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Stack};
    /// let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    /// heap.enter(|cx| {
    ///     assert!(Stack::<Gc<'static, i64>>::try_with_capacity(cx, 1000).is_ok());
    ///     assert!(Stack::<Gc<'static, i64>>::try_with_capacity(cx, 1 << 20).is_err());
    ///     assert!(Stack::<Gc<'static, i64>>::try_with_capacity(cx, usize::MAX).is_err());
    /// });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full.
    pub fn try_with_capacity<B: Barrier>(cx: &Mutator<'_, B>, capacity: usize) -> Result<Self, HeapFull<()>>
    where
        V: 'static,
    {
        unsafe fn trace_element<V: Trace>(element: NonNull<u8>, tracer: &mut Tracer<'_>) {
            // SAFETY: the area calls this with elements that were written as a `V`.
            unsafe { element.cast::<V>().as_ref() }.trace(tracer);
        }
        let c = cx.collector();
        let wanted = c.roots.stacks.borrow().areas.wanted(Layout::new::<StackArea>());
        let elements = Layout::array::<V>(capacity).map_or(usize::MAX, |layout| layout.size());
        let wanted = wanted.saturating_add(elements);
        if !c.has_room_outside(wanted) {
            return Err(cx.full((), wanted));
        }
        let make = |head| StackArea::new(head, Layout::new::<V>(), trace_element::<V>, c.cycle.get());
        let mut stacks = c.roots.stacks.borrow_mut();
        // SAFETY: it is a stack area.
        let area = unsafe { stacks.areas.add(c.id, make) }.map_err(|_| cx.full((), wanted))?;
        if capacity > 0 {
            let result = area.resize(capacity);
            stacks.areas.owns(area.bytes(), 0);
            result.map_err(|_| cx.full((), wanted))?;
        }
        Ok(Stack { area, _values: PhantomData })
    }

    /// Opens the stack, until the scope or the call of `Heap::enter` that `cx` is in ends.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// let mut stack: Stack<i64> = Stack::new(cx);
    /// stack.open(cx).push(cx, 1);
    /// assert_eq!(stack.open(cx).len(), 1);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When `cx` is not of the heap that the stack belongs to.
    #[track_caller]
    pub fn open<'v, 's, B: Barrier>(&'v mut self, cx: &Mutator<'s, B>) -> StackView<'v, 's, V> {
        assert!(self.belongs_to(cx), "a Stack was opened with a heap that it does not belong to");
        StackView { area: &self.area, _scope: PhantomData }
    }
}

impl<V: Trace + Copy> Stack<V>
where
    for<'a> V::At<'a>: Copy,
{
    /// Returns whether the stack belongs to the heap that `cx` is in. [`open`](Stack::open) panics where it does not.
    ///
    /// ```
    /// # use grisaille::{Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// let stack: Stack<i64> = Stack::new(cx);
    /// assert!(stack.belongs_to(cx));
    /// # });
    /// ```
    pub fn belongs_to<B: Barrier>(&self, cx: &Mutator<'_, B>) -> bool {
        self.area.head.heap == cx.collector().id
    }
}

impl<V> fmt::Debug for Stack<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stack { .. }")
    }
}

/// A stack that was opened in a scope. The view borrows the [`Stack`] and not the mutator: it lives across safepoints.
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
    /// let window = view.window(cx, 0..2);
    /// window[0].swap(&window[1]);
    /// assert_eq!(view.top(cx, 0), 1);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the range is not within the stack.
    #[inline(always)]
    #[track_caller]
    pub fn window<'w, B: Barrier>(&'w self, cx: &'w Mutator<'_, B>, range: Range<usize>) -> &'w [Cell<V::At<'w>>] {
        assert!(range.start <= range.end && range.end <= self.len(), "a window must lie within its Stack");
        // SAFETY: within the stack; `cells` is called where roots are not watched.
        unsafe { if self.is_watched(cx) { self.watched_window(cx, range) } else { self.cells(cx, range) } }
    }

    /// Returns a range as cells.
    ///
    /// # Safety
    /// The range must lie within the stack, and count as written if roots are watched.
    #[inline(always)]
    unsafe fn cells<'w, B: Barrier>(&'w self, _cx: &'w Mutator<'_, B>, range: Range<usize>) -> &'w [Cell<V::At<'w>>] {
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
    unsafe fn watched_window<'w, B: Barrier>(
        &'w self,
        cx: &'w Mutator<'_, B>,
        range: Range<usize>,
    ) -> &'w [Cell<V::At<'w>>] {
        let collector = cx.collector();
        collector.saw_writes(1);
        collector.roots.stacks.borrow_mut().lend(
            self.area,
            range.clone(),
            &B::RULES,
            &collector.marker,
            collector.cycle.get(),
        );
        // SAFETY: within the stack, by the caller's promise; the range has just been noted as lent.
        unsafe { self.cells(cx, range) }
    }

    #[inline(always)]
    fn before_truncate<B: Barrier>(&self, cx: &Mutator<'_, B>, len: usize) {
        // A value that was written in the root-scanning window is shaded, so its removal needs no action.
        const fn looks_at_pops(rules: &Rules) -> bool {
            rules.shades_popped_root() || rules.window_is_derived || matches!(rules.root_write, RootWrite::NoteDirty)
        }
        if const { V::NEEDS_TRACE && looks_at_pops(&B::RULES) } && cx.collector().watch_roots.get() {
            let collector = cx.collector();
            self.area.truncate_watched(len, &B::RULES, &collector.marker, collector.cycle.get());
            if const { B::RULES.window_is_derived } {
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
