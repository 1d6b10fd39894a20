//! `gcbench`: Ellis, Kovac and Boehm's program.
//!
//! A node has two children or none, which can be set, and two numbers of 32 bits, which are 0 here. The size is the
//! depth of the long-lived tree. A *stretch* tree of 2 levels more is made bottom-up and dropped. Then a long-lived tree
//! is made top-down, and an array of [`DOUBLES`] numbers `f64`, of which the first half is filled with `1 / index`
//! (`inf` for the first one, as in the original); both are kept to the end. Then, for the depths 4, 6, 8.. up to the
//! size, [`trees`] trees are made top-down and dropped, one after the other, and as many bottom-up.
//!
//! *Top-down*: a node is made, then its two children, which are set as its fields, then each child's children in the
//! same way. *Bottom-up*: the children are made before their parent.
//!
//! All of that is timed. The unit is an object made: the nodes, and the array. The checksum is [`checksum`] of what was
//! kept, and is taken after the clock was stopped.

/// Length of the array.
pub const DOUBLES: usize = 500_000;

/// The smallest depth.
pub const FIRST: usize = 4;

/// Depth of the stretch tree.
pub fn stretch(size: usize) -> usize {
    size + 2
}

/// The depths of the trees that are made many times.
pub fn depths(size: usize) -> impl Iterator<Item = usize> {
    (FIRST..=size).step_by(2)
}

/// How many trees of a depth are made in each of the two ways.
pub fn trees(size: usize, depth: usize) -> usize {
    2 * (nodes(stretch(size)) / nodes(depth)) as usize
}

/// Nodes of a tree of a depth. A tree of depth 0 is one node.
pub fn nodes(depth: usize) -> u64 {
    (2 << depth) - 1
}

/// Objects that are made in all.
pub fn units(size: usize) -> u64 {
    let short: u64 = depths(size).map(|depth| 2 * trees(size, depth) as u64 * nodes(depth)).sum();
    nodes(stretch(size)) + nodes(size) + 1 + short
}

/// An element of the array.
pub fn double(index: usize) -> f64 {
    if index < DOUBLES / 2 { 1.0 / index as f64 } else { 0.0 }
}

/// The checksum: how many nodes the long-lived tree has, and the array's element 1000.
pub fn checksum(long_lived_nodes: u64, element_1000: f64) -> u64 {
    long_lived_nodes ^ element_1000.to_bits()
}
