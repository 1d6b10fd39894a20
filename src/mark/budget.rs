//! The budget of a step while it is being used up.

use core::fmt;
use std::time::Duration;

use crate::clock::{HAS_CLOCK, Instant};

/// Cost of a root slot, or an element of an array, besides its bytes, in bytes of work: marking reads the bitmap and
/// the header of what it points to, which may not be in the cache. Measured in `docs/experiments.md`, "The mark loop".
pub(crate) const EDGE_COST: usize = 40;

/// Bytes of work between two readings of the clock, in steps of the embedder.
const CLOCK_EVERY: usize = 2 * 1024;

/// Least bytes of work that a piece counts towards [`CLOCK_EVERY`].
const MIN_PIECE: usize = 64;

/// Least bytes of work between two readings of the clock while an automatic step traces. See `docs/experiments.md`,
/// "The mark loop".
pub(crate) const RUN: usize = 8 * 1024;
/// Most bytes of work between two readings.
pub(crate) const LONG_RUN: usize = 4 * RUN;
/// Time between two readings that the bytes of work, from [`RUN`] to [`LONG_RUN`], are chosen for.
pub(crate) const RUN_TIME: Duration = Duration::from_micros(2);

/// How much a call of [`Mutator::step`](crate::Mutator::step) may do.
///
/// A step always does at least one elementary piece of work (trace one object, scan one root, sweep one block) and
/// stops at the first piece that uses the budget up.
///
/// ```
/// use grisaille::{Budget, Heap};
/// use std::time::Duration;
///
/// let mut heap = Heap::new();
/// heap.enter(|cx| {
///     cx.step(Budget::work(1)); // one elementary piece
///     cx.step(Budget::time(Duration::from_micros(50)));
///     cx.step(Budget::unlimited()); // to the end of the cycle
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a budget does nothing until a step has it"]
pub struct Budget {
    work: usize,
    time: Option<Duration>,
}

impl Budget {
    /// Makes a budget of `bytes` of work: an object marked counts its bytes and 16, a root slot or an element of an
    /// array its bytes and 40, a block swept 512.
    ///
    /// ```
    /// # use grisaille::{Budget, Heap};
    /// # Heap::new().enter(|cx| {
    /// let progress = cx.step(Budget::work(10_000));
    /// assert!(progress.work < 20_000); // and at least one piece
    /// # });
    /// ```
    pub fn work(bytes: usize) -> Budget {
        Budget { work: bytes, time: None }
    }

    /// Makes a budget of wall-clock time. The clock is read once in 2 KiB of work, or 32 pieces of it, so a step
    /// overruns by about that.
    ///
    /// # Panics
    /// On a target without a clock (`wasm32-unknown-unknown`): [`try_time`](Budget::try_time) returns an error instead.
    ///
    /// ```
    /// # use grisaille::{Budget, Heap};
    /// # use std::time::Duration;
    /// # Heap::new().enter(|cx| {
    /// cx.step(Budget::time(Duration::from_micros(100))); // between two frames
    /// # });
    /// ```
    #[track_caller]
    pub fn time(time: Duration) -> Budget {
        Budget::try_time(time).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Makes a budget of wall-clock time, where the target has a clock.
    ///
    /// ```
    /// # use grisaille::Budget;
    /// # use std::time::Duration;
    /// let budget = Budget::try_time(Duration::from_micros(100)).unwrap_or(Budget::work(100_000));
    /// # let _ = budget;
    /// ```
    ///
    /// # Errors
    /// [`NoClock`] on a target without a clock.
    pub fn try_time(time: Duration) -> Result<Budget, NoClock> {
        if HAS_CLOCK { Ok(Budget { work: usize::MAX, time: Some(time) }) } else { Err(NoClock) }
    }

    /// Makes a budget without a bound: the step ends when the cycle ends.
    ///
    /// ```
    /// # use grisaille::{Budget, Heap};
    /// # Heap::new().enter(|cx| {
    /// assert!(cx.step(Budget::unlimited()).cycle_ended);
    /// # });
    /// ```
    pub fn unlimited() -> Budget {
        Budget { work: usize::MAX, time: None }
    }

    /// Bounds a budget of work by wall-clock time too: the step stops at whichever comes first. On a target without a
    /// clock the step stops by work alone.
    ///
    /// ```
    /// # use grisaille::{Budget, Heap};
    /// # use std::time::Duration;
    /// # Heap::new().enter(|cx| {
    /// cx.step(Budget::work(1 << 20).within(Duration::from_millis(1)));
    /// # });
    /// ```
    pub fn within(self, time: Duration) -> Budget {
        Budget { time: Some(time), ..self }
    }
}

/// The error of a budget of time on a target that has no clock, as `wasm32-unknown-unknown`.
///
/// ```
/// # use grisaille::{Budget, NoClock};
/// # use std::time::Duration;
/// fn half_a_frame() -> Result<Budget, NoClock> {
///     Budget::try_time(Duration::from_millis(8))
/// }
/// # let _ = half_a_frame();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoClock;

impl fmt::Display for NoClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a budget of time needs a clock, which this target does not have: give a budget of work")
    }
}

impl core::error::Error for NoClock {}

/// Work and time that the pacer gives an automatic step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Charge {
    /// Stop after this much work, in bytes.
    pub work: usize,
    /// Do at least this much even past the deadline.
    pub anyway: usize,
    /// Stop after this long.
    pub time: Duration,
}

pub(crate) struct Meter {
    left: usize,
    pub spent: usize,
    deadline: Option<Instant>,
    /// Work to do even past the deadline.
    anyway: usize,
    /// Work that may be traced without reading the clock.
    run: usize,
    until_clock: usize,
    exhausted: bool,
}

impl Meter {
    /// Makes the meter of a step that begins `now`.
    pub(crate) fn new(budget: Budget, now: Instant) -> Meter {
        // A deadline too far ahead to be represented is no deadline.
        Meter::until(budget.work, budget.time.and_then(|time| now.checked_add(time)))
    }

    fn until(work: usize, deadline: Option<Instant>) -> Meter {
        let run = if deadline.is_some() { CLOCK_EVERY } else { usize::MAX };
        Meter { left: work, spent: 0, deadline, anyway: 0, run, until_clock: CLOCK_EVERY, exhausted: false }
    }

    /// Makes the meter of an automatic step, whose time is bounded less exactly: see [`RUN`].
    pub(crate) fn automatic(charge: Charge, now: Instant) -> Meter {
        let Charge { work, anyway, time } = charge;
        Meter { run: LONG_RUN, anyway, ..Meter::new(Budget::work(work).within(time), now) }
    }

    pub(crate) fn unlimited() -> Meter {
        Meter::until(usize::MAX, None)
    }

    /// Returns a meter for at most so much of the work, to be [joined](Meter::join) to this one.
    pub(crate) fn part(&self, most: usize) -> Meter {
        let anyway = self.anyway.saturating_sub(self.spent);
        Meter { left: self.left.min(most), spent: 0, anyway, exhausted: false, ..*self }
    }

    /// Books what a part has spent.
    pub(crate) fn join(&mut self, part: &Meter) {
        let late = part.exhausted && part.left > 0;
        self.spent += part.spent;
        self.left = self.left.saturating_sub(part.spent);
        self.until_clock = part.until_clock;
        self.exhausted = self.left == 0 || late;
    }

    /// Books work. Returns whether the budget is used up.
    #[inline(always)]
    pub(crate) fn spend(&mut self, bytes: usize) -> bool {
        self.spent += bytes;
        self.left = self.left.saturating_sub(bytes);
        if self.left == 0 {
            self.exhausted = true;
        } else if self.deadline.is_some() {
            self.look_at_clock(bytes);
        }
        self.exhausted
    }

    /// Books work that [`room`](Meter::room) allowed. `now` is the time, if the caller has read the clock.
    pub(crate) fn spend_run(&mut self, bytes: usize, now: Option<Instant>) {
        self.spent += bytes;
        self.left = self.left.saturating_sub(bytes);
        self.exhausted = self.left == 0 || self.is_late(now);
    }

    #[cold]
    fn look_at_clock(&mut self, bytes: usize) {
        self.until_clock = self.until_clock.saturating_sub(bytes.max(MIN_PIECE));
        if self.until_clock == 0 {
            self.until_clock = CLOCK_EVERY;
            if self.is_late(None) {
                self.exhausted = true;
            }
        }
    }

    /// Returns whether the deadline, and the work to do past it, are over. `now` as for `spend_run`.
    fn is_late(&self, now: Option<Instant>) -> bool {
        self.spent >= self.anyway && self.deadline.is_some_and(|end| now.unwrap_or_else(Instant::now) >= end)
    }

    /// Returns the work that may be traced before it must be booked.
    pub(crate) fn room(&self) -> usize {
        self.left.min(self.run)
    }

    /// Returns whether the step has a deadline.
    pub(crate) fn is_timed(&self) -> bool {
        self.deadline.is_some()
    }

    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted
    }
}
