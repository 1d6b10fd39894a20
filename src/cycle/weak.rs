//! Phase `Weak`: what dies is decided; weak cells and weak tables forget it before it is swept.

use hashbrown::HashTable;

use super::mark::Marker;
use super::meter::Meter;
use crate::pointer::weak::target_of;
use crate::space::header::ObjectPtr;

/// Clears weak cells that marking came across and whose target dies. True: all are done.
pub(crate) fn clear_cells(marker: &Marker, meter: &mut Meter) -> bool {
    loop {
        // SAFETY: a leaf borrow of what is not shared.
        let Some(cell) = (unsafe { (*marker.weak_cells.get()).pop() }) else { return true };
        // SAFETY: only weak cells are noted there, and their memory is not swept yet.
        let target = unsafe { target_of(cell) };
        if target.get().is_some_and(|object| !marker.is_marked(object)) {
            target.set(None);
        }
        if meter.spend(32) {
            return false;
        }
    }
}

/// A hash table that does not keep its entries alive.
pub(crate) struct WeakTable {
    entries: HashTable<(u64, ObjectPtr)>,
    /// How far this cycle's pass has come, in buckets, and how many there were.
    swept: usize,
    buckets: usize,
}

impl WeakTable {
    pub fn new() -> WeakTable {
        WeakTable { entries: HashTable::new(), swept: 0, buckets: 0 }
    }

    /// The entry with this hash that `is` accepts.
    #[inline]
    pub fn find(&self, hash: u64, mut is: impl FnMut(ObjectPtr) -> bool) -> Option<ObjectPtr> {
        self.entries.find(hash, |(h, object)| *h == hash && is(*object)).map(|(_, object)| *object)
    }

    pub fn insert(&mut self, hash: u64, object: ObjectPtr) {
        if self.entries.len() == self.entries.capacity() {
            // The table is about to move its entries, maybe within the same buckets: the pass begins anew.
            self.swept = 0;
        }
        self.entries.insert_unique(hash, (hash, object), |(hash, _)| *hash);
    }

    pub fn start_sweep(&mut self) {
        self.swept = 0;
        self.buckets = self.entries.num_buckets();
    }

    /// Forgets entries that die. True: all are done.
    pub fn sweep(&mut self, marker: &Marker, meter: &mut Meter) -> bool {
        if self.buckets != self.entries.num_buckets() {
            // It grew since the last step, and its entries moved: all over again.
            self.start_sweep();
        }
        while self.swept < self.buckets {
            if let Ok(entry) = self.entries.get_bucket_entry(self.swept)
                && !marker.is_marked(entry.get().1)
            {
                entry.remove();
            }
            self.swept += 1;
            if meter.spend(8) {
                return self.swept == self.buckets;
            }
        }
        // Much room and few entries: the next pass would be long for nothing.
        if self.buckets > 64 && self.entries.len() < self.buckets / 8 {
            self.entries.shrink_to(self.entries.len() * 2, |(hash, _)| *hash);
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
