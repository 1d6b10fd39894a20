//! The cycle: the phase machine, one elementary piece of work at a time.
//!
//! ```text
//! Idle -> SweepTermination -> Mark <-> MarkTermination -> Weak -> Sweep -> Release -> Idle
//! ```
//!
//! | phase | what happens | pause |
//! |---|---|---|
//! | `Idle` | allocation only; barriers off | – |
//! | `SweepTermination` | blocks that the last cycle left unswept are swept | bounded steps |
//! | `Mark` | roots, then the grey set; barriers on (`RootsFirst`'s on the heap once the roots are scanned); under `Hybrid` roots and grey set take turns until the roots are scanned; an ephemeron with a white key becomes grey again when the key is marked | bounded steps |
//! | `MarkTermination` | the grey set is empty: dirty roots are rescanned (insertion); guardians take the objects that nothing else keeps alive, and marking goes on with these; then liveness is decided | the policy's; guardians in bounded steps |
//! | `Weak` | dead objects are removed from weak cells, ephemerons and the table of interned strings | bounded steps |
//! | `Sweep` | sweeper thread and mutator take blocks from one list | none |
//! | `Release` | empty chunks age, and are decommitted | bounded steps |
//!
//! The mutator calls [`Collector::run`] at its safepoints only: so the mutator runs between two steps, and inside a step
//! no unrooted pointer lives.

pub(crate) mod allocate;
pub(crate) mod blocks;
pub(crate) mod collector;
#[cfg(grisaille_faults)]
mod digest;
mod driver;
mod drop_glue;
pub(crate) mod event;
mod large;
mod list;
pub(crate) mod pace;
pub(crate) mod phase;
pub(crate) mod registry;
mod room;
pub(crate) mod sweep;
pub(crate) mod sweeper;
mod sweeping;
pub(crate) mod times;
pub(crate) mod weak;
mod write_barrier;

use core::ops::ControlFlow;

use crate::barrier::Barrier;
use crate::barrier::rules::{Birth, RootWrite, Roots, Rules};
use crate::fault::{self, Fault};
use crate::mark::budget::Meter;
use crate::mark::drain;
use crate::space::arena::Decommit;
use crate::space::bitmap;
use crate::space::block::BlockPtr;
use crate::space::geometry::{GRANULES, PAGE};
use collector::{BirthColor, Collector};
use event::Event;
use phase::Phase;
use sweep::Sweep;
use sweeping::Swept;

/// Work booked for rescanning a block after a mark-stack overflow: a walk over its objects.
const RESCAN_COST: usize = 16 * 1024;

/// Returns the work to book for decommitting so many pages in one call: 4 microseconds for the call, and 80 for 2 MiB of
/// small pages.
fn decommit_cost(pages: usize) -> usize {
    1600 + 60 * pages
}

/// Most work of a turn in the root-scanning window, where scanning and tracing take turns: about 340 roots.
const TURN: usize = 16 * 1024;

/// Work booked for a page of handles that is freed.
const PAGE_COST: usize = 512;

/// How a step ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// The budget is used up.
    Budget,
    /// The cycle is complete.
    Cycle,
    /// The sweeper holds a block, and nothing else is left to do.
    Waiting,
}

impl Collector {
    /// Runs the phase machine until the budget is used up or the cycle ends. With `take_part`, the mutator sweeps
    /// blocks that the sweeper has not reached yet.
    pub(crate) fn run<B: Barrier>(&self, meter: &mut Meter, take_part: bool) -> Ended {
        self.tell(|| Event::StepBegins);
        self.flush_barrier_buffer();
        debug_assert!(!self.births_are_grey() || self.open_bytes() == 0, "what was born grey is noted before a step");
        let (start, spent) = (self.times.run_starts(), meter.spent);
        let ended = loop {
            let before = self.phase.get();
            let flow = if self.world_stands::<B>() {
                let mut all = Meter::unlimited();
                let flow = self.advance::<B>(&mut all, take_part);
                meter.spend(all.spent);
                flow
            } else {
                self.advance::<B>(meter, take_part)
            };
            let after = self.phase.get();
            if after == Phase::Weak
                && after != before
                && let Some(inspector) = self.inspector.get()
            {
                self.times.leave_out(|| (inspector.decided)(self));
            }
            match flow {
                ControlFlow::Break(ended) => break ended,
                ControlFlow::Continue(()) if meter.exhausted() && !self.world_stands::<B>() => break Ended::Budget,
                ControlFlow::Continue(()) => {}
            }
        };
        self.pacer.ran(&self.times.run_ends(self.phase.get(), start));
        self.tell(|| Event::StepEnds { work: meter.spent - spent });
        let steps = self.counters.steps.get() + 1;
        self.counters.steps.set(steps);
        if let Some(inspector) = self.inspector.get()
            && inspector.every != 0
            && steps.is_multiple_of(inspector.every)
        {
            self.times.leave_out(|| (inspector.stepped)(self));
        }
        ended
    }

    /// Returns whether the world is stopped: without a barrier, from the start of marking until the end of phase
    /// `Weak`.
    fn world_stands<B: Barrier>(&self) -> bool {
        !B::RULES.incremental && matches!(self.phase.get(), Phase::Mark | Phase::MarkTermination | Phase::Weak)
    }

    /// Enters a phase, and books the time until now to the one that ends.
    fn enter(&self, phase: Phase) {
        self.times.book(self.phase.replace(phase));
        self.tell(|| Event::PhaseBegins(phase));
    }

    /// Does one piece of work of the current phase.
    fn advance<B: Barrier>(&self, meter: &mut Meter, take_part: bool) -> ControlFlow<Ended> {
        match self.phase.get() {
            Phase::Idle => {
                self.enter(Phase::SweepTermination);
                self.start_marking_if_swept::<B>(meter);
            }
            Phase::SweepTermination => return self.terminate_sweep::<B>(meter),
            Phase::Mark => self.mark::<B>(meter),
            Phase::MarkTermination => self.terminate_marking::<B>(meter),
            Phase::Weak => self.clear_weak::<B>(meter),
            Phase::Sweep => return self.sweep(meter, take_part),
            Phase::Release => return self.release(meter),
        }
        ControlFlow::Continue(())
    }

    /// Phase `SweepTermination`: sweeps blocks that the last cycle left unswept.
    fn terminate_sweep<B: Barrier>(&self, meter: &mut Meter) -> ControlFlow<Ended> {
        let swept = self.blocks.borrow_mut().sweep_some(meter, true);
        match swept {
            Swept::Some => {}
            Swept::All => self.start_marking_if_swept::<B>(meter),
            Swept::Waits => return ControlFlow::Break(Ended::Waiting),
        }
        ControlFlow::Continue(())
    }

    fn start_marking_if_swept<B: Barrier>(&self, meter: &mut Meter) {
        if self.blocks.borrow().is_swept() {
            self.times.book(Phase::SweepTermination);
            self.start_marking::<B>(meter);
        }
    }

    /// Phase `Weak`: clears weak cells, ephemerons and entries of interned strings whose objects are dead.
    fn clear_weak<B: Barrier>(&self, meter: &mut Meter) {
        if weak::clear_cells(&self.marker, meter)
            && self.marker.clear_waiting(meter)
            && self.strings.borrow_mut().sweep(&self.marker, meter)
        {
            self.start_sweep::<B>();
            meter.spend(1);
        }
    }

    /// Phase `Sweep`: sweeps blocks.
    fn sweep(&self, meter: &mut Meter, take_part: bool) -> ControlFlow<Ended> {
        let swept = self.blocks.borrow_mut().sweep_some(meter, take_part);
        match swept {
            Swept::Some => {}
            Swept::All => {
                self.pacer.swept();
                self.enter(Phase::Release);
            }
            Swept::Waits => return ControlFlow::Break(Ended::Waiting),
        }
        ControlFlow::Continue(())
    }

    /// Phase `Release`: frees empty pages of handles, and ages chunks.
    fn release(&self, meter: &mut Meter) -> ControlFlow<Ended> {
        if self.roots.free_page() {
            meter.spend(PAGE_COST);
            return ControlFlow::Continue(());
        }
        let chunk = self.released.get();
        let aged = self.blocks.borrow_mut().registry.arena.age(chunk);
        match aged {
            Decommit::InPart { pages } => {
                meter.spend(decommit_cost(pages));
                self.tell(|| Event::Decommitted { bytes: pages * PAGE });
            }
            Decommit::Done => {
                meter.spend(256);
                self.released.set(chunk + 1);
            }
            Decommit::NoChunk => {
                meter.spend(256);
                self.released.set(0);
                self.counters.cycles.set(self.counters.cycles.get() + 1);
                self.enter(Phase::Idle);
                return ControlFlow::Break(Ended::Cycle);
            }
        }
        ControlFlow::Continue(())
    }

    /// Starts marking. Constant time, except under policies that scan the roots in one pause.
    fn start_marking<B: Barrier>(&self, meter: &mut Meter) {
        let rules = &B::RULES;
        self.phase.set(Phase::Mark);
        self.cycle.set(self.cycle.get() + 1);
        self.marked_from.set(self.times.spent());
        self.pacer.cycle_starts(rules.incremental && rules.birth == Birth::White);
        self.tell(|| Event::PhaseBegins(Phase::Mark));
        self.roots.start_scan();
        self.window.set(rules.has_window());
        self.traces_next.set(false);
        self.watch_roots.set(rules.watches_roots());
        if !rules.traces_after_window() {
            self.watch_heap(rules);
        } else if rules.only_in_tests.black_in_window() {
            self.set_birth(BirthColor::Black);
        }
        if rules.roots == Roots::InOnePauseAtTheStart {
            while !self.scan_roots(rules, &mut Meter::unlimited()) {}
            self.tell(|| Event::RootsScanned);
        }
        // The start of a cycle, with the scan of roots in one pause, is not booked to marking.
        self.times.book(Phase::Idle);
        meter.spend(1);
    }

    /// Phase `Mark`: scans the roots, then empties the grey set.
    fn mark<B: Barrier>(&self, meter: &mut Meter) {
        if !self.roots.is_scanned() || self.window.get() {
            self.scan_or_trace::<B>(meter);
        } else {
            self.trace(meter);
        }
    }

    /// Scans roots; and in turn with that traces, where the policy does so while roots are unscanned.
    fn scan_or_trace<B: Barrier>(&self, meter: &mut Meter) {
        let rules = &B::RULES;
        let has_grey = !self.marker.is_empty();
        if rules.only_in_tests.traces_in_window() && has_grey {
            self.trace(meter);
        } else if !rules.traces_while_scanning() {
            self.scan::<B>(meter);
        } else {
            let mut turn = meter.part(TURN);
            if self.traces_next.replace(!self.traces_next.get()) && has_grey {
                self.trace(&mut turn);
            } else {
                self.scan::<B>(&mut turn);
            }
            meter.join(&turn);
        }
    }

    /// Scans roots, and closes the root-scanning window when all are scanned.
    fn scan<B: Barrier>(&self, meter: &mut Meter) {
        if self.scan_roots(&B::RULES, meter) {
            self.roots_scanned::<B>(meter);
        }
    }

    /// Empties the grey set, and then goes on to the next phase.
    fn trace(&self, meter: &mut Meter) {
        if let Some(block) = self.marker.take_overflowed() {
            self.rescan_overflowed(block);
            meter.spend(RESCAN_COST);
        } else if !self.marker.is_empty() && self.marker.settle(meter) {
        } else if !self.marker.is_empty() {
            if fault::is(Fault::FreesAGreyObject) {
                self.marker.free_a_grey_object();
            }
            let before = meter.spent;
            drain::drain(&self.marker, meter);
            self.mark_work.set(self.mark_work.get() + (meter.spent - before));
        } else {
            self.enter(Phase::MarkTermination);
        }
    }

    /// Scans roots within the budget. Returns whether all are scanned.
    fn scan_roots(&self, rules: &Rules, meter: &mut Meter) -> bool {
        self.roots.scan(rules, &self.marker, meter, self.cycle.get())
    }

    /// Turns the heap's barriers on, and sets the policy's colour of new objects: in the root-scanning window grey, so that
    /// their initial pointers are followed.
    fn watch_heap(&self, rules: &Rules) {
        self.marking.set(rules.incremental);
        if rules.birth != Birth::White {
            let counts_pointers = self.window.get() && !rules.only_in_tests.black_in_window();
            self.set_birth(if counts_pointers { BirthColor::Grey } else { BirthColor::Black });
        }
    }

    /// Closes the root-scanning window, once all lent cards of stacks are rescanned, which may take some steps. This
    /// happens inside a step, when no unrooted pointer lives: the targets of all roots are marked, and no black object
    /// points to a white one (nothing has been traced, or what was stored was shaded), so from here on the barrier keeps
    /// every object alive that is reachable now.
    fn roots_scanned<B: Barrier>(&self, meter: &mut Meter) {
        if B::RULES.has_window() {
            if !self.roots.stacks.borrow_mut().scan_lent_cards(&self.marker, meter) {
                return;
            }
            self.window.set(false);
            self.watch_heap(&B::RULES);
        }
        if B::RULES.root_write != RootWrite::NoteDirty {
            self.watch_roots.set(false);
        }
        self.tell(|| Event::RootsScanned);
    }

    /// Closes the root-scanning window as soon as nothing is unscanned, while unrooted pointers live, which is unsound:
    /// for tests.
    pub(crate) fn close_derived_window<B: Barrier>(&self) {
        let scanned = self.roots.nothing_is_unscanned(self.cycle.get());
        if scanned && self.window.get() {
            self.roots_scanned::<B>(&mut Meter::unlimited());
        }
    }

    /// Pushes the grey objects of a block again that overflowed the mark stack: they are marked, and their header says
    /// queued. The stack is empty, so every queued object has overflowed; its objects are traced before the next block
    /// is rescanned.
    fn rescan_overflowed(&self, block: BlockPtr) {
        let unused = self.unused_of(block);
        let mut at = 0;
        loop {
            // SAFETY: while marking, every block is swept and the mutator's (I7).
            at = bitmap::next_one(unsafe { block.bits(self.marker.marked()) }, at);
            if at >= GRANULES {
                return;
            }
            match unused {
                Some((from, to)) if (from..to).contains(&at) => at = to,
                _ => {
                    // SAFETY: marked runs outside the unused tail start at headers and parse (I3).
                    let object = unsafe { block.object(at) };
                    if object.is_queued() && !self.marker.queue_again(object) {
                        return;
                    }
                    at = if block.is_large() { GRANULES } else { at + object.granules() };
                }
            }
        }
    }

    /// Phase `MarkTermination`: rescans dirty roots if the policy does, lets guardians take their objects, and then, in
    /// the same step, decides liveness.
    fn terminate_marking<B: Barrier>(&self, meter: &mut Meter) {
        if B::RULES.rescan_dirty_roots {
            self.rescan_to_a_fixed_point(meter);
            self.roots.guardians.borrow_mut().examine(&self.marker, &mut Meter::unlimited());
            self.drain_to_a_fixed_point(meter);
        }
        if !self.roots.guardians.borrow().is_examining() && !self.marker.is_empty() {
            // The mutator has shaded objects since the grey set was empty.
            self.enter(Phase::Mark);
            return;
        }
        // Once a cycle, in steps: takes the guarded objects that nothing else keeps alive. All of them are found before
        // any object that they reach is marked.
        if !self.roots.guardians.borrow_mut().examine(&self.marker, meter) {
            return;
        }
        if !self.marker.is_empty() {
            self.enter(Phase::Mark);
            return;
        }
        // White objects are dead, among them the keys of ephemerons that wait: see `kit::ephemeron`. From here on all
        // reachable objects are black, and so are new ones: no barrier is needed.
        self.liveness_decided.set(true);
        self.marking.set(false);
        self.watch_roots.set(false);
        self.set_birth(BirthColor::Black);
        self.strings.borrow_mut().start_sweep();
        self.enter(Phase::Weak);
        meter.spend(1);
    }

    /// Rescans dirty roots and marks all that they reach, in one pause. As the mutator does not run, one pass reaches
    /// the fixed point.
    fn rescan_to_a_fixed_point(&self, meter: &mut Meter) {
        self.roots.rescan(&self.marker, self.cycle.get());
        self.drain_to_a_fixed_point(meter);
    }

    /// Marks all objects reachable from the grey set.
    fn drain_to_a_fixed_point(&self, meter: &mut Meter) {
        let mut all = Meter::unlimited();
        while !self.marker.is_empty() {
            if let Some(block) = self.marker.take_overflowed() {
                self.rescan_overflowed(block);
            }
            self.marker.settle(&mut all);
            drain::drain(&self.marker, &mut all);
        }
        self.mark_work.set(self.mark_work.get() + all.spent);
        meter.spend(all.spent);
    }

    /// Flips the bitmaps and starts the sweep: marked granules are occupied from now on, and every block is unswept.
    fn start_sweep<B: Barrier>(&self) {
        self.times.book(Phase::Weak);
        self.retire_holes();
        self.book_cycle(self.mark_work.replace(0), B::RULES.incremental);
        self.marker.flip();
        self.liveness_decided.set(false);
        let mut blocks = self.blocks.borrow_mut();
        // SAFETY: the last sweep is over before a cycle begins. The holes were just retired, and the marker has flipped.
        unsafe { blocks.start_sweep(self.marker.occupied(), self.sweep.get(), self.stress) };
        self.phase.set(Phase::Sweep);
        self.tell(|| Event::PhaseBegins(Phase::Sweep));
        if self.sweep.get() == Sweep::Eager {
            let _ = blocks.sweep_some(&mut Meter::unlimited(), true);
        }
    }
}
