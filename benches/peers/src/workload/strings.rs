//! `strings`: a cache of which one entry after the other is replaced.
//!
//! The size is the number of entries. The cache is a hash table from a key, a string of 16 bytes, to a value, a string of
//! 10 to 100 bytes; both are objects of the peer, if it has strings that are. A peer remembers the keys in an array, in
//! the way that suits it best (the strings themselves, or the numbers that they are made of). Before the clock starts
//! the cache is filled with [`Texts::entry`]s, at the places 0.. of the array.
//!
//! A step picks a place, `texts.place(size)`, and then the new entry, `texts.entry()`. It removes the key at that place from
//! the table, adds the old value's length to the checksum, and inserts the new key and value; the key takes the place.
//! There are [`STEPS`] steps for each entry. The unit is a step. After the clock was stopped, [`checksum`] of each entry of the table is added, in whatever order.

use super::random;

/// Steps for each entry.
pub const STEPS: u64 = 5;

/// Steps in all.
pub fn steps(size: usize) -> u64 {
    STEPS * size as u64
}

/// Makes the keys and the values.
#[derive(Debug)]
pub struct Texts {
    random: fastrand::Rng,
    key: [u8; 16],
    value: [u8; 100],
}

/// A new entry of the cache.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'t> {
    /// What the key is made of: see [`key`].
    pub number: u64,
    /// The key.
    pub key: &'t str,
    /// The value.
    pub value: &'t str,
}

/// A key, written into a buffer.
#[inline]
pub fn key(number: u64, buffer: &mut [u8; 16]) -> &str {
    for (index, byte) in buffer.iter_mut().enumerate() {
        *byte = b'a' + (number >> (4 * index)) as u8 % 16;
    }
    text(buffer)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("letters")
}

impl Texts {
    /// Always the same ones.
    #[expect(clippy::new_without_default, reason = "as `random`, they are always the same")]
    pub fn new() -> Texts {
        let mut random = random();
        Texts { key: [0; 16], value: [(); 100].map(|()| random.lowercase() as u8), random }
    }

    /// The place whose entry goes.
    #[inline]
    pub fn place(&mut self, size: usize) -> usize {
        self.random.usize(0..size)
    }

    /// The next entry.
    #[inline]
    pub fn entry(&mut self) -> Entry<'_> {
        let number = self.random.u64(..);
        let length = 10 + (number >> 32) as usize % 91;
        Entry { number, key: key(number, &mut self.key), value: text(&self.value[..length]) }
    }
}

/// What an entry adds to the checksum at the end.
pub fn checksum(key: &str, value: &str) -> u64 {
    key.bytes().fold(value.len() as u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
}
