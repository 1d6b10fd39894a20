//! Drop glue of dead objects: on which of them it runs, and what becomes of a panic in it.
//!
//! On the mutator's thread a panic of drop glue passes through the safepoint to the program, and the sweep goes on behind
//! the object at the next one ([`Sweeping`](super::sweeping::Sweeping)). On the sweeper's thread, and when a heap is
//! dropped, it is caught ([`drop_caught`]).

use core::any::Any;
use core::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::space::bitmap;
use crate::space::block::{BlockPtr, FIRST_GRANULE};
use crate::space::geometry::GRANULES;
use crate::space::header::ObjectPtr;

/// Calls `f` with each dead object of the block, moving the block's resume position past it first (I6).
///
/// # Safety
/// As for [`sweep`](super::sweep::sweep).
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

/// Runs an object's drop glue, and catches a panic, after the panic hook has reported it.
///
/// # Safety
/// As for [`TypeInfo::drop`](crate::space::header::TypeInfo).
pub(crate) unsafe fn drop_caught(object: ObjectPtr) {
    if let Some(drop) = object.info().drop {
        // SAFETY: `TypeInfo::drop`: passed on.
        if let Err(thrown) = catch_unwind(AssertUnwindSafe(|| unsafe { drop(object) })) {
            drop_payload(thrown);
        }
    }
}

/// Drops the payload of a panic that was caught. The payload may panic too: the payload of that panic is leaked, so that
/// this ends.
pub(super) fn drop_payload(thrown: Box<dyn Any + Send>) {
    if let Err(thrown) = catch_unwind(AssertUnwindSafe(|| drop(thrown))) {
        core::mem::forget(thrown);
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
