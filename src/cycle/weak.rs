//! Phase `Weak`: what dies is decided; weak cells, ephemerons and weak tables forget it before it is swept.
//!
//! What the marker comes across it links through the objects themselves, so that it needs no memory to note them.

use crate::fault::{self, Fault};
use crate::mark::budget::Meter;
use crate::mark::marker::Marker;
use crate::mark::weak_cell::links_of;
use crate::memory::NoMemory;
use crate::memory::split::SplitTable;
use crate::space::header::ObjectPtr;

/// Clears weak cells that marking came across and whose target dies. True: all are done.
pub(crate) fn clear_cells(marker: &Marker, meter: &mut Meter) -> bool {
    loop {
        let Some(cell) = marker.weak_cells.pop() else { return true };
        // SAFETY: only weak cells are noted there, and their memory is not swept yet.
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
    /// How far this cycle's pass has come, in tables.
    swept: usize,
}

impl WeakTable {
    pub fn new() -> WeakTable {
        WeakTable { entries: SplitTable::new(), swept: 0 }
    }

    /// The entry with this hash that `is` accepts.
    #[inline]
    pub fn find(&self, hash: u64, mut is: impl FnMut(ObjectPtr) -> bool) -> Option<ObjectPtr> {
        self.entries.find(hash, |(h, object)| *h == hash && is(*object)).map(|(_, object)| *object)
    }

    pub fn insert(&mut self, hash: u64, object: ObjectPtr) -> Result<(), NoMemory> {
        self.entries.insert(hash, (hash, object), |(hash, _)| *hash)
    }

    /// Bytes that an insertion may take.
    pub fn wanted(&self, hash: u64) -> usize {
        self.entries.wanted(hash)
    }

    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> usize {
        self.entries.bytes()
    }

    pub fn start_sweep(&mut self) {
        self.swept = 0;
    }

    /// Forgets entries that die. True: all are done.
    pub fn sweep(&mut self, marker: &Marker, meter: &mut Meter) -> bool {
        // A table that is split off meanwhile is the last, and holds what lives or is to be looked at.
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

    /// The entries, for the verifier.
    pub fn each(&self) -> impl Iterator<Item = ObjectPtr> + '_ {
        self.entries.iter().map(|(_, object)| *object)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }
}
