//! The mutator's share of the time near a heap's limit, and the allocations that are refused.
//!
//! A share of a limit of 64 MiB lives, in objects of 48 bytes; the mutator makes garbage of the same size, in bursts of
//! 768 bytes or of a sixteenth of the limit between two safepoints, and works for a set time after each object. A row
//! has the share of the thread's processor time that the collector's steps leave, the refused allocations, and the
//! cycles. `--test` runs one row, small.

use std::time::Duration;

use grisaille::Heap;

const MIB: usize = 1 << 20;
/// Bytes of an object, header included.
const OBJECT: usize = 48;

/// Returns the processor time of this thread.
fn now() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Works for `rounds` rounds that no optimizer removes.
fn work(rounds: u64) {
    (0..rounds).for_each(|round| _ = std::hint::black_box(round));
}

fn rounds_of(time: Duration) -> u64 {
    let (rounds, start) = (1 << 24, now());
    work(rounds);
    (rounds as u128 * time.as_nanos() / (now() - start).as_nanos().max(1)) as u64
}

fn row(limit: usize, percent: usize, pause: Duration, burst: usize, allocated: usize) {
    let rounds = rounds_of(pause);
    Heap::builder().limit(limit).build().unwrap().enter(|cx| {
        for number in 0..limit / 100 * percent / OBJECT {
            let Ok(object) = cx.try_alloc([number as u64; 5]) else { break };
            _ = cx.root(object);
        }
        cx.collect();
        let (before, start) = (cx.stats(), now());
        let (mut refused, mut objects) = (0u64, 0u64);
        while objects < (allocated / OBJECT) as u64 && now() - start < Duration::from_secs(3) {
            for number in 0..(burst / OBJECT) as u64 {
                refused += u64::from(cx.try_alloc([number; 5]).is_err());
                objects += 1;
                work(rounds);
            }
            cx.safepoint();
        }
        let (after, total) = (cx.stats(), now() - start);
        let collector = after.processor_time().unwrap_or_default() - before.processor_time().unwrap_or_default();
        let share = 100.0 - 100.0 * collector.as_secs_f64() / total.as_secs_f64();
        println!(
            "| {percent} % | {:?} | {} | {share:.0} % | {refused} of {objects} | {} |",
            pause,
            burst,
            after.cycles() - before.cycles()
        );
    });
}

fn main() {
    println!(
        "| alive | work an object | burst, bytes | left to the mutator | refused | cycles |\n|---:|---:|---:|---:|---:|---:|"
    );
    if std::env::args().any(|argument| argument == "--test") {
        return row(MIB, 80, Duration::ZERO, 768, MIB);
    }
    let limit = 64 * MIB;
    for pause in [0, 100, 300].map(Duration::from_nanos) {
        for percent in [50, 80, 90, 92, 94, 96] {
            for burst in [768, limit / 16] {
                row(limit, percent, pause, burst, 4 * limit);
            }
        }
    }
}
