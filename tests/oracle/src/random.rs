//! Random programs, as a proptest strategy.

use proptest::prelude::*;

use crate::{Config, Op, Program};

/// Operations of a program, at most.
pub const OPS: usize = 300;

/// The operations of programs, in turn: the core, under which broken policies lose something; all; mostly
/// those outside of the core; maps; lists; the host's types.
pub const DIETS: [fn([u8; 4]) -> Op; 10] =
    [Op::core, Op::new, Op::core, Op::kit, Op::core, Op::new, Op::kit, Op::map, Op::list, Op::host];

/// Any program of fewer than [`OPS`] operations, of one of the [`DIETS`].
pub fn program() -> impl Strategy<Value = Program> {
    program_of(&DIETS)
}

/// Any program of fewer than [`OPS`] operations that is about maps.
pub fn about_maps() -> impl Strategy<Value = Program> {
    program_of(&[Op::map as fn([u8; 4]) -> Op])
}

/// Any program of fewer than [`OPS`] operations that is about lists.
pub fn about_lists() -> impl Strategy<Value = Program> {
    program_of(&[Op::list as fn([u8; 4]) -> Op])
}

/// Any program of fewer than [`OPS`] operations that is about the host's types: pointers to any type, trait objects,
/// natives, weak tables, maps with derived keys.
pub fn about_the_host() -> impl Strategy<Value = Program> {
    program_of(&[Op::host as fn([u8; 4]) -> Op])
}

fn program_of(diets: &'static [fn([u8; 4]) -> Op]) -> impl Strategy<Value = Program> {
    let config = (0u8..3, 0u8..4, 0u8..8, 0u8..4, 0u8..8);
    let config = config.prop_map(|(sweep, mode, queue, ending, limit)| Config { sweep, mode, queue, ending, limit });
    let ops = prop::collection::vec(any::<[u8; 4]>(), 1..OPS);
    (config, 0..diets.len(), ops).prop_map(|(config, diet, ops)| {
        let op = diets[diet];
        Program { config, ops: ops.into_iter().map(op).collect() }
    })
}
