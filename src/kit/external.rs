//! [`External`]: the number of bytes that a value holds outside the heap.

#[cfg(feature = "hashbrown-0_17")]
use core::hash::{BuildHasher, Hash};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CString, OsString};
use std::path::PathBuf;

/// A value that knows how many bytes it holds outside the heap, in allocations of its own: the number that
/// [`Owned`](crate::Owned) counts.
///
/// Implemented for strings, paths, boxes and the collections of `std` (by features also for those of
/// [other crates](crate::Trace#types-of-other-crates)); for `Option`s, arrays and tuples of such values; and for numbers, which hold nothing. A
/// collection counts its own buffer, from its capacity, and not what its elements hold in turn, so that measuring takes
/// constant time. A `Vec<String>` counts 24 bytes for each string; where the texts matter, implement the trait for a
/// type of your own, or own the strings one by one. The hash tables and the B-trees of `std` do not tell how much
/// memory they take: their numbers are estimates.
///
/// The trait is safe to implement: a wrong number makes the heap collect too early or too late, and does no other harm.
///
/// ```
/// use grisaille::{External, Heap};
///
/// struct Image { pixels: Vec<u32>, name: String }
///
/// impl External for Image {
///     fn bytes_external(&self) -> usize {
///         self.pixels.bytes_external() + self.name.bytes_external()
///     }
/// }
///
/// Heap::new().enter(|cx| {
///     let image = cx.own(Image { pixels: vec![0; 1000], name: String::new() });
///     assert_eq!(cx.stats().bytes_external(), 4000);
///     # let _ = (&image.name, &image.pixels);
/// });
/// ```
pub trait External {
    /// Returns the number of bytes that the value holds in allocations of its own, outside the heap. The value's own size
    /// does not count.
    ///
    /// An implementation should take constant time: it is called whenever an owner is made or was changed. It should
    /// not panic: it is called when a guard is dropped, where a second panic ends the process.
    ///
    /// ```
    /// use grisaille::External;
    ///
    /// assert_eq!(Vec::<u64>::with_capacity(10).bytes_external(), 80);
    /// assert_eq!((String::new(), 7).bytes_external(), 0);
    /// ```
    fn bytes_external(&self) -> usize;
}

/// Returns the bytes of that many elements.
const fn bytes_of<T>(elements: usize) -> usize {
    elements.saturating_mul(size_of::<T>())
}

macro_rules! external {
    ($($(#[$doc:meta])* [$($parameters:tt)*] $name:ty: |$value:ident| $bytes:expr;)*) => {$(
        $(#[$doc])*
        impl<$($parameters)*> External for $name {
            fn bytes_external(&self) -> usize {
                let $value = self;
                $bytes
            }
        }
    )*};
}

external! {
    [] String: |text| text.capacity();
    [] OsString: |text| text.capacity();
    [] PathBuf: |path| path.capacity();
    [] CString: |text| text.as_bytes_with_nul().len();
    /// Counts the value's own size, and not what the value holds in turn.
    [T: ?Sized] Box<T>: |value| size_of_val::<T>(value);
    [T] Vec<T>: |vec| bytes_of::<T>(vec.capacity());
    [T] VecDeque<T>: |deque| bytes_of::<T>(deque.capacity());
    [T] BinaryHeap<T>: |heap| bytes_of::<T>(heap.capacity());
    [T] LinkedList<T>: |list| bytes_of::<(T, [usize; 2])>(list.len());
    /// An estimate.
    [K, V, S] HashMap<K, V, S>: |map| table::<(K, V)>(map.capacity());
    /// An estimate.
    [T, S] HashSet<T, S>: |set| table::<T>(set.capacity());
    /// An estimate.
    [K, V] BTreeMap<K, V>: |map| tree::<(K, V)>(map.len());
    /// An estimate.
    [T] BTreeSet<T>: |set| tree::<T>(set.len());
    [T: External] Option<T>: |value| value.as_ref().map_or(0, T::bytes_external);
    [T: External, const N: usize] [T; N]: |values| sum(values.iter().map(T::bytes_external));
}

#[cfg(feature = "hashbrown-0_17")]
external! {
    [K: Eq + Hash, V, S: BuildHasher] hashbrown::HashMap<K, V, S>: |map| map.allocation_size();
    [T: Eq + Hash, S: BuildHasher] hashbrown::HashSet<T, S>: |set| set.allocation_size();
    [T] hashbrown::HashTable<T>: |table| table.allocation_size();
}

#[cfg(feature = "indexmap-2")]
external! {
    /// An estimate: entries with their hashes, and a table of indices.
    [K, V, S] indexmap::IndexMap<K, V, S>: |map| indexed::<(K, V)>(map.capacity());
    /// An estimate: elements with their hashes, and a table of indices.
    [T, S] indexmap::IndexSet<T, S>: |set| indexed::<T>(set.capacity());
}

#[cfg(feature = "smallvec-1")]
external! {
    /// Counts the buffer, once the elements have moved to one.
    [T, const N: usize] smallvec::SmallVec<[T; N]>:
        |vec| if vec.spilled() { bytes_of::<T>(vec.capacity()) } else { 0 };
}

#[cfg(feature = "arrayvec-0_7")]
external! {
    /// Nothing: the elements lie in the value itself.
    [T, const N: usize] arrayvec::ArrayVec<T, N>: |_vec| 0;
    /// Nothing: the text lies in the value itself.
    [const N: usize] arrayvec::ArrayString<N>: |_text| 0;
}

#[cfg(feature = "num-bigint-0_5")]
external! {
    /// An estimate: the digits of the number, without spare room.
    [] num_bigint::BigInt: |number| digits(number.bits());
    /// An estimate: the digits of the number, without spare room.
    [] num_bigint::BigUint: |number| digits(number.bits());
}

/// Estimates the bytes of a hash table with room for `capacity` entries: these are seven eighths of its buckets, whose
/// number is a power of two; each bucket has a byte of tags besides.
fn table<T>(capacity: usize) -> usize {
    if capacity == 0 {
        return 0;
    }
    let buckets = (capacity.saturating_mul(8) / 7).max(4).checked_next_power_of_two().unwrap_or(usize::MAX);
    bytes_of::<T>(buckets).saturating_add(buckets)
}

/// Estimates the bytes of a hash table whose entries lie in a vector beside it.
#[cfg(feature = "indexmap-2")]
fn indexed<T>(capacity: usize) -> usize {
    bytes_of::<(usize, T)>(capacity).saturating_add(table::<usize>(capacity))
}

/// Returns the bytes of the digits of a number of so many bits.
#[cfg(feature = "num-bigint-0_5")]
fn digits(bits: u64) -> usize {
    usize::try_from(bits.div_ceil(64)).unwrap_or(usize::MAX).saturating_mul(8)
}

/// Estimates the bytes of a B-tree: its nodes are filled by two thirds, and each entry has a share of a node's links.
fn tree<T>(len: usize) -> usize {
    let entries = bytes_of::<T>(len);
    entries.saturating_add(entries / 2).saturating_add(len.saturating_mul(4))
}

fn sum(bytes: impl Iterator<Item = usize>) -> usize {
    bytes.fold(0, usize::saturating_add)
}

/// Implements the trait for values that hold nothing outside the heap.
macro_rules! nothing {
    ($($name:ty)*) => {$(
        impl External for $name {
            fn bytes_external(&self) -> usize {
                0
            }
        }
    )*};
}

nothing! { () bool char i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64 }

macro_rules! tuples {
    ($first:ident) => {};
    ($first:ident $($rest:ident)*) => {
        impl<$first: External, $($rest: External),*> External for ($first, $($rest),*) {
            #[allow(non_snake_case, reason = "a parameter's name for its value")]
            fn bytes_external(&self) -> usize {
                let ($first, $($rest),*) = self;
                sum([$first.bytes_external(), $($rest.bytes_external()),*].into_iter())
            }
        }
        tuples!($($rest)*);
    };
}

tuples!(A B C D E F);

#[cfg(test)]
mod tests {
    use super::*;

    /// The estimate of std's hash table (which is hashbrown's) is what hashbrown says of its own, but for the tags at
    /// its end.
    #[test]
    fn hash_tables_are_estimated_well() {
        for len in [0, 1, 3, 4, 7, 8, 100, 448, 449, 100_000] {
            let mut exact: hashbrown::HashMap<u64, u64> = hashbrown::HashMap::with_capacity(len);
            let std: HashMap<u64, u64> = HashMap::with_capacity(len);
            exact.extend((0..len as u64).map(|n| (n, n)));
            let (exact, estimate) = (exact.allocation_size(), std.bytes_external());
            assert!(exact.abs_diff(estimate) <= 64, "{len} entries: {exact} and {estimate}");
        }
    }

    #[test]
    fn what_holds_nothing_counts_nothing() {
        assert_eq!(Vec::<u64>::new().bytes_external(), 0);
        assert_eq!(HashMap::<u64, u64>::new().bytes_external(), 0);
        assert_eq!(None::<String>.bytes_external(), 0);
        assert_eq!([vec![0u8; 3], vec![0u8; 4]].bytes_external(), 7);
        assert_eq!(Box::<str>::from("four").bytes_external(), 4);
        assert_eq!(Vec::<()>::with_capacity(5).bytes_external(), 0, "its capacity is usize::MAX");
    }

    #[test]
    #[cfg(feature = "indexmap-2")]
    fn foreign_hash_tables_are_estimated() {
        type Table = indexmap::IndexMap<u64, u64, hashbrown::DefaultHashBuilder>;
        assert_eq!(Table::default().bytes_external(), 0);
        let map = Table::with_capacity_and_hasher(1000, Default::default());
        // A hash, a key and a value for each entry, and some 2048 buckets of indices.
        assert!((24_000 + 2048 * 9..60_000).contains(&map.bytes_external()), "{}", map.bytes_external());
    }

    #[test]
    #[cfg(feature = "smallvec-1")]
    fn a_small_vector_holds_nothing_outside() {
        let mut vec: smallvec::SmallVec<[u32; 4]> = (0..4).collect();
        assert_eq!(vec.bytes_external(), 0);
        vec.push(4);
        assert_eq!(vec.bytes_external(), 4 * vec.capacity());
    }

    #[test]
    #[cfg(feature = "num-bigint-0_5")]
    fn a_number_holds_its_digits() {
        use num_bigint::{BigInt, BigUint};
        assert_eq!((BigUint::from(0u8).bytes_external(), BigInt::from(-1).bytes_external()), (0, 8));
        assert_eq!((BigInt::from(1) << 64u32).bytes_external(), 16);
    }
}
