//! What threads share: std's types, or [loom](https://docs.rs/loom)'s in the model tests.
//!
//! The code of the hand-overs names these and is otherwise the same in both: what the model tests run in every order is
//! what programs run. loom sees its own types only, and not a heap's memory. So a block tells it when it is touched
//! ([`watch`]), and loom complains of two touches with no order between them. In a program `watch` is nothing.

#[cfg(loom)]
mod loom;
#[cfg(loom)]
pub(crate) use self::loom::*;

#[cfg(not(loom))]
mod process;
#[cfg(not(loom))]
pub(crate) use self::process::PerProcess;

#[cfg(not(loom))]
pub(crate) use std::{
    sync::{Arc, atomic, mpsc},
    thread, thread_local,
};

#[cfg(not(loom))]
pub(crate) mod watch {
    /// A field of a block's front that changes while the block is taken.
    pub(crate) use core::cell::Cell as Watched;

    /// Memory outside of blocks that more than one thread may touch.
    pub(crate) struct Touched;

    impl Touched {
        #[inline(always)]
        pub fn new() -> Touched {
            Touched
        }

        #[inline(always)]
        pub fn reads(&self) {}

        #[inline(always)]
        pub fn writes(&self) {}
    }

    /// What a block's front says that never changes while the block is taken is read.
    #[inline(always)]
    pub(crate) fn reads_front(_block: usize) {}

    /// The bitmaps or the objects of a block are touched.
    #[inline(always)]
    pub(crate) fn writes_body(_block: usize) {}

    /// Memory becomes blocks.
    #[inline(always)]
    pub(crate) fn taken(_base: usize, _bytes: usize) {}
}
