//! `queue`: a short queue churns behind a long list.
//!
//! The size is the length of a linked list that lives all the time; its nodes hold a number, their index, and the next
//! node. Then there is a queue, first in, first out, of [`LENGTH`] nodes, which are linked too, from the oldest to the
//! newest, and hold a number. The list and the queue, filled with 0..[`LENGTH`], are made before the clock starts.
//!
//! A step pushes a new node with the number [`LENGTH`] + the step's index and pops the oldest one. There are [`STEPS`]
//! steps for each node of the list, and a [tick](crate::run::Ticks::tick) every [`TICK`](super::TICK) steps. The unit is
//! a step. The checksum is the wrapping sum of all numbers popped, plus that of the list's numbers, which are read after
//! the clock was stopped.

/// Nodes of the queue.
pub const LENGTH: u64 = 1000;

/// Steps for each node of the list.
pub const STEPS: u64 = 10;

/// Steps in all.
pub fn steps(size: usize) -> u64 {
    STEPS * size as u64
}
