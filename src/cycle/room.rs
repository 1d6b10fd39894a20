//! The limit: what counts towards it, and where an allocation is refused.
//!
//! A refusal for lack of room under the limit is booked by [`Collector::refuse`], and the caller returns a
//! [`HeapFull`](crate::HeapFull). A request that the system refuses, or that no limit could grant, is an error without
//! being booked: no cycle would help. (The limit of blocks is checked in `space/arena.rs`.)

use super::collector::Collector;
use super::event::Event;
use super::phase::Phase;

/// Least bytes under the limit that blocks leave to the lists of roots.
const LISTS: usize = 4096;

impl Collector {
    /// Books the refusal of an allocation. The next safepoint makes room, if a cycle can.
    pub(super) fn refuse(&self, bytes: usize) {
        self.tell(|| Event::Refused { bytes });
        if bytes <= self.pacer.limit.bytes() {
            self.refused.set(Some(self.cycle.get()));
            self.pacer.limit.refused(self.free());
            self.poll.set(true);
        }
    }

    /// Returns the bytes that the limit leaves to allocate without a sweep.
    pub(crate) fn free(&self) -> usize {
        self.blocks.borrow().free(self.besides_blocks())
    }

    /// Returns whether the limit leaves room for `bytes` more bytes outside the heap. If not, books a refusal.
    pub(crate) fn has_room_outside(&self, bytes: usize) -> bool {
        let has_room = self.leaves_room(bytes);
        if !has_room {
            self.refuse(bytes);
        }
        has_room
    }

    /// Returns whether the limit leaves room for `bytes` more bytes outside the heap.
    pub(crate) fn leaves_room(&self, bytes: usize) -> bool {
        self.blocks.borrow().has_room_besides(self.outside().saturating_add(bytes))
    }

    /// Returns the bytes outside of blocks that count towards the limit: those that objects own, and those that the
    /// collector's own lists and tables take. None of these may be borrowed.
    pub(crate) fn outside(&self) -> usize {
        self.pacer.external().saturating_add(self.marker.bytes() + self.lists())
    }

    /// Returns the bytes that the lists of roots and the table of strings take.
    fn lists(&self) -> usize {
        self.counted_locals(0) + self.roots.bytes_of_tables() + self.strings.borrow().bytes()
    }

    /// Returns the bytes of the lists of locals that count towards the limit if these take `more` bytes more: those
    /// beyond a quarter of the limit. A local takes 8 bytes, which an embedder who fills a heap up to the limit may not
    /// account for.
    pub(crate) fn counted_locals(&self, more: usize) -> usize {
        (self.roots.bytes_of_locals() + more).saturating_sub(self.pacer.limit.bytes() / 4)
    }

    /// Returns the part that counts towards the limit of `bytes` more bytes of locals.
    pub(crate) fn counted_growth_of_locals(&self, bytes: usize) -> usize {
        self.counted_locals(bytes) - self.counted_locals(0)
    }

    /// Returns the bytes under the limit that blocks must leave free. When blocks have taken all others, the lists of
    /// roots can still grow by an eighth, so that a program that checks each allocation can root what it allocated.
    pub(super) fn besides_blocks(&self) -> usize {
        self.outside().saturating_add((self.lists() / 8).max(LISTS))
    }

    /// Books a change of the bytes that a table of the kit takes outside the heap.
    pub(crate) fn table_changed(&self, before: usize, after: usize) {
        if before != after && self.pacer.table_changed(before, after) {
            self.poll.set(true);
        }
        self.look_at_limit();
    }

    /// Books that objects own `delta` bytes more outside the heap than before.
    pub(crate) fn external_changed(&self, delta: isize) {
        if self.pacer.external_changed(delta) {
            self.poll.set(true);
        }
        self.look_at_limit();
    }

    /// Sets `poll` if little is left under the limit.
    pub(super) fn look_at_limit(&self) {
        if self.pacer.limit.exists()
            && self.pacer.pace.automatic
            && self.free() < self.pacer.wanted_free(self.phase.get() == Phase::Idle)
        {
            self.poll.set(true);
        }
    }

    /// Returns whether less than the reserve is free under the limit.
    pub(crate) fn is_short(&self) -> bool {
        self.pacer.limit.exists() && self.free() < self.pacer.reserve()
    }
}
