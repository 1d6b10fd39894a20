//! [`CycleLog`]: a line for each cycle.

use core::fmt;
use std::io::Write;
use std::time::Duration;

use crate::clock::Instant;
use crate::cycle::event::{Event, Moment, Observer};
use crate::cycle::phase::Phase;

/// An observer that writes a line for each cycle, in the manner of Go's `GODEBUG=gctrace=1`:
///
/// ```text
/// gc 12 @0.482s 6%: 8.1 -> 9.2 -> 4.4 MiB, 8.8 MiB goal; mark 1.84 ms, sweep 0.71 ms; 47 steps, 0.041 ms longest, 2.07 ms in all; 1311 shaded
/// ```
///
/// | field | meaning |
/// |---|---|
/// | `gc 12` | the number of the cycle |
/// | `@0.482s` | wall-clock time since the log was made, when the cycle ended |
/// | `6%` | share of that time in which the mutator was interrupted |
/// | `8.1 -> 9.2 -> 4.4 MiB` | size of the heap when the cycle began, size when marking ended, and bytes found live then, born black among them |
/// | `8.8 MiB goal` | size that the heap should not have passed before marking ended |
/// | `mark 1.84 ms` | wall-clock time from the start of marking to its end, the mutator's time in it included |
/// | `sweep 0.71 ms` | wall-clock time from there to the end of the cycle |
/// | `47 steps` | steps of the collector in this cycle |
/// | `0.041 ms longest` | longest interruption of the mutator in this cycle |
/// | `2.07 ms in all` | sum of the interruptions in this cycle |
/// | `1311 shaded` | pointers that write barriers shaded in this cycle |
///
/// After the first error of the writer nothing more is written.
///
/// ```
/// use grisaille::{CycleLog, Heap};
///
/// let mut heap = Heap::new();
/// heap.observe(CycleLog::new(std::io::stderr()));
/// heap.enter(|cx| cx.collect()); // gc 1 @0.000s 31%: 0.0 -> 0.0 -> 0.0 MiB, ..
/// ```
pub struct CycleLog<W> {
    writer: Option<W>,
    start: Instant,
    /// Sum of all interruptions.
    paused: Duration,
    cycle: Cycle,
}

/// What is known of a cycle.
#[derive(Default)]
struct Cycle {
    began: Option<u64>,
    bytes: usize,
    goal: usize,
    marking: Option<Instant>,
    marked: Option<Instant>,
    bytes_marked: usize,
    live: usize,
    ended: Option<Instant>,
    steps: u64,
    longest: Duration,
    paused: Duration,
    shaded: usize,
}

impl<W: Write + Send + 'static> CycleLog<W> {
    /// Makes a log that writes to `writer`, once a cycle.
    ///
    /// ```
    /// use grisaille::{CycleLog, Heap};
    ///
    /// let mut heap = Heap::new();
    /// heap.observe(CycleLog::new(std::io::sink()));
    /// ```
    #[must_use]
    pub fn new(writer: W) -> CycleLog<W> {
        CycleLog { writer: Some(writer), start: Instant::now(), paused: Duration::ZERO, cycle: Cycle::default() }
    }

    /// Writes the line of the cycle that has ended, if one has.
    fn write(&mut self) {
        let Some(ended) = self.cycle.ended else { return };
        let cycle = core::mem::take(&mut self.cycle);
        let line = Line { cycle: &cycle, ended, start: self.start, paused: self.paused };
        if let Some(writer) = &mut self.writer
            && writeln!(writer, "{line}").is_err()
        {
            self.writer = None;
        }
    }
}

impl<W: Write + Send + 'static> Observer for CycleLog<W> {
    fn event(&mut self, moment: &Moment, event: Event) {
        match event {
            Event::StepBegins => {
                self.write();
                if self.cycle.began.is_none() {
                    (self.cycle.bytes, self.cycle.goal) = (moment.bytes, moment.goal);
                }
            }
            Event::StepEnds { .. } => self.cycle.steps += 1,
            Event::PhaseBegins(phase) => {
                let now = Instant::now();
                match phase {
                    Phase::Idle => self.cycle.ended = Some(now),
                    Phase::Mark if self.cycle.marking.is_none() => {
                        (self.cycle.marking, self.cycle.began) = (Some(now), Some(moment.cycle));
                    }
                    Phase::Weak => (self.cycle.marked, self.cycle.bytes_marked) = (Some(now), moment.bytes),
                    _ => {}
                }
            }
            Event::Marked { bytes, born_black, .. } => self.cycle.live = bytes + born_black,
            Event::BarrierFlushed { pointers } => self.cycle.shaded += pointers,
            Event::Paused(time) => {
                self.paused += time;
                self.cycle.paused += time;
                self.cycle.longest = self.cycle.longest.max(time);
                self.write();
            }
            _ => {}
        }
    }
}

/// The line of a cycle.
struct Line<'a> {
    cycle: &'a Cycle,
    ended: Instant,
    start: Instant,
    paused: Duration,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.cycle;
        let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let between = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
            (Some(from), Some(to)) => ms(to.saturating_duration_since(from)),
            _ => 0.0,
        };
        let age = self.ended.saturating_duration_since(self.start).as_secs_f64();
        let share = if age > 0.0 { (self.paused.as_secs_f64() / age * 100.0).min(100.0) } else { 0.0 };
        write!(f, "gc {} @{age:.3}s {share:.0}%: ", c.began.unwrap_or_default())?;
        write!(f, "{:.1} -> {:.1} -> {:.1} MiB, ", mib(c.bytes), mib(c.bytes_marked), mib(c.live))?;
        write!(f, "{:.1} MiB goal; ", mib(c.goal))?;
        write!(f, "mark {:.2} ms, ", between(c.marking, c.marked))?;
        write!(f, "sweep {:.2} ms; ", between(c.marked, Some(self.ended)))?;
        write!(f, "{} steps, {:.3} ms longest, {:.2} ms in all; ", c.steps, ms(c.longest), ms(c.paused))?;
        write!(f, "{} shaded", c.shaded)
    }
}

impl<W> fmt::Debug for CycleLog<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CycleLog").field("start", &self.start).finish_non_exhaustive()
    }
}
