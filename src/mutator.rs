//! [`Mutator`]: the operations of a program on a heap that it has entered.

use core::fmt;

use crate::active::Session;
use crate::barrier::Barrier;
use crate::clock::Instant;
use crate::context::Mutator;
use crate::cycle::Ended;
use crate::cycle::phase::Phase;
use crate::full::HeapFull;
use crate::handles::persistent::Persistent;
use crate::handles::rooted::Rooted;
use crate::handles::rooted_cell::RootedCell;
use crate::mark::budget::{Budget, Meter};
use crate::mark::color::Color;
use crate::observe::stats::Stats;
use crate::pointer::gc::Gc;
use crate::roots::persistent::RootTable;
use crate::space::header::object_bytes;
use crate::trace::layout::{InfoOf, kind_of};
use crate::trace::{Trace, restamp};

mod result;
mod rooting;
mod scope;

pub use result::ScopeResult;
pub use scope::Out;

/// The result of a [`Mutator::step`].
///
/// ```
/// use grisaille::{Budget, Heap, Phase, Progress};
///
/// Heap::new().enter(|cx| {
///     let progress: Progress = cx.step(Budget::unlimited());
///     assert!(progress.cycle_ended && progress.phase == Phase::Idle);
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The phase that the heap is in after the step.
    pub phase: Phase,
    /// Whether the step ended a cycle.
    pub cycle_ended: bool,
    /// The work done, in the unit of [`Budget::work`].
    pub work: usize,
}

impl<'s, B: Barrier> Mutator<'s, B> {
    /// Allocates an object. Never collects. The fast path is a compare, an add and the writes (bump allocation into the
    /// holes between survivors, as in Immix: Blackburn and McKinley, PLDI 2008).
    ///
    /// The slow path looks for the next hole when one is used up: in the current block, in blocks that are swept, then
    /// by sweeping blocks (at most 32; all of them at the [limit](crate::HeapBuilder::limit)), and last in memory from
    /// the system.
    ///
    /// The object is aligned as `T` asks, to 16 bytes at most; a type that asks for more is refused when the program is
    /// built. Beside the value an object takes a header of 8 bytes, and what makes the sum a multiple of 8, or of 16 where
    /// `T` is aligned to 16.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// let wide = cx.alloc(1u128 << 100);
    /// assert!(std::ptr::from_ref(wide.as_ref()).is_aligned());
    /// # });
    /// ```
    ///
    /// Memory that the value owns outside the heap (the buffer of a `String` or a `Vec`) is not counted, unless the
    /// value is an [`Owned`](crate::Owned): see [`own`](Mutator::own).
    ///
    /// ```
    /// # use grisaille::Heap;
    /// Heap::new().enter(|cx| {
    ///     let name = cx.alloc(String::from("name"));
    ///     assert_eq!(name.len(), 4);
    /// });
    /// ```
    ///
    /// A number within another value needs its suffix, since the compiler cannot look into `Trace` for a type that it
    /// has yet to choose (the message is that "the size for values of type `<{integer} as Trace>::At<'a>` cannot be
    /// known"):
    ///
    /// ```
    /// # use grisaille::{Heap, RefLock};
    /// # Heap::new().enter(|cx| {
    /// cx.alloc(1); // an `i32`, as elsewhere
    /// cx.alloc(Some(1i64));
    /// cx.alloc([1u8, 2]);
    /// cx.alloc(RefLock::new([1u64; 4]));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full ([`HeapFull`] says when): [`try_alloc`](Mutator::try_alloc) returns an error instead.
    #[inline(always)]
    #[track_caller]
    pub fn alloc<'a, T: Trace<At<'a> = T>>(&'a self, value: T) -> Gc<'a, T> {
        let (info, kind) = (const { &InfoOf::<T>::INFO }, const { kind_of::<T>() });
        let object = match self.take::<T>(info, kind) {
            Some(object) => object,
            // SAFETY: `info` is for objects of this size; the payload is written below.
            None => unsafe { Self::reserve_or_panic(self.collector(), const { object_bytes::<T>() }, kind, info) },
        };
        // SAFETY: the payload follows the header, is large enough for a `T` and aligned (`InfoOf`); no safepoint before
        // `'a` ends.
        unsafe {
            object.payload().cast::<T>().write(value);
            Gc::from_object(object)
        }
    }

    /// Allocates an object, or gives the value back when the heap is full.
    ///
    /// Allocation never collects; after a [`collect`](Mutator::collect) there may be room.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    /// heap.enter(|cx| {
    ///     let full = loop {
    ///         if let Err(full) = cx.try_alloc([0u64; 100]) {
    ///             break full;
    ///         }
    ///     };
    ///     assert_eq!(full.0.len(), 100); // the value is not lost
    ///     cx.collect();
    ///     assert!(cx.try_alloc(full.0).is_ok());
    /// });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    #[inline(always)]
    pub fn try_alloc<'a, T: Trace<At<'a> = T>>(&'a self, value: T) -> Result<Gc<'a, T>, HeapFull<T>> {
        match self.place(value, const { &InfoOf::<T>::INFO }, const { kind_of::<T>() }) {
            // SAFETY: just written as a `T`; no safepoint before `'a` ends.
            Ok(object) => Ok(unsafe { Gc::from_object(object) }),
            Err(value) => Err(self.full(value, const { object_bytes::<T>() })),
        }
    }

    /// Roots a value in the current scope: the objects that the value points to stay alive until the scope (or the call
    /// of [`Heap::enter`](crate::Heap::enter)) ends. Costs a push onto a list; a value without pointers costs nothing.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// Heap::new().enter(|cx| {
    ///     let kept = cx.root(cx.alloc(1));
    ///     cx.collect();
    ///     assert_eq!(*kept.get(cx), 1);
    /// });
    /// ```
    ///
    /// # Panics
    /// When the list of rooted pointers must grow and the heap is full, as for [`alloc`](Mutator::alloc):
    /// [`try_root`](Mutator::try_root) returns an error instead.
    #[inline(always)]
    #[track_caller]
    pub fn root<V: Trace + Copy>(&self, value: V) -> Rooted<'s, V::At<'s>>
    where
        V::At<'s>: Copy,
    {
        self.push_roots(&self.collector().roots.locals, value);
        // SAFETY: rooted until the scope ends, which `'s` is.
        unsafe { Rooted::new(restamp(value)) }
    }

    /// Roots a value as [`root`](Mutator::root) does, or gives the value back where the list of rooted pointers must
    /// grow and the heap is full.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    /// heap.enter(|cx| {
    ///     while cx.try_alloc(7).is_ok_and(|number| cx.try_root(number).is_ok()) {}
    ///     assert!(cx.stats().rooted() > 1000);
    /// });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    #[track_caller]
    pub fn try_root<V: Trace + Copy>(&self, value: V) -> Result<Rooted<'s, V::At<'s>>, HeapFull<V>>
    where
        V::At<'s>: Copy,
    {
        self.try_push_roots(&self.collector().roots.locals, value)?;
        // SAFETY: rooted until the scope ends, which `'s` is.
        Ok(unsafe { Rooted::new(restamp(value)) })
    }

    /// Roots a value in the current scope, in a place that can be [set](RootedCell::set): for what a loop carries
    /// across safepoints.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap};
    /// Heap::new().enter(|cx| {
    ///     let last = cx.root_cell(None::<Gc<'_, i32>>);
    ///     for n in 0..100_000 {
    ///         last.set(cx, Some(cx.alloc(n)));
    ///         cx.safepoint();
    ///     }
    ///     assert_eq!(last.get(cx).map(|n| *n), Some(99_999));
    ///     assert_eq!(cx.stats().rooted(), 1);
    /// });
    /// ```
    ///
    /// The compiler refuses a type of values that may have more than 64 pointers.
    ///
    /// # Panics
    /// When the list of rooted pointers must grow and the heap is full, as for [`alloc`](Mutator::alloc):
    /// [`try_root_cell`](Mutator::try_root_cell) returns an error instead.
    #[inline]
    #[track_caller]
    pub fn root_cell<V: Trace + Copy>(&self, value: V) -> RootedCell<'s, V::At<'s>>
    where
        V::At<'s>: Copy,
    {
        self.try_root_cell(value).unwrap_or_else(|full| full.panic())
    }

    /// Roots a value as [`root_cell`](Mutator::root_cell) does, or gives the value back where the list of rooted
    /// pointers must grow and the heap is full.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    /// heap.enter(|cx| {
    ///     while cx.try_alloc(7).is_ok_and(|number| cx.try_root_cell(number).is_ok()) {}
    ///     assert!(cx.stats().rooted() > 1000);
    /// });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    #[inline]
    #[track_caller]
    pub fn try_root_cell<V: Trace + Copy>(&self, value: V) -> Result<RootedCell<'s, V::At<'s>>, HeapFull<V>>
    where
        V::At<'s>: Copy,
    {
        match self.push_place(value) {
            // SAFETY: the place was made for the value just now, and belongs to the scope, which `'s` is.
            Ok(place) => Ok(unsafe { RootedCell::new(restamp(value), place) }),
            Err(full) => Err(full.with(value)),
        }
    }

    /// Roots a value until its handle is dropped, on any thread, during or after any call of
    /// [`Heap::enter`](crate::Heap::enter).
    ///
    /// ```
    /// # use grisaille::Heap;
    /// let mut heap = Heap::new();
    /// let root = heap.enter(|cx| cx.persist(cx.alloc(1)));
    /// heap.enter(|cx| assert_eq!(*root.get(cx), 1));
    /// ```
    ///
    /// # Panics
    /// When the heap is full, as for [`alloc`](Mutator::alloc): [`try_persist`](Mutator::try_persist) returns an error
    /// instead.
    #[track_caller]
    pub fn persist<V: Trace + Copy>(&self, value: V) -> Persistent<V::At<'static>>
    where
        V::At<'static>: Copy,
    {
        self.try_persist(value).unwrap_or_else(|full| full.panic())
    }

    /// Roots a value as [`persist`](Mutator::persist) does, or gives the value back where the heap is full.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    /// heap.enter(|cx| {
    ///     let mut roots = Vec::new();
    ///     while let Ok(root) = cx.try_persist(7) {
    ///         roots.push(root);
    ///     }
    ///     assert!(roots.len() > 1000);
    /// });
    /// ```
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    pub fn try_persist<V: Trace + Copy>(&self, value: V) -> Result<Persistent<V::At<'static>>, HeapFull<V>>
    where
        V::At<'static>: Copy,
    {
        let c = self.collector();
        let wanted = c.roots.persistent.borrow().wanted(RootTable::layout::<V>());
        if wanted > 0 && !c.has_room_outside(wanted) {
            return Err(self.full(value, wanted));
        }
        let watched = c.watch_roots.get().then_some((&B::RULES, &c.marker));
        let added = c.roots.persistent.borrow_mut().persist(value, c.id, watched, c.cycle.get());
        match added {
            // SAFETY: the area was just made for a value of this type.
            Ok(area) => Ok(unsafe { Persistent::new(area) }),
            Err(_) => Err(self.full(value, wanted)),
        }
    }

    /// Returns the value with the borrow of `cx` as its lifetime, so that values of different lifetimes can meet.
    ///
    /// ```
    /// use grisaille::{Gc, Heap, Mutator};
    ///
    /// fn larger<'a>(cx: &'a Mutator<'_>, a: Gc<'_, i64>, b: Gc<'_, i64>) -> Gc<'a, i64> {
    ///     if *a > *b { cx.adopt(a) } else { cx.adopt(b) }
    /// }
    /// Heap::new().enter(|cx| assert_eq!(*larger(cx, cx.alloc(1), cx.alloc(2)), 2));
    /// ```
    #[inline(always)]
    pub fn adopt<'a, V: Trace + Copy>(&'a self, value: V) -> V::At<'a>
    where
        V::At<'a>: Copy,
    {
        // SAFETY: the value is usable now, so what it points to is live; no safepoint before `'a` ends.
        unsafe { restamp(value) }
    }

    /// Lets the collector do a step, if one is due. Costs a load and a branch when none is.
    ///
    /// Place a safepoint in each loop and each call of an interpreted program. A step is bounded: [how long a step
    /// takes](crate#how-long-a-step-takes) says by what, and [`Heap::builder`](crate::Heap::builder) what can be
    /// configured.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// Heap::new().enter(|cx| {
    ///     for n in 0..1_000_000u64 {
    ///         cx.alloc(n);
    ///         cx.safepoint();
    ///     }
    ///     assert!(cx.stats().cycles() > 0);
    /// });
    /// ```
    ///
    /// # Panics
    /// Passes panics [of other code](Mutator#panics-of-other-code) on.
    #[inline(always)]
    pub fn safepoint(&mut self) {
        if self.collector().poll.get() {
            self.collector().safepoint::<B>();
        }
    }

    /// Returns whether the next [`safepoint`](Mutator::safepoint) has work to do: for interpreters whose inner loop
    /// holds pointers that borrow `&Mutator`, and leaves the loop only when it must. Call it after some work, not
    /// before: under [`stress`](crate::HeapBuilder::stress) the result is always true.
    ///
    /// ```
    /// use grisaille::{Heap, Mutator};
    ///
    /// /// The inner loop: no safepoint, so its pointers stay valid throughout.
    /// fn run(cx: &Mutator<'_>, left: &mut u64) {
    ///     while *left > 0 {
    ///         cx.alloc(*left);
    ///         *left -= 1;
    ///         if cx.safepoint_due() {
    ///             break;
    ///         }
    ///     }
    /// }
    /// Heap::new().enter(|cx| {
    ///     let mut left = 100_000;
    ///     while left > 0 {
    ///         run(cx, &mut left);
    ///         cx.safepoint();
    ///     }
    /// });
    /// ```
    #[inline(always)]
    pub fn safepoint_due(&self) -> bool {
        self.collector().poll.get() && !self.collector().is_between_steps()
    }

    /// Does a step of the collector within the budget, and starts a cycle where none is in progress. A step ends when a
    /// cycle ends.
    ///
    /// ```
    /// use grisaille::{Budget, Heap};
    ///
    /// let mut heap = Heap::builder().automatic(false).build().unwrap();
    /// heap.enter(|cx| while !cx.step(Budget::work(1)).cycle_ended {});
    /// ```
    ///
    /// # Panics
    /// Passes panics [of other code](Mutator#panics-of-other-code) on.
    pub fn step(&mut self, budget: Budget) -> Progress {
        let (c, start) = (self.collector(), Instant::now());
        let mut meter = Meter::new(budget, start);
        let ended = c.step::<B>(&mut meter, start);
        Progress { phase: c.phase.get(), cycle_ended: ended == Ended::Cycle, work: meter.spent }
    }

    /// Finishes the cycle in progress, if any, and runs a whole cycle: every object that is unreachable now is freed.
    /// Empty memory then goes back to the system at once, and taking it again costs page faults: a program that
    /// collects often lets safepoints do it, or [`step`](Mutator::step), after which memory goes back later.
    ///
    /// `collect` waits for drop code that `#[trace(drop = "background")]` lets run on the sweeper's thread. Where such
    /// code waits in turn for something that this thread has (a lock, a message), it cannot end before `collect`
    /// returns: after about a second in which no drop has ended, `collect` returns with its cycle unfinished, and
    /// counts that in [`Stats::collections_cut_short`](crate::Stats::collections_cut_short). No cycle begins until that
    /// drop has ended; the steps and collections that follow continue the cycle in progress. (Such drop code may also
    /// run on this thread, in `collect` and in any step: whoever calls these must not hold what the drop code waits
    /// for.)
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// cx.alloc(1);
    /// cx.collect();
    /// assert_eq!(cx.stats().bytes_live(), 0);
    /// # });
    /// ```
    ///
    /// # Panics
    /// Passes panics [of other code](Mutator#panics-of-other-code) on.
    pub fn collect(&mut self) {
        self.collector().collect::<B>();
    }

    /// Does a part of the work that a waiting program has time for: finishes the cycle in progress, runs a cycle where
    /// anything was allocated since the last one began, and gives empty memory back to the system at once. Returns true
    /// when nothing is left to do.
    ///
    /// Call it while there is nothing else to do, until it returns true. Each call is one pause of about its budget;
    /// giving 2 MiB back is one piece of work, and takes 4 to 80 microseconds. A program that only dropped references
    /// to objects, and allocated nothing since the last cycle began, calls [`collect`](Mutator::collect).
    ///
    /// ```
    /// use grisaille::{Budget, Heap};
    /// use std::time::Duration;
    ///
    /// Heap::new().enter(|cx| {
    ///     (0..100_000).for_each(|n| _ = cx.alloc([n as u64; 7])); // a burst of work
    ///     let peak = cx.stats().bytes_held();
    ///     // The event loop has no event.
    ///     while !cx.idle(Budget::time(Duration::from_millis(1))) {}
    ///     assert_eq!(cx.stats().bytes_live(), 0);
    ///     assert!(cx.stats().bytes_held() < peak / 2);
    /// });
    /// ```
    ///
    /// # Panics
    /// Passes panics [of other code](Mutator#panics-of-other-code) on.
    pub fn idle(&mut self, budget: Budget) -> bool {
        self.collector().idle::<B>(budget)
    }

    /// Runs `f` with no heap active on this thread, so that `f` may enter another. `f` is `'static`: it can capture no
    /// pointer of this heap.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// Heap::new().enter(|cx| {
    ///     let sum = cx.suspend(|| Heap::new().enter(|cx| *cx.alloc(1) + *cx.alloc(2)));
    ///     assert_eq!(sum, 3);
    /// });
    /// ```
    pub fn suspend<R: 'static>(&mut self, f: impl FnOnce() -> R + 'static) -> R {
        let _suspended = Session::suspend();
        f()
    }

    /// Tells the pacer that objects of the heap own `delta` more bytes outside the heap (fewer, where `delta` is
    /// negative). These bytes count towards the goal and the limit, up to 2^50.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.adjust_external(1 << 20);
    /// assert_eq!(cx.stats().bytes_external(), 1 << 20);
    /// cx.adjust_external(-(1 << 20));
    /// # });
    /// ```
    pub fn adjust_external(&self, delta: isize) {
        self.collector().external_changed(delta);
    }

    /// Returns the statistics of the heap so far.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.alloc(1);
    /// assert_eq!(cx.stats().objects_allocated(), 1);
    /// # });
    /// ```
    pub fn stats(&self) -> Stats {
        Stats::of(self.collector())
    }

    /// Returns the phase of the cycle that the heap is in.
    ///
    /// ```
    /// # use grisaille::{Heap, Phase};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(cx.phase(), Phase::Idle);
    /// # });
    /// ```
    pub fn phase(&self) -> Phase {
        self.collector().phase.get()
    }

    /// Returns the current colour of an object, for tests and tools. While the heap does not mark, every object is
    /// white.
    ///
    /// ```
    /// # use grisaille::{Color, Heap};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(cx.color(cx.alloc(1)), Color::White);
    /// # });
    /// ```
    pub fn color<T: ?Sized>(&self, object: Gc<'_, T>) -> Color {
        let c = self.collector();
        c.marker.flush_barrier_buffer();
        if !matches!(c.phase.get(), Phase::Mark | Phase::MarkTermination | Phase::Weak)
            || !c.marker.is_marked(object.object())
        {
            Color::White
        } else if object.object().is_queued() {
            Color::Grey
        } else {
            Color::Black
        }
    }
}

impl<B: Barrier> fmt::Debug for Mutator<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutator").field("barrier", &<B as Barrier>::NAME).field("phase", &self.phase()).finish()
    }
}
