//! [`Heap`]: built, configured, entered, dropped.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::active::Session;
use crate::barrier::{Barrier, Hybrid};
use crate::context::Mutator;
use crate::cycle::blocks::Sweep;
use crate::cycle::collector::Collector;
use crate::cycle::pace::Pace;
use crate::cycle::phase::Phase;
use crate::memory::{self, NoMemory};
use crate::observe::stats::Stats;
use crate::observe::verify::{Check, Verifier, VerifyError, inspector};

/// Bytes below which the default heap does not collect.
const DEFAULT_FLOOR: usize = 4 << 20;
/// Entries of the mark stack: 8 MiB.
const DEFAULT_MARK_STACK: usize = 1 << 20;

/// A garbage-collected heap with barrier `B`.
///
/// It is `Send`, with all that is in it; it is entered on one thread at a time. Dropping it drops what is in it that
/// has drop glue, once, and frees its memory. A panic of drop glue is then reported by the
/// panic hook and goes no further.
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
pub struct Heap<B: Barrier = Hybrid> {
    collector: NonNull<Collector>,
    _policy: PhantomData<B>,
}

// SAFETY: a Heap owns its collector. What it reaches is `Send`: every `Trace` type is, apart from pointers into the
// heap itself, made of `Send + 'static` parts; `Persistent`s and `Stack`s of it that other threads hold touch nothing of
// it but atomics.
unsafe impl<B: Barrier> Send for Heap<B> {}

impl Heap<Hybrid> {
    /// Makes a heap with the default policy and configuration: [`Hybrid`], swept on another thread, without a limit.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// assert_eq!(Heap::new().enter(|cx| *cx.alloc(1) + *cx.alloc(2)), 3);
    /// ```
    ///
    /// # Panics
    /// When the system has no memory for it: [`HeapBuilder::build`] answers with a value.
    ///
    /// # Panics
    /// When the system has no memory for it: [`HeapBuilder::build`] returns an error instead.
    #[track_caller]
    pub fn new() -> Self {
        HeapBuilder::new().build().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Configures a heap.
    ///
    /// ```
    /// use grisaille::{Heap, Sweep, Watermark};
    ///
    /// let heap = Heap::builder().barrier::<Watermark>().sweep(Sweep::Lazy).growth(0.5).limit(64 << 20).build();
    /// assert!(heap.is_ok());
    /// ```
    pub fn builder() -> HeapBuilder<Hybrid> {
        HeapBuilder::new()
    }
}

impl Default for Heap<Hybrid> {
    fn default() -> Self {
        Heap::new()
    }
}

impl<B: Barrier> Heap<B> {
    /// Enters the heap: `f` may allocate in it until it returns. What must outlive the region is a
    /// [`Persistent`](crate::Persistent) or lies on a [`Stack`](crate::Stack).
    ///
    /// # Panics
    /// When a heap is entered on this thread already; [`Mutator::suspend`] makes room for another. Passes panics of
    /// `f` on: the heap stays whole.
    ///
    /// ```should_panic
    /// # use grisaille::Heap;
    /// let (mut a, mut b) = (Heap::new(), Heap::new());
    /// a.enter(|_| b.enter(|_| ()));
    /// ```
    #[track_caller]
    pub fn enter<R>(&mut self, f: impl for<'s> FnOnce(&mut Mutator<'s, B>) -> R) -> R {
        /// Ends the region, also when `f` panics: no local outlives it.
        struct EndRegion<B: Barrier>(NonNull<Collector>, PhantomData<B>);
        impl<B: Barrier> Drop for EndRegion<B> {
            fn drop(&mut self) {
                // SAFETY: the heap is borrowed while the region is open.
                let c = unsafe { self.0.as_ref() };
                c.truncate_roots::<B>(&c.roots.locals, 0);
                c.truncate_roots::<B>(&c.roots.escapes, 0);
            }
        }
        let _active = Session::enter(self.collector().id);
        let _end = EndRegion::<B>(self.collector, PhantomData);
        // SAFETY: the heap is mutably borrowed for the region; `f` cannot let the Mutator out of it.
        let mut mutator = unsafe { Mutator::new(self.collector) };
        f(&mut mutator)
    }

    pub(crate) fn collector(&self) -> &Collector {
        // SAFETY: owned by this heap; only ever borrowed shared.
        unsafe { self.collector.as_ref() }
    }

    /// Returns what the heap has done so far.
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

    /// Returns where the heap stands in its cycle.
    ///
    /// ```
    /// # use grisaille::{Heap, Phase};
    /// assert_eq!(Heap::new().phase(), Phase::Idle);
    /// ```
    pub fn phase(&self) -> Phase {
        self.collector().phase.get()
    }

    /// Changes when swept memory is found, from the next sweep on.
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
        // A cycle in progress ends here; whatever is in the heap dies.
        c.retire_holes();
        let mut blocks = c.blocks.borrow_mut();
        blocks.drop_everything(c.marker.occupied());
        drop(blocks);
        // SAFETY: made by `Box::leak` in `build`, and freed once. Blocks in the sweeper's hands are kept by its share
        // of the memory.
        drop(unsafe { Box::from_raw(self.collector.as_ptr()) });
    }
}

impl<B: Barrier> fmt::Debug for Heap<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("barrier", &<B as Barrier>::NAME).field("phase", &self.phase()).finish()
    }
}

/// Configures a [`Heap`]: see [`Heap::builder`].
///
/// ```
/// use grisaille::{Check, Heap, HeapBuilder};
///
/// /// What all heaps of a program's tests have in common.
/// fn careful() -> HeapBuilder {
///     Heap::builder().stress(true).check(Check::EveryStep)
/// }
/// let mut heap = careful().limit(1 << 20).build().unwrap();
/// heap.enter(|cx| cx.collect());
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder makes no heap until `build`"]
pub struct HeapBuilder<B: Barrier = Hybrid> {
    sweep: Sweep,
    stress: bool,
    growth: f64,
    floor: usize,
    limit: usize,
    automatic: bool,
    mark_stack: usize,
    check: Check,
    _policy: PhantomData<B>,
}

/// What a [`HeapBuilder`] refuses.
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
    /// The growth must be finite, at least 0.05 and at most 1000.
    Growth(f64),
    /// The limit must be at least [`HeapBuilder::MIN_LIMIT`].
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
            ConfigError::Limit(limit) => {
                write!(f, "a heap cannot work in {limit} bytes: {} is the least", HeapBuilder::<Hybrid>::MIN_LIMIT)
            }
            ConfigError::NoMemory => f.write_str("the system has no memory for another heap"),
        }
    }
}

impl core::error::Error for ConfigError {}

impl HeapBuilder<Hybrid> {
    fn new() -> Self {
        HeapBuilder {
            sweep: Sweep::default(),
            stress: false,
            growth: 1.0,
            floor: DEFAULT_FLOOR,
            limit: usize::MAX,
            automatic: true,
            mark_stack: DEFAULT_MARK_STACK,
            check: Check::Off,
            _policy: PhantomData,
        }
    }
}

impl Default for HeapBuilder<Hybrid> {
    fn default() -> Self {
        HeapBuilder::new()
    }
}

impl<B: Barrier> HeapBuilder<B> {
    /// The least limit, in bytes: room for a block of each kind of object.
    ///
    /// ```
    /// # use grisaille::{Heap, HeapBuilder};
    /// assert!(Heap::builder().limit(HeapBuilder::<grisaille::Hybrid>::MIN_LIMIT).build().is_ok());
    /// ```
    pub const MIN_LIMIT: usize = 256 * 1024;

    /// Sets the policy, which is the write barrier that runs and all that follows from it: see
    /// [`barrier`](crate::barrier#which-to-choose). [`Hybrid`] unless set.
    ///
    /// ```
    /// # use grisaille::{Heap, Insertion};
    /// let heap: Heap<Insertion> = Heap::builder().barrier().build().unwrap();
    /// ```
    pub fn barrier<C: Barrier>(self) -> HeapBuilder<C> {
        let HeapBuilder { sweep, stress, growth, floor, limit, automatic, mark_stack, check, _policy } = self;
        HeapBuilder { sweep, stress, growth, floor, limit, automatic, mark_stack, check, _policy: PhantomData }
    }

    /// Sets when swept memory is found. [`Sweep::Concurrent`] unless set.
    ///
    /// ```
    /// # use grisaille::{Heap, Sweep};
    /// assert!(Heap::builder().sweep(Sweep::Eager).build().is_ok());
    /// ```
    pub fn sweep(self, sweep: Sweep) -> Self {
        HeapBuilder { sweep, ..self }
    }

    /// Runs a collector step at every safepoint, and overwrites freed memory: finds pointers that should have been rooted.
    /// Steps of every size make whole cycles, the first one within six safepoints, some of them within one, and none takes
    /// more than 400. (A cycle ends later where the sweeper's thread has a block in hand and no processor.) Slow.
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

    /// Sets how closely the heap checks itself while it works; with [`stress`](HeapBuilder::stress), at every safepoint.
    /// [`Check::Off`] unless set. What is wrong is a panic of the step that finds it.
    ///
    /// ```
    /// # use grisaille::{Check, Heap};
    /// let mut heap = Heap::builder().check(Check::SecondMark).build().unwrap();
    /// heap.enter(|cx| cx.collect());
    /// ```
    pub fn check(self, check: Check) -> Self {
        HeapBuilder { check, ..self }
    }

    /// Sets how much larger than what a cycle marked the heap may become before the next one has ended, as a share of it: 1
    /// unless set, so it peaks at twice what lives (as Go's heap does, whose `GOGC` is 100). Less takes less memory and
    /// more time.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// assert!(Heap::builder().growth(0.5).build().is_ok()); // a peak of 1.5 times what lives
    /// ```
    pub fn growth(self, growth: f64) -> Self {
        HeapBuilder { growth, ..self }
    }

    /// Sets the bytes below which the heap does not collect, however little lives. 4 MiB unless set.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// assert!(Heap::builder().floor(256 << 10).build().is_ok());
    /// ```
    pub fn floor(self, bytes: usize) -> Self {
        HeapBuilder { floor: bytes, ..self }
    }

    /// Sets how many bytes the heap may take, at the most. No limit unless set. What counts is the heap's blocks, external
    /// bytes, and the collector's own lists and tables: locals, roots, stacks, guardians and what is registered with them,
    /// interned strings, the mark stack, lists of blocks
    /// ([`Stats::bytes_outside`](crate::Stats::bytes_outside) is all but the blocks). Blocks leave the lists room to grow by an eighth, so that a program can root what it could allocate; locals, of 8 bytes for
    /// each pointer, count beyond a quarter of the limit only.
    ///
    /// What does not fit is refused: [`HeapFull`](crate::HeapFull). Each operation that takes memory has a `try_` twin that
    /// answers with it; the others panic with it. Garbage is no reason to refuse, where the mutator reaches
    /// safepoints: a safepoint that finds less than 1/16 of the limit free finishes the cycle in progress or runs one, and
    /// so does a safepoint after a refusal. (Where more than 4/5 of the limit live, it is twice what the mutator allocated
    /// between two safepoints lately that should be free, 1/16 of the limit at the most.) Such a cycle is one pause, and
    /// begins once in 1/32 of the limit allocated at the most.
    ///
    /// Where more than 15/16 of the limit live, no safepoint runs a whole cycle for a refusal: steps, which take at most half
    /// of each 10 milliseconds of wall-clock time, find what the mutator lets go of. [`Mutator::collect`] finds it at once.
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

    /// Sets whether safepoints collect by themselves, as they do unless set. Where they do not, only [`Mutator::step`],
    /// [`Mutator::idle`] and [`Mutator::collect`] do.
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
    /// [`ConfigError`] names the value that cannot be, or says that the system has no memory for a heap.
    pub fn build(self) -> Result<Heap<B>, ConfigError> {
        if !(0.05..=1000.0).contains(&self.growth) {
            return Err(ConfigError::Growth(self.growth));
        }
        if self.limit < Self::MIN_LIMIT {
            return Err(ConfigError::Limit(self.limit));
        }
        let pace = Pace {
            growth: (self.growth * 256.0) as usize,
            floor: self.floor,
            limit: self.limit,
            automatic: self.automatic,
        };
        let made = Collector::new(pace, self.sweep, self.stress, self.mark_stack, B::RULES.incremental);
        let collector = made.and_then(memory::boxed).map_err(|NoMemory| ConfigError::NoMemory)?;
        collector.inspector.set(inspector::<B>(self.check));
        Ok(Heap { collector: NonNull::from(Box::leak(collector)), _policy: PhantomData })
    }
}

impl<B: Barrier> Heap<B> {
    /// Checks the whole heap against itself: bitmaps and headers, accounts, roots, the grey set and the policy's
    /// invariant, whatever phase the heap is in. Changes nothing.
    ///
    /// For tests, and for those who look for a bug: it takes time in proportion to the heap (some 50 ns an object),
    /// and memory for a copy of its bitmaps (5 % of the heap). It never recurses. In a correct build it finds
    /// nothing.
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
    /// The first thing that is wrong, with the path that leads there.
    pub fn verify(&self) -> Result<(), VerifyError> {
        Verifier::new(self.collector(), &B::RULES).run()
    }
}
