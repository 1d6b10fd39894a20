//! The slow path of allocation, when the current hole has no room: the next hole, or the next block. (Large objects have
//! blocks of their own: [`large`](super::large).) The colour of new objects is set here too.

use core::ptr::NonNull;

use super::collector::{AREAS, BirthColor, Collector};
use super::sweep::Sweep;
use crate::space::alignment::Alignment;
use crate::space::arena::Full;
use crate::space::block::{BIG, BIG_RUN, KINDS, Kind, LARGE};
use crate::space::header::{ObjectPtr, TypeInfo};
use crate::space::holes::Bump;

/// Size in bytes above which objects get blocks of their own size class, so that they do not skip small holes.
pub(crate) const MEDIUM: usize = 512;

/// Number of blocks with holes that are tried for an object while there is other memory.
const TRIES: usize = 8;

impl Collector {
    /// Returns the bump area for objects of that size, which must not be big.
    #[inline(always)]
    pub(crate) fn bump(&self, kind: Kind, bytes: usize, alignment: Alignment) -> &Bump {
        &self.bumps[alignment as usize * AREAS + kind as usize + if bytes > MEDIUM { KINDS } else { 0 }]
    }

    /// Returns the bump area for big objects.
    fn bump_of_big(&self, kind: Kind, alignment: Alignment) -> &Bump {
        &self.bumps[alignment as usize * AREAS + 2 * KINDS + kind as usize]
    }

    /// Reserves memory for an object, by the slow path.
    ///
    /// # Safety
    /// `bytes` must be a multiple of the [unit](Alignment::unit) of the alignment and not 0. Before the next safepoint, and
    /// before a walk reaches the memory, it must hold an object of that size (I3, I4).
    #[cold]
    pub(crate) unsafe fn reserve(&self, bytes: usize, kind: Kind, alignment: Alignment) -> Option<NonNull<u8>> {
        // SAFETY: passed on.
        let at = unsafe { self.find_room(bytes, kind, alignment) };
        if at.is_none() {
            self.refuse(bytes);
        }
        self.look_at_limit();
        if self.sweep.get() == Sweep::Concurrent {
            self.blocks.borrow_mut().precommit();
        }
        at
    }

    /// # Safety
    /// As for [`reserve`](Collector::reserve).
    unsafe fn find_room(&self, bytes: usize, kind: Kind, alignment: Alignment) -> Option<NonNull<u8>> {
        if bytes > LARGE {
            // SAFETY: passed on.
            return unsafe { self.reserve_large(bytes, kind, alignment) };
        }
        let is_big = bytes > BIG;
        let bump = if is_big { self.bump_of_big(kind, alignment) } else { self.bump(kind, bytes, alignment) };
        // The fast path leaves big objects to this one.
        if is_big {
            // SAFETY: passed on.
            let taken = unsafe { self.take_from(bump, bytes) };
            if taken.is_some() {
                return taken;
            }
        }
        let (occupied, marked) = (self.marker.occupied(), self.marker.marked());
        self.booked_in(bump, bump.retire(occupied, marked));
        if !bump.next_hole(occupied, bytes) {
            self.enter_next_block(bump, bytes, kind)?;
        }
        if self.birth.get() != BirthColor::White {
            bump.premark(marked);
        }
        // SAFETY: passed on.
        unsafe { self.take_from(bump, bytes) }
    }

    /// Takes memory for an object from the current hole, or from one that begins there and ends behind its block.
    ///
    /// # Safety
    /// As for [`reserve`](Collector::reserve); `bytes` must be at most [`LARGE`].
    unsafe fn take_from(&self, bump: &Bump, bytes: usize) -> Option<NonNull<u8>> {
        // SAFETY: passed on.
        if let Some(at) = unsafe { bump.take(bytes) } {
            return Some(at);
        }
        let (block, end) = bump.across(bytes)?;
        let outside = self.besides_blocks();
        // SAFETY: the area is in the block, which is this heap's, and the mutator's (I7).
        unsafe { self.blocks.borrow_mut().registry.arena.extend(block, end, outside) }.ok()?;
        // SAFETY: `across` found room, and the block was extended; the rest is passed on.
        Some(unsafe { bump.take_across(bytes) })
    }

    /// Moves the area to a block that has a hole for the object.
    fn enter_next_block(&self, bump: &Bump, bytes: usize, kind: Kind) -> Option<()> {
        let occupied = self.marker.occupied();
        let (run, other) = if bytes > BIG { (BIG_RUN, 1) } else { (1, BIG_RUN) };
        // SAFETY: `offer` and `take` give blocks that are swept and the mutator's (I7), and that no area has: blocks of
        // areas are in no line. All are left before the next sweep begins (`retire_holes`).
        let fits = |block| unsafe { bump.enter_block(block, occupied, bytes) };
        let outside = self.besides_blocks();
        let mut blocks = self.blocks.borrow_mut();
        // Some block may have a hole for the object, but a search through all of them has no bound: a few are tried
        // before an empty block is taken, and all only at the limit.
        if blocks.registry.offer(kind, run, TRIES, fits) {
            return Some(());
        }
        blocks.sweep_for(kind, run);
        if blocks.registry.offer(kind, run, TRIES, fits) {
            return Some(());
        }
        match blocks.take(kind, run, outside) {
            Ok(block) => fits(block),
            Err(Full) => [run, other].into_iter().any(|run| blocks.registry.offer(kind, run, usize::MAX, fits)),
        }
        .then_some(())
    }

    /// Reserves memory for an object of a fixed size, by the slow path, and writes its header.
    ///
    /// # Safety
    /// `bytes` must be the size of an object of this type, whose payload must be written before the next safepoint.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn reserve_object(&self, bytes: usize, kind: Kind, info: &'static TypeInfo) -> Option<ObjectPtr> {
        // SAFETY: the size of an object is in whole units (`object_bytes`); the header is written below, the rest is passed
        // on.
        let at = unsafe { self.reserve(bytes, kind, info.alignment) }?;
        // SAFETY: the bytes were just reserved, and have room for a header.
        let object = unsafe { ObjectPtr::write(at, info) };
        self.born(object);
        Some(object)
    }

    /// Gives a new object, whose header has just been written, the colour of new objects, as far as the header tells it.
    #[inline(always)]
    pub(crate) fn born(&self, object: ObjectPtr) {
        if self.births_are_grey() && object.info().needs_trace {
            object.set_queued(true);
        }
    }

    /// Notes the blocks with open holes in which objects were born grey, without booking their bytes: for the verifier.
    pub(crate) fn note_grey_births(&self) {
        if self.births_are_grey() {
            let open = self.bumps.iter().filter(|bump| bump.taken() > 0);
            open.filter_map(Bump::block).for_each(|block| self.marker.note_grey_block(block));
        }
    }

    /// Books bytes allocated in a hole, and notes its block if they were born grey.
    fn booked_in(&self, bump: &Bump, bytes: usize) {
        if bytes > 0
            && self.births_are_grey()
            && let Some(block) = bump.block()
        {
            self.marker.note_grey_block(block);
        }
        self.booked(bytes);
    }

    /// Books allocated bytes, a hole at a time.
    pub(super) fn booked(&self, bytes: usize) {
        self.counters.bytes_allocated.set(self.counters.bytes_allocated.get() + bytes as u64);
        if self.birth.get() != BirthColor::White {
            self.born_black.set(self.born_black.get() + bytes);
        }
        if self.pacer.allocated(bytes) {
            self.poll.set(true);
        }
    }

    /// Books the bytes allocated in the open holes.
    pub(crate) fn checkpoint(&self) {
        for bump in &self.bumps {
            self.booked_in(bump, bump.checkpoint(self.marker.occupied()));
        }
    }

    /// Changes the colour of new objects.
    pub(crate) fn set_birth(&self, birth: BirthColor) {
        self.checkpoint();
        if birth != BirthColor::White && self.birth.get() == BirthColor::White {
            self.black_from.set(self.objects_allocated());
        }
        self.birth.set(birth);
        if birth != BirthColor::White {
            self.bumps.iter().for_each(|bump| bump.premark(self.marker.marked()));
        }
    }

    /// Closes all holes and leaves their blocks (I2). Objects are born white from here on.
    pub(crate) fn retire_holes(&self) {
        for bump in &self.bumps {
            self.booked_in(bump, bump.retire(self.marker.occupied(), self.marker.marked()));
            bump.leave_block();
        }
        self.birth.set(BirthColor::White);
    }
}
