//! Phase `Weak`: liveness is decided; dead objects are removed from weak cells, ephemerons and weak tables (that of the
//! interned strings) before they are swept.
//!
//! The marker links the weak cells that it reaches through the cells themselves, so that this needs no memory.

use crate::fault::{self, Fault};
use crate::mark::budget::Meter;
use crate::mark::marker::Marker;
use crate::mark::weak_cell::links_of;
use crate::memory::NoMemory;
use crate::memory::split::SplitTable;
use crate::space::header::ObjectPtr;

/// Clears weak cells that marking reached and whose target is dead. Returns whether all are done.
pub(crate) fn clear_cells(marker: &Marker, meter: &mut Meter) -> bool {
    loop {
        let Some(cell) = marker.weak_cells.pop() else { return true };
        // SAFETY: only weak cells are in that list, and their memory is not swept yet.
        let target = unsafe { &links_of(cell).target };
        let dies = target.get().is_some_and(|object| !marker.is_marked(object));
        if dies && !fault::is(Fault::KeepsWeakCells) {
            target.set(None);
        }
        if meter.spend(32) {
            return false;
        }
    }
}

/// A hash table that does not keep its entries alive.
pub(crate) struct WeakTable {
    entries: SplitTable<(u64, ObjectPtr)>,
    /// Number of tables that this cycle's pass has done.
    swept: usize,
}

impl WeakTable {
    pub(crate) fn new() -> WeakTable {
        WeakTable { entries: SplitTable::new(), swept: 0 }
    }

    /// Returns the entry with this hash that `is` accepts.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is: impl FnMut(ObjectPtr) -> bool) -> Option<ObjectPtr> {
        self.entries.find(hash, |(h, object)| *h == hash && is(*object)).map(|(_, object)| *object)
    }

    pub(crate) fn insert(&mut self, hash: u64, object: ObjectPtr) -> Result<(), NoMemory> {
        self.entries.insert(hash, (hash, object), |(hash, _)| *hash)
    }

    /// Returns the bytes that an insertion may allocate.
    pub(crate) fn wanted(&self, hash: u64) -> usize {
        self.entries.wanted(hash)
    }

    /// Returns the bytes of memory that the table takes.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.bytes()
    }

    pub(crate) fn start_sweep(&mut self) {
        self.swept = 0;
    }

    /// Removes dead entries. Returns whether all are done.
    pub(crate) fn sweep(&mut self, marker: &Marker, meter: &mut Meter) -> bool {
        // A table that is split off meanwhile is appended: its entries are alive, or are examined there.
        while self.swept < self.entries.tables() {
            let buckets =
                self.entries.retain_in(self.swept, |(_, object)| marker.is_marked(*object), |(hash, _)| *hash);
            self.swept += 1;
            if meter.spend(buckets * 24) {
                return false;
            }
        }
        while self.entries.merge(|(hash, _)| *hash) {
            self.swept = self.entries.tables();
            if meter.spend(64 * 24) {
                return false;
            }
        }
        true
    }

    /// Iterates over the entries, for the verifier.
    pub(crate) fn each(&self) -> impl Iterator<Item = ObjectPtr> + '_ {
        self.entries.iter().map(|(_, object)| *object)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
