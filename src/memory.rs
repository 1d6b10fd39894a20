//! Memory for the collector's own lists and tables. It is asked for here, and nowhere else, so that each request can be
//! refused.
//!
//! Every function returns an error where the system has no memory. Tests refuse requests by count (`fault`): whatever
//! asks the system for memory calls [`may_allocate`] first.

pub(crate) mod pieces;
pub(crate) mod split;

use core::alloc::Layout;
use core::ptr::NonNull;

/// The error of a request for memory: the system has none, or a test refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NoMemory;

/// Returns whether the system may be asked for memory: always, but in a test that makes a request fail.
#[inline(always)]
pub(crate) fn may_allocate() -> bool {
    crate::fault::grants_memory()
}

/// Returns whether the system has memory with this layout just now, for types that cannot be allocated fallibly.
pub(crate) fn is_there(layout: Layout) -> bool {
    let Ok(memory) = allocate(layout) else { return false };
    // Without this the optimizer takes out both the request and its end, and answers that there is memory.
    let memory = core::hint::black_box(memory);
    // SAFETY: just allocated with this layout.
    unsafe { std::alloc::dealloc(memory.as_ptr(), layout) };
    true
}

/// Returns whether the system has memory just now for an `Arc<T>`, which cannot be allocated fallibly.
pub(crate) fn is_there_to_share<T>() -> bool {
    let counts = Layout::new::<[usize; 2]>();
    counts.extend(Layout::new::<T>()).is_ok_and(|(layout, _)| is_there(layout.pad_to_align()))
}

/// Puts a value into a box.
pub(crate) fn boxed<T>(value: T) -> Result<Box<T>, NoMemory> {
    const { assert!(size_of::<T>() > 0) };
    let memory = allocate(Layout::new::<T>())?.cast::<T>();
    // SAFETY: allocated just now, with the layout of a `T`, by the allocator of boxes.
    unsafe {
        memory.write(value);
        Ok(Box::from_raw(memory.as_ptr()))
    }
}

/// Allocates memory with this layout, whose size must not be zero.
pub(crate) fn allocate(layout: Layout) -> Result<NonNull<u8>, NoMemory> {
    debug_assert!(layout.size() > 0);
    if !may_allocate() {
        return Err(NoMemory);
    }
    // SAFETY: the size is not zero.
    NonNull::new(unsafe { std::alloc::alloc(layout) }).ok_or(NoMemory)
}

/// Returns an empty vector with room for `entries` entries.
pub(crate) fn with_room<T>(entries: usize) -> Result<Vec<T>, NoMemory> {
    let mut vec = Vec::new();
    reserve_exact(&mut vec, entries)?;
    Ok(vec)
}

/// Makes room for `more` entries in the vector, which grows to exactly that where it must grow.
pub(crate) fn reserve_exact<T>(vec: &mut Vec<T>, more: usize) -> Result<(), NoMemory> {
    if vec.capacity() - vec.len() >= more {
        return Ok(());
    }
    if !may_allocate() {
        return Err(NoMemory);
    }
    vec.try_reserve_exact(more).map_err(|_| NoMemory)
}

/// Makes room for one more entry in the vector, which grows as vectors do.
#[inline]
pub(crate) fn reserve_one<T>(vec: &mut Vec<T>) -> Result<(), NoMemory> {
    if vec.len() < vec.capacity() { Ok(()) } else { reserve_exact(vec, vec.len().max(4)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: the optimizer removed a request whose memory was not used, and with it the error.
    #[test]
    fn no_system_has_memory_for_all() {
        assert!(is_there(Layout::new::<u64>()));
        assert!(!is_there(Layout::array::<u8>(isize::MAX as usize).unwrap()));
    }
}
