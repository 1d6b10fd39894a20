//! [`Run`]: lets a workload say which part of it is timed.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// One run of a workload: its clock.
#[derive(Debug, Default)]
pub struct Run {
    watch: bool,
    units: u64,
    time: Duration,
    stall: Stall,
}

/// The longest time between two ticks.
#[derive(Debug, Default, Clone, Copy)]
pub struct Stall {
    /// By the clock on the wall. The machine's other work is in it.
    pub wall: Duration,
    /// Processor time of the thread.
    pub processor: Duration,
}

impl Run {
    /// A run that measures the longest stall if `watch`, and otherwise the time a unit takes.
    ///
    /// Not both at once: to read two clocks every 100 steps would be a large part of those steps.
    pub fn new(watch: bool) -> Run {
        Run { watch, ..Run::default() }
    }

    /// Times `f`, which does `units` units of the workload. What comes before and after is not counted: make the heap
    /// and what lives all the time before, drop it after. Where it is called more than once, times and units add up.
    pub fn timed<R>(&mut self, units: u64, f: impl FnOnce(&mut Ticks) -> R) -> R {
        let mut ticks = Ticks { last: self.watch.then(Reading::now), longest: Stall::default() };
        let start = Instant::now();
        let result = f(&mut ticks);
        self.time += start.elapsed();
        self.units += units;
        self.stall = longest(self.stall, ticks.longest);
        result
    }

    /// Nanoseconds that a unit took.
    pub fn nanoseconds_a_unit(&self) -> f64 {
        self.time.as_secs_f64() * 1e9 / self.units as f64
    }

    /// How long all units took.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// The longest stall, where that was asked for.
    pub fn stall(&self) -> Option<Stall> {
        self.watch.then_some(self.stall)
    }
}

/// What the timed part of a workload reports its progress to.
#[derive(Debug)]
pub struct Ticks {
    last: Option<Reading>,
    longest: Stall,
}

impl Ticks {
    /// So many units were done since the last tick (100, if the workload's description does not say otherwise). The
    /// longest time between two ticks is the longest stall. A branch when nobody watches.
    #[inline(always)]
    pub fn tick(&mut self) {
        if self.last.is_some() {
            self.read();
        }
    }

    #[cold]
    #[inline(never)]
    fn read(&mut self) {
        let now = Reading::now();
        if let Some(last) = self.last.replace(now) {
            let stall = Stall { wall: now.wall - last.wall, processor: now.processor.saturating_sub(last.processor) };
            self.longest = longest(self.longest, stall);
        }
    }
}

fn longest(a: Stall, b: Stall) -> Stall {
    Stall { wall: a.wall.max(b.wall), processor: a.processor.max(b.processor) }
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    wall: Instant,
    processor: Duration,
}

impl Reading {
    fn now() -> Reading {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        let processor = Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32);
        Reading { wall: Instant::now(), processor }
    }
}
