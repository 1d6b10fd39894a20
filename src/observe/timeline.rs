//! [`Timeline`]: a file that shows mutator, steps, phases and the heap's size along the time.

use core::fmt;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use crate::clock::Instant;
use crate::cycle::event::{Event, Moment, Observer};
use crate::cycle::phase::Phase;

/// An observer that writes a timeline in the Trace Event Format, which <https://ui.perfetto.dev> and
/// `chrome://tracing` open.
///
/// There are four lanes: when the mutator ran and when it was interrupted, the steps of the collector with their work
/// (in the unit of [`Budget::work`](crate::Budget::work)), the phases of cycles, and single events (the roots are
/// scanned, the barrier buffer was flushed, memory went back, an allocation was refused). A curve shows the heap's size
/// and its goal, in bytes. The phase `sweep` is the time in which the sweeper's thread, or the mutator, sweeps.
///
/// The last bytes are written when the observer is dropped: with the heap, or by
/// [`Heap::stop_observing`](crate::Heap::stop_observing). After the first error of the writer nothing more is written. Some
/// 150 bytes an event.
///
/// ```
/// use grisaille::{Heap, Timeline};
///
/// # let path = std::env::temp_dir().join("grisaille-timeline-example.json");
/// let mut heap = Heap::new();
/// heap.observe(Timeline::new(std::fs::File::create(&path)?));
/// heap.enter(|cx| cx.collect());
/// drop(heap);
/// assert!(std::fs::read_to_string(&path)?.contains("\"name\":\"mark\""));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Source of the format: "Trace Event Format", Google, by the Chromium authors.
pub struct Timeline<W: Write + Send + 'static> {
    writer: Option<BufWriter<W>>,
    start: Instant,
    /// Whether an event was written, so that the next one is set apart by a comma.
    has_written: bool,
    /// Start of the step in progress.
    step: Option<Instant>,
    /// The phase in progress, and its start.
    phase: Option<(Phase, Instant)>,
    /// End of the last interruption.
    resumed: Instant,
}

/// The lanes, as threads of the format.
#[derive(Clone, Copy)]
enum Lane {
    Mutator = 1,
    Steps,
    Phases,
    Events,
}

impl<W: Write + Send + 'static> Timeline<W> {
    /// Makes a timeline that is written to `writer`. Time begins now.
    ///
    /// ```
    /// # use grisaille::{Heap, Timeline};
    /// Heap::new().observe(Timeline::new(std::io::sink()));
    /// ```
    #[must_use]
    pub fn new(writer: W) -> Timeline<W> {
        let now = Instant::now();
        let mut timeline = Timeline {
            writer: Some(BufWriter::new(writer)),
            start: now,
            has_written: false,
            step: None,
            phase: None,
            resumed: now,
        };
        for (lane, name) in [
            (Lane::Mutator, "mutator"),
            (Lane::Steps, "collector's steps"),
            (Lane::Phases, "phases"),
            (Lane::Events, "events"),
        ] {
            let lane = lane as u8;
            timeline.write(format_args!(
                r#"{{"name":"thread_name","ph":"M","pid":1,"tid":{lane},"args":{{"name":"{name}"}}}}"#
            ));
        }
        timeline
    }

    /// Writes an event of the format.
    fn write(&mut self, event: fmt::Arguments<'_>) {
        let Some(writer) = &mut self.writer else { return };
        let before = if self.has_written { ",\n" } else { "[\n" };
        self.has_written = true;
        if write!(writer, "{before}{event}").is_err() {
            self.writer = None;
        }
    }

    /// Returns a time in the format's unit.
    fn micros(&self, time: Instant) -> f64 {
        time.saturating_duration_since(self.start).as_secs_f64() * 1e6
    }

    /// Writes what took from `from` to `to`.
    fn span(&mut self, lane: Lane, name: &dyn fmt::Display, from: Instant, to: Instant, arguments: fmt::Arguments<'_>) {
        let (start, end) = (self.micros(from), self.micros(to));
        let (lane, time) = (lane as u8, end - start);
        self.write(format_args!(
            r#"{{"name":"{name}","ph":"X","pid":1,"tid":{lane},"ts":{start:.3},"dur":{time:.3},"args":{{{arguments}}}}}"#
        ));
    }

    /// Writes what happened at a moment.
    fn instant(&mut self, name: &str, at: Instant, arguments: fmt::Arguments<'_>) {
        let (lane, at) = (Lane::Events as u8, self.micros(at));
        self.write(format_args!(
            r#"{{"name":"{name}","ph":"i","s":"t","pid":1,"tid":{lane},"ts":{at:.3},"args":{{{arguments}}}}}"#
        ));
    }

    /// Writes the heap's size.
    fn size(&mut self, moment: &Moment, at: Instant) {
        let (at, bytes, goal) = (self.micros(at), moment.bytes, moment.goal);
        self.write(format_args!(
            r#"{{"name":"heap","ph":"C","pid":1,"ts":{at:.3},"args":{{"bytes":{bytes},"goal":{goal}}}}}"#
        ));
    }

    fn end_phase(&mut self, now: Instant) {
        if let Some((phase, from)) = self.phase.take()
            && phase != Phase::Idle
        {
            self.span(Lane::Phases, &phase, from, now, format_args!(""));
        }
    }

    fn paused(&mut self, time: Duration, now: Instant) {
        let from = now.checked_sub(time).map_or(self.resumed, |from| from.max(self.resumed));
        self.span(Lane::Mutator, &"mutator", self.resumed, from, format_args!(""));
        self.span(Lane::Mutator, &"interrupted", from, now, format_args!(""));
        self.resumed = now;
    }
}

impl<W: Write + Send + 'static> Observer for Timeline<W> {
    fn event(&mut self, moment: &Moment, event: Event) {
        let now = Instant::now();
        match event {
            Event::StepBegins => {
                self.size(moment, now);
                self.step = Some(now);
            }
            Event::StepEnds { work } => {
                if let Some(from) = self.step.take() {
                    self.span(Lane::Steps, &"step", from, now, format_args!(r#""work":{work}"#));
                }
            }
            Event::PhaseBegins(phase) => {
                self.end_phase(now);
                self.phase = Some((phase, now));
                self.size(moment, now);
            }
            Event::RootsScanned => self.instant("roots scanned", now, format_args!("")),
            Event::BarrierFlushed { pointers } => {
                self.instant("barrier buffer flushed", now, format_args!(r#""pointers":{pointers}"#));
            }
            Event::Marked { bytes, born_black, dead } => {
                let arguments = format_args!(r#""bytes":{bytes},"born black":{born_black},"dead":{dead}"#);
                self.instant("marked", now, arguments);
                self.size(moment, now);
            }
            Event::Decommitted { bytes } => self.instant("memory went back", now, format_args!(r#""bytes":{bytes}"#)),
            Event::Paused(time) => self.paused(time, now),
            Event::Refused { bytes } => self.instant("refused", now, format_args!(r#""bytes":{bytes}"#)),
        }
    }
}

impl<W: Write + Send + 'static> Drop for Timeline<W> {
    fn drop(&mut self) {
        let now = Instant::now();
        self.end_phase(now);
        self.span(Lane::Mutator, &"mutator", self.resumed, now, format_args!(""));
        if let Some(writer) = &mut self.writer {
            // There is nobody to tell of an error.
            let _: io::Result<()> = writer.write_all(b"\n]\n").and_then(|()| writer.flush());
        }
    }
}

impl<W: Write + Send + 'static> fmt::Debug for Timeline<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeline").field("start", &self.start).finish_non_exhaustive()
    }
}
