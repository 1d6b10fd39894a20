//! [`Census`]: objects and bytes by type.

use core::fmt;
use std::collections::BTreeMap;

use super::{Snapshot, is_named, short};

/// The reachable objects of a heap, by type. Prints as a table, the largest type first.
///
/// ```
/// # grisaille::Heap::new().enter(|cx| {
/// let _kept = (cx.root(cx.alloc(1u64)), cx.root(cx.alloc(2u64)), cx.root(cx.alloc("text".to_string())));
/// let census = cx.snapshot().census();
/// assert_eq!(census.of("u64"), (2, 32));
/// println!("{census}");
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// Objects and bytes.
    types: BTreeMap<&'static str, (u64, u64)>,
}

impl Snapshot {
    /// Counts the reachable objects by type.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.alloc(1u64); // garbage
    /// assert_eq!(cx.snapshot().census().rows().count(), 0);
    /// # });
    /// ```
    #[must_use]
    pub fn census(&self) -> Census {
        let mut types = BTreeMap::<_, (u64, u64)>::new();
        for object in self.objects.iter().filter(|object| object.reached.is_some()) {
            let (objects, bytes) = types.entry(object.type_name).or_default();
            *objects += 1;
            *bytes += object.bytes as u64;
        }
        Census { types }
    }
}

impl Census {
    /// Returns name, number of objects and bytes of each type, the most bytes first.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let _kept = (cx.root(cx.alloc(1u64)), cx.root(cx.alloc([0u64; 9])));
    /// let census = cx.snapshot().census();
    /// assert!(census.rows().eq([("[u64; 9]", 1, 80), ("u64", 1, 16)]));
    /// # });
    /// ```
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        largest_first(&self.types)
    }

    /// Returns the number of objects and bytes of the type of that name, in full or its last part, of several such types
    /// together.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// assert_eq!(cx.snapshot().census().of("Node"), (0, 0));
    /// # });
    /// ```
    #[must_use]
    pub fn of(&self, name: &str) -> (u64, u64) {
        let types = self.types.iter().filter(|(known, _)| is_named(known, name));
        types.fold((0, 0), |sum, (_, own)| (sum.0 + own.0, sum.1 + own.1))
    }

    /// Returns what has changed since an earlier census, for the search for a leak: a type that grows from one turn of a
    /// program to the next, and should not.
    ///
    /// ```
    /// use grisaille::Heap;
    ///
    /// Heap::new().enter(|cx| {
    ///     let before = cx.snapshot().census();
    ///     let _leak = cx.root(cx.alloc(1u64));
    ///     let growth = cx.snapshot().census().since(&before);
    ///     assert!(growth.rows().eq([("u64", 1, 16)]));
    /// });
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Census) -> Growth {
        let mut types: BTreeMap<_, (i64, i64)> = BTreeMap::new();
        for (census, sign) in [(self, 1), (earlier, -1)] {
            for (name, &(objects, bytes)) in &census.types {
                let change = types.entry(*name).or_default();
                change.0 += sign * objects as i64;
                change.1 += sign * bytes as i64;
            }
        }
        types.retain(|_, change| *change != (0, 0));
        Growth { types }
    }
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_table(f, self.rows().map(|(name, objects, bytes)| (name, objects.to_string(), bytes.to_string())))
    }
}

/// The difference of two [`Census`]es. Prints as a table, the largest growth first.
///
/// ```
/// # grisaille::Heap::new().enter(|cx| {
/// let before = cx.snapshot().census();
/// println!("{}", cx.snapshot().census().since(&before));
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    types: BTreeMap<&'static str, (i64, i64)>,
}

impl Growth {
    /// Returns name, objects more and bytes more of each type that has changed, the most bytes first.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let census = cx.snapshot().census();
    /// assert_eq!(census.since(&census).rows().count(), 0);
    /// # });
    /// ```
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, i64, i64)> {
        largest_first(&self.types)
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_table(f, self.rows().map(|(name, objects, bytes)| (name, format!("{objects:+}"), format!("{bytes:+}"))))
    }
}

/// Returns name, objects and bytes of each type, the most bytes first.
fn largest_first<N: Copy + Ord>(types: &BTreeMap<&'static str, (N, N)>) -> impl Iterator<Item = (&'static str, N, N)> {
    let mut rows: Vec<_> = types.iter().map(|(&name, &(objects, bytes))| (name, objects, bytes)).collect();
    rows.sort_by_key(|&(.., bytes)| core::cmp::Reverse(bytes));
    rows.into_iter()
}

/// Writes the table of rows of name, objects and bytes.
fn write_table(
    f: &mut fmt::Formatter<'_>,
    mut rows: impl Iterator<Item = (&'static str, String, String)>,
) -> fmt::Result {
    writeln!(f, "{:>12} {:>14}  type", "objects", "bytes")?;
    rows.try_for_each(|(name, objects, bytes)| writeln!(f, "{objects:>12} {bytes:>14}  {}", short(name)))
}
