//! Bump allocation through the holes of a block.
//!
//! What was tried to make this faster and gained nothing is in `docs/experiments.md`, "Bump allocation".

use core::cell::Cell;
use core::ptr::{NonNull, null_mut};

use super::alignment::Alignment;
use super::bitmap;
use super::block::{BlockPtr, FIRST_GRANULE};
use super::geometry::{BLOCK_SIZE, GRANULE, GRANULES};
use super::poison;
use crate::fault::{self, Fault};

/// One past the last granule of a block.
fn end_of(block: BlockPtr) -> *mut u8 {
    // SAFETY: at most `GRANULES`.
    unsafe { block.at(GRANULES) }.as_ptr()
}

/// Allocates by bumping a cursor through the hole it holds.
///
/// ```text
///   start          cursor            end
///     | objects ... | free ........... | an object that survived
/// ```
///
/// All three are null where no hole is held. The cursor is always where a header of the area's [`Alignment`] may stand.
pub(crate) struct Bump {
    cursor: Cell<*mut u8>,
    end: Cell<*mut u8>,
    /// Objects allocated here so far (I5).
    pub objects: Cell<usize>,
    start: Cell<*mut u8>,
    /// The block in which holes are looked for: swept, and the mutator's while it is in this field (I7), which the
    /// caller of [`enter_block`](Bump::enter_block) promises. The hole lies in it.
    block: Cell<Option<BlockPtr>>,
    /// Whether `[cursor, end)` is marked ahead (I2).
    premarked: Cell<bool>,
    /// The alignment of the objects that are allocated here.
    alignment: Alignment,
}

impl Bump {
    pub(crate) fn new(alignment: Alignment) -> Bump {
        Bump {
            cursor: Cell::new(null_mut()),
            end: Cell::new(null_mut()),
            objects: Cell::new(0),
            start: Cell::new(null_mut()),
            block: Cell::new(None),
            premarked: Cell::new(false),
            alignment,
        }
    }

    /// Fast path of allocation: a compare and an add.
    ///
    /// # Safety
    /// `bytes` must be a multiple of the [unit](Alignment::unit) of the area's alignment, not 0, and at most
    /// [`LARGE`](super::block::LARGE). Before a walk comes across these bytes they must hold an object of that size (I3,
    /// I4).
    #[inline(always)]
    pub(crate) unsafe fn take(&self, bytes: usize) -> Option<NonNull<u8>> {
        let at = self.cursor.get();
        debug_assert!(bytes.is_multiple_of(GRANULE) && bytes > 0);
        // Addresses are below 2^63 and objects below a block: no overflow. A null end fails for every size.
        debug_assert!(bytes <= super::block::LARGE);
        if at.addr() + bytes > self.end.get().addr() {
            return None;
        }
        debug_assert!(self.alignment.suits(at.addr(), bytes));
        self.objects.set(self.objects.get() + 1);
        // SAFETY: `at + bytes` is at most `end`, inside the block; `at` is not null, since null + bytes > null.
        let taken = unsafe {
            self.cursor.set(at.add(bytes));
            NonNull::new_unchecked(at)
        };
        poison::unpoison(taken, bytes);
        Some(taken)
    }

    /// Returns the block and the end, in its run, of an object of `bytes` that begins in the hole and ends behind the
    /// block. `None` where the hole is not the block's last or the run is too short.
    pub(crate) fn across(&self, bytes: usize) -> Option<(BlockPtr, usize)> {
        let (block, at) = (self.block.get()?, self.cursor.get());
        if at >= self.end.get() || self.end.get() != end_of(block) {
            return None;
        }
        let end = block.granule(at) * GRANULE + bytes;
        (end <= block.run() * BLOCK_SIZE).then_some((block, end))
    }

    /// Takes such an object. The hole is used up: behind the first block of a run no header can stand.
    ///
    /// # Safety
    /// [`across`](Bump::across) must have just said that there is room for it, and the memory counted as used; else as for
    /// [`take`](Bump::take).
    pub(crate) unsafe fn take_across(&self, bytes: usize) -> NonNull<u8> {
        let at = self.cursor.get();
        self.objects.set(self.objects.get() + 1);
        // SAFETY: the cursor is in a hole, so not null, and the run goes on for so many bytes, by the caller's word.
        let taken = unsafe {
            self.cursor.set(at.add(bytes));
            NonNull::new_unchecked(at)
        };
        poison::unpoison(taken, bytes);
        taken
    }

    /// Returns the block in which holes are looked for.
    pub(crate) fn block(&self) -> Option<BlockPtr> {
        self.block.get()
    }

    /// Returns the bytes taken from the current hole.
    pub(crate) fn taken(&self) -> usize {
        self.cursor.get().addr() - self.start.get().addr()
    }

    /// Returns the unused part of the hole, where it lies in `block`: walks stop there (I3).
    pub(crate) fn unused(&self, block: BlockPtr) -> Option<(usize, usize)> {
        if self.block.get() != Some(block) || self.cursor.get() >= self.end.get() {
            return None;
        }
        Some((block.granule(self.cursor.get()), block.granule(self.end.get())))
    }

    /// Returns the part of the hole that is allocated and not yet in `occupied`, where it lies in `block`.
    pub(crate) fn fresh(&self, block: BlockPtr) -> Option<(usize, usize)> {
        if self.block.get() != Some(block) || self.cursor.get() == self.start.get() {
            return None;
        }
        // What lies behind the block has no bits.
        Some((block.granule(self.start.get()), block.granule(self.cursor.get()).min(GRANULES)))
    }

    /// Marks the unused tail, so that what is allocated in it is born black at no cost (allocate-black).
    pub(crate) fn premark(&self, marked: usize) {
        let Some(block) = self.block.get() else { return };
        if self.premarked.replace(true) {
            return;
        }
        if let Some((from, to)) = self.unused(block) {
            // SAFETY: blocks that are allocated in are swept and the mutator's (I7): see the field.
            bitmap::set_run(unsafe { block.bits(marked) }, from, to - from);
        }
    }

    /// Records in `occupied` what was allocated so far, and returns its bytes. From here on the hole starts at the
    /// cursor.
    pub(crate) fn checkpoint(&self, occupied: usize) -> usize {
        let Some(block) = self.block.get() else { return 0 };
        let bytes = self.taken();
        if let Some((from, to)) = self.fresh(block) {
            // SAFETY: blocks that are allocated in are swept and the mutator's (I7): see the field.
            bitmap::set_run(unsafe { block.bits(occupied) }, from, to - from);
            self.start.set(self.cursor.get());
        }
        bytes
    }

    /// Retires the hole (I1), and returns the bytes that were allocated in it.
    pub(crate) fn retire(&self, occupied: usize, marked: usize) -> usize {
        let Some(block) = self.block.get() else { return 0 };
        let bytes = if fault::is(Fault::RetiresWithoutRecording) { self.taken() } else { self.checkpoint(occupied) };
        if self.premarked.replace(false)
            && !fault::is(Fault::LeavesTailMarked)
            && let Some((from, to)) = self.unused(block)
        {
            // SAFETY: as above.
            bitmap::clear_run(unsafe { block.bits(marked) }, from, to - from);
        }
        self.cursor.set(null_mut());
        self.end.set(null_mut());
        self.start.set(null_mut());
        bytes
    }

    /// Forgets the block, whose hole was retired, before the block becomes unswept.
    pub(crate) fn leave_block(&self) {
        debug_assert!(self.cursor.get().is_null(), "I2: a hole is retired before its block is left");
        self.block.set(None);
    }

    /// Moves to the next hole of the current block that has room for `bytes`; a block's last hole may use the rest of
    /// its run. The hole before must be retired.
    pub(crate) fn next_hole(&self, occupied: usize, bytes: usize) -> bool {
        let Some(block) = self.block.get() else { return false };
        // SAFETY: the block is swept, and the mutator's (I7): see the field.
        unsafe { self.enter_hole(block, occupied, bytes) }
    }

    /// Moves into another block. The hole before must be retired.
    ///
    /// # Safety
    /// The block must be swept, and the mutator's (I7) until this area has [left](Bump::leave_block) it or entered
    /// another. No other area may have entered it. `occupied` must be the bitmap of what is allocated in it.
    pub(crate) unsafe fn enter_block(&self, block: BlockPtr, occupied: usize, bytes: usize) -> bool {
        // SAFETY: the mutator's: the caller's word.
        unsafe { block.front() }.scan.set(FIRST_GRANULE as u32);
        // A block that is refused belongs to no area.
        // SAFETY: passed on.
        let entered = unsafe { self.enter_hole(block, occupied, bytes) };
        self.block.set(entered.then_some(block));
        entered
    }

    #[cfg(grisaille_faults)]
    pub(crate) fn digest(&self, digest: &mut crate::space::digest::Digest<'_>) {
        let Bump { cursor, end, objects: _, start, block, premarked, alignment: _ } = self;
        for address in [cursor, end, start] {
            digest.address(address.get().addr());
        }
        digest.flag(premarked.get());
        digest.flag(block.get().is_some());
        if let Some(block) = block.get() {
            digest.block(block);
            // SAFETY: the mutator's (I7): see the field.
            digest.number(unsafe { block.front() }.scan.get() as usize);
        }
    }

    /// # Safety
    /// As for [`enter_block`](Bump::enter_block).
    unsafe fn enter_hole(&self, block: BlockPtr, occupied: usize, bytes: usize) -> bool {
        // SAFETY: the mutator's: the caller's word.
        let front = unsafe { block.front() };
        let from = front.scan.get() as usize;
        // SAFETY: as above; a leaf borrow.
        let words = unsafe { block.bits(occupied) };
        let hole = self.alignment.next_hole(words, from, bytes / GRANULE).or_else(|| {
            // The block's last hole goes on in the next block of the run.
            let start = self.alignment.first_header(bitmap::last_hole(words).max(FIRST_GRANULE));
            (block.run() > 1 && start >= from && start < GRANULES).then_some((start, GRANULES))
        });
        let Some((start, end)) = hole else { return false };
        debug_assert!(start >= FIRST_GRANULE && end <= GRANULES);
        front.scan.set(end as u32);
        // SAFETY: a hole lies within its block.
        let (start, end) = unsafe { (block.at(start).as_ptr(), block.at(end).as_ptr()) };
        self.start.set(start);
        self.cursor.set(start);
        self.end.set(end);
        true
    }
}
