//! The commands of the program. Each has a file.

pub mod mutants;
pub mod random;
pub mod small;
pub mod starved;
