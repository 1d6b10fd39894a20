//! Large objects, of more than [`LARGE`](crate::space::block::LARGE) bytes: each is alone in a run of blocks of its own.
//!
//! * **Allocated** here, at the first granule of the run that suits their alignment: the run is taken from the arena,
//!   and only the pages that the object needs of it are used.
//! * **Marked** by the bitmap of the run's first block. The object's bits there go to the end of that block at the most.
//! * **Freed** by [`Registry::register`](super::registry::Registry::register), after the run was swept: a run without a
//!   live object is freed as a whole. Holes of a large object's run are not offered for allocation.

use core::ptr::NonNull;

use super::blocks::Blocks;
use super::collector::{BirthColor, Collector};
use crate::space::alignment::Alignment;
use crate::space::arena::Full;
use crate::space::bitmap;
use crate::space::block::{BlockPtr, FIRST_GRANULE, Kind};
use crate::space::geometry::{GRANULE, GRANULES, PAGE, PAGES};
use crate::space::poison;

impl Collector {
    /// Reserves memory for a large object, in blocks of its own.
    ///
    /// # Safety
    /// As for [`reserve`](Collector::reserve); `bytes` must be more than [`LARGE`](crate::space::block::LARGE).
    pub(super) unsafe fn reserve_large(&self, bytes: usize, kind: Kind, alignment: Alignment) -> Option<NonNull<u8>> {
        let start = alignment.first_header(FIRST_GRANULE);
        let room = bytes.checked_add(start * GRANULE)?;
        let outside = self.besides_blocks();
        let block = self.blocks.borrow_mut().take_large(room.div_ceil(PAGE), kind, outside).ok()?;
        let granules = (bytes / GRANULE).min(GRANULES - start);
        // SAFETY: a new block is swept, and the mutator's (I7).
        bitmap::set_run(unsafe { block.bits(self.marker.occupied()) }, start, granules);
        if self.birth.get() != BirthColor::White {
            // SAFETY: as above.
            bitmap::set_run(unsafe { block.bits(self.marker.marked()) }, start, granules);
        }
        if self.births_are_grey() {
            self.marker.note_grey_block(block);
        }
        self.counters.large_objects.set(self.counters.large_objects.get() + 1);
        self.booked(bytes);
        // SAFETY: a granule of the block.
        let at = unsafe { block.at(start) };
        poison::unpoison(at, bytes);
        Some(at)
    }
}

impl Blocks {
    /// Takes a run of blocks for one large object, which uses `pages` pages of it.
    pub(super) fn take_large(&mut self, pages: usize, kind: Kind, besides: usize) -> Result<BlockPtr, Full> {
        self.take_pages(pages.div_ceil(PAGES), pages, kind, true, besides)
    }
}
