//! Stacks, as the collector knows them.

pub(crate) mod area;
pub(crate) mod cards;
pub(crate) mod table;
