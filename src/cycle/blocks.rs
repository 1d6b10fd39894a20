//! The blocks of a heap: those offered for allocation, those to be swept, and the arena of the free ones.

use core::ops::ControlFlow;
use std::collections::{HashSet, VecDeque};

use super::list::{BlockLine, BlockList, OwnBlocks};
use super::sweep;
use super::sweeper::{self, Job, State};
use crate::active::Session;
use crate::fault::{self, Fault};
use crate::mark::budget::Meter;
use crate::memory::{self, NoMemory};
use crate::space::arena::{Arena, Full};
use crate::space::block::{BLOCK_ROOM, BlockPtr, KINDS, Kind};
use crate::space::geometry::{GRANULE, PAGES};
use crate::sync::Arc;

/// The result of [`Blocks::sweep_some`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Swept {
    /// The budget is used up, and something is left to sweep or to drop.
    Some,
    /// The blocks that are left are held by the sweeper, or left to it.
    Waits,
    /// Nothing is left.
    All,
}

/// Where and when blocks are swept: see [`HeapBuilder::sweep`](crate::HeapBuilder::sweep). (Lazy sweep: Hughes, "A
/// semi-incremental garbage collection algorithm", Software: Practice and Experience 1982.)
///
/// ```
/// use grisaille::{Heap, Sweep};
///
/// let mut heap = Heap::builder().sweep(Sweep::Lazy).build().unwrap(); // no second thread
/// heap.enter(|cx| {
///     cx.alloc(1);
///     cx.collect();
///     assert_eq!(cx.stats().objects_freed(), 1);
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Sweep {
    /// On the sweeper's thread, while the mutator runs; the mutator takes part where it needs a block at once.
    #[default]
    Concurrent,
    /// On the mutator's thread, when it needs blocks and in the steps of phase [`Sweep`](crate::Phase::Sweep).
    Lazy,
    /// On the mutator's thread, in one pause at the end of the cycle.
    Eager,
}

/// Least free bytes of a block that is offered for allocation.
const MIN_FREE: usize = 512;
/// Least weight of a sweep task that is handed over: waking the thread takes the mutator as long as sweeping some
/// hundred blocks.
const MIN_HAND_OVER: usize = 512;
/// Weight of a block with drops to run, in blocks.
const DROPS_WEIGH: usize = 64;
/// Most blocks that an allocation sweeps before it takes new memory.
const SWEEP_AT_ALLOCATION: usize = 32;
/// Work booked for a block swept.
const BLOCK_COST: usize = 512;
/// Work booked for an object dropped.
const DROP_COST: usize = 64;

/// The blocks of a heap; see the module.
pub(crate) struct Blocks {
    pub arena: Arena,
    /// Every block that is taken and swept, without those in `own`.
    all: BlockList,
    /// Blocks with drop glue that must run on the mutator's thread, and blocks that there was no memory to list: no
    /// other thread touches these.
    own: OwnBlocks,
    /// Number of blocks in `all` with drops that may run on the sweeper's thread.
    background: usize,
    /// Swept blocks with holes, by kind and by length of run ([`line()`]).
    available: [BlockLine; 2 * KINDS],
    /// Bytes of the holes in `available`.
    offered: usize,
    job: Option<Arc<Job>>,
    /// The last sweep task, which is reused for the next one once the sweeper's thread has dropped it: a sweep needs no
    /// memory.
    old_job: Arc<Job>,
    /// Of the sweep in progress: the bitmap of the survivors, and whether freed memory is overwritten.
    occupied: usize,
    overwrite: bool,
    /// Index of the task's first block that the mutator has not visited.
    looked_at: usize,
    /// Deferred blocks of the task, which could not be registered when they were visited: held by the sweeper, or with
    /// drops to run when none may.
    put_off: VecDeque<usize>,
    /// Blocks that only the mutator sweeps and that are still to be swept in this sweep, the current one last.
    to_drop: OwnBlocks,
}

/// Returns the index in `available` of the line for a kind and a length of run.
fn line(kind: Kind, run: usize) -> usize {
    kind as usize + if run > 1 { KINDS } else { 0 }
}

/// Returns the bytes of a block that were free after its last sweep.
///
/// # Safety
/// The block must be swept, and the mutator's (I7).
unsafe fn free_in(block: BlockPtr) -> usize {
    // SAFETY: the block is the mutator's (I7): the caller's promise.
    BLOCK_ROOM - unsafe { block.front() }.live.get() as usize * GRANULE
}

impl Blocks {
    pub(crate) fn new(limit: usize) -> Result<Blocks, NoMemory> {
        let arena = Arena::new(limit)?;
        if !memory::is_there_to_share::<Job>() {
            return Err(NoMemory);
        }
        // SAFETY: the task has no blocks.
        let old_job = Arc::new(unsafe { Job::new(BlockList::default(), 0, false, false, arena.memory()) });
        Ok(Blocks {
            arena,
            all: BlockList::default(),
            own: OwnBlocks::default(),
            background: 0,
            available: Default::default(),
            offered: 0,
            job: None,
            old_job,
            occupied: 0,
            overwrite: false,
            looked_at: 0,
            put_off: VecDeque::new(),
            to_drop: OwnBlocks::default(),
        })
    }

    /// Offers up to `tries` blocks with holes, of runs of that length, until one is accepted. Returns whether one was.
    /// A refused block goes to the end of the line: it has no hole for this object, and may have one for a smaller.
    pub(crate) fn offer(
        &mut self,
        kind: Kind,
        run: usize,
        tries: usize,
        mut accepts: impl FnMut(BlockPtr) -> bool,
    ) -> bool {
        let waiting = &mut self.available[line(kind, run)];
        let mut refused = None;
        for _ in 0..tries {
            let Some(block) = waiting.pop_front() else { break };
            // All blocks were offered.
            if refused == Some(block) {
                // SAFETY: the block was just taken off this line, and no area has entered it.
                unsafe { waiting.push_front(block) };
                break;
            }
            if accepts(block) {
                // SAFETY: offered blocks are swept, and the mutator's (I7).
                self.offered -= unsafe { free_in(block) };
                return true;
            }
            refused.get_or_insert(block);
            // SAFETY: as above.
            unsafe { waiting.push_back(block) };
        }
        false
    }

    /// Sweeps a few blocks, until one with holes is found or one is free, even if other memory is free: taking new
    /// memory before a sweep is over would make the heap larger than necessary. Drops nothing: allocation runs no code
    /// of the user's.
    pub(crate) fn sweep_for(&mut self, kind: Kind, run: usize) {
        let used = self.arena.used;
        for _ in 0..SWEEP_AT_ALLOCATION {
            let found = !self.available[line(kind, run)].is_empty() || self.arena.used < used;
            if found || !self.sweep_next(false) {
                break;
            }
        }
    }

    /// Takes an empty block, the first of a run of that length whose other blocks are not used yet. At the limit,
    /// sweeps all blocks that it can.
    pub(crate) fn take(&mut self, kind: Kind, run: usize, besides: usize) -> Result<BlockPtr, Full> {
        self.take_pages(run, PAGES, kind, false, besides)
    }

    /// Takes a run of blocks for one large object, which uses `pages` pages of it.
    pub(crate) fn take_large(&mut self, pages: usize, kind: Kind, besides: usize) -> Result<BlockPtr, Full> {
        self.take_pages(pages.div_ceil(PAGES), pages, kind, true, besides)
    }

    fn take_pages(
        &mut self,
        run: usize,
        pages: usize,
        kind: Kind,
        large: bool,
        besides: usize,
    ) -> Result<BlockPtr, Full> {
        let block = loop {
            let besides = besides.saturating_add(self.bytes() + self.all.wanted());
            // SAFETY: until they are given back, blocks are in the lists of this `Blocks`, which has their arena, or in
            // a task, which has a share of the memory.
            match unsafe { self.arena.take(run, pages, kind, large, besides) } {
                Ok(block) => break block,
                Err(full) if !self.sweep_next(false) => return Err(full),
                Err(_) => {}
            }
        };
        self.file(block);
        Ok(block)
    }

    /// Lets the sweeper's thread commit the pages of the next chunk in advance, if a large heap has just grown.
    #[inline]
    pub(crate) fn look_ahead(&mut self) {
        if let Some((base, bytes)) = self.arena.make_ahead() {
            // SAFETY: the chunk is of this arena, whose memory that is.
            unsafe { sweeper::have_pages_taken(base, bytes, self.arena.memory()) };
        }
    }

    /// Starts a sweep: all blocks are unswept from here on. The marker must have flipped, and no hole be open (I2).
    /// Constant time, except for waking the thread.
    pub(crate) fn start_sweep(&mut self, occupied: usize, mode: Sweep, overwrite: bool) {
        debug_assert!(self.is_swept(), "a cycle ended before the last one was swept");
        self.available = Default::default();
        self.offered = 0;
        let blocks = core::mem::take(&mut self.all);
        self.to_drop = core::mem::take(&mut self.own);
        let weight = blocks.len() + core::mem::take(&mut self.background) * DROPS_WEIGH;
        // Under stress every task is handed over, so that small heaps test the hand-over too.
        let concurrent = mode == Sweep::Concurrent && (weight >= MIN_HAND_OVER || overwrite);
        // Without a thread the mutator sweeps, by the same code.
        let handed_over = concurrent && sweeper::takes_orders();
        (self.occupied, self.overwrite, self.looked_at) = (occupied, overwrite, 0);
        // The sweeper's thread may still have the last task. Without memory for another the mutator sweeps.
        if Arc::get_mut(&mut self.old_job).is_none() && !memory::is_there_to_share::<Job>() {
            // SAFETY: as below, and the blocks are in no task: the mutator's (I7).
            blocks.iter().for_each(|block| unsafe { self.to_drop.push(block) });
            return;
        }
        // SAFETY: the blocks are this arena's, without those in `own`. The last task is done (each of its blocks was
        // registered), the lines are dropped, and no hole is open (I2): blocks are touched only through the task (I7).
        let job = unsafe { Job::new(blocks, occupied, overwrite, handed_over, self.arena.memory()) };
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
    pub(crate) fn is_swept(&self) -> bool {
        self.job.is_none() && self.to_drop.is_empty()
    }

    /// Visits the next block of the task: sweeps it if no thread has, and registers it once it is swept. With
    /// `may_drop`, also if that runs code of the user's. Returns false when only blocks held by the sweeper, or blocks
    /// with pending drops, remain.
    fn sweep_next(&mut self, may_drop: bool) -> bool {
        let Some(job) = self.job.clone() else { return false };
        if self.looked_at < job.len() {
            let swept = self.look_at(self.looked_at, &job, may_drop);
            if !swept {
                // Without memory to defer it, the block is visited again next time.
                if !self.make_room_to_put_off() {
                    return false;
                }
                self.put_off.push_back(self.looked_at);
            }
            self.looked_at += 1;
            return true;
        }
        if may_drop {
            // The sweeper holds one block at a time.
            for _ in 0..self.put_off.len().min(2) {
                if let Some(index) = self.put_off.pop_front() {
                    if self.look_at(index, &job, may_drop) {
                        return true;
                    }
                    self.put_off.push_back(index);
                }
            }
        }
        if self.put_off.is_empty() && self.to_drop.is_empty() {
            self.job = None;
        }
        false
    }

    /// Returns whether the next block of the task is left to the sweeper.
    fn next_is_unswept(&self) -> bool {
        self.job.as_ref().is_some_and(|job| {
            job.handed_over
                && self.looked_at < job.len()
                && job.state(self.looked_at) != State::Swept
                && !job.has_lost_its_sweeper()
        })
    }

    /// Returns the number of dead objects of the task that were dropped so far, on whatever thread.
    pub(crate) fn dropped(&self) -> usize {
        self.job.as_ref().map_or(0, |job| job.dropped())
    }

    fn make_room_to_put_off(&mut self) -> bool {
        self.put_off.len() < self.put_off.capacity()
            || memory::may_allocate() && self.put_off.try_reserve(self.put_off.len().max(8)).is_ok()
    }

    /// Visits a block of the task. Returns false when the block must be deferred.
    fn look_at(&mut self, index: usize, job: &Job, may_drop: bool) -> bool {
        let block = job.block(index);
        if block.kind() == Kind::Plain {
            if let Some(claim) = job.claim(index) {
                claim.sweep();
            }
        } else if may_drop && let Some(claim) = job.claim(index) {
            let _suspended = Session::suspend();
            claim.sweep();
        }
        if job.state(index) == State::Sweeping
            && let Some(claim) = job.inherit(index)
        {
            claim.sweep();
            if fault::is(Fault::OrphansAreGivenUp) {
                return true;
            }
        }
        let swept = job.state(index) == State::Swept;
        if swept {
            // SAFETY: the block is swept, and so the mutator's (I7); each block of a task is visited until it is, and
            // not again.
            unsafe { self.take_over(block) };
        }
        swept
    }

    #[cfg(test)]
    pub(crate) fn offer_for_tests(&mut self, block: BlockPtr) {
        // SAFETY: the block is new and empty.
        unsafe {
            self.offered += free_in(block);
            self.available[line(block.kind(), block.run())].push_front(block);
        }
    }

    #[cfg(test)]
    pub(crate) fn recount_offered(&mut self) {
        self.offered = self
            .available
            .iter()
            .flat_map(BlockLine::iter)
            // SAFETY: offered blocks are swept, and the mutator's (I7).
            .map(|block| unsafe { free_in(block) })
            .sum();
    }

    /// Registers a swept block, or gives it back if it is empty.
    ///
    /// # Safety
    /// The block must be this heap's, swept, the mutator's (I7), and in no list.
    pub(crate) unsafe fn take_over(&mut self, block: BlockPtr) {
        // SAFETY: the block is the mutator's (I7): the caller's promise.
        if unsafe { block.front() }.live.get() == 0 {
            // SAFETY: the block has no live object, and is in no list: the caller's promise.
            unsafe { self.arena.give_back(block) };
            return;
        }
        self.file(block);
        // SAFETY: the block is the mutator's (I7): the caller's promise.
        let free = unsafe { free_in(block) };
        // In a run, free bytes at the end of the first block may have more behind them.
        let least = if block.run() > 1 { GRANULE } else { MIN_FREE };
        if !block.is_large() && free >= least {
            self.offered += free;
            // SAFETY: the block was in no list, and so in no line; it is the mutator's (I7) until the next sweep, which
            // drops the lines.
            unsafe { self.available[line(block.kind(), block.run())].push_front(block) };
        }
    }

    fn file(&mut self, block: BlockPtr) {
        if block.kind() == Kind::Drop || self.all.push(block).is_err() {
            // SAFETY: the block is in no other list, and in no task until it is popped: the mutator's (I7).
            unsafe { self.own.push(block) };
        } else {
            self.background += usize::from(block.kind() == Kind::BackgroundDrop);
        }
    }

    /// Sweeps within the budget, drops included. Without `take_part`, leaves blocks that the sweeper has not reached
    /// yet to it, and only registers those that it has swept.
    pub(crate) fn sweep_some(&mut self, meter: &mut Meter, take_part: bool) -> Swept {
        while !meter.exhausted() {
            if let Some(block) = self.to_drop.last() {
                self.drop_some(block, meter);
            } else if !take_part && self.next_is_unswept() {
                return Swept::Waits;
            } else if self.sweep_next(true) {
                meter.spend(BLOCK_COST);
            } else if self.job.is_none() {
                return Swept::All;
            } else if self.to_drop.is_empty() {
                return Swept::Waits;
            }
        }
        if self.is_swept() { Swept::All } else { Swept::Some }
    }

    /// Drops the dead of a block within the budget, then sweeps the block. The session is suspended meanwhile: drop
    /// code may enter another heap. If it panics, the resume position is past the object.
    fn drop_some(&mut self, block: BlockPtr, meter: &mut Meter) {
        let (occupied, overwrite) = (self.occupied, self.overwrite);
        let _suspended = Session::suspend();
        // SAFETY: blocks of this kind are the mutator's in every state (I7), and the sweeper leaves them alone.
        let flow = unsafe {
            if block.kind() == Kind::Plain {
                ControlFlow::Continue(())
            } else {
                sweep::each_dead(block, occupied, |object| {
                    if block.kind() == Kind::BackgroundDrop {
                        // Panics are caught, as on the sweeper's thread. `TypeInfo::drop`: the object is dead, its drop
                        // may run on any thread, and the resume position is past it (I6).
                        sweep::drop_caught(object);
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
            self.take_over(block);
        }
        meter.spend(BLOCK_COST);
    }

    /// Iterates over the registered blocks: all that are taken while no sweep is in progress.
    pub(crate) fn each(&self) -> impl Iterator<Item = BlockPtr> + '_ {
        self.all.iter().chain(self.own.iter())
    }

    /// Iterates over the blocks of a sweep that are not registered yet, for the verifier: with `each`, all that are
    /// taken.
    pub(crate) fn unfiled(&self) -> impl Iterator<Item = BlockPtr> + '_ {
        let of_job = self.job.iter().flat_map(|job| {
            let put_off = self.put_off.iter().map(|&index| job.block(index));
            put_off.chain((self.looked_at..job.len()).map(|index| job.block(index)))
        });
        of_job.chain(self.to_drop.iter())
    }

    /// Checks that each block is in the list that its state demands, once, and returns what is wrong, for the verifier.
    pub(crate) fn complaint(&self) -> Option<String> {
        let filed: HashSet<BlockPtr> = self.each().collect();
        let mut offered = HashSet::new();
        for (number, waiting) in self.available.iter().enumerate() {
            for block in waiting.iter() {
                if !filed.contains(&block) || !offered.insert(block) {
                    return Some(format!("{block:?} is offered for allocation, and not filed, or offered twice"));
                }
                // SAFETY: blocks that are offered are the mutator's (I7).
                let live = unsafe { block.front() }.live.get();
                if block.is_large() || line(block.kind(), block.run()) != number || live == 0 {
                    return Some(format!("{block:?} is offered for objects of another kind than it holds"));
                }
            }
        }
        // SAFETY: offered blocks are swept, and the mutator's (I7).
        let holes: usize = offered.iter().map(|&block| unsafe { free_in(block) }).sum();
        if holes != self.offered {
            return Some(format!("{holes} bytes are offered, and the count is {}", self.offered));
        }
        let background = self.all.iter().filter(|block| block.kind() == Kind::BackgroundDrop).count();
        if background != self.background {
            return Some(format!("{background} blocks have background drops, and the count is {}", self.background));
        }
        if let Some(block) = self.all.iter().find(|block| block.kind() == Kind::Drop) {
            return Some(format!("{block:?} is listed with those that may be swept on another thread"));
        }
        let Some(job) = &self.job else {
            let idle = self.put_off.is_empty();
            return (!idle).then(|| "blocks wait for a sweep that is over".into());
        };
        let put_off: HashSet<usize> = self.put_off.iter().copied().collect();
        if put_off.len() != self.put_off.len() || put_off.iter().any(|&index| index >= self.looked_at) {
            return Some("a block is put off twice, or before it was looked at".into());
        }
        for index in 0..job.len() {
            let (block, state) = (job.block(index), job.state(index));
            let expected = if index < self.looked_at && !put_off.contains(&index) {
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

    /// Digests the blocks, in the order of each list, with their bitmaps. The objects in them are digested by
    /// [`Collector::digest`](super::collector::Collector::digest).
    #[cfg(grisaille_faults)]
    pub(crate) fn digest(&self, marker: &crate::mark::marker::Marker, digest: &mut crate::space::digest::Digest<'_>) {
        let Blocks {
            arena,
            all,
            own,
            background,
            available,
            offered: _,
            job,
            old_job: _,
            occupied: _,
            overwrite: _,
            looked_at,
            put_off,
            to_drop,
        } = self;
        arena.digest(digest);
        digest.number(*background);
        let lists = [all.iter().collect(), own.iter().collect(), to_drop.iter().collect()];
        let lines = available.iter().map(|line| line.iter().collect::<Vec<_>>());
        for list in lists.into_iter().chain(lines) {
            digest.number(list.len());
            list.into_iter().for_each(|block| digest.block(block));
        }
        digest.flag(job.is_some());
        if let Some(job) = job {
            // No other thread has the task: every swept block was visited.
            debug_assert!(!job.handed_over, "the future depends on another thread");
            digest.number(job.len());
            digest.number(*looked_at);
            put_off.iter().for_each(|&index| digest.number(index));
            digest.flag(job.occupied == marker.occupied());
        }
        for block in self.each().chain(self.unfiled()) {
            digest.block(block);
            digest.number(block.kind() as usize);
            digest.flag(block.is_large());
            digest.number(block.run());
            // SAFETY: no other thread has a block of this heap (asserted above).
            let front = unsafe { block.front() };
            digest.flag(front.mark_stack_overflowed.get());
            digest.number(front.live.get() as usize);
            digest.number(front.dropped_to.get() as usize);
            for bitmap in [marker.occupied(), marker.marked()] {
                // SAFETY: no other thread has a block of this heap (asserted above); the borrow ends with the call.
                digest.bits(unsafe { block.bits(bitmap) });
            }
        }
    }

    /// Drops every object with drop glue that was not dropped yet, dead or alive, of a heap that is being dropped. All
    /// holes must be retired, so that `occupied` has every object.
    pub(crate) fn drop_everything(&mut self, occupied: usize) {
        let _suspended = Session::suspend();
        while let Some(block) = self.to_drop.pop() {
            if block.kind() == Kind::Plain {
                continue;
            }
            // SAFETY: no other thread touches the block (I7); from the resume position on no object was dropped (I6).
            // `TypeInfo::drop`: the heap is gone, and this is the mutator's thread.
            unsafe {
                let _ = sweep::each_dead(block, self.occupied, |object| {
                    sweep::drop_caught(object);
                    ControlFlow::Continue(())
                });
                sweep::drop_all(block, self.occupied);
            }
        }
        if let Some(job) = self.job.take() {
            let put_off = core::mem::take(&mut self.put_off);
            for index in put_off.into_iter().chain(self.looked_at..job.len()) {
                if let Some(claim) = job.claim(index).or_else(|| job.inherit(index)) {
                    claim.sweep();
                }
                // A block that the sweeper holds is left to it, with its survivors.
                let block = job.block(index);
                // SAFETY: the heap is being dropped, and a block that was left to the sweeper is not touched again.
                if !unsafe { job.abandon(index) } && block.kind() != Kind::Plain {
                    // SAFETY: the block is swept, and so the mutator's (I7). Its survivors were not dropped.
                    unsafe { sweep::drop_all(block, job.occupied) };
                }
            }
        }
        for block in self.each() {
            if block.kind() != Kind::Plain {
                // SAFETY: swept blocks are the mutator's (I7). No list changes meanwhile: drop code cannot reach the
                // heap.
                unsafe { sweep::drop_all(block, occupied) };
            }
        }
    }

    /// Returns the bytes of memory that the lists of blocks and the maps of chunks take.
    pub(crate) fn bytes(&self) -> usize {
        // `old_job` is the present task, or keeps its list until the next.
        self.all.bytes()
            + self.old_job.bytes()
            + self.put_off.capacity() * size_of::<usize>()
            + self.arena.bytes_of_maps()
    }

    /// Returns whether the limit leaves room for `bytes` bytes outside.
    pub(crate) fn has_room_besides(&self, bytes: usize) -> bool {
        self.arena.used.saturating_add(bytes).saturating_add(self.bytes()) <= self.arena.limit
    }

    /// Returns the bytes that may be allocated without a sweep: those that the limit leaves, and holes. `besides` bytes
    /// count towards the limit too.
    pub(crate) fn free(&self, besides: usize) -> usize {
        let taken = self.arena.used.saturating_add(besides).saturating_add(self.bytes());
        self.arena.limit.saturating_sub(taken).saturating_add(self.offered)
    }

    /// Returns the bytes of blocks that are taken.
    pub(crate) fn used(&self) -> usize {
        self.arena.used
    }
}
