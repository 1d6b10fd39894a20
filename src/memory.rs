//! The memory that the collector's own lists and tables take: asked for here, and nowhere else, so that each request can
//! be refused.
//!
//! Every function answers with a value where the system has no memory. Tests make it so by count (`fault`): whatever
//! asks the system for memory asks [`may_allocate`] first.

pub(crate) mod pieces;
pub(crate) mod split;

use core::alloc::Layout;
use core::ptr::NonNull;

/// The system has no memory, or a test says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NoMemory;

/// Whether the system may be asked for memory: always, but in a test that makes a request fail.
#[inline(always)]
pub(crate) fn may_allocate() -> bool {
    crate::fault::grants_memory()
}

/// Whether the system has memory with this layout just now, for what cannot be asked of it in another way.
pub(crate) fn is_there(layout: Layout) -> bool {
    let Ok(memory) = allocate(layout) else { return false };
    // SAFETY: just allocated with this layout.
    unsafe { std::alloc::dealloc(memory.as_ptr(), layout) };
    true
}

/// Memory with this layout, whose size must not be zero.
pub(crate) fn allocate(layout: Layout) -> Result<NonNull<u8>, NoMemory> {
    debug_assert!(layout.size() > 0);
    if !may_allocate() {
        return Err(NoMemory);
    }
    // SAFETY: the size is not zero.
    NonNull::new(unsafe { std::alloc::alloc(layout) }).ok_or(NoMemory)
}

/// Sees to it that so many more fit the vector, by growing it to exactly that where it must grow.
pub(crate) fn reserve_exact<T>(vec: &mut Vec<T>, more: usize) -> Result<(), NoMemory> {
    if vec.capacity() - vec.len() >= more {
        return Ok(());
    }
    if !may_allocate() {
        return Err(NoMemory);
    }
    vec.try_reserve_exact(more).map_err(|_| NoMemory)
}

/// Sees to it that one more fits the vector, which grows as vectors do.
#[inline]
pub(crate) fn reserve_one<T>(vec: &mut Vec<T>) -> Result<(), NoMemory> {
    if vec.len() < vec.capacity() { Ok(()) } else { reserve_exact(vec, vec.len().max(4)) }
}
