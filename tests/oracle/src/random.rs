//! Random programs, as a proptest strategy.

use proptest::prelude::*;

use crate::{Config, Op, Program};

/// Operations of a program, at most.
pub const OPS: usize = 300;

/// Any program of fewer than [`OPS`] operations. Every other one is made of the core alone: the operations under which
/// broken policies lose something. Of the rest every other one is mostly about what lies outside of it.
pub fn program() -> impl Strategy<Value = Program> {
    let config = (0u8..3, 0u8..4, 0u8..8, 0u8..4, 0u8..8);
    let config = config.prop_map(|(sweep, mode, queue, ending, limit)| Config { sweep, mode, queue, ending, limit });
    let ops = prop::collection::vec(any::<[u8; 4]>(), 1..OPS);
    (config, 0u8..4, ops).prop_map(|(config, diet, ops)| {
        let op = [Op::core, Op::new, Op::core, Op::kit][diet as usize];
        Program { config, ops: ops.into_iter().map(op).collect() }
    })
}
