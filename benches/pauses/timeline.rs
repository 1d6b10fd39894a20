//! Computes interruptions, and the mutator's utilisation, from the batches of a run.

use std::collections::BTreeMap;

use grisaille::Phase;
use hdrhistogram::Histogram;

use crate::sample::{Cause, Sample};
pub use crate::utilisation::{Interruption, utilisation};

/// Windows, in nanoseconds, over which utilisation is told.
pub const WINDOWS: [u64; 6] = [500_000, 1_000_000, 2_000_000, 5_000_000, 20_000_000, 50_000_000];
/// Where 1, 5 and 20 ms are among them.
pub const TOLD: [usize; 3] = [1, 3, 4];

/// What is known of one run.
#[derive(Debug)]
pub struct Run {
    /// Batches.
    pub batches: u64,
    /// What an undisturbed batch takes: the median.
    pub usual: u64,
    /// The interruptions by their processor time, in nanoseconds.
    pub cpu: Histogram<u64>,
    /// The longest, by both clocks. Each clock's own: they need not be the same batch.
    pub longest_cpu: u64,
    /// See above.
    pub longest_wall: u64,
    /// The longest, by who took the time.
    pub by_cause: BTreeMap<Cause, u64>,
    /// Minimum mutator utilisation over [`WINDOWS`], in processor time.
    pub utilisation: [f64; WINDOWS.len()],
    /// All processor time of the run.
    pub total: u64,
    /// What of it went to interruptions.
    pub interrupted: u64,
    /// What of it went to steps.
    pub steps: u64,
    /// What of it went to sweeping: steps of the two phases that sweep, and what exceeds a batch's usual time outside
    /// of steps while the heap is in phase `Sweep` (an allocation that sweeps for itself).
    pub sweeping: u64,
    /// Cycles that ended.
    pub cycles: u64,
}

/// A histogram of nanoseconds, up to a minute.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds can be had")
}

impl Run {
    /// Looks at a run's batches. An interruption is what a batch takes beyond its usual time, where that is at least
    /// `least` nanoseconds.
    pub fn new(samples: &[Sample], least: u64, swept_in_steps: u64, cycles: u64) -> Run {
        let usual = usual(samples, |sample| sample.cpu);
        let usual_wall = usual_of_wall(samples);
        let mut run = Run {
            batches: samples.len() as u64,
            usual,
            cpu: histogram(),
            longest_cpu: 0,
            longest_wall: 0,
            by_cause: BTreeMap::new(),
            utilisation: [1.0; WINDOWS.len()],
            total: 0,
            interrupted: 0,
            steps: 0,
            sweeping: swept_in_steps,
            cycles,
        };
        let mut interruptions = Vec::new();
        for sample in samples {
            run.total += sample.cpu;
            run.steps += sample.steps;
            run.longest_wall = run.longest_wall.max(sample.wall.saturating_sub(usual_wall));
            let time = sample.cpu.saturating_sub(usual);
            if time < least {
                continue;
            }
            let cause = sample.cause(time);
            run.cpu.saturating_record(time);
            run.interrupted += time;
            run.longest_cpu = run.longest_cpu.max(time);
            let longest = run.by_cause.entry(cause).or_default();
            *longest = time.max(*longest);
            if cause == Cause::Outside(Phase::Sweep) {
                run.sweeping += time;
            }
            interruptions.push(Interruption { end: run.total, time });
        }
        run.utilisation = WINDOWS.map(|window| utilisation(&interruptions, run.total, window));
        run
    }
}

/// The median of the undisturbed batches, or of all without a step where there are too few of them.
fn usual(samples: &[Sample], time: impl Fn(&Sample) -> u64) -> u64 {
    const ENOUGH: usize = 100;
    let is_calm: [fn(&Sample) -> bool; 3] = [Sample::is_undisturbed, |sample| sample.steps == 0, |_| true];
    for is_calm in is_calm {
        let mut times: Vec<u64> = samples.iter().filter(|sample| is_calm(sample)).map(&time).collect();
        if times.len() >= ENOUGH {
            let middle = times.len() / 2;
            return *times.select_nth_unstable(middle).1;
        }
    }
    0
}

/// The same for wall-clock time.
fn usual_of_wall(samples: &[Sample]) -> u64 {
    usual(samples, |sample| sample.wall)
}
