//! The parts of heap objects: pointers, pointers to objects of any type, mutable fields, weak pointers, locks.

pub(crate) mod any;
pub(crate) mod dyn_trait;
pub(crate) mod dynamic;
pub(crate) mod gc;
pub(crate) mod lock;
pub(crate) mod slot;
pub(crate) mod weak;
