//! Looking at a heap from outside.

#[cfg(feature = "unsound-policies")]
pub(crate) mod digest;
pub(crate) mod stats;
pub(crate) mod verify;
