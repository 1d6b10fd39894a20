//! [`Limit`]: what safepoints do near a heap's limit, so that no allocation is refused because of garbage.
//!
//! **The rule.** An allocation is refused only where a cycle that began after the last refusal left too much alive, or
//! where more was allocated since the last safepoint than was in reserve. So:
//!
//! * a safepoint that finds less than the *reserve* free finishes the cycle in progress, or runs one, in one pause;
//! * a safepoint after a refusal does the same, and the cycle is one that began after the refusal;
//! * such a cycle begins at most once in a *quantum* of growth, 1/32 of the limit, and not where more than 15/16 of
//!   the limit was live at the end of the last one: from there on allocations are refused, and steps, also those of
//!   cycles that begin as the goal comes near, take at most half of the wall-clock time.
//!
//! The reserve is 1/16 of the limit while at most 4/5 of the limit is live: a mutator may allocate as much between two
//! safepoints. Above that it is twice what the mutator recently allocated between two safepoints, at most 1/16: a
//! larger reserve would leave no room between two cycles.

use core::cell::Cell;

/// Least bytes of growth between two cycles of a heap without a limit, where the system has no memory.
const MIN_QUANTUM: usize = 1 << 20;

/// A heap's limit, and what was allocated and refused under it; see the module. Sizes are in bytes.
pub(crate) struct Limit {
    /// The limit; `usize::MAX` when there is none.
    bytes: usize,
    /// Bytes by which the heap, with what it owns outside, has grown so far. Wraps.
    grown: Cell<usize>,
    /// `grown` when the last cycle began.
    grown_at_start: Cell<usize>,
    /// Bytes live at the end of the last cycle.
    live: Cell<usize>,
    /// Free bytes that a refused allocation could not use, as they lie in pieces.
    unusable: Cell<usize>,
}

impl Limit {
    pub(crate) fn new(bytes: usize) -> Limit {
        Limit { bytes, grown: Cell::new(0), grown_at_start: Cell::new(0), live: Cell::new(0), unusable: Cell::new(0) }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn exists(&self) -> bool {
        self.bytes != usize::MAX
    }

    /// Books growth.
    #[inline]
    pub(crate) fn grew(&self, bytes: usize) {
        self.grown.set(self.grown.get().wrapping_add(bytes));
    }

    /// Returns the growth so far. Wraps.
    pub(crate) fn grown(&self) -> usize {
        self.grown.get()
    }

    /// Returns whether anything was allocated since the last cycle began.
    pub(crate) fn has_grown(&self) -> bool {
        self.grown.get() != self.grown_at_start.get()
    }

    /// Books the beginning of a cycle.
    pub(crate) fn cycle_starts(&self) {
        self.grown_at_start.set(self.grown.get());
    }

    /// Books the end of marking, with `live` bytes alive.
    pub(crate) fn cycle_ended(&self, live: usize) {
        self.lives(live);
        self.unusable.set(self.unusable.get() / 2);
    }

    /// Books the live bytes, when more is known of them.
    pub(crate) fn lives(&self, live: usize) {
        self.live.set(live);
    }

    /// Books the refusal of an allocation while `free` bytes were free.
    pub(crate) fn refused(&self, free: usize) {
        if self.exists() {
            self.unusable.set(self.unusable.get().max(free.min(self.bytes / 8)));
        }
    }

    /// Returns the least growth between the beginnings of two cycles for which the limit is the reason.
    fn quantum(&self) -> usize {
        if self.exists() { self.bytes / 32 } else { (self.live.get() / 32).max(MIN_QUANTUM) }
    }

    /// Returns whether so much is live that cycles free little: allocations are refused rather than the time spent.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.live.get() > self.bytes - self.bytes / 16
    }

    /// Returns whether a cycle may begin because memory is short.
    pub(crate) fn may_start(&self) -> bool {
        !self.is_exhausted() && self.grown.get().wrapping_sub(self.grown_at_start.get()) >= self.quantum()
    }

    /// Returns what should be free at a safepoint. `burst` is the most that the mutator allocates between two
    /// safepoints.
    pub(crate) fn reserve(&self, burst: usize) -> usize {
        let most = self.bytes / 16;
        let reserve = if self.live.get() <= self.bytes / 5 * 4 {
            most
        } else {
            burst.saturating_mul(2).clamp(self.bytes / 128, most)
        };
        reserve + self.unusable.get()
    }

    /// Returns the goal of a cycle under the limit, where `live` bytes are live and `wanted` would be the goal without
    /// a limit. It leaves room for the fronts of blocks, and for the reserve.
    pub(crate) fn goal(&self, wanted: usize, live: usize) -> usize {
        if !self.exists() {
            return wanted;
        }
        let room = self.bytes - self.bytes / 32;
        wanted.min(room - self.bytes / 16).max(live.saturating_add(self.quantum()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn a_cycle_begins_once_in_a_quantum_and_not_where_all_lives() {
        let limit = Limit::new(64 * MIB);
        assert!(!limit.may_start());
        limit.grew(2 * MIB - 1);
        assert!(!limit.may_start());
        limit.grew(1);
        assert!(limit.may_start());
        limit.cycle_starts();
        assert!(!limit.may_start());
        limit.grew(2 * MIB);
        for (live, may) in [(60 * MIB, true), (60 * MIB + 1, false), (0, true)] {
            limit.cycle_ended(live);
            assert_eq!(limit.may_start(), may, "{live}");
        }
    }

    #[test]
    fn the_reserve_is_a_sixteenth_and_less_where_much_lives() {
        let limit = Limit::new(64 * MIB);
        assert_eq!(limit.reserve(0), 4 * MIB);
        limit.cycle_ended(limit.bytes / 5 * 4);
        assert_eq!(limit.reserve(0), 4 * MIB);
        limit.cycle_ended(limit.bytes / 5 * 4 + 1);
        assert_eq!([0, MIB, 64 * MIB].map(|burst| limit.reserve(burst)), [MIB / 2, 2 * MIB, 4 * MIB]);
    }

    #[test]
    fn what_could_not_be_used_is_no_reserve_and_is_forgotten() {
        let limit = Limit::new(64 * MIB);
        limit.refused(3 * MIB);
        limit.refused(MIB);
        assert_eq!(limit.reserve(0), 7 * MIB);
        limit.refused(60 * MIB);
        assert_eq!(limit.reserve(0), 12 * MIB);
        (0..32).for_each(|_| limit.cycle_ended(0));
        assert_eq!(limit.reserve(0), 4 * MIB);
    }

    #[test]
    fn a_goal_leaves_the_reserve_or_room_for_a_quantum() {
        let limit = Limit::new(64 * MIB);
        assert_eq!(limit.goal(40 * MIB, 20 * MIB), 40 * MIB);
        assert_eq!(limit.goal(100 * MIB, 50 * MIB), 58 * MIB);
        assert_eq!(limit.goal(120 * MIB, 60 * MIB), 62 * MIB);
        assert_eq!(Limit::new(usize::MAX).goal(7, 9), 7);
    }

    #[test]
    fn without_a_limit_nothing_is_short_but_a_refusal_may_start_a_cycle() {
        let limit = Limit::new(usize::MAX);
        limit.refused(3 * MIB);
        limit.cycle_ended(1 << 40);
        assert!(!limit.may_start());
        limit.grew(1 << 36);
        assert!(limit.may_start());
    }
}
