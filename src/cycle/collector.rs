//! The collector's state, and its books. What the mutator asks of it is in `allocate`, `room` and `write_barrier`.

use core::cell::{Cell, RefCell};
use std::time::Duration;

use super::blocks::{Blocks, Sweep};
use super::pace::{Pace, Pacer};
use super::phase::Phase;
use super::times::Times;
use super::weak::WeakTable;
use crate::mark::marker::Marker;
use crate::memory::NoMemory;
use crate::roots::set::RootSet;
use crate::space::block::{BlockPtr, KINDS};
use crate::space::geometry::GRANULE;
use crate::space::header::ObjectPtr;
use crate::space::holes::Bump;

/// The mark stack takes no more than one in so many bytes of the limit.
const STACK_SHARE: usize = 64;

/// The colour in which objects are allocated just now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BirthColor {
    White,
    /// Holes are marked ahead.
    Black,
}

/// Who looks at the heap in the middle of its work. The cycle does not know who that is: `observe` does.
#[derive(Clone, Copy)]
pub(crate) struct Inspector {
    /// It has just been decided what dies, and the mutator has not run since.
    pub decided: fn(&Collector),
    /// A step has ended: every so many. 0: none.
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

/// Everything of one heap but its type.
pub(crate) struct Collector {
    /// The heap's barriers are on: between the start of marking, or where there is a window its end, and the decision
    /// what dies.
    pub marking: Cell<bool>,
    /// Writes to roots are looked at.
    pub watch_roots: Cell<bool>,
    /// The next safepoint has something to do.
    pub poll: Cell<bool>,
    /// The window is open: some root is unscanned. It closes in a step only.
    pub window: Cell<bool>,
    /// It is decided what dies, and the sweep has not begun: unmarked objects may not be upgraded.
    pub liveness_decided: Cell<bool>,
    /// The cycle in which an allocation was refused last, until one that started later has ended.
    pub refused: Cell<Option<u64>>,
    pub(super) birth: Cell<BirthColor>,
    pub phase: Cell<Phase>,
    /// Three areas a kind: small objects, medium ones, and big ones.
    pub(super) bumps: [Bump; 3 * KINDS],
    pub marker: Marker,
    pub roots: RootSet,
    pub blocks: RefCell<Blocks>,
    /// Interned strings.
    pub strings: RefCell<WeakTable>,
    pub pacer: Pacer,
    pub counters: Counters,
    pub times: Times,
    /// The number of the cycle, which roots name when they are scanned.
    pub cycle: Cell<u64>,
    pub id: u64,
    pub sweep: Cell<Sweep>,
    pub stress: bool,
    /// Safepoints in this cycle, under stress.
    pub(super) stressed: Cell<u32>,
    /// Bytes and objects that were born black in this cycle.
    pub(super) born_black: Cell<usize>,
    /// Objects allocated when black births began.
    pub(super) black_from: Cell<usize>,
    /// Objects that lived at the end of the last marking, and how many had been allocated then.
    pub(super) lived: Cell<usize>,
    pub(super) allocated_then: Cell<usize>,
    /// Work that marking took in this cycle.
    pub mark_work: Cell<usize>,
    /// How far phase `Release` has come.
    pub released: Cell<usize>,
    /// The chunk from which on idle time gives memory back.
    pub(super) idle_at: Cell<usize>,
    /// Who looks on.
    pub inspector: Cell<Option<Inspector>>,
}

impl Collector {
    pub fn new(
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
            liveness_decided: Cell::new(false),
            refused: Cell::new(None),
            stressed: Cell::new(0),
            birth: Cell::new(BirthColor::White),
            phase: Cell::new(Phase::Idle),
            bumps: core::array::from_fn(|_| Bump::new()),
            // Marking goes on without room for more, if slower.
            marker: Marker::new(mark_stack.min(pace.limit / STACK_SHARE / size_of::<ObjectPtr>()))?,
            roots: RootSet::new(),
            blocks: RefCell::new(Blocks::new(pace.limit)?),
            strings: RefCell::new(WeakTable::new()),
            pacer: Pacer::new(pace, incremental)?,
            counters: Counters::default(),
            times: Times::default(),
            cycle: Cell::new(0),
            id: crate::active::fresh_id(),
            sweep: Cell::new(sweep),
            stress,
            born_black: Cell::new(0),
            black_from: Cell::new(0),
            lived: Cell::new(0),
            allocated_then: Cell::new(0),
            mark_work: Cell::new(0),
            released: Cell::new(0),
            idle_at: Cell::new(0),
            inspector: Cell::new(None),
        })
    }

    /// Bytes allocated in the open holes and not booked yet.
    pub fn open_bytes(&self) -> usize {
        self.bumps.iter().map(Bump::taken).sum()
    }

    /// Whether the mutator may go on before the next step of the cycle, though `poll` says that safepoints have to look.
    #[cold]
    #[inline(never)]
    pub fn is_between_steps(&self) -> bool {
        self.phase.get() != Phase::Idle
            && !self.stress
            && self.refused.get().is_none()
            && !self.is_short()
            && self.pacer.is_too_early(self.open_bytes())
    }

    /// The granules of the block that a walk must skip: allocated by nobody, whatever the bitmaps say (I3).
    pub fn unused_of(&self, block: BlockPtr) -> Option<(usize, usize)> {
        self.bumps.iter().find_map(|bump| bump.unused(block))
    }

    /// The granules of the block that hold objects which `occupied` does not name yet, for the verifier.
    pub fn fresh_of(&self, block: BlockPtr) -> Option<(usize, usize)> {
        self.bumps.iter().find_map(|bump| bump.fresh(block))
    }

    pub fn objects_allocated(&self) -> usize {
        self.bumps.iter().map(|bump| bump.objects.get()).sum::<usize>() + self.counters.large_objects.get()
    }

    /// Marking has ended: books what lives and what dies. Called before the flip, with all holes retired.
    pub fn book_cycle(&self, work: usize, incremental: bool) {
        let allocated = self.objects_allocated();
        let objects = self.marker.objects.get() + (allocated - self.black_from.get());
        let born_black = self.born_black.replace(0);
        let bytes = self.marker.granules.get() * GRANULE + born_black;
        let before = self.lived.get() + (allocated - self.allocated_then.get());
        let c = &self.counters;
        c.objects_freed.set(c.objects_freed.get() + before.saturating_sub(objects) as u64);
        c.bytes_freed.set(c.bytes_freed.get() + self.pacer.heap().saturating_sub(bytes) as u64);
        c.objects_marked.set(c.objects_marked.get() + self.marker.objects.get() as u64);
        c.bytes_marked.set(c.bytes_marked.get() + (self.marker.granules.get() * GRANULE) as u64);
        c.bytes_floating.set((!incremental).then_some(0));
        self.lived.set(objects);
        self.allocated_then.set(allocated);
        let time = self.times.in_phase(Phase::Mark) + self.times.in_phase(Phase::MarkTermination);
        self.pacer.marking_ended(bytes, born_black, work, time);
        if !self.pacer.pace.automatic {
            return;
        }
        self.poll.set(true);
    }

    /// Books an interruption of the mutator.
    pub fn paused(&self, time: Duration) {
        self.times.paused(time);
    }
}
