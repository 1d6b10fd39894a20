//! A chunk: which of its blocks are free, and which of their pages are resident.

use core::cell::Cell;
use core::ptr::NonNull;

use bitvec::vec::BitVec;

use super::geometry::{BLOCK_SIZE, PAGE, PAGES};
use super::system;

/// Blocks of a full-sized chunk: 2 MiB, what one huge page backs.
pub(super) const CHUNK_BLOCKS: usize = 2 * 1024 * 1024 / BLOCK_SIZE;
/// Idle cycles after which a chunk's free memory is decommitted. Not fewer: a page fault costs microseconds.
pub(super) const IDLE_CYCLES: u32 = 3;

pub(super) struct Chunk {
    pub base: NonNull<u8>,
    /// One bit for each block, set while the block is free.
    pub free: BitVec,
    pub free_count: usize,
    /// An upper bound of the longest free run, so that a chunk is not searched in vain again until it gets a block
    /// back.
    pub longest: Cell<usize>,
    /// Pages of each block, counted from its front, that may be resident: touched since they were last decommitted.
    pub resident: Box<[u8]>,
    /// The resident pages of free blocks.
    pub free_pages: usize,
    /// Whether the chunk is advised to be backed by huge pages: one touch takes all of it.
    pub huge: bool,
    /// The fewest blocks that were free at once since the chunk last aged: that many were not needed.
    pub fewest_free: usize,
    /// Cycles in a row in which more than half of the chunk was not needed. At [`IDLE_CYCLES`] its free blocks are decommitted.
    pub idle: u32,
    /// Whether the chunk was pre-committed and nothing was taken from it yet: it is for when the other chunks are full.
    pub precommitted: bool,
}

/// The maps of a chunk that is about to be made.
pub(super) struct Maps {
    free: BitVec,
    resident: Box<[u8]>,
}

impl Maps {
    /// Returns the bytes of memory that the maps of `blocks` blocks take.
    pub(super) fn bytes(blocks: usize) -> usize {
        blocks.div_ceil(usize::BITS as usize) * size_of::<usize>() + blocks
    }
}

/// Memory for the maps of a chunk that is still to be taken from the system. Nothing is written to it before that: the
/// maps of a chunk that is refused may be larger than what the machine has.
pub(super) struct MapRoom {
    words: Vec<usize>,
    resident: Vec<u8>,
    blocks: usize,
}

impl MapRoom {
    /// Reserves memory for the maps of `blocks` blocks. Returns `None` where the system has none.
    pub(super) fn new(blocks: usize) -> Option<MapRoom> {
        let (mut words, mut resident) = (Vec::new(), Vec::new());
        words.try_reserve_exact(blocks.div_ceil(usize::BITS as usize)).ok()?;
        resident.try_reserve_exact(blocks).ok()?;
        Some(MapRoom { words, resident, blocks })
    }

    /// Makes maps with all blocks free and no page resident.
    pub(super) fn fill(mut self) -> Maps {
        self.words.resize(self.words.capacity(), usize::MAX);
        self.resident.resize(self.blocks, 0);
        let mut free = BitVec::from_vec(self.words);
        free.truncate(self.blocks);
        Maps { free, resident: self.resident.into() }
    }
}

impl Chunk {
    /// Makes a chunk of which no page was touched.
    pub(super) fn new(base: NonNull<u8>, Maps { free, resident }: Maps) -> Chunk {
        Chunk {
            base,
            free_count: free.len(),
            longest: Cell::new(free.len()),
            fewest_free: free.len(),
            free,
            resident,
            free_pages: 0,
            huge: false,
            idle: 0,
            precommitted: false,
        }
    }

    pub(super) fn blocks(&self) -> usize {
        self.free.len()
    }

    /// Returns whether the chunk is made of what huge pages may back. Small chunks lie in malloc's own pages.
    pub(super) fn is_full_sized(&self) -> bool {
        self.blocks().is_multiple_of(CHUNK_BLOCKS)
    }

    /// Returns whether the chunk is decommitted: no block is taken, and no page resident.
    pub(super) fn is_decommitted(&self) -> bool {
        self.free_count == self.blocks() && self.free_pages == 0
    }

    /// Returns whether the chunk is mostly free: a block taken from a sparse chunk keeps the chunk from
    /// being decommitted.
    pub(super) fn is_sparse(&self) -> bool {
        self.free_count > self.blocks() / 2
    }

    fn at(&self, block: usize) -> NonNull<u8> {
        debug_assert!(block <= self.blocks());
        // SAFETY: inside the chunk.
        unsafe { self.base.add(block * BLOCK_SIZE) }
    }

    /// Finds a free run of `run` blocks: the first resident block, or for longer runs the tightest fit.
    pub(super) fn find(&self, run: usize) -> Option<usize> {
        if run == 1 {
            let with_us = || self.free.iter_ones().find(|&block| usize::from(self.resident[block]) == PAGES);
            return if self.free_pages > 0 { with_us() } else { None }.or_else(|| self.free.first_one());
        }
        if run > self.longest.get() {
            return None;
        }
        let mut best: Option<(usize, usize)> = None;
        let mut at = 0;
        while let Some(start) = self.free[at..].first_one().map(|i| at + i) {
            let end = self.free[start..].first_zero().map_or(self.blocks(), |i| start + i);
            let len = end - start;
            if len >= run && best.is_none_or(|(shortest, _)| len < shortest) {
                best = Some((len, start));
                if len == run {
                    break;
                }
            }
            at = end;
        }
        if best.is_none() {
            self.longest.set(run - 1);
        }
        best.map(|(_, start)| start)
    }

    /// Returns how many pages of the run are resident.
    pub(super) fn resident_in(&self, first: usize, run: usize) -> usize {
        self.resident[first..first + run].iter().map(|&pages| usize::from(pages)).sum()
    }

    /// Recommits a decommitted chunk: all of it where `huge`, else what is touched of it. Returns the pages that became
    /// resident.
    pub(super) fn recommit(&mut self, huge: bool) -> usize {
        debug_assert!(self.is_decommitted() && self.is_full_sized());
        self.back_with(huge);
        if huge {
            self.resident.fill(PAGES as u8);
            self.free_pages = self.blocks() * PAGES;
        }
        self.free_pages
    }

    /// Advises the system which kind of page to back the chunk with.
    pub(super) fn back_with(&mut self, huge: bool) {
        if huge {
            system::use_huge_pages(self.base, self.blocks() * BLOCK_SIZE);
        } else {
            system::use_small_pages(self.base, self.blocks() * BLOCK_SIZE);
        }
        self.huge = huge;
    }

    /// Takes free blocks, of which `pages` pages will be touched. Returns how many of those were not resident.
    pub(super) fn take(&mut self, first: usize, run: usize, pages: usize) -> usize {
        debug_assert!(self.free[first..first + run].all());
        self.free[first..first + run].fill(false);
        self.free_count -= run;
        self.free_pages -= self.resident_in(first, run);
        self.fewest_free = self.fewest_free.min(self.free_count);
        self.precommitted = false;
        self.touch(first, run, pages)
    }

    /// Books that the first pages of a run will be touched. Returns how many of them were not resident.
    pub(super) fn touch(&mut self, first: usize, run: usize, pages: usize) -> usize {
        let mut new = 0;
        for (index, resident) in self.resident[first..first + run].iter_mut().enumerate() {
            let needed = pages.saturating_sub(index * PAGES).min(PAGES) as u8;
            new += usize::from(needed.saturating_sub(*resident));
            *resident = needed.max(*resident);
        }
        new
    }

    /// Decommits the pages from `pages` on of a run taken again, which were not touched since. Returns their number.
    pub(super) fn decommit_from(&mut self, first: usize, run: usize, pages: usize) -> usize {
        if self.huge {
            self.back_with(false);
        }
        let (start, end) = (first * BLOCK_SIZE + pages * PAGE, (first + run) * BLOCK_SIZE);
        // SAFETY: inside the run of the caller, who has not touched it; nothing there is in use.
        if start == end || !unsafe { system::decommit(self.base.add(start), end - start) } {
            return 0;
        }
        let mut decommitted = 0;
        for (index, resident) in self.resident[first..first + run].iter_mut().enumerate() {
            let kept = (*resident).min(pages.saturating_sub(index * PAGES).min(PAGES) as u8);
            decommitted += usize::from(*resident - kept);
            *resident = kept;
        }
        decommitted
    }

    /// Makes the blocks of a run free.
    pub(super) fn free_run(&mut self, first: usize, run: usize) {
        debug_assert!(self.free[first..first + run].not_any(), "a block was freed twice");
        self.free[first..first + run].fill(true);
        self.free_count += run;
        self.longest.set(self.blocks());
        self.free_pages += self.resident_in(first, run);
    }

    /// Decommits a row of free blocks, of 2 MiB at most. Returns the number of pages: 0 where nothing is left, or the
    /// system refuses.
    pub(super) fn decommit(&mut self) -> usize {
        if self.free_pages == 0 {
            return 0;
        }
        let Some(first) = self.free.iter_ones().find(|&block| self.resident[block] > 0) else { return 0 };
        let most = self.blocks().min(first + CHUNK_BLOCKS);
        let end = self.free[first..most].first_zero().map_or(most, |run| first + run);
        if self.huge && self.free_count < self.blocks() {
            self.back_with(false);
        }
        // SAFETY: every block of the range is free: nothing reads it before `BlockPtr::format` writes it.
        if !unsafe { system::decommit(self.at(first), (end - first) * BLOCK_SIZE) } {
            return 0;
        }
        let decommitted = self.resident_in(first, end - first);
        self.resident[first..end].fill(0);
        self.free_pages -= decommitted;
        self.precommitted = false;
        decommitted
    }

    /// Books the end of another cycle. Returns whether free blocks are to be decommitted.
    pub(super) fn age(&mut self) -> bool {
        if self.idle < IDLE_CYCLES {
            let unneeded = core::mem::replace(&mut self.fewest_free, self.free_count);
            let is_idle = unneeded > self.blocks() / 2 && self.free_pages > 0;
            self.idle = if is_idle { self.idle + 1 } else { 0 };
        }
        self.idle == IDLE_CYCLES
    }
}
