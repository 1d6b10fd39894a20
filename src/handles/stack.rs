//! [`Stack`]: a stack of values that is a root, for interpreters.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::stack_view::StackView;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;
use crate::mark::tracer::Tracer;
use crate::roots::stack::area::StackArea;
use crate::roots::table::Handle;
use crate::trace::Trace;

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
        // SAFETY: the elements are `V`s, and `cx` is of the stack's heap.
        unsafe { StackView::of(&self.area) }
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
