//! [`Workload`]: what every peer does, exactly.
//!
//! A peer's function is handed the size, and returns a checksum that is the same for all peers. Everything random comes
//! from [`random`], so all peers make the same choices. What two peers would otherwise each have to write lies in the
//! modules: names of sizes, counts of units, the order in which things are linked, texts.

pub mod binary_trees;
pub mod dropping;
pub mod gcbench;
pub mod mark;
pub mod queue;
pub mod rewire;
pub mod short_lived;
pub mod strings;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What is done. The module of the same name has the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
pub enum Workload {
    /// The benchmarks game's program.
    BinaryTrees,
    /// Ellis, Kovac and Boehm's.
    Gcbench,
    /// A queue of 1000 nodes that churns behind a list of a million that live.
    Queue,
    /// A graph of a million nodes whose edges are overwritten at random.
    Rewire,
    /// Objects of 32 bytes that are dropped at once.
    ShortLived,
    /// Full collections of 4 million live objects that lie in the order of their links.
    MarkInOrder,
    /// The same, linked at random.
    MarkShuffled,
    /// A cache of 200,000 strings, of which one after the other is replaced.
    Strings,
    /// Objects that have a `Drop`, dropped at once.
    Drop,
}

impl Workload {
    /// All of them, in the table's order.
    pub const ALL: &[Workload] = &[
        Workload::BinaryTrees,
        Workload::Gcbench,
        Workload::Queue,
        Workload::Rewire,
        Workload::ShortLived,
        Workload::MarkInOrder,
        Workload::MarkShuffled,
        Workload::Strings,
        Workload::Drop,
    ];

    /// The size that a peer's function is handed: the module says what it counts.
    pub fn size(self, quick: bool) -> usize {
        let (full, small) = match self {
            Workload::BinaryTrees => (17, 10),
            Workload::Gcbench => (16, 10),
            Workload::Queue | Workload::Rewire => (1_000_000, 20_000),
            Workload::ShortLived | Workload::Drop => (20_000_000, 200_000),
            Workload::MarkInOrder | Workload::MarkShuffled => (4_000_000, 50_000),
            Workload::Strings => (200_000, 5_000),
        };
        if quick { small } else { full }
    }

    /// As it is named in the table.
    pub fn name(self, size: usize) -> String {
        match self {
            Workload::BinaryTrees => format!("binary-trees {size}"),
            Workload::Gcbench => format!("gcbench {size}"),
            Workload::Queue => "queue".into(),
            Workload::Rewire => "rewire".into(),
            Workload::ShortLived => "short-lived".into(),
            Workload::MarkInOrder => "mark in order".into(),
            Workload::MarkShuffled => "mark shuffled".into(),
            Workload::Strings => "strings".into(),
            Workload::Drop => "`Drop`".into(),
        }
    }

    /// What is counted.
    pub fn unit(self) -> &'static str {
        match self {
            Workload::BinaryTrees => "a node",
            Workload::Gcbench | Workload::ShortLived | Workload::Drop => "an object",
            Workload::Queue | Workload::Rewire => "a step",
            Workload::MarkInOrder | Workload::MarkShuffled => "a live object",
            Workload::Strings => "a replacement",
        }
    }

    /// Whether it calls [`tick`](crate::run::Ticks::tick): every [`TICK`] steps.
    pub fn ticks(self) -> bool {
        matches!(self, Workload::Queue | Workload::Rewire | Workload::Strings)
    }
}

/// Steps from one tick to the next.
pub const TICK: u64 = 100;

/// The random numbers of all workloads: wyrand, always the same.
pub fn random() -> fastrand::Rng {
    fastrand::Rng::with_seed(0x6772_6973_6169_6C6C)
}
