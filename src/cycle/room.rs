//! The limit: what counts towards it, and where an allocation is refused.
//!
//! Whatever a heap is refused, [`Collector::refuse`] is told of, and the caller answers with a [`HeapFull`](crate::HeapFull).

use super::collector::Collector;
use super::phase::Phase;

/// Bytes under the limit that blocks leave to the lists of roots at the least.
const LISTS: usize = 4096;

impl Collector {
    /// An allocation of so many bytes is refused. The next safepoint makes room, where a cycle can.
    pub(super) fn refuse(&self, bytes: usize) {
        if bytes <= self.pacer.limit.bytes() {
            self.refused.set(Some(self.cycle.get()));
            self.pacer.limit.refused(self.free());
            self.poll.set(true);
        }
    }

    /// Bytes that the limit leaves to allocate, in what is swept.
    pub fn free(&self) -> usize {
        self.blocks.borrow().free(self.besides_blocks())
    }

    /// Whether the limit leaves room for so many more bytes outside the heap. Where it does not, the collector is told
    /// that there is need.
    pub fn has_room_outside(&self, bytes: usize) -> bool {
        let has_room = self.leaves_room(bytes);
        if !has_room {
            self.refuse(bytes);
        }
        has_room
    }

    /// Whether the limit leaves room for so many more bytes outside the heap.
    pub fn leaves_room(&self, bytes: usize) -> bool {
        self.blocks.borrow().has_room_besides(self.outside().saturating_add(bytes))
    }

    /// Bytes outside of blocks that count towards the limit: those that objects own, and those that the collector's own
    /// lists and tables take. None of these may be borrowed.
    pub fn outside(&self) -> usize {
        self.pacer.external().saturating_add(self.marker.bytes() + self.lists())
    }

    /// Bytes that the lists of roots and the table of strings take.
    fn lists(&self) -> usize {
        self.counted_locals(0) + self.roots.bytes_of_tables() + self.strings.borrow().bytes()
    }

    /// Bytes of the lists of locals that count towards the limit, if these take so many more: those beyond a quarter of the
    /// limit. Each local takes 8 bytes, which an embedder who fills a heap to the brim does not think of.
    pub fn counted_locals(&self, more: usize) -> usize {
        (self.roots.bytes_of_locals() + more).saturating_sub(self.pacer.limit.bytes() / 4)
    }

    /// What counts towards the limit of so many more bytes of locals.
    pub fn counted_growth_of_locals(&self, bytes: usize) -> usize {
        self.counted_locals(bytes) - self.counted_locals(0)
    }

    /// Bytes that do not belong to blocks under the limit. When these have taken all that is theirs, the lists of roots can
    /// still grow by an eighth: a program that looks after each allocation has room to root what it allocated.
    pub(super) fn besides_blocks(&self) -> usize {
        self.outside().saturating_add((self.lists() / 8).max(LISTS))
    }

    /// A table of the kit takes other memory outside the heap than before.
    pub fn table_changed(&self, before: usize, after: usize) {
        if before != after && self.pacer.table_changed(before, after) {
            self.poll.set(true);
        }
        self.look_at_limit();
    }

    /// Objects own `delta` bytes more outside the heap than before.
    pub fn external_changed(&self, delta: isize) {
        if self.pacer.external_changed(delta) {
            self.poll.set(true);
        }
        self.look_at_limit();
    }

    /// Where little is left under the limit the next safepoint has something to do.
    pub(super) fn look_at_limit(&self) {
        if self.pacer.limit.exists()
            && self.pacer.pace.automatic
            && self.free() < self.pacer.wanted_free(self.phase.get() == Phase::Idle)
        {
            self.poll.set(true);
        }
    }

    /// Returns whether less is free under the limit than the reserve.
    pub fn is_short(&self) -> bool {
        self.pacer.limit.exists() && self.free() < self.pacer.reserve()
    }
}
