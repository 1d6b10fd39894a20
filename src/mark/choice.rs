//! [`Choice`]: adaptive selection of one of two ways to do the same work, by their measured costs.

use core::cell::Cell;
use core::time::Duration;

/// The way that was slower is tried again once in this many times, since heaps change.
const TRY_EVERY: u32 = 128;

/// A selection between two ways to do the same work whose costs are not known beforehand.
pub(crate) struct Choice {
    /// Cost of a unit of work on each way, in 1/1024, as a moving average; 0 if the way was never taken.
    costs: [Cell<u64>; 2],
    times: Cell<u32>,
    /// The way that is always taken, for tests.
    #[cfg(test)]
    pub always: Cell<Option<bool>>,
}

impl Choice {
    pub(crate) const fn new() -> Choice {
        Choice {
            costs: [const { Cell::new(0) }; 2],
            times: Cell::new(0),
            #[cfg(test)]
            always: Cell::new(None),
        }
    }

    /// Returns the way to take next: the cheaper one or, once in [`TRY_EVERY`] times if it `may_try`, the other.
    pub(crate) fn next(&self, may_try: bool) -> bool {
        #[cfg(test)]
        if let Some(way) = self.always.get() {
            return way;
        }
        let best = self.costs[1].get() < self.costs[0].get();
        if !may_try {
            return best;
        }
        let times = self.times.get().wrapping_add(1);
        self.times.set(times);
        best != times.is_multiple_of(TRY_EVERY)
    }

    /// Returns the units of work that a way does in that time, by its average cost; 0 if it was never taken.
    pub(crate) fn work_in(&self, time: Duration, way: bool) -> usize {
        let cost = self.costs[usize::from(way)].get();
        (time.as_nanos() as u64 * 1024).checked_div(cost).unwrap_or(0) as usize
    }

    /// Books the cost of `work` units on a way, a unit at four times the average at most, as one run may have been
    /// interrupted.
    pub(crate) fn took(&self, way: bool, cost: u64, work: u64) {
        let average = &self.costs[usize::from(way)];
        let (before, unit) = (average.get(), cost.saturating_mul(1024) / work.max(1));
        average.set(if before == 0 { unit.max(1) } else { (before * 3 + unit.min(before * 4)) / 4 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share_of_the_second(choice: &Choice, costs: [u64; 2]) -> usize {
        let goes = |_| {
            let way = choice.next(true);
            choice.took(way, costs[usize::from(way)], 10);
            usize::from(way)
        };
        (0..1000).map(goes).sum()
    }

    #[test]
    fn the_cheaper_way_is_taken_and_followed_when_it_changes() {
        let choice = Choice::new();
        assert!(share_of_the_second(&choice, [100, 200]) < 50);
        assert!(share_of_the_second(&choice, [300, 200]) > 400);
        assert!(share_of_the_second(&choice, [300, 200]) > 950);
    }

    #[test]
    fn one_interruption_changes_nothing() {
        let choice = Choice::new();
        share_of_the_second(&choice, [100, 200]);
        choice.took(false, 1_000_000, 10);
        assert!(share_of_the_second(&choice, [100, 200]) < 50);
    }
}
