//! Observing a heap from outside: figures, observers, and the verifier.

pub(crate) mod cycle_log;
#[cfg(grisaille_faults)]
pub(crate) mod digest;
pub(crate) mod snapshot;
#[cfg(feature = "tracing-0_1")]
pub(crate) mod spans;
pub(crate) mod stats;
pub(crate) mod timeline;
pub(crate) mod verify;
