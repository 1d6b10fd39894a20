//! grisaille: this crate.
//!
//! `Heap::new()`, so the default policy (`RootsFirst`), growth and floor, but for [`GROWN`]. As its README advises: a safepoint in each loop, and
//! what is kept across one is rooted, in a `Rooted`, a `Stack`, or an object that a `Rooted` keeps.
//!
//! Allocation never collects, so how much a program allocates between two safepoints is how much the heap may exceed its
//! goal. The trees of [`PEER`] are made with a safepoint after each subtree of 2047 nodes and plain
//! pointers in between; those of [`SCOPES`] with a safepoint, a scope and roots for every node, as an evaluator would
//! that knows nothing about the size of what it makes.

mod graph;
mod objects;
mod trees;

use super::{Allocator, Peer};
use crate::workload::Workload;

/// As a user would write it.
pub const PEER: Peer = Peer {
    name: "grisaille",
    note: "default settings; trees with a safepoint every 2047 nodes, all else with one a step",
    allocators: &[Allocator::System],
    rows: &[
        (Workload::BinaryTrees, trees::binary_trees::<trees::Bursts>),
        (Workload::Gcbench, trees::gcbench::<trees::Bursts>),
        (Workload::Queue, graph::queue),
        (Workload::Rewire, graph::rewire),
        (Workload::ShortLived, objects::short_lived),
        (Workload::MarkInOrder, |run, size| graph::mark(run, size, Workload::MarkInOrder)),
        (Workload::MarkShuffled, |run, size| graph::mark(run, size, Workload::MarkShuffled)),
        (Workload::Strings, objects::strings),
        (Workload::Drop, objects::dropping),
    ],
    cannot: &[],
    remarks: &[],
};

/// More memory for less time.
pub const GROWN: Peer = Peer {
    name: "grisaille, growth 3",
    note: "the heap may grow to four times what lives; trees as above",
    allocators: &[Allocator::System],
    rows: &[
        (Workload::BinaryTrees, trees::binary_trees::<trees::Grown>),
        (Workload::Gcbench, trees::gcbench::<trees::Grown>),
    ],
    cannot: &[],
    remarks: &[],
};

/// A safepoint and a scope for each node of a tree.
pub const SCOPES: Peer = Peer {
    name: "grisaille, a scope a node",
    note: "a safepoint, a scope and roots for every node of a tree",
    allocators: &[Allocator::System],
    rows: &[
        (Workload::BinaryTrees, trees::binary_trees::<trees::Scopes>),
        (Workload::Gcbench, trees::gcbench::<trees::Scopes>),
    ],
    cannot: &[],
    remarks: &[],
};
