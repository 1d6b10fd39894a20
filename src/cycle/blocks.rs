//! [`Blocks`]: the blocks of a heap, which are registered or part of the sweep in progress.

use super::drop_glue;
use super::registry::Registry;
use super::sweep::Sweep;
use super::sweeper;
use super::sweeping::{DropGlue, Sweeping, Swept, Visit};
use crate::active::Session;
use crate::mark::budget::Meter;
use crate::memory::NoMemory;
use crate::space::arena::Full;
use crate::space::block::{BlockPtr, Kind};
use crate::space::geometry::PAGES;

/// Most blocks that an allocation sweeps before it takes new memory.
const SWEEP_AT_ALLOCATION: usize = 32;

/// The blocks of a heap; see the module.
pub(crate) struct Blocks {
    pub registry: Registry,
    sweeping: Sweeping,
}

impl Blocks {
    pub(crate) fn new(limit: usize) -> Result<Blocks, NoMemory> {
        let registry = Registry::new(limit)?;
        let sweeping = Sweeping::new(&registry.arena)?;
        Ok(Blocks { registry, sweeping })
    }

    /// Sweeps a few blocks, until one with holes is found or one is free, even if other memory is free: taking new
    /// memory before a sweep is over would make the heap larger than necessary. Drops nothing: allocation runs no code
    /// of the user's.
    pub(crate) fn sweep_for(&mut self, kind: Kind, run: usize) {
        let used = self.used();
        for _ in 0..SWEEP_AT_ALLOCATION {
            let found = !self.registry.offers_none(kind, run) || self.used() < used;
            if found || self.sweep_next() == Visit::NoneLeft {
                break;
            }
        }
    }

    /// Visits the next block to be swept, for an allocation.
    fn sweep_next(&mut self) -> Visit {
        self.sweeping.visit_next(&mut self.registry, DropGlue::MustWait)
    }

    /// Takes an empty block, the first of a run of that length whose other blocks are not used yet. At the limit,
    /// sweeps all blocks that it can.
    pub(crate) fn take(&mut self, kind: Kind, run: usize, besides: usize) -> Result<BlockPtr, Full> {
        self.take_pages(run, PAGES, kind, false, besides)
    }

    /// Takes a run of blocks, of which `pages` pages are used, for several objects or a large one.
    pub(super) fn take_pages(
        &mut self,
        run: usize,
        pages: usize,
        kind: Kind,
        large: bool,
        besides: usize,
    ) -> Result<BlockPtr, Full> {
        let block = loop {
            let besides = besides.saturating_add(self.bytes() + self.registry.wanted());
            // SAFETY: until they are freed, blocks are in the lists of the registry, which has their arena, or in a
            // task, which has a share of the memory.
            match unsafe { self.registry.arena.take(run, pages, kind, large, besides) } {
                Ok(block) => break block,
                Err(full) if self.sweep_next() == Visit::NoneLeft => return Err(full),
                Err(_) => {}
            }
        };
        // SAFETY: a new block is swept, the mutator's (I7), and in no list.
        unsafe { self.registry.list(block) };
        Ok(block)
    }

    /// Lets the sweeper's thread commit the pages of the next chunk in advance, if a large heap has just grown.
    #[inline]
    pub(crate) fn precommit(&mut self) {
        let arena = &mut self.registry.arena;
        if let Some((base, bytes)) = arena.precommit() {
            // SAFETY: the chunk is of this arena, whose memory that is.
            unsafe { sweeper::have_pages_committed(base, bytes, arena.memory()) };
        }
    }

    /// Starts a sweep: all blocks are unswept from here on. Constant time, except for waking the thread.
    ///
    /// # Safety
    /// No other sweep may be in progress, and no hole be open (I2). `occupied` must be the bitmap of the survivors, and
    /// the other one parse (I3): the marker has flipped.
    pub(crate) unsafe fn start_sweep(&mut self, occupied: usize, mode: Sweep, overwrite: bool) {
        debug_assert!(self.is_swept(), "a cycle ended before the last one was swept");
        let blocks = self.registry.unregister_all();
        // SAFETY: no other sweep is in progress, so all blocks were registered, and are the mutator's (I7); the lines are
        // dropped, and no hole is open (I2). The bitmaps are the caller's promise.
        unsafe { self.sweeping.start(blocks, &self.registry.arena, occupied, mode, overwrite) };
    }

    /// Returns whether no block is unswept, undropped, or held by the sweeper.
    pub(crate) fn is_swept(&self) -> bool {
        self.sweeping.is_over()
    }

    /// Sweeps within the budget, drops included. Without `take_part`, leaves blocks that the sweeper has not reached
    /// yet to it, and only registers those that it has swept.
    pub(crate) fn sweep_some(&mut self, meter: &mut Meter, take_part: bool) -> Swept {
        self.sweeping.sweep_some(&mut self.registry, meter, take_part)
    }

    /// Returns the number of dead objects of the task that were dropped so far, on whatever thread.
    pub(crate) fn dropped(&self) -> usize {
        self.sweeping.dropped()
    }

    /// Iterates over the blocks of a sweep that are not registered yet: with those of the registry, all that are taken.
    pub(crate) fn unregistered(&self) -> impl Iterator<Item = BlockPtr> + '_ {
        self.sweeping.iter()
    }

    /// Drops every object with drop glue that was not dropped yet, dead or alive, of a heap that is being dropped.
    ///
    /// # Safety
    /// This must be the mutator's thread, no object be used from here on, and all holes be retired, so that `occupied`
    /// has every object.
    pub(crate) unsafe fn drop_everything(&mut self, occupied: usize) {
        let _suspended = Session::suspend();
        // SAFETY: passed on.
        unsafe { self.sweeping.drop_everything() };
        for block in self.registry.iter() {
            if block.kind() != Kind::Plain {
                // SAFETY: registered blocks are swept, and so the mutator's (I7); the rest is passed on. No list changes
                // meanwhile: drop code cannot reach the heap.
                unsafe { drop_glue::drop_all(block, occupied) };
            }
        }
    }

    /// Returns the bytes of memory that the lists of blocks and the maps of chunks take.
    pub(crate) fn bytes(&self) -> usize {
        self.registry.bytes() + self.sweeping.bytes()
    }

    /// Returns whether the limit leaves room for `bytes` bytes outside.
    pub(crate) fn has_room_besides(&self, bytes: usize) -> bool {
        self.used().saturating_add(bytes).saturating_add(self.bytes()) <= self.registry.arena.limit
    }

    /// Returns the bytes that may be allocated without a sweep: those that the limit leaves, and holes. `besides` bytes
    /// count towards the limit too.
    pub(crate) fn free(&self, besides: usize) -> usize {
        let taken = self.used().saturating_add(besides).saturating_add(self.bytes());
        self.registry.arena.limit.saturating_sub(taken).saturating_add(self.registry.offered())
    }

    /// Returns the bytes of blocks that are taken.
    pub(crate) fn used(&self) -> usize {
        self.registry.arena.used
    }

    /// Returns what is wrong with the lists of blocks, for the verifier.
    pub(crate) fn complaint(&self) -> Option<String> {
        self.registry.complaint().or_else(|| self.sweeping.complaint())
    }

    /// Digests the blocks with their bitmaps. The objects in them are digested by
    /// [`Collector::digest`](super::collector::Collector::digest).
    #[cfg(grisaille_faults)]
    pub(crate) fn digest(&self, marker: &crate::mark::marker::Marker, digest: &mut crate::space::digest::Digest<'_>) {
        let Blocks { registry, sweeping } = self;
        registry.digest(digest);
        sweeping.digest(marker.occupied(), digest);
        for block in registry.iter().chain(sweeping.iter()) {
            digest.block(block);
            digest.number(block.kind() as usize);
            digest.flag(block.is_large());
            digest.number(block.run());
            // SAFETY: no other thread has a block of this heap (asserted in `Sweeping::digest`).
            let front = unsafe { block.front() };
            digest.flag(front.mark_stack_overflowed.get());
            digest.number(front.live.get() as usize);
            digest.number(front.dropped_to.get() as usize);
            for bitmap in [marker.occupied(), marker.marked()] {
                // SAFETY: as above; the borrow ends with the call.
                digest.bits(unsafe { block.bits(bitmap) });
            }
        }
    }
}
