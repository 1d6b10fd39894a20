//! The budget of a step while it is being used up.

use std::time::{Duration, Instant};

/// What a root, or an element of an array, costs beside its bytes, in bytes of work: the bitmap and the header of what
/// it points to, which the cache may not have. (Behind prefetches 55 to 70 ns a slot, where the targets lie at
/// random in a gigabyte; a traced object of 48 bytes there about as much.)
pub(crate) const EDGE_COST: usize = 40;

/// How often the clock is read: once in so many pieces of work.
const CLOCK_EVERY: u32 = 32;

/// So much work may be done without a look at the clock.
const ROOM_BY_CLOCK: usize = 2 * 1024;

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
pub struct Budget {
    work: usize,
    time: Option<Duration>,
}

impl Budget {
    /// A budget of `bytes` of work: an object marked counts its bytes and 16, a root slot or an element of an array its
    /// bytes and 40, a block swept 512.
    pub fn work(bytes: usize) -> Budget {
        Budget { work: bytes, time: None }
    }

    /// A budget of wall-clock time. The clock is read once in 32 pieces of work, while marking once in 2 KiB of it, so a
    /// step overruns by about that.
    pub fn time(time: Duration) -> Budget {
        Budget { work: usize::MAX, time: Some(time) }
    }

    /// No bound: the step ends when the cycle ends.
    pub fn unlimited() -> Budget {
        Budget { work: usize::MAX, time: None }
    }

    /// Bounds a budget of work by time too.
    pub fn within(self, time: Duration) -> Budget {
        Budget { time: Some(time), ..self }
    }
}

pub(crate) struct Meter {
    left: usize,
    pub spent: usize,
    deadline: Option<Instant>,
    until_clock: u32,
    exhausted: bool,
}

impl Meter {
    pub fn new(budget: Budget) -> Meter {
        Meter {
            left: budget.work,
            spent: 0,
            // A deadline too far to be represented is none.
            deadline: budget.time.and_then(|time| Instant::now().checked_add(time)),
            until_clock: CLOCK_EVERY,
            exhausted: false,
        }
    }

    pub fn unlimited() -> Meter {
        Meter::new(Budget::unlimited())
    }

    /// Books work; true: the budget is used up.
    #[inline(always)]
    pub fn spend(&mut self, bytes: usize) -> bool {
        self.spent += bytes;
        self.left = self.left.saturating_sub(bytes);
        if self.left == 0 {
            self.exhausted = true;
        } else if self.deadline.is_some() {
            self.look_at_clock();
        }
        self.exhausted
    }

    /// Books what was done in [`room`](Meter::room), and looks at the clock.
    pub fn spend_at_once(&mut self, bytes: usize) {
        self.until_clock = 1;
        self.spend(bytes);
    }

    #[cold]
    fn look_at_clock(&mut self) {
        self.until_clock -= 1;
        if self.until_clock == 0 {
            self.until_clock = CLOCK_EVERY;
            if self.deadline.is_some_and(|end| Instant::now() >= end) {
                self.exhausted = true;
            }
        }
    }

    /// Work that may be done before the meter has to be told.
    pub fn room(&self) -> usize {
        if self.deadline.is_some() { self.left.min(ROOM_BY_CLOCK) } else { self.left }
    }

    pub fn exhausted(&self) -> bool {
        self.exhausted
    }
}
