//! The share: how much of the mutator's time the steps of a cycle take, and how many bytes the mutator allocates in
//! what is left to it.
//!
//! While a cycle marks, steps and mutator take turns: after a step the mutator runs for as long as the share leaves it.
//! A safepoint is noticed by what is allocated, so this time is told in bytes, by the mutator's own *rate*: bytes
//! allocated in its time, lately. What the mutator got too little or too much of, as the rate changed, is carried over
//! to the next step.
//!
//! Where the embedder sets no share, it depends on how long marking takes. The sooner marking ends the less floats, and
//! the less time a program takes in all; so steps take [`SHORT`] per cent of a marking that is soon over. A marking of
//! [`LONG_MARKING`] or more would leave a program at a third of its speed for too long: there it is [`LONG`] per cent,
//! so that the mutator has more than half of the time, unless the cycle is late.

use core::cell::Cell;
use std::time::Duration;

use super::{BURST, POLL_BYTES, STEP_TIME};

/// Processor time of a marking that makes it a long one.
pub(super) const LONG_MARKING: Duration = Duration::from_millis(200);
/// The share, in per cent, of the steps of a short marking and of a long one, where none is set.
const SHORT: u8 = 66;
const LONG: u8 = 45;
/// Time of the mutator over which its rate is averaged, in nanoseconds.
const MEMORY: u64 = 10_000_000;
/// Most time that is carried over from one step to the next, in nanoseconds.
const MOST_CARRIED: i64 = 10_000_000;
/// Least bytes allocated between two steps.
const MIN_BETWEEN: usize = 1024;
/// Most bytes allocated between two steps.
const MAX_BETWEEN: usize = BURST;

/// What is known of the mutator's time and of the steps'. Times are in nanoseconds.
pub(super) struct Share {
    /// The part of the time that steps may take, in per cent, from 1 to 100, if the embedder has set it.
    set: Option<u8>,
    /// Whether the last marking was a long one.
    is_long: Cell<bool>,
    /// Bytes allocated lately, and the time in which the mutator did so, not 0.
    bytes: Cell<u64>,
    time: Cell<u64>,
    /// Time that the mutator is to have before the next step; negative where it had more.
    owed: Cell<i64>,
}

impl Share {
    pub(super) fn new(set: Option<u8>) -> Share {
        Share {
            set,
            is_long: Cell::new(false),
            // A guess, which the first measurement outweighs.
            bytes: Cell::new(POLL_BYTES as u64),
            time: Cell::new(STEP_TIME.as_nanos() as u64),
            owed: Cell::new(0),
        }
    }

    /// Returns the part of the time that steps may take, in per cent.
    fn percent(&self) -> u64 {
        u64::from(self.set.unwrap_or(if self.is_long.get() { LONG } else { SHORT }))
    }

    /// Returns the time that the mutator has for each step of that time.
    pub(super) fn beside(&self, step: Duration) -> Duration {
        Duration::from_nanos(scaled(nanoseconds(step), 100 - self.percent(), self.percent()))
    }

    /// Returns the bytes that the mutator allocates in so much time.
    fn bytes_in(&self, time: u64) -> usize {
        // Sums of such amounts do not overflow.
        scaled(time, self.bytes.get(), self.time.get()).min(usize::MAX as u64 / 8) as usize
    }

    /// Books that the mutator ran for `time`, in which it allocated so many bytes.
    pub(super) fn mutator_ran(&self, bytes: usize, time: Duration) {
        let time = nanoseconds(time);
        self.owed.set(self.owed.get().saturating_sub_unsigned(time).max(-MOST_CARRIED));
        let (bytes, time) = (self.bytes.get().saturating_add(bytes as u64), self.time.get() + time);
        // What is older counts less and less.
        let kept = if time > MEMORY { MEMORY / 2 } else { time };
        self.bytes.set(scaled(bytes, kept, time));
        self.time.set(kept);
    }

    /// Books a step that took so long.
    pub(super) fn step_ran(&self, time: Duration) {
        let beside = nanoseconds(self.beside(time));
        self.owed.set(self.owed.get().saturating_add_unsigned(beside).min(MOST_CARRIED));
    }

    /// Forgets what is carried over: marking starts.
    pub(super) fn marking_starts(&self) {
        self.owed.set(0);
    }

    /// Books the end of marking, which took `marking`. Returns the bytes that the mutator allocates between the steps
    /// of another marking like that.
    pub(super) fn marking_ends(&self, marking: Duration) -> usize {
        self.is_long.set(marking >= LONG_MARKING);
        self.bytes_in(nanoseconds(self.beside(marking)))
    }

    /// Returns the bytes to allocate before the next step.
    pub(super) fn between_steps(&self) -> usize {
        self.bytes_in(self.owed.get().max(0).unsigned_abs()).clamp(MIN_BETWEEN, MAX_BETWEEN)
    }
}

/// Returns a time in nanoseconds, at most a year.
fn nanoseconds(time: Duration) -> u64 {
    time.as_nanos().min(1 << 55) as u64
}

/// Returns `number * factor / divisor`.
fn scaled(number: u64, factor: u64, divisor: u64) -> u64 {
    (u128::from(number) * u128::from(factor) / u128::from(divisor)).min(1 << 62) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Duration = Duration::from_micros(1);

    /// Returns a share of a mutator that allocates 100 bytes in a microsecond.
    fn share(set: Option<u8>) -> Share {
        let share = Share::new(set);
        (0..100).for_each(|_| share.mutator_ran(100_000, 1000 * US));
        share.marking_starts();
        share
    }

    #[test]
    fn the_mutator_has_its_part_beside_each_step() {
        for (percent, between) in [(20, 16_000), (50, 4000), (80, 1024), (100, 1024)] {
            let share = share(Some(percent));
            share.step_ran(40 * US);
            assert!(share.between_steps().abs_diff(between) < 64, "{percent}: {}", share.between_steps());
        }
    }

    #[test]
    fn what_the_mutator_had_too_little_or_too_much_of_is_carried_over() {
        let share = share(Some(50));
        share.step_ran(100 * US);
        for (ran, between) in [(50, 15_000), (150, 10_000), (400, 1024), (0, 1024), (0, 1024), (0, 10_000)] {
            share.mutator_ran(100 * ran as usize, ran * US);
            share.step_ran(100 * US);
            assert!(share.between_steps().abs_diff(between) < 200, "{ran}: {}", share.between_steps());
        }
    }

    #[test]
    fn the_rate_is_that_of_the_last_milliseconds() {
        let share = share(Some(50));
        for _ in 0..100 {
            share.mutator_ran(400_000, 1000 * US);
        }
        assert!(share.marking_ends(1000 * US).abs_diff(400_000) < 4000);
        share.mutator_ran(0, Duration::MAX);
        assert_eq!(share.marking_ends(1000 * US), 0, "a mutator that allocates nothing");
    }

    #[test]
    fn steps_take_less_of_a_long_marking_where_no_share_is_set() {
        let bytes = |set, marking| share(set).marking_ends(marking) as f64;
        let (short, long) = (LONG_MARKING - US, LONG_MARKING);
        assert!((bytes(None, short) / (short.as_secs_f64() * 1e8 * 34.0 / 66.0) - 1.0).abs() < 0.01);
        assert!((bytes(None, long) / (long.as_secs_f64() * 1e8 * 55.0 / 45.0) - 1.0).abs() < 0.01);
        assert!((bytes(Some(50), short) / bytes(Some(50), long) - 1.0).abs() < 0.01);
    }
}
