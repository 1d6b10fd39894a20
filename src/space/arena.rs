//! Chunks, which a `bumpalo::Bump` owns, cut into runs of blocks that coalesce when they come back.
//!
//! **Pages are counted.** A run that holds a large object, or several with a part of the last one behind the first
//! block, does not use its last pages. Such pages are not touched, and are neither in `used` nor in `held`. To keep
//! that true such a run lies in a chunk backed by small pages; where its blocks were in use before and have resident
//! pages there, those are decommitted unless they are few beside all that is used.
//!
//! **Memory is decommitted** (given back to the system, which keeps the addresses) in runs of free blocks, in chunks of
//! which more than half was not needed for some cycles: less would be worth neither the loss of the huge page nor the
//! page faults. So after these cycles a heap holds at most twice what it needs at a time, however its objects are
//! spread. Blocks are taken first from chunks that are mostly taken, so that the others empty. The first small chunks,
//! of 1.7 MiB together, do not age: they are the heap's minimum, and are decommitted when all free memory is to be
//! ([`Arena::decommit`]).
//!
//! **The limit** bounds what is held: near the limit, free memory is decommitted before other memory is taken.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::ptr::NonNull;

use bitvec::vec::BitVec;
use bumpalo::Bump;

use super::block::{BlockPtr, Kind};
use super::chunk::{CHUNK_BLOCKS, Chunk, MapRoom, Maps};
use super::geometry::{BLOCK_SIZE, PAGE, PAGES};
use super::{poison, system};
use crate::memory::{NoMemory, is_there_to_share, may_allocate, reserve_one};
use crate::sync::Arc;

/// Blocks of a heap's first chunk; each of the next ones has three times as many, until that would be `CHUNK_BLOCKS`.
/// So a small heap stays cheap, and a large one has little in small pages.
const FIRST_CHUNK_BLOCKS: usize = 4;
/// Taken runs may have resident pages beyond those that they use, up to one in `SLACK_SHARE` of the used ones and
/// [`SLACK_PAGES`] more. Within this a run takes free memory as it is, without a system call.
const SLACK_SHARE: usize = 16;
const SLACK_PAGES: usize = 64;
/// Bytes from which on a heap pre-commits a chunk more than it uses, since the first touch of a huge page can take
/// more than 1 ms (`docs/experiments.md`, "Huge pages").
const PRECOMMIT_FROM: usize = 32 * 1024 * 1024;

/// The memory under a heap. The sweeper holds a share of it while it works, so a heap may be dropped meanwhile.
pub(crate) struct Memory(UnsafeCell<Bump>);

// SAFETY: only the heap's mutator allocates from the Bump (through `Arena`, which is not shared); the other holders
// only keep it alive, and whoever is last drops it.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Removes the poison before the memory is freed: the allocator that takes it need not know of it.
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

/// The result of [`Arena::age`] or [`Arena::decommit`] for a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Decommit {
    /// There is no such chunk, nor any after it.
    NoChunk,
    /// Nothing of the chunk is left to decommit.
    Done,
    /// A piece of the chunk was decommitted, and more may be left to decommit.
    InPart { pages: usize },
}

/// There is no run of that many blocks within the limit, or the system has no more memory.
#[derive(Debug)]
pub(crate) struct Full;

/// The chunks of one heap and which of their blocks are free.
pub(crate) struct Arena {
    memory: Arc<Memory>,
    chunks: Vec<Chunk>,
    /// The first chunk that may have a free block.
    first_free: usize,
    /// The chunk from which a block was taken last, and from which single blocks are taken while it has resident ones.
    current: usize,
    /// Whether the heap has grown into new memory since [`precommit`](Arena::precommit) was last called.
    grew: bool,
    /// Bytes of taken runs, without the pages that they do not use.
    pub used: usize,
    /// Resident bytes: those of `used`, of free blocks, and slack.
    pub held: usize,
    /// Pages of taken runs that are resident and not used.
    slack: usize,
    /// Bytes of the chunks' maps.
    maps: usize,
    /// Bytes decommitted so far.
    pub decommitted: usize,
    /// The limit of `used` and what a caller counts besides.
    pub limit: usize,
}

/// Returns whether a run uses so little of itself that it should not lie in huge pages.
fn is_ragged(run: usize, pages: usize) -> bool {
    (run * PAGES - pages) * SLACK_SHARE > pages
}

impl Arena {
    pub(crate) fn new(limit: usize) -> Result<Arena, NoMemory> {
        if !is_there_to_share::<Memory>() {
            return Err(NoMemory);
        }
        Ok(Arena {
            memory: Arc::new(Memory(UnsafeCell::new(Bump::new()))),
            chunks: Vec::new(),
            first_free: 0,
            current: 0,
            grew: false,
            used: 0,
            held: 0,
            slack: 0,
            maps: 0,
            decommitted: 0,
            limit,
        })
    }

    pub(crate) fn memory(&self) -> Arc<Memory> {
        self.memory.clone()
    }

    /// Takes `run` blocks in a row, of which only the first `pages` are used. `besides` are bytes that count against
    /// the limit too.
    ///
    /// # Safety
    /// Neither what is returned nor a copy of it may be used when it has been [freed](Arena::free_run), or when the
    /// last share of the [memory](Arena::memory) is gone.
    pub(crate) unsafe fn take(
        &mut self,
        run: usize,
        pages: usize,
        kind: Kind,
        large: bool,
        besides: usize,
    ) -> Result<BlockPtr, Full> {
        let bytes = pages.checked_mul(PAGE).ok_or(Full)?;
        self.check_limit(bytes, besides)?;
        let ragged = is_ragged(run, pages);
        let found = self.find(run, ragged, false);
        let (chunk, first) = match found {
            Some(found) => found,
            None => self.grow(run).or_else(|full| self.find(run, ragged, true).ok_or(full))?,
        };
        let c = &mut self.chunks[chunk];
        self.grew |= c.precommitted || found.is_none() && !ragged;
        if c.is_decommitted() && c.is_full_sized() {
            // Near the limit, no more is to be resident than is used.
            let huge = !ragged && self.held + c.blocks() * BLOCK_SIZE <= self.limit.saturating_sub(besides);
            self.held += c.recommit(huge) * PAGE;
            self.grew |= huge;
        } else if ragged && c.huge {
            c.back_with(false);
        }
        self.held += c.take(first, run, pages) * PAGE;
        let mut slack = c.resident_in(first, run) - pages;
        if slack > 0 && self.slack + slack > self.used / PAGE / SLACK_SHARE + SLACK_PAGES {
            let decommitted = c.decommit_from(first, run, pages);
            slack -= decommitted;
            self.book_decommitted(decommitted);
        }
        self.slack += slack;
        self.used += bytes;
        self.hold_limit(besides);
        let base = self.chunks[chunk].base;
        // SAFETY: blocks `first..first + run` of this chunk are inside it, aligned, and were free until now. How long they are
        // used is the caller's word.
        Ok(unsafe { BlockPtr::format(base.add(first * BLOCK_SIZE), run, pages, chunk, kind, large) })
    }

    /// Extends the used part of a run to its first `bytes`.
    ///
    /// # Safety
    /// The block must be taken from this arena, and the mutator's.
    pub(crate) unsafe fn extend(&mut self, block: BlockPtr, bytes: usize, besides: usize) -> Result<(), Full> {
        // SAFETY: this is the mutator.
        let (pages, before) = (bytes.div_ceil(PAGE), unsafe { block.pages() });
        debug_assert!(pages <= block.run() * PAGES);
        if pages <= before {
            return Ok(());
        }
        self.check_limit((pages - before) * PAGE, besides)?;
        let (chunk, first) = self.place_of(block);
        let new = self.chunks[chunk].touch(first, block.run(), pages);
        self.slack -= pages - before - new;
        self.held += new * PAGE;
        self.used += (pages - before) * PAGE;
        // SAFETY: as above.
        unsafe { block.set_pages(pages) };
        self.hold_limit(besides);
        Ok(())
    }

    /// Frees a run. Coalescing needs no work: neighbours are bits of one map.
    ///
    /// # Safety
    /// The block must have been taken from this arena and not freed since. It must be the mutator's (I7), and nobody use
    /// it or an object in it from here on.
    pub(crate) unsafe fn free_run(&mut self, block: BlockPtr) {
        // SAFETY: this is the mutator.
        let (run, pages) = (block.run(), unsafe { block.pages() });
        let (chunk, first) = self.place_of(block);
        let c = &mut self.chunks[chunk];
        c.free_run(first, run);
        self.slack -= c.resident_in(first, run) - pages;
        self.first_free = self.first_free.min(chunk);
        self.used -= pages * PAGE;
        poison::poison(block.base(), run * BLOCK_SIZE);
    }

    /// Returns the bytes of memory that the list of chunks and their maps take.
    pub(crate) fn bytes_of_maps(&self) -> usize {
        self.chunks.capacity() * size_of::<Chunk>() + self.maps
    }

    /// Returns the chunk of a block, and the number of the block in it.
    fn place_of(&self, block: BlockPtr) -> (usize, usize) {
        let chunk = block.chunk();
        (chunk, (block.base().as_ptr().addr() - self.chunks[chunk].base.as_ptr().addr()) / BLOCK_SIZE)
    }

    fn check_limit(&self, bytes: usize, besides: usize) -> Result<(), Full> {
        let wanted = self.used.checked_add(bytes).and_then(|b| b.checked_add(besides)).ok_or(Full)?;
        if wanted > self.limit { Err(Full) } else { Ok(()) }
    }

    /// Decommits free memory, before newly taken memory is touched, until no more is held than the limit allows beside
    /// `besides`, or none is left.
    fn hold_limit(&mut self, besides: usize) {
        let most = self.limit.saturating_sub(besides);
        // From the chunk filled last, which is the last to be needed again.
        let mut chunk = self.chunks.len();
        while self.held > most && chunk > 0 {
            match self.decommit(chunk - 1) {
                Decommit::InPart { .. } => {}
                Decommit::Done | Decommit::NoChunk => chunk -= 1,
            }
        }
    }

    /// Books decommitted pages.
    fn book_decommitted(&mut self, pages: usize) {
        self.held -= pages * PAGE;
        self.decommitted += pages * PAGE;
    }

    /// Returns what is wrong with the maps of the chunks, for the verifier, which lists the taken blocks.
    pub(crate) fn complaint(&self, taken: impl Iterator<Item = BlockPtr>) -> Option<String> {
        let mut free: Vec<BitVec> = self.chunks.iter().map(|chunk| BitVec::repeat(true, chunk.blocks())).collect();
        let mut slack = 0;
        for block in taken {
            let (chunk, first) = self.place_of(block);
            free[chunk][first..first + block.run()].fill(false);
            slack += self.chunks[chunk].resident_in(first, block.run());
            // SAFETY: this is the mutator.
            slack -= unsafe { block.pages() };
        }
        let mut held = 0;
        for (index, (chunk, free)) in self.chunks.iter().zip(free).enumerate() {
            if chunk.free != free || chunk.free_count != free.count_ones() {
                return Some(format!(
                    "the map of free blocks of chunk {index} does not agree with the blocks that are taken"
                ));
            }
            held += chunk.resident_in(0, chunk.blocks()) * PAGE;
            let free_pages: usize = free.iter_ones().map(|block| usize::from(chunk.resident[block])).sum();
            if chunk.free_pages != free_pages {
                let count = chunk.free_pages;
                return Some(format!(
                    "{free_pages} pages of free blocks of chunk {index} are held, and the count is {count}"
                ));
            }
        }
        (held != self.held || slack != self.slack).then(|| {
            let (counted, pages) = (self.held, self.slack);
            format!("{held} bytes are held, {slack} pages of them slack, and the counts are {counted} and {pages}")
        })
    }

    /// Returns address and bytes of each chunk, in the order in which they were taken.
    #[cfg(grisaille_faults)]
    pub(crate) fn chunks(&self) -> Vec<(usize, usize)> {
        self.chunks.iter().map(|c| (c.base.as_ptr().addr(), c.blocks() * BLOCK_SIZE)).collect()
    }

    /// Which blocks are free follows from which are taken; small chunks do not age.
    #[cfg(grisaille_faults)]
    pub(crate) fn digest(&self, digest: &mut crate::space::digest::Digest<'_>) {
        let Arena {
            memory: _,
            chunks,
            first_free,
            current,
            grew,
            used,
            held,
            slack,
            maps: _,
            decommitted: _,
            limit: _,
        } = self;
        digest.flag(*grew);
        for c in chunks {
            let Chunk {
                base: _,
                free,
                free_count,
                longest: _,
                resident,
                free_pages,
                huge,
                fewest_free,
                idle,
                precommitted,
            } = c;
            digest.number(free.len());
            digest.number(*free_count);
            digest.number(if c.is_full_sized() { *idle as usize } else { 0 });
            digest.number(if c.is_full_sized() { *fewest_free } else { 0 });
            resident.iter().for_each(|&pages| digest.number(pages.into()));
            digest.number(*free_pages);
            digest.flag(*huge);
            digest.flag(*precommitted);
        }
        digest.number(*first_free);
        digest.number(*current);
        digest.number(*used);
        digest.number(*held);
        digest.number(*slack);
    }

    /// Returns the rank by which chunks are taken from, the lowest first, or `None` for not at all: resident memory in
    /// mostly taken chunks first. Decommitted memory costs page faults.
    fn rank(c: &Chunk, ragged: bool) -> Option<usize> {
        match ragged {
            false if c.precommitted => Some(2),
            false if c.is_decommitted() => Some(4),
            false if c.free_pages == 0 => Some(3),
            // A huge page would be held for the sake of a part of it.
            true if c.is_decommitted() => Some(3),
            true if c.precommitted || c.huge && !c.is_sparse() => None,
            true if c.huge => Some(2),
            _ => Some(usize::from(c.is_sparse())),
        }
    }

    /// Finds a free run in the first chunk of the best rank; with `anywhere`, also in chunks that have no rank.
    fn find(&mut self, run: usize, ragged: bool, anywhere: bool) -> Option<(usize, usize)> {
        if run == 1
            && let Some(c) = self.chunks.get(self.current)
            && c.free_pages >= PAGES
            && !c.precommitted
            && let Some(first) = c.find(1)
        {
            return Some((self.current, first));
        }
        while self.first_free < self.chunks.len() && self.chunks[self.first_free].free_count == 0 {
            self.first_free += 1;
        }
        let mut found = None;
        let mut best = usize::MAX;
        for (index, c) in self.chunks.iter().enumerate().skip(self.first_free) {
            let rank = if anywhere { Some(0) } else { Arena::rank(c, ragged) };
            if c.free_count >= run
                && let Some(rank) = rank
                && rank < best
                && let Some(start) = c.find(run)
            {
                (found, best) = (Some((index, start)), rank);
                if rank == 0 {
                    break;
                }
            }
        }
        if run == 1
            && let Some((index, _)) = found
        {
            self.current = index;
        }
        found
    }

    fn grow(&mut self, run: usize) -> Result<(usize, usize), Full> {
        let small = FIRST_CHUNK_BLOCKS * 3usize.pow(self.chunks.len().min(4) as u32);
        let blocks =
            if small < CHUNK_BLOCKS && run <= small { small } else { run.div_ceil(CHUNK_BLOCKS) * CHUNK_BLOCKS };
        let bytes = blocks.checked_mul(BLOCK_SIZE).ok_or(Full)?;
        let is_full_sized = blocks.is_multiple_of(CHUNK_BLOCKS);
        let align = if is_full_sized { CHUNK_BLOCKS * BLOCK_SIZE } else { BLOCK_SIZE };
        let layout = Layout::from_size_align(bytes, align).map_err(|_| Full)?;
        reserve_one(&mut self.chunks).map_err(|_| Full)?;
        if !may_allocate() {
            return Err(Full);
        }
        let room = MapRoom::new(blocks).ok_or(Full)?;
        // SAFETY: the Bump is used by the mutator alone, which is who calls this; nothing else borrows it.
        let bump = unsafe { &mut *self.memory.0.get() };
        let base = bump.try_alloc_layout(layout).map_err(|_| Full)?;
        poison::poison(base, bytes);
        self.chunks.push(Chunk::new(base, room.fill()));
        self.maps += Maps::bytes(blocks);
        Ok((self.chunks.len() - 1, 0))
    }

    /// Returns a chunk to be pre-committed: an empty one that a large heap which has just grown can grow into, if it has
    /// none yet. The caller commits the pages ([`commit_pages`]).
    pub(crate) fn precommit(&mut self) -> Option<(NonNull<u8>, usize)> {
        if !core::mem::take(&mut self.grew)
            || self.held < PRECOMMIT_FROM
            || self.limit - self.held.min(self.limit) < CHUNK_BLOCKS * BLOCK_SIZE
            || self.chunks.iter().any(|c| c.precommitted)
        {
            return None;
        }
        let index = match self.chunks.iter().position(|c| c.blocks() == CHUNK_BLOCKS && c.is_decommitted()) {
            Some(index) => index,
            None => self.grow(CHUNK_BLOCKS).ok()?.0,
        };
        let c = &mut self.chunks[index];
        self.held += c.recommit(true) * PAGE;
        c.precommitted = true;
        c.idle = 0;
        self.first_free = self.first_free.min(index);
        Some((c.base, CHUNK_BLOCKS * BLOCK_SIZE))
    }

    /// Ages chunk `index` by a cycle. The free blocks of a chunk of which more than half was not needed for some cycles are
    /// decommitted, a piece at a time.
    pub(crate) fn age(&mut self, index: usize) -> Decommit {
        let Some(c) = self.chunks.get_mut(index) else { return Decommit::NoChunk };
        if !c.is_full_sized() || !c.age() {
            return Decommit::Done;
        }
        let flow = self.decommit(index);
        if !matches!(flow, Decommit::InPart { .. }) {
            self.chunks[index].idle = 0;
        }
        flow
    }

    /// Decommits free blocks of chunk `index`, whatever its age and size: at most 2 MiB in one system call (4
    /// microseconds for one page, 80 for many). Memory that the system does not take stays.
    pub(crate) fn decommit(&mut self, index: usize) -> Decommit {
        let Some(c) = self.chunks.get_mut(index) else { return Decommit::NoChunk };
        match c.decommit() {
            0 => Decommit::Done,
            pages => {
                self.book_decommitted(pages);
                Decommit::InPart { pages }
            }
        }
    }
}

/// Commits the pages of unused memory, as a first touch would. The contents do not change, so the mutator may begin to
/// use the memory meanwhile.
///
/// # Safety
/// The memory must be a chunk's, and its [`Memory`] be kept by the caller.
pub(crate) unsafe fn commit_pages(base: NonNull<u8>, bytes: usize) {
    system::commit(base, bytes);
}

/// Blocks for tests, which use them for as long as they are taken and no longer.
#[cfg(test)]
pub(crate) mod testing {
    use super::{Arena, BlockPtr, Full, Kind, PAGES};

    /// Takes a run, all of which is used.
    pub(crate) fn take(
        arena: &mut Arena,
        run: usize,
        kind: Kind,
        large: bool,
        besides: usize,
    ) -> Result<BlockPtr, Full> {
        let pages = run.checked_mul(PAGES).ok_or(Full)?;
        // SAFETY: see the module.
        unsafe { arena.take(run, pages, kind, large, besides) }
    }

    pub(crate) fn free_run(arena: &mut Arena, block: BlockPtr) {
        // SAFETY: see the module; no test frees a block twice, or in another arena.
        unsafe { arena.free_run(block) };
    }
}

#[cfg(test)]
mod tests;
