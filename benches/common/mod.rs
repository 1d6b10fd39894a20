//! What the benches share: workloads, ways to hold a heap in a state, and criterion's settings.

#![allow(dead_code, unused_imports, unused_macros, reason = "each bench uses a part")]

use std::time::Duration;

// What is measured is what is published.
const _: () = assert!(!grisaille::HAS_FAULTS, "the benches were built with the library whose parts can be broken");

pub mod gcbench;
pub mod graph;
pub mod hold;
pub mod lox;
pub mod queue;
pub mod report;
pub mod rows;
pub mod trees;
pub mod utilisation;
pub mod values;

/// Calls a generic function for each policy, the baseline first.
macro_rules! each_policy {
    ($function:ident($($argument:expr),* $(,)?)) => {{
        $function::<grisaille::StopTheWorld>($($argument),*);
        each_barrier!($function($($argument),*));
    }};
}

/// Calls a generic function for each policy that marks in steps, and so has a barrier.
macro_rules! each_barrier {
    ($function:ident($($argument:expr),* $(,)?)) => {{
        $function::<grisaille::Insertion>($($argument),*);
        $function::<grisaille::Deletion>($($argument),*);
        $function::<grisaille::RootsFirst>($($argument),*);
        $function::<grisaille::Hybrid>($($argument),*);
        $function::<grisaille::Watermark>($($argument),*);
    }};
}

pub(crate) use {each_barrier, each_policy};

/// Returns whether each row is only to be run once, small: under `cargo bench -- --test`, and under `cargo test`.
pub fn is_test() -> bool {
    let mut bench = false;
    for argument in std::env::args() {
        match argument.as_str() {
            "--test" => return true,
            "--bench" => bench = true,
            _ => {}
        }
    }
    !bench
}

/// Returns the size `full`, or `test` in a test.
pub fn size(full: usize, test: usize) -> usize {
    if is_test() { test } else { full }
}

/// Returns the processor time of this thread, which other programs do not lengthen.
#[cfg(unix)]
pub fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Returns wall-clock time, where there is no clock of processor time.
#[cfg(not(unix))]
pub fn thread_time() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// A random generator (xorshift64), with the same numbers in each run.
pub struct Random(u64);

impl Random {
    pub fn new() -> Random {
        Random(0x9E37_79B9_7F4A_7C15)
    }

    #[inline(always)]
    pub fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 as usize
    }

    /// Returns a number below `bound`, which is any number of at most 32 bits. Slower than [`below`](Random::below).
    pub fn up_to(&mut self, bound: usize) -> usize {
        self.next();
        ((u128::from(self.0 >> 32) * bound as u128) >> 32) as usize
    }

    /// Returns a number below `bound`, which is a power of two.
    #[inline(always)]
    pub fn below(&mut self, bound: usize) -> usize {
        debug_assert!(bound.is_power_of_two());
        // The upper bits are more random.
        (self.next() >> 20) & (bound - 1)
    }
}
