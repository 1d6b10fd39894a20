//! One table of a [store](super::store), and the bitmap of its buckets in use.

use core::cell::Cell;

use hashbrown::HashTable;

use super::bits::Bits;
use crate::kit::key::Key;
use crate::memory::{NoMemory, may_allocate};

/// The most buckets of a table without a bitmap, which is searched bucket by bucket.
pub(super) const TINY: usize = 64;

/// Makes room for `additional` more entries, which moves all entries. The only place where a table gets memory.
pub(super) fn reserve_table<K: Key, V>(table: &mut HashTable<(K, V)>, additional: usize) -> Result<(), NoMemory> {
    if table.capacity() - table.len() >= additional {
        return Ok(());
    }
    if !may_allocate() {
        return Err(NoMemory);
    }
    table.try_reserve(additional, hash_of).map_err(|_| NoMemory)
}

/// A table, to read.
pub(super) struct Look<'s, K, V> {
    pub table: &'s HashTable<(K, V)>,
    pub used: Option<&'s Bits>,
    /// Whether entries changed their buckets since the mark loop last began with the table.
    pub moved: &'s Cell<bool>,
}

impl<K, V> Look<'_, K, V> {
    /// Returns the first bucket in use at or after `from`.
    #[inline(always)]
    pub(super) fn next(&self, from: usize) -> Option<usize> {
        match self.used {
            Some(used) if !used.is_none() => used.next(from),
            _ => (from..self.table.num_buckets()).find(|at| self.table.get_bucket(*at).is_some()),
        }
    }
}

/// A table, to change.
pub(super) struct Change<'s, K, V> {
    pub table: &'s mut HashTable<(K, V)>,
    pub used: Option<&'s mut Bits>,
    pub moved: &'s Cell<bool>,
}

impl<K: Key, V> Change<'_, K, V> {
    /// Returns the bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.table.allocation_size() + self.used.as_ref().map_or(0, |used| used.bytes())
    }

    /// Makes room for `additional` more entries. All entries change their buckets.
    pub(super) fn reserve(self, additional: usize) -> Result<(), NoMemory> {
        self.moved.set(true);
        let result = reserve_table(self.table, additional);
        self.note_buckets();
        result
    }

    /// Moves the entries to a table without spare room, if there is memory for one.
    pub(super) fn shrink(self) {
        let mut table = HashTable::new();
        if reserve_table(&mut table, self.table.len()).is_ok() && table.num_buckets() < self.table.num_buckets() {
            for entry in self.table.drain() {
                table.insert_unique(hash_of(&entry), entry, hash_of);
            }
            *self.table = table;
            self.moved.set(true);
            self.note_buckets();
        }
    }

    /// Builds the bitmap of buckets in use anew.
    pub(super) fn note_buckets(self) {
        let Some(used) = self.used else { return };
        let buckets = self.table.num_buckets();
        if buckets <= TINY {
            *used = Bits::none();
            return;
        }
        if used.places() == buckets {
            used.clear();
        } else {
            *used = Bits::try_new(buckets).unwrap_or_else(|_| Bits::none());
        }
        if !used.is_none() {
            (0..buckets).filter(|at| self.table.get_bucket(*at).is_some()).for_each(|at| used.set(at));
        }
    }
}

#[inline(always)]
pub(super) fn hash_of<K: Key, V>(entry: &(K, V)) -> u64 {
    entry.0.hash_key()
}

/// Returns the bytes of a table with room for `entries` entries and of its bitmap, or more where the number overflows.
pub(super) fn table_bytes<T>(entries: usize) -> usize {
    let buckets = entries.saturating_mul(8).div_ceil(7).checked_next_power_of_two().unwrap_or(usize::MAX);
    let note = if buckets <= TINY { 0 } else { Bits::bytes_for(buckets) };
    buckets.saturating_mul(size_of::<T>() + 1).saturating_add(note)
}
