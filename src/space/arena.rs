//! Chunks, which a `bumpalo::Bump` owns, cut into runs of blocks that coalesce when they come back.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::ptr::NonNull;

use bitvec::vec::BitVec;
use bumpalo::Bump;

use super::block::{BLOCK_SIZE, BlockPtr, Kind};
use super::poison;
use crate::sync::Arc;

/// Blocks of a full-sized chunk: 2 MiB, what one huge page backs.
const CHUNK_BLOCKS: usize = 2 * 1024 * 1024 / BLOCK_SIZE;
/// Blocks of a heap's first chunk; each of the next ones has three times as many, until that would be `CHUNK_BLOCKS`. A
/// small heap stays cheap, and a large one has little that lies in small pages.
const FIRST_CHUNK_BLOCKS: usize = 4;
/// Cycles that a chunk lies empty before its memory goes back. Late: taking it again costs microseconds a page.
const IDLE_CYCLES: u32 = 3;
/// Bytes from which on a heap holds a chunk more than it uses, whose pages have been taken before they are needed. The
/// first touch of a huge page takes 0.1 ms, and on a virtual machine that has to ask its host for it 1.5 ms.
const AHEAD_FROM: usize = 32 * 1024 * 1024;

/// The memory under a heap. The sweeper holds a share of it while it works, so a heap may be dropped meanwhile.
pub(crate) struct Memory(UnsafeCell<Bump>);

// SAFETY: only the heap's mutator allocates from the Bump (through `Arena`, which is not shared); the other holders
// only keep it alive, and whoever is last drops it.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Poison does not leave the heap with its memory: the allocator that takes it need not know of it.
    fn unpoison(&mut self) {
        for chunk in self.0.get_mut().iter_allocated_chunks() {
            #[cfg(loom)]
            crate::sync::watch::freed(chunk.as_ptr().addr(), chunk.len());
            poison::unpoison(NonNull::from(chunk).cast(), chunk.len());
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if poison::ON || cfg!(loom) {
            self.unpoison();
        }
    }
}

struct Chunk {
    base: NonNull<u8>,
    /// One bit a block: it is free.
    free: BitVec,
    free_count: usize,
    /// Cycles for which the whole chunk has been free.
    idle: u32,
    /// So many blocks at its front went back to the system; touching them again takes them again.
    gone: usize,
    /// Nothing was ever taken from it, but for its pages: it is there for when the other chunks are full.
    ahead: bool,
}

impl Chunk {
    /// What comes first when blocks are taken: memory that is with us, then what was made ahead; the rest costs page
    /// faults.
    fn rank(&self) -> usize {
        if self.gone > 0 { 2 } else { usize::from(self.ahead) }
    }

    /// The first free run of that many blocks.
    fn find(&self, run: usize) -> Option<usize> {
        let mut at = 0;
        while let Some(start) = self.free[at..].first_one().map(|i| at + i) {
            let end = self.free[start..].first_zero().map_or(self.free.len(), |i| start + i);
            if end - start >= run {
                return Some(start);
            }
            at = end;
        }
        None
    }
}

/// How far [`Arena::age`] has come with a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Aged {
    /// There is no such chunk, nor any after it.
    End,
    /// It is a cycle older.
    Done,
    /// A piece of it went back, and it may be that more is to go.
    InPart,
}

/// No run of that many blocks within the limit, or the system has no more memory.
#[derive(Debug)]
pub(crate) struct Full;

/// The chunks of one heap and which of their blocks are free.
pub(crate) struct Arena {
    memory: Arc<Memory>,
    chunks: Vec<Chunk>,
    /// No chunk before this one has a free block.
    first_free: usize,
    /// The heap has grown into new memory since it was last seen to that the next is there.
    grew: bool,
    /// Bytes in blocks that are taken.
    pub used: usize,
    /// Bytes of chunks whose memory is with us.
    pub held: usize,
    /// Bytes given back to the system so far.
    pub returned: usize,
    /// `used` and what the caller adds may not exceed this.
    pub limit: usize,
}

impl Arena {
    pub fn new(limit: usize) -> Arena {
        Arena {
            memory: Arc::new(Memory(UnsafeCell::new(Bump::new()))),
            chunks: Vec::new(),
            first_free: 0,
            grew: false,
            used: 0,
            held: 0,
            returned: 0,
            limit,
        }
    }

    pub fn memory(&self) -> Arc<Memory> {
        self.memory.clone()
    }

    /// Takes `run` blocks in a row. `besides` are bytes that count against the limit too.
    ///
    /// # Safety
    /// Neither what is returned nor a copy of it may be used when it has been [given back](Arena::give_back), or when the
    /// last share of the [memory](Arena::memory) is gone.
    pub unsafe fn take(&mut self, run: usize, kind: Kind, large: bool, besides: usize) -> Result<BlockPtr, Full> {
        let bytes = run.checked_mul(BLOCK_SIZE).ok_or(Full)?;
        let wanted = self.used.checked_add(bytes).and_then(|b| b.checked_add(besides)).ok_or(Full)?;
        if wanted > self.limit {
            return Err(Full);
        }
        let (chunk, first) = match self.find(run) {
            Some(found) => found,
            None => self.grow(run)?,
        };
        let c = &mut self.chunks[chunk];
        c.free[first..first + run].fill(false);
        c.free_count -= run;
        c.idle = 0;
        self.grew |= c.rank() > 0;
        self.held += core::mem::take(&mut c.gone) * BLOCK_SIZE;
        c.ahead = false;
        self.used += bytes;
        // SAFETY: blocks `first..first + run` of this chunk are inside it, aligned, and were free until now. How long they are
        // used is the caller's word.
        Ok(unsafe { BlockPtr::format(c.base.add(first * BLOCK_SIZE), run, chunk, kind, large) })
    }

    /// Takes a run back. It coalesces by itself: neighbours are bits of one map.
    ///
    /// # Safety
    /// The block must have been taken from this arena and not given back since. It must be the mutator's (I7), and nobody use
    /// it or an object in it from here on.
    pub unsafe fn give_back(&mut self, block: BlockPtr) {
        let (chunk, run) = (block.chunk(), block.run());
        let c = &mut self.chunks[chunk];
        let first = (block.base().as_ptr().addr() - c.base.as_ptr().addr()) / BLOCK_SIZE;
        debug_assert!(c.free[first..first + run].not_any(), "a block was given back twice");
        c.free[first..first + run].fill(true);
        c.free_count += run;
        self.first_free = self.first_free.min(chunk);
        self.used -= run * BLOCK_SIZE;
        poison::poison(block.base(), run * BLOCK_SIZE);
    }

    /// What is wrong with the map of free blocks, for the verifier, which lists those that are taken.
    pub fn complaint(&self, taken: impl Iterator<Item = BlockPtr>) -> Option<String> {
        let mut free: Vec<BitVec> = self.chunks.iter().map(|chunk| BitVec::repeat(true, chunk.free.len())).collect();
        for block in taken {
            let chunk = block.chunk();
            let first = (block.base().as_ptr().addr() - self.chunks[chunk].base.as_ptr().addr()) / BLOCK_SIZE;
            free[chunk][first..first + block.run()].fill(false);
        }
        let wrong = self
            .chunks
            .iter()
            .zip(free)
            .position(|(chunk, free)| chunk.free != free || chunk.free_count != chunk.free.count_ones())?;
        Some(format!("the map of free blocks of chunk {wrong} does not agree with the blocks that are taken"))
    }

    /// Address and bytes of each chunk, in the order in which they were taken.
    #[cfg(feature = "unsound-policies")]
    pub fn chunks(&self) -> Vec<(usize, usize)> {
        self.chunks.iter().map(|c| (c.base.as_ptr().addr(), c.free.len() * BLOCK_SIZE)).collect()
    }

    /// Which blocks are free follows from which are taken; small chunks do not age.
    #[cfg(feature = "unsound-policies")]
    pub fn digest(&self, digest: &mut crate::observe::digest::Digest<'_>) {
        let Arena { memory: _, chunks, first_free, grew, used, held, returned: _, limit: _ } = self;
        digest.flag(*grew);
        for Chunk { base: _, free, free_count, idle, gone, ahead } in chunks {
            digest.number(free.len());
            digest.number(*free_count);
            digest.number(if free.len() % CHUNK_BLOCKS == 0 { *idle as usize } else { 0 });
            digest.number(*gone);
            digest.flag(*ahead);
        }
        digest.number(*first_free);
        digest.number(*used);
        digest.number(*held);
    }

    fn find(&mut self, run: usize) -> Option<(usize, usize)> {
        while self.first_free < self.chunks.len() && self.chunks[self.first_free].free_count == 0 {
            self.first_free += 1;
        }
        // The first of the best rank.
        let mut found = None;
        let mut rank = usize::MAX;
        for (index, c) in self.chunks.iter().enumerate().skip(self.first_free) {
            if c.free_count >= run
                && c.rank() < rank
                && let Some(start) = c.find(run)
            {
                (found, rank) = (Some((index, start)), c.rank());
                if rank == 0 {
                    break;
                }
            }
        }
        found
    }

    fn grow(&mut self, run: usize) -> Result<(usize, usize), Full> {
        let small = FIRST_CHUNK_BLOCKS * 3usize.pow(self.chunks.len().min(4) as u32);
        let blocks =
            if small < CHUNK_BLOCKS && run <= small { small } else { run.div_ceil(CHUNK_BLOCKS) * CHUNK_BLOCKS };
        // Near a limit no more is held than may be used.
        let blocks = blocks.min((self.limit.saturating_sub(self.held) / BLOCK_SIZE).max(run));
        let bytes = blocks.checked_mul(BLOCK_SIZE).ok_or(Full)?;
        let huge = blocks % CHUNK_BLOCKS == 0;
        let align = if huge { CHUNK_BLOCKS * BLOCK_SIZE } else { BLOCK_SIZE };
        let layout = Layout::from_size_align(bytes, align).map_err(|_| Full)?;
        // SAFETY: the Bump is used by the mutator alone, which is who calls this; nothing else borrows it.
        let bump = unsafe { &mut *self.memory.0.get() };
        let base = bump.try_alloc_layout(layout).map_err(|_| Full)?;
        if huge {
            system::use_huge_pages(base, bytes);
        }
        poison::poison(base, bytes);
        self.held += bytes;
        self.chunks.push(Chunk {
            base,
            free: BitVec::repeat(true, blocks),
            free_count: blocks,
            idle: 0,
            gone: 0,
            ahead: false,
        });
        self.grew = true;
        Ok((self.chunks.len() - 1, 0))
    }

    /// Where a large heap has just grown: sees to it that an empty chunk is there to grow into, whose pages have still to
    /// be taken ([`take_pages`]).
    pub fn make_ahead(&mut self) -> Option<(NonNull<u8>, usize)> {
        if !core::mem::take(&mut self.grew)
            || self.held < AHEAD_FROM
            || self.limit - self.held.min(self.limit) < CHUNK_BLOCKS * BLOCK_SIZE
            || self.chunks.iter().any(|c| c.ahead)
        {
            return None;
        }
        let index = match self.chunks.iter().position(|c| c.gone == CHUNK_BLOCKS && c.free.len() == CHUNK_BLOCKS) {
            Some(index) => index,
            None => self.grow(CHUNK_BLOCKS).ok()?.0,
        };
        self.grew = false;
        let c = &mut self.chunks[index];
        self.held += core::mem::take(&mut c.gone) * BLOCK_SIZE;
        c.ahead = true;
        c.idle = 0;
        Some((c.base, CHUNK_BLOCKS * BLOCK_SIZE))
    }

    /// Ages chunk `index` by a cycle; one that has been empty for some cycles gives its memory back, a piece at a time.
    pub fn age(&mut self, index: usize) -> Aged {
        let Some(c) = self.chunks.get_mut(index) else { return Aged::End };
        let blocks = c.free.len();
        if c.free_count != blocks || c.gone == blocks {
            c.idle = 0;
            return Aged::Done;
        }
        if c.gone == 0 {
            c.idle += 1;
        }
        // Small chunks stay: they are the heap's minimum, and lie in malloc's own pages.
        if c.idle < IDLE_CYCLES || blocks % CHUNK_BLOCKS != 0 {
            return Aged::Done;
        }
        let bytes = CHUNK_BLOCKS * BLOCK_SIZE;
        // SAFETY: the piece is inside the chunk.
        if !system::give_back(unsafe { c.base.add(c.gone * BLOCK_SIZE) }, bytes) {
            return Aged::Done;
        }
        c.ahead = false;
        c.gone += CHUNK_BLOCKS;
        self.held -= bytes;
        self.returned += bytes;
        Aged::InPart
    }
}

/// Takes the pages of memory that nobody uses, as a first touch would. It changes no contents: somebody may begin to use
/// it meanwhile.
///
/// # Safety
/// The memory must be a chunk's, and its [`Memory`] be kept by the caller.
pub(crate) unsafe fn take_pages(base: NonNull<u8>, bytes: usize) {
    system::take_pages(base, bytes);
}

#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
mod system {
    //! Advice to the system. It may refuse; nothing depends on it. (Elsewhere the advice that frees memory at once is
    //! missing, and memory stays with the heap.)
    use core::ptr::NonNull;
    use rustix::mm::{Advice, madvise};

    pub fn use_huge_pages(base: NonNull<u8>, bytes: usize) {
        // SAFETY: the range is ours, and this advice changes no contents.
        let _ = unsafe { madvise(base.as_ptr().cast(), bytes, Advice::LinuxHugepage) };
    }

    pub fn take_pages(base: NonNull<u8>, bytes: usize) {
        // SAFETY: the range is ours, and this advice changes no contents. (Systems before Linux 5.14 refuse it.)
        let _ = unsafe { madvise(base.as_ptr().cast(), bytes, Advice::LinuxPopulateWrite) };
    }

    pub fn give_back(base: NonNull<u8>, bytes: usize) -> bool {
        // SAFETY: every block of the range is free: nothing reads it before `BlockPtr::format` writes it.
        unsafe { madvise(base.as_ptr().cast(), bytes, Advice::LinuxDontNeed) }.is_ok()
    }
}

#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
mod system {
    use core::ptr::NonNull;
    pub fn use_huge_pages(_: NonNull<u8>, _: usize) {}
    pub fn take_pages(_: NonNull<u8>, _: usize) {}
    pub fn give_back(_: NonNull<u8>, _: usize) -> bool {
        false
    }
}

/// Blocks for tests, which use them for as long as they are taken and no longer.
#[cfg(test)]
pub(crate) mod testing {
    use super::{Arena, BlockPtr, Full, Kind};

    pub(crate) fn take(
        arena: &mut Arena,
        run: usize,
        kind: Kind,
        large: bool,
        besides: usize,
    ) -> Result<BlockPtr, Full> {
        // SAFETY: see the module.
        unsafe { arena.take(run, kind, large, besides) }
    }

    pub(crate) fn give_back(arena: &mut Arena, block: BlockPtr) {
        // SAFETY: see the module; no test gives a block back twice, or to another arena.
        unsafe { arena.give_back(block) };
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{give_back, take};
    use super::*;
    #[cfg(feature = "asan")]
    use crate::space::block::{GRANULE, GRANULES};
    use proptest::prelude::*;

    #[test]
    fn the_first_chunks_are_small_and_the_limit_holds() {
        let mut arena = Arena::new(3 * BLOCK_SIZE);
        let blocks: Vec<_> = (0..3).map(|_| take(&mut arena, 1, Kind::Plain, false, 0).unwrap()).collect();
        assert_eq!(arena.held, 3 * BLOCK_SIZE, "no more is held than may be used");
        assert!(take(&mut arena, 1, Kind::Plain, false, 0).is_err());
        give_back(&mut arena, blocks[1]);
        assert!(take(&mut arena, 1, Kind::Plain, false, 1).is_err(), "what the caller adds counts");
        assert_eq!(take(&mut arena, 1, Kind::Plain, false, 0).unwrap(), blocks[1], "the freed block is taken again");
    }

    #[test]
    fn empty_chunks_go_back_late_and_come_again() {
        let mut arena = Arena::new(usize::MAX);
        let run = take(&mut arena, 2 * CHUNK_BLOCKS, Kind::Plain, true, 0).unwrap();
        give_back(&mut arena, run);
        for cycle in 1..=IDLE_CYCLES {
            assert_eq!(arena.returned, 0, "before cycle {cycle}");
            let mut index = 0;
            loop {
                match arena.age(index) {
                    Aged::End => break,
                    Aged::Done => index += 1,
                    Aged::InPart => assert_eq!(arena.returned % (CHUNK_BLOCKS * BLOCK_SIZE), 0),
                }
            }
        }
        assert_eq!((arena.returned, arena.held), (2 * CHUNK_BLOCKS * BLOCK_SIZE, 0));
        assert_eq!(take(&mut arena, CHUNK_BLOCKS, Kind::Plain, true, 0).unwrap(), run);
        assert_eq!(arena.held, 2 * CHUNK_BLOCKS * BLOCK_SIZE);
    }

    #[test]
    fn a_large_heap_has_a_chunk_ahead() {
        let mut arena = Arena::new(usize::MAX);
        assert_eq!(arena.make_ahead(), None);
        let chunk = CHUNK_BLOCKS * BLOCK_SIZE;
        let large = take(&mut arena, AHEAD_FROM / BLOCK_SIZE, Kind::Plain, true, 0).unwrap();
        let (base, bytes) = arena.make_ahead().unwrap();
        assert_eq!((bytes, arena.held), (chunk, AHEAD_FROM + chunk));
        assert_eq!(arena.make_ahead(), None, "one is enough");
        // SAFETY: the chunk is the arena's.
        unsafe { take_pages(base, bytes) };
        give_back(&mut arena, large);
        let blocks: Vec<_> =
            (0..=AHEAD_FROM / BLOCK_SIZE).map(|_| take(&mut arena, 1, Kind::Plain, false, 0).unwrap()).collect();
        assert_eq!(blocks.last().unwrap().base(), base, "it is used when the others are full");
        assert!(arena.make_ahead().is_some(), "and then there is another");
        // What went back comes first.
        for block in blocks {
            give_back(&mut arena, block);
        }
        for index in 0..IDLE_CYCLES as usize * arena.chunks.len() {
            while arena.age(index % arena.chunks.len()) == Aged::InPart {}
        }
        assert_eq!((arena.held, arena.chunks.iter().filter(|c| c.ahead).count()), (0, 0));
        let _all: Vec<_> =
            (0..=AHEAD_FROM / BLOCK_SIZE).map(|_| take(&mut arena, 1, Kind::Plain, false, 0).unwrap()).collect();
        let chunks = arena.chunks.len();
        assert_eq!(arena.make_ahead().map(|(_, bytes)| bytes), Some(chunk));
        assert_eq!(arena.chunks.len(), chunks);
    }

    #[test]
    fn a_size_that_overflows_is_an_error() {
        assert!(take(&mut Arena::new(usize::MAX), usize::MAX / 2, Kind::Plain, true, 0).is_err());
    }

    #[test]
    #[cfg(feature = "asan")]
    fn poison_does_not_leave_the_heap() {
        let mut arena = Arena::new(usize::MAX);
        // Small chunks, and a large one; the last is partly free.
        let runs: Vec<_> = [1, 3, 5, 100].map(|run| take(&mut arena, run, Kind::Plain, true, 0).unwrap()).into();
        give_back(&mut arena, runs[1]);
        assert!(runs.iter().all(|run| poison::is_poisoned(
            // SAFETY: a granule of the block.
            unsafe { run.at(GRANULES - 1) }
        )));
        let chunks: Vec<_> = arena.chunks.iter().map(|c| (c.base, c.free.len() * BLOCK_SIZE)).collect();
        let Ok(mut memory) = Arc::try_unwrap(arena.memory) else { panic!("it is shared") };
        memory.unpoison();
        for (base, bytes) in chunks {
            for offset in (0..bytes).step_by(GRANULE) {
                // SAFETY: inside the chunk.
                assert!(!poison::is_poisoned(unsafe { base.add(offset) }), "byte {offset} of {bytes}");
            }
        }
    }

    proptest! {
        /// Runs never overlap, coalesce when they come back, and the accounts add up.
        #[test]
        fn runs_coalesce(ops in proptest::collection::vec((any::<bool>(), 1usize..80, any::<prop::sample::Index>()), 1..80)) {
            let mut arena = Arena::new(usize::MAX);
            let mut taken: Vec<BlockPtr> = Vec::new();
            for (takes, run, which) in ops {
                if takes || taken.is_empty() {
                    let block = take(&mut arena, run, Kind::Plain, true, 0).unwrap();
                    let range = |b: &BlockPtr| b.base().as_ptr().addr()..b.base().as_ptr().addr() + b.run() * BLOCK_SIZE;
                    for other in &taken {
                        let (a, b) = (range(&block), range(other));
                        prop_assert!(a.end <= b.start || b.end <= a.start);
                    }
                    taken.push(block);
                } else {
                    give_back(&mut arena, taken.swap_remove(which.index(taken.len())));
                }
                prop_assert_eq!(arena.used, taken.iter().map(|b| b.run() * BLOCK_SIZE).sum::<usize>());
            }
            for block in taken.drain(..) {
                give_back(&mut arena, block);
            }
            let held = arena.held;
            for chunk in 0..arena.chunks.len() {
                let blocks = arena.chunks[chunk].free.len();
                prop_assert!(arena.find(blocks).is_some(), "a chunk is whole again");
            }
            prop_assert_eq!(arena.held, held);
        }
    }
}
