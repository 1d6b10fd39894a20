//! [`Fiber`]: the stack of a coroutine, as an object.
//!
//! A fiber that runs has its values on a [`Stack`](crate::Stack), which is a root; one that does not has them in an
//! object. A switch copies them from the one to the other. Swapping the two pieces of memory instead would take constant
//! time between two cycles, but not while marking: a policy that shades what is overwritten has scanned all roots by
//! then, and would have to scan the whole fiber before its memory becomes a root (`docs/experiments.md`, "Fibers").
//! How the copies keep each policy's promises is in `list/run.rs`.

use core::fmt;

use super::list::List;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;
use crate::handles::stack_view::StackView;
use crate::mark::tracer::Tracer;
use crate::trace::Trace;

/// The stack of a coroutine that does not run, as a field or as an object of its own: `Gc<'gc, Fiber<'gc, Value<'gc>>>`.
///
/// A coroutine's values are on a [`Stack`](crate::Stack) while it runs, like those of any other code, and are pushed and
/// popped there. [`StackView::suspend`] moves them from the stack to the fiber, and [`StackView::resume`] moves
/// them back, each in one copy. A suspended coroutine that nothing leads to is garbage, with all that its values lead to,
/// also where these lead back to the fiber.
///
/// ```
/// use grisaille::{Fiber, Gc, Heap, Stack};
///
/// let mut heap = Heap::new();
/// heap.enter(|cx| {
///     let mut stack: Stack<Gc<'static, i64>> = Stack::new(cx);
///     let mut view = stack.open(cx);
///     view.push(cx, cx.alloc(0)); // a value of the code that resumes
///     let fiber = cx.root(cx.alloc(Fiber::<Gc<'_, i64>>::new()));
///     let base = view.len();
///     view.push(cx, cx.alloc(1)); // two values of the coroutine
///     view.push(cx, cx.alloc(2));
///     view.suspend(cx, &fiber.get(cx), base);
///     assert_eq!((view.len(), fiber.get(cx).len()), (1, 2));
///
///     cx.collect();
///     view.resume(cx, &fiber.get(cx));
///     assert_eq!((view.len(), fiber.get(cx).len()), (3, 0));
///     assert_eq!(*view.pop(cx).unwrap() + *view.pop(cx).unwrap(), 3);
/// });
/// ```
///
/// What else a coroutine has (its function, its state, the frames of its calls) is the embedder's: fields beside the
/// fiber, or a second fiber for the frames. The [guide](crate::guide::fibers) has an example.
///
/// # Cost
/// An empty fiber is a word. A suspended one has an object of the heap with room for its values, and up to a quarter and
/// 8 values more; one that runs keeps that object, unless the collector had to have it, for the next time that it is
/// suspended ([`clear`](Fiber::clear) frees it). A switch copies the values, and takes no more time than that while the
/// collector marks: a deep fiber that is resumed before it was scanned leaves its object to the collector, which scans
/// it in pieces. [`StackView::resume_top`] moves the topmost values only, for deep coroutines that touch few of
/// them at a time.
pub struct Fiber<'gc, V> {
    values: List<'gc, V>,
}

impl<'gc, V: Trace + Copy + 'gc> Fiber<'gc, V> {
    /// Makes a fiber without values, which takes no memory besides its word.
    ///
    /// ```
    /// # use grisaille::Fiber;
    /// assert!(Fiber::<'_, i64>::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Fiber { values: List::new() }
    }

    /// Returns the number of values. A fiber whose values are all on a stack has none.
    ///
    /// ```
    /// # use grisaille::{Fiber, Heap};
    /// # Heap::new().enter(|cx| {
    /// let fiber = cx.alloc(Fiber::<i64>::new());
    /// fiber.push(cx, 7);
    /// assert_eq!((fiber.len(), fiber.is_empty()), (1, false));
    /// # });
    /// ```
    #[inline]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns whether there is no value.
    ///
    /// ```
    /// # use grisaille::{Fiber, Heap};
    /// # Heap::new().enter(|cx| {
    /// assert!(cx.alloc(Fiber::<i64>::new()).is_empty());
    /// # });
    /// ```
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the value at `index`, from the bottom, or `None` where there is none.
    ///
    /// ```
    /// # use grisaille::{Fiber, Heap};
    /// # Heap::new().enter(|cx| {
    /// let fiber = cx.alloc(Fiber::<i64>::new());
    /// fiber.push(cx, 7);
    /// assert_eq!((fiber.get(0), fiber.get(1)), (Some(7), None));
    /// # });
    /// ```
    #[inline]
    pub fn get(&self, index: usize) -> Option<V> {
        self.values.get(index)
    }

    /// Visits the values that there are now, from the bottom up.
    ///
    /// ```
    /// # use grisaille::{Fiber, Heap};
    /// # Heap::new().enter(|cx| {
    /// let fiber = cx.alloc(Fiber::<i64>::new());
    /// fiber.push(cx, 7);
    /// fiber.push(cx, 8);
    /// assert_eq!(fiber.iter().collect::<Vec<_>>(), [7, 8]);
    /// # });
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = V> + 'gc {
        self.values.iter()
    }

    /// Pushes a value onto a fiber that does not run: one that a new coroutine begins with, or what a `yield` is to
    /// return. Amortized constant time.
    ///
    /// ```
    /// # use grisaille::{Fiber, Heap};
    /// # Heap::new().enter(|cx| {
    /// let fiber = cx.alloc(Fiber::<i64>::new());
    /// fiber.push(cx, 7);
    /// assert_eq!(fiber.get(0), Some(7));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the fiber must grow and the heap is full: [`try_push`](Fiber::try_push) returns an error instead.
    #[inline]
    #[track_caller]
    pub fn push<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, value: V) {
        self.values.push(cx, value);
    }

    /// Pushes a value, unless the fiber must grow and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Fiber, Heap};
    /// # Heap::builder().limit(1 << 20).build().unwrap().enter(|cx| {
    /// let fiber = cx.alloc(Fiber::<usize>::new());
    /// let full = (0..).find_map(|n| fiber.try_push(cx, n).err()).unwrap();
    /// assert_eq!(full.0, fiber.len()); // the value is not lost, and the fiber is what it was
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    #[inline]
    pub fn try_push<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, value: V) -> Result<(), HeapFull<V>> {
        self.values.try_push(cx, value)
    }

    /// Drops all values, and the room for them. Constant time. For a coroutine that has ended, or is not to be resumed.
    ///
    /// ```
    /// # use grisaille::{Fiber, Heap};
    /// # Heap::new().enter(|cx| {
    /// let fiber = cx.alloc(Fiber::<i64>::new());
    /// fiber.push(cx, 7);
    /// fiber.clear(cx);
    /// assert!(fiber.is_empty());
    /// # });
    /// ```
    pub fn clear<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        self.values.clear(cx);
    }
}

/// Moves of values between a stack and a [`Fiber`].
impl<V: Trace + Copy> StackView<'_, '_, V>
where
    for<'a> V::At<'a>: Copy,
{
    /// Moves the values from index `from` on to the top of a fiber: the coroutine is suspended. Takes the time of a copy of
    /// the values. On top of others it is that amortized; while the collector marks, some policies look at each value then.
    ///
    /// ```
    /// # use grisaille::{Fiber, Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// let mut stack: Stack<i64> = Stack::new(cx);
    /// let mut view = stack.open(cx);
    /// (0..3).for_each(|n| view.push(cx, n));
    /// let fiber = cx.alloc(Fiber::<i64>::new());
    /// view.suspend(cx, &fiber, 1);
    /// assert_eq!((view.len(), fiber.iter().collect::<Vec<_>>()), (1, vec![1, 2]));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the stack has fewer than `from` values. When the heap is full: [`try_suspend`](StackView::try_suspend) returns an
    /// error instead.
    #[track_caller]
    pub fn suspend<'gc, B: Barrier>(&mut self, cx: &'gc Mutator<'_, B>, fiber: &Fiber<'gc, V::At<'gc>>, from: usize) {
        self.try_suspend(cx, fiber, from).unwrap_or_else(|full| full.panic());
    }

    /// Moves the values from index `from` on to the top of a fiber, unless the heap is full.
    ///
    /// ```
    /// # use grisaille::{Fiber, Heap, Stack};
    /// # Heap::builder().limit(1 << 20).build().unwrap().enter(|cx| {
    /// let mut stack: Stack<u64> = Stack::new(cx);
    /// let mut view = stack.open(cx);
    /// while view.try_push(cx, 7).is_ok() {}
    /// let (fiber, len) = (cx.try_alloc(Fiber::<u64>::new()), view.len());
    /// if let Ok(fiber) = fiber {
    ///     assert!(view.try_suspend(cx, &fiber, 0).is_err());
    ///     assert_eq!((view.len(), fiber.len()), (len, 0)); // nothing was moved
    /// }
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full: nothing is moved.
    ///
    /// # Panics
    /// When the stack has fewer than `from` values.
    #[track_caller]
    pub fn try_suspend<'gc, B: Barrier>(
        &mut self,
        cx: &'gc Mutator<'_, B>,
        fiber: &Fiber<'gc, V::At<'gc>>,
        from: usize,
    ) -> Result<(), HeapFull<()>> {
        self.try_move_to(cx, &fiber.values, from)
    }

    /// Moves all values of a fiber to the top of the stack: the coroutine is resumed. Takes the time of a copy of the
    /// values.
    ///
    /// ```
    /// # use grisaille::{Fiber, Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// let mut stack: Stack<i64> = Stack::new(cx);
    /// let mut view = stack.open(cx);
    /// let fiber = cx.alloc(Fiber::<i64>::new());
    /// (0..3).for_each(|n| fiber.push(cx, n));
    /// view.resume(cx, &fiber);
    /// assert_eq!((view.len(), view.top(cx, 0), fiber.len()), (3, 2, 0));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the stack must grow and the heap is full: [`try_resume`](StackView::try_resume) returns an error instead.
    #[track_caller]
    pub fn resume<'gc, B: Barrier>(&mut self, cx: &'gc Mutator<'_, B>, fiber: &Fiber<'gc, V::At<'gc>>) {
        self.try_resume(cx, fiber).unwrap_or_else(|full| full.panic());
    }

    /// Moves all values of a fiber to the top of the stack, unless the stack must grow and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Fiber, Heap, Stack};
    /// # Heap::builder().limit(1 << 20).build().unwrap().enter(|cx| {
    /// let fiber = cx.try_alloc(Fiber::<u64>::new()).unwrap();
    /// (0..30_000).for_each(|n| fiber.push(cx, n));
    /// let mut stack: Stack<u64> = Stack::try_new(cx)?;
    /// let mut view = stack.open(cx);
    /// while view.try_push(cx, 7).is_ok() {}
    /// let len = view.len();
    /// assert!(view.try_resume(cx, &fiber).is_err());
    /// assert_eq!((view.len(), fiber.len()), (len, 30_000)); // nothing was moved
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full: nothing is moved.
    pub fn try_resume<'gc, B: Barrier>(
        &mut self,
        cx: &'gc Mutator<'_, B>,
        fiber: &Fiber<'gc, V::At<'gc>>,
    ) -> Result<(), HeapFull<()>> {
        self.try_move_from(cx, &fiber.values, fiber.len())
    }

    /// Moves the topmost `count` values of a fiber to the top of the stack. The others stay, and
    /// [`suspend`](StackView::suspend) puts values on top of them: a deep coroutine can be run frame by frame, without a copy
    /// of the frames that do not run. Time in proportion to `count`; while the collector marks, some policies look at
    /// each of these values.
    ///
    /// ```
    /// # use grisaille::{Fiber, Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// let mut stack: Stack<i64> = Stack::new(cx);
    /// let mut view = stack.open(cx);
    /// let fiber = cx.alloc(Fiber::<i64>::new());
    /// (0..1000).for_each(|n| fiber.push(cx, n));
    /// view.resume_top(cx, &fiber, 2);
    /// assert_eq!((view.at(cx, 0), view.at(cx, 1), fiber.len()), (998, 999, 998));
    /// view.suspend(cx, &fiber, 0);
    /// assert_eq!(fiber.len(), 1000);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the fiber has fewer values. When the stack must grow and the heap is full:
    /// [`try_resume_top`](StackView::try_resume_top) returns an error instead.
    #[track_caller]
    pub fn resume_top<'gc, B: Barrier>(
        &mut self,
        cx: &'gc Mutator<'_, B>,
        fiber: &Fiber<'gc, V::At<'gc>>,
        count: usize,
    ) {
        self.try_resume_top(cx, fiber, count).unwrap_or_else(|full| full.panic());
    }

    /// Moves the topmost `count` values of a fiber to the top of the stack, unless the stack must grow and the heap is
    /// full.
    ///
    /// ```
    /// # use grisaille::{Fiber, Heap, Stack};
    /// # Heap::new().enter(|cx| {
    /// let mut stack: Stack<i64> = Stack::new(cx);
    /// let fiber = cx.alloc(Fiber::<i64>::new());
    /// fiber.push(cx, 7);
    /// stack.open(cx).try_resume_top(cx, &fiber, 1)?;
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full: nothing is moved.
    ///
    /// # Panics
    /// When the fiber has fewer values.
    #[track_caller]
    pub fn try_resume_top<'gc, B: Barrier>(
        &mut self,
        cx: &'gc Mutator<'_, B>,
        fiber: &Fiber<'gc, V::At<'gc>>,
        count: usize,
    ) -> Result<(), HeapFull<()>> {
        self.try_move_from(cx, &fiber.values, count)
    }
}

impl<'gc, V: Trace + Copy + 'gc> Default for Fiber<'gc, V> {
    fn default() -> Self {
        Fiber::new()
    }
}

// SAFETY: passes the list on, which is all there is; `At` replaces the lifetime in it. No `Drop`.
unsafe impl<V: Trace> Trace for Fiber<'_, V>
where
    for<'a> V::At<'a>: Sized,
{
    type At<'a> = Fiber<'a, V::At<'a>>;
    const MAX_POINTERS: usize = 1;
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.values.trace(tracer);
    }
}

impl<V> fmt::Debug for Fiber<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fiber { .. }")
    }
}
