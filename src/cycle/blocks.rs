//! The blocks of a heap: which can be allocated in, which wait for a sweep, which are free.

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

/// How far a call of [`Blocks::sweep_some`] came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Swept {
    /// The budget is used up, and something is left to sweep or to drop.
    Some,
    /// What is left is in the sweeper's hands, or left to it.
    Waits,
    /// Nothing is left.
    All,
}

/// When swept memory is found: see [`HeapBuilder::sweep`](crate::HeapBuilder::sweep). (Lazy sweep: Hughes, "A semi-incremental
/// garbage collection algorithm", Software: Practice and Experience 1982.)
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

/// A block with fewer free bytes is not worth allocating in.
const MIN_FREE: usize = 512;
/// Smaller jobs are not handed over: waking the thread takes the mutator as long as sweeping some hundred blocks.
const MIN_HAND_OVER: usize = 512;
/// A block with drops to run counts as so many.
const DROPS_WEIGH: usize = 64;
/// Blocks that an allocation sweeps at the most before it takes new memory.
const SWEEP_AT_ALLOCATION: usize = 32;
/// Work booked for a block swept.
const BLOCK_COST: usize = 512;
/// Work booked for an object dropped.
const DROP_COST: usize = 64;

/// See the module.
pub(crate) struct Blocks {
    pub arena: Arena,
    /// Every block that is swept and taken, but for those below.
    all: BlockList,
    /// Those with drop glue that runs on the mutator's thread, and those that there was no memory to list: no other thread
    /// touches them.
    own: OwnBlocks,
    /// How many of `all` have drops that may run on the sweeper's thread.
    background: usize,
    /// Swept blocks with holes, by kind and by how long their runs are ([`line`]).
    available: [BlockLine; 2 * KINDS],
    /// Bytes of the holes in them.
    offered: usize,
    job: Option<Arc<Job>>,
    /// The last job, which becomes the next one when the sweeper's thread has let go of it: a sweep needs no memory.
    old_job: Arc<Job>,
    /// Of the sweep in progress: the bitmap that holds what survived, and whether what is freed is overwritten.
    occupied: usize,
    overwrite: bool,
    /// Blocks of the job before this one were looked at by the mutator.
    looked_at: usize,
    /// Blocks of the job that could not be taken over when they were looked at: in the sweeper's hands, or with drops
    /// to run when none may.
    put_off: VecDeque<usize>,
    /// Blocks of the sweep that only the mutator sweeps, and that still have to be, the current one last.
    to_drop: OwnBlocks,
}

/// The line of blocks for objects that lie in runs of so many blocks.
fn line(kind: Kind, run: usize) -> usize {
    kind as usize + if run > 1 { KINDS } else { 0 }
}

/// Bytes of a block that no object took in the last sweep.
///
/// # Safety
/// The block must be swept, and the mutator's (I7).
unsafe fn free_in(block: BlockPtr) -> usize {
    // SAFETY: the mutator's: the caller's word.
    BLOCK_ROOM - unsafe { block.front() }.live.get() as usize * GRANULE
}

impl Blocks {
    pub fn new(limit: usize) -> Result<Blocks, NoMemory> {
        let arena = Arena::new(limit)?;
        if !memory::is_there_to_share::<Job>() {
            return Err(NoMemory);
        }
        // SAFETY: there are no blocks in it.
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

    /// Offers up to `tries` blocks with holes, of runs of that length, until one is accepted. Those that are refused go to the other end of the
    /// line: they have no hole for this object, and may have one for a smaller.
    pub fn offer(&mut self, kind: Kind, run: usize, tries: usize, mut accepts: impl FnMut(BlockPtr) -> bool) -> bool {
        let waiting = &mut self.available[line(kind, run)];
        let mut refused = None;
        for _ in 0..tries {
            let Some(block) = waiting.pop_front() else { break };
            // All have been asked.
            if refused == Some(block) {
                // SAFETY: just taken off this line, and entered by nobody.
                unsafe { waiting.push_front(block) };
                break;
            }
            if accepts(block) {
                // SAFETY: what is offered is swept, and the mutator's (I7).
                self.offered -= unsafe { free_in(block) };
                return true;
            }
            refused.get_or_insert(block);
            // SAFETY: as above.
            unsafe { waiting.push_back(block) };
        }
        false
    }

    /// Sweeps a few blocks, until one with holes is found or one is free. Also where memory is free without: what takes
    /// new memory before a sweep is over makes the heap larger than it has to be. Nothing is dropped: allocation runs no
    /// code of the user's.
    pub fn sweep_for(&mut self, kind: Kind, run: usize) {
        let used = self.arena.used;
        for _ in 0..SWEEP_AT_ALLOCATION {
            let found = !self.available[line(kind, run)].is_empty() || self.arena.used < used;
            if found || !self.sweep_next(false) {
                break;
            }
        }
    }

    /// An empty block, the first of a run of that length of which the rest is not used yet. At the limit everything that
    /// can be swept is.
    pub fn take(&mut self, kind: Kind, run: usize, besides: usize) -> Result<BlockPtr, Full> {
        self.take_pages(run, PAGES, kind, false, besides)
    }

    /// A run of blocks for one large object, which uses so many pages of it.
    pub fn take_large(&mut self, pages: usize, kind: Kind, besides: usize) -> Result<BlockPtr, Full> {
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
            // SAFETY: blocks are in the lists of this, beside their arena, or in a job, beside its share of the memory, until
            // they are given back.
            match unsafe { self.arena.take(run, pages, kind, large, besides) } {
                Ok(block) => break block,
                Err(full) if !self.sweep_next(false) => return Err(full),
                Err(_) => {}
            }
        };
        self.file(block);
        Ok(block)
    }

    /// Where a large heap has just grown: the sweeper's thread takes the pages of the chunk that it will grow into next.
    #[inline]
    pub fn look_ahead(&mut self) {
        if let Some((base, bytes)) = self.arena.make_ahead() {
            // SAFETY: a chunk of this arena, whose memory that is.
            unsafe { sweeper::have_pages_taken(base, bytes, self.arena.memory()) };
        }
    }

    /// All blocks are unswept from here on. The marker has flipped, and no hole is open (I2). Constant time, but for
    /// waking the thread.
    pub fn start_sweep(&mut self, occupied: usize, mode: Sweep, overwrite: bool) {
        debug_assert!(self.is_swept(), "a cycle ended before the last one was swept");
        self.available = Default::default();
        self.offered = 0;
        let blocks = core::mem::take(&mut self.all);
        self.to_drop = core::mem::take(&mut self.own);
        let weight = blocks.len() + core::mem::take(&mut self.background) * DROPS_WEIGH;
        // Under stress every job is handed over, so that small heaps try the hand-over too.
        let concurrent = mode == Sweep::Concurrent && (weight >= MIN_HAND_OVER || overwrite);
        // Without a thread the mutator sweeps: the same code.
        let handed_over = concurrent && sweeper::takes_orders();
        (self.occupied, self.overwrite, self.looked_at) = (occupied, overwrite, 0);
        // The sweeper's thread may have the last job still. With no memory for another the mutator sweeps.
        if Arc::get_mut(&mut self.old_job).is_none() && !memory::is_there_to_share::<Job>() {
            // SAFETY: as below, and in no job: the mutator's (I7).
            blocks.iter().for_each(|block| unsafe { self.to_drop.push(block) });
            return;
        }
        // SAFETY: the blocks are this arena's, and without those in `own`. The last job is done (each of its blocks was
        // taken over), the lines are forgotten, and no hole is open (I2): nobody touches one any more but through the job (I7).
        let job = unsafe { Job::new(blocks, occupied, overwrite, handed_over, self.arena.memory()) };
        match Arc::get_mut(&mut self.old_job) {
            Some(old) => *old = job,
            None => self.old_job = Arc::new(job),
        }
        if handed_over {
            sweeper::hand_over(&self.old_job);
        }
        self.job = Some(self.old_job.clone());
    }

    /// Whether anything is unswept, undropped, or in the sweeper's hands.
    pub fn is_swept(&self) -> bool {
        self.job.is_none() && self.to_drop.is_empty()
    }

    /// Looks at the next block of the job: takes it over if it is swept, sweeps it if nobody does. `may_drop`: also where
    /// that runs code of the user's. False: none is left but those in other hands and those to drop.
    fn sweep_next(&mut self, may_drop: bool) -> bool {
        let Some(job) = self.job.clone() else { return false };
        if self.looked_at < job.len() {
            let swept = self.look_at(self.looked_at, &job, may_drop);
            if !swept {
                // Without memory to note it, it is waited for.
                if !self.make_room_to_put_off() {
                    return false;
                }
                self.put_off.push_back(self.looked_at);
            }
            self.looked_at += 1;
            return true;
        }
        if may_drop {
            // The sweeper has one block in hand at a time.
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

    /// Whether the next block of the job waits for the sweeper.
    fn next_is_unswept(&self) -> bool {
        self.job.as_ref().is_some_and(|job| {
            job.handed_over
                && self.looked_at < job.len()
                && job.state(self.looked_at) != State::Swept
                && !job.has_lost_its_sweeper()
        })
    }

    /// Dead objects of the job that were dropped, on whatever thread: it changes while somebody drops them.
    pub fn dropped(&self) -> usize {
        self.job.as_ref().map_or(0, |job| job.dropped())
    }

    fn make_room_to_put_off(&mut self) -> bool {
        self.put_off.len() < self.put_off.capacity()
            || memory::may_allocate() && self.put_off.try_reserve(self.put_off.len().max(8)).is_ok()
    }

    /// False: the block is to be put off.
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
        }
        let swept = job.state(index) == State::Swept;
        if swept {
            // SAFETY: swept, and so the mutator's (I7); each block of a job is looked at until that is so, and not again.
            unsafe { self.take_over(block) };
        }
        swept
    }

    #[cfg(test)]
    pub fn offer_for_tests(&mut self, block: BlockPtr) {
        // SAFETY: a new block, which nothing lies in.
        unsafe {
            self.offered += free_in(block);
            self.available[line(block.kind(), block.run())].push_front(block);
        }
    }

    #[cfg(test)]
    pub fn recount_offered(&mut self) {
        self.offered = self
            .available
            .iter()
            .flat_map(BlockLine::iter)
            // SAFETY: what is offered is swept, and the mutator's (I7).
            .map(|block| unsafe { free_in(block) })
            .sum();
    }

    /// Files a swept block.
    ///
    /// # Safety
    /// The block must be this heap's, swept, the mutator's (I7), and not filed.
    pub unsafe fn take_over(&mut self, block: BlockPtr) {
        // SAFETY: the mutator's: the caller's word.
        if unsafe { block.front() }.live.get() == 0 {
            // SAFETY: nothing lives in it, and it is in no list: the caller's word.
            unsafe { self.arena.give_back(block) };
            return;
        }
        self.file(block);
        // SAFETY: the mutator's.
        let free = unsafe { free_in(block) };
        // What is free at the end of a block has more behind it where the run goes on.
        let least = if block.run() > 1 { GRANULE } else { MIN_FREE };
        if !block.is_large() && free >= least {
            self.offered += free;
            // SAFETY: it was not filed, and so in no line; it is the mutator's until the next sweep, which forgets the lines.
            unsafe { self.available[line(block.kind(), block.run())].push_front(block) };
        }
    }

    fn file(&mut self, block: BlockPtr) {
        if block.kind() == Kind::Drop || self.all.push(block).is_err() {
            // SAFETY: it is filed nowhere else, and in no job until it is taken off: the mutator's (I7).
            unsafe { self.own.push(block) };
        } else {
            self.background += usize::from(block.kind() == Kind::BackgroundDrop);
        }
    }

    /// Sweeps within the budget, drops included. `take_part`: also blocks that the sweeper has not come to yet; without it
    /// only what the sweeper has swept is filed.
    pub fn sweep_some(&mut self, meter: &mut Meter, take_part: bool) -> Swept {
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

    /// Drops the dead of a block within the budget. Drop code runs as if the heap were suspended: it may enter
    /// another. If it panics, the resume position is past the object.
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
                        // As on the sweeper's thread. `TypeInfo::drop`: the object is dead, its drop may run on any thread, and
                        // the resume position is past it (I6).
                        sweep::drop_caught(object);
                    } else if let Some(drop) = object.info().drop {
                        // SAFETY: `TypeInfo::drop`: the object is dead, this is the mutator's thread, and the resume position is
                        // past it (I6).
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
        // SAFETY: as above. It was in `to_drop`, and is filed nowhere.
        unsafe {
            sweep::sweep(block, occupied, overwrite);
            self.take_over(block);
        }
        meter.spend(BLOCK_COST);
    }

    /// Every block of a heap that is not being swept.
    pub fn each(&self) -> impl Iterator<Item = BlockPtr> + '_ {
        self.all.iter().chain(self.own.iter())
    }

    /// The blocks of a sweep that have not been filed yet, for the verifier: with `each`, all that are taken.
    pub fn unfiled(&self) -> impl Iterator<Item = BlockPtr> + '_ {
        let of_job = self.job.iter().flat_map(|job| {
            let put_off = self.put_off.iter().map(|&index| job.block(index));
            put_off.chain((self.looked_at..job.len()).map(|index| job.block(index)))
        });
        of_job.chain(self.to_drop.iter())
    }

    /// What is wrong with the lists, for the verifier: each block is where its state says, and once.
    pub fn complaint(&self) -> Option<String> {
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
        // SAFETY: what is offered is swept, and the mutator's (I7).
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
                // Whatever the sweeper has made of it; nobody, where there is none.
                state != State::Abandoned && (job.handed_over || state == State::Unswept)
            };
            if !expected {
                return Some(format!("{block:?} is {state:?} where it should not be"));
            }
        }
        None
    }

    /// The blocks, in every order that they are kept in, with their bitmaps. What lies in them is told by
    /// [`Collector::digest`](super::collector::Collector::digest).
    #[cfg(grisaille_faults)]
    pub fn digest(&self, marker: &crate::mark::marker::Marker, digest: &mut crate::space::digest::Digest<'_>) {
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
            // Nobody else has it: what is swept was looked at.
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

    /// Drops what is left of a heap that is being dropped: every object with drop glue, dead or alive, once.
    /// All holes are retired: `occupied` names every object.
    pub fn drop_everything(&mut self, occupied: usize) {
        let _suspended = Session::suspend();
        while let Some(block) = self.to_drop.pop() {
            if block.kind() == Kind::Plain {
                continue;
            }
            // SAFETY: no other thread touches it; from the resume position on none was dropped (I6). `TypeInfo::drop`: the
            // heap is gone, and this is the mutator's thread.
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
                // A block in the sweeper's hands is left to it, with what survives in it.
                let block = job.block(index);
                // SAFETY: the heap is being dropped, and what is left to another is not looked at again.
                if !unsafe { job.abandon(index) } && block.kind() != Kind::Plain {
                    // SAFETY: the block is swept: the mutator's (I7). What survived has not been dropped.
                    unsafe { sweep::drop_all(block, job.occupied) };
                }
            }
        }
        for block in self.each() {
            if block.kind() != Kind::Plain {
                // SAFETY: swept blocks are the mutator's (I7). No list is changed meanwhile: nobody else has the heap.
                unsafe { sweep::drop_all(block, occupied) };
            }
        }
    }

    /// Bytes of memory that the lists of blocks and the maps of chunks take.
    pub fn bytes(&self) -> usize {
        // The last job is the present one, or keeps its list until the next.
        self.all.bytes()
            + self.old_job.bytes()
            + self.put_off.capacity() * size_of::<usize>()
            + self.arena.bytes_of_maps()
    }

    /// Whether the limit leaves room for so many bytes outside.
    pub fn has_room_besides(&self, bytes: usize) -> bool {
        self.arena.used.saturating_add(bytes).saturating_add(self.bytes()) <= self.arena.limit
    }

    /// Bytes that may be allocated without a sweep: what the limit leaves, and holes. `besides` count against the limit too.
    pub fn free(&self, besides: usize) -> usize {
        let taken = self.arena.used.saturating_add(besides).saturating_add(self.bytes());
        self.arena.limit.saturating_sub(taken).saturating_add(self.offered)
    }

    /// Bytes in blocks that are taken.
    pub fn used(&self) -> usize {
        self.arena.used
    }
}
