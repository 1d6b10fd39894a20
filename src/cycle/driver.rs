//! The driver: how a safepoint, a step and a collection run the phase machine.

use std::time::Duration;

use super::collector::Collector;
use super::event::Event;
use super::phase::Phase;
use super::{Ended, decommit_cost};
use crate::barrier::Barrier;
use crate::clock::Instant;
use crate::mark::budget::{Budget, Meter};
use crate::space::arena::Decommit;
use crate::space::geometry::PAGE;

/// The shapes of cycles under stress, in turn: the work of a step, and the safepoint at which the cycle is finished at
/// the latest. So whole cycles happen early and often, also under policies that mark written values, and steps of every
/// size lie between a program's operations.
const STRESS: [(usize, u32); 5] = [(1 << 12, 6), (1, 48), (usize::MAX, 1), (1 << 10, 24), (1, 400)];

/// Number of times that a safepoint yields to other threads while the sweeper's thread holds the last block.
const PATIENCE: usize = 256;
/// Number of times that [`collect`](Collector::collect) waits for that thread, counted anew when a drop ends. From the
/// 257th on it sleeps for a millisecond: after about a second in which no drop ends it returns.
const LONG_PATIENCE: usize = PATIENCE + 1000;

/// The action of a safepoint.
enum Next {
    /// Runs a step under stress.
    Stress,
    /// Finishes the cycle in progress, or runs one, in one pause.
    MakeRoom,
    /// Runs a step of the pacer's size.
    Step,
    /// Does nothing: no cycle is due, or the mutator's share of the time is not over.
    Nothing,
}

impl Collector {
    /// Runs a safepoint that has something to do.
    #[cold]
    #[inline(never)]
    pub(crate) fn safepoint<B: Barrier>(&self) {
        if self.is_between_steps() {
            return;
        }
        self.checkpoint();
        self.poll.set(self.stress);
        if !self.pacer.pace.automatic {
            return;
        }
        self.pacer.reached_safepoint();
        let start = Instant::now();
        match self.next() {
            Next::Stress => self.stressed_step::<B>(start),
            Next::MakeRoom => self.make_room::<B>(start),
            Next::Step => self.automatic_step::<B>(start),
            Next::Nothing => {
                self.pacer.step_ended(0, self.phase.get() == Phase::Idle, start);
            }
        }
        if self.refused.get().is_some_and(|cycle| self.cycle.get() > cycle) && self.phase.get() == Phase::Idle {
            self.refused.set(None);
        }
        if self.refused.get().is_some() {
            self.poll.set(true);
        }
    }

    /// Decides what a safepoint that has something to do does.
    fn next(&self) -> Next {
        let (pacer, phase, refused) = (&self.pacer, self.phase.get(), self.refused.get().is_some());
        if self.stress {
            return Next::Stress;
        }
        if self.must_make_room() {
            return Next::MakeRoom;
        }
        let due = refused || phase != Phase::Idle || pacer.wants_cycle(self.free());
        if !due || (refused || pacer.limit.is_exhausted()) && pacer.must_leave_time() {
            return Next::Nothing;
        }
        Next::Step
    }

    /// Runs a step of the pacer's size.
    fn automatic_step<B: Barrier>(&self, start: Instant) {
        let (pacer, refused) = (&self.pacer, self.refused.get().is_some());
        if self.phase.get() == Phase::Idle {
            pacer.idle_ends();
        }
        let mut meter = Meter::automatic(pacer.charge(refused, start), start);
        // The sweeper's blocks are left to it, unless the next cycle is due.
        let take_part = refused || pacer.wants_cycle(self.free());
        let ended = self.run::<B>(&mut meter, take_part);
        let end = Instant::now();
        match ended {
            Ended::Cycle => {
                pacer.step_ended(meter.spent, true, end);
            }
            Ended::Budget if pacer.step_ended(meter.spent, false, end) => self.poll.set(true),
            Ended::Budget => {}
            Ended::Waiting => pacer.nothing_to_do(end),
        }
        self.paused(end - start);
    }

    /// Runs a step under stress.
    fn stressed_step<B: Barrier>(&self, start: Instant) {
        let (work, most) = STRESS[self.counters.cycles.get() as usize % STRESS.len()];
        let safepoints = self.stressed.get() + 1;
        let cycle = self.counters.cycles.get();
        if safepoints >= most {
            self.finish_cycle::<B>(PATIENCE);
        } else {
            let mut meter = Meter::new(Budget::work(work), start);
            let ended = self.run::<B>(&mut meter, true);
            self.pacer.step_ended(meter.spent, ended == Ended::Cycle, start);
        }
        self.stressed.set(if self.counters.cycles.get() > cycle { 0 } else { safepoints });
        self.paused(start.elapsed());
    }

    /// Returns whether steps do not suffice: memory is short and a cycle may start, or the mutator outruns the
    /// collector.
    fn must_make_room(&self) -> bool {
        let (phase, limit) = (self.phase.get(), &self.pacer.limit);
        let short = self.is_short() && (limit.may_start() || phase != Phase::Idle && !limit.is_exhausted());
        short || self.refused.get().is_some() && limit.may_start() || self.pacer.is_outrun(phase)
    }

    /// Finishes the cycle in progress, and runs a whole one if memory is still short or an allocation was refused since
    /// the last one began.
    fn make_room<B: Barrier>(&self, start: Instant) {
        if self.phase.get() != Phase::Idle {
            self.finish_cycle::<B>(PATIENCE);
        }
        if self.phase.get() == Phase::Idle && self.must_make_room() {
            self.pacer.idle_ends();
            self.finish_cycle::<B>(PATIENCE);
        }
        self.paused(start.elapsed());
    }

    /// Makes room at the start of a session where memory is short, or an allocation was refused since the last cycle began.
    /// What the last session rooted is garbage now, so a whole cycle is run, also where the last one left too much alive.
    /// Where this one does too, sessions that begin soon after it leave half of the time to the mutator.
    pub(crate) fn session_starts<B: Barrier>(&self) {
        let wanted = self.refused.get().is_some() || self.is_short();
        if !wanted || !self.pacer.pace.automatic || self.futile.get() && self.pacer.must_leave_time() {
            return;
        }
        let start = Instant::now();
        if self.phase.get() == Phase::Idle || self.finish_cycle::<B>(PATIENCE) {
            self.pacer.idle_ends();
            if self.finish_cycle::<B>(PATIENCE) {
                self.refused.set(None);
            }
        }
        self.futile.set(self.is_short());
        self.paused(start.elapsed());
    }

    /// Runs a step of the embedder's size.
    pub(crate) fn step<B: Barrier>(&self, meter: &mut Meter, start: Instant) -> Ended {
        self.checkpoint();
        let ended = self.run::<B>(meter, true);
        let end = Instant::now();
        self.paused(end - start);
        self.pacer.step_ended(meter.spent, ended == Ended::Cycle, end);
        ended
    }

    /// Finishes the cycle in progress, if any, and runs a whole one, unless drop code on the sweeper's thread does not
    /// return.
    pub(crate) fn collect<B: Barrier>(&self) {
        let start = Instant::now();
        let ended = self.phase.get() == Phase::Idle || self.finish_cycle::<B>(LONG_PATIENCE);
        self.roots.reap_all();
        if !(ended && self.finish_cycle::<B>(LONG_PATIENCE)) {
            self.counters.collections_cut_short.set(self.counters.collections_cut_short.get() + 1);
        }
        self.idle_at.set(0);
        self.decommit(&mut Meter::unlimited());
        self.paused(start.elapsed());
    }

    /// Does a part of the work of [`collect`](Collector::collect). Returns whether nothing is left to do.
    pub(crate) fn idle<B: Barrier>(&self, budget: Budget) -> bool {
        let start = Instant::now();
        let mut meter = Meter::new(budget, start);
        self.checkpoint();
        let done = self.idle_step::<B>(&mut meter);
        self.paused(start.elapsed());
        done
    }

    fn idle_step<B: Barrier>(&self, meter: &mut Meter) -> bool {
        while self.phase.get() != Phase::Idle || self.pacer.limit.has_grown() {
            let ended = self.run::<B>(meter, true) == Ended::Cycle;
            self.pacer.step_ended(meter.spent, ended, Instant::now());
            self.idle_at.set(0);
            if !ended || meter.exhausted() {
                return false;
            }
        }
        self.decommit(meter)
    }

    /// Decommits empty memory. Returns whether all of it is decommitted.
    fn decommit(&self, meter: &mut Meter) -> bool {
        let mut blocks = self.blocks.borrow_mut();
        loop {
            let chunk = self.idle_at.get();
            let exhausted = match blocks.registry.arena.decommit(chunk) {
                Decommit::InPart { pages } => {
                    self.tell(|| Event::Decommitted { bytes: pages * PAGE });
                    meter.spend(decommit_cost(pages))
                }
                Decommit::Done => {
                    self.idle_at.set(chunk + 1);
                    meter.spend(16)
                }
                Decommit::NoChunk => {
                    self.idle_at.set(0);
                    return true;
                }
            };
            if exhausted {
                return false;
            }
        }
    }

    /// Runs the phase machine to the end of a cycle. Yields to other threads up to `patience` times while the sweeper's
    /// thread holds a block and nothing else is left to do. Returns whether the cycle has ended.
    fn finish_cycle<B: Barrier>(&self, patience: usize) -> bool {
        self.checkpoint();
        let (mut waits, mut dropped) = (0, self.blocks.borrow().dropped());
        let ended = loop {
            match self.run::<B>(&mut Meter::unlimited(), true) {
                Ended::Waiting if waits < patience => waits += 1,
                Ended::Waiting => break false,
                Ended::Cycle => break true,
                Ended::Budget => {}
            }
            if waits <= PATIENCE {
                std::thread::yield_now();
            } else {
                std::thread::sleep(Duration::from_millis(1));
                // As long as drops end, the sweeper makes progress: wait on.
                let now = self.blocks.borrow().dropped();
                if core::mem::replace(&mut dropped, now) != now {
                    waits = PATIENCE;
                }
            }
        };
        let now = Instant::now();
        if ended {
            self.pacer.step_ended(0, true, now);
        } else {
            self.pacer.nothing_to_do(now);
        }
        self.poll.set(self.stress && self.pacer.pace.automatic);
        ended
    }
}
