//! Looking at a heap from outside.

#[cfg(grisaille_faults)]
pub(crate) mod digest;
pub(crate) mod stats;
pub(crate) mod verify;
