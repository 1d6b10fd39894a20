//! The pacer: decides when a cycle starts, and how much marking an allocation owes. The measurements behind its rules
//! and constants are in `docs/experiments.md`, "The pacer".
//!
//! After Go's (Clements, "Go 1.5 concurrent garbage collector pacing"): the goal of the next cycle is what was marked
//! x (1 + growth), with a floor, and marking is charged per byte allocated so that it ends before the goal is reached.
//! All in integers, and never per object: holes are charged when they are retired.
//!
//! **A cycle starts late**, and its steps take a fixed share of the time (see [`share`]). Objects allocated while a
//! cycle marks are born black, and cannot be freed by that cycle however soon they die. So the sooner marking ends the
//! less garbage floats, and the more headroom a heap of the same peak has. How late is told by the last marking: its
//! processor time, and what the mutator allocates in its part beside that, an eighth more. (More is expected to be
//! marked where of what was new most was alive.) An eighth of the growth comes on top of the goal for what was born
//! black.
//!
//! **Steps keep their distance**: each is bounded by the clock, and the mutator has its share of the time before the
//! next one, which is told in bytes that it allocates. Otherwise short steps would follow each other at every safepoint
//! and be one long interruption; and if the distance were the same number of bytes for each mutator, one that allocates
//! slowly, as interpreters do, would have a cycle in progress for most of the time. In a cycle that is late
//! nevertheless, the distances shrink in the last sixteenth of the headroom. Where a marking of [`LONG_MARKING`] or more
//! does not fit in the headroom at that share, the goal is raised.
//!
//! **Barriers owe steps too**: a mutator that allocates little and writes much would keep a cycle in progress, and its
//! writes slower, for long. So when barriers have seen many writes, and the mutator has had its share of the
//! time since the last step, the next safepoint does a whole step. Writes to roots count like writes to the heap while roots are
//! watched: a recursion that allocates nothing only pushes and pops roots. (While `RootsFirst`'s root-scanning window is
//! open, its heap has no barrier, and a write there is free.)
//!
//! Allocation never collects, so a burst of it between two safepoints overshoots the goal: the debt is carried to the
//! next steps. The time of a step is bounded absolutely for a mutator that reaches safepoints often; for one that does
//! not, by a share of the time since the last step. Past the goal the clock does not stop a step before it has done
//! half as much work as bytes were allocated since the last one, and that once more for each eighth of the goal: the
//! clock bounds marking, and nothing bounds how fast a mutator allocates. A mutator that allocates a [`BURST`] or more
//! between two safepoints has longer steps where debt is left, and pays all debt at once when the next burst would pass
//! the goal. Where the goal was passed by as much, the cycle is finished: so the peak is the goal and two bursts.
//!
//! **Bytes outside** that dead objects own are given back by drop code, after the goal of the next cycle was set. So
//! the live bytes outside are taken to be the least that there were since marking ended: otherwise a heap of buffers
//! would count its garbage as live, and its goal would double from cycle to cycle.
//!
//! Near a limit other rules hold: see [`limit`].

use core::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::phase::Phase;
use super::times::Run;
use crate::clock::{HAS_CLOCK, Instant};
use crate::full::Shortage;
use crate::mark::budget::Charge;
use crate::memory::{NoMemory, is_there_to_share};
use debt::Account;
use limit::Limit;
use share::{LONG_MARKING, Share};

mod debt;
mod goal;
pub(crate) mod limit;
mod share;

/// Longest time of an automatic step.
const STEP_TIME: Duration = Duration::from_micros(40);
/// Longest time of a step after a [`BURST`]: half of the time since the last step, up to this.
const MAX_STEP_TIME: Duration = Duration::from_micros(500);
/// Most work of an automatic step, whatever the clock says.
const MAX_STEP: usize = 1024 * 1024;
/// Least work of an automatic step, so that it pays for its own start.
const MIN_STEP: usize = 8 * 1024;
/// Bytes allocated between two automatic steps that mark nothing, or are ahead of the debt.
const POLL_BYTES: usize = 16 * 1024;
/// Number of writes seen by barriers between two readings of the clock.
const WRITES: usize = 256;
/// Bytes allocated between two safepoints that make a burst: the mutator reaches safepoints rarely.
const BURST: usize = 3 * POLL_BYTES;
/// Period of wall-clock time of which steps take at most half where an allocation was refused, or nearly all of the
/// limit is live. A single longer step makes the period longer.
const PERIOD: Duration = Duration::from_millis(10);
/// Most external bytes that are counted: far above any real size, and far below where sums overflow.
pub(crate) const MAX_EXTERNAL: usize = 1 << (usize::BITS - if usize::BITS == 64 { 14 } else { 2 });

/// The part of the pacer that the embedder configures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Bytes of headroom for each 256 live bytes.
    pub growth: usize,
    pub floor: usize,
    pub limit: usize,
    pub automatic: bool,
    /// The part of the time that steps may take before the goal comes near, in per cent, from 1 to 100, if it is set.
    pub share: Option<u8>,
}

pub(crate) struct Pacer {
    pub pace: Pace,
    /// Bytes of objects: those live at the end of the last marking, and those allocated since.
    heap: Cell<usize>,
    /// Bytes that objects own outside the heap.
    external: Cell<usize>,
    /// Bytes that the kit's own objects (tables) have taken outside the heap so far, and bytes that they gave back so
    /// far, on whatever thread they were dropped.
    taken: Cell<usize>,
    pub given_back: Arc<AtomicUsize>,
    /// Bytes of objects live at the end of the last marking.
    lived: Cell<usize>,
    /// Least bytes outside the heap since the end of the last marking, up to the next cycle.
    least_outside: Cell<usize>,
    /// Whether a cycle is marking: then `least_outside` does not change.
    is_marking: Cell<bool>,
    incremental: bool,
    /// Whether the limit keeps the goal below what the growth would make it.
    squeezed: Cell<bool>,
    /// The size at the last safepoint that had something to do.
    seen: Cell<usize>,
    /// Most bytes that the mutator recently allocated between two safepoints.
    burst: Cell<usize>,
    pub limit: Limit,
    /// The bytes of `lived` that were not marked, but born black.
    born_black: Cell<usize>,
    /// When the last step ended.
    last_step: Cell<Option<Instant>>,
    /// Writes seen by barriers since the clock was read.
    writes: Cell<usize>,
    /// Whether barriers owe the next step.
    barriers_owe: Cell<bool>,
    share: Share,
    /// The growth so far when the phase machine last stopped.
    grown: Cell<usize>,
    /// Bytes that the mutator allocates while a cycle marks for as long as the last one.
    needed: Cell<usize>,
    /// Bytes between the last two steps.
    between: Cell<usize>,
    goal: Cell<usize>,
    trigger: Cell<usize>,
    /// The size at which the next safepoint has something to do.
    poll_at: Cell<usize>,
    /// The size at which the last step was charged.
    charged: Cell<usize>,
    debt: Cell<usize>,
    /// Work owed per byte allocated, times 2^[`FIXED`](debt::FIXED).
    ratio: Cell<usize>,
    /// Work of the last marking.
    mark_work: Cell<usize>,
    /// Time of the last marking.
    mark_time: Cell<Duration>,
    /// Bytes of objects marked by the last marking, and bytes of objects when marking last began.
    marked: Cell<usize>,
    size_at_start: Cell<usize>,
    /// The last part of the headroom, in which steps come closer together.
    slack: Cell<usize>,
    /// The start of the current period, and the time that steps took of it.
    period: Cell<Option<(Instant, Duration)>>,
}

impl Pacer {
    pub(crate) fn new(pace: Pace, incremental: bool) -> Result<Pacer, NoMemory> {
        if !is_there_to_share::<AtomicUsize>() {
            return Err(NoMemory);
        }
        let pacer = Pacer {
            pace,
            heap: Cell::new(0),
            external: Cell::new(0),
            taken: Cell::new(0),
            given_back: Arc::new(AtomicUsize::new(0)),
            lived: Cell::new(0),
            least_outside: Cell::new(0),
            is_marking: Cell::new(false),
            incremental,
            squeezed: Cell::new(false),
            seen: Cell::new(0),
            burst: Cell::new(0),
            limit: Limit::new(pace.limit),
            born_black: Cell::new(0),
            last_step: Cell::new(None),
            writes: Cell::new(0),
            barriers_owe: Cell::new(false),
            share: Share::new(pace.share),
            grown: Cell::new(0),
            needed: Cell::new(0),
            between: Cell::new(POLL_BYTES),
            goal: Cell::new(0),
            trigger: Cell::new(0),
            poll_at: Cell::new(0),
            charged: Cell::new(0),
            debt: Cell::new(0),
            ratio: Cell::new(0),
            mark_work: Cell::new(0),
            mark_time: Cell::new(Duration::ZERO),
            marked: Cell::new(0),
            size_at_start: Cell::new(0),
            slack: Cell::new(0),
            period: Cell::new(None),
        };
        pacer.aim();
        pacer.wait_for_trigger();
        Ok(pacer)
    }

    /// Returns the bytes of objects, and those that they own outside.
    pub(crate) fn size(&self) -> usize {
        self.heap.get().saturating_add(self.external())
    }

    pub(crate) fn heap(&self) -> usize {
        self.heap.get()
    }

    pub(crate) fn goal(&self) -> usize {
        self.goal.get()
    }

    pub(crate) fn external(&self) -> usize {
        let tables = self.taken.get().wrapping_sub(self.given_back.load(Ordering::Relaxed));
        self.external.get().saturating_add(tables)
    }

    /// Books an allocation. Returns whether the next safepoint has something to do.
    #[inline]
    pub(crate) fn allocated(&self, bytes: usize) -> bool {
        self.heap.set(self.heap.get() + bytes);
        self.limit.grew(bytes);
        self.size() >= self.poll_at.get()
    }

    /// Books a change of the bytes outside. Returns whether the next safepoint has something to do.
    pub(crate) fn external_changed(&self, delta: isize) -> bool {
        self.look_outside();
        // Far above any real size, and far below where sums overflow.
        self.external.set(self.external.get().saturating_add_signed(delta).min(MAX_EXTERNAL));
        if delta < 0 {
            self.shrank();
        } else {
            self.limit.grew(delta.unsigned_abs());
        }
        self.size() >= self.poll_at.get()
    }

    /// Makes the next step not wait until bytes that went outside are allocated again, in case a cycle is in progress.
    /// (If none is, one safepoint looks for nothing.)
    fn shrank(&self) {
        self.look_outside();
        if self.pace.automatic {
            self.poll_at.set(self.poll_at.get().min(self.size().saturating_add(POLL_BYTES)));
        }
    }

    /// Books a change of the bytes that a table of the kit takes outside. Returns whether the next safepoint has
    /// something to do.
    pub(crate) fn table_changed(&self, before: usize, after: usize) -> bool {
        self.look_outside();
        self.taken.set(self.taken.get().wrapping_add(after));
        self.given_back.fetch_add(before, Ordering::Relaxed);
        if after < before {
            self.shrank();
        } else {
            self.limit.grew(after - before);
        }
        self.size() >= self.poll_at.get()
    }

    /// Lowers the live bytes outside to the present ones, if these are fewer than ever since marking ended: those that
    /// are gone were not alive then.
    fn look_outside(&self) {
        let outside = self.external();
        if !self.is_marking.get() && outside < self.least_outside.get() {
            self.least_outside.set(outside);
            self.aim();
            if self.pace.automatic {
                self.poll_at.set(self.poll_at.get().min(self.trigger.get()));
            }
        }
    }

    /// Returns the bytes live at the end of the last marking, bytes outside included, as far as is known.
    pub(crate) fn live(&self) -> usize {
        self.lived.get().saturating_add(self.least_outside.get())
    }

    /// Makes the error of an operation that lacks `requested` bytes.
    pub(crate) fn shortage(&self, requested: usize) -> Shortage {
        Shortage { limit: self.pace.limit, live: self.live(), requested }
    }

    /// Returns whether a cycle is to start. The limit leaves `free` bytes.
    pub(crate) fn wants_cycle(&self, free: usize) -> bool {
        self.look_outside();
        self.size() >= self.trigger.get() || free < self.wanted_free(true)
    }

    /// Returns the free bytes below which the next safepoint has something to do.
    pub(crate) fn wanted_free(&self, idle: bool) -> usize {
        if !self.limit.exists() {
            0
        } else if !idle {
            self.reserve()
        } else if self.limit.may_start() {
            // The cycle has to end before the reserve is reached.
            let room = if self.incremental { self.runway_of(self.pace.limit / 16) } else { 0 };
            self.reserve().saturating_add(room)
        } else {
            0
        }
    }

    /// Returns the bytes that should be free at a safepoint.
    pub(crate) fn reserve(&self) -> usize {
        self.limit.reserve(self.burst.get())
    }

    /// Returns whether a mutator that allocates in bursts outruns the collector, which is in this phase: steps do not
    /// suffice.
    pub(crate) fn is_outrun(&self, phase: Phase) -> bool {
        let (size, goal, burst) = (self.size(), self.goal.get(), self.burst.get());
        burst >= BURST
            && match phase {
                Phase::Idle => size > goal,
                Phase::Mark | Phase::MarkTermination | Phase::Weak => size > goal.saturating_add(burst),
                Phase::SweepTermination | Phase::Sweep | Phase::Release => size > self.trigger.get(),
            }
    }

    /// Sets goal and trigger from the live bytes.
    fn aim(&self) {
        let live = self.live();
        let wanted = goal::wanted(live, self.born_black.get(), self.pace.growth, self.pace.floor);
        let gives_way = self.incremental && self.mark_time.get() >= LONG_MARKING;
        let stretched = if gives_way {
            goal::stretched(live, self.born_black.get(), self.pace.growth, self.needed.get())
        } else {
            0
        };
        let goal = self.limit.goal(wanted.max(stretched), live);
        self.squeezed.set(goal < wanted);
        // Some headroom must remain, or the next cycle would follow at once.
        let goal = goal.max(live.saturating_add(2 * POLL_BYTES));
        self.goal.set(goal);
        self.slack.set((goal - live) / goal::SLACK_SHARE);
        self.trigger.set(if self.incremental { goal - self.runway_of(goal - live) } else { goal });
    }

    /// Sets `poll_at` to the start of the next cycle.
    fn wait_for_trigger(&self) {
        self.poll_at.set(if self.pace.automatic { self.trigger.get() } else { usize::MAX });
    }

    /// Returns the longest time of an automatic step: longer where the limit leaves little headroom, of which
    /// allocation while a cycle marks takes the most, so that marking is over soon.
    fn step_time(&self) -> Duration {
        if self.squeezed.get() { MAX_STEP_TIME } else { STEP_TIME }
    }

    /// Returns the part of the headroom in which a cycle marks.
    fn runway_of(&self, headroom: usize) -> usize {
        // Near a limit steps are long, and keep the least distance.
        let needed = if self.squeezed.get() {
            let steps = self.mark_time.get().as_nanos() / MAX_STEP_TIME.as_nanos();
            (steps as usize).saturating_mul(POLL_BYTES)
        } else {
            self.needed.get()
        };
        goal::runway(headroom, needed)
    }

    /// Books the start of a cycle, and sets the work that a byte owes. With `grows`, new objects must be marked too.
    pub(crate) fn cycle_starts(&self, grows: bool) {
        let left = self.goal.get().saturating_sub(self.size()).max(POLL_BYTES);
        let expected = self.mark_work.get().max(self.size() / 2);
        self.ratio.set(debt::ratio(expected, left, grows));
        self.charged.set(self.size());
        self.debt.set(0);
        self.limit.cycle_starts();
        self.look_outside();
        self.is_marking.set(true);
        self.barriers_owe.set(false);
        self.share.marking_starts();
        self.size_at_start.set(self.heap.get());
    }

    /// Books the end of marking: `live` bytes of objects survive, of which `born_black` were born black. Marking
    /// took `time`.
    pub(crate) fn marking_ended(&self, live: usize, born_black: usize, work: usize, time: Duration) {
        self.heap.set(live);
        self.lived.set(live);
        self.least_outside.set(self.external());
        self.is_marking.set(false);
        self.mark_work.set(work);
        self.mark_time.set(time);
        self.born_black.set(born_black);
        let marked = live.saturating_sub(born_black);
        let survival = goal::survival(self.marked.replace(marked), self.size_at_start.get(), marked);
        let needed = self.share.marking_ends(time);
        // The growth will have been allocated by the next time.
        let grows = (self.pace.growth / 16).saturating_mul(survival / 16);
        self.needed.set(needed.saturating_add((needed / 256).saturating_mul(grows)));
        self.charged.set(self.size());
        self.seen.set(self.size());
        self.debt.set(0);
        self.burst.set(self.burst.get() - self.burst.get() / 4);
        self.limit.cycle_ended(self.live());
        self.aim();
        if self.pace.automatic {
            // The steps of the sweep follow.
            self.poll_at.set(self.size() + POLL_BYTES);
        }
    }

    /// Books the end of a sweep: bytes outside that the dead owned have been given back, and were not live.
    pub(crate) fn swept(&self) {
        self.look_outside();
        self.limit.lives(self.live());
    }

    /// Prepares for a step that starts a cycle: bytes allocated before it owe nothing, and are no burst.
    pub(crate) fn idle_ends(&self) {
        self.charged.set(self.size());
        self.debt.set(0);
    }

    /// Books the bytes that the mutator allocated since the last safepoint that had something to do, as far as is
    /// known.
    pub(crate) fn reached_safepoint(&self) {
        let size = self.size();
        let bytes = size.saturating_sub(self.seen.replace(size).max(self.poll_at.get().min(size)));
        self.burst.set(self.burst.get().max(bytes));
    }

    /// Returns what the step that begins now should do. With `starved`, an allocation waits for the step.
    pub(crate) fn charge(&self, starved: bool, now: Instant) -> Charge {
        let size = self.size();
        let bytes = size.saturating_sub(self.charged.replace(size));
        self.look_outside();
        // Where steps keep a larger distance, this and a hole are no burst.
        let burst = BURST.max(2 * self.between.get() + POLL_BYTES);
        let account = Account { size, goal: self.goal.get().max(1), allocated: bytes, burst, ratio: self.ratio.get() };
        let debt = self.debt.get().saturating_add(account.owed().saturating_mul(account.lateness()));
        self.debt.set(debt);
        let mut least = MIN_STEP;
        if self.barriers_owe.take() {
            least = MAX_STEP;
        }
        if starved {
            return Charge { work: MAX_STEP, anyway: 0, time: Duration::MAX };
        }
        let away = self.last_step.get().map(|last| now.saturating_duration_since(last));
        account.charge(debt, least, away, self.step_time())
    }

    /// Books `count` writes seen by barriers. Returns true when the next safepoint has something to do.
    pub(crate) fn saw_writes(&self, count: usize, now: impl FnOnce() -> Instant) -> bool {
        if !self.pace.automatic {
            return false;
        }
        let writes = self.writes.get() + count;
        if writes < WRITES {
            self.writes.set(writes);
            return false;
        }
        self.writes.set(0);
        let beside = self.share.beside(STEP_TIME);
        if self.last_step.get().is_some_and(|last| now().saturating_duration_since(last) < beside) {
            return false;
        }
        self.barriers_owe.set(true);
        self.poll_at.set(self.poll_at.get().min(self.size()));
        true
    }

    /// Returns whether the mutator, with `open` bytes allocated in open holes, may go on before the next step of a
    /// cycle.
    pub(crate) fn is_too_early(&self, open: usize) -> bool {
        self.pace.automatic && self.size() + open < self.poll_at.get()
    }

    /// Books a step's work. Returns true when the next step follows so soon that each safepoint has to
    /// [check](Pacer::is_too_early).
    pub(crate) fn step_ended(&self, spent: usize, idle: bool, now: Instant) -> bool {
        self.debt.set(self.debt.get().saturating_sub(spent));
        self.last_step.set(Some(now));
        if idle {
            self.debt.set(0);
            self.look_outside();
            self.wait_for_trigger();
            return false;
        }
        let left = self.goal.get().saturating_sub(self.size());
        let usual = match self.share.between_steps() {
            // Where no time passes, none is shared.
            _ if !HAS_CLOCK => POLL_BYTES,
            usual if self.squeezed.get() => usual.min(POLL_BYTES),
            usual => usual,
        };
        let between = debt::between_steps(self.debt.get(), usual, left, self.slack.get());
        self.between.set(between);
        self.poll_at.set(self.size() + between);
        between < POLL_BYTES
    }

    /// Books a step whose sweep waits for another thread, and has nothing to do before the next cycle.
    pub(crate) fn nothing_to_do(&self, now: Instant) {
        self.last_step.set(Some(now));
        self.poll_at.set(self.trigger.get().min(self.size() + 4 * POLL_BYTES));
    }

    /// Returns whether the mutator's half of the period is used up by steps.
    pub(crate) fn must_leave_time(&self) -> bool {
        match self.period.get() {
            // After a step that took longer than its share the mutator gets as much.
            Some((start, taken)) if start.elapsed() < PERIOD.max(taken * 2) => taken > PERIOD / 2,
            _ => {
                self.period.set(Some((Instant::now(), Duration::ZERO)));
                false
            }
        }
    }

    /// Books a run of the phase machine.
    pub(crate) fn ran(&self, run: &Run) {
        if let Some((start, taken)) = self.period.get() {
            self.period.set(Some((start, taken + run.wall)));
        }
        let grown = self.limit.grown();
        self.share.mutator_ran(grown.wrapping_sub(self.grown.replace(grown)), run.away);
        self.share.step_ran(run.took);
    }
}

#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;
