//! [`Stats`]: what a heap has done so far.

use core::fmt;
use std::time::Duration;

use crate::cycle::collector::Collector;
use crate::cycle::phase::{PHASES, Phase};

/// What a heap has done so far, and what it holds. Counts begin with the heap; sizes are in bytes. The times leave out
/// what a [`Check`](crate::Check) takes.
///
/// ```
/// use grisaille::Heap;
///
/// let mut heap = Heap::new();
/// heap.enter(|cx| {
///     let _kept = cx.root(cx.alloc([0u64; 3]));
///     cx.alloc([0u64; 3]); // garbage
///     cx.collect();
/// });
/// let stats = heap.stats();
/// assert_eq!((stats.cycles(), stats.objects_allocated(), stats.objects_freed()), (1, 2, 1));
/// println!("{stats}"); // a table
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Stats {
    pub(crate) cycles: u64,
    pub(crate) collections_cut_short: u64,
    pub(crate) steps: u64,
    pub(crate) objects_allocated: u64,
    pub(crate) bytes_allocated: u64,
    pub(crate) objects_marked: u64,
    pub(crate) bytes_marked: u64,
    pub(crate) objects_freed: u64,
    pub(crate) bytes_freed: u64,
    pub(crate) bytes_live: u64,
    pub(crate) bytes_external: u64,
    pub(crate) bytes_outside: u64,
    pub(crate) locals: u64,
    pub(crate) roots: u64,
    pub(crate) stacks: u64,
    pub(crate) guardians: u64,
    pub(crate) bytes_floating: Option<u64>,
    pub(crate) pauses: u64,
    pub(crate) longest_pause: Duration,
    pub(crate) longest_pause_processor: Option<Duration>,
    pub(crate) processor_time: Option<Duration>,
    /// In the order of [`Phase`].
    pub(crate) phase_time: [Duration; PHASES],
    pub(crate) bytes_used: u64,
    pub(crate) bytes_held: u64,
    pub(crate) bytes_returned: u64,
}

impl Stats {
    /// Makes the figures from a collector's counters.
    pub(crate) fn of(collector: &Collector) -> Stats {
        let this = collector;
        let c = &this.counters;
        let blocks = this.blocks.borrow();
        let open = this.open_bytes();
        Stats {
            cycles: c.cycles.get(),
            collections_cut_short: c.collections_cut_short.get(),
            steps: c.steps.get(),
            objects_allocated: this.objects_allocated() as u64,
            bytes_allocated: c.bytes_allocated.get() + open as u64,
            objects_marked: c.objects_marked.get(),
            bytes_marked: c.bytes_marked.get(),
            objects_freed: c.objects_freed.get(),
            bytes_freed: c.bytes_freed.get(),
            bytes_live: (this.pacer.heap() + open) as u64,
            bytes_external: this.pacer.external() as u64,
            bytes_outside: (this.outside() - this.counted_locals(0) + this.roots.bytes_of_locals() + blocks.bytes())
                as u64,
            locals: (this.roots.locals.len() + this.roots.escapes.len()) as u64,
            roots: this.roots.persistent.borrow().len() as u64,
            stacks: this.roots.stacks.borrow().areas.len() as u64,
            guardians: this.roots.guardians.borrow().areas.len() as u64,
            bytes_floating: c.bytes_floating.get(),
            pauses: this.times.pauses(),
            longest_pause: this.times.longest(),
            longest_pause_processor: this.times.longest_processor(),
            processor_time: this.times.processor(),
            phase_time: this.times.in_phases(),
            bytes_used: blocks.used() as u64,
            bytes_held: blocks.registry.arena.held as u64,
            bytes_returned: blocks.registry.arena.decommitted as u64,
        }
    }

    /// Returns how many cycles have ended.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.collect();
    /// assert_eq!(cx.stats().cycles(), 1);
    /// # });
    /// ```
    pub fn cycles(&self) -> u64 {
        self.cycles
    }

    /// Returns how many calls of [`collect`](crate::Mutator::collect) returned before their cycle had ended, because
    /// drop code was still running on the sweeper's thread.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.collect();
    /// assert_eq!(cx.stats().collections_cut_short(), 0);
    /// # });
    /// ```
    pub fn collections_cut_short(&self) -> u64 {
        self.collections_cut_short
    }

    /// Returns how many steps the collector has done.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.collect();
    /// assert!(cx.stats().steps() > 0);
    /// # });
    /// ```
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns how many objects were allocated.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.alloc(1);
    /// assert_eq!(cx.stats().objects_allocated(), 1);
    /// # });
    /// ```
    pub fn objects_allocated(&self) -> u64 {
        self.objects_allocated
    }

    /// Returns how many bytes were allocated, headers included.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.alloc(1u64);
    /// assert_eq!(cx.stats().bytes_allocated(), 16);
    /// # });
    /// ```
    pub fn bytes_allocated(&self) -> u64 {
        self.bytes_allocated
    }

    /// Returns how many objects were marked by tracing; those that were allocated black are not counted.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let _kept = cx.root(cx.alloc(1));
    /// cx.collect();
    /// assert_eq!(cx.stats().objects_marked(), 1);
    /// # });
    /// ```
    pub fn objects_marked(&self) -> u64 {
        self.objects_marked
    }

    /// Returns how many bytes were marked by tracing.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let _kept = cx.root(cx.alloc(1u64));
    /// cx.collect();
    /// assert_eq!(cx.stats().bytes_marked(), 16);
    /// # });
    /// ```
    pub fn bytes_marked(&self) -> u64 {
        self.bytes_marked
    }

    /// Returns how many objects were found dead.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.alloc(1);
    /// cx.collect();
    /// assert_eq!(cx.stats().objects_freed(), 1);
    /// # });
    /// ```
    pub fn objects_freed(&self) -> u64 {
        self.objects_freed
    }

    /// Returns how many bytes were found dead.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.alloc(1u64);
    /// cx.collect();
    /// assert_eq!(cx.stats().bytes_freed(), 16);
    /// # });
    /// ```
    pub fn bytes_freed(&self) -> u64 {
        self.bytes_freed
    }

    /// Returns the bytes of objects now: those that lived at the end of the last marking, and those allocated since.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let _kept = cx.root(cx.alloc(1u64));
    /// cx.collect();
    /// assert_eq!(cx.stats().bytes_live(), 16);
    /// # });
    /// ```
    pub fn bytes_live(&self) -> u64 {
        self.bytes_live
    }

    /// Returns the bytes that objects hold outside the heap: those of [owners](crate::Owned) and maps, and those
    /// reported with [`Mutator::adjust_external`](crate::Mutator::adjust_external).
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.adjust_external(100);
    /// assert_eq!(cx.stats().bytes_external(), 100);
    /// # });
    /// ```
    pub fn bytes_external(&self) -> u64 {
        self.bytes_external
    }

    /// Returns the bytes outside of the heap's blocks that count towards the [limit](crate::HeapBuilder::limit): those
    /// that objects own, and those of the collector's own lists and tables (rooted values, persistent ones, stacks,
    /// guardians, interned strings, the mark stack).
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.adjust_external(100);
    /// assert!(cx.stats().bytes_outside() >= 100);
    /// # });
    /// ```
    pub fn bytes_outside(&self) -> u64 {
        self.bytes_outside
    }

    /// Returns how many pointers the [`Rooted`](crate::Rooted) values of open scopes keep.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let _kept = cx.root(cx.alloc(1));
    /// assert_eq!(cx.stats().rooted(), 1);
    /// # });
    /// ```
    pub fn rooted(&self) -> u64 {
        self.locals
    }

    /// Returns how many [`Persistent`](crate::Persistent) values there are. Dropped ones count until the collector
    /// forgets them.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let _kept = cx.persist(cx.alloc(1));
    /// assert_eq!(cx.stats().persistents(), 1);
    /// # });
    /// ```
    pub fn persistents(&self) -> u64 {
        self.roots
    }

    /// Returns how many [`Stack`](crate::Stack)s there are. Dropped ones count until the collector forgets them.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let _stack: grisaille::Stack<u64> = grisaille::Stack::new(cx);
    /// assert_eq!(cx.stats().stacks(), 1);
    /// # });
    /// ```
    pub fn stacks(&self) -> u64 {
        self.stacks
    }

    /// Returns how many [`Guardian`](crate::Guardian)s there are. Dropped ones count until the collector forgets them.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let _guardian: grisaille::Guardian<u64> = grisaille::Guardian::new(cx);
    /// assert_eq!(cx.stats().guardians(), 1);
    /// # });
    /// ```
    pub fn guardians(&self) -> u64 {
        self.guardians
    }

    /// Returns the bytes of floating garbage of the last cycle: kept though unreachable when marking ended. `None`
    /// unless marking was one pause, after which there are none.
    ///
    /// ```
    /// # use grisaille::{Heap, StopTheWorld};
    /// let mut heap: Heap<StopTheWorld> = Heap::builder().barrier().build().unwrap();
    /// heap.enter(|cx| cx.collect());
    /// assert_eq!(heap.stats().bytes_floating(), Some(0));
    /// ```
    pub fn bytes_floating(&self) -> Option<u64> {
        self.bytes_floating
    }

    /// Returns how often the mutator was interrupted: by safepoints that did a step, by calls of
    /// [`step`](crate::Mutator::step), and by calls of [`collect`](crate::Mutator::collect), each of which is one pause
    /// of many steps.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.collect();
    /// assert_eq!(cx.stats().pauses(), 1);
    /// # });
    /// ```
    pub fn pauses(&self) -> u64 {
        self.pauses
    }

    /// Returns the longest pause, in wall-clock time, which includes time that other programs had the processor.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.collect();
    /// assert!(!cx.stats().longest_pause().is_zero());
    /// # });
    /// ```
    pub fn longest_pause(&self) -> Duration {
        self.longest_pause
    }

    /// Returns the most processor time that the steps of one pause took; other programs do not lengthen it. `None`
    /// where the system has no such clock (Linux and Android have one), and before the first pause.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// assert!(cx.stats().longest_pause_processor().is_none());
    /// # });
    /// ```
    pub fn longest_pause_processor(&self) -> Option<Duration> {
        self.longest_pause_processor
    }

    /// Returns the processor time that all steps took on the mutator's thread. `None` where the system has no such
    /// clock (Linux and Android have one), and before the first step. The sweeper's thread is not counted.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.collect();
    /// assert!(cx.stats().processor_time().is_some() || cfg!(not(target_os = "linux")));
    /// # });
    /// ```
    pub fn processor_time(&self) -> Option<Duration> {
        self.processor_time
    }

    /// Returns the bytes of the pages of 4 KiB that blocks with objects use. Holes and garbage that is not swept yet
    /// count too; pages that the last object of a run does not reach do not.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.alloc(1);
    /// assert!(cx.stats().bytes_used() > 0);
    /// # });
    /// ```
    pub fn bytes_used(&self) -> u64 {
        self.bytes_used
    }

    /// Returns the bytes taken from the system and not given back.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.alloc(1);
    /// assert!(cx.stats().bytes_held() >= cx.stats().bytes_used());
    /// # });
    /// ```
    pub fn bytes_held(&self) -> u64 {
        self.bytes_held
    }

    /// Returns the bytes given back to the system so far.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// assert_eq!(cx.stats().bytes_returned(), 0);
    /// # });
    /// ```
    pub fn bytes_returned(&self) -> u64 {
        self.bytes_returned
    }

    /// Returns the wall-clock time spent in a phase, on the mutator's thread. The start of cycles counts as
    /// [`Idle`](Phase::Idle), with [`Deletion`](crate::Deletion)'s scan of all roots.
    ///
    /// ```
    /// # use grisaille::{Heap, Phase};
    /// # let mut heap = Heap::new();
    /// # heap.enter(|cx| cx.collect());
    /// assert!(heap.stats().time_in(Phase::Mark) > std::time::Duration::ZERO);
    /// ```
    pub fn time_in(&self, phase: Phase) -> Duration {
        self.phase_time[phase as usize]
    }

    /// Returns the wall-clock time that the collector's steps took of the mutator's: the sum of
    /// [`time_in`](Stats::time_in) over all phases.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # let mut heap = Heap::new();
    /// # heap.enter(|cx| cx.collect());
    /// let stats = heap.stats();
    /// assert!(stats.collector_time() <= stats.longest_pause()); // there was one pause
    /// ```
    pub fn collector_time(&self) -> Duration {
        self.phase_time.iter().sum()
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, name: &str, value: String| writeln!(f, "{name:<24}{value:>16}");
        row(f, "cycles", self.cycles.to_string())?;
        row(f, "collections cut short", self.collections_cut_short.to_string())?;
        row(f, "steps", self.steps.to_string())?;
        row(f, "pauses", self.pauses.to_string())?;
        row(f, "longest pause", micros(self.longest_pause))?;
        row(f, "  on the processor", self.longest_pause_processor.map_or("unknown".into(), micros))?;
        row(f, "collector time", micros(self.collector_time()))?;
        row(f, "  on the processor", self.processor_time.map_or("unknown".into(), micros))?;
        row(f, "  start", micros(self.time_in(Phase::Idle)))?;
        for phase in
            [Phase::SweepTermination, Phase::Mark, Phase::MarkTermination, Phase::Weak, Phase::Sweep, Phase::Release]
        {
            row(f, &format!("  {phase}"), micros(self.time_in(phase)))?;
        }
        row(f, "objects allocated", self.objects_allocated.to_string())?;
        row(f, "objects marked", self.objects_marked.to_string())?;
        row(f, "objects freed", self.objects_freed.to_string())?;
        row(f, "bytes allocated", self.bytes_allocated.to_string())?;
        row(f, "bytes marked", self.bytes_marked.to_string())?;
        row(f, "bytes freed", self.bytes_freed.to_string())?;
        row(f, "bytes live", self.bytes_live.to_string())?;
        row(f, "bytes external", self.bytes_external.to_string())?;
        row(f, "bytes outside", self.bytes_outside.to_string())?;
        row(f, "rooted", self.locals.to_string())?;
        row(f, "persistents", self.roots.to_string())?;
        row(f, "stacks", self.stacks.to_string())?;
        row(f, "guardians", self.guardians.to_string())?;
        row(f, "bytes floating", self.bytes_floating.map_or("unknown".into(), |bytes| bytes.to_string()))?;
        row(f, "bytes used", self.bytes_used.to_string())?;
        row(f, "bytes held", self.bytes_held.to_string())?;
        row(f, "bytes returned", self.bytes_returned.to_string())
    }
}

fn micros(time: Duration) -> String {
    format!("{:.1} us", time.as_nanos() as f64 / 1000.0)
}
