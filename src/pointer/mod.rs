//! What heap objects are made of: pointers, mutable fields, weak pointers, locks.

pub(crate) mod gc;
pub(crate) mod lock;
pub(crate) mod slot;
pub(crate) mod weak;
