//! [`Heap`]: how it is built, configured, entered and dropped.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::active::Session;
use crate::barrier::{Barrier, RootsFirst};
use crate::context::Mutator;
use crate::cycle::collector::Collector;
use crate::cycle::event::Observer;
use crate::cycle::pace::Pace;
use crate::cycle::phase::Phase;
use crate::cycle::sweep::Sweep;
use crate::memory::{self, NoMemory};
use crate::observe::snapshot::Snapshot;
use crate::observe::stats::Stats;
use crate::observe::verify::{Check, Verifier, VerifyError, inspector};

/// Heap size in bytes below which the default heap does not collect.
const DEFAULT_FLOOR: usize = 4 << 20;
/// Entries of the mark stack, which take 8 MiB.
const DEFAULT_MARK_STACK: usize = 1 << 20;

/// A garbage-collected heap with barrier `B`.
///
/// A heap is `Send`, with all that is in it, and is entered on one thread at a time. Dropping the heap drops each
/// object that has drop glue, once, and frees the memory. The panic hook reports a panic of such drop glue, which goes
/// no further.
///
/// ```
/// use grisaille::{Gc, Heap, Slot, Trace};
///
/// #[derive(Clone, Copy, Trace)]
/// enum Value<'gc> { Nil, Number(f64), Pair(Gc<'gc, Pair<'gc>>) }
///
/// #[derive(Trace)]
/// struct Pair<'gc> { car: Slot<Value<'gc>>, cdr: Slot<Value<'gc>> }
///
/// let mut heap = Heap::new();
/// heap.enter(|cx| {
///     let one = cx.alloc(Pair { car: Slot::new(Value::Number(1.0)), cdr: Slot::new(Value::Nil) });
///     let two = cx.alloc(Pair { car: Slot::new(Value::Nil), cdr: Slot::new(Value::Pair(one)) });
///     two.car.set(cx, Value::Pair(two)); // a cycle
///     let keep = cx.root(two);
///     cx.collect(); // `one` and `two` may not be used from here on
///     let two = keep.get(cx);
///     assert!(matches!(two.cdr.get(), Value::Pair(_)));
/// });
/// ```
pub struct Heap<B: Barrier = RootsFirst> {
    collector: NonNull<Collector>,
    _policy: PhantomData<B>,
}

// SAFETY: a Heap owns its collector. What it reaches is `Send`: every `Trace` type is, apart from pointers into the
// heap itself, made of `Send + 'static` parts; `Persistent`s and `Stack`s of it that other threads hold touch nothing of
// it but atomics.
unsafe impl<B: Barrier> Send for Heap<B> {}

impl Heap<RootsFirst> {
    /// Makes a heap with the default policy and configuration: [`RootsFirst`], swept on another thread, without a limit.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// assert_eq!(Heap::new().enter(|cx| *cx.alloc(1) + *cx.alloc(2)), 3);
    /// ```
    ///
    /// # Panics
    /// When the system has no memory for the heap: [`HeapBuilder::build`] returns an error instead.
    #[track_caller]
    pub fn new() -> Self {
        HeapBuilder::new().build().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Returns a builder that configures a heap.
    ///
    /// ```
    /// use grisaille::{Heap, Sweep, Watermark};
    ///
    /// let heap = Heap::builder().barrier::<Watermark>().sweep(Sweep::Lazy).growth(0.5).limit(64 << 20).build();
    /// assert!(heap.is_ok());
    /// ```
    pub fn builder() -> HeapBuilder<RootsFirst> {
        HeapBuilder::new()
    }
}

impl Default for Heap<RootsFirst> {
    fn default() -> Self {
        Heap::new()
    }
}

impl<B: Barrier> Heap<B> {
    /// Enters the heap: `f` may allocate in it until `f` returns. Values that must outlive the call are
    /// [`Persistent`](crate::Persistent)s or lie on a [`Stack`](crate::Stack).
    ///
    /// Where the last call left little free under the [limit](HeapBuilder::limit), or an allocation was refused in it, this
    /// one begins with a whole cycle, in one pause: what the last call rooted is garbage now.
    ///
    /// # Panics
    /// When a heap is entered on this thread already; [`Mutator::suspend`] lets another be entered. Passes panics of
    /// `f` on, and those of drop glue that such a cycle runs before `f`: the heap stays whole.
    ///
    /// ```should_panic
    /// # use grisaille::Heap;
    /// let (mut a, mut b) = (Heap::new(), Heap::new());
    /// a.enter(|_| b.enter(|_| ()));
    /// ```
    #[track_caller]
    pub fn enter<R>(&mut self, f: impl for<'s> FnOnce(&mut Mutator<'s, B>) -> R) -> R {
        /// Ends the session, also when `f` panics: no local root outlives it.
        struct EndRegion<B: Barrier>(NonNull<Collector>, PhantomData<B>);
        impl<B: Barrier> Drop for EndRegion<B> {
            fn drop(&mut self) {
                // SAFETY: the heap is borrowed while the session is open.
                let c = unsafe { self.0.as_ref() };
                c.roots.scope.set(0);
                c.truncate_roots::<B>(&c.roots.locals, 0);
                c.truncate_roots::<B>(&c.roots.escapes, 0);
            }
        }
        let _active = Session::enter(self.collector().id);
        let _end = EndRegion::<B>(self.collector, PhantomData);
        // SAFETY: the heap is mutably borrowed for the session; `f` cannot let the Mutator out of it.
        let mut mutator = unsafe { Mutator::new(self.collector) };
        self.collector().session_starts::<B>();
        f(&mut mutator)
    }

    pub(crate) fn collector(&self) -> &Collector {
        // SAFETY: owned by this heap; only ever borrowed shared.
        unsafe { self.collector.as_ref() }
    }

    /// Returns the statistics of the heap so far.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// let mut heap = Heap::new();
    /// heap.enter(|cx| cx.collect());
    /// assert_eq!(heap.stats().cycles(), 1);
    /// ```
    pub fn stats(&self) -> Stats {
        Stats::of(self.collector())
    }

    /// Returns the phase of the cycle that the heap is in.
    ///
    /// ```
    /// # use grisaille::{Heap, Phase};
    /// assert_eq!(Heap::new().phase(), Phase::Idle);
    /// ```
    pub fn phase(&self) -> Phase {
        self.collector().phase.get()
    }

    /// Tells `observer` of each [`Event`](crate::Event) from now on, in the place of the observer that the heap had, if
    /// any, which is dropped. A heap without an observer has no cost but a branch at each event.
    ///
    /// ```
    /// use grisaille::{CycleLog, Heap};
    ///
    /// let mut heap = Heap::new();
    /// heap.observe(CycleLog::new(std::io::stderr())); // a line for each cycle
    /// heap.enter(|cx| cx.collect());
    /// ```
    ///
    /// # Panics
    /// Passes a panic of the dropped observer on.
    pub fn observe(&mut self, observer: impl Observer) {
        drop(self.collector().observed.replace(Some(Box::new(observer))));
    }

    /// Drops the heap's observer, if any.
    ///
    /// ```
    /// use grisaille::{Heap, Timeline};
    ///
    /// let mut heap = Heap::new();
    /// heap.observe(Timeline::new(std::io::sink()));
    /// heap.enter(|cx| cx.collect());
    /// heap.stop_observing(); // the timeline is written to its end
    /// ```
    ///
    /// # Panics
    /// Passes a panic of the dropped observer on.
    pub fn stop_observing(&mut self) {
        drop(self.collector().observed.replace(None));
    }

    /// Sets when swept memory is found, from the next sweep on: see [`Sweep`].
    ///
    /// ```
    /// # use grisaille::{Heap, Sweep};
    /// let mut heap = Heap::new();
    /// heap.set_sweep(Sweep::Lazy);
    /// ```
    pub fn set_sweep(&mut self, sweep: Sweep) {
        self.collector().sweep.set(sweep);
    }

    /// Lowers the cap of the mark stack, so that tests reach its overflow.
    #[doc(hidden)]
    pub fn set_mark_stack_cap(&mut self, entries: usize) {
        self.collector().marker.set_cap(entries);
    }
}

impl<B: Barrier> Drop for Heap<B> {
    fn drop(&mut self) {
        let c = self.collector();
        // A cycle in progress ends here; every object of the heap dies.
        c.retire_holes();
        let mut blocks = c.blocks.borrow_mut();
        // SAFETY: the heap is gone, and its thread is this one; the holes were just retired.
        unsafe { blocks.drop_everything(c.marker.occupied()) };
        drop(blocks);
        // SAFETY: made by `Box::leak` in `build`, and freed once. Blocks that the sweeper holds are kept by its share
        // of the memory.
        drop(unsafe { Box::from_raw(self.collector.as_ptr()) });
    }
}

impl<B: Barrier> fmt::Debug for Heap<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("barrier", &<B as Barrier>::NAME).field("phase", &self.phase()).finish()
    }
}

/// A builder that configures a [`Heap`]: see [`Heap::builder`].
///
/// ```
/// use grisaille::{Check, Heap, HeapBuilder};
///
/// /// The settings that all heaps of a program's tests have in common.
/// fn careful() -> HeapBuilder {
///     Heap::builder().stress(true).check(Check::EveryStep)
/// }
/// let mut heap = careful().limit(1 << 20).build().unwrap();
/// heap.enter(|cx| cx.collect());
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder makes no heap until `build`"]
pub struct HeapBuilder<B: Barrier = RootsFirst> {
    sweep: Sweep,
    stress: bool,
    growth: f64,
    floor: usize,
    limit: usize,
    automatic: bool,
    share: Option<u8>,
    mark_stack: usize,
    check: Check,
    _policy: PhantomData<B>,
}

/// The error of a [`HeapBuilder`] whose configuration, or memory, makes no heap.
///
/// ```
/// use grisaille::{ConfigError, Heap};
///
/// let error = Heap::builder().growth(0.0).build().unwrap_err();
/// assert_eq!(error, ConfigError::Growth(0.0));
/// assert_eq!(error.to_string(), "a heap cannot grow by a factor of 0: 0.05 to 1000 can be had");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The growth, which must be finite, at least 0.05 and at most 1000.
    Growth(f64),
    /// The part of the time that the collector may take, which must be from 1 to 100 per cent.
    CollectorShare(u8),
    /// The limit in bytes, which must be at least [`HeapBuilder::MIN_LIMIT`].
    Limit(usize),
    /// The system has no memory for the heap's own lists.
    NoMemory,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Growth(growth) => {
                write!(f, "a heap cannot grow by a factor of {growth}: 0.05 to 1000 can be had")
            }
            ConfigError::CollectorShare(percent) => {
                write!(f, "a collector cannot take {percent} % of the time: 1 to 100 can be had")
            }
            ConfigError::Limit(limit) => {
                write!(f, "a heap cannot work in {limit} bytes: {} is the least", HeapBuilder::<RootsFirst>::MIN_LIMIT)
            }
            ConfigError::NoMemory => f.write_str("the system has no memory for another heap"),
        }
    }
}

impl core::error::Error for ConfigError {}

impl HeapBuilder<RootsFirst> {
    fn new() -> Self {
        HeapBuilder {
            sweep: Sweep::default(),
            stress: false,
            growth: 1.0,
            floor: DEFAULT_FLOOR,
            limit: usize::MAX,
            automatic: true,
            share: None,
            mark_stack: DEFAULT_MARK_STACK,
            check: Check::Off,
            _policy: PhantomData,
        }
    }
}

impl Default for HeapBuilder<RootsFirst> {
    fn default() -> Self {
        HeapBuilder::new()
    }
}

impl<B: Barrier> HeapBuilder<B> {
    /// The smallest limit, in bytes: room for a block of each kind of object.
    ///
    /// ```
    /// # use grisaille::{Heap, HeapBuilder};
    /// assert!(Heap::builder().limit(HeapBuilder::<grisaille::RootsFirst>::MIN_LIMIT).build().is_ok());
    /// ```
    pub const MIN_LIMIT: usize = 256 * 1024;

    /// Sets the policy, which is the write barrier and all that follows from it: see
    /// [`barrier`](crate::barrier#which-to-choose). The default is [`RootsFirst`].
    ///
    /// ```
    /// # use grisaille::{Heap, Insertion};
    /// let heap: Heap<Insertion> = Heap::builder().barrier().build().unwrap();
    /// ```
    pub fn barrier<C: Barrier>(self) -> HeapBuilder<C> {
        let HeapBuilder { sweep, stress, growth, floor, limit, automatic, share, mark_stack, check, _policy } = self;
        HeapBuilder { sweep, stress, growth, floor, limit, automatic, share, mark_stack, check, _policy: PhantomData }
    }

    /// Sets when swept memory is found. The default is [`Sweep::Concurrent`].
    ///
    /// ```
    /// # use grisaille::{Heap, Sweep};
    /// assert!(Heap::builder().sweep(Sweep::Eager).build().is_ok());
    /// ```
    pub fn sweep(self, sweep: Sweep) -> Self {
        HeapBuilder { sweep, ..self }
    }

    /// Runs a collector step at every safepoint, and overwrites freed memory, so that tests find pointers that should
    /// have been rooted. Steps of every size make whole cycles: the first cycle ends within six safepoints, some take
    /// one safepoint, and none takes more than 400, except that the end waits for a block that the sweeper's thread
    /// holds while that thread has no processor. Slow. The default is false.
    ///
    /// A scope that roots more than 65,536 pointers panics then, at the place of the call that roots the next: a loop that
    /// adds a root in each turn shows in nothing else but memory. [`RootedCell`](crate::RootedCell) is for such loops.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// Heap::builder().stress(true).build().unwrap().enter(|cx| {
    ///     (0..20).for_each(|_| cx.safepoint());
    ///     assert!(cx.stats().cycles() > 0);
    /// });
    /// ```
    pub fn stress(self, stress: bool) -> Self {
        HeapBuilder { stress, ..self }
    }

    /// Sets how closely the heap checks itself while it works; with [`stress`](HeapBuilder::stress), at every
    /// safepoint. The default is [`Check::Off`]. The step that finds a fault panics.
    ///
    /// ```
    /// # use grisaille::{Check, Heap};
    /// let mut heap = Heap::builder().check(Check::SecondMark).build().unwrap();
    /// heap.enter(|cx| cx.collect());
    /// ```
    pub fn check(self, check: Check) -> Self {
        HeapBuilder { check, ..self }
    }

    /// Sets by how much the heap may exceed, before the next cycle has ended, what the last cycle marked, as a share
    /// of the marked bytes. The default is 1.0: the heap peaks at twice what lives (as Go's heap does with a `GOGC` of
    /// 100), and at up to an eighth of the growth more under the policies that mark in steps, if as much was allocated
    /// while the last cycle marked; that cycle could not free it. Less growth takes less memory and more time. From
    /// 0.05 to 1000: [`build`](HeapBuilder::build) refuses other values.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// assert!(Heap::builder().growth(0.5).build().is_ok()); // a peak of 1.5 times what lives
    /// ```
    pub fn growth(self, growth: f64) -> Self {
        HeapBuilder { growth, ..self }
    }

    /// Sets how much of the mutator's time the collector's steps may take while a cycle marks, in per cent. The
    /// default is 66 where the last marking took less than 200 milliseconds of processor time, and 45 where it took
    /// longer, so that more than half of the time is the mutator's unless the cycle is late. From 1 to 100:
    /// [`build`](HeapBuilder::build) refuses other values.
    ///
    /// A larger share ends cycles sooner, so that less garbage floats, and the program takes less time in all; with 100,
    /// steps follow each other closely. A smaller share has the mutator run more evenly; cycles start earlier, last
    /// longer, and are more. The time is that of the thread's processor where the system has a clock for that.
    ///
    /// The collector takes more where a cycle is late: in the last sixteenth of the headroom below the goal, past the
    /// goal, near the [limit](HeapBuilder::limit), and after bursts of allocation without a safepoint ([all
    /// cases](crate#how-long-a-step-takes)). Where a mutator allocates so fast that marking of 200 milliseconds or more
    /// cannot keep to the share and to the [growth](HeapBuilder::growth), the share is kept, and the heap grows by up to
    /// three times as much. [`StopTheWorld`](crate::StopTheWorld), whose marking is one pause, and
    /// [`step`](Mutator::step), whose budget is the caller's, have no share.
    ///
    /// ```
    /// # use grisaille::{ConfigError, Heap};
    /// assert!(Heap::builder().collector_share(25).build().is_ok());
    /// assert_eq!(Heap::builder().collector_share(0).build().unwrap_err(), ConfigError::CollectorShare(0));
    /// assert_eq!(Heap::builder().collector_share(101).build().unwrap_err(), ConfigError::CollectorShare(101));
    /// ```
    pub fn collector_share(self, percent: u8) -> Self {
        HeapBuilder { share: Some(percent), ..self }
    }

    /// Sets the heap size in bytes below which the heap does not collect, however little lives. The default is 4 MiB.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// assert!(Heap::builder().floor(256 << 10).build().is_ok());
    /// ```
    pub fn floor(self, bytes: usize) -> Self {
        HeapBuilder { floor: bytes, ..self }
    }

    /// Sets how many bytes the heap may take at most. The default is no limit. These count: the heap's blocks, external
    /// bytes, and the collector's own lists and tables, which are rooted values, persistent roots, stacks, guardians
    /// and the objects registered with them, interned strings, the mark stack, and lists of blocks
    /// ([`Stats::bytes_outside`](crate::Stats::bytes_outside) is all but the blocks). Blocks leave the lists room to
    /// grow by an eighth, so that a program can root what it could allocate; rooted values, of 8 bytes for each
    /// pointer, count only beyond a quarter of the limit.
    ///
    /// An operation that does not fit is refused with [`HeapFull`](crate::HeapFull). Each operation that takes memory
    /// has a `try_` twin that returns the error; the others panic with it. Garbage causes no refusal where the mutator
    /// reaches safepoints: a safepoint that finds less than 1/16 of the limit free finishes the cycle in progress or
    /// runs one, and so does a safepoint after a refusal. (Where more than 4/5 of the limit live, the amount that
    /// should be free is twice what the mutator lately allocated between two safepoints, at most 1/16 of the limit.)
    /// Such a cycle is one pause, and begins at most once for each 1/32 of the limit that is allocated.
    ///
    /// Where more than 15/16 of the limit live, no safepoint runs a whole cycle for a refusal: steps, which take at
    /// most half of each 10 milliseconds of wall-clock time, find the objects that the mutator drops.
    /// [`Mutator::collect`] finds them at once, and so does [`Heap::enter`] those that the last call of it rooted.
    ///
    /// ```
    /// use grisaille::Heap;
    ///
    /// let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    /// heap.enter(|cx| {
    ///     for n in 0..1_000_000u64 {
    ///         assert!(cx.try_alloc(n).is_ok()); // 16 MB of garbage
    ///         cx.safepoint();
    ///     }
    /// });
    /// ```
    pub fn limit(self, bytes: usize) -> Self {
        HeapBuilder { limit: bytes, ..self }
    }

    /// Sets whether safepoints collect. The default is true. With false, only [`Mutator::step`], [`Mutator::idle`] and
    /// [`Mutator::collect`] collect.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// let mut heap = Heap::builder().automatic(false).build().unwrap();
    /// heap.enter(|cx| {
    ///     for n in 0..1_000_000u64 {
    ///         cx.alloc(n);
    ///         cx.safepoint();
    ///     }
    ///     assert_eq!(cx.stats().cycles(), 0);
    /// });
    /// ```
    pub fn automatic(self, automatic: bool) -> Self {
        HeapBuilder { automatic, ..self }
    }

    /// Makes the heap.
    ///
    /// ```
    /// # use grisaille::{ConfigError, Heap};
    /// assert_eq!(Heap::builder().limit(5).build().unwrap_err(), ConfigError::Limit(5));
    /// assert!(Heap::builder().growth(f64::NAN).build().is_err());
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`], which names the value that is out of range, or says that the system has no memory for a heap.
    pub fn build(self) -> Result<Heap<B>, ConfigError> {
        if !(0.05..=1000.0).contains(&self.growth) {
            return Err(ConfigError::Growth(self.growth));
        }
        if let Some(percent) = self.share
            && !(1..=100).contains(&percent)
        {
            return Err(ConfigError::CollectorShare(percent));
        }
        if self.limit < Self::MIN_LIMIT {
            return Err(ConfigError::Limit(self.limit));
        }
        let pace = Pace {
            growth: (self.growth * 256.0) as usize,
            floor: self.floor,
            limit: self.limit,
            automatic: self.automatic,
            share: self.share,
        };
        let made = Collector::new(pace, self.sweep, self.stress, self.mark_stack, B::RULES.incremental);
        let collector = made.and_then(memory::boxed).map_err(|NoMemory| ConfigError::NoMemory)?;
        collector.inspector.set(inspector::<B>(self.check));
        Ok(Heap { collector: NonNull::from(Box::leak(collector)), _policy: PhantomData })
    }
}

impl<B: Barrier> Heap<B> {
    /// Checks the consistency of the whole heap: bitmaps and headers, accounts, roots, the grey set and the policy's
    /// invariant, in whatever phase the heap is. Changes nothing.
    ///
    /// For tests, and for the search for a bug: the check takes time in proportion to the heap (some 50 ns an object),
    /// and memory for a copy of its bitmaps (5 % of the heap). It never recurses. In a correct build it finds nothing.
    ///
    /// ```
    /// use grisaille::{Budget, Heap};
    ///
    /// let mut heap = Heap::new();
    /// let _root = heap.enter(|cx| {
    ///     let root = cx.persist(cx.alloc("kept".to_string()));
    ///     cx.step(Budget::work(1)); // in the middle of a cycle
    ///     root
    /// });
    /// assert_eq!(heap.verify(), Ok(()));
    /// ```
    ///
    /// # Errors
    /// [`VerifyError`]: the first fault found, with the path from a root that leads to it.
    pub fn verify(&self) -> Result<(), VerifyError> {
        Verifier::new(self.collector(), &B::RULES).run()
    }

    /// Copies the shape of the heap: its objects, the pointers between them, and the roots. Changes nothing.
    ///
    /// Takes time in proportion to the heap, some hundred nanoseconds an object, and memory outside of it, some hundred bytes
    /// an object. Never recurses.
    ///
    /// ```
    /// use grisaille::Heap;
    ///
    /// let mut heap = Heap::new();
    /// let _kept = heap.enter(|cx| cx.persist(cx.alloc("kept".to_string())));
    /// println!("{}", heap.snapshot().census()); // a table of types
    /// assert_eq!(heap.snapshot().reachable(), 1);
    /// ```
    ///
    /// # Panics
    /// When the heap is broken: see [`verify`](Heap::verify).
    pub fn snapshot(&self) -> Snapshot {
        Verifier::new(self.collector(), &B::RULES).snapshot()
    }
}
