//! Looking at a heap from outside.

pub(crate) mod stats;
pub(crate) mod verify;
