//! Observing a heap from outside: figures, and the verifier.

#[cfg(grisaille_faults)]
pub(crate) mod digest;
pub(crate) mod stats;
pub(crate) mod verify;
