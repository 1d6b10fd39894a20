//! [`Rest`] and [`Part`]: the parts of a store, and the directory that finds them. How a part is split is said in
//! [`store`](super).

use core::cell::Cell;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::fault::{self, Fault};
use crate::kit::key::Key;
use crate::kit::map::bits::Bits;
use crate::kit::map::table::{hash_of, reserve_table};
use crate::memory::{NoMemory, reserve_exact, reserve_one};

/// Number of buckets of a part, unless keys collide. Tests that look into everything have small ones.
pub(super) const BUCKETS: usize = if cfg!(test) {
    256
} else if cfg!(grisaille_faults) {
    1024
} else {
    8192
};
/// Number of entries that such a table has room for.
pub(super) const PART: usize = BUCKETS / 8 * 7;
/// The most bits that the directory uses.
pub(super) const MOST_BITS: u32 = if usize::BITS < 64 { 20 } else { 30 };

/// The bitmap of a store's only table, and the parts with their directory.
pub(super) struct Rest<K, V> {
    /// The buckets of `first` that are in use.
    pub used: Bits,
    /// Maps the lower bits of a [mixed] hash to the number of the part. Its length is a power of two.
    pub directory: Vec<u32>,
    pub parts: Vec<Part<K, V>>,
    /// The parts that have entries.
    pub filled: Bits,
    /// Number of entries of all parts.
    pub len: usize,
    /// Bytes of all parts.
    pub bytes: usize,
}

/// A part: a cache line, with the data that a lookup needs.
#[repr(align(64))]
pub(super) struct Part<K, V> {
    pub table: HashTable<(K, V)>,
    pub used: Bits,
    /// The lower bits that the mixed hashes of the part's entries have in common.
    pub prefix: u32,
    /// Number of these bits.
    pub depth: u8,
    /// Whether entries changed their buckets since the mark loop last began with the part.
    pub moved: Cell<bool>,
}

impl<K: Key, V> Part<K, V> {
    /// Makes an empty part with room for `entries` entries.
    pub(super) fn try_new(entries: usize, prefix: u32, depth: u8) -> Result<Self, NoMemory> {
        let mut table = HashTable::new();
        reserve_table(&mut table, entries)?;
        let used = Bits::try_new(table.num_buckets()).unwrap_or_else(|_| Bits::none());
        Ok(Part { table, used, prefix, depth, moved: Cell::new(false) })
    }

    /// Inserts an entry whose key is not in the part, and for which there is room.
    #[inline(always)]
    fn insert(&mut self, hash: u64, entry: (K, V)) {
        let bucket = self.table.insert_unique(hash, entry, hash_of).bucket_index();
        if !self.used.is_none() {
            self.used.set(bucket);
        }
    }
}

impl<K, V> Part<K, V> {
    pub(super) fn bytes(&self) -> usize {
        self.table.allocation_size() + self.used.bytes()
    }
}

/// Returns the bits of a hash that select its part, more than [`MOST_BITS`].
///
/// The hash of a number is, in the bits that count, the number's product with a random factor. With some factors, a few parts
/// would get most of the numbers that follow each other: so the halves are mixed. Figures: `docs/experiments.md`.
#[inline(always)]
fn mixed(hash: u64) -> u64 {
    // The factor is odd and has no pattern: the golden ratio.
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// Returns the place of a hash in a directory of `places` places.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the lower bits are what is asked for")]
pub(super) fn place_of(hash: u64, places: usize) -> usize {
    mixed(hash) as usize & (places - 1)
}

/// Returns whether splitting a part by one more bit carries an entry to the new part.
#[inline(always)]
fn goes(hash: u64, depth: u8) -> bool {
    (mixed(hash) >> depth) & 1 != 0
}

impl<K, V> Rest<K, V> {
    /// Returns the number of the part of an entry.
    #[inline(always)]
    pub(super) fn part_of(&self, hash: u64) -> usize {
        self.directory[place_of(hash, self.directory.len())] as usize
    }

    pub(super) fn next_filled(&self, from: usize) -> Option<usize> {
        if self.filled.is_none() {
            return (from..self.parts.len()).find(|at| !self.parts[*at].table.is_empty());
        }
        self.filled.next(from)
    }

    #[inline(never)]
    pub(super) fn note_filled(&mut self, part: usize) {
        if self.filled.is_none() {
        } else if self.parts[part].table.is_empty() {
            self.filled.unset(part);
        } else {
            self.filled.set(part);
        }
    }

    /// Notes that one more part stands at the end.
    pub(super) fn note_new_part(&mut self) {
        let parts = self.parts.len();
        if self.filled.places() < parts {
            self.filled = Bits::try_new(parts.next_power_of_two()).unwrap_or_else(|_| Bits::none());
            (0..parts).for_each(|part| self.note_filled(part));
        } else {
            self.note_filled(parts - 1);
        }
    }

    /// Returns whether a part may be split: false when the directory is already large for the number of parts.
    pub(super) fn may_split(&self, number: usize) -> bool {
        let depth = u32::from(self.parts[number].depth);
        depth < MOST_BITS && (self.directory.len() > 1 << depth || self.directory.len() <= self.parts.len() * 2)
    }
}

/// Sets the value of a key in one table: see [`Store::put`].
#[inline(always)]
pub(super) fn put_in<K: Key, V>(
    table: &mut HashTable<(K, V)>,
    used: Option<&mut Bits>,
    hash: u64,
    key: K,
    value: V,
) -> Result<Option<V>, V> {
    // Checked first, since `entry` would make room.
    if table.len() == table.capacity() {
        return match table.find_mut(hash, |entry| entry.0.is_same(&key)) {
            Some(entry) => Ok(Some(core::mem::replace(&mut entry.1, value))),
            None => Err(value),
        };
    }
    match table.entry(hash, |entry| entry.0.is_same(&key), hash_of) {
        Entry::Occupied(mut entry) => Ok(Some(core::mem::replace(&mut entry.get_mut().1, value))),
        Entry::Vacant(entry) => {
            let bucket = entry.insert((key, value)).bucket_index();
            if let Some(used) = used.filter(|used| !used.is_none()) {
                used.set(bucket);
            }
            Ok(None)
        }
    }
}

impl<K: Key, V> Rest<K, V> {
    /// Sets the value of a key: see [`Store::put`].
    #[inline]
    pub(super) fn put(&mut self, hash: u64, key: K, value: V) -> Result<Option<V>, V> {
        let number = self.part_of(hash);
        let part = &mut self.parts[number];
        let was_empty = part.table.is_empty();
        let old = put_in(&mut part.table, Some(&mut part.used), hash, key, value)?;
        if old.is_none() {
            self.len += 1;
            if was_empty {
                self.note_filled(number);
            }
        }
        Ok(old)
    }

    /// Removes a key: see [`Store::remove`]. `first` is the table where there are no parts.
    #[inline]
    pub(super) fn remove(&mut self, first: Option<&mut HashTable<(K, V)>>, hash: u64, key: &K) -> Option<(K, V)> {
        let (number, table, used) = match first {
            Some(first) => (None, first, &mut self.used),
            None => {
                let number = self.part_of(hash);
                let part = &mut self.parts[number];
                (Some(number), &mut part.table, &mut part.used)
            }
        };
        let entry = table.find_entry(hash, |entry| entry.0.is_same(key)).ok()?;
        let bucket = entry.bucket_index();
        let (entry, _) = entry.remove();
        if !used.is_none() {
            used.unset(bucket);
        }
        let is_empty = table.is_empty();
        if let Some(number) = number {
            self.len -= 1;
            if is_empty {
                self.note_filled(number);
            }
        }
        Some(entry)
    }

    /// Splits a part in two. Both get new tables, so that neither contains a tombstone.
    #[allow(clippy::cast_possible_truncation, reason = "there are fewer parts than places, and those are `MOST_BITS`")]
    pub(super) fn split(&mut self, number: usize) -> Result<(), NoMemory> {
        let new = self.parts.len();
        let old = &self.parts[number];
        let (prefix, depth, room) = (old.prefix, old.depth, PART.max(old.table.len()));
        let places = self.directory.len();
        if places == 1 << depth {
            reserve_exact(&mut self.directory, places)?;
        }
        reserve_one(&mut self.parts)?;
        let mut kept = Part::try_new(room, prefix, depth + 1)?;
        let mut part = Part::try_new(room, prefix | 1 << depth, depth + 1)?;
        // From here on nothing fails.
        if places == 1 << depth {
            self.directory.extend_from_within(..);
        }
        self.directory.iter_mut().skip(part.prefix as usize).step_by(2 << depth).for_each(|place| *place = new as u32);
        let old = &mut self.parts[number];
        self.bytes -= old.bytes();
        let mut entries = old.table.drain().map(|entry| (hash_of(&entry), entry));
        loop {
            // The hash of a key may be in memory that is not cached: the processor fetches 16 at once, since nothing
            // depends on them yet.
            let some: [_; 16] = core::array::from_fn(|_| entries.next());
            let is_last = some[15].is_none();
            for (at, (hash, entry)) in some.into_iter().flatten().enumerate() {
                if fault::is(Fault::MapLosesAnEntry) && is_last && at == 0 {
                    continue;
                }
                if goes(hash, depth) { &mut part } else { &mut kept }.insert(hash, entry);
            }
            if is_last {
                break;
            }
        }
        drop(entries);
        // The entries that stay have changed their buckets.
        kept.moved.set(!fault::is(Fault::MapSplitsUnseen));
        self.bytes += kept.bytes() + part.bytes();
        *old = kept;
        self.parts.push(part);
        self.note_filled(number);
        self.note_new_part();
        Ok(())
    }
}
