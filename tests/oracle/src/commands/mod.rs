//! A file a command.

pub mod mutants;
pub mod random;
pub mod small;
pub mod starved;
