//! Phase `Sweep`: granules that were marked are occupied from now on; all others are free.
//!
//! The marker flips the two bitmaps of all blocks at once, so sweeping a block is: count the survivors, clear the
//! bitmap that is not in use. The thread that moved the block to `Sweeping` does it: the mutator's or the sweeper's.

use core::ops::ControlFlow;

use super::drop_glue::{drop_caught, each_dead};
use crate::space::bitmap;
use crate::space::block::{BlockPtr, FIRST_GRANULE, Kind};
use crate::space::geometry::{BLOCK_SIZE, GRANULE, GRANULES, WORDS};
use crate::space::poison;

/// Where and when blocks are swept: see [`HeapBuilder::sweep`](crate::HeapBuilder::sweep). (Lazy sweep: Hughes, "A
/// semi-incremental garbage collection algorithm", Software: Practice and Experience 1982.)
///
/// ```
/// use grisaille::{Heap, Sweep};
///
/// let mut heap = Heap::builder().sweep(Sweep::Lazy).build().unwrap(); // no second thread
/// heap.enter(|cx| {
///     cx.alloc(1);
///     cx.collect();
///     assert_eq!(cx.stats().objects_freed(), 1);
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Sweep {
    /// On the sweeper's thread, while the mutator runs; the mutator takes part where it needs a block at once.
    #[default]
    Concurrent,
    /// On the mutator's thread, when it needs blocks and in the steps of phase [`Sweep`](crate::Phase::Sweep).
    Lazy,
    /// On the mutator's thread, in one pause at the end of the cycle.
    Eager,
}

/// The byte with which freed memory is overwritten under stress.
const FREED: u8 = 0xDB;

/// Sweeps a block in which no drop glue is left to run.
///
/// # Safety
/// The block must be the caller's: claimed, or of a kind that only the mutator touches (I7). `occupied` must be the
/// bitmap of the survivors.
pub(crate) unsafe fn sweep(block: BlockPtr, occupied: usize, overwrite: bool) {
    if overwrite {
        // SAFETY: passed on.
        unsafe { overwrite_dead(block, occupied) };
    }
    // SAFETY: the block is the caller's (I7): the caller's promise; leaf borrows.
    let (live, cleared) = unsafe { (bitmap::count(block.bits(occupied)), block.bits(1 - occupied)) };
    *cleared = [0; WORDS];
    // SAFETY: as above.
    unsafe { block.front() }.live.set(live as u32);
    if poison::ON {
        // SAFETY: passed on.
        unsafe { poison_free(block, occupied) };
    }
}

/// Sweeps a block that a thread which no longer exists was sweeping. Its dead that were not dropped are leaked.
///
/// # Safety
/// As for [`sweep`].
pub(crate) unsafe fn sweep_again(block: BlockPtr, occupied: usize, overwrite: bool) {
    // SAFETY: the block is the caller's (I7): the caller's promise.
    unsafe {
        block.front().dropped_to.set(FIRST_GRANULE as u32);
        sweep(block, occupied, overwrite);
    }
}

/// Poisons the granules of a swept block that no object occupies.
///
/// # Safety
/// As for [`sweep`], which must have counted the survivors.
unsafe fn poison_free(block: BlockPtr, occupied: usize) {
    let mut at = FIRST_GRANULE;
    // SAFETY: the block is the caller's (I7): the caller's promise; a leaf borrow.
    while let Some((start, end)) = bitmap::next_hole(unsafe { block.bits(occupied) }, at, 1) {
        // SAFETY: a hole lies within its block.
        poison::poison(unsafe { block.at(start) }, (end - start) * GRANULE);
        at = end;
    }
    // An object that ends behind the first block of a run has the last bit of that block set.
    // SAFETY: the block is the caller's (I7): the caller's promise; a leaf borrow.
    if !bitmap::get(unsafe { block.bits(occupied) }, GRANULES - 1) {
        // SAFETY: the end of the first block.
        poison::poison(unsafe { block.at(GRANULES) }, (block.run() - 1) * BLOCK_SIZE);
    }
}

/// Overwrites the objects that died since the last sweep.
///
/// # Safety
/// As for [`sweep`].
unsafe fn overwrite_dead(block: BlockPtr, occupied: usize) {
    let mut at = FIRST_GRANULE;
    // SAFETY: the block is the caller's (I7): the caller's promise; the copies end the borrows.
    let (new, old) = unsafe { (*block.bits(occupied), *block.bits(1 - occupied)) };
    while at < GRANULES {
        if bitmap::get(&old, at) && !bitmap::get(&new, at) {
            // SAFETY: a dead granule of this block.
            unsafe { block.at(at).write_bytes(FREED, GRANULE) };
        }
        at += 1;
    }
}

/// Drops the dead of a block on the sweeper's thread, then sweeps the block. A panic of a drop is caught, after the
/// panic hook has reported it: there is no caller to pass it on to. Calls `ended` after each drop.
///
/// # Safety
/// As for [`sweep`]; all drop glue in the block may run on any thread.
pub(crate) unsafe fn sweep_in_background(block: BlockPtr, occupied: usize, overwrite: bool, mut ended: impl FnMut()) {
    debug_assert!(block.kind() != Kind::Drop);
    if block.kind() == Kind::BackgroundDrop {
        // SAFETY: passed on. `TypeInfo::drop`: each object is dead, its drop may run on any thread, and the resume
        // position is past it (I6).
        let _ = unsafe {
            each_dead(block, occupied, |object| {
                drop_caught(object);
                ended();
                ControlFlow::Continue(())
            })
        };
    }
    // SAFETY: passed on.
    unsafe { sweep(block, occupied, overwrite) };
}
