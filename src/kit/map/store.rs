//! [`Store`]: the entries of a map, in tables of bounded size. Independent of the heap.
//!
//! A small store is one table of `hashbrown`. A table that grows moves all its entries at once, which takes long for
//! millions of them. So a store of more than [`PART`] entries consists of *parts*, each a table of its own, and a part
//! that is full is split in two. This is extendible hashing (Fagin, Nievergelt, Pippenger and Strong, TODS 1979): the
//! lower bits of an entry's hash, mixed once more, name a place in the *directory*, which names the part. A part is
//! split by one more bit of the hash; where the directory does not use that bit yet, the directory is doubled first,
//! which copies four bytes for each part and moves no entry. Hashes spread entries evenly, so all parts are split at
//! about the same time, and the tables together are as full as one table would be. Figures: `docs/experiments.md`.
//!
//! Where keys collide, so that a split does not separate them, the directory would grow without end: a part whose
//! entries are few in relation to the directory gets a larger table instead.
//!
//! The buckets of a table that are in use are noted in [`Bits`] beside the table, unless the table is tiny: so the next
//! entry is found in constant time, however empty the table is. Without memory for that bitmap a store is slower and
//! not wrong: it is searched bucket by bucket.
//!
//! A *position* is a part and a bucket in it. The position of an entry changes only where a table is rehashed (its
//! [`moved`](Look::moved) says so), a part is split, or the parts are given up. A rehash stays inside of a part; a
//! split carries entries to a new part, the last of all, and rehashes the part that they come from; only
//! [`shrink_to_fit`](Store::shrink_to_fit) gives the parts up, by making the store anew.

mod parts;

use core::cell::Cell;

use hashbrown::HashTable;

use self::parts::{BUCKETS, MOST_BITS, PART, Part, Rest, put_in};
use super::bits::Bits;
use super::table::{Change, Look, TINY, table_bytes};
use crate::fault::{self, Fault};
use crate::kit::key::Key;
use crate::memory::{self, NoMemory, reserve_exact};

/// Number of entries of a part where room is made beforehand: so few that mixed hashes give a part more than [`PART`]
/// only once in many thousands of cases.
const ROOMY: usize = if cfg!(any(test, grisaille_faults)) { PART / 2 } else { PART - 420 };
/// Number of lower bits of a position that are the bucket; the others are the part.
const BUCKET_BITS: u32 = usize::BITS / 2;

/// The entries of a map: see the module.
pub(super) struct Store<K, V> {
    /// All entries, where there are no parts.
    first: HashTable<(K, V)>,
    /// Whether entries changed their buckets in `first`, or moved between parts.
    moved: Cell<bool>,
    /// Whether there are parts. (A lookup in a small store does not read `rest`.)
    split: bool,
    /// Data that a tiny store does not need. An array of one `Rest`, since only vectors can be allocated without an
    /// abort.
    rest: Option<Box<Rest<K, V>>>,
}

/// Returns the position of a bucket.
#[inline(always)]
pub(super) fn position(part: usize, bucket: usize) -> usize {
    part << BUCKET_BITS | bucket
}

/// Returns the part and the bucket of a position.
#[inline(always)]
pub(super) fn place(position: usize) -> (usize, usize) {
    (position >> BUCKET_BITS, position & ((1 << BUCKET_BITS) - 1))
}

/// Returns the number of bits of the hash that distinguish parts where there is room for `entries` entries.
fn bits_for(entries: usize) -> u32 {
    if entries <= PART { 0 } else { entries.div_ceil(ROOMY).next_power_of_two().ilog2() }
}

/// Estimates the bytes of a store with room for `entries` entries.
fn bytes_for<T>(entries: usize) -> usize {
    match bits_for(entries) {
        0 => table_bytes::<T>(entries),
        bits => 1usize.checked_shl(bits).map_or(usize::MAX, |parts| {
            parts.saturating_mul(table_bytes::<T>(PART) + size_of::<Part<(), ()>>() + size_of::<u32>())
        }),
    }
}

impl<K, V> Store<K, V> {
    pub(super) fn new() -> Self {
        Store { first: HashTable::new(), moved: Cell::new(false), split: false, rest: None }
    }

    #[inline(always)]
    fn rest(&self) -> Option<&Rest<K, V>> {
        self.rest.as_deref()
    }

    /// Returns the data of the parts, if there are any.
    #[inline(always)]
    fn split(&self) -> Option<&Rest<K, V>> {
        if self.split { self.rest() } else { None }
    }

    #[inline(always)]
    fn split_mut(&mut self) -> Option<&mut Rest<K, V>> {
        if self.split { self.rest.as_deref_mut() } else { None }
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.split().map_or(self.first.len(), |rest| rest.len)
    }

    /// Returns the bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let rest = self.rest().map_or(0, |rest| {
            let parts = rest.parts.capacity() * size_of::<Part<K, V>>();
            let directory = rest.directory.capacity() * size_of::<u32>();
            size_of::<Rest<K, V>>() + rest.used.bytes() + rest.filled.bytes() + directory + parts + rest.bytes
        });
        self.first.allocation_size() + rest
    }

    /// Returns the flag that makes the mark loop begin the whole store anew.
    pub(super) fn moved(&self) -> &Cell<bool> {
        &self.moved
    }

    /// Returns the number of tables: one, or the parts.
    pub(super) fn tables(&self) -> usize {
        self.split().map_or(1, |rest| rest.parts.len())
    }

    /// Returns the table of that number, if there is one.
    #[inline(always)]
    pub(super) fn table(&self, number: usize) -> Option<Look<'_, K, V>> {
        match self.split() {
            None if number == 0 => {
                Some(Look { table: &self.first, used: self.rest().map(|rest| &rest.used), moved: &self.moved })
            }
            None => None,
            Some(rest) => {
                let part = rest.parts.get(number)?;
                Some(Look { table: &part.table, used: Some(&part.used), moved: &part.moved })
            }
        }
    }

    /// Returns the first entry at or after a position, and its position.
    #[inline]
    pub(super) fn next(&self, from: usize) -> Option<(usize, &(K, V))> {
        let (mut number, mut bucket) = place(from);
        loop {
            let look = self.table(number)?;
            if let Some(at) = look.next(bucket) {
                return look.table.get_bucket(at).map(|entry| (position(number, at), entry));
            }
            (number, bucket) = (self.split()?.next_filled(number + 1)?, 0);
        }
    }
}

impl<K: Key, V> Store<K, V> {
    /// Returns the table in which an entry with this hash is, if it is in any.
    #[inline(always)]
    fn table_of(&self, hash: u64) -> &HashTable<(K, V)> {
        match self.split() {
            None => &self.first,
            Some(rest) => &rest.parts[rest.part_of(hash)].table,
        }
    }

    #[inline(always)]
    pub(super) fn find(&self, hash: u64, key: &K) -> Option<&(K, V)> {
        self.table_of(hash).find(hash, |entry| entry.0.is_same(key))
    }

    #[inline(always)]
    pub(super) fn find_mut(&mut self, hash: u64, key: &K) -> Option<&mut (K, V)> {
        let table = match self.rest.as_deref_mut() {
            Some(rest) if self.split => {
                let number = rest.part_of(hash);
                &mut rest.parts[number].table
            }
            _ => &mut self.first,
        };
        table.find_mut(hash, |entry| entry.0.is_same(key))
    }

    /// Returns the table of that number, which must exist, to change.
    fn change(&mut self, number: usize) -> Change<'_, K, V> {
        match self.rest.as_deref_mut() {
            None => Change { table: &mut self.first, used: None, moved: &self.moved },
            Some(rest) => {
                if !self.split {
                    return Change { table: &mut self.first, used: Some(&mut rest.used), moved: &self.moved };
                }
                let part = &mut rest.parts[number];
                Change { table: &mut part.table, used: Some(&mut part.used), moved: &part.moved }
            }
        }
    }

    /// Sets the value of a key, and returns the old one.
    ///
    /// # Errors
    /// The value, when there is no [room](Store::make_room) for one more key.
    #[inline(always)]
    pub(super) fn put(&mut self, hash: u64, key: K, value: V) -> Result<Option<V>, V> {
        match self.rest.as_deref_mut() {
            None => put_in(&mut self.first, None, hash, key, value),
            Some(rest) if !self.split => put_in(&mut self.first, Some(&mut rest.used), hash, key, value),
            Some(rest) => rest.put(hash, key, value),
        }
    }

    /// Removes a key, and returns its entry.
    #[inline(always)]
    pub(super) fn remove(&mut self, hash: u64, key: &K) -> Option<(K, V)> {
        match self.rest.as_deref_mut() {
            None => Some(self.first.find_entry(hash, |entry| entry.0.is_same(key)).ok()?.remove().0),
            Some(rest) => rest.remove((!self.split).then_some(&mut self.first), hash, key),
        }
    }

    /// Removes the entry at a position.
    pub(super) fn remove_at(&mut self, position: usize) -> Option<(K, V)> {
        let (number, bucket) = place(position);
        let change = self.change(number);
        let (entry, _) = change.table.get_bucket_entry(bucket).ok()?.remove();
        let is_empty = change.table.is_empty();
        if let Some(used) = change.used.filter(|used| !used.is_none()) {
            used.unset(bucket);
        }
        if let Some(rest) = self.split_mut() {
            rest.len -= 1;
            if is_empty {
                rest.note_filled(number);
            }
        }
        Some(entry)
    }

    /// Estimates how many bytes the store takes in addition when it makes room for an entry with this hash.
    pub(super) fn growth(&self, hash: u64) -> usize {
        let table = self.table_of(hash);
        if !self.splits(hash) {
            return table_bytes::<(K, V)>(table.len() + 1).saturating_sub(table.allocation_size());
        }
        let row = self.split().map_or(size_of::<Rest<K, V>>(), |rest| {
            let parts = if rest.parts.len() < rest.parts.capacity() { 0 } else { rest.parts.len() };
            let places = if rest.directory.len() > rest.parts.len() { 0 } else { rest.directory.len() };
            parts * size_of::<Part<K, V>>() + places * size_of::<u32>()
        });
        (2 * table_bytes::<(K, V)>(table.len().max(PART))).saturating_sub(table.allocation_size()) + row
    }

    /// Returns whether the table of this hash is split when it is full: false when tombstones of removed entries take
    /// half of the room, which a rehash of the table removes.
    fn splits(&self, hash: u64) -> bool {
        let table = self.table_of(hash);
        let buckets = table.num_buckets();
        buckets >= BUCKETS
            && table.len() > buckets / 16 * 7
            && self.split().is_none_or(|rest| rest.may_split(rest.part_of(hash)))
    }

    /// Makes room for an entry with this hash, where there is none.
    ///
    /// # Errors
    /// [`NoMemory`] when the system has none. The entries are what they were.
    #[cold]
    #[inline(never)]
    pub(super) fn make_room(&mut self, hash: u64) -> Result<(), NoMemory> {
        if self.is_full(hash) && self.splits(hash) {
            self.split_part(self.split().map_or(0, |rest| rest.part_of(hash)))?;
        }
        if self.is_full(hash) {
            self.reserve_in(self.split().map_or(0, |rest| rest.part_of(hash)), 1)?;
        }
        Ok(())
    }

    fn is_full(&self, hash: u64) -> bool {
        let table = self.table_of(hash);
        table.len() == table.capacity()
    }

    /// Makes room in one table.
    fn reserve_in(&mut self, number: usize, additional: usize) -> Result<(), NoMemory> {
        if self.rest.is_none() && self.first.len() + additional > TINY * 7 / 8 {
            // Without memory for the bitmap, there is none.
            self.make_rest().ok();
        }
        let change = self.change(number);
        let before = change.bytes();
        let result = change.reserve(additional);
        self.book(number, before);
        result
    }

    /// Adjusts the sum of bytes after part `number`, which took `before` bytes, changed.
    fn book(&mut self, number: usize, before: usize) {
        if let Some(rest) = self.split_mut() {
            rest.bytes = rest.bytes - before + rest.parts[number].bytes();
        }
    }

    fn make_rest(&mut self) -> Result<&mut Rest<K, V>, NoMemory> {
        if self.rest.is_none() {
            let (directory, parts) = (Vec::new(), Vec::new());
            let rest = Rest { used: Bits::none(), directory, parts, filled: Bits::none(), len: 0, bytes: 0 };
            self.rest = Some(memory::boxed(rest)?);
            self.change(0).note_buckets();
        }
        self.rest.as_deref_mut().ok_or(NoMemory)
    }

    /// Makes the only table the first part.
    fn make_parts(&mut self) -> Result<&mut Rest<K, V>, NoMemory> {
        if !self.split {
            let rest = self.make_rest()?;
            reserve_exact(&mut rest.directory, 2)?;
            reserve_exact(&mut rest.parts, 2)?;
            // From here on nothing fails.
            let Some(rest) = self.rest.as_deref_mut() else { return Err(NoMemory) };
            let table = core::mem::take(&mut self.first);
            let used = core::mem::replace(&mut rest.used, Bits::none());
            rest.len = table.len();
            // Whether the store moved stays as it is: a scan that stands behind the first part has to hear of it.
            let part = Part { table, used, prefix: 0, depth: 0, moved: Cell::new(false) };
            rest.bytes = part.bytes();
            rest.directory.push(0);
            rest.parts.push(part);
            rest.note_new_part();
            self.split = true;
        }
        self.rest.as_deref_mut().ok_or(NoMemory)
    }

    /// Splits a part. Where there are no parts, all entries become one part first.
    fn split_part(&mut self, number: usize) -> Result<(), NoMemory> {
        self.make_parts()?.split(number)
    }

    /// Estimates how many bytes the store takes in addition when it makes room for `additional` more entries.
    pub(super) fn growth_for(&self, additional: usize) -> usize {
        let len = self.len().saturating_add(additional);
        bytes_for::<(K, V)>(len).saturating_sub(self.bytes())
    }

    /// Makes room for `additional` more entries.
    ///
    /// # Errors
    /// [`NoMemory`] when the system has none. The entries are what they were.
    pub(super) fn reserve(&mut self, additional: usize) -> Result<(), NoMemory> {
        let entries = self.len().checked_add(additional).ok_or(NoMemory)?;
        let bits = bits_for(entries);
        if bits == 0 && !self.split {
            let spare = self.first.capacity() - self.first.len();
            return if additional > spare { self.reserve_in(0, additional) } else { Ok(()) };
        }
        if bits > MOST_BITS {
            return Err(NoMemory);
        }
        let mut number = 0;
        self.make_parts()?;
        while number < self.tables() {
            while self.split().is_some_and(|rest| u32::from(rest.parts[number].depth) < bits) {
                self.split_part(number)?;
            }
            let table = self.change(number).table;
            if table.capacity() < PART {
                let additional = PART - table.len();
                self.reserve_in(number, additional)?;
            }
            number += 1;
        }
        Ok(())
    }
}

impl<K: Key, V: Copy> Store<K, V> {
    /// Frees the memory that the entries do not need, if there is memory for a store of exactly their size.
    pub(super) fn shrink_to_fit(&mut self) {
        if !self.split {
            self.change(0).shrink();
            if self.first.num_buckets() <= TINY {
                self.rest = None;
            }
        } else if bytes_for::<(K, V)>(self.len()) < self.bytes()
            && let Ok(store) = self.copy()
            && store.bytes() < self.bytes()
        {
            *self = store;
            self.moved.set(!fault::is(Fault::MapShrinksUnseen));
        }
    }

    /// Makes a store with the same entries and no more room than they need.
    fn copy(&self) -> Result<Self, NoMemory> {
        let mut store = Store::new();
        store.reserve(self.len())?;
        let mut position = 0;
        while let Some((at, &(key, value))) = self.next(position) {
            let hash = key.hash_key();
            if store.is_full(hash) {
                store.make_room(hash)?;
            }
            store.put(hash, key, value).map_err(|_| NoMemory)?;
            position = at + 1;
        }
        Ok(store)
    }
}

#[cfg(test)]
mod tests;
