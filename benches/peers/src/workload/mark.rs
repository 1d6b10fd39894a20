//! `mark in order`, `mark shuffled`: the time of full collections.
//!
//! The size is the number of objects. Each has two pointers and a number. They are made one after the other, with the
//! numbers 0.., into an array, then [linked](link) as a tree, and then the array is dropped, so that only the root of
//! the tree keeps them. In order, the first pointer of an object leads to the one that was made after it, the second one
//! to the one half-way through those that are left: a tree that lies in memory as it is walked. Shuffled, it is the same
//! tree over a random order of the objects.
//!
//! A first full collection is not timed: it is the one that finds the array's garbage. The next [`COLLECTIONS`] are. Nothing
//! dies in them. The unit is a live object in one collection. The checksum is the wrapping sum of each number times the
//! depth at which it is found plus one; it is taken by walking the tree after the clock was stopped.

use super::{Workload, random};

/// Full collections that are timed.
pub const COLLECTIONS: u64 = 3;

/// Objects that are looked at in all.
pub fn units(size: usize) -> u64 {
    COLLECTIONS * size as u64
}

/// The order of the objects in the tree, depth first.
pub fn order(workload: Workload, size: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..size as u32).collect();
    if workload == Workload::MarkShuffled {
        random().shuffle(&mut order);
    }
    order
}

/// Calls `set` for each object that has children, with the indices of the object, of its first child, and of its second
/// child where it has two.
pub fn link(order: &[u32], set: &mut impl FnMut(usize, usize, Option<usize>)) {
    let Some((&root, rest)) = order.split_first() else { return };
    // The first child's part is never the smaller one.
    let (first, second) = rest.split_at(rest.len().div_ceil(2));
    if let Some(&child) = first.first() {
        set(root as usize, child as usize, second.first().map(|&child| child as usize));
        link(first, set);
        link(second, set);
    }
}

/// What an object adds to the checksum. The root's depth is 0.
pub fn checksum(number: u64, depth: u64) -> u64 {
    number.wrapping_mul(depth + 1)
}
