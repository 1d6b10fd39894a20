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
//! writes slower, for long. So when barriers have noted much, and the last step ended as long ago as one takes, the next
//! safepoint does a whole one: the mutator keeps half of the time, or nearly. Less is then allocated between two steps, and
//! the next cycle starts so much later. (A million nodes rewired at random, 10 million times, at a growth of 1.5, when the
//! hybrid's window had a barrier: cycles marked for 170 ms in place of 630; 84 to 71 ns a time, 14 % fewer processor cycles;
//! a peak of 133 to 110 MB. After twice that distance 3 % more cycles of the processor, after half of it 2 % fewer. Where
//! the next cycle started as early as before, and the clock was read half as often, 3 and 6 % fewer in place of the 14.)
//! Only what the barrier of a slot notes counts: that of a root does its work at once, and only until all roots are
//! scanned. (Until then the hybrid's heap has no barrier, and a write costs what it does in an idle heap.)
//!
//! Allocation never collects, so much of it between two safepoints overshoots the goal: the debt is carried to the
//! next steps. The bound of a step is absolute for a mutator that reaches safepoints often; for one that does not it is
//! a share of the time since the last step. Past the goal the clock does not stop a step before it has done half as much
//! work as bytes were allocated since the last one, and that once more for each eighth of the goal: time bounds marking,
//! and nothing bounds how fast a mutator allocates. (Garbage of 1 KiB a piece beside a shuffled list of 53 MiB, and a
//! safepoint once in 1 MiB: a peak of 3.5 GB with the clock alone. And under insertion, which has to mark what is
//! allocated, cycles did not end.)

use core::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// An automatic step ends when it has taken so long, unless its debt is paid earlier. (Of 50 microseconds p99.9 of the
/// interruptions at 1 GB and a million roots was 89 to 133 in three measurements, of 40, each beside one of them, 66 to
/// 82; binary trees, GCBench and the queue took as long, and a million nodes rewired at random 3 % longer.)
const STEP_TIME: Duration = Duration::from_micros(40);
/// For a mutator that was gone for long and has allocated a [`BURST`] since the last step: half of that time, up to this.
const MAX_STEP_TIME: Duration = Duration::from_micros(500);
/// And when it has done so much, whatever the clock says.
const MAX_STEP: usize = 1024 * 1024;
/// So many times as much, past the goal: once more for each eighth of it.
const MAX_LATENESS: usize = 4;
/// A step does at least this much, so that steps pay for their own start.
const MIN_STEP: usize = 8 * 1024;
/// Between two automatic steps at least this many bytes are allocated, unless the cycle is late or barriers owe one.
const POLL_BYTES: usize = 16 * 1024;
/// A cycle that is late has this much between two steps, until the goal is reached: not one upon the other. (At a gigabyte
/// with a million roots and a growth of 1 p99.9 of the interruptions was 74, 77 and 80 microseconds with this, 84, 86 and
/// 86 with half as much, and 117 with nothing; with twice as much the goal was reached, and it was 231.)
const MIN_POLL_BYTES: usize = POLL_BYTES / 2;
/// The clock is read once in so many batches of [notes](super::mark::Marker::note): 256 notes, which are 15 microseconds of a
/// mutator whose writes miss the cache, and one or two of another.
const BATCHES: usize = 2;
/// So much at once is a burst: the mutator reaches safepoints rarely.
const BURST: usize = 8 * POLL_BYTES;
/// The part of the headroom in which a cycle marks: one in so many, or more where marking takes longer.
const MARKING_SHARE: usize = 8;
/// Near the limit the collector takes at most half of each such window of wall-clock time.
const WINDOW: Duration = Duration::from_millis(10);
/// External bytes count up to this.
const MAX_EXTERNAL: usize = 1 << 50;
/// Fractional bits of `ratio`.
const FIXED: u32 = 8;

/// What an automatic step should do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Charge {
    /// The work that it ends after,
    pub work: usize,
    /// and what of it is done even if the time is up:
    pub anyway: usize,
    /// the time that it ends after.
    pub time: Duration,
}

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
    /// What lived at the end of the last marking, bytes outside included, and what had been given back then.
    live: Cell<usize>,
    given_back_then: Cell<usize>,
    /// How much of that was not marked, but born black.
    born_black: Cell<usize>,
    /// When the last step ended.
    last_step: Cell<Option<Instant>>,
    /// Batches of notes since the clock was read.
    batches: Cell<usize>,
    /// Barriers owe the next step.
    barriers_owe: Cell<bool>,
    /// Bytes that were not allocated before the steps of this cycle, since barriers owed them, and before those of the
    /// last one.
    spared: Cell<usize>,
    spared_then: Cell<usize>,
    /// Bytes of blocks that are taken, which is what the limit counts, and how many were when the last cycle ended.
    used: Cell<usize>,
    used_then: Cell<usize>,
    goal: Cell<usize>,
    trigger: Cell<usize>,
    /// At this size the next safepoint has something to do.
    poll_at: Cell<usize>,
    /// The size at which the last step was charged.
    charged: Cell<usize>,
    debt: Cell<usize>,
    /// Work owed per byte allocated, times 2^FIXED.
    ratio: Cell<usize>,
    /// Work that the last marking took.
    mark_work: Cell<usize>,
    /// How long that was, and how long all of them up to then.
    mark_time: Cell<Duration>,
    marked_for: Cell<Duration>,
    /// Headroom that was left when the cycle started.
    runway: Cell<usize>,
    /// Full cycles in a row that freed too little under the limit.
    futile: Cell<u32>,
    /// The current window: its start, and what steps took of it.
    window: Cell<Option<(Instant, Duration)>>,
}

impl Pacer {
    pub fn new(pace: Pace, incremental: bool) -> Pacer {
        let pacer = Pacer {
            pace,
            heap: Cell::new(0),
            external: Cell::new(0),
            taken: Cell::new(0),
            given_back: Arc::new(AtomicUsize::new(0)),
            live: Cell::new(0),
            given_back_then: Cell::new(0),
            born_black: Cell::new(0),
            last_step: Cell::new(None),
            batches: Cell::new(0),
            barriers_owe: Cell::new(false),
            spared: Cell::new(0),
            spared_then: Cell::new(0),
            used: Cell::new(0),
            used_then: Cell::new(0),
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
            futile: Cell::new(0),
            window: Cell::new(None),
        };
        pacer.aim(0, incremental);
        pacer
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

    /// Books an allocation. True: the next safepoint has something to do.
    #[inline]
    pub fn allocated(&self, bytes: usize) -> bool {
        self.heap.set(self.heap.get() + bytes);
        self.size() >= self.poll_at.get()
    }

    /// Books a change of the bytes outside. True: as above.
    pub fn external_changed(&self, delta: isize) -> bool {
        // Far above any real size, and far below where sums overflow.
        self.external.set(self.external.get().saturating_add_signed(delta).min(MAX_EXTERNAL));
        self.size() >= self.poll_at.get()
    }

    /// Books what a table of the kit takes outside, or gives back before it is dropped. True: as above.
    pub fn table_changed(&self, before: usize, after: usize) -> bool {
        self.taken.set(self.taken.get().wrapping_add(after));
        self.given_back.fetch_add(before, Ordering::Relaxed);
        self.size() >= self.poll_at.get()
    }

    pub fn wants_cycle(&self) -> bool {
        self.size() >= self.trigger.get() || self.is_near_limit()
    }

    /// Books the blocks that are taken. True: the next safepoint has something to do.
    pub fn blocks_taken(&self, used: usize) -> bool {
        self.used.set(used);
        self.is_near_limit()
    }

    /// The blocks come near the limit, and have done so since the last cycle. Blocks hold less than they could, so the
    /// trigger, which counts objects, may lie beyond the limit.
    fn is_near_limit(&self) -> bool {
        let (limit, used) = (self.pace.limit, self.used.get());
        limit != usize::MAX
            && used.saturating_add(self.external()) >= limit - limit / 8
            && used >= self.used_then.get() + limit / 64
    }

    /// Sets goal and trigger from what lives.
    fn aim(&self, live: usize, incremental: bool) {
        let grown = |bytes: usize, growth: usize| bytes.saturating_add((bytes / 256).saturating_mul(growth));
        // What was born black uses headroom up, or garbage that floats would make room for more of it from cycle to cycle.
        // A quarter of the growth is left however much that is.
        let marked = live.saturating_sub(self.born_black.get());
        let goal = grown(marked, self.pace.growth).max(grown(live, self.pace.growth / 4)).max(self.pace.floor);
        // Under a limit the goal stays below it; a sliver of headroom remains, or cycles would follow at once.
        let goal = goal.min(self.pace.limit - self.pace.limit / 16).max(live.saturating_add(2 * POLL_BYTES));
        self.goal.set(goal);
        self.trigger.set(if incremental { goal - self.runway_of(goal - live) } else { goal });
        self.poll_at.set(if self.pace.automatic { self.trigger.get() } else { usize::MAX });
    }

    /// The part of the headroom in which a cycle marks: what is allocated between as many full steps as marking took
    /// last time, and a quarter more: steps of a cycle that is late follow each other closely. (As much again in place of
    /// that quarter left headroom unused: GCBench took 1.14 times as long as with the world stopped, and takes 1.07; Lox's
    /// trees 1.22 and 1.15.) Nearly all of it, if need be: at 1 GB at random what the last cycle let float leaves little.
    /// (With three quarters at the most p99.9 of the interruptions there, with a million roots, was 104 and 106
    /// microseconds, and 82 and 88 with this.)
    fn runway_of(&self, headroom: usize) -> usize {
        let steps = (self.mark_time.get().as_nanos() / STEP_TIME.as_nanos()) as usize;
        let runway = steps.saturating_mul(POLL_BYTES).saturating_sub(self.spared_then.get());
        let runway = runway.saturating_add(runway / 4);
        runway.clamp(headroom / MARKING_SHARE, headroom - headroom / 16)
    }

    /// A cycle starts: how much marking does a byte owe? `grows`: what is allocated has to be marked too.
    pub fn cycle_starts(&self, grows: bool) {
        let left = self.goal.get().saturating_sub(self.size()).max(POLL_BYTES);
        self.runway.set(left);
        let expected = self.mark_work.get().max(self.size() / 2);
        // A quarter more than expected, so that it ends before the goal.
        let ratio = ((expected + expected / 4) << FIXED) / left;
        let own = if grows { 2 << FIXED } else { 0 };
        self.ratio.set(ratio.clamp(1 << (FIXED - 2), 1 << (FIXED + 6)) + own);
        self.charged.set(self.size());
        self.debt.set(0);
        self.barriers_owe.set(false);
        self.spared.set(0);
    }

    /// Marking has ended: `live` bytes of objects survive, of which so many were born black. `time`: what marking has
    /// taken in all cycles together.
    pub fn marking_ended(&self, live: usize, born_black: usize, work: usize, time: Duration, incremental: bool) {
        self.heap.set(live);
        self.born_black.set(born_black);
        self.mark_work.set(work);
        self.mark_time.set(time.saturating_sub(self.marked_for.replace(time)));
        self.spared_then.set(self.spared.get());
        self.charged.set(self.size());
        self.debt.set(0);
        self.live.set(self.size());
        self.given_back_then.set(self.given_back.load(Ordering::Relaxed));
        self.futile.set(if self.is_futile(self.size()) { self.futile.get() + 1 } else { 0 });
        self.aim(self.size(), incremental);
        if self.pace.automatic {
            // The sweep's steps go on.
            self.poll_at.set(self.size() + POLL_BYTES);
        }
    }

    /// Everything is swept: what the dead owned outside has been given back, and was not alive. Without this a heap
    /// of tables would take its garbage for live bytes, and its goal would grow from cycle to cycle.
    pub fn swept(&self, incremental: bool) {
        let freed = self.given_back.load(Ordering::Relaxed).wrapping_sub(self.given_back_then.get());
        if freed > 0 {
            let live = self.live.get().saturating_sub(freed);
            if !self.is_futile(live) {
                self.futile.set(0);
            }
            let poll_at = self.poll_at.get();
            self.aim(live, incremental);
            // The cycle's last steps go on.
            self.poll_at.set(poll_at.min(self.poll_at.get()));
        }
    }

    /// So much of the limit lives that a cycle was for nothing.
    fn is_futile(&self, live: usize) -> bool {
        self.pace.limit != usize::MAX && live > self.pace.limit - self.pace.limit / 32
    }

    /// Two full cycles in a row freed too little.
    pub fn is_exhausted(&self) -> bool {
        self.futile.get() >= 2
    }

    /// The next step starts a cycle: what was allocated before it owes nothing, and was no burst.
    pub fn idle_ends(&self) {
        self.charged.set(self.size());
        self.debt.set(0);
    }

    /// What the step that begins now should do. `starved`: allocation waits for it.
    pub fn charge(&self, starved: bool, now: Instant) -> Charge {
        let size = self.size();
        let bytes = size.saturating_sub(self.charged.replace(size));
        // Past the goal a byte owes more and more: the estimate was too low, and the cycle must end.
        let goal = self.goal.get().max(1);
        let lateness = 1 + size.saturating_sub(goal).saturating_mul(8) / goal;
        let owed = bytes.saturating_mul(self.ratio.get()) >> FIXED;
        let debt = self.debt.get().saturating_add(owed.saturating_mul(lateness));
        self.debt.set(debt);
        let mut least = MIN_STEP;
        if self.barriers_owe.take() {
            self.spared.set(self.spared.get() + POLL_BYTES.saturating_sub(bytes));
            least = MAX_STEP;
        }
        if starved {
            return Charge { work: MAX_STEP, anyway: 0, time: Duration::MAX };
        }
        let away = match self.last_step.get() {
            // Else the system ran somebody else, or the mutator allocates little and owes little.
            Some(last) if bytes >= BURST => now.saturating_duration_since(last),
            _ => Duration::ZERO,
        };
        let late = lateness.min(MAX_LATENESS);
        let work = debt.clamp(least, MAX_STEP * late);
        // Or a mutator that allocates faster than the collector marks would outrun it without a bound.
        let anyway = if size > goal { work.min((bytes / 2).saturating_mul(late)) } else { 0 };
        Charge { work, anyway, time: (away / 2).clamp(STEP_TIME, MAX_STEP_TIME) }
    }

    /// Barriers have noted another batch. True: the next safepoint has something to do.
    pub fn noted(&self, now: impl FnOnce() -> Instant) -> bool {
        let batches = self.batches.get() + 1;
        self.batches.set(batches % BATCHES);
        if batches < BATCHES || !self.pace.automatic {
            return false;
        }
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
            self.used_then.set(self.used.get());
            self.poll_at.set(if self.pace.automatic { self.trigger.get() } else { usize::MAX });
            return false;
        }
        // While debt is left steps move together as the goal comes nearer. So they become no longer, and what the mutator
        // may do between two of them shrinks bit by bit.
        let left = self.goal.get().saturating_sub(self.size());
        let in_time = self.debt.get() <= MIN_STEP || left >= self.runway.get();
        let between = if in_time {
            POLL_BYTES
        } else if left > 0 {
            ((POLL_BYTES as u128 * left as u128 / self.runway.get() as u128) as usize).max(MIN_POLL_BYTES)
        } else {
            0
        };
        self.poll_at.set(self.size() + between);
        between < POLL_BYTES
    }

    /// The sweep waits for another thread, and has nothing to do before the next cycle.
    pub fn nothing_to_do(&self, now: Instant) {
        self.last_step.set(Some(now));
        self.poll_at.set(self.trigger.get().min(self.size() + 4 * POLL_BYTES));
    }

    /// Near the limit: whether the mutator's half of the window is used up by steps.
    pub fn must_leave_time(&self) -> bool {
        if self.pace.limit == usize::MAX || self.size() < self.pace.limit - self.pace.limit / 8 {
            return false;
        }
        match self.window.get() {
            Some((start, taken)) if start.elapsed() < WINDOW => taken > WINDOW / 2,
            _ => {
                self.window.set(Some((Instant::now(), Duration::ZERO)));
                false
            }
        }
    }

    /// Books a step's time to the window.
    pub fn took(&self, time: Duration) {
        if let Some((start, taken)) = self.window.get() {
            self.window.set(Some((start, taken + time)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::meter::Meter;
    use super::*;
    use crate::cycle::meter::Budget;
    use crate::cycle::phase::Phase;
    use crate::{Barrier, Deletion, Gc, Heap, Hybrid, Insertion, Slot, Stack, Watermark};

    fn pacer(limit: usize) -> Pacer {
        Pacer::new(Pace { growth: 256, floor: 1 << 20, limit, automatic: true }, true)
    }

    #[test]
    fn a_small_heap_does_not_collect_before_the_last_eighth_of_the_floor() {
        let pacer = pacer(usize::MAX);
        assert!(!pacer.allocated((7 << 17) - 1) && !pacer.wants_cycle());
        assert!(pacer.allocated(1) && pacer.wants_cycle());
    }

    #[test]
    fn marking_is_paid_for_before_the_goal() {
        let pacer = pacer(usize::MAX);
        pacer.allocated(8 << 20);
        pacer.marking_ended(8 << 20, 0, 12 << 20, Duration::ZERO, true);
        assert_eq!(pacer.goal.get(), 16 << 20);
        pacer.allocated(7 << 20);
        assert!(pacer.wants_cycle());
        pacer.cycle_starts(false);
        let (now, mut work) = (Instant::now(), 0);
        while pacer.size() < pacer.goal.get() {
            pacer.allocated(16 << 10);
            loop {
                let step = pacer.charge(false, now);
                assert_eq!((step.anyway, step.time), (0, STEP_TIME));
                work += step.work;
                if !pacer.step_ended(step.work, false, now) {
                    break;
                }
            }
        }
        assert!(work > 12 << 20, "{work}");
    }

    #[test]
    fn what_was_born_black_uses_headroom_up() {
        let pacer = pacer(usize::MAX);
        pacer.marking_ended(8 << 20, 2 << 20, 12 << 20, Duration::ZERO, true);
        assert_eq!(pacer.goal.get(), 12 << 20);
        pacer.marking_ended(8 << 20, 6 << 20, 12 << 20, Duration::ZERO, true);
        assert_eq!(pacer.goal.get(), 10 << 20, "but not all of it");
    }

    #[test]
    fn what_was_allocated_before_a_cycle_is_no_burst() {
        let pacer = pacer(usize::MAX);
        pacer.allocated(64 << 20);
        pacer.idle_ends();
        assert_eq!(pacer.charge(false, Instant::now()).work, MIN_STEP);
    }

    #[test]
    fn debt_is_carried_and_each_step_bounded() {
        let pacer = pacer(usize::MAX);
        pacer.cycle_starts(false);
        pacer.allocated(64 << 20);
        let (now, time, work) = (Instant::now(), STEP_TIME, MAX_STEP * MAX_LATENESS);
        assert_eq!(pacer.charge(false, now), Charge { work, anyway: work, time });
        assert!(pacer.step_ended(1 << 16, false, now), "the next safepoint goes on");
        assert!(!pacer.is_too_early(0));
        assert_eq!(pacer.charge(false, now + STEP_TIME), Charge { work, anyway: 0, time });
    }

    /// The clock stopped each step, and a mutator that allocated faster than the collector marks outran it without a bound.
    #[test]
    fn past_the_goal_the_clock_does_not_stop_a_step_before_half_of_what_was_allocated() {
        let pacer = pacer(usize::MAX);
        pacer.allocated(pacer.goal.get());
        pacer.cycle_starts(false);
        let now = Instant::now();
        assert_eq!(pacer.charge(false, now).anyway, 0, "in time");
        let goal = pacer.goal.get();
        for (bytes, anyway) in [
            (16 << 10, MIN_STEP),
            (goal / 8, goal / 8),
            (goal / 8 * 7, goal / 16 * 7 * MAX_LATENESS),
            (goal * 63, MAX_STEP * MAX_LATENESS),
        ] {
            pacer.allocated(bytes);
            let charge = Charge { time: Duration::ZERO, ..pacer.charge(false, now) };
            assert_eq!(charge.anyway, anyway);
            let mut meter = Meter::automatic(charge, now);
            while !meter.exhausted() {
                meter.spend_run(meter.room().min(1 << 10), None);
            }
            assert_eq!(meter.spent, anyway);
            let mut meter = Meter::automatic(charge, now);
            while !meter.spend(64) {}
            assert!((anyway..anyway + MIN_STEP).contains(&meter.spent), "{}", meter.spent);
        }
        assert_eq!(pacer.charge(false, now).anyway, 0, "nothing was allocated");
    }

    #[test]
    fn who_was_gone_for_long_pays_for_half_as_long() {
        let (pacer, now) = (pacer(usize::MAX), Instant::now());
        let time_of = |bytes, away| {
            pacer.step_ended(0, false, now);
            pacer.allocated(bytes);
            pacer.charge(false, now + away).time
        };
        assert_eq!(time_of(BURST, 4 * STEP_TIME), 2 * STEP_TIME);
        assert_eq!(time_of(BURST, Duration::from_secs(1)), MAX_STEP_TIME);
        assert_eq!(time_of(BURST - 1, Duration::from_secs(1)), STEP_TIME, "it was not the mutator's doing");
        pacer.allocated(BURST);
        pacer.nothing_to_do(now + Duration::from_secs(1));
        assert_eq!(pacer.charge(false, now + Duration::from_secs(1)).time, STEP_TIME, "a step that had to wait is one");
    }

    #[test]
    fn barriers_owe_a_step_when_the_last_one_ended_as_long_ago_as_one_takes() {
        let (pacer, now) = (pacer(usize::MAX), Instant::now());
        let noted = |at| {
            (1..BATCHES).for_each(|_| assert!(!pacer.noted(|| panic!("the clock is read too often"))));
            pacer.noted(|| at)
        };
        pacer.cycle_starts(false);
        let mut last = now;
        for bytes in [0, 1 << 10, POLL_BYTES - 1] {
            assert!(!pacer.step_ended(0, false, last));
            assert!(!noted(last) && !noted(last + STEP_TIME - Duration::from_nanos(1)), "the mutator has its half");
            pacer.allocated(bytes);
            assert!(pacer.is_too_early(0));
            assert!(noted(last + STEP_TIME) && !pacer.is_too_early(0));
            let step = Charge { work: MAX_STEP, anyway: 0, time: STEP_TIME };
            assert_eq!(pacer.charge(false, last + STEP_TIME), step, "a whole one, whatever the debt");
            last += 2 * STEP_TIME;
        }
        pacer.step_ended(MAX_STEP, false, last);
        assert!(pacer.is_too_early(0));
        assert_eq!(pacer.charge(false, last).work, MIN_STEP, "nobody owes another");
    }

    #[test]
    fn barriers_owe_nothing_where_the_embedder_makes_the_steps() {
        let pace = Pace { growth: 256, floor: 1 << 20, limit: usize::MAX, automatic: false };
        let pacer = Pacer::new(pace, true);
        pacer.cycle_starts(false);
        (0..BATCHES * 4).for_each(|_| assert!(!pacer.noted(|| panic!("nobody asks for the time"))));
        assert_eq!(pacer.poll_at.get(), usize::MAX);
    }

    /// What is written while a cycle marks, and nothing is allocated.
    fn marking_ends_where_the_mutator_only_writes<B: Barrier>() {
        type Node<'gc> = Slot<Option<Gc<'gc, u64>>>;
        Heap::builder().barrier::<B>().build().unwrap().enter(|cx| {
            let mut stack = Stack::<Gc<'static, Node<'static>>>::new(cx);
            let mut nodes = stack.open(cx);
            while cx.phase() != Phase::Mark {
                nodes.push(cx, cx.alloc(Slot::new(Some(cx.alloc(1)))));
                cx.safepoint();
            }
            // Before that the heap has no barrier that could owe a step.
            while cx.collector().window.get() {
                cx.step(Budget::work(1));
            }
            let (allocated, steps) = (cx.stats().bytes_allocated, cx.stats().steps);
            let mut writes = (0..1 << 24).map(|at: usize| at % nodes.len());
            while cx.phase() == Phase::Mark {
                let node = nodes.get(cx, writes.next().expect("marking has not ended yet"));
                node.set(cx, node.get());
                cx.safepoint();
            }
            assert_eq!(cx.stats().bytes_allocated, allocated);
            assert!(cx.stats().steps > steps);
            cx.verify().unwrap();
        });
    }

    #[test]
    fn marking_ends_where_the_mutator_only_writes_under_each_policy() {
        marking_ends_where_the_mutator_only_writes::<Insertion>();
        marking_ends_where_the_mutator_only_writes::<Deletion>();
        marking_ends_where_the_mutator_only_writes::<Hybrid>();
        marking_ends_where_the_mutator_only_writes::<Watermark>();
    }

    #[test]
    fn steps_move_together_as_the_goal_comes_nearer() {
        let (pacer, now) = (pacer(usize::MAX), Instant::now());
        pacer.allocated(7 << 17);
        pacer.cycle_starts(false);
        let pause = || pacer.poll_at.get() - pacer.size();
        assert!(!pacer.step_ended(0, false, now) && pause() == POLL_BYTES, "there is no debt");
        pacer.debt.set(usize::MAX);
        assert!(!pacer.step_ended(0, false, now) && pause() == POLL_BYTES, "nor is there haste");
        pacer.allocated(1 << 15);
        assert!(pacer.step_ended(0, false, now) && pause() == POLL_BYTES / 4 * 3);
        assert!(pacer.is_too_early(pause() - 1) && !pacer.is_too_early(pause()));
        pacer.allocated((3 << 15) - 1);
        assert!(pacer.step_ended(0, false, now) && pause() == MIN_POLL_BYTES, "but not one upon the other");
        pacer.allocated(1);
        assert!(pacer.step_ended(0, false, now) && !pacer.is_too_early(0), "the goal is reached");
    }

    #[test]
    fn a_safepoint_between_two_steps_does_nothing_and_the_next_one_looks_again() {
        Heap::new().enter(|cx| {
            let _list = cx.root((cx.alloc(1), cx.alloc(2)));
            while cx.phase() != Phase::Mark {
                cx.step(Budget::work(1));
            }
            let steps = cx.stats().steps;
            cx.collector().poll.set(true);
            for _ in 0..POLL_BYTES / 32 - 1 {
                cx.alloc([0u64; 3]);
                cx.safepoint();
                assert_eq!((cx.stats().steps, cx.safepoint_due()), (steps, true));
            }
            cx.alloc([0u64; 3]);
            cx.safepoint();
            assert_eq!(cx.stats().steps, steps + 1);
        });
    }

    #[test]
    fn a_cycle_starts_sooner_where_marking_takes_longer() {
        let pacer = pacer(usize::MAX);
        let mut total = Duration::ZERO;
        for (steps, room) in [(0, 1 << 20), (80, 80 * (20 << 10)), (290, 290 * (20 << 10)), (1000, 15 << 19)] {
            total += steps * STEP_TIME;
            pacer.marking_ended(8 << 20, 0, 12 << 20, total, true);
            assert_eq!((pacer.goal.get(), pacer.trigger.get()), (16 << 20, (16 << 20) - room));
        }
    }

    #[test]
    fn a_cycle_starts_later_where_barriers_owed_the_steps() {
        let (pacer, now) = (pacer(usize::MAX), Instant::now());
        let mut total = Duration::ZERO;
        // Of 290 steps so many are owed by barriers, and a quarter of what is allocated else has been before each.
        for owed in [0, 40, 290, 0] {
            pacer.cycle_starts(false);
            pacer.step_ended(0, false, now);
            for _ in 0..owed {
                pacer.allocated(POLL_BYTES / 4);
                (0..BATCHES).for_each(|_| _ = pacer.noted(|| now + STEP_TIME));
                pacer.charge(false, now + STEP_TIME);
                pacer.step_ended(0, false, now);
            }
            total += 290 * STEP_TIME;
            pacer.marking_ended(8 << 20, 0, 12 << 20, total, true);
            let room = (290 * (20 << 10) - owed * (15 << 10)).max(1 << 20);
            assert_eq!(pacer.trigger.get(), (16 << 20) - room);
        }
    }

    #[test]
    fn futile_cycles_are_counted_in_a_row() {
        let pacer = pacer(1 << 20);
        for (live, exhausted) in
            [(1 << 20, false), (1 << 19, false), (1 << 20, false), (1 << 20, true), (1 << 10, false)]
        {
            pacer.marking_ended(live, 0, live, Duration::ZERO, true);
            assert_eq!(pacer.is_exhausted(), exhausted);
        }
    }
}
