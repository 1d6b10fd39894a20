//! The parts of heap objects: pointers, mutable fields, weak pointers, locks.

pub(crate) mod gc;
pub(crate) mod lock;
pub(crate) mod slot;
pub(crate) mod weak;
