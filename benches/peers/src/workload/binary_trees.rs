//! `binary-trees`: the benchmarks game's program.
//!
//! A node has two children or none, and nothing else. The size is the largest depth. A *stretch* tree of one level more
//! is made, counted and dropped; a *long-lived* tree of that depth is made and kept to the end; then, for the depths 4, 6,
//! 8.. up to it, [`trees`] trees each are made, counted and dropped, one after the other. A tree is made bottom-up, each
//! node freshly allocated, its children before it. At the end the long-lived tree is counted.
//!
//! All of that is timed. The unit is a node made. The checksum is the sum of all counts, which is the same number.

/// The smallest depth.
pub const FIRST: usize = 4;

/// The depths of the trees that are made many times.
pub fn depths(size: usize) -> impl Iterator<Item = usize> {
    (FIRST..=size).step_by(2)
}

/// How many trees of a depth are made: the fewer the larger they are.
pub fn trees(size: usize, depth: usize) -> usize {
    1 << (size - depth + FIRST)
}

/// Nodes of a tree of a depth. A tree of depth 0 is one node.
pub fn nodes(depth: usize) -> u64 {
    (2 << depth) - 1
}

/// Nodes that are made in all.
pub fn units(size: usize) -> u64 {
    let short: u64 = depths(size).map(|depth| trees(size, depth) as u64 * nodes(depth)).sum();
    nodes(size + 1) + nodes(size) + short
}
