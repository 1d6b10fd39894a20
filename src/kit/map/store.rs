//! [`Store`]: the entries of a map, in tables of bounded size. Knows of no heap.
//!
//! A small store is one table of `hashbrown`'s. A table that grows moves all its entries at once, which takes some
//! 100 milliseconds for some millions: so a store of more than [`PART`] entries is a row of *parts*, each a table of its
//! own, and grows by one part at a time. That is linear hashing (Litwin, VLDB 1980): with `n` parts an entry belongs to
//! the part that the lower bits of its hash name, one bit fewer where there is no such part yet; a new part takes its
//! entries from one other, half of what that has, and always stands at the end of the row.
//!
//! Which buckets of a table are in use is noted beside it, in [`Bits`], where the table is not tiny: so the next entry
//! is found in constant time, however empty the table is. Without memory for that note a store is slower and not wrong:
//! it is looked through bucket by bucket.
//!
//! A *position* is a part and a bucket in it. Entries change theirs only where a table is rehashed (its
//! [`moved`](Look::moved) says so) or a part is made or given up. The first happens inside of a part; a new part
//! carries entries to the end, and rehashes the part that they come from; parts are given up by `shrink_to_fit` alone.

use core::cell::Cell;

use hashbrown::HashTable;

use super::bits::Bits;
use super::table::{Change, Look, NoMemory, TINY, hash_of, table_bytes};
use crate::kit::key::Key;

/// Entries that a table has room for when it is full, for which it is made one of several parts.
const PART: usize = 1792;
/// Buckets of such a table.
const BUCKETS: usize = 2048;
/// Entries that a part has room for at least.
const SMALL_PART: usize = PART / 2;
/// Entries of a part, on the average: half of them have twice as many just before the number of parts has doubled, and
/// the hash spreads them by some 40 to either side.
const MEAN: usize = 800;
/// The same, where room is made beforehand, so that no part comes near its end.
const ROOMY: usize = 700;
/// Bits of the hash that a table does not look at begin here, and end 7 before the last.
const PART_SHIFT: u32 = 24;
/// A position is a part, and in so many lower bits a bucket.
const BUCKET_BITS: u32 = 32;

pub(super) struct Store<K, V> {
    /// All entries, where there are no parts.
    first: HashTable<(K, V)>,
    /// Entries changed their buckets: in `first`, or between parts.
    moved: Cell<bool>,
    /// What a tiny store does not need. One `Rest`: an array, since only vectors can be allocated without an abort.
    rest: Option<Box<[Rest<K, V>; 1]>>,
}

struct Rest<K, V> {
    /// The buckets of `first` that are in use.
    used: Bits,
    parts: Vec<Part<K, V>>,
    /// Which parts have entries.
    filled: Bits,
    /// Entries of all parts, and bytes.
    len: usize,
    bytes: usize,
}

struct Part<K, V> {
    table: HashTable<(K, V)>,
    used: Bits,
    moved: Cell<bool>,
}

impl<K: Key, V> Part<K, V> {
    /// With room for so many entries, and an eighth more, none of which is there.
    fn try_new(entries: usize) -> Result<Self, NoMemory> {
        let mut table = HashTable::new();
        table.try_reserve((entries + entries / 8).max(SMALL_PART), hash_of)?;
        let used = Bits::try_new(table.num_buckets())?;
        Ok(Part { table, used, moved: Cell::new(false) })
    }

    /// Inserts an entry for which there is room.
    #[inline(always)]
    fn insert(&mut self, hash: u64, entry: (K, V)) {
        let bucket = self.table.insert_unique(hash, entry, hash_of).bucket_index();
        if !self.used.is_none() {
            self.used.set(bucket);
        }
    }
}

impl<K, V> Part<K, V> {
    fn bytes(&self) -> usize {
        self.table.allocation_size() + self.used.bytes()
    }
}

/// The part of an entry, where there are so many.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the lower bits are what is asked for")]
fn part_of(hash: u64, parts: usize) -> usize {
    let mask = parts.next_power_of_two() - 1;
    let part = (hash >> PART_SHIFT) as usize & mask;
    if part < parts { part } else { part & (mask >> 1) }
}

/// The part that a new one takes its entries from, where there are so many without it.
fn splits(parts: usize) -> usize {
    parts - (parts + 1).next_power_of_two() / 2
}

/// Allocates one value.
fn boxed<T>(value: T) -> Result<Box<[T; 1]>, NoMemory> {
    let mut room = Vec::new();
    room.try_reserve_exact(1)?;
    room.push(value);
    room.into_boxed_slice().try_into().map_err(|_| NoMemory)
}

/// The position of a bucket.
#[inline(always)]
pub(super) fn position(part: usize, bucket: usize) -> usize {
    part << BUCKET_BITS | bucket
}

/// The part and the bucket of a position.
#[inline(always)]
pub(super) fn place(position: usize) -> (usize, usize) {
    (position >> BUCKET_BITS, position & ((1 << BUCKET_BITS) - 1))
}

impl<K, V> Store<K, V> {
    pub fn new() -> Self {
        Store { first: HashTable::new(), moved: Cell::new(false), rest: None }
    }

    #[inline(always)]
    fn rest(&self) -> Option<&Rest<K, V>> {
        self.rest.as_deref().map(|[rest]| rest)
    }

    /// What there is of parts, if there are any.
    #[inline(always)]
    fn split(&self) -> Option<&Rest<K, V>> {
        self.rest().filter(|rest| !rest.parts.is_empty())
    }

    #[inline(always)]
    fn split_mut(&mut self) -> Option<&mut Rest<K, V>> {
        self.rest.as_deref_mut().map(|[rest]| rest).filter(|rest| !rest.parts.is_empty())
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        self.split().map_or(self.first.len(), |rest| rest.len)
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        let rest = self.rest().map_or(0, |rest| {
            let parts = rest.parts.capacity() * size_of::<Part<K, V>>();
            size_of::<Rest<K, V>>() + rest.used.bytes() + rest.filled.bytes() + parts + rest.bytes
        });
        self.first.allocation_size() + rest
    }

    /// Where the mark loop has to begin anew, whatever it has scanned.
    pub fn moved(&self) -> &Cell<bool> {
        &self.moved
    }

    /// How many tables there are: one, or the parts.
    pub fn tables(&self) -> usize {
        self.split().map_or(1, |rest| rest.parts.len())
    }

    /// The table of that number, if there is one.
    #[inline(always)]
    pub fn table(&self, number: usize) -> Option<Look<'_, K, V>> {
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

    /// The first entry at or after a position, and its own.
    #[inline]
    pub fn next(&self, from: usize) -> Option<(usize, &(K, V))> {
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

impl<K, V> Rest<K, V> {
    fn next_filled(&self, from: usize) -> Option<usize> {
        if self.filled.is_none() {
            return (from..self.parts.len()).find(|at| !self.parts[*at].table.is_empty());
        }
        self.filled.next(from)
    }

    fn note_filled(&mut self, part: usize) {
        if self.filled.is_none() {
        } else if self.parts[part].table.is_empty() {
            self.filled.unset(part);
        } else {
            self.filled.set(part);
        }
    }

    /// One more part stands at the end.
    fn note_new_part(&mut self) {
        let parts = self.parts.len();
        if self.filled.places() < parts {
            self.filled = Bits::try_new(parts.next_power_of_two()).unwrap_or_else(|_| Bits::none());
            (0..parts).for_each(|part| self.note_filled(part));
        } else {
            self.note_filled(parts - 1);
        }
    }
}

impl<K: Key, V> Store<K, V> {
    /// The table that an entry with this hash is in, if it is anywhere.
    #[inline(always)]
    fn table_of(&self, hash: u64) -> &HashTable<(K, V)> {
        match self.split() {
            None => &self.first,
            Some(rest) => &rest.parts[part_of(hash, rest.parts.len())].table,
        }
    }

    #[inline(always)]
    pub fn find(&self, hash: u64, key: &K) -> Option<&(K, V)> {
        self.table_of(hash).find(hash, |entry| entry.0.is_same(key))
    }

    #[inline(always)]
    pub fn find_mut(&mut self, hash: u64, key: &K) -> Option<&mut (K, V)> {
        let table = match self.rest.as_deref_mut() {
            Some([rest]) if !rest.parts.is_empty() => {
                let part = part_of(hash, rest.parts.len());
                &mut rest.parts[part].table
            }
            _ => &mut self.first,
        };
        table.find_mut(hash, |entry| entry.0.is_same(key))
    }

    /// The table of that number, which there is, to be changed.
    fn change(&mut self, number: usize) -> Change<'_, K, V> {
        match self.rest.as_deref_mut() {
            None => Change { table: &mut self.first, used: None, moved: &self.moved },
            Some([rest]) => {
                if rest.parts.is_empty() {
                    return Change { table: &mut self.first, used: Some(&mut rest.used), moved: &self.moved };
                }
                let part = &mut rest.parts[number];
                Change { table: &mut part.table, used: Some(&mut part.used), moved: &part.moved }
            }
        }
    }

    /// Whether an entry with this hash can be inserted as it is.
    #[inline(always)]
    pub fn has_room(&self, hash: u64) -> bool {
        let table = self.table_of(hash);
        table.len() < table.capacity()
            && match self.split() {
                None => true,
                Some(rest) => rest.len < rest.parts.len() * MEAN,
            }
    }

    /// Inserts an entry whose key is not there. There must be [room](Store::has_room).
    #[inline(always)]
    pub fn insert(&mut self, hash: u64, entry: (K, V)) {
        debug_assert!(self.table_of(hash).len() < self.table_of(hash).capacity(), "entries move, and nobody is told");
        match self.rest.as_deref_mut() {
            None => drop(self.first.insert_unique(hash, entry, hash_of)),
            Some([rest]) => rest.insert(&mut self.first, hash, entry),
        }
    }

    /// Removes a key, and returns its entry.
    #[inline(always)]
    pub fn remove(&mut self, hash: u64, key: &K) -> Option<(K, V)> {
        match self.rest.as_deref_mut() {
            None => Some(self.first.find_entry(hash, |entry| entry.0.is_same(key)).ok()?.remove().0),
            Some([rest]) => rest.remove(&mut self.first, hash, key),
        }
    }

    /// Removes the entry at a position.
    pub fn remove_at(&mut self, position: usize) -> Option<(K, V)> {
        let (number, bucket) = place(position);
        let change = self.change(number);
        let (entry, _) = change.table.get_bucket_entry(bucket).ok()?.remove();
        if let Some(used) = change.used.filter(|used| !used.is_none()) {
            used.unset(bucket);
        }
        if let Some(rest) = self.split_mut() {
            rest.len -= 1;
            rest.note_filled(number);
        }
        Some(entry)
    }

    /// About how many bytes more the store takes when it has made room for an entry with this hash.
    pub fn growth(&self, hash: u64) -> usize {
        let table = self.table_of(hash);
        let grown = table_bytes::<(K, V)>(table.len() + 1).saturating_sub(table.allocation_size());
        let part = self.splits_next().map_or(0, |entries| table_bytes::<(K, V)>(entries.max(SMALL_PART)));
        let row = match self.rest() {
            None => size_of::<Rest<K, V>>(),
            Some(rest) if rest.parts.len() < rest.parts.capacity() => 0,
            Some(rest) => rest.parts.len().max(2) * size_of::<Part<K, V>>(),
        };
        if part > 0 { part + row } else { grown }
    }

    /// Whether the store grows by a part next, and how many entries the part has that is split.
    fn splits_next(&self) -> Option<usize> {
        match self.split() {
            Some(rest) if rest.len >= rest.parts.len() * MEAN => Some(rest.parts[splits(rest.parts.len())].table.len()),
            Some(_) => None,
            // Where half of the buckets are free of entries, though not of traces of some, the table is cleaned up.
            None => (self.first.num_buckets() >= BUCKETS && self.first.len() > self.first.num_buckets() / 2)
                .then_some(self.first.len()),
        }
    }

    /// Makes room for an entry with this hash.
    ///
    /// # Errors
    /// The system has no memory. The entries are what they were.
    #[cold]
    #[inline(never)]
    pub fn make_room(&mut self, hash: u64) -> Result<(), NoMemory> {
        if self.splits_next().is_some() {
            self.add_part()?;
        }
        let table = self.table_of(hash);
        if table.len() == table.capacity() {
            self.reserve_in(self.split().map_or(0, |rest| part_of(hash, rest.parts.len())), 1)?;
        }
        Ok(())
    }

    /// Makes room in one table.
    fn reserve_in(&mut self, number: usize, additional: usize) -> Result<(), NoMemory> {
        if self.rest.is_none() && self.first.len() + additional > TINY * 7 / 8 {
            // If there is no memory for it, there is no note.
            self.make_rest().ok();
        }
        let change = self.change(number);
        let before = change.bytes();
        let result = change.reserve(additional);
        self.book(number, before);
        result
    }

    /// A part takes other memory than before.
    fn book(&mut self, number: usize, before: usize) {
        if let Some(rest) = self.split_mut() {
            rest.bytes = rest.bytes - before + rest.parts[number].bytes();
        }
    }

    fn make_rest(&mut self) -> Result<&mut Rest<K, V>, NoMemory> {
        if self.rest.is_none() {
            let rest = Rest { used: Bits::none(), parts: Vec::new(), filled: Bits::none(), len: 0, bytes: 0 };
            self.rest = Some(boxed(rest)?);
            self.change(0).note_buckets();
        }
        self.rest.as_deref_mut().map(|[rest]| rest).ok_or(NoMemory)
    }

    /// Adds a part, which takes its entries from another; without parts, all entries become one before.
    fn add_part(&mut self) -> Result<(), NoMemory> {
        let row = &mut self.make_rest()?.parts;
        row.try_reserve(if row.is_empty() { 2 } else { 1 })?;
        let from = self.split().map_or(0, |rest| splits(rest.parts.len()));
        let parts = self.split().map_or(1, |rest| rest.parts.len()) + 1;
        let (mut stay, mut go) = (0, 0);
        if let Some(look) = self.table(from) {
            let goes = |&entry: &&(K, V)| part_of(hash_of(entry), parts) != from;
            go = look.table.iter().filter(goes).count();
            stay = look.table.len() - go;
        }
        let (mut kept, mut part) = (Part::try_new(stay)?, Part::try_new(go)?);
        // From here on nothing fails.
        let Some([rest]) = self.rest.as_deref_mut() else { return Ok(()) };
        if rest.parts.is_empty() {
            let table = core::mem::take(&mut self.first);
            let used = core::mem::replace(&mut rest.used, Bits::none());
            rest.len = table.len();
            let part = Part { table, used, moved: Cell::new(self.moved.replace(false)) };
            rest.bytes = part.bytes();
            rest.parts.push(part);
            rest.note_new_part();
        }
        let old = &mut rest.parts[from];
        rest.bytes -= old.bytes();
        for entry in old.table.drain() {
            let hash = hash_of(&entry);
            let to = if part_of(hash, parts) == from { &mut kept } else { &mut part };
            to.insert(hash, entry);
        }
        // Those that stay have changed their buckets.
        kept.moved.set(true);
        *old = kept;
        rest.bytes += old.bytes();
        rest.bytes += part.bytes();
        rest.parts.push(part);
        rest.note_filled(from);
        rest.note_new_part();
        Ok(())
    }

    /// About how many bytes more the store takes when it has made room for so many entries more.
    pub fn growth_for(&self, additional: usize) -> usize {
        let len = self.len().saturating_add(additional);
        if self.split().is_none() && len <= PART {
            return table_bytes::<(K, V)>(len).saturating_sub(self.bytes());
        }
        let part = table_bytes::<(K, V)>(PART) + size_of::<Part<K, V>>();
        (len / ROOMY + 1).saturating_mul(part).saturating_sub(self.bytes())
    }

    /// Makes room for so many entries more.
    ///
    /// # Errors
    /// The system has no memory. The entries are what they were.
    pub fn reserve(&mut self, additional: usize) -> Result<(), NoMemory> {
        if self.split().is_none() && self.first.len() + additional <= PART {
            let spare = self.first.capacity() - self.first.len();
            return if additional > spare { self.reserve_in(0, additional) } else { Ok(()) };
        }
        let parts = (self.len() + additional) / ROOMY + 1;
        while self.split().is_none() || self.tables() < parts {
            self.add_part()?;
        }
        for number in 0..self.tables() {
            let table = self.change(number).table;
            if table.capacity() < PART {
                let additional = PART - table.len();
                self.reserve_in(number, additional)?;
            }
        }
        Ok(())
    }

    /// Gives back the memory that the entries do not need, as far as there is memory for the way there.
    pub fn shrink_to_fit(&mut self) {
        let parts = if self.len() <= PART { 1 } else { self.len() / ROOMY + 1 };
        while self.split().is_some() && self.tables() > parts {
            if self.give_up_part().is_err() {
                break;
            }
        }
        if let Some([rest]) = self.rest.as_deref_mut()
            && rest.parts.len() == 1
        {
            let Some(part) = rest.parts.pop() else { return };
            (self.first, rest.used) = (part.table, part.used);
            (rest.parts, rest.filled, rest.len, rest.bytes) = (Vec::new(), Bits::none(), 0, 0);
            self.moved.set(true);
        }
        for number in 0..self.tables() {
            let change = self.change(number);
            let before = change.bytes();
            change.shrink();
            self.book(number, before);
        }
        if self.split().is_none() && self.first.num_buckets() <= TINY {
            self.rest = None;
        }
    }

    /// The entries of the last part go to the one that it had them from.
    fn give_up_part(&mut self) -> Result<(), NoMemory> {
        let Some(last) = self.split().map(|rest| rest.parts.len() - 1).filter(|last| *last > 0) else { return Ok(()) };
        let to = splits(last);
        let additional = self.table(last).map_or(0, |look| look.table.len());
        self.reserve_in(to, additional)?;
        let Some(rest) = self.split_mut() else { return Ok(()) };
        let Some(mut part) = rest.parts.pop() else { return Ok(()) };
        rest.bytes -= part.bytes();
        if !rest.filled.is_none() {
            rest.filled.unset(last);
        }
        let target = &mut rest.parts[to];
        for entry in part.table.drain() {
            target.insert(hash_of(&entry), entry);
        }
        rest.note_filled(to);
        self.moved.set(true);
        Ok(())
    }
}

impl<K: Key, V> Rest<K, V> {
    /// See [`Store::insert`].
    #[inline]
    fn insert(&mut self, first: &mut HashTable<(K, V)>, hash: u64, entry: (K, V)) {
        if self.parts.is_empty() {
            let bucket = first.insert_unique(hash, entry, hash_of).bucket_index();
            if !self.used.is_none() {
                self.used.set(bucket);
            }
            return;
        }
        let number = part_of(hash, self.parts.len());
        self.parts[number].insert(hash, entry);
        self.len += 1;
        if self.parts[number].table.len() == 1 {
            self.note_filled(number);
        }
    }

    /// See [`Store::remove`].
    #[inline]
    fn remove(&mut self, first: &mut HashTable<(K, V)>, hash: u64, key: &K) -> Option<(K, V)> {
        let number = if self.parts.is_empty() { 0 } else { part_of(hash, self.parts.len()) };
        let (table, used) = match self.parts.get_mut(number) {
            Some(part) => (&mut part.table, &mut part.used),
            None => (first, &mut self.used),
        };
        let entry = table.find_entry(hash, |entry| entry.0.is_same(key)).ok()?;
        let bucket = entry.bucket_index();
        let (entry, _) = entry.remove();
        if !used.is_none() {
            used.unset(bucket);
        }
        if let Some(part) = self.parts.get(number) {
            let is_empty = part.table.is_empty();
            self.len -= 1;
            if is_empty {
                self.note_filled(number);
            }
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests;
