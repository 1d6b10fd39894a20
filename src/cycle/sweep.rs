//! Phase `Sweep`: granules that were marked are occupied from now on; all others are free.
//!
//! The marker flips the two bitmaps of all blocks at once, so sweeping a block is: count the survivors, clear the
//! bitmap that is not in use. The thread that moved the block to `Sweeping` does it: the mutator's or the sweeper's.

use core::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::space::bitmap;
use crate::space::block::{BlockPtr, FIRST_GRANULE, Kind};
use crate::space::geometry::{BLOCK_SIZE, GRANULE, GRANULES, WORDS};
use crate::space::header::ObjectPtr;
use crate::space::poison;

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

/// Calls `f` with each dead object of the block, moving the block's resume position past it first (I6).
///
/// # Safety
/// As for [`sweep`].
pub(crate) unsafe fn each_dead(
    block: BlockPtr,
    occupied: usize,
    mut f: impl FnMut(ObjectPtr) -> ControlFlow<()>,
) -> ControlFlow<()> {
    // SAFETY: the block is the caller's (I7): the caller's promise.
    let dropped_to = unsafe { &block.front().dropped_to };
    // SAFETY: passed on; the old bitmap parses (I3).
    while let Some((object, next)) = unsafe { block.next_dead(1 - occupied, occupied, dropped_to.get() as usize) } {
        dropped_to.set(next as u32);
        f(object)?;
    }
    dropped_to.set(FIRST_GRANULE as u32);
    ControlFlow::Continue(())
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

/// Runs an object's drop glue, and catches a panic, after the panic hook has reported it.
///
/// # Safety
/// As for [`TypeInfo::drop`](crate::space::header::TypeInfo).
pub(crate) unsafe fn drop_caught(object: ObjectPtr) {
    if let Some(drop) = object.info().drop {
        // SAFETY: `TypeInfo::drop`: passed on.
        let result = catch_unwind(AssertUnwindSafe(|| unsafe { drop(object) }));
        // The payload of the panic may panic too when it is dropped. The payload of that panic is leaked, so that this
        // ends.
        if let Err(thrown) = result
            && let Err(thrown) = catch_unwind(AssertUnwindSafe(|| core::mem::drop(thrown)))
        {
            core::mem::forget(thrown);
        }
    }
}

/// Drops the objects in the bitmap `bits` of a block of a heap that is being dropped.
///
/// # Safety
/// The block must be the caller's (I7), no object in `bits` have been dropped or be used any more, and this be a thread
/// on which objects of the block's kind may be dropped.
pub(crate) unsafe fn drop_all(block: BlockPtr, bits: usize) {
    let mut at = FIRST_GRANULE;
    loop {
        // SAFETY: the block is the caller's (I7): the caller's promise.
        at = bitmap::next_one(unsafe { block.bits(bits) }, at);
        if at >= GRANULES {
            break;
        }
        // SAFETY: runs start at a header and parse without a gap (I3).
        let object = unsafe { block.object(at) };
        at = if block.is_large() { GRANULES } else { at + object.granules() };
        // SAFETY: `TypeInfo::drop`: the caller's promise, and each object is dropped once.
        unsafe { drop_caught(object) };
    }
}
