//! The record of a batch, and the cause of its interruption.

use std::fmt;
use std::time::Duration;

use grisaille::{Phase, Stats};

use crate::clock::Moment;

/// The phases, in their order.
pub const PHASES: [Phase; 7] = [
    Phase::Idle,
    Phase::SweepTermination,
    Phase::Mark,
    Phase::MarkTermination,
    Phase::Weak,
    Phase::Sweep,
    Phase::Release,
];

/// Who took a batch's time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Cause {
    /// For the most part a step, or several, in this phase.
    Step(Phase),
    /// No step, and the heap took memory from the system.
    Memory,
    /// The mutator's own code, with the heap in this phase at the end: the slow path of allocation, barriers, page
    /// faults, cache misses, the machine.
    Outside(Phase),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Step(phase) => write!(f, "{phase}"),
            Cause::Memory => f.write_str("new memory"),
            Cause::Outside(phase) => write!(f, "outside of steps, {phase}"),
        }
    }
}

/// A batch: the time between two looks at the clocks, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Processor time of the mutator's thread.
    pub cpu: u64,
    /// Wall-clock time.
    pub wall: u64,
    /// Wall-clock time of the collector's steps within.
    pub steps: u64,
    /// The phase that took most of `steps`.
    longest: Phase,
    /// The heap's phase at the end.
    phase: Phase,
    /// The heap took memory from the system.
    grew: bool,
}

impl Sample {
    /// A sample that memory can be filled with.
    pub const NONE: Sample =
        Sample { cpu: 0, wall: 0, steps: 0, longest: Phase::Idle, phase: Phase::Idle, grew: false };

    /// The batch between two moments, with the heap's counters at each.
    #[inline]
    pub fn between(from: &(Moment, Stats), to: &(Moment, Stats), phase: Phase) -> Sample {
        let mut longest = (Phase::Idle, Duration::ZERO);
        let mut steps = Duration::ZERO;
        for name in PHASES {
            let time = to.1.time_in(name) - from.1.time_in(name);
            steps += time;
            if time > longest.1 {
                longest = (name, time);
            }
        }
        Sample {
            cpu: to.0.cpu - from.0.cpu,
            wall: (to.0.wall - from.0.wall).as_nanos() as u64,
            steps: steps.as_nanos() as u64,
            longest: longest.0,
            phase,
            grew: to.1.bytes_held() + to.1.bytes_returned() > from.1.bytes_held() + from.1.bytes_returned(),
        }
    }

    /// Whether the batch lies outside of all that a collector does: no step in it, no cycle in progress.
    pub fn is_undisturbed(&self) -> bool {
        self.steps == 0 && self.phase == Phase::Idle
    }

    /// Who took the time by which the batch was longer than usual.
    pub fn cause(&self, excess: u64) -> Cause {
        if self.steps >= excess.div_ceil(2) {
            Cause::Step(self.longest)
        } else if self.grew {
            Cause::Memory
        } else {
            Cause::Outside(self.phase)
        }
    }
}
