//! [`SplitTable`]: a hash table that grows a little at a time.
//!
//! The table is a row of small tables, one of which is split in two when there are many entries (linear hashing:
//! Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980). So one insertion moves at most a
//! small table's entries, however large the whole is, and a pass over the table works in pieces.

use hashbrown::HashTable;

use super::pieces::Pieces;
use super::{NoMemory, may_allocate};

/// The average of entries in a small table when all are full. Some have twice as many, and chance adds to that.
const FILL: usize = 64;
/// The bits of a hash that choose the table: above those that choose a bucket in it.
const SHIFT: u32 = 12;

pub(crate) struct SplitTable<T> {
    tables: Pieces<HashTable<T>>,
    len: usize,
    /// Bytes that the small tables take.
    bytes: usize,
    /// Entries that the last change moved, for tests.
    #[cfg(test)]
    pub moved: usize,
}

/// Returns the number of a hash's table among `tables`, at least one.
#[inline]
fn table_of(hash: u64, tables: usize) -> usize {
    let mask = tables.next_power_of_two() - 1;
    let at = (hash >> SHIFT) as usize & mask;
    // A table that is still to be split off: its entries are in the one that it is split from.
    if at < tables { at } else { at & mask >> 1 }
}

impl<T> SplitTable<T> {
    pub(crate) const fn new() -> SplitTable<T> {
        SplitTable {
            tables: Pieces::new(),
            len: 0,
            bytes: 0,
            #[cfg(test)]
            moved: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the bytes of memory that the table takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.tables.bytes()
    }

    /// Returns the bytes that an insertion may take.
    pub(crate) fn wanted(&self, hash: u64) -> usize {
        let n = self.tables.len();
        let entry = size_of::<T>() + 1;
        if n == 0 || self.len >= n * FILL {
            return self.tables.wanted() + 2 * FILL * entry;
        }
        let table = self.tables.get(table_of(hash, n));
        if table.len() < table.capacity() { 0 } else { (table.capacity() * 2).max(8) * entry }
    }

    /// Returns the number of small tables, which are the pieces of a pass.
    pub(crate) fn tables(&self) -> usize {
        self.tables.len()
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, is: impl FnMut(&T) -> bool) -> Option<&T> {
        let n = self.tables.len();
        if n == 0 { None } else { self.tables.get(table_of(hash, n)).find(hash, is) }
    }

    /// Removes an entry.
    pub(crate) fn remove(&mut self, hash: u64, is: impl FnMut(&T) -> bool) -> Option<T> {
        let n = self.tables.len();
        if n == 0 {
            return None;
        }
        let entry = self.tables.get_mut(table_of(hash, n)).find_entry(hash, is).ok()?;
        self.len -= 1;
        Some(entry.remove().0)
    }

    /// Adds an entry that is not in the table yet.
    pub(crate) fn insert(&mut self, hash: u64, value: T, hash_of: impl Fn(&T) -> u64) -> Result<(), NoMemory> {
        #[cfg(test)]
        (self.moved = 0);
        if self.tables.len() == 0 {
            self.tables.push(HashTable::new())?;
        } else if self.len >= self.tables.len() * FILL {
            // Without memory for the split a small table becomes longer.
            let _ = self.split(&hash_of);
        }
        let n = self.tables.len();
        let table = self.tables.get_mut(table_of(hash, n));
        if table.len() == table.capacity() {
            if !may_allocate() {
                return Err(NoMemory);
            }
            let before = table.allocation_size();
            #[cfg(test)]
            (self.moved += table.len());
            table.try_reserve(1, &hash_of).map_err(|_| NoMemory)?;
            self.bytes = self.bytes - before + table.allocation_size();
        }
        table.insert_unique(hash, value, hash_of);
        self.len += 1;
        Ok(())
    }

    /// Splits the next table in two.
    fn split(&mut self, hash_of: impl Fn(&T) -> u64) -> Result<(), NoMemory> {
        let new = self.tables.len();
        // The table that holds the new one's entries: the new number without its highest bit.
        let from = new - (1 << new.ilog2());
        self.tables.make_room()?;
        let old = self.tables.get_mut(from);
        let goes = |value: &T| table_of(hash_of(value), new + 1) == new;
        let count = old.iter().filter(|value| goes(value)).count();
        let mut table = HashTable::new();
        if count > 0 {
            if !may_allocate() {
                return Err(NoMemory);
            }
            table.try_reserve(count, &hash_of).map_err(|_| NoMemory)?;
        }
        for value in old.extract_if(|value| goes(value)) {
            #[cfg(test)]
            (self.moved += 1);
            table.insert_unique(hash_of(&value), value, &hash_of);
        }
        self.bytes += table.allocation_size();
        self.tables.push(table)
    }

    /// Merges the last small table into the one that it was split from, where there are far more than the entries need.
    /// Returns false when nothing was to be done, or there is no memory for it.
    pub(crate) fn merge(&mut self, hash_of: impl Fn(&T) -> u64) -> bool {
        #[cfg(test)]
        (self.moved = 0);
        let n = self.tables.len();
        if n == 0 || (n > 1 && self.len >= n * FILL / 4) || (n == 1 && self.len > 0) {
            return false;
        }
        if n > 1 {
            let last = n - 1;
            let count = self.tables.get(last).len();
            let into = self.tables.get_mut(last - (1 << last.ilog2()));
            let before = into.allocation_size();
            if into.capacity() - into.len() < count {
                if !may_allocate() || into.try_reserve(count, &hash_of).is_err() {
                    return false;
                }
                self.bytes = self.bytes - before + into.allocation_size();
            }
        }
        let Some(last) = self.tables.pop() else { return false };
        self.bytes -= last.allocation_size();
        if n > 1 {
            let into = self.tables.get_mut(n - 1 - (1 << (n - 1).ilog2()));
            for value in last {
                #[cfg(test)]
                (self.moved += 1);
                into.insert_unique(hash_of(&value), value, &hash_of);
            }
        }
        true
    }

    /// Keeps the entries of one small table that `keeps` accepts. Returns the number of buckets visited.
    pub(crate) fn retain_in(
        &mut self,
        table: usize,
        keeps: impl FnMut(&mut T) -> bool,
        hash_of: impl Fn(&T) -> u64,
    ) -> usize {
        let table = self.tables.get_mut(table);
        let (before, buckets) = (table.len(), table.num_buckets());
        table.retain(keeps);
        self.len -= before - table.len();
        // Few entries in much room would make the next pass long for nothing.
        if table.len() < buckets / 8 {
            let mut smaller = HashTable::new();
            let may = table.is_empty() || may_allocate() && smaller.try_reserve(table.len(), &hash_of).is_ok();
            if may {
                self.bytes -= table.allocation_size();
                for value in core::mem::take(table) {
                    smaller.insert_unique(hash_of(&value), value, &hash_of);
                }
                self.bytes += smaller.allocation_size();
                *table = smaller;
            }
        }
        buckets
    }

    /// Removes some entry, and frees small tables that are empty. `bucket` is where the last call ended, 0 at first;
    /// nothing else may change the table until all entries are taken.
    pub(crate) fn take_any(&mut self, bucket: &mut usize) -> Option<T> {
        while let Some(last) = self.tables.len().checked_sub(1) {
            let table = self.tables.get_mut(last);
            while !table.is_empty() && *bucket < table.num_buckets() {
                *bucket += 1;
                if let Ok(entry) = table.get_bucket_entry(*bucket - 1) {
                    self.len -= 1;
                    return Some(entry.remove().0);
                }
            }
            debug_assert!(table.is_empty(), "an entry was passed over");
            *bucket = 0;
            self.bytes -= table.allocation_size();
            self.tables.pop();
        }
        None
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.tables.iter().flat_map(|table| table.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn hash(number: &u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn check(table: &SplitTable<u64>, model: &HashSet<u64>) {
        assert_eq!((table.len(), table.iter().copied().collect::<HashSet<_>>()), (model.len(), model.clone()));
        assert_eq!(table.bytes, table.tables.iter().map(HashTable::allocation_size).sum::<usize>());
    }

    #[test]
    fn no_change_moves_more_than_a_small_table() {
        let (mut table, mut model, mut most) = (SplitTable::new(), HashSet::new(), 0);
        for number in 0..200_000u64 {
            table.insert(hash(&number), number, hash).unwrap();
            model.insert(number);
            most = most.max(table.moved);
        }
        check(&table, &model);
        assert!(table.tables() > 200_000 / FILL - 2);
        for number in 0..200_000 {
            assert_eq!(table.find(hash(&number), |n| *n == number), Some(&number));
        }
        let mut looked_at = 0;
        for at in 0..table.tables() {
            looked_at = looked_at.max(table.retain_in(at, |number| *number % 100 == 0, hash));
        }
        model.retain(|number| number % 100 == 0);
        check(&table, &model);
        while table.merge(hash) {
            most = most.max(table.moved);
        }
        check(&table, &model);
        assert!(table.tables() < 4 * 2000 / FILL + 2, "{} tables are left", table.tables());
        for &number in &model {
            assert_eq!(table.find(hash(&number), |n| *n == number), Some(&number));
        }
        assert!(most <= 8 * FILL && looked_at <= 16 * FILL, "{most} entries were moved, {looked_at} buckets looked at");
        let mut bucket = 0;
        while let Some(number) = table.take_any(&mut bucket) {
            assert!(model.remove(&number));
        }
        assert!(model.is_empty());
        check(&table, &model);
        assert_eq!(table.tables(), 0);
    }

    #[test]
    fn it_is_a_table() {
        let (mut table, mut model) = (SplitTable::new(), HashSet::new());
        for step in 0..20_000u64 {
            let number = hash(&step) % 3000;
            if model.contains(&number) {
                assert!(table.find(hash(&number), |n| *n == number).is_some());
                assert_eq!(table.remove(hash(&number), |n| *n == number), Some(number));
                model.remove(&number);
            } else {
                assert!(table.find(hash(&number), |n| *n == number).is_none());
                let (before, wanted) = (table.bytes(), table.wanted(hash(&number)));
                table.insert(hash(&number), number, hash).unwrap();
                assert!(wanted > 0 || table.bytes() == before);
                model.insert(number);
            }
            if step % 500 == 0 {
                table.merge(hash);
                check(&table, &model);
            }
        }
    }
}
