//! [`PointerList`]: pointers that are roots, in the order in which they were pushed.

use core::cell::{Cell, UnsafeCell};

use super::edges::Top;
use crate::memory::{NoMemory, reserve_exact};
use crate::space::header::ObjectPtr;

/// Least number of entries that a list allocates first.
const FIRST: usize = 16;

/// Pointers that are roots. The area around the list scans them and records writes to them.
pub(crate) struct PointerList {
    /// An entry of a place that can be written to may hold no pointer.
    entries: UnsafeCell<Vec<Option<ObjectPtr>>>,
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
    unsafe fn entries(&self) -> &mut Vec<Option<ObjectPtr>> {
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
            entries.push(Some(object));
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
        unsafe { self.entries() }.push(Some(object));
    }

    /// Pushes entries without pointers until the list has `len` entries, for which room should have been made.
    #[inline(always)]
    pub(crate) fn pad(&self, len: usize) {
        // SAFETY: a leaf expression.
        let entries = unsafe { self.entries() };
        debug_assert!(len <= entries.capacity(), "room was to be made for a place");
        while entries.len() < len {
            entries.push(None);
        }
    }

    /// Returns the place behind the last entry, where pointers can be written as edges are, up to the capacity.
    #[inline(always)]
    pub(crate) fn end(&self) -> Top {
        // SAFETY: a leaf expression; the place lies within the allocation or at its end. An entry that is a pointer has
        // the form of the pointer.
        unsafe {
            let entries = self.entries();
            entries.as_mut_ptr().add(entries.len()).cast()
        }
    }

    /// Makes entries of the pointers that were written from [`end`](PointerList::end) up to `top`.
    ///
    /// # Safety
    /// They must have been written there, without any other use of the list meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn set_end(&self, top: Top) {
        // SAFETY: a leaf expression; the entries are written: the caller's promise.
        unsafe {
            let entries = self.entries();
            let base: Top = entries.as_mut_ptr().cast();
            entries.set_len((top.addr() - base.addr()) / size_of::<ObjectPtr>());
        }
    }

    /// Replaces the pointers of `entries` entries from `at` on by the `count` pointers at `from`, and the rest by none.
    ///
    /// # Safety
    /// The entries must exist, there must be as many pointers, and `count` must be at most `entries`.
    #[inline(always)]
    pub(crate) unsafe fn replace(&self, at: usize, entries: usize, from: Top, count: usize) {
        for index in 0..entries {
            // SAFETY: the entry and the pointer exist: the caller's promise. A leaf expression.
            unsafe {
                let pointer = (index < count).then(|| from.add(index).read());
                *self.entries().get_unchecked_mut(at + index) = pointer;
            }
        }
    }

    /// Removes the entries from `len` on, when no root is watched.
    #[inline(always)]
    pub(crate) fn truncate(&self, len: usize) {
        // SAFETY: a leaf expression.
        unsafe { self.entries() }.truncate(len);
    }

    /// Returns the pointer of the entry at an index below `len`, if it has one.
    pub(crate) fn at(&self, index: usize) -> Option<ObjectPtr> {
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
