//! Advice to the system about the pages of a chunk. The system may refuse; nothing depends on it. (Where there is no
//! advice that frees memory at once, memory stays with the heap.)

pub(super) use advice::{commit, decommit, use_huge_pages, use_small_pages};

#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
mod advice {
    use core::ptr::NonNull;
    use rustix::mm::{Advice, madvise};

    use crate::space::geometry::{BLOCK_SIZE, PAGE};

    pub(crate) fn use_huge_pages(base: NonNull<u8>, bytes: usize) {
        // SAFETY: the range is ours, and this advice changes no contents.
        let _ = unsafe { madvise(base.as_ptr().cast(), bytes, Advice::LinuxHugepage) };
    }

    /// Advises small pages, also where the system backs everything with huge ones, so that it does not make a huge page
    /// again.
    pub(crate) fn use_small_pages(base: NonNull<u8>, bytes: usize) {
        // SAFETY: the range is ours, and this advice changes no contents.
        let _ = unsafe { madvise(base.as_ptr().cast(), bytes, Advice::LinuxNoHugepage) };
    }

    /// Commits a range of pages, as a write to each would.
    pub(crate) fn commit(base: NonNull<u8>, bytes: usize) {
        // SAFETY: the range is ours, and this advice changes no contents. (Systems before Linux 5.14 refuse it.)
        let _ = unsafe { madvise(base.as_ptr().cast(), bytes, Advice::LinuxPopulateWrite) };
    }

    /// Decommits a range of whole pages, whose contents are lost. Returns whether the system did it.
    ///
    /// # Safety
    /// Nothing may read the range before it is written again.
    pub(crate) unsafe fn decommit(base: NonNull<u8>, bytes: usize) -> bool {
        debug_assert!(base.as_ptr().addr().is_multiple_of(PAGE) && bytes.is_multiple_of(PAGE) && bytes > 0);
        // The system rounds the length up to its own pages: with pages larger than a block, what lies behind would go
        // too. (With sizes in between it refuses a start that is not a page's; the end is a block's.)
        if rustix::param::page_size() > BLOCK_SIZE {
            return false;
        }
        // SAFETY: nothing reads the range before it is written, by the caller's word.
        unsafe { madvise(base.as_ptr().cast(), bytes, Advice::LinuxDontNeed) }.is_ok()
    }
}

#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
mod advice {
    use core::ptr::NonNull;

    pub(crate) fn use_huge_pages(_: NonNull<u8>, _: usize) {}
    pub(crate) fn use_small_pages(_: NonNull<u8>, _: usize) {}
    pub(crate) fn commit(_: NonNull<u8>, _: usize) {}
    /// # Safety
    /// None.
    pub(crate) unsafe fn decommit(_: NonNull<u8>, _: usize) -> bool {
        false
    }
}
