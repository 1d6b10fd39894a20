//! [`Workload`]: the exact definition of what every peer does.
//!
//! A peer's function takes the size, and returns a checksum that is the same for all peers. Everything random comes
//! from [`random`], so all peers make the same choices. The modules have what the peers share: names of sizes, counts
//! of units, the order in which objects are linked, texts.

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

    /// Bytes of the fields of the objects that live at once, at most: about, where chance has a part.
    pub fn live(self, size: usize) -> u64 {
        let word = 8;
        match self {
            Workload::BinaryTrees => binary_trees::nodes(size + 1) * 2 * word,
            Workload::Gcbench => gcbench::nodes(gcbench::stretch(size)) * 3 * word,
            Workload::Queue => (size as u64 + queue::LENGTH) * 2 * word,
            // Half as many nodes as the array has were replaced and live on; and the array.
            Workload::Rewire => size as u64 * (9 * word / 2 + word),
            Workload::ShortLived => 4 * word,
            Workload::MarkInOrder | Workload::MarkShuffled => size as u64 * 3 * word,
            // A key has 16 bytes, a value 55 on average.
            Workload::Strings => size as u64 * (16 + 55),
            Workload::Drop => 2 * word,
        }
    }

    /// Whether it calls [`tick`](crate::run::Ticks::tick): every [`TICK`] steps. `strings` does not, since what one would
    /// see is its hash table being rehashed.
    pub fn ticks(self) -> bool {
        matches!(self, Workload::Queue | Workload::Rewire)
    }
}

/// Steps from one tick to the next.
pub const TICK: u64 = 100;

/// The random numbers of all workloads: wyrand, always the same.
pub fn random() -> fastrand::Rng {
    fastrand::Rng::with_seed(0x6772_6973_6169_6C6C)
}

#[cfg(test)]
mod tests {
    use super::rewire::{Choice, REPLACE, steps};
    use super::*;

    #[test]
    fn counts_of_nodes() {
        // A tree of depth 1 has 3 nodes. Size 4: a stretch tree of depth 5, a long-lived one and 16 of depth 4.
        assert_eq!(binary_trees::nodes(1), 3);
        assert_eq!(binary_trees::units(4), 63 + 31 + 16 * 31);
        // Size 4: a stretch tree of depth 6, a long-lived one, the array, and 8 trees of depth 4 in each way.
        assert_eq!(gcbench::units(4), 127 + 31 + 1 + 16 * 31);
    }

    /// Every object has one parent, but for the root; and where they are made in order the first child is the next one.
    #[test]
    fn links_make_a_tree() {
        for size in [1, 2, 3, 4, 100, 1000] {
            for workload in [Workload::MarkInOrder, Workload::MarkShuffled] {
                let order = mark::order(workload, size);
                let mut parents = vec![0; size];
                mark::link(&order, &mut |parent, first, second| {
                    parents[first] += 1;
                    second.into_iter().for_each(|second| parents[second] += 1);
                    assert!(workload == Workload::MarkShuffled || first == parent + 1);
                });
                assert_eq!(parents.iter().sum::<usize>(), size - 1);
                assert_eq!(parents[order[0] as usize], 0);
                assert!(parents.iter().all(|&count| count <= 1));
            }
        }
    }

    /// What `rewire` says of the nodes that were replaced and live on.
    #[test]
    fn half_as_many_replaced_nodes_live_on() {
        let size = 10_000;
        let mut random = random();
        // A node is a number; the array's are those that `nodes` holds.
        let mut nodes: Vec<u64> = (0..size as u64).collect();
        let mut edges: Vec<[u64; 2]> = (0..size).map(|_| [(); 2].map(|()| nodes[random.usize(0..size)])).collect();
        for step in 0..steps(size) {
            let choice = Choice::new(&mut random, size);
            edges[choice.from][choice.side] = nodes[choice.to];
            if step % REPLACE == 0 {
                nodes[choice.from] = size as u64 + step;
            }
        }
        let here: std::collections::BTreeSet<u64> = nodes.iter().copied().collect();
        let replaced: std::collections::BTreeSet<u64> = edges.iter().flatten().copied().collect();
        let living = replaced.difference(&here).count() as f64 / size as f64;
        assert!((0.4..0.6).contains(&living), "{living}");
    }
}
