//! The collector's state, and its books. The operations that the mutator calls are in `allocate`, `room` and
//! `write_barrier`.

use core::cell::{Cell, RefCell};
use std::time::Duration;

use super::blocks::Blocks;
use super::event::{Event, Moment, Observed};
use super::pace::{Pace, Pacer};
use super::phase::Phase;
use super::sweep::Sweep;
use super::times::Times;
use super::weak::WeakTable;
use crate::mark::marker::Marker;
use crate::memory::NoMemory;
use crate::roots::set::RootSet;
use crate::space::alignment::{ALIGNMENTS, Alignment};
use crate::space::block::{BlockPtr, KINDS};
use crate::space::geometry::GRANULE;
use crate::space::header::ObjectPtr;
use crate::space::holes::Bump;

/// Share of the limit that the mark stack takes at the most: one in this many bytes.
const STACK_SHARE: usize = 64;

/// Bump areas for objects of one alignment: for each kind one for small, one for medium and one for big objects.
pub(super) const AREAS: usize = 3 * KINDS;

/// The colour of new objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BirthColor {
    White,
    /// Grey: holes are premarked, headers say queued, and the blocks are noted as those of objects that overflowed the
    /// mark stack are.
    Grey,
    /// Black: holes are premarked.
    Black,
}

/// Functions of `observe`, which `cycle` does not know, that inspect the heap in the middle of a cycle.
#[derive(Clone, Copy)]
pub(crate) struct Inspector {
    /// Called when liveness has just been decided, before the mutator runs again.
    pub decided: fn(&Collector),
    /// Called at the end of a step, once in `every` steps; never if that is 0.
    pub stepped: fn(&Collector),
    pub every: u64,
}

/// Counters that only grow.
#[derive(Default)]
pub(crate) struct Counters {
    pub cycles: Cell<u64>,
    pub collections_cut_short: Cell<u64>,
    pub steps: Cell<u64>,
    pub large_objects: Cell<usize>,
    pub bytes_allocated: Cell<u64>,
    pub objects_marked: Cell<u64>,
    pub bytes_marked: Cell<u64>,
    pub objects_freed: Cell<u64>,
    pub bytes_freed: Cell<u64>,
    pub bytes_floating: Cell<Option<u64>>,
}

/// All state of one heap. The heap's type has the policy.
pub(crate) struct Collector {
    /// Whether the heap's barriers are on: from the start of marking, or from the end of a root-scanning window in which
    /// nothing is traced, until liveness is decided.
    pub marking: Cell<bool>,
    /// Whether the barriers of roots are on.
    pub watch_roots: Cell<bool>,
    /// Whether the next safepoint has something to do.
    pub poll: Cell<bool>,
    /// Whether the root-scanning window is open. It closes in a step only.
    pub window: Cell<bool>,
    /// Whether the root-scanning window goes on with a turn of tracing, where the policy traces in it.
    pub(super) traces_next: Cell<bool>,
    /// Whether liveness is decided, and the sweep has not begun: unmarked objects may not be upgraded.
    pub liveness_decided: Cell<bool>,
    /// The cycle in which an allocation was last refused, until a cycle that started later has ended.
    pub refused: Cell<Option<u64>>,
    /// Whether the last cycle at the start of a session left memory short.
    pub(super) futile: Cell<bool>,
    pub(super) birth: Cell<BirthColor>,
    pub phase: Cell<Phase>,
    /// The bump areas: those for objects aligned to 8, then those for objects aligned to 16.
    pub(super) bumps: [Bump; ALIGNMENTS * AREAS],
    pub marker: Marker,
    pub roots: RootSet,
    pub blocks: RefCell<Blocks>,
    /// Interned strings.
    pub strings: RefCell<WeakTable>,
    pub pacer: Pacer,
    pub counters: Counters,
    pub times: Times,
    pub observed: Observed,
    /// The number of the cycle, which roots store when they are scanned.
    pub cycle: Cell<u64>,
    pub id: u64,
    pub sweep: Cell<Sweep>,
    pub stress: bool,
    /// Safepoints in this cycle, under stress.
    pub(super) stressed: Cell<u32>,
    /// Bytes and objects that were born black in this cycle.
    pub(super) born_black: Cell<usize>,
    /// Number of objects allocated when objects began to be born black.
    pub(super) black_from: Cell<usize>,
    /// Number of objects live at the end of the last marking, and number allocated by then.
    pub(super) lived: Cell<usize>,
    pub(super) allocated_then: Cell<usize>,
    /// The time that all runs had taken when marking began.
    pub(super) marked_from: Cell<Duration>,
    /// Work of marking in this cycle.
    pub mark_work: Cell<usize>,
    /// The chunk that phase `Release` has reached.
    pub released: Cell<usize>,
    /// The chunk that decommitting in idle time has reached.
    pub(super) idle_at: Cell<usize>,
    /// Functions that inspect the heap, if any.
    pub inspector: Cell<Option<Inspector>>,
}

impl Collector {
    pub(crate) fn new(
        pace: Pace,
        sweep: Sweep,
        stress: bool,
        mark_stack: usize,
        incremental: bool,
    ) -> Result<Collector, NoMemory> {
        Ok(Collector {
            marking: Cell::new(false),
            watch_roots: Cell::new(false),
            poll: Cell::new(stress && pace.automatic),
            window: Cell::new(false),
            traces_next: Cell::new(false),
            liveness_decided: Cell::new(false),
            refused: Cell::new(None),
            futile: Cell::new(false),
            stressed: Cell::new(0),
            birth: Cell::new(BirthColor::White),
            phase: Cell::new(Phase::Idle),
            bumps: core::array::from_fn(|area| {
                Bump::new(if area < AREAS { Alignment::Eight } else { Alignment::Sixteen })
            }),
            // With a full mark stack marking is slower, and still ends.
            marker: Marker::new(mark_stack.min(pace.limit / STACK_SHARE / size_of::<ObjectPtr>()))?,
            roots: RootSet::new(),
            blocks: RefCell::new(Blocks::new(pace.limit)?),
            strings: RefCell::new(WeakTable::new()),
            pacer: Pacer::new(pace, incremental)?,
            counters: Counters::default(),
            times: Times::default(),
            observed: Observed::default(),
            cycle: Cell::new(0),
            id: crate::active::fresh_id(),
            sweep: Cell::new(sweep),
            stress,
            born_black: Cell::new(0),
            black_from: Cell::new(0),
            lived: Cell::new(0),
            allocated_then: Cell::new(0),
            marked_from: Cell::new(Duration::ZERO),
            mark_work: Cell::new(0),
            released: Cell::new(0),
            idle_at: Cell::new(0),
            inspector: Cell::new(None),
        })
    }

    /// Returns whether objects are born grey.
    #[inline(always)]
    pub(crate) fn births_are_grey(&self) -> bool {
        self.birth.get() == BirthColor::Grey
    }

    /// Returns the bytes allocated in the open holes and not booked yet.
    pub(crate) fn open_bytes(&self) -> usize {
        self.bumps.iter().map(Bump::taken).sum()
    }

    /// Returns whether the mutator may go on before the next step of the cycle, though `poll` is set.
    #[cold]
    #[inline(never)]
    pub(crate) fn is_between_steps(&self) -> bool {
        self.phase.get() != Phase::Idle
            && !self.stress
            && self.refused.get().is_none()
            && !self.is_short()
            && self.pacer.is_too_early(self.open_bytes())
    }

    /// Returns the granules of the block that a walk must skip: they are not allocated, whatever the bitmaps say (I3).
    pub(crate) fn unused_of(&self, block: BlockPtr) -> Option<(usize, usize)> {
        self.bumps.iter().find_map(|bump| bump.unused(block))
    }

    /// Returns the granules of the block that hold objects which are not in `occupied` yet, for the verifier.
    pub(crate) fn fresh_of(&self, block: BlockPtr) -> Option<(usize, usize)> {
        self.bumps.iter().find_map(|bump| bump.fresh(block))
    }

    pub(crate) fn objects_allocated(&self) -> usize {
        self.bumps.iter().map(|bump| bump.objects.get()).sum::<usize>() + self.counters.large_objects.get()
    }

    /// Books the live and dead objects of a cycle whose marking has ended. Called before the flip, with all holes
    /// retired.
    pub(crate) fn book_cycle(&self, work: usize, incremental: bool) {
        let allocated = self.objects_allocated();
        let objects = self.marker.objects.get() + (allocated - self.black_from.get());
        let born_black = self.born_black.replace(0);
        let bytes = self.marker.granules.get() * GRANULE + born_black;
        let before = self.lived.get() + (allocated - self.allocated_then.get());
        let dead = self.pacer.heap().saturating_sub(bytes);
        let c = &self.counters;
        c.objects_freed.set(c.objects_freed.get() + before.saturating_sub(objects) as u64);
        c.bytes_freed.set(c.bytes_freed.get() + dead as u64);
        c.objects_marked.set(c.objects_marked.get() + self.marker.objects.get() as u64);
        c.bytes_marked.set(c.bytes_marked.get() + (self.marker.granules.get() * GRANULE) as u64);
        c.bytes_floating.set((!incremental).then_some(0));
        self.lived.set(objects);
        self.allocated_then.set(allocated);
        let time = self.times.spent().saturating_sub(self.marked_from.get());
        self.pacer.marking_ended(bytes, born_black, work, time);
        self.tell(|| Event::Marked { bytes: bytes - born_black, born_black, dead });
        if !self.pacer.pace.automatic {
            return;
        }
        self.poll.set(true);
    }

    /// Tells the observer, if there is one, of an event.
    #[inline]
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        if self.observed.exists() {
            self.tell_observer(event());
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_observer(&self, event: Event) {
        let bytes = self.pacer.size().saturating_add(self.open_bytes());
        let (cycle, phase, goal) = (self.cycle.get(), self.phase.get(), self.pacer.goal());
        self.observed.tell(&Moment { cycle, phase, bytes, goal }, event);
    }

    /// Books an interruption of the mutator of `time`, wall-clock, checks included.
    pub(crate) fn paused(&self, time: Duration) {
        let time = self.times.paused(time);
        self.tell(|| Event::Paused(time));
    }
}
