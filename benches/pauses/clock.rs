//! The two clocks that a batch is timed with.

use std::time::Instant;

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Nanoseconds of processor time that this thread has used.
    pub cpu: u64,
    /// Wall-clock time.
    pub wall: Instant,
}

impl Moment {
    /// Reads both clocks. The first is a system call on most machines (some 100 to 300 ns, see [`cost`]). It is part of
    /// every batch alike, so it is in the batches' median and in no interruption.
    pub fn now() -> Moment {
        Moment { cpu: thread_time(), wall: Instant::now() }
    }
}

/// Returns the time that the kernel gave this thread, which other programs and a busy hypervisor do not lengthen.
#[cfg(unix)]
fn thread_time() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Returns wall-clock time where there is no such clock.
#[cfg(not(unix))]
fn thread_time() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Returns the nanoseconds that reading the clocks takes, on the average.
pub fn cost() -> u64 {
    const READS: u64 = 100_000;
    let start = Instant::now();
    for _ in 0..READS {
        std::hint::black_box(Moment::now());
    }
    start.elapsed().as_nanos() as u64 / READS
}
