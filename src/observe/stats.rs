//! [`Stats`]: what a heap has done so far.

use core::fmt;
use std::time::Duration;

use crate::cycle::collector::Collector;
use crate::cycle::phase::{PHASES, Phase};

/// What a heap has done so far, and what it holds. Counts begin with the heap; sizes are in bytes. What a
/// [`Check`](crate::Check) takes is in none of the times.
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
/// assert_eq!((stats.cycles, stats.objects_allocated, stats.objects_freed), (1, 2, 1));
/// println!("{stats}"); // a table
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Cycles that have ended.
    pub cycles: u64,
    /// Calls of [`collect`](crate::Mutator::collect) that returned before their cycle had ended, since drop code on the
    /// sweeper's thread did not.
    pub collections_cut_short: u64,
    /// Steps of the collector.
    pub steps: u64,
    /// Objects allocated.
    pub objects_allocated: u64,
    /// Bytes allocated, headers included.
    pub bytes_allocated: u64,
    /// Objects marked by tracing; those born black are not counted.
    pub objects_marked: u64,
    /// Bytes marked by tracing.
    pub bytes_marked: u64,
    /// Objects found dead.
    pub objects_freed: u64,
    /// Bytes found dead.
    pub bytes_freed: u64,
    /// Bytes of objects now: what lived at the end of the last marking, and what was allocated since.
    pub bytes_live: u64,
    /// Bytes that objects hold outside the heap: of [owners](crate::Owned) and maps, and as told to
    /// [`Mutator::external`](crate::Mutator::external).
    pub bytes_external: u64,
    /// Bytes outside of the heap's blocks that count towards the [limit](crate::HeapBuilder::limit): those that objects own,
    /// and what the collector's own lists and tables take (locals, roots, stacks, guardians, interned strings, the mark
    /// stack).
    pub bytes_outside: u64,
    /// Pointers that locals of open scopes keep.
    pub locals: u64,
    /// [`Persistent`](crate::Persistent)s. Those that were dropped count until the collector forgets them.
    pub roots: u64,
    /// [`Stack`](crate::Stack)s, likewise.
    pub stacks: u64,
    /// [`Guardian`](crate::Guardian)s, likewise.
    pub guardians: u64,
    /// Bytes that the last cycle kept though they were unreachable when it ended. Known only where marking was one
    /// pause (then there are none).
    pub bytes_floating: Option<u64>,
    /// Interruptions of the mutator: safepoints that did a step, calls of [`step`](crate::Mutator::step), and calls of
    /// [`collect`](crate::Mutator::collect), which is many steps and one pause.
    pub pauses: u64,
    /// The longest of them, in wall-clock time. What other programs had of the processor meanwhile is in it.
    pub longest_pause: Duration,
    /// The most processor time that the steps of one of them took, which what else runs on the machine does not
    /// lengthen. `None` where there is no clock for that (it is read on Linux and Android), and before the first.
    pub longest_pause_processor: Option<Duration>,
    /// Processor time of the mutator's thread that all steps took, or `None` as above. The sweeper's thread is not
    /// counted.
    pub processor_time: Option<Duration>,
    /// Wall-clock time spent in each phase, on the mutator's thread, in the order of [`Phase`]. What
    /// [`Idle`](Phase::Idle) has is the start of cycles, [`Deletion`](crate::Deletion)'s scan of all roots with it.
    pub phase_time: [Duration; PHASES],
    /// Bytes of the pages of 4 KiB that blocks with objects use: garbage that is not swept yet and holes count too, and the
    /// pages that the last block of an object does not reach do not.
    pub bytes_used: u64,
    /// Bytes taken from the system and not given back.
    pub bytes_held: u64,
    /// Bytes given back to the system so far.
    pub bytes_returned: u64,
}

impl Stats {
    /// Reads what a collector has counted.
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
            bytes_outside: (this.outside() - this.counted_locals(0) + this.locals()) as u64,
            locals: (this.shadow.len() + this.escapes.len()) as u64,
            roots: this.roots.borrow().len() as u64,
            stacks: this.stacks.borrow().areas.len() as u64,
            guardians: this.guardians.borrow().areas.len() as u64,
            bytes_floating: c.bytes_floating.get(),
            pauses: this.times.pauses(),
            longest_pause: this.times.longest(),
            longest_pause_processor: this.times.longest_processor(),
            processor_time: this.times.processor(),
            phase_time: this.times.in_phases(),
            bytes_used: blocks.used() as u64,
            bytes_held: blocks.arena.held as u64,
            bytes_returned: blocks.arena.returned as u64,
        }
    }

    /// Returns the wall-clock time spent in a phase, on the mutator's thread.
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
    /// [`phase_time`](Stats::phase_time).
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # let mut heap = Heap::new();
    /// # heap.enter(|cx| cx.collect());
    /// let stats = heap.stats();
    /// assert!(stats.collector_time() <= stats.longest_pause); // there was one pause
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
        row(f, "locals", self.locals.to_string())?;
        row(f, "roots", self.roots.to_string())?;
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
