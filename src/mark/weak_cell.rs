//! Weak cells: the objects behind weak pointers, and the list of those that marking reached.
//!
//! The list is linked through the cells themselves, so that it needs no memory.

use core::cell::Cell;

use crate::space::header::ObjectPtr;

/// The object behind a weak pointer.
pub(crate) struct WeakCell {
    pub target: Cell<Option<ObjectPtr>>,
    /// The next weak cell in the list; the last one names itself. `None` if this cell is not in the list.
    pub next: Cell<Option<ObjectPtr>>,
}

/// Returns the target of a weak cell.
///
/// # Safety
/// `object` must be a weak cell.
pub(crate) unsafe fn target_of<'a>(object: ObjectPtr) -> &'a Cell<Option<ObjectPtr>> {
    // SAFETY: passed on.
    unsafe { &links_of(object).target }
}

/// Returns the weak cell that is an object's payload.
///
/// # Safety
/// `object` must be a weak cell.
pub(crate) unsafe fn links_of<'a>(object: ObjectPtr) -> &'a WeakCell {
    // SAFETY: the payload of a weak cell is a `WeakCell`.
    unsafe { object.payload().cast::<WeakCell>().as_ref() }
}

/// The list of weak cells that marking reached, linked through them.
#[derive(Default)]
pub(crate) struct WeakCells {
    first: Cell<Option<ObjectPtr>>,
}

impl WeakCells {
    /// Adds a weak cell, unless it is in the list.
    pub(crate) fn add(&self, cell: ObjectPtr) {
        // SAFETY: a weak cell, which is being allocated or traced.
        let next = &unsafe { links_of(cell) }.next;
        if next.get().is_none() {
            // The last cell names itself.
            next.set(Some(self.first.get().unwrap_or(cell)));
            self.first.set(Some(cell));
        }
    }

    pub(crate) fn pop(&self) -> Option<ObjectPtr> {
        let cell = self.first.get()?;
        // SAFETY: only weak cells are in the list, and their memory is not swept while they are.
        let next = unsafe { links_of(cell) }.next.take();
        self.first.set(next.filter(|next| *next != cell));
        Some(cell)
    }

    /// Iterates over the list.
    #[cfg(grisaille_faults)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = ObjectPtr> {
        core::iter::successors(self.first.get(), |cell| {
            // SAFETY: as in `pop`.
            unsafe { links_of(*cell) }.next.get().filter(|next| next != cell)
        })
    }
}
