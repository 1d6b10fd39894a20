//! A Scheme on a `grisaille` heap: a plain recursive evaluator, which is the simplest shape an interpreter can have.
//!
//! The language is R7RS-small, without rational and complex numbers, and with continuations that can only be left: a
//! continuation that is called after its `call/cc` has returned is an error. A quotient of integers that does not come
//! out even is a floating-point number.
//!
//! | file | what is in it |
//! |---|---|
//! | `value.rs`, `value/` | what the heap holds: the types that derive `Trace`; values of two words or, with the feature `packed`, of one |
//! | `read.rs`, `print.rs` | from text to data and back |
//! | `compile.rs`, `bind.rs`, `scope.rs`, `forms.rs`, `syntax.rs` | from data to a tree of code; macros |
//! | `simple.rs`, `eval.rs` | the evaluator: `simple` works with plain values and cannot collect, `eval` with rooted ones |
//! | `primitives/` | procedures in Rust; those of `control.rs` call back |
//! | `lisp.rs` | the interpreter: its globals, and how a program is run |
//!
//! Code lies outside of the heap. Values that cross a safepoint are rooted, which concerns `eval.rs` and `control.rs`
//! only: all else takes `&Mutator`, and so cannot collect. To learn how it fits together, begin with
//! [`Lisp`](lisp::Lisp).

mod bind;
mod code;
mod compile;
pub mod error;
mod eval;
mod forms;
pub mod lisp;
mod number;
pub mod port;
mod primitives;
mod print;
mod read;
mod scope;
mod simple;
mod syntax;
mod value;

/// The bytes of stack that a nested evaluation takes at most.
pub const STACK_PER_CALL: usize = if cfg!(debug_assertions) { 8 << 10 } else { 3 << 10 };
