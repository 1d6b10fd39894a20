//! Phase `Sweep`: what was marked is occupied from now on; what was not is free.
//!
//! The marker flips the two bitmaps of all blocks at once, so sweeping a block is: count what survived, clear the
//! bitmap that is not in use. Whoever moved the block to `Sweeping` does it: the mutator, or the sweeper's thread.

use core::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::space::bitmap;
use crate::space::block::{BlockPtr, FIRST_GRANULE, Kind};
use crate::space::geometry::{BLOCK_SIZE, GRANULE, GRANULES, WORDS};
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
    // SAFETY: as above.
    unsafe { block.front() }.live.set(live as u32);
    if poison::ON {
        // SAFETY: passed on.
        unsafe { poison_free(block, occupied) };
    }
}

/// Sweeps a block that somebody else was at who is gone. What has not been dropped of its dead never will be.
///
/// # Safety
/// As for [`sweep`].
pub(crate) unsafe fn sweep_again(block: BlockPtr, occupied: usize, overwrite: bool) {
    // SAFETY: ours by the caller's word.
    unsafe {
        block.front().dropped_to.set(FIRST_GRANULE as u32);
        sweep(block, occupied, overwrite);
    }
}

/// Poisons what no object of a swept block occupies: what died, and again what was free.
///
/// # Safety
/// As for [`sweep`], which has counted what lives.
unsafe fn poison_free(block: BlockPtr, occupied: usize) {
    let mut at = FIRST_GRANULE;
    // SAFETY: ours by the caller's word; a leaf borrow.
    while let Some((start, end)) = bitmap::next_hole(unsafe { block.bits(occupied) }, at, 1) {
        // SAFETY: a hole lies within its block.
        poison::poison(unsafe { block.at(start) }, (end - start) * GRANULE);
        at = end;
    }
    // An object that ends behind the first block of a run has the last bit there.
    // SAFETY: ours by the caller's word; a leaf borrow.
    if !bitmap::get(unsafe { block.bits(occupied) }, GRANULES - 1) {
        // SAFETY: the end of the first block.
        poison::poison(unsafe { block.at(GRANULES) }, (block.run() - 1) * BLOCK_SIZE);
    }
}

/// Overwrites what died since the last sweep.
///
/// # Safety
/// As for [`sweep`].
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
    // SAFETY: ours by the caller's word.
    let dropped_to = unsafe { &block.front().dropped_to };
    // SAFETY: passed on; the old bitmap parses (I3).
    while let Some((object, next)) = unsafe { block.next_dead(1 - occupied, occupied, dropped_to.get() as usize) } {
        dropped_to.set(next as u32);
        f(object)?;
    }
    dropped_to.set(FIRST_GRANULE as u32);
    ControlFlow::Continue(())
}

/// Drops the dead of a block on the sweeper's thread, then sweeps it. A panic of a drop is caught, and reported by
/// the panic hook: there is nobody to pass it on to. Calls `ended` after each.
///
/// # Safety
/// As for [`sweep`]; all drop glue in the block may run on any thread.
pub(crate) unsafe fn sweep_in_background(block: BlockPtr, occupied: usize, overwrite: bool, mut ended: impl FnMut()) {
    debug_assert!(block.kind() != Kind::Drop);
    if block.kind() == Kind::BackgroundDrop {
        // SAFETY: passed on. `TypeInfo::drop`: each is dead, its drop may run on any thread, and the resume position is past
        // it (I6).
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

/// Runs an object's drop glue. A panic is reported by its hook and goes no further.
///
/// # Safety
/// What [`TypeInfo::drop`](crate::space::header::TypeInfo) asks for.
pub(crate) unsafe fn drop_caught(object: ObjectPtr) {
    if let Some(drop) = object.info().drop {
        // SAFETY: `TypeInfo::drop`: passed on.
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
/// The block must be the caller's (I7), no object in `bits` have been dropped or be used by anybody any more, and this be a
/// thread on which those of the block's kind are dropped.
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
        // SAFETY: `TypeInfo::drop`: the caller's word, and each is passed once.
        unsafe { drop_caught(object) };
    }
}
