//! Phase `Sweep`: what was marked is occupied from now on; what was not is free.
//!
//! The marker flips the two bitmaps of all blocks at once, so sweeping a block is: count what survived, clear the
//! bitmap that is not in use. Whoever moved the block to `Sweeping` does it: the mutator, or the sweeper's thread.

use core::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::space::bitmap;
use crate::space::block::{BLOCK_SIZE, BlockPtr, FIRST_GRANULE, GRANULE, GRANULES, Kind, WORDS};
use crate::space::header::ObjectPtr;
use crate::space::poison;

/// What freed memory is overwritten with under stress.
const FREED: u8 = 0xDB;

/// Sweeps a block that holds nothing with drop glue, or nothing whose drop glue is still to run.
///
/// # Safety
/// The block must be the caller's: claimed, or of a kind that only the mutator touches (I7). `occupied` is the bitmap that holds
/// what survived.
pub(crate) unsafe fn sweep(block: BlockPtr, occupied: usize, overwrite: bool) {
    if overwrite {
        // SAFETY: passed on.
        unsafe { overwrite_dead(block, occupied) };
    }
    // SAFETY: ours by the caller's word; leaf borrows.
    let (live, cleared) = unsafe { (bitmap::count(block.bits(occupied)), block.bits(1 - occupied)) };
    *cleared = [0; WORDS];
    block.live.set(live as u32);
    if poison::ON {
        // SAFETY: passed on.
        unsafe { poison_free(block, occupied) };
    }
}

/// Poisons what no object of a swept block occupies: what died, and again what was free.
unsafe fn poison_free(block: BlockPtr, occupied: usize) {
    let mut at = FIRST_GRANULE;
    // SAFETY: ours by the caller's word; a leaf borrow.
    while let Some((start, end)) = bitmap::next_hole(unsafe { block.bits(occupied) }, at, 1) {
        poison::poison(block.at(start), (end - start) * GRANULE);
        at = end;
    }
    // The bits of a large object are those of its first block.
    if block.live.get() == 0 {
        poison::poison(block.at(GRANULES), (block.run() - 1) * BLOCK_SIZE);
    }
}

/// Overwrites what died since the last sweep.
unsafe fn overwrite_dead(block: BlockPtr, occupied: usize) {
    let mut at = FIRST_GRANULE;
    // SAFETY: ours by the caller's word; the copies end the borrows.
    let (new, old) = unsafe { (*block.bits(occupied), *block.bits(1 - occupied)) };
    while at < GRANULES {
        if bitmap::get(&old, at) && !bitmap::get(&new, at) {
            // SAFETY: a dead granule of this block.
            unsafe { block.at(at).write_bytes(FREED, GRANULE) };
        }
        at += 1;
    }
}

/// Calls `f` with each object of the block that died, moving the block's resume position past it first (I6).
///
/// # Safety
/// As for [`sweep`].
pub(crate) unsafe fn each_dead(
    block: BlockPtr,
    occupied: usize,
    mut f: impl FnMut(ObjectPtr) -> ControlFlow<()>,
) -> ControlFlow<()> {
    // SAFETY: passed on; the old bitmap parses (I3).
    while let Some((object, next)) = unsafe { block.next_dead(1 - occupied, occupied, block.dropped_to.get() as usize) }
    {
        block.dropped_to.set(next as u32);
        f(object)?;
    }
    block.dropped_to.set(FIRST_GRANULE as u32);
    ControlFlow::Continue(())
}

/// Drops the dead of a block on the sweeper's thread, then sweeps it. A panic of a drop is caught, and reported by
/// the panic hook: there is nobody to pass it on to.
///
/// # Safety
/// As for [`sweep`]; all drop glue in the block may run on any thread.
pub(crate) unsafe fn sweep_in_background(block: BlockPtr, occupied: usize, overwrite: bool) {
    debug_assert!(block.kind() != Kind::Drop);
    if block.kind() == Kind::BackgroundDrop {
        // SAFETY: passed on.
        let _ = unsafe {
            each_dead(block, occupied, |object| {
                drop_caught(object);
                ControlFlow::Continue(())
            })
        };
    }
    // SAFETY: passed on.
    unsafe { sweep(block, occupied, overwrite) };
}

/// Runs an object's drop glue. A panic is reported by its hook and goes no further.
pub(crate) fn drop_caught(object: ObjectPtr) {
    if let Some(drop) = object.info().drop {
        // SAFETY: the object is dead, and dropped once (I6).
        let result = catch_unwind(AssertUnwindSafe(|| unsafe { drop(object) }));
        // What was thrown may panic too when it is dropped. What that throws is forgotten: this has to end.
        if let Err(thrown) = result
            && let Err(thrown) = catch_unwind(AssertUnwindSafe(|| core::mem::drop(thrown)))
        {
            core::mem::forget(thrown);
        }
    }
}

/// Drops every object that is left in a block of a heap that is being dropped: what `bits` names.
///
/// # Safety
/// The block must be the caller's, and no object in `bits` have been dropped.
pub(crate) unsafe fn drop_all(block: BlockPtr, bits: usize) {
    let mut at = FIRST_GRANULE;
    loop {
        // SAFETY: ours by the caller's word.
        at = bitmap::next_one(unsafe { block.bits(bits) }, at);
        if at >= GRANULES {
            break;
        }
        // SAFETY: runs start at a header and parse without a gap (I3).
        let object = unsafe { block.object(at) };
        at = if block.is_large() { GRANULES } else { at + object.granules() };
        drop_caught(object);
    }
}
