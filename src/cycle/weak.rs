//! Phase `Weak`: what dies is decided; weak cells, ephemerons and weak tables forget it before it is swept.

use hashbrown::HashTable;

use super::mark::Marker;
use super::meter::Meter;
use crate::fault::{self, Fault};
use crate::kit::ephemeron::head_of;
use crate::pointer::weak::target_of;
use crate::space::block::GRANULE;
use crate::space::header::ObjectPtr;

/// Clears weak cells that marking came across and whose target dies. True: all are done.
pub(crate) fn clear_cells(marker: &Marker, meter: &mut Meter) -> bool {
    loop {
        // SAFETY: a leaf borrow of what is not shared.
        let Some(cell) = (unsafe { (*marker.weak_cells.get()).pop() }) else { return true };
        // SAFETY: only weak cells are noted there, and their memory is not swept yet.
        let target = unsafe { target_of(cell) };
        let dies = target.get().is_some_and(|object| !marker.is_marked(object));
        if dies && !fault::is(Fault::KeepsWeakCells) {
            target.set(None);
        }
        if meter.spend(32) {
            return false;
        }
    }
}

/// Ephemerons that wait for their key to be marked. Their lists are linked through them, so that any number may wait
/// for one key.
pub(crate) struct Waiting {
    /// By key, the first of its list.
    lists: HashTable<(ObjectPtr, ObjectPtr)>,
    /// How far `clear` has come, in buckets.
    cleared: usize,
}

/// The hash of a key: it does not move, and nobody chooses its address.
fn hash_of((key, _): &(ObjectPtr, ObjectPtr)) -> u64 {
    let product = ((key.addr() / GRANULE) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ product >> 32
}

impl Waiting {
    pub fn new() -> Waiting {
        Waiting { lists: HashTable::new(), cleared: 0 }
    }

    /// Adds an ephemeron to the list of its key, unless it is there already. False: there is no memory.
    pub fn add(&mut self, key: ObjectPtr, ephemeron: ObjectPtr) -> bool {
        // SAFETY: the marker passes ephemerons, which it is just tracing.
        let next = &unsafe { head_of(ephemeron) }.next;
        if next.get().is_some() {
            return true;
        }
        let hash = hash_of(&(key, ephemeron));
        if let Some((_, first)) = self.lists.find_mut(hash, |(k, _)| *k == key) {
            next.set(Some(core::mem::replace(first, ephemeron)));
            return true;
        }
        if self.lists.try_reserve(1, hash_of).is_err() {
            return false;
        }
        next.set(Some(ephemeron));
        self.lists.insert_unique(hash, (key, ephemeron), hash_of);
        true
    }

    /// Takes the list of a key: its first.
    pub fn take(&mut self, key: ObjectPtr) -> Option<ObjectPtr> {
        let entry = self.lists.find_entry(hash_of(&(key, key)), |(k, _)| *k == key).ok()?;
        Some(entry.remove().0.1)
    }

    /// Takes an ephemeron off its list, which it is the first of. Returns the next.
    pub fn unlink(ephemeron: ObjectPtr) -> Option<ObjectPtr> {
        // SAFETY: only ephemerons are on a list, and nothing is swept while any is.
        let next = unsafe { head_of(ephemeron) }.next.take();
        next.filter(|next| *next != ephemeron)
    }

    /// Clears the ephemerons that still wait, now that it is decided what dies. True: all are done.
    pub fn clear(&mut self, meter: &mut Meter) -> bool {
        while !self.lists.is_empty() {
            match self.lists.get_bucket_entry(self.cleared) {
                Ok(mut entry) => {
                    let ephemeron = entry.get().1;
                    // SAFETY: as in `unlink`.
                    unsafe { head_of(ephemeron) }.key.set(None);
                    match Waiting::unlink(ephemeron) {
                        Some(next) => entry.get_mut().1 = next,
                        None => drop(entry.remove()),
                    }
                }
                Err(_) => self.cleared += 1,
            }
            if meter.spend(16) {
                return false;
            }
        }
        self.cleared = 0;
        if self.lists.num_buckets() > 1 << 12 {
            // The next cycle may have fewer, and would look at all these buckets.
            self.lists = HashTable::new();
        }
        true
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
