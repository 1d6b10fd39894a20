//! What the fuzz targets do with the fuzzer's bytes.
//!
//! | file | what it holds |
//! |---|---|
//! | `operations` | programs of heap operations, run beside the oracle |
//! | `mutate` | changes to such programs, for the fuzzer to try |
//! | `grammar` | Lox programs, made of bytes |
//! | `lox` | runs of a Lox program on every kind of heap |

pub mod grammar;
pub mod lox;
pub mod mutate;
pub mod operations;

// The interpreter of `examples/lox`, whose modules name each other from the root of their crate.
#[path = "../../examples/lox/code.rs"]
mod code;
#[path = "../../examples/lox/compile/mod.rs"]
mod compile;
#[allow(dead_code, reason = "nobody looks at an output error")]
#[path = "../../examples/lox/machine/mod.rs"]
mod machine;
#[path = "../../examples/lox/number.rs"]
mod number;
#[path = "../../examples/lox/object.rs"]
mod object;
#[path = "../../examples/lox/source/mod.rs"]
mod source;
#[path = "../../examples/lox/value.rs"]
mod value;
