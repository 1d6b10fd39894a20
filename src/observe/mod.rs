//! Looking at a heap from outside.

pub(crate) mod stats;
