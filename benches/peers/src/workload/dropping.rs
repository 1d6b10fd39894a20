//! `Drop`: objects that have a `Drop`, dropped at once.
//!
//! The size is the number of objects. Each is a number and a [`Noted`]; it is kept in a local variable until the next one
//! is made, and [looked at](look_at) as in `short-lived`. After the clock was stopped the heap is dropped. The checksum
//! is how many were dropped: all of them.

use std::cell::Cell;
use std::hint::black_box;

thread_local! {
    static DROPPED: Cell<u64> = const { Cell::new(0) };
}

/// Counts when it is dropped.
#[derive(Debug)]
pub struct Noted(
    /// How much it counts: 1.
    pub u64,
);

impl Drop for Noted {
    #[inline]
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + self.0);
    }
}

/// How many were dropped on this thread.
pub fn dropped() -> u64 {
    DROPPED.get()
}

/// Looks at an object. The compiler has to assume that it was seen.
#[inline(always)]
pub fn look_at(object: &Noted) {
    black_box(object);
}
