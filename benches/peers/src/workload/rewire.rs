//! `rewire`: a graph whose edges are overwritten at random.
//!
//! The size is the number of nodes. An array holds them all; a node has a number and two edges, each to a node or to
//! none. Before the clock starts the nodes are made, with the numbers 0.., and their edges are set in this order:
//! `for node in 0..size { for side in 0..2 { nodes[node].edges[side] = nodes[random.usize(0..size)] } }`, with the
//! generator that then goes on to make the choices of the steps.
//!
//! A step is a [`Choice`]: `nodes[from].edges[side] = nodes[to]`, then the node that the other edge of `from` leads to is
//! looked at, and its number is added to the checksum (wrapping; 0 where there is none). Every [`REPLACE`]th step
//! (those whose index is divisible by it) then also replaces `nodes[from]` by a new node: it takes over the old one's
//! edges, its number is the size + the step's index, and the old node's edges are both set to none.
//!
//! So what is replaced becomes garbage when the last edge to it is overwritten. Since it has no edges left it keeps
//! nothing else alive, and it is on no cycle, which reference counting would leak. On average half as many replaced
//! nodes live on as the array has nodes.
//!
//! There are [`STEPS`] steps for each node, and a [tick](crate::run::Ticks::tick) every [`TICK`](super::TICK) steps. The
//! unit is a step.

/// Steps for each node.
pub const STEPS: u64 = 10;

/// One step in so many replaces a node.
pub const REPLACE: u64 = 4;

/// Steps in all.
pub fn steps(size: usize) -> u64 {
    STEPS * size as u64
}

/// What a step does.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The node whose edge is written.
    pub from: usize,
    /// Where the edge leads.
    pub to: usize,
    /// Which of the two edges.
    pub side: usize,
}

impl Choice {
    /// The next one.
    #[inline(always)]
    pub fn new(random: &mut fastrand::Rng, size: usize) -> Choice {
        let (from, to) = (random.usize(0..size), random.usize(0..size));
        Choice { from, to, side: from.wrapping_add(to) & 1 }
    }
}
