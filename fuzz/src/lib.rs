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
