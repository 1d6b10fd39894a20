//! What the fuzz targets do with the fuzzer's bytes.
//!
//! | file | what it holds |
//! |---|---|
//! | `operations` | programs of heap operations, run beside the oracle |
//! | `mutate` | changes to such programs, for the fuzzer to try |

pub mod mutate;
pub mod operations;
