//! The pacer: when a cycle starts, and how much marking an allocation owes.
//!
//! After Go's (Clements, "Go 1.5 concurrent garbage collector pacing"): the goal of the next cycle is what was marked
//! x (1 + growth), with a floor, and marking is charged per byte allocated so that it ends before the goal is reached.
//! All in integers, and never per object: holes are charged when they are retired.
//!
//! **A cycle starts late**, when an eighth of the headroom is left, and pays much for each byte. What is allocated while
//! a cycle marks is born black and cannot be freed by it, however short it lives. So the sooner marking ends the less
//! garbage floats, and the more headroom a heap of the same peak has. (Cycles that start at the half of a headroom of 1.0
//! and count what was born black as live take 35 MiB for binary trees of depth 17, and 81 MiB for a queue behind a
//! list of a million; at the last eighth of a headroom of 1.5, with what was marked as the measure, 29 and 65, and 2 and
//! 28 % less time.)
//!
//! **Steps keep their distance**: each is bounded by the clock, and the mutator allocates something before the next
//! one, also where debt is left, or steps that are short one by one would follow each other at every safepoint and be one
//! long interruption. Where marking takes so long that an eighth of the headroom has no room for all those distances (a
//! gigabyte at random), the cycle starts sooner: by how long the last marking took. A cycle that is late nevertheless has
//! its steps move together as the goal comes nearer.
//!
//! **Barriers owe steps too**: a mutator that allocates little and writes much would have a cycle in progress, and its
//! writes slower, for long. So when barriers have seen much, and the last step ended as long ago as one takes, the next
//! safepoint does a whole one: the mutator keeps half of the time, or nearly. Less is then allocated between two steps, and
//! the next cycle starts so much later. (A million nodes rewired at random, 10 million times, at a growth of 1.5, when the
//! hybrid's window had a barrier: cycles marked for 170 ms in place of 630; 84 to 71 ns a time, 14 % fewer processor cycles;
//! a peak of 133 to 110 MB. After twice that distance 3 % more cycles of the processor, after half of it 2 % fewer. Where
//! the next cycle started as early as before, and the clock was read half as often, 3 and 6 % fewer in place of the 14.)
//! Writes to roots count as those to the heap do, as long as roots are watched: a recursion that allocates nothing pushes
//! and pops roots only. (Where the hybrid's window is open, its heap has no barrier, and a write there is free.)
//!
//! Allocation never collects, so much of it between two safepoints overshoots the goal: the debt is carried to the
//! next steps. The bound of a step is absolute for a mutator that reaches safepoints often; for one that does not it is
//! a share of the time since the last step. Past the goal the clock does not stop a step before it has done half as much
//! work as bytes were allocated since the last one, and that once more for each eighth of the goal: time bounds marking,
//! and nothing bounds how fast a mutator allocates. (Garbage of 1 KiB a piece beside a shuffled list of 53 MiB, and a
//! safepoint once in 1 MiB: a peak of 3.5 GB with the clock alone. And under insertion, which has to mark what is
//! allocated, cycles did not end.) Who allocates a [`BURST`] and more between two safepoints has longer steps where debt is
//! left, pays what is owed at once when the next burst would pass the goal, and where the goal was passed by as much the
//! cycle is finished: so the peak is the goal and two bursts.
//!
//! **Bytes outside** of the dead are given back by drop code, after the goal of the next cycle was set. So what lives
//! outside is taken to be the least that there was since marking ended: else a heap of buffers would take its garbage
//! for live bytes, and its goal would double from cycle to cycle.
//!
//! Near a limit other rules hold: see [`limit`].

use core::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::phase::Phase;
use crate::full::Shortage;
use crate::mark::budget::Charge;
use crate::memory::{NoMemory, is_there_to_share};
use debt::Account;
use limit::Limit;

mod debt;
mod goal;
pub(crate) mod limit;

/// An automatic step ends when it has taken so long, unless its debt is paid earlier. (Of 50 microseconds p99.9 of the
/// interruptions at 1 GB and a million roots was 89 to 133 in three measurements, of 40, each beside one of them, 66 to
/// 82; binary trees, GCBench and the queue took as long, and a million nodes rewired at random 3 % longer.)
const STEP_TIME: Duration = Duration::from_micros(40);
/// For a mutator that was gone for long and has allocated a [`BURST`] since the last step: half of that time, up to this.
const MAX_STEP_TIME: Duration = Duration::from_micros(500);
/// And when it has done so much, whatever the clock says.
const MAX_STEP: usize = 1024 * 1024;
/// A step does at least this much, so that steps pay for their own start.
const MIN_STEP: usize = 8 * 1024;
/// Between two automatic steps at least this many bytes are allocated, unless the cycle is late or barriers owe one.
const POLL_BYTES: usize = 16 * 1024;
/// The clock is read once in so many writes that a barrier saw, which are 15 microseconds of a mutator whose writes miss the
/// cache, and one or two of another.
const WRITES: usize = 256;
/// So much at once is a burst: the mutator reaches safepoints rarely.
const BURST: usize = 3 * POLL_BYTES;
/// Where an allocation was refused, or nearly all of the limit lives, steps take at most half of each such period of
/// wall-clock time, and of a longer one where a single step takes longer.
const PERIOD: Duration = Duration::from_millis(10);
/// External bytes count up to this.
const MAX_EXTERNAL: usize = 1 << 50;

/// What the embedder configures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Bytes of headroom per 256 bytes that live.
    pub growth: usize,
    pub floor: usize,
    pub limit: usize,
    pub automatic: bool,
}

pub(crate) struct Pacer {
    pub pace: Pace,
    /// Bytes of objects: what lived at the end of the last marking, and what was allocated since.
    heap: Cell<usize>,
    /// Bytes that objects own outside the heap.
    external: Cell<usize>,
    /// Bytes that the kit's own objects (tables) have taken outside the heap so far, and what they gave back so far, on
    /// whatever thread they were dropped.
    taken: Cell<usize>,
    pub given_back: Arc<AtomicUsize>,
    /// Bytes of objects that lived at the end of the last marking.
    lived: Cell<usize>,
    /// The least that was outside since then, up to the next cycle.
    least_outside: Cell<usize>,
    /// A cycle marks: what is outside belongs to it.
    is_marking: Cell<bool>,
    incremental: bool,
    /// Under the limit the goal lies below what the growth would make it.
    squeezed: Cell<bool>,
    /// The size at the last safepoint that had something to do.
    seen: Cell<usize>,
    /// The most that the mutator allocated between two safepoints lately.
    burst: Cell<usize>,
    pub limit: Limit,
    /// How much of that was not marked, but born black.
    born_black: Cell<usize>,
    /// When the last step ended.
    last_step: Cell<Option<Instant>>,
    /// Writes that a barrier saw since the clock was read.
    writes: Cell<usize>,
    /// Barriers owe the next step.
    barriers_owe: Cell<bool>,
    /// Bytes that were not allocated before the steps of this cycle, since barriers owed them, and before those of the
    /// last one.
    spared: Cell<usize>,
    spared_then: Cell<usize>,
    goal: Cell<usize>,
    trigger: Cell<usize>,
    /// At this size the next safepoint has something to do.
    poll_at: Cell<usize>,
    /// The size at which the last step was charged.
    charged: Cell<usize>,
    debt: Cell<usize>,
    /// Work owed per byte allocated, times 2^[`FIXED`](debt::FIXED).
    ratio: Cell<usize>,
    /// Work that the last marking took.
    mark_work: Cell<usize>,
    /// How long that was, and how long all of them up to then.
    mark_time: Cell<Duration>,
    marked_for: Cell<Duration>,
    /// Headroom that was left when the cycle started.
    runway: Cell<usize>,
    /// The current period: its start, and what steps took of it.
    period: Cell<Option<(Instant, Duration)>>,
}

impl Pacer {
    pub fn new(pace: Pace, incremental: bool) -> Result<Pacer, NoMemory> {
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
            spared: Cell::new(0),
            spared_then: Cell::new(0),
            goal: Cell::new(0),
            trigger: Cell::new(0),
            poll_at: Cell::new(0),
            charged: Cell::new(0),
            debt: Cell::new(0),
            ratio: Cell::new(0),
            mark_work: Cell::new(0),
            mark_time: Cell::new(Duration::ZERO),
            marked_for: Cell::new(Duration::ZERO),
            runway: Cell::new(0),
            period: Cell::new(None),
        };
        pacer.aim();
        pacer.wait_for_trigger();
        Ok(pacer)
    }

    /// Bytes of objects and what they own outside.
    pub fn size(&self) -> usize {
        self.heap.get().saturating_add(self.external())
    }

    pub fn heap(&self) -> usize {
        self.heap.get()
    }

    pub fn external(&self) -> usize {
        let tables = self.taken.get().wrapping_sub(self.given_back.load(Ordering::Relaxed));
        self.external.get().saturating_add(tables)
    }

    /// Books an allocation. Returns whether the next safepoint has something to do.
    #[inline]
    pub fn allocated(&self, bytes: usize) -> bool {
        self.heap.set(self.heap.get() + bytes);
        self.limit.grew(bytes);
        self.size() >= self.poll_at.get()
    }

    /// Books a change of the bytes outside. Returns whether the next safepoint has something to do.
    pub fn external_changed(&self, delta: isize) -> bool {
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

    /// Bytes outside went in the middle of a cycle, perhaps: its next step is not to wait for as many to be allocated.
    /// (Where no cycle is in progress a safepoint looks once for nothing.)
    fn shrank(&self) {
        self.look_outside();
        if self.pace.automatic {
            self.poll_at.set(self.poll_at.get().min(self.size().saturating_add(POLL_BYTES)));
        }
    }

    /// Books what a table of the kit takes outside, or gives back before it is dropped. Returns whether the next safepoint
    /// has something to do.
    pub fn table_changed(&self, before: usize, after: usize) -> bool {
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

    /// Looks whether fewer bytes are outside than ever since marking ended: those that are gone were not alive then.
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

    /// Bytes that lived at the end of the last marking, bytes outside included, as far as is known.
    pub fn live(&self) -> usize {
        self.lived.get().saturating_add(self.least_outside.get())
    }

    /// What an operation that lacks so many bytes answers.
    pub fn shortage(&self, requested: usize) -> Shortage {
        Shortage { limit: self.pace.limit, live: self.live(), requested }
    }

    /// Returns whether a cycle is to start. `free`: what the limit leaves, in bytes.
    pub fn wants_cycle(&self, free: usize) -> bool {
        self.look_outside();
        self.size() >= self.trigger.get() || free < self.wanted_free(true)
    }

    /// With less than this free, in bytes, the next safepoint has something to do.
    pub fn wanted_free(&self, idle: bool) -> usize {
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

    /// What should be free at a safepoint, in bytes.
    pub fn reserve(&self) -> usize {
        self.limit.reserve(self.burst.get())
    }

    /// Returns whether a mutator that allocates much between two safepoints outruns the collector, which is in this phase:
    /// steps will not do.
    pub fn is_outrun(&self, phase: Phase) -> bool {
        let (size, goal, burst) = (self.size(), self.goal.get(), self.burst.get());
        burst >= BURST
            && match phase {
                Phase::Idle => size > goal,
                Phase::Mark | Phase::MarkTermination | Phase::Weak => size > goal.saturating_add(burst),
                Phase::SweepTermination | Phase::Sweep | Phase::Release => size > self.trigger.get(),
            }
    }

    /// Sets goal and trigger from what lives.
    fn aim(&self) {
        let live = self.live();
        let wanted = goal::wanted(live, self.born_black.get(), self.pace.growth, self.pace.floor);
        let goal = self.limit.goal(wanted, live);
        self.squeezed.set(goal < wanted);
        // A sliver of headroom remains, or cycles would follow at once.
        let goal = goal.max(live.saturating_add(2 * POLL_BYTES));
        self.goal.set(goal);
        self.trigger.set(if self.incremental { goal - self.runway_of(goal - live) } else { goal });
    }

    /// The next thing to do is to start a cycle.
    fn wait_for_trigger(&self) {
        self.poll_at.set(if self.pace.automatic { self.trigger.get() } else { usize::MAX });
    }

    /// How long an automatic step takes at the most. Where the limit leaves little headroom what is allocated while a
    /// cycle marks takes the most of it: marking has to be over soon.
    fn step_time(&self) -> Duration {
        if self.squeezed.get() { MAX_STEP_TIME } else { STEP_TIME }
    }

    /// The part of the headroom in which a cycle marks.
    fn runway_of(&self, headroom: usize) -> usize {
        goal::runway(headroom, self.mark_time.get(), self.step_time(), self.spared_then.get())
    }

    /// A cycle starts: how much marking does a byte owe? `grows`: what is allocated has to be marked too.
    pub fn cycle_starts(&self, grows: bool) {
        let left = self.goal.get().saturating_sub(self.size()).max(POLL_BYTES);
        self.runway.set(left);
        let expected = self.mark_work.get().max(self.size() / 2);
        self.ratio.set(debt::ratio(expected, left, grows));
        self.charged.set(self.size());
        self.debt.set(0);
        self.limit.cycle_starts();
        self.look_outside();
        self.is_marking.set(true);
        self.barriers_owe.set(false);
        self.spared.set(0);
    }

    /// Marking has ended: `live` bytes of objects survive, of which so many were born black. `time`: what marking has
    /// taken in all cycles together.
    pub fn marking_ended(&self, live: usize, born_black: usize, work: usize, time: Duration) {
        self.heap.set(live);
        self.lived.set(live);
        self.least_outside.set(self.external());
        self.is_marking.set(false);
        self.born_black.set(born_black);
        self.mark_work.set(work);
        self.mark_time.set(time.saturating_sub(self.marked_for.replace(time)));
        self.spared_then.set(self.spared.get());
        self.charged.set(self.size());
        self.seen.set(self.size());
        self.debt.set(0);
        self.burst.set(self.burst.get() - self.burst.get() / 4);
        self.limit.cycle_ended(self.live());
        self.aim();
        if self.pace.automatic {
            // The sweep's steps go on.
            self.poll_at.set(self.size() + POLL_BYTES);
        }
    }

    /// Everything is swept: what the dead owned outside has been given back, and was not alive.
    pub fn swept(&self) {
        self.look_outside();
        self.limit.lives(self.live());
    }

    /// The next step starts a cycle: what was allocated before it owes nothing, and was no burst.
    pub fn idle_ends(&self) {
        self.charged.set(self.size());
        self.debt.set(0);
    }

    /// A safepoint has something to do: books what the mutator allocated since the one before it, as far as is known.
    pub fn reached_safepoint(&self) {
        let size = self.size();
        let bytes = size.saturating_sub(self.seen.replace(size).max(self.poll_at.get().min(size)));
        self.burst.set(self.burst.get().max(bytes));
    }

    /// What the step that begins now should do. `starved`: allocation waits for it.
    pub fn charge(&self, starved: bool, now: Instant) -> Charge {
        let size = self.size();
        let bytes = size.saturating_sub(self.charged.replace(size));
        self.look_outside();
        let account = Account { size, goal: self.goal.get().max(1), allocated: bytes, ratio: self.ratio.get() };
        let debt = self.debt.get().saturating_add(account.owed().saturating_mul(account.lateness()));
        self.debt.set(debt);
        let mut least = MIN_STEP;
        if self.barriers_owe.take() {
            self.spared.set(self.spared.get() + POLL_BYTES.saturating_sub(bytes));
            least = MAX_STEP;
        }
        if starved {
            return Charge { work: MAX_STEP, anyway: 0, time: Duration::MAX };
        }
        let away = self.last_step.get().map(|last| now.saturating_duration_since(last));
        account.charge(debt, least, away, self.step_time())
    }

    /// Barriers have seen so many writes more. True: the next safepoint has something to do.
    pub fn saw_writes(&self, count: usize, now: impl FnOnce() -> Instant) -> bool {
        if !self.pace.automatic {
            return false;
        }
        let writes = self.writes.get() + count;
        if writes < WRITES {
            self.writes.set(writes);
            return false;
        }
        self.writes.set(0);
        if self.last_step.get().is_some_and(|last| now().saturating_duration_since(last) < STEP_TIME) {
            return false;
        }
        self.barriers_owe.set(true);
        self.poll_at.set(0);
        true
    }

    /// Whether the mutator, which has allocated so much in open holes, may go on before the next step of a cycle.
    pub fn is_too_early(&self, open: usize) -> bool {
        self.pace.automatic && self.size() + open < self.poll_at.get()
    }

    /// The step did `spent`. True: the next one follows so soon that each safepoint has to [look](Pacer::is_too_early).
    pub fn step_ended(&self, spent: usize, idle: bool, now: Instant) -> bool {
        self.debt.set(self.debt.get().saturating_sub(spent));
        self.last_step.set(Some(now));
        if idle {
            self.debt.set(0);
            self.look_outside();
            self.wait_for_trigger();
            return false;
        }
        let left = self.goal.get().saturating_sub(self.size());
        let between = debt::between_steps(self.debt.get(), left, self.runway.get());
        self.poll_at.set(self.size() + between);
        between < POLL_BYTES
    }

    /// The sweep waits for another thread, and has nothing to do before the next cycle.
    pub fn nothing_to_do(&self, now: Instant) {
        self.last_step.set(Some(now));
        self.poll_at.set(self.trigger.get().min(self.size() + 4 * POLL_BYTES));
    }

    /// Returns whether the mutator's half of the period is used up by steps.
    pub fn must_leave_time(&self) -> bool {
        match self.period.get() {
            // A step that took longer than its share leaves the mutator as much.
            Some((start, taken)) if start.elapsed() < PERIOD.max(taken * 2) => taken > PERIOD / 2,
            _ => {
                self.period.set(Some((Instant::now(), Duration::ZERO)));
                false
            }
        }
    }

    /// Books a step's time to the period.
    pub fn took(&self, time: Duration) {
        if let Some((start, taken)) = self.period.get() {
            self.period.set(Some((start, taken + time)));
        }
    }
}

#[cfg(test)]
mod tests;
