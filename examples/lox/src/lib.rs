//! Lox, the language of Robert Nystrom's *Crafting Interpreters*, on a `grisaille` heap.
//!
//! The interpreter behaves as the book's second interpreter, clox: the same programs, output, messages and limits.
//! Nothing in it is unsafe. To learn how a collector is embedded, begin with [`machine`]:
//!
//! | file | what is in it |
//! |---|---|
//! | `value.rs`, `object.rs` | what the heap holds: the types that derive `Trace` |
//! | `machine/mod.rs` | the roots, the one safepoint, and what happens when memory runs out |
//! | `machine/burst.rs` | the interpreter between two safepoints; `rare.rs` has the rest of its instructions |
//! | `machine/slots.rs` | the running frame's part of the value stack |
//! | `machine/call.rs`, `property.rs`, `native.rs` | closures and upvalues; classes, fields and methods; functions of the host |
//! | `machine/fiber.rs` | with `--extensions`: coroutines whose stacks are objects of the heap while they are suspended |
//! | `source/`, `compile/`, `code.rs` | from text to bytecode, without the collector |
//!
//! The program in `main.rs` runs a file or a prompt; benches and fuzz targets use [`Machine`](machine::Machine) too.

mod code;
mod compile;
pub mod machine;
mod number;
mod object;
mod source;
mod value;

pub use compile::DEPTH_MAX;

// Lox must be built with the library as it is published.
const _: () = assert!(!grisaille::HAS_FAULTS, "Lox was built with the library whose parts can be broken");
