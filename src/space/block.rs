//! A block: 32 KiB, aligned to its size, with its two bitmaps in front.

use core::cell::{Cell, UnsafeCell};
use core::ptr::NonNull;

use super::bitmap::{self, Words};
use super::geometry::{BLOCK_SIZE, GRANULE, GRANULES, WORDS};
use super::header::ObjectPtr;
use super::poison;
use crate::sync::watch::{self, Watched};

#[cfg(loom)]
const _: () = assert!(watch::BLOCK_SIZE == BLOCK_SIZE);

/// The first granule that an object may take.
pub(crate) const FIRST_GRANULE: usize = size_of::<Block>().div_ceil(GRANULE);
/// Bytes of a block that objects may take.
pub(crate) const BLOCK_ROOM: usize = (GRANULES - FIRST_GRANULE) * GRANULE;
/// Objects of more bytes than this are big: they lie several in each run of two blocks, and only the slow path
/// allocates them. All headers are in the first block; the last object may end in the second one, of which no more is
/// used. (Single blocks would waste up to half of their room: `docs/experiments.md`, "Memory of big objects".)
pub(crate) const BIG: usize = 4096;
/// Blocks of a run of big objects.
pub(crate) const BIG_RUN: usize = 2;
/// Objects of more bytes than this are large: each has a run of blocks of its own.
pub(crate) const LARGE: usize = BLOCK_ROOM;

/// Where the drop glue of a block's objects runs. A block holds objects of one kind, so that a sweep of the other kinds
/// touches no object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    /// No object has drop glue.
    Plain = 0,
    /// Drop glue runs on the mutator's thread, in bounded batches.
    Drop = 1,
    /// Drop glue may run on the sweeper's thread.
    BackgroundDrop = 2,
}

/// The number of kinds.
pub(crate) const KINDS: usize = 3;

/// The front of a block. `kind`, `large`, `chunk` and `run` do not change while the block is taken, so every holder of
/// its memory may read them; all other fields are for whoever may touch the block (I7).
#[repr(C, align(64))]
pub(crate) struct Block {
    kind: Kind,
    /// Mark-stack overflow: a grey object of this block may be recorded by its mark bit and header flag only.
    pub mark_stack_overflowed: Watched<bool>,
    /// Whether this is the run of one large object, which begins at the first granule.
    large: bool,
    /// The number of the chunk that the block was cut from.
    chunk: u32,
    /// Blocks of its run: 1, or more for a large object or for big ones.
    run: u32,
    /// Pages of the run that are used, from its front: all, unless it is longer than one block. Used by the mutator
    /// only.
    pages: Cell<u32>,
    /// Granules that survived the last sweep. The sweeping thread writes this before it publishes the block.
    pub live: Watched<u32>,
    /// The granule from which the allocator looks for the next hole.
    pub scan: Watched<u32>,
    /// The granule up to which dead objects have been dropped in this sweep (I6).
    pub dropped_to: Watched<u32>,
    /// The next block with `mark_stack_overflowed`, in no order.
    pub next_overflowed: Watched<Option<BlockPtr>>,
    /// The next block in the list of those that are offered for allocation.
    pub next_offered: Watched<Option<BlockPtr>>,
    /// The next block in the list of those that only the mutator sweeps.
    pub next_own: Watched<Option<BlockPtr>>,
    bits: [UnsafeCell<Words>; 2],
}

/// A block by address. `Send`: threads take blocks from each other by their state in a sweep's job (I7).
///
/// A `BlockPtr` does not keep its block. Whoever makes one ([`BlockPtr::format`],
/// [`Arena::take`](super::arena::Arena::take)) promises that neither it nor a copy of it is used when the block has
/// been freed, or the last share of its memory dropped: `Registry` has blocks beside their arena, a job beside its
/// share of the memory, and an [`ObjectPtr`] is not used any longer either. So the fields of a block that never change
/// are safe to read. To read or write the others a caller promises that the block is its own just now: see
/// [`front`](BlockPtr::front).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct BlockPtr(NonNull<Block>);

// SAFETY: a BlockPtr is an address; who may touch what it points to is settled by the block's state (I7).
unsafe impl Send for BlockPtr {}
// SAFETY: as above.
unsafe impl Sync for BlockPtr {}

impl BlockPtr {
    /// Makes a block in raw memory.
    ///
    /// # Safety
    /// `base` must be the start of `run` free blocks, aligned to `BLOCK_SIZE`, which the caller owns. Neither what is returned
    /// nor a copy of it may be used when they are free again.
    pub(crate) unsafe fn format(
        base: NonNull<u8>,
        run: usize,
        pages: usize,
        chunk: usize,
        kind: Kind,
        large: bool,
    ) -> BlockPtr {
        let block = base.cast::<Block>();
        watch::taken(base.addr().get(), run * BLOCK_SIZE);
        // The rest stays poisoned until it is allocated.
        poison::unpoison(base, size_of::<Block>());
        // SAFETY: the caller owns the memory; it is large and aligned enough.
        unsafe {
            block.write(Block {
                kind,
                mark_stack_overflowed: Watched::new(false),
                large,
                chunk: chunk as u32,
                run: run as u32,
                pages: Cell::new(pages as u32),
                live: Watched::new(0),
                scan: Watched::new(FIRST_GRANULE as u32),
                dropped_to: Watched::new(FIRST_GRANULE as u32),
                next_overflowed: Watched::new(None),
                next_offered: Watched::new(None),
                next_own: Watched::new(None),
                bits: [UnsafeCell::new([0; WORDS]), UnsafeCell::new([0; WORDS])],
            });
        }
        BlockPtr(block)
    }

    #[inline(always)]
    pub(crate) fn of(object: ObjectPtr) -> BlockPtr {
        let block = object.addr() & !(BLOCK_SIZE - 1);
        let block = object.payload().as_ptr().map_addr(|_| block).cast::<Block>();
        // SAFETY: blocks are aligned to their size and never lie at address zero.
        BlockPtr(unsafe { NonNull::new_unchecked(block) })
    }

    #[inline(always)]
    pub(crate) fn kind(self) -> Kind {
        watch::reads_front(self.0.addr().get());
        // SAFETY: the block is taken, by the word of whoever made this, so its memory is there and this field not written.
        unsafe { (*self.0.as_ptr()).kind }
    }

    #[inline(always)]
    pub(crate) fn is_large(self) -> bool {
        watch::reads_front(self.0.addr().get());
        // SAFETY: as in `kind`.
        unsafe { (*self.0.as_ptr()).large }
    }

    pub(crate) fn run(self) -> usize {
        watch::reads_front(self.0.addr().get());
        // SAFETY: as in `kind`.
        unsafe { (*self.0.as_ptr()).run as usize }
    }

    pub(crate) fn chunk(self) -> usize {
        watch::reads_front(self.0.addr().get());
        // SAFETY: as in `kind`.
        unsafe { (*self.0.as_ptr()).chunk as usize }
    }

    /// Returns the pages of the run that are used.
    ///
    /// # Safety
    /// The caller must be the mutator's thread: no other reads or writes this.
    pub(crate) unsafe fn pages(self) -> usize {
        // SAFETY: as in `kind`; one thread's, by the caller's word.
        unsafe { (*self.0.as_ptr()).pages.get() as usize }
    }

    /// # Safety
    /// As for [`pages`](BlockPtr::pages).
    pub(crate) unsafe fn set_pages(self, pages: usize) {
        // SAFETY: as in `pages`.
        unsafe { (*self.0.as_ptr()).pages.set(pages as u32) };
    }

    /// Returns the front of the block, for the thread that may touch it.
    ///
    /// # Safety
    /// The block must be the caller's to touch (I7) for as long as the reference is used.
    #[inline(always)]
    pub(crate) unsafe fn front<'x>(self) -> &'x Block {
        // SAFETY: the block is taken, by the word of whoever made this, so its memory is there; nobody else touches it, by the
        // caller's word.
        unsafe { self.0.as_ref() }
    }

    /// Returns the address of a granule.
    ///
    /// # Safety
    /// `granule` must be at most [`GRANULES`].
    #[inline(always)]
    pub(crate) unsafe fn at(self, granule: usize) -> NonNull<u8> {
        debug_assert!(granule <= GRANULES);
        // SAFETY: within the block, or one past it: the caller's word.
        unsafe { self.0.cast::<u8>().add(granule * GRANULE) }
    }

    /// Returns the granule of an address inside the block; of one past it, `GRANULES`.
    #[inline(always)]
    pub(crate) fn granule(self, address: *mut u8) -> usize {
        (address.addr() - self.0.as_ptr().addr()) / GRANULE
    }

    pub(crate) fn base(self) -> NonNull<u8> {
        self.0.cast()
    }

    /// Returns the object whose header is at `granule`.
    ///
    /// # Safety
    /// A written header must stand there (I3). What is returned must not be used when the block is free again.
    #[inline(always)]
    pub(crate) unsafe fn object(self, granule: usize) -> ObjectPtr {
        // SAFETY: passed on; a header stands below `GRANULES`.
        unsafe { ObjectPtr::from_header(self.at(granule)) }
    }

    /// Returns a bitmap, for the thread that may touch this block (I7).
    ///
    /// # Safety
    /// The block must be the caller's to touch (I7), and no other reference to this bitmap may be live; callers
    /// keep the borrow within one expression or one leaf function.
    #[inline(always)]
    pub(crate) unsafe fn bits<'x>(self, which: usize) -> &'x mut Words {
        watch::writes_body(self.0.addr().get());
        // SAFETY: in bounds; exclusive by the caller's word. Only this field is borrowed.
        unsafe {
            &mut *(&raw const (*self.0.as_ptr()).bits)
                .cast::<UnsafeCell<Words>>()
                .add(which & 1)
                .cast::<Words>()
                .cast_mut()
        }
    }

    /// Returns the address of one word of a bitmap, to be prefetched.
    ///
    /// # Safety
    /// `word` must be below `WORDS`.
    #[inline(always)]
    pub(crate) unsafe fn bits_word(self, which: usize, word: usize) -> *const u64 {
        // SAFETY: in bounds by the caller's word; no reference is made.
        unsafe { (&raw const (*self.0.as_ptr()).bits).cast::<u64>().add((which & 1) * WORDS + word) }
    }

    /// Finds the first dead object at or after `from`: one in `occupied` and not in `marked`. Returns the object and
    /// the granule behind it.
    ///
    /// # Safety
    /// The block must be the caller's (I7), `occupied` must parse (I3).
    pub(crate) unsafe fn next_dead(self, occupied: usize, marked: usize, from: usize) -> Option<(ObjectPtr, usize)> {
        let mut at = from;
        loop {
            // SAFETY: ours by the caller's word; the borrow ends with the statement.
            at = bitmap::next_one(unsafe { self.bits(occupied) }, at);
            if at >= GRANULES {
                return None;
            }
            // SAFETY: a run in `occupied` starts at a header and parses without a gap (I3).
            let object = unsafe { self.object(at) };
            let next = if self.is_large() { GRANULES } else { at + object.granules() };
            // SAFETY: as above.
            if !bitmap::get(unsafe { self.bits(marked) }, at) {
                return Some((object, next));
            }
            at = next;
        }
    }
}
