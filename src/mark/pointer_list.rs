//! [`PointerList`]: pointers that are roots, in the order in which they were pushed.

use core::cell::{Cell, UnsafeCell};

use crate::memory::{NoMemory, reserve_exact};
use crate::space::header::ObjectPtr;

/// Least number of entries that a list allocates first.
const FIRST: usize = 16;

/// Pointers that are roots. The area around the list scans them and records writes to them.
pub(crate) struct PointerList {
    entries: UnsafeCell<Vec<ObjectPtr>>,
    /// Number of pointers of a value that there was no room for.
    missing: Cell<usize>,
}

impl PointerList {
    pub(crate) fn new() -> PointerList {
        PointerList { entries: UnsafeCell::new(Vec::new()), missing: Cell::new(0) }
    }

    /// # Safety
    /// No other reference to the entries may be live: callers keep the reference within a leaf expression, in which no
    /// user code runs.
    #[allow(clippy::mut_from_ref)]
    unsafe fn entries(&self) -> &mut Vec<ObjectPtr> {
        // SAFETY: no other reference is live: the caller's promise.
        unsafe { &mut *self.entries.get() }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        // SAFETY: a leaf expression.
        unsafe { self.entries() }.len()
    }

    /// Returns whether there is room for `more` entries.
    #[inline(always)]
    pub(crate) fn has_room(&self, more: usize) -> bool {
        // SAFETY: a leaf expression.
        let entries = unsafe { self.entries() };
        entries.len() + more <= entries.capacity()
    }

    /// Returns the bytes of memory that the entries take.
    pub(crate) fn bytes(&self) -> usize {
        // SAFETY: a leaf expression.
        unsafe { self.entries() }.capacity() * size_of::<ObjectPtr>()
    }

    /// Returns by how many entries the list grows to make room for `more`: usually, and at the least.
    pub(crate) fn growth(&self, more: usize) -> [usize; 2] {
        [more.max(self.len()).max(FIRST), more.max(self.len() / 16)]
    }

    /// Makes room for `more` entries.
    pub(crate) fn make_room(&self, more: usize) -> Result<(), NoMemory> {
        // SAFETY: no user code runs here.
        reserve_exact(unsafe { self.entries() }, more)
    }

    /// Pushes a pointer of a value, or counts it as missing when there is no room. A policy that shades what is written
    /// to roots has done so before. (Insertion need not record it: entries above `dirty_from` are dirty by their
    /// place.)
    #[inline(always)]
    pub(crate) fn take(&self, object: ObjectPtr) {
        // SAFETY: a leaf expression.
        let entries = unsafe { self.entries() };
        if entries.len() < entries.capacity() {
            entries.push(object);
        } else {
            self.missing.set(self.missing.get() + 1);
        }
    }

    /// Returns the number of pointers that [`take`](PointerList::take) had no room for since the last call.
    #[inline(always)]
    pub(crate) fn take_missing(&self) -> usize {
        self.missing.replace(0)
    }

    /// Pushes a pointer, for which room should have been made.
    #[inline(always)]
    pub(crate) fn push(&self, object: ObjectPtr) {
        debug_assert!(self.has_room(1), "room was to be made when it was kept");
        // SAFETY: a leaf expression.
        unsafe { self.entries() }.push(object);
    }

    /// Removes the entries from `len` on, when no root is watched.
    #[inline(always)]
    pub(crate) fn truncate(&self, len: usize) {
        // SAFETY: a leaf expression.
        unsafe { self.entries() }.truncate(len);
    }

    /// Returns the entry at an index below `len`.
    pub(crate) fn at(&self, index: usize) -> ObjectPtr {
        // SAFETY: a leaf expression.
        let entries = unsafe { self.entries() };
        entries[index]
    }

    /// Moves the entries from `from` on to the end of another list, which has room for them.
    #[inline(always)]
    pub(crate) fn move_to(&self, other: &PointerList, from: usize) {
        debug_assert!(!core::ptr::eq(self, other));
        // SAFETY: no user code runs here, and the lists are two: escaping handles, and the handle scope stack.
        let (entries, others) = unsafe { (self.entries(), other.entries()) };
        let count = entries.len().saturating_sub(from);
        debug_assert!(others.capacity() - others.len() >= count, "room was to be made when they were kept");
        if count == 1 {
            // The usual case, without a loop.
            others.push(entries[from]);
            entries.truncate(from);
        } else if count > 1 {
            others.extend(entries.drain(from..));
        }
    }
}
