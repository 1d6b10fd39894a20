//! [`Spans`]: cycles and phases as spans of the `tracing` crate.

use tracing::{Span, debug, debug_span, trace, warn};

use crate::cycle::event::{Event, Moment, Observer};
use crate::cycle::phase::Phase;

/// An observer that makes a span of `tracing` of each cycle and, within that, of each phase, and an event of each step
/// and of all else that happens. Spans have the level `DEBUG`, steps `TRACE`, refusals `WARN`; all have the target
/// `grisaille`. With the feature `tracing-0_1`.
///
/// A span is open from the start of its cycle to its end; it is not entered, as the mutator runs meanwhile.
///
/// ```
/// use grisaille::{Heap, Spans};
///
/// let mut heap = Heap::new();
/// heap.observe(Spans::new());
/// heap.enter(|cx| cx.collect());
/// ```
#[derive(Debug, Default)]
pub struct Spans {
    cycle: Option<Span>,
    phase: Option<Span>,
}

impl Spans {
    /// Makes the observer.
    ///
    /// ```
    /// # use grisaille::{Heap, Spans};
    /// Heap::new().observe(Spans::new());
    /// ```
    #[must_use]
    pub fn new() -> Spans {
        Spans::default()
    }

    fn phase_begins(&mut self, moment: &Moment, phase: Phase) {
        self.phase = None;
        if phase == Phase::Idle {
            self.cycle = None;
            return;
        }
        let (bytes, goal) = (moment.bytes, moment.goal);
        let cycle =
            self.cycle.get_or_insert_with(|| debug_span!(target: "grisaille", parent: None, "cycle", bytes, goal));
        let phase = tracing::field::display(phase);
        self.phase = Some(debug_span!(target: "grisaille", parent: &*cycle, "phase", phase));
    }
}

impl Observer for Spans {
    fn event(&mut self, moment: &Moment, event: Event) {
        let within = self.phase.as_ref().and_then(Span::id);
        match event {
            Event::PhaseBegins(phase) => self.phase_begins(moment, phase),
            Event::StepBegins => trace!(target: "grisaille", parent: within, bytes = moment.bytes, "step begins"),
            Event::StepEnds { work } => trace!(target: "grisaille", parent: within, work, "step ends"),
            Event::RootsScanned => debug!(target: "grisaille", parent: within, "roots scanned"),
            Event::BarrierFlushed { pointers } => {
                trace!(target: "grisaille", parent: within, pointers, "barrier buffer flushed");
            }
            Event::Marked { bytes, born_black, dead } => {
                debug!(target: "grisaille", parent: within, bytes, born_black, dead, "marked");
            }
            Event::Decommitted { bytes } => debug!(target: "grisaille", parent: within, bytes, "memory went back"),
            Event::Paused(time) => {
                let nanoseconds = time.as_nanos() as u64;
                trace!(target: "grisaille", parent: within, nanoseconds, "paused");
            }
            Event::Refused { bytes } => warn!(target: "grisaille", parent: within, bytes, "refused"),
        }
    }
}
