//! The time that the collector takes from the mutator: by phase and by pause, wall-clock and processor time.
//!
//! The time of a [`Check`](crate::Check) is in none of it.

use core::cell::Cell;
use std::time::Duration;

use super::phase::{PHASES, Phase};
use crate::clock::Instant;

/// What a run of the phase machine took. The mutator's times are of processor time where the system has a clock for
/// that, else wall-clock time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Wall-clock time, checks left out.
    pub wall: Duration,
    /// The mutator's time that the run took.
    pub took: Duration,
    /// The mutator's time since the run before.
    pub away: Duration,
}

/// The books of time, of the mutator's thread.
#[derive(Default)]
pub(crate) struct Times {
    in_phase: [Cell<Duration>; PHASES],
    /// The time up to which time is booked to phases. `None` between two runs of the phase machine.
    since: Cell<Option<Instant>>,
    /// Time of checks since the run began, and since the mutator was last resumed.
    checks: Cell<Duration>,
    checks_in_pause: Cell<Duration>,
    /// Processor time at the start of the run, with checks subtracted. `None` outside of runs, and where there is no
    /// clock.
    processor_from: Cell<Option<Duration>>,
    /// Processor time of all runs, and of those since the mutator was last resumed.
    processor: Cell<Option<Duration>>,
    processor_in_pause: Cell<Option<Duration>>,
    /// When the last run ended, by both clocks.
    last_end: Cell<Option<(Instant, Option<Duration>)>>,
    pauses: Cell<u64>,
    longest: Cell<Duration>,
    longest_processor: Cell<Option<Duration>>,
}

impl Times {
    /// Books that the phase machine begins to run.
    pub(crate) fn run_starts(&self) -> Instant {
        let start = Instant::now();
        self.since.set(Some(start));
        self.checks.set(Duration::ZERO);
        self.processor_from.set(processor_time());
        start
    }

    /// Books that the phase machine stops in `phase`, which began to run at `start`.
    pub(crate) fn run_ends(&self, phase: Phase, start: Instant) -> Run {
        self.book(phase);
        let end = self.since.take().unwrap_or(start);
        let wall = (end - start).saturating_sub(self.checks.get());
        let (from, to) = (self.processor_from.take(), processor_time());
        let last = self.last_end.replace(Some((end, to)));
        let mut run = Run {
            wall,
            took: wall,
            away: last.map_or(Duration::ZERO, |(last, _)| start.saturating_duration_since(last)),
        };
        if let (Some(from), Some(to)) = (from, to) {
            run.took = to.saturating_sub(from);
            // Another thread may run the heap now, whose clock is another.
            let away = last.and_then(|(_, processor)| from.checked_sub(processor?));
            run.away = away.map_or(run.away, |away| away.min(run.away));
            for sum in [&self.processor, &self.processor_in_pause] {
                sum.set(Some(sum.get().unwrap_or_default() + run.took));
            }
        }
        run
    }

    /// Returns the processor time of all runs until now, or where there is no clock the wall-clock time of marking.
    pub(crate) fn spent(&self) -> Duration {
        match (self.processor_from.get(), processor_time()) {
            (Some(from), Some(now)) => self.processor.get().unwrap_or_default() + now.saturating_sub(from),
            _ => self.in_phase(Phase::Mark) + self.in_phase(Phase::MarkTermination),
        }
    }

    /// Books the time since the last call to `phase`.
    pub(crate) fn book(&self, phase: Phase) {
        if let Some(since) = self.since.get() {
            let now = Instant::now();
            let time = &self.in_phase[phase as usize];
            time.set(time.get() + (now - since));
            self.since.set(Some(now));
        }
    }

    /// Runs a check, whose time is not booked. During a run, the time before the check must have been booked.
    pub(crate) fn leave_out(&self, check: impl FnOnce()) {
        let (start, processor) = (Instant::now(), processor_time());
        check();
        let end = Instant::now();
        for sum in [&self.checks, &self.checks_in_pause] {
            sum.set(sum.get() + (end - start));
        }
        if self.since.get().is_some() {
            self.since.set(Some(end));
        }
        if let (Some(from), Some(before), Some(after)) = (self.processor_from.get(), processor, processor_time()) {
            self.processor_from.set(Some(from + after.saturating_sub(before)));
        }
    }

    /// Books a pause of the mutator of `time`, wall-clock, checks included. Returns its time without checks.
    pub(crate) fn paused(&self, time: Duration) -> Duration {
        let time = time.saturating_sub(self.checks_in_pause.take());
        self.pauses.set(self.pauses.get() + 1);
        self.longest.set(self.longest.get().max(time));
        // `None` is less than any time.
        self.longest_processor.set(self.longest_processor.get().max(self.processor_in_pause.take()));
        time
    }

    pub(crate) fn in_phase(&self, phase: Phase) -> Duration {
        self.in_phase[phase as usize].get()
    }

    pub(crate) fn in_phases(&self) -> [Duration; PHASES] {
        core::array::from_fn(|at| self.in_phase[at].get())
    }

    pub(crate) fn processor(&self) -> Option<Duration> {
        self.processor.get()
    }

    pub(crate) fn pauses(&self) -> u64 {
        self.pauses.get()
    }

    pub(crate) fn longest(&self) -> Duration {
        self.longest.get()
    }

    pub(crate) fn longest_processor(&self) -> Option<Duration> {
        self.longest_processor.get()
    }
}

/// Returns the processor time of this thread, where the system has a clock for that. Makes a system call.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn processor_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn processor_time() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spends some processor time.
    fn work(times: u64) -> u64 {
        (0..times * 1000).fold(1, |x: u64, i| core::hint::black_box(x.wrapping_mul(31) ^ i))
    }

    #[test]
    fn a_phase_gets_what_passed_in_it_and_a_check_nothing() {
        let times = Times::default();
        let start = times.run_starts();
        std::thread::sleep(Duration::from_millis(3));
        times.book(Phase::Weak);
        times.leave_out(|| std::thread::sleep(Duration::from_millis(50)));
        std::thread::sleep(Duration::from_millis(2));
        let ran = times.run_ends(Phase::Sweep, start);
        times.leave_out(|| std::thread::sleep(Duration::from_millis(50)));
        let held_up = start.elapsed();
        times.paused(held_up);
        assert!(times.in_phase(Phase::Weak) >= Duration::from_millis(3));
        assert!(times.in_phase(Phase::Sweep) >= Duration::from_millis(2));
        let phases: Duration = times.in_phases().iter().sum();
        // A sleep is never too short, so these hold on the busiest machine.
        assert!(ran.wall + Duration::from_millis(50) <= held_up && phases <= ran.wall);
        assert!(times.longest() >= ran.wall && times.longest() + Duration::from_millis(100) <= held_up);
        assert_eq!(times.pauses(), 1);
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn processor_time_is_not_that_of_a_sleep_and_not_that_of_a_check() {
        let times = Times::default();
        for _ in 0..2 {
            let start = times.run_starts();
            work(1);
            times.book(Phase::Weak);
            let before = processor_time().unwrap();
            times.leave_out(|| assert_ne!(work(3000), 0));
            let check = processor_time().unwrap() - before;
            std::thread::sleep(Duration::from_millis(20));
            times.run_ends(Phase::Sweep, start);
            times.paused(start.elapsed());
            let (longest, sum) = (times.longest_processor().unwrap(), times.processor().unwrap());
            assert!(Duration::ZERO < longest && longest <= sum, "{longest:?} {sum:?}");
            assert!(longest < check && longest < Duration::from_millis(20), "{longest:?} beside {check:?}");
        }
        assert!(times.longest_processor() < times.processor(), "two pauses");
    }
}
