//! Random programs, as a proptest strategy.

use proptest::prelude::*;

use crate::{Config, Op, Program};

/// Operations of a program, at most.
pub const OPS: usize = 300;

fn op() -> impl Strategy<Value = Op> {
    any::<[u8; 4]>().prop_map(Op::new)
}

/// Any program of fewer than [`OPS`] operations.
pub fn program() -> impl Strategy<Value = Program> {
    let config = (0u8..3, 0u8..4, 0u8..8, 0u8..4);
    let config = config.prop_map(|(sweep, mode, queue, ending)| Config { sweep, mode, queue, ending });
    (config, prop::collection::vec(op(), 1..OPS)).prop_map(|(config, ops)| Program { config, ops })
}
