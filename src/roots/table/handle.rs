//! [`Handle`]: owns an area together with the heap, of which either may go first.

use core::marker::PhantomData;
use core::ptr::NonNull;

use super::page::PagePtr;
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::watch::Touched;

/// The owners of an area that exist: its handle and its heap.
const BOTH: u8 = 0;
/// Only the heap exists.
const HEAP: u8 = 1;
/// Only the handle exists.
const HANDLE: u8 = 2;

/// The head, with which each area begins.
pub(crate) struct Head {
    /// The number of the heap to which the area belongs.
    pub heap: u64,
    /// The area's offset in its page, in bytes.
    offset: u32,
    owners: AtomicU8,
    pub(super) touched: Touched,
}

impl Head {
    /// Makes the head of an area that lies `offset` bytes behind the beginning of its page.
    pub(super) fn new(heap: u64, offset: u32) -> Head {
        Head { heap, offset, owners: AtomicU8::new(BOTH), touched: Touched::new() }
    }

    /// Returns whether the handle exists, while the heap does.
    pub(crate) fn is_alive(&self) -> bool {
        self.owners.load(Ordering::Acquire) == BOTH
    }

    /// Leaves the area to its handle, when the heap is dropped. Returns false when the handle was dropped before: then
    /// nobody owns the area.
    pub(super) fn leave_to_handle(&self) -> bool {
        self.owners.swap(HANDLE, Ordering::AcqRel) != HEAP
    }
}

/// The type of the areas behind a kind of handles.
///
/// # Safety
/// An area must begin with its [`Head`] (`repr(C)`), which `head` returns. All else in it must be touched, through its
/// handle too, only by the mutator of the heap that the head names; and `release` must leave nothing to be dropped.
pub(crate) unsafe trait Area {
    fn head(&self) -> &Head;

    /// Returns whether the area was wholly scanned in this cycle, or need not be.
    fn is_scanned(&self, cycle: u64) -> bool;

    /// Returns whether another list than the table's still has the area.
    fn is_held(&self) -> bool {
        false
    }

    /// Frees what the area owns, and returns the bytes of that. Only the area's head is used after this.
    fn release(&self) -> usize;
}

/// The handle of an area.
pub(crate) struct Handle<A: Area>(NonNull<A>);

// SAFETY: all but the head of an area is touched by the mutator of its heap only, on whatever thread (`Area`'s
// contract); the drop is an exchange of an atomic.
unsafe impl<A: Area> Send for Handle<A> {}
// SAFETY: as above.
unsafe impl<A: Area> Sync for Handle<A> {}

impl<A: Area> Handle<A> {
    /// # Safety
    /// The area must be complete, lie in a page as its head says, and have no other handle.
    pub(super) unsafe fn of(area: NonNull<A>) -> Handle<A> {
        Handle(area)
    }

    #[inline(always)]
    pub(crate) fn as_ptr(&self) -> NonNull<A> {
        self.0
    }
}

impl<A: Area> core::ops::Deref for Handle<A> {
    type Target = A;
    #[inline(always)]
    fn deref(&self) -> &A {
        // SAFETY: the area exists as long as its handle.
        unsafe { self.0.as_ref() }
    }
}

impl<A: Area> Drop for Handle<A> {
    fn drop(&mut self) {
        let offset = self.head().offset as usize;
        self.head().touched.reads();
        // If the heap exists, the area must not be touched after the exchange: its memory may be in use for another.
        if self.head().owners.swap(HEAP, Ordering::AcqRel) == HANDLE {
            // SAFETY: the area, whose pointer was made from the page's, lies there in its page, and is this handle's
            // alone.
            unsafe { PagePtr::of_area(self.0.cast(), offset).leave() };
        }
    }
}

/// An area, found by its table. (A reference would not give access to the memory behind an `A`.)
pub(crate) struct Found<'t, A>(NonNull<A>, PhantomData<&'t A>);

impl<'t, A> Found<'t, A> {
    /// # Safety
    /// The area must exist as long as the result is used.
    pub(super) unsafe fn of(area: NonNull<A>) -> Found<'t, A> {
        Found(area, PhantomData)
    }
}

impl<A> Clone for Found<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Found<'_, A> {}

impl<A> Found<'_, A> {
    pub(crate) fn as_ptr(self) -> NonNull<A> {
        self.0
    }
}

impl<A> core::ops::Deref for Found<'_, A> {
    type Target = A;
    #[inline(always)]
    fn deref(&self) -> &A {
        // SAFETY: the area exists, by the promise of whoever made this.
        unsafe { self.0.as_ref() }
    }
}
