//! Programs of heap operations, an interpreter that runs them on a real heap, and the oracle that watches it: a
//! shadow graph in plain Rust. The proptests use it, and it is made for fuzzers as well: a program is made of plain
//! integers, every one of which means something.

pub mod machine;
pub mod object;
pub mod op;
pub mod shadow;

#[allow(unused_imports, reason = "not every user of the module needs all of it")]
pub use machine::{Failure, Watch, replay, run};
pub use op::{Config, Op, Program};
