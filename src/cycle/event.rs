//! Events: what an [`Observer`] is told of the collector's work.

use core::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::drop_glue::drop_payload;
use super::phase::Phase;

/// An event in the collector's work. All but [`Refused`](Event::Refused) and [`BarrierFlushed`](Event::BarrierFlushed)
/// happen at safepoints, and in calls that collect.
///
/// ```
/// use grisaille::{Event, Heap, Moment};
///
/// let mut heap = Heap::new();
/// heap.observe(|_: &Moment, event: Event| {
///     if let Event::Paused(time) = event {
///         println!("the collector took {time:?}");
///     }
/// });
/// heap.enter(|cx| cx.collect());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The collector begins to work. A pause of the mutator has one step or several.
    StepBegins,
    /// The collector has done a step. Absent where drop glue panics in the step.
    StepEnds {
        /// Work done, in the unit of [`Budget::work`](crate::Budget::work).
        work: usize,
    },
    /// A phase begins, and the one before it has ended.
    PhaseBegins(Phase),
    /// All roots are scanned, for the first time in this cycle.
    RootsScanned,
    /// Pointers that write barriers had to shade were shaded, in a batch.
    BarrierFlushed {
        /// Number of pointers, of which some may have been marked before.
        pointers: usize,
    },
    /// Marking has ended, and what is dead will be swept.
    Marked {
        /// Bytes that were marked.
        bytes: usize,
        /// Bytes that were born black, while marking.
        born_black: usize,
        /// Bytes that are dead.
        dead: usize,
    },
    /// Empty memory went back to the system.
    Decommitted {
        /// Bytes that went back.
        bytes: usize,
    },
    /// The mutator goes on after a pause of that wall-clock time. The time of a [`Check`](crate::Check) is not in it.
    Paused(Duration),
    /// An allocation was refused, for lack of room under the [limit](crate::HeapBuilder::limit).
    Refused {
        /// Bytes asked for.
        bytes: usize,
    },
}

/// The state of a heap when an [`Event`] happens.
///
/// ```
/// use grisaille::{Event, Heap, Moment, Phase};
///
/// let mut heap = Heap::new();
/// heap.observe(|moment: &Moment, event: Event| {
///     if event == Event::PhaseBegins(Phase::Mark) {
///         println!("cycle {}: {} of {} bytes", moment.cycle, moment.bytes, moment.goal);
///     }
/// });
/// heap.enter(|cx| cx.collect());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moment {
    /// The number of the cycle in progress, or of the last one. The first is 1.
    pub cycle: u64,
    /// The phase of the cycle.
    pub phase: Phase,
    /// Bytes of the heap's objects, live or not known to be dead, and of what they own outside of it.
    pub bytes: usize,
    /// The size in bytes that the heap should not pass before marking ends.
    pub goal: usize,
}

/// A receiver of [`Event`]s: a closure `FnMut(&Moment, Event)`, or a type with state of its own, such as
/// [`CycleLog`](crate::CycleLog) and [`Timeline`](crate::Timeline); a pair of observers is one, and so is an `Option`. See
/// [`Heap::observe`](crate::Heap::observe).
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// use grisaille::{Event, Heap, Moment, Observer};
///
/// struct Steps(Arc<AtomicU64>);
///
/// impl Observer for Steps {
///     fn event(&mut self, _: &Moment, event: Event) {
///         if let Event::StepEnds { .. } = event {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// let steps = Arc::default();
/// let mut heap = Heap::new();
/// heap.observe(Steps(Arc::clone(&steps)));
/// heap.enter(|cx| cx.collect());
/// assert_eq!(steps.load(Ordering::Relaxed), heap.stats().steps());
/// ```
pub trait Observer: Send + 'static {
    /// Receives an event. The call is made by the thread that has entered the heap, in the middle of the collector's
    /// work or of an allocation; its time is part of the pause. An observer that panics is told nothing more, after
    /// the panic hook has reported the panic, which goes no further.
    ///
    /// ```
    /// use grisaille::{Event, Moment, Observer};
    ///
    /// struct Silent;
    ///
    /// impl Observer for Silent {
    ///     fn event(&mut self, _: &Moment, _: Event) {}
    /// }
    /// let mut heap = grisaille::Heap::new();
    /// heap.observe(Silent);
    /// ```
    fn event(&mut self, moment: &Moment, event: Event);
}

impl<F: FnMut(&Moment, Event) + Send + 'static> Observer for F {
    fn event(&mut self, moment: &Moment, event: Event) {
        self(moment, event);
    }
}

/// Both observers, one after the other.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn event(&mut self, moment: &Moment, event: Event) {
        self.0.event(moment, event);
        self.1.event(moment, event);
    }
}

/// The observer, if there is one.
impl<O: Observer> Observer for Option<O> {
    fn event(&mut self, moment: &Moment, event: Event) {
        if let Some(observer) = self {
            observer.event(moment, event);
        }
    }
}

/// The place of a heap's observer.
#[derive(Default)]
pub(crate) struct Observed {
    exists: Cell<bool>,
    observer: Cell<Option<Box<dyn Observer>>>,
}

impl Observed {
    /// Puts an observer in the place of the present one, which is returned.
    pub(crate) fn replace(&self, observer: Option<Box<dyn Observer>>) -> Option<Box<dyn Observer>> {
        self.exists.set(observer.is_some());
        self.observer.replace(observer)
    }

    /// Returns whether there is an observer.
    #[inline]
    pub(crate) fn exists(&self) -> bool {
        self.exists.get()
    }

    /// Tells the observer of an event. An observer that panics is dropped.
    pub(crate) fn tell(&self, moment: &Moment, event: Event) {
        // An observer that is being told is absent, so that it is told of nothing meanwhile.
        let Some(mut observer) = self.observer.take() else { return };
        match catch_unwind(AssertUnwindSafe(|| observer.event(moment, event))) {
            Ok(()) => self.observer.set(Some(observer)),
            Err(thrown) => {
                self.exists.set(false);
                drop_payload(thrown);
                // Its drop may panic as well.
                if let Err(thrown) = catch_unwind(AssertUnwindSafe(|| drop(observer))) {
                    drop_payload(thrown);
                }
            }
        }
    }
}
