//! The debt: the marking work that the mutator's allocation owes, and the part of it that a step does. Sizes are in
//! bytes.

use std::time::Duration;

use super::{MAX_STEP, MAX_STEP_TIME, MIN_STEP, POLL_BYTES};
use crate::mark::budget::Charge;

/// Fractional bits of `ratio`.
pub(super) const FIXED: u32 = 8;
/// Most by which a step's bounds are multiplied past the goal: once more for each eighth of it.
pub(super) const MAX_LATENESS: usize = 4;

/// Returns the work that a byte owes, times 2^[`FIXED`], if `expected` work is to be done until `left` bytes are
/// allocated. With `grows`, new objects must be marked too.
pub(super) fn ratio(expected: usize, left: usize, grows: bool) -> usize {
    // A quarter more than expected, so that the cycle ends before the goal.
    let ratio = ((expected as u64 + expected as u64 / 4) << FIXED) / left as u64;
    let own = if grows { 2 << FIXED } else { 0 };
    ratio.clamp(1 << (FIXED - 2), 1 << (FIXED + 6)) as usize + own
}

/// Returns the bytes to allocate before the next step, where the last one left `debt`, the mutator's share of the time
/// is `usual` bytes, and `left` bytes are left until the goal.
///
/// Without debt marking is ahead of what it has to be. While debt is left, the distance between steps shrinks in the
/// last `slack` bytes before the goal: steps become no longer, and the mutator slows down gradually.
pub(super) fn between_steps(debt: usize, usual: usize, left: usize, slack: usize) -> usize {
    if debt <= MIN_STEP {
        usual.max(POLL_BYTES)
    } else if left >= slack {
        usual
    } else if left > 0 {
        ((usual as u128 * left as u128 / slack as u128) as usize).max(usual / 2)
    } else {
        0
    }
}

/// The amounts from which a step's charge is computed.
pub(super) struct Account {
    pub size: usize,
    /// Not zero.
    pub goal: usize,
    /// Bytes allocated since the last step.
    pub allocated: usize,
    /// Bytes between two steps that make a burst.
    pub burst: usize,
    /// Work that a byte owes, times 2^[`FIXED`].
    pub ratio: usize,
}

impl Account {
    /// Returns by how much the work that a byte owes is multiplied past the goal, where the estimate was too low: once
    /// more for each eighth of the goal.
    pub(super) fn lateness(&self) -> usize {
        1 + ((self.size.saturating_sub(self.goal) as u64).saturating_mul(8) / self.goal as u64) as usize
    }

    /// Returns the work that the allocated bytes owe, without [`lateness`](Account::lateness).
    pub(super) fn owed(&self) -> usize {
        let owed = (self.allocated as u64).saturating_mul(self.ratio as u64) >> FIXED;
        usize::try_from(owed).unwrap_or(usize::MAX)
    }

    /// Returns the part of `debt` that the step does, at least `least`. The last step ended `away` ago, if there was
    /// one; a usual step takes `step_time`.
    pub(super) fn charge(&self, debt: usize, least: usize, away: Option<Duration>, step_time: Duration) -> Charge {
        let is_burst = self.allocated >= self.burst;
        let away = match away {
            // Without a burst the system ran another program, or the mutator allocates little and owes little.
            Some(_) if is_burst && debt > self.owed() => Duration::MAX,
            Some(away) if is_burst => away,
            _ => Duration::ZERO,
        };
        if is_burst && self.size.saturating_add(self.allocated) > self.goal {
            // The next burst would pass the goal.
            let work = debt.max(least);
            return Charge { work, anyway: work, time: MAX_STEP_TIME };
        }
        let late = self.lateness().min(MAX_LATENESS);
        let work = debt.clamp(least, MAX_STEP * late);
        // Otherwise a mutator that allocates faster than the collector marks would outrun it without a bound.
        let anyway = if self.size > self.goal { work.min((self.allocated / 2).saturating_mul(late)) } else { 0 };
        Charge { work, anyway, time: (away / 2).clamp(step_time, MAX_STEP_TIME) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::BURST;
    use super::*;

    #[test]
    fn ratios() {
        assert_eq!(ratio(4 << 20, 5 << 20, false), 1 << FIXED);
        assert_eq!(ratio(4 << 20, 5 << 20, true), 3 << FIXED);
        // A quarter at the least, and 64 at the most.
        assert_eq!(ratio(0, 1 << 20, false), 1 << (FIXED - 2));
        assert_eq!(ratio(1 << 40, 1 << 14, false), 64 << FIXED);
    }

    #[test]
    fn steps_move_together_as_the_goal_comes_nearer() {
        let between = |debt, left| between_steps(debt, 4096, left, 1 << 20);
        assert_eq!(between(MIN_STEP, 0), POLL_BYTES, "no debt is left");
        assert_eq!(between_steps(MIN_STEP, 2 * POLL_BYTES, 0, 1 << 20), 2 * POLL_BYTES, "the mutator has its share");
        assert_eq!(between(1 << 20, 1 << 20), 4096);
        assert_eq!(between(1 << 20, 3 << 19), 4096, "no more than usual");
        assert_eq!(between(1 << 20, 3 << 18), 3072);
        assert_eq!(between(1 << 20, 1), 2048, "but not one upon the other");
        assert_eq!(between(1 << 20, 0), 0, "past the goal each safepoint has something to do");
    }

    #[test]
    fn a_byte_past_the_goal_owes_more() {
        let account = |size| Account { size, goal: 8 << 20, allocated: 1 << 14, burst: BURST, ratio: 1 << FIXED };
        assert_eq!(account(8 << 20).lateness(), 1);
        assert_eq!(account(9 << 20).lateness(), 2);
        assert_eq!(account(16 << 20).lateness(), 9);
        assert_eq!(account(16 << 20).owed(), 1 << 14);
        let step = Duration::from_micros(40);
        // Before the goal a step may do nothing past its deadline; past the goal it does half of the allocated bytes,
        // times its lateness.
        let charge = |size| account(size).charge(1 << 30, MIN_STEP, None, step);
        assert_eq!(charge(8 << 20), Charge { work: MAX_STEP, anyway: 0, time: step });
        assert_eq!(charge(9 << 20), Charge { work: 2 * MAX_STEP, anyway: 1 << 14, time: step });
        assert_eq!(charge(64 << 20), Charge { work: MAX_LATENESS * MAX_STEP, anyway: 1 << 15, time: step });
    }

    #[test]
    fn bursts_get_more_time() {
        let account = |size| Account { size, goal: 8 << 20, allocated: BURST, burst: BURST, ratio: 1 << FIXED };
        let (step, away) = (Duration::from_micros(40), Some(Duration::from_micros(200)));
        let time = |debt, away| account(1 << 20).charge(debt, MIN_STEP, away, step).time;
        assert_eq!(time(BURST, away), Duration::from_micros(100), "half of the time that the mutator was away");
        assert_eq!(time(BURST, None), step);
        assert_eq!(time(BURST + 1, away), MAX_STEP_TIME, "debt was left by the last step");
        // A burst after which another would pass the goal pays all debt.
        let all = Charge { work: 1 << 30, anyway: 1 << 30, time: MAX_STEP_TIME };
        assert_eq!(account(8 << 20).charge(1 << 30, MIN_STEP, away, step), all);
    }
}
