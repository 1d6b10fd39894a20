//! [`Sweeping`]: the mutator's side of the sweep in progress. (The other side, with the blocks that both share, is
//! [`sweeper`](super::sweeper).)

use core::ops::ControlFlow;
use std::collections::{HashSet, VecDeque};

use super::drop_glue;
use super::list::{BlockList, OwnBlocks};
use super::registry::{Registry, Unregistered};
use super::sweep::{self, Sweep};
use super::sweeper::{self, Job, State};
use crate::active::Session;
use crate::fault::{self, Fault};
use crate::mark::budget::Meter;
use crate::memory::{self, NoMemory};
use crate::space::arena::Arena;
use crate::space::block::{BlockPtr, Kind};
use crate::sync::Arc;

/// Least weight of a sweep task that is handed over: waking the thread takes the mutator as long as sweeping some
/// hundred blocks.
const MIN_HAND_OVER: usize = 512;
/// Weight of a block with drops to run, in blocks.
const DROPS_WEIGH: usize = 64;
/// Work booked for a block swept.
const BLOCK_COST: usize = 512;
/// Work booked for an object dropped.
const DROP_COST: usize = 64;

/// The result of [`Sweeping::sweep_some`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Swept {
    /// The budget is used up, and something is left to sweep or to drop.
    Some,
    /// The blocks that are left are held by the sweeper, or left to it.
    Waits,
    /// Nothing is left.
    All,
}

/// Whether drop glue may run in a visit to a block: a safepoint may run code of the user's, an allocation may not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum DropGlue {
    MayRun,
    MustWait,
}

/// The result of a visit to a block of the task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Visit {
    /// The block is swept and registered.
    Done,
    /// The block is visited again later: the sweeper holds it, or it has drops to run and none may.
    Deferred,
    /// No block was visited: those that are left are held by the sweeper, or have drops to run.
    NoneLeft,
}

/// The mutator's side of the sweep in progress, if there is one.
pub(super) struct Sweeping {
    job: Option<Arc<Job>>,
    /// The last sweep task, which is reused for the next one once the sweeper's thread has dropped it: a sweep needs no
    /// memory.
    old_job: Arc<Job>,
    /// The bitmap of the survivors, and whether freed memory is overwritten.
    occupied: usize,
    overwrite: bool,
    /// Index of the task's first block that the mutator has not visited.
    next: usize,
    /// The deferred blocks of the task.
    deferred: VecDeque<usize>,
    /// Blocks that only the mutator sweeps and that are still to be swept in this sweep, the current one last.
    to_drop: OwnBlocks,
}

impl Sweeping {
    pub(super) fn new(arena: &Arena) -> Result<Sweeping, NoMemory> {
        if !memory::is_there_to_share::<Job>() {
            return Err(NoMemory);
        }
        // SAFETY: the task has no blocks.
        let old_job = Arc::new(unsafe { Job::new(BlockList::default(), 0, false, false, arena.memory()) });
        Ok(Sweeping {
            job: None,
            old_job,
            occupied: 0,
            overwrite: false,
            next: 0,
            deferred: VecDeque::new(),
            to_drop: OwnBlocks::default(),
        })
    }

    /// Starts a sweep. Constant time, except for waking the thread.
    ///
    /// # Safety
    /// `blocks` must be all blocks of the arena, swept and the mutator's, and no hole be open (I2, I7). From here on the
    /// caller must touch a block only when this registers it. `occupied` must be the bitmap of the survivors, and the
    /// other one parse (I3).
    pub(super) unsafe fn start(
        &mut self,
        blocks: Unregistered,
        arena: &Arena,
        occupied: usize,
        mode: Sweep,
        overwrite: bool,
    ) {
        let Unregistered { shared, own, background } = blocks;
        self.to_drop = own;
        let weight = shared.len() + background * DROPS_WEIGH;
        // Under stress every task is handed over, so that small heaps test the hand-over too.
        let concurrent = mode == Sweep::Concurrent && (weight >= MIN_HAND_OVER || overwrite);
        // Without a thread the mutator sweeps, by the same code.
        let handed_over = concurrent && sweeper::takes_orders();
        (self.occupied, self.overwrite, self.next) = (occupied, overwrite, 0);
        // The sweeper's thread may still have the last task. Without memory for another the mutator sweeps.
        if Arc::get_mut(&mut self.old_job).is_none() && !memory::is_there_to_share::<Job>() {
            // SAFETY: as below, and the blocks are in no task: the mutator's (I7).
            shared.iter().for_each(|block| unsafe { self.to_drop.push(block) });
            return;
        }
        // SAFETY: the blocks are this arena's, without those in `own`. The last task is done (each of its blocks was
        // registered), and blocks are touched only through the task (I7): the caller's promise.
        let job = unsafe { Job::new(shared, occupied, overwrite, handed_over, arena.memory()) };
        match Arc::get_mut(&mut self.old_job) {
            Some(old) => *old = job,
            None => self.old_job = Arc::new(job),
        }
        if handed_over && !sweeper::hand_over(&self.old_job) {
            // No other thread has it: the share that was to be sent is gone.
            Arc::get_mut(&mut self.old_job).expect("a task that was refused").handed_over = false;
        }
        self.job = Some(self.old_job.clone());
    }

    /// Returns whether no block is unswept, undropped, or held by the sweeper.
    pub(super) fn is_over(&self) -> bool {
        self.job.is_none() && self.to_drop.is_empty()
    }

    /// Visits the next block of the task: sweeps it if no thread has, and registers it once it is swept.
    pub(super) fn visit_next(&mut self, registry: &mut Registry, glue: DropGlue) -> Visit {
        let Some(job) = self.job.clone() else { return Visit::NoneLeft };
        if self.next < job.len() {
            let visit = Self::visit(registry, &job, self.next, glue);
            if visit == Visit::Deferred {
                // Without memory to defer it, the block is visited again next time.
                if !self.make_room_to_defer() {
                    return Visit::NoneLeft;
                }
                self.deferred.push_back(self.next);
            }
            self.next += 1;
            return visit;
        }
        if glue == DropGlue::MayRun {
            // The sweeper holds one block at a time.
            for _ in 0..self.deferred.len().min(2) {
                if let Some(index) = self.deferred.pop_front() {
                    if Self::visit(registry, &job, index, glue) == Visit::Done {
                        return Visit::Done;
                    }
                    self.deferred.push_back(index);
                }
            }
        }
        if self.deferred.is_empty() && self.to_drop.is_empty() {
            self.job = None;
        }
        Visit::NoneLeft
    }

    /// Visits a block of the task.
    fn visit(registry: &mut Registry, job: &Job, index: usize, glue: DropGlue) -> Visit {
        let block = job.block(index);
        if block.kind() == Kind::Plain {
            if let Some(claim) = job.claim(index) {
                claim.sweep();
            }
        } else if glue == DropGlue::MayRun
            && let Some(claim) = job.claim(index)
        {
            let _suspended = Session::suspend();
            claim.sweep();
        }
        if job.state(index) == State::Sweeping
            && let Some(claim) = job.inherit(index)
        {
            claim.sweep();
            if fault::is(Fault::OrphansAreGivenUp) {
                return Visit::Done;
            }
        }
        if job.state(index) != State::Swept {
            return Visit::Deferred;
        }
        // SAFETY: the block is swept, and so the mutator's (I7); each block of a task is visited until it is, and not
        // again.
        unsafe { registry.register(block) };
        Visit::Done
    }

    fn make_room_to_defer(&mut self) -> bool {
        self.deferred.len() < self.deferred.capacity()
            || memory::may_allocate() && self.deferred.try_reserve(self.deferred.len().max(8)).is_ok()
    }

    /// Returns whether the next block of the task is left to the sweeper.
    fn next_is_unswept(&self) -> bool {
        self.job.as_ref().is_some_and(|job| {
            job.handed_over
                && self.next < job.len()
                && job.state(self.next) != State::Swept
                && !job.has_lost_its_sweeper()
        })
    }

    /// Returns the number of dead objects of the task that were dropped so far, on whatever thread.
    pub(super) fn dropped(&self) -> usize {
        self.job.as_ref().map_or(0, |job| job.dropped())
    }

    /// Sweeps within the budget, drops included. Without `take_part`, leaves blocks that the sweeper has not reached
    /// yet to it, and only registers those that it has swept.
    pub(super) fn sweep_some(&mut self, registry: &mut Registry, meter: &mut Meter, take_part: bool) -> Swept {
        while !meter.exhausted() {
            if let Some(block) = self.to_drop.last() {
                self.drop_some(registry, block, meter);
            } else if !take_part && self.next_is_unswept() {
                return Swept::Waits;
            } else if self.visit_next(registry, DropGlue::MayRun) != Visit::NoneLeft {
                meter.spend(BLOCK_COST);
            } else if self.job.is_none() {
                return Swept::All;
            } else if self.to_drop.is_empty() {
                return Swept::Waits;
            }
        }
        if self.is_over() { Swept::All } else { Swept::Some }
    }

    /// Drops the dead of a block within the budget, then sweeps the block. The session is suspended meanwhile: drop
    /// code may enter another heap. If it panics, the resume position is past the object.
    fn drop_some(&mut self, registry: &mut Registry, block: BlockPtr, meter: &mut Meter) {
        let (occupied, overwrite) = (self.occupied, self.overwrite);
        let _suspended = Session::suspend();
        // SAFETY: blocks of this kind are the mutator's in every state (I7), and the sweeper leaves them alone.
        let flow = unsafe {
            if block.kind() == Kind::Plain {
                ControlFlow::Continue(())
            } else {
                drop_glue::each_dead(block, occupied, |object| {
                    if block.kind() == Kind::BackgroundDrop {
                        // Panics are caught, as on the sweeper's thread. `TypeInfo::drop`: the object is dead, its drop
                        // may run on any thread, and the resume position is past it (I6).
                        drop_glue::drop_caught(object);
                    } else if let Some(drop) = object.info().drop {
                        // SAFETY: `TypeInfo::drop`: the object is dead, this is the mutator's thread, and the resume
                        // position is past it (I6).
                        drop(object);
                        if fault::is(Fault::DropsTwice) {
                            drop(object);
                        }
                    }
                    if meter.spend(DROP_COST) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })
            }
        };
        if flow.is_break() {
            return;
        }
        self.to_drop.pop();
        // SAFETY: as above. The block was in `to_drop`, and is in no list.
        unsafe {
            sweep::sweep(block, occupied, overwrite);
            registry.register(block);
        }
        meter.spend(BLOCK_COST);
    }

    /// Drops every object with drop glue of the blocks that are not registered, if it was not dropped yet, dead or
    /// alive, of a heap that is being dropped.
    ///
    /// # Safety
    /// This must be the mutator's thread, and no object be used from here on.
    pub(super) unsafe fn drop_everything(&mut self) {
        while let Some(block) = self.to_drop.pop() {
            if block.kind() == Kind::Plain {
                continue;
            }
            // SAFETY: no other thread touches the block (I7); from the resume position on no object was dropped (I6).
            // `TypeInfo::drop`: the heap is gone, and this is the mutator's thread.
            unsafe {
                let _ = drop_glue::each_dead(block, self.occupied, |object| {
                    drop_glue::drop_caught(object);
                    ControlFlow::Continue(())
                });
                drop_glue::drop_all(block, self.occupied);
            }
        }
        if let Some(job) = self.job.take() {
            let deferred = core::mem::take(&mut self.deferred);
            for index in deferred.into_iter().chain(self.next..job.len()) {
                if let Some(claim) = job.claim(index).or_else(|| job.inherit(index)) {
                    claim.sweep();
                }
                // A block that the sweeper holds is left to it, with its survivors.
                let block = job.block(index);
                // SAFETY: the heap is being dropped, and a block that was left to the sweeper is not touched again.
                if !unsafe { job.abandon(index) } && block.kind() != Kind::Plain {
                    // SAFETY: the block is swept, and so the mutator's (I7). Its survivors were not dropped.
                    unsafe { drop_glue::drop_all(block, job.occupied) };
                }
            }
        }
    }

    /// Returns the bytes of memory that the lists of blocks take.
    pub(super) fn bytes(&self) -> usize {
        // `old_job` is the present task, or keeps its list until the next.
        self.old_job.bytes() + self.deferred.capacity() * size_of::<usize>()
    }

    /// Iterates over the blocks that are not registered yet.
    pub(super) fn iter(&self) -> impl Iterator<Item = BlockPtr> + '_ {
        let of_job = self.job.iter().flat_map(|job| {
            let deferred = self.deferred.iter().map(|&index| job.block(index));
            deferred.chain((self.next..job.len()).map(|index| job.block(index)))
        });
        of_job.chain(self.to_drop.iter())
    }

    /// Checks that each block of the task is in a state that it may be in, and returns what is wrong, for the verifier.
    pub(super) fn complaint(&self) -> Option<String> {
        let Some(job) = &self.job else {
            let idle = self.deferred.is_empty();
            return (!idle).then(|| "blocks wait for a sweep that is over".into());
        };
        let deferred: HashSet<usize> = self.deferred.iter().copied().collect();
        if deferred.len() != self.deferred.len() || deferred.iter().any(|&index| index >= self.next) {
            return Some("a block is deferred twice, or before it was visited".into());
        }
        for index in 0..job.len() {
            let (block, state) = (job.block(index), job.state(index));
            let expected = if index < self.next && !deferred.contains(&index) {
                state == State::Swept
            } else {
                // In whatever state the sweeper left it; unswept, if the task was not handed over.
                state != State::Abandoned && (job.handed_over || state == State::Unswept)
            };
            if !expected {
                return Some(format!("{block:?} is {state:?} where it should not be"));
            }
        }
        None
    }

    /// Digests which blocks are still to be visited.
    #[cfg(grisaille_faults)]
    pub(super) fn digest(&self, occupied: usize, digest: &mut crate::space::digest::Digest<'_>) {
        let Sweeping { job, old_job: _, occupied: _, overwrite: _, next, deferred, to_drop } = self;
        digest.number(to_drop.iter().count());
        to_drop.iter().for_each(|block| digest.block(block));
        digest.flag(job.is_some());
        if let Some(job) = job {
            // No other thread has the task: every swept block was visited.
            debug_assert!(!job.handed_over, "the future depends on another thread");
            digest.number(job.len());
            digest.number(*next);
            deferred.iter().for_each(|&index| digest.number(index));
            digest.flag(job.occupied == occupied);
        }
    }
}
