//! Chunks, which a `bumpalo::Bump` owns, cut into runs of blocks that coalesce when they come back.
//!
//! **What is counted** are pages: a run that holds a large object, or several with a part of the last one behind the first
//! block, does not use its last pages. They are not touched, and are neither in `used` nor in `held`. So that this is true
//! such a run lies in a chunk that is backed by small pages, and where its blocks were in use before and still have memory
//! there that goes back, unless it is little of all that is used.
//!
//! **Memory goes back** of all blocks in a row that are free, where more than half of a chunk was not needed for some
//! cycles: less would be worth neither the huge page that the chunk loses nor the page faults. So after these cycles a heap
//! holds at most twice what it needs at a time, however its objects are spread. Blocks are taken from chunks that are mostly
//! taken first, so that the others empty. The first small chunks, of 1.7 MiB together, do not age: they are the heap's
//! minimum, and go back when all is asked for ([`Arena::release`]).
//!
//! **The limit** bounds what is held too: where it comes near, free memory goes back before other memory is taken.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::ptr::NonNull;

use bitvec::vec::BitVec;
use bumpalo::Bump;

use super::block::{BlockPtr, Kind};
use super::chunk::{CHUNK_BLOCKS, Chunk, Maps};
use super::geometry::{BLOCK_SIZE, PAGE, PAGES};
use super::{poison, system};
use crate::memory::{NoMemory, is_there_to_share, may_allocate, reserve_one};
use crate::sync::Arc;

/// Blocks of a heap's first chunk; each of the next ones has three times as many, until that would be `CHUNK_BLOCKS`. A
/// small heap stays cheap, and a large one has little that lies in small pages.
const FIRST_CHUNK_BLOCKS: usize = 4;
/// Pages that taken runs may have with them beyond those that they use: one in so many of those that are used, and some.
/// Within this a run takes free memory as it is, and no system call is made.
const SLACK_SHARE: usize = 16;
const SLACK_PAGES: usize = 64;
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
    /// Where a block was taken last: the next one is there too, while there are more.
    current: usize,
    /// The heap has grown into new memory since it was last seen to that the next is there.
    grew: bool,
    /// Bytes of taken runs, without the pages that they do not use.
    pub used: usize,
    /// Bytes whose memory is with us: those of `used`, of free blocks, and slack.
    pub held: usize,
    /// Pages of taken runs that are with us and not used.
    slack: usize,
    /// Bytes of the chunks' maps.
    maps: usize,
    /// Bytes given back to the system so far.
    pub returned: usize,
    /// `used` and what the caller adds may not exceed this.
    pub limit: usize,
}

/// Whether so much of a run is not used that it should not lie in huge pages.
fn is_ragged(run: usize, pages: usize) -> bool {
    (run * PAGES - pages) * SLACK_SHARE > pages
}

impl Arena {
    pub fn new(limit: usize) -> Result<Arena, NoMemory> {
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
            returned: 0,
            limit,
        })
    }

    pub fn memory(&self) -> Arc<Memory> {
        self.memory.clone()
    }

    /// Takes `run` blocks in a row, of which only the first `pages` are used. `besides` are bytes that count against the
    /// limit too.
    ///
    /// # Safety
    /// Neither what is returned nor a copy of it may be used when it has been [given back](Arena::give_back), or when the
    /// last share of the [memory](Arena::memory) is gone.
    pub unsafe fn take(
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
        self.grew |= c.ahead || found.is_none() && !ragged;
        if c.is_gone() && c.is_full_sized() {
            // Near the limit, no more is to be with us than is used.
            let huge = !ragged && self.held + c.blocks() * BLOCK_SIZE <= self.limit.saturating_sub(besides);
            self.held += c.wake(huge) * PAGE;
            self.grew |= huge;
        } else if ragged && c.huge {
            c.back_with(false);
        }
        self.held += c.take(first, run, pages) * PAGE;
        let mut slack = c.resident_in(first, run) - pages;
        if slack > 0 && self.slack + slack > self.used / PAGE / SLACK_SHARE + SLACK_PAGES {
            let gone = c.trim(first, run, pages);
            slack -= gone;
            self.went(gone);
        }
        self.slack += slack;
        self.used += bytes;
        self.hold_limit(besides);
        let base = self.chunks[chunk].base;
        // SAFETY: blocks `first..first + run` of this chunk are inside it, aligned, and were free until now. How long they are
        // used is the caller's word.
        Ok(unsafe { BlockPtr::format(base.add(first * BLOCK_SIZE), run, pages, chunk, kind, large) })
    }

    /// Has a run of which not all pages are used use its first `bytes`.
    ///
    /// # Safety
    /// The block must be taken from this arena, and the mutator's.
    pub unsafe fn extend(&mut self, block: BlockPtr, bytes: usize, besides: usize) -> Result<(), Full> {
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

    /// Takes a run back. It coalesces by itself: neighbours are bits of one map.
    ///
    /// # Safety
    /// The block must have been taken from this arena and not given back since. It must be the mutator's (I7), and nobody use
    /// it or an object in it from here on.
    pub unsafe fn give_back(&mut self, block: BlockPtr) {
        // SAFETY: this is the mutator.
        let (run, pages) = (block.run(), unsafe { block.pages() });
        let (chunk, first) = self.place_of(block);
        let c = &mut self.chunks[chunk];
        c.give_back(first, run);
        self.slack -= c.resident_in(first, run) - pages;
        self.first_free = self.first_free.min(chunk);
        self.used -= pages * PAGE;
        poison::poison(block.base(), run * BLOCK_SIZE);
    }

    /// Bytes of memory that the list of chunks and their maps take.
    pub fn bytes_of_maps(&self) -> usize {
        self.chunks.capacity() * size_of::<Chunk>() + self.maps
    }

    /// The chunk of a block, and the number of the block in it.
    fn place_of(&self, block: BlockPtr) -> (usize, usize) {
        let chunk = block.chunk();
        (chunk, (block.base().as_ptr().addr() - self.chunks[chunk].base.as_ptr().addr()) / BLOCK_SIZE)
    }

    fn check_limit(&self, bytes: usize, besides: usize) -> Result<(), Full> {
        let wanted = self.used.checked_add(bytes).and_then(|b| b.checked_add(besides)).ok_or(Full)?;
        if wanted > self.limit { Err(Full) } else { Ok(()) }
    }

    /// Gives free memory back until no more is held than the limit allows beside what the caller adds, or none is left: before
    /// what was just taken is touched.
    fn hold_limit(&mut self, besides: usize) {
        let most = self.limit.saturating_sub(besides);
        // Those that were filled last are the last to be wanted.
        let mut chunk = self.chunks.len();
        while self.held > most && chunk > 0 {
            match self.release(chunk - 1) {
                Aged::InPart => {}
                Aged::Done | Aged::End => chunk -= 1,
            }
        }
    }

    /// Books pages that went back to the system.
    fn went(&mut self, pages: usize) {
        self.held -= pages * PAGE;
        self.returned += pages * PAGE;
    }

    /// What is wrong with the maps of the chunks, for the verifier, which lists the blocks that are taken.
    pub fn complaint(&self, taken: impl Iterator<Item = BlockPtr>) -> Option<String> {
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

    /// Address and bytes of each chunk, in the order in which they were taken.
    #[cfg(grisaille_faults)]
    pub fn chunks(&self) -> Vec<(usize, usize)> {
        self.chunks.iter().map(|c| (c.base.as_ptr().addr(), c.blocks() * BLOCK_SIZE)).collect()
    }

    /// Which blocks are free follows from which are taken; small chunks do not age.
    #[cfg(grisaille_faults)]
    pub fn digest(&self, digest: &mut crate::space::digest::Digest<'_>) {
        let Arena { memory: _, chunks, first_free, current, grew, used, held, slack, maps: _, returned: _, limit: _ } =
            self;
        digest.flag(*grew);
        for c in chunks {
            let Chunk { base: _, free, free_count, longest: _, resident, free_pages, huge, low, idle, ahead } = c;
            digest.number(free.len());
            digest.number(*free_count);
            digest.number(if c.is_full_sized() { *idle as usize } else { 0 });
            digest.number(if c.is_full_sized() { *low } else { 0 });
            resident.iter().for_each(|&pages| digest.number(pages.into()));
            digest.number(*free_pages);
            digest.flag(*huge);
            digest.flag(*ahead);
        }
        digest.number(*first_free);
        digest.number(*current);
        digest.number(*used);
        digest.number(*held);
        digest.number(*slack);
    }

    /// How late a chunk is to be taken from, or `None` for not at all: as long as there is memory that is with us, in
    /// chunks that are mostly taken. What was given back costs page faults.
    fn rank(c: &Chunk, ragged: bool) -> Option<usize> {
        match ragged {
            false if c.ahead => Some(2),
            false if c.is_gone() => Some(4),
            false if c.free_pages == 0 => Some(3),
            // A huge page would be held for the sake of a part of it.
            true if c.is_gone() => Some(3),
            true if c.ahead || c.huge && !c.is_sparse() => None,
            true if c.huge => Some(2),
            _ => Some(usize::from(c.is_sparse())),
        }
    }

    /// The first of the best rank. `anywhere`: also where it ought not to be.
    fn find(&mut self, run: usize, ragged: bool, anywhere: bool) -> Option<(usize, usize)> {
        if run == 1
            && let Some(c) = self.chunks.get(self.current)
            && c.free_pages >= PAGES
            && !c.ahead
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
        let maps = Maps::new(blocks).ok_or(Full)?;
        // SAFETY: the Bump is used by the mutator alone, which is who calls this; nothing else borrows it.
        let bump = unsafe { &mut *self.memory.0.get() };
        let base = bump.try_alloc_layout(layout).map_err(|_| Full)?;
        poison::poison(base, bytes);
        self.chunks.push(Chunk::new(base, maps));
        self.maps += Maps::bytes(blocks);
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
        let index = match self.chunks.iter().position(|c| c.blocks() == CHUNK_BLOCKS && c.is_gone()) {
            Some(index) => index,
            None => self.grow(CHUNK_BLOCKS).ok()?.0,
        };
        let c = &mut self.chunks[index];
        self.held += c.wake(true) * PAGE;
        c.ahead = true;
        c.idle = 0;
        self.first_free = self.first_free.min(index);
        Some((c.base, CHUNK_BLOCKS * BLOCK_SIZE))
    }

    /// Ages chunk `index` by a cycle; one of which more than half has not been needed for some cycles gives the memory of
    /// its free blocks back, a piece at a time.
    pub fn age(&mut self, index: usize) -> Aged {
        let Some(c) = self.chunks.get_mut(index) else { return Aged::End };
        if !c.is_full_sized() || !c.age() {
            return Aged::Done;
        }
        let flow = self.release(index);
        if flow != Aged::InPart {
            self.chunks[index].idle = 0;
        }
        flow
    }

    /// Gives memory of free blocks of chunk `index` back to the system, whatever its age and size: a piece of 2 MiB at
    /// the most, which is a system call, and takes 4 microseconds where it is one page, 80 where it is many. Memory that the
    /// system does not take stays.
    pub fn release(&mut self, index: usize) -> Aged {
        let Some(c) = self.chunks.get_mut(index) else { return Aged::End };
        match c.release() {
            0 => Aged::Done,
            pages => {
                self.went(pages);
                Aged::InPart
            }
        }
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

/// Blocks for tests, which use them for as long as they are taken and no longer.
#[cfg(test)]
pub(crate) mod testing {
    use super::{Arena, BlockPtr, Full, Kind, PAGES};

    /// All of the run is used.
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

    pub(crate) fn give_back(arena: &mut Arena, block: BlockPtr) {
        // SAFETY: see the module; no test gives a block back twice, or to another arena.
        unsafe { arena.give_back(block) };
    }
}

#[cfg(test)]
mod tests;
