//! [`PointerList`]: pointers that are roots, in the order in which they were pushed.

use core::cell::{Cell, UnsafeCell};

use crate::memory::{NoMemory, reserve_exact};
use crate::space::header::ObjectPtr;

/// Entries of a list's first memory.
const FIRST: usize = 16;

/// Pointers that are roots. What scans them and notes writes to them is the area around it.
pub(crate) struct PointerList {
    entries: UnsafeCell<Vec<ObjectPtr>>,
    /// How many pointers a value had that there was no room for.
    missing: Cell<usize>,
}

impl PointerList {
    pub fn new() -> PointerList {
        PointerList { entries: UnsafeCell::new(Vec::new()), missing: Cell::new(0) }
    }

    /// # Safety
    /// Not while another reference to the entries is live: callers keep it within a leaf expression, in which no
    /// user code runs.
    #[allow(clippy::mut_from_ref)]
    unsafe fn entries(&self) -> &mut Vec<ObjectPtr> {
        // SAFETY: the caller's word.
        unsafe { &mut *self.entries.get() }
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        // SAFETY: a leaf expression.
        unsafe { self.entries() }.len()
    }

    /// Whether there is room for so many more.
    #[inline(always)]
    pub fn has_room(&self, more: usize) -> bool {
        // SAFETY: a leaf expression.
        let entries = unsafe { self.entries() };
        entries.len() + more <= entries.capacity()
    }

    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> usize {
        // SAFETY: a leaf expression.
        unsafe { self.entries() }.capacity() * size_of::<ObjectPtr>()
    }

    /// To how many entries it grows when so many more are to fit: twice as many, and as few as possible.
    pub fn growth(&self, more: usize) -> [usize; 2] {
        [more.max(self.len()).max(FIRST), more.max(self.len() / 16)]
    }

    /// Makes room for so many more.
    pub fn make_room(&self, more: usize) -> Result<(), NoMemory> {
        // SAFETY: no user code runs here.
        reserve_exact(unsafe { self.entries() }, more)
    }

    /// Pushes a pointer of a value, if there is room. A policy that shades what is written to roots has done so. (Insertion
    /// needs no note: what is above `dirty_from` is dirty by its place.)
    #[inline(always)]
    pub fn take(&self, object: ObjectPtr) {
        // SAFETY: a leaf expression.
        let entries = unsafe { self.entries() };
        if entries.len() < entries.capacity() {
            entries.push(object);
        } else {
            self.missing.set(self.missing.get() + 1);
        }
    }

    /// How many pointers were not taken since this was asked last.
    #[inline(always)]
    pub fn take_missing(&self) -> usize {
        self.missing.replace(0)
    }

    /// Pushes a pointer, for which there should be room.
    #[inline(always)]
    pub fn push(&self, object: ObjectPtr) {
        debug_assert!(self.has_room(1), "room was to be made when it was kept");
        // SAFETY: a leaf expression.
        unsafe { self.entries() }.push(object);
    }

    /// Drops all above `len`, when no root is watched.
    #[inline(always)]
    pub fn truncate(&self, len: usize) {
        // SAFETY: a leaf expression.
        unsafe { self.entries() }.truncate(len);
    }

    /// The entry at an index below `len`.
    pub fn at(&self, index: usize) -> ObjectPtr {
        // SAFETY: a leaf expression.
        let entries = unsafe { self.entries() };
        entries[index]
    }

    /// Moves all from `from` on to the top of another list.
    #[inline(always)]
    pub fn move_to(&self, other: &PointerList, from: usize) {
        debug_assert!(!core::ptr::eq(self, other));
        // SAFETY: no user code runs here, and the areas are two: what leaves scopes, and the shadow stack.
        let (entries, others) = unsafe { (self.entries(), other.entries()) };
        let count = entries.len().saturating_sub(from);
        debug_assert!(others.capacity() - others.len() >= count, "room was to be made when they were kept");
        if count == 1 {
            // As usual, and not a loop of one round.
            others.push(entries[from]);
            entries.truncate(from);
        } else if count > 1 {
            others.extend(entries.drain(from..));
        }
    }
}
