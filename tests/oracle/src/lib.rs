//! Programs of heap operations, an interpreter that runs them on a real heap, and the oracle that checks the heap: a
//! shadow graph in plain Rust.
//!
//! The proptests, the small-program search, the fuzzers and the stress runs all use this language, interpreter and
//! oracle. A program is made of plain integers, all of which are valid.
//!
//! | file | what it holds |
//! |---|---|
//! | `op` | the language: [`Op`], and which part of the API each operation covers |
//! | `program` | [`Program`]: operations, and the [`Config`] they run on |
//! | `machine` | the interpreter and the oracle: [`run`], [`replay`], [`Failure`] |
//! | `shadow` | what the heap should hold |
//! | `object` | what lies in the heap |
//! | `subject` | the subjects that programs run on: the six policies, and the broken policies and parts |
//! | `random` | random programs, as a proptest strategy |
//! | `campaign` | millions of them, from a seed |

#![allow(clippy::missing_errors_doc, clippy::missing_panics_doc, reason = "what panics here is a test that fails")]

pub mod campaign;
mod machine;
mod object;
mod op;
mod program;
pub mod random;
mod shadow;
pub mod small;
pub mod subject;

/// What `tests/itself.rs` runs: part of the library, which takes long to compile, so that it is compiled once.
pub mod checks {
    pub use crate::op::checks::*;
    pub use crate::shadow::checks::*;
    pub use crate::small::checks::*;
}

pub use machine::{By, Failure, Watch, replay, run};
pub use op::Op;
pub use program::{Config, Program};
pub use subject::Subject;
