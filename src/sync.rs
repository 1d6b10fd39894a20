//! Types that threads share: std's, or [loom](https://docs.rs/loom)'s in the model tests.
//!
//! The code of the hand-overs uses these and is otherwise the same in both, so the model tests run in every order what
//! programs run. loom sees its own types only, and not a heap's memory, so each touch of a block is reported to it
//! ([`watch`]), and loom fails on two touches with no order between them. In a program `watch` is nothing.

#[cfg(loom)]
#[allow(unreachable_pub, reason = "as in std")]
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

/// Returns the number of this process; 0 where the target has no processes, and std panics.
pub(crate) fn process_id() -> u32 {
    if cfg!(all(target_family = "wasm", target_os = "unknown")) { 0 } else { std::process::id() }
}

#[cfg(not(loom))]
pub(crate) mod watch {
    /// A field of a block's front that changes while the block is taken.
    pub(crate) use core::cell::Cell as Watched;

    /// Memory outside of blocks that more than one thread may touch.
    pub(crate) struct Touched;

    impl Touched {
        #[inline(always)]
        pub(crate) fn new() -> Touched {
            Touched
        }

        #[inline(always)]
        pub(crate) fn reads(&self) {}

        #[inline(always)]
        pub(crate) fn writes(&self) {}
    }

    /// Reports a read of a field of a block's front that never changes while the block is taken.
    #[inline(always)]
    pub(crate) fn reads_front(_block: usize) {}

    /// Reports a touch of a block's bitmaps or objects.
    #[inline(always)]
    pub(crate) fn writes_body(_block: usize) {}

    /// Reports that memory becomes blocks.
    #[inline(always)]
    pub(crate) fn taken(_base: usize, _bytes: usize) {}
}
