//! The pacer by itself, and heaps that go by it.

use super::debt::MAX_LATENESS;
use super::*;
use crate::cycle::phase::Phase;
use crate::mark::budget::Budget;
use crate::mark::budget::Meter;
use crate::{
    Barrier, Deletion, Gc, Heap, Hybrid, Insertion, Mutator, RootsFirst, Slot, Stack, StackView, StopTheWorld, Sweep,
    Watermark,
};

fn pacer(limit: usize) -> Pacer {
    Pacer::new(Pace { growth: 256, floor: 1 << 20, limit, automatic: true, share: Some(50) }, true).unwrap()
}

#[test]
fn a_small_heap_does_not_collect_before_the_last_sixteenth_of_the_floor() {
    let pacer = pacer(usize::MAX);
    assert!(!pacer.allocated((15 << 16) - 1) && !pacer.wants_cycle(usize::MAX));
    assert!(pacer.allocated(1) && pacer.wants_cycle(usize::MAX));
}

#[test]
fn marking_is_paid_for_before_the_goal() {
    let pacer = pacer(usize::MAX);
    pacer.allocated(8 << 20);
    pacer.marking_ended(8 << 20, 0, 12 << 20, Duration::ZERO);
    assert_eq!(pacer.goal.get(), 16 << 20);
    pacer.allocated(15 << 19);
    assert!(pacer.wants_cycle(usize::MAX));
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
fn what_was_born_black_uses_headroom_up_but_for_an_eighth_of_it() {
    let pacer = pacer(usize::MAX);
    pacer.marking_ended(8 << 20, 2 << 20, 12 << 20, Duration::ZERO);
    assert_eq!(pacer.goal.get(), (12 << 20) + (3 << 18));
    pacer.marking_ended(8 << 20, 6 << 20, 12 << 20, Duration::ZERO);
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
    let (pacer, now) = (pacer(usize::MAX), Instant::now());
    pacer.cycle_starts(false);
    let charge = || {
        pacer.allocated(BURST - 1);
        pacer.charge(false, now)
    };
    while pacer.size() <= 4 * pacer.goal.get() {
        assert!(charge().work <= MAX_STEP * MAX_LATENESS);
    }
    let (work, time) = (MAX_STEP * MAX_LATENESS, STEP_TIME);
    assert_eq!(charge(), Charge { work, anyway: (BURST - 1) / 2 * MAX_LATENESS, time });
    assert!(pacer.step_ended(1 << 16, false, now), "the next safepoint goes on");
    assert!(!pacer.is_too_early(0));
    assert_eq!(pacer.charge(false, now + STEP_TIME), Charge { work, anyway: 0, time });
}

#[test]
fn a_burst_whose_like_would_pass_the_goal_pays_all_of_its_debt() {
    let (pacer, now) = (pacer(usize::MAX), Instant::now());
    pacer.allocated(1 << 19);
    pacer.cycle_starts(false);
    pacer.allocated(BURST);
    let charge = pacer.charge(false, now);
    assert_eq!((charge.anyway, charge.time), (0, STEP_TIME), "there is room for more");
    pacer.allocated(3 << 17);
    let charge = pacer.charge(false, now);
    assert_eq!((charge.work, charge.anyway), (pacer.debt.get(), pacer.debt.get()));
}

#[test]
fn a_burst_that_finds_debt_left_has_a_longer_step() {
    let (pacer, now) = (pacer(usize::MAX), Instant::now());
    pacer.marking_ended(8 << 20, 0, 64 << 20, Duration::ZERO);
    pacer.cycle_starts(false);
    pacer.step_ended(0, false, now);
    for time in [STEP_TIME, MAX_STEP_TIME] {
        pacer.allocated(BURST);
        assert_eq!(pacer.charge(false, now).time, time);
    }
}

/// Found: the clock stopped each step, and a mutator that allocated faster than the collector marks outran it without a
/// bound.
#[test]
fn past_the_goal_the_clock_does_not_stop_a_step_before_half_of_what_was_allocated() {
    let pacer = pacer(usize::MAX);
    let (now, goal) = (Instant::now(), pacer.goal.get());
    pacer.cycle_starts(false);
    for (past, bytes, anyway) in [
        (0, 16 << 10, 0),
        (16 << 10, 16 << 10, MIN_STEP),
        (goal / 8, 32 << 10, 32 << 10),
        (goal, 32 << 10, (16 << 10) * MAX_LATENESS),
        (64 * goal, 32 << 10, (16 << 10) * MAX_LATENESS),
    ] {
        pacer.heap.set(goal + past - bytes);
        pacer.charged.set(pacer.size());
        pacer.debt.set(MAX_STEP);
        pacer.allocated(bytes);
        let charge = Charge { time: Duration::ZERO, ..pacer.charge(false, now) };
        assert_eq!(charge.anyway, anyway);
        let mut meter = Meter::automatic(charge, now);
        while !meter.exhausted() {
            meter.spend_run(meter.room().min(1 << 10), None);
        }
        assert_eq!(meter.spent, anyway.max(1 << 10));
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
    let saw_writes = |at| {
        assert!(!pacer.saw_writes(WRITES - 1, || panic!("the clock is read too often")));
        pacer.saw_writes(1, || at)
    };
    pacer.cycle_starts(false);
    let mut last = now;
    for bytes in [0, 1 << 10, POLL_BYTES - 1] {
        assert!(!pacer.step_ended(0, false, last));
        assert!(
            !saw_writes(last) && !saw_writes(last + STEP_TIME - Duration::from_nanos(1)),
            "the mutator has its half"
        );
        pacer.allocated(bytes);
        assert!(pacer.is_too_early(0));
        assert!(saw_writes(last + STEP_TIME) && !pacer.is_too_early(0));
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
    let pace = Pace { growth: 256, floor: 1 << 20, limit: usize::MAX, automatic: false, share: Some(50) };
    let pacer = Pacer::new(pace, true).unwrap();
    pacer.cycle_starts(false);
    (0..4).for_each(|_| assert!(!pacer.saw_writes(WRITES, || panic!("nobody asks for the time"))));
    assert_eq!(pacer.poll_at.get(), usize::MAX);
}

/// Writes, and allocates nothing, while a cycle marks: barriers owe the steps.
fn marking_ends_where_the_mutator_only_writes<B: Barrier>() {
    type Node<'gc> = Slot<Option<Gc<'gc, u64>>>;
    Heap::builder().barrier::<B>().build().unwrap().enter(|cx| {
        let mut stack = Stack::<Gc<'static, Node<'static>>>::new(cx);
        let mut nodes = stack.open(cx);
        while cx.phase() != Phase::Mark {
            nodes.push(cx, cx.alloc(Slot::new(Some(cx.alloc(1)))));
            cx.safepoint();
        }
        // While the root-scanning window is open the heap has no barrier that could owe a step.
        while cx.collector().window.get() {
            cx.step(Budget::work(1));
        }
        let (allocated, steps) = (cx.stats().bytes_allocated, cx.stats().steps);
        let mut writes = (0..1 << 24).map(|at: usize| at % nodes.len());
        while cx.phase() == Phase::Mark {
            let node = nodes.at(cx, writes.next().expect("marking has not ended yet"));
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
    marking_ends_where_the_mutator_only_writes::<RootsFirst>();
    marking_ends_where_the_mutator_only_writes::<Hybrid>();
    marking_ends_where_the_mutator_only_writes::<Watermark>();
}

/// Writes roots in one way, and allocates nothing: roots are watched only until steps have scanned them.
fn roots_are_watched_for_a_while_only<B: Barrier>(
    mut write: impl for<'s, 'v, 'x> FnMut(&mut Mutator<'s, B>, &mut StackView<'v, 'x, Gc<'static, u64>>),
) {
    Heap::builder().barrier::<B>().build().unwrap().enter(|cx| {
        let mut stack = Stack::<Gc<'static, u64>>::new(cx);
        let mut roots = stack.open(cx);
        for number in 0..1 << 17 {
            roots.push(cx, cx.alloc(number));
        }
        while !cx.collector().watch_roots.get() {
            cx.step(Budget::work(1));
        }
        let (allocated, steps) = (cx.stats().bytes_allocated, cx.stats().steps);
        for _ in 0..1 << 22 {
            write(cx, &mut roots);
            cx.safepoint();
            if !cx.collector().watch_roots.get() {
                break;
            }
        }
        assert_eq!((cx.collector().watch_roots.get(), cx.stats().bytes_allocated), (false, allocated));
        assert!(cx.stats().steps > steps);
        cx.verify().unwrap();
    });
}

fn roots_are_watched_for_a_while_only_however_they_are_written<B: Barrier>() {
    roots_are_watched_for_a_while_only::<B>(|cx, roots| {
        let top = roots.top(cx, 0);
        roots.push(cx, top);
        roots.pop(cx);
    });
    roots_are_watched_for_a_while_only::<B>(|cx, roots| roots.set(cx, 0, roots.at(cx, 1)));
    roots_are_watched_for_a_while_only::<B>(|cx, roots| {
        let cells = roots.cells(cx, 0..2);
        cells[0].swap(&cells[1]);
    });
    // Under the other policies `root` has no barrier.
    if B::RULES.shades_new_root() {
        roots_are_watched_for_a_while_only::<B>(|cx, roots| _ = cx.root(roots.top(cx, 0)));
    }
    roots_are_watched_for_a_while_only::<B>(|cx, roots| {
        let top = cx.root(roots.top(cx, 0));
        cx.scope(|cx, out| _ = out.keep(cx, top.get(cx)));
    });
    let root = core::cell::OnceCell::new();
    roots_are_watched_for_a_while_only::<B>(move |cx, roots| {
        root.get_or_init(|| cx.persist(roots.top(cx, 0))).set(cx, roots.top(cx, 1));
    });
}

#[test]
fn roots_are_watched_for_a_while_only_under_each_policy() {
    roots_are_watched_for_a_while_only_however_they_are_written::<Insertion>();
    roots_are_watched_for_a_while_only_however_they_are_written::<RootsFirst>();
    roots_are_watched_for_a_while_only_however_they_are_written::<Hybrid>();
    roots_are_watched_for_a_while_only_however_they_are_written::<Watermark>();
}

/// Books that the mutator ran for `away`, and a step for `took`.
fn ran(pacer: &Pacer, away: Duration, took: Duration) {
    pacer.ran(&Run { wall: took, took, away });
}

#[test]
fn steps_move_together_as_the_goal_comes_nearer() {
    let (pacer, now) = (pacer(usize::MAX), Instant::now());
    pacer.allocated(7 << 17);
    ran(&pacer, 56 * STEP_TIME, Duration::ZERO);
    pacer.cycle_starts(false);
    let pause = || pacer.poll_at.get() - pacer.size();
    assert!(!pacer.step_ended(0, false, now) && pause() == POLL_BYTES, "there is no debt");
    pacer.debt.set(usize::MAX);
    ran(&pacer, Duration::ZERO, STEP_TIME);
    let usual = POLL_BYTES;
    assert!(!pacer.step_ended(0, false, now) && pause() == usual, "nor is there haste");
    pacer.allocated(5 << 14);
    assert!(pacer.step_ended(0, false, now) && pause() == usual * 3 / 4);
    assert!(pacer.is_too_early(pause() - 1) && !pacer.is_too_early(pause()));
    pacer.allocated((3 << 14) - 1);
    assert!(pacer.step_ended(0, false, now) && pause() == usual / 2, "but not one upon the other");
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
            assert_eq!((cx.stats().steps, cx.safepoint_due(), cx.collector().poll.get()), (steps, false, true));
        }
        cx.alloc([0u64; 3]);
        assert!(cx.safepoint_due());
        cx.safepoint();
        assert_eq!(cx.stats().steps, steps + 1);
    });
}

/// A refused allocation waits for the cycle: the next step is due however little was allocated since the last one.
#[test]
fn a_failed_allocation_does_not_wait_between_two_steps() {
    Heap::builder().limit(1 << 18).build().unwrap().enter(|cx| {
        let _list = cx.root((cx.alloc(1), cx.alloc(2)));
        while cx.phase() != Phase::Mark {
            cx.step(Budget::work(1));
        }
        let steps = cx.stats().steps;
        assert!(!cx.safepoint_due());
        assert!(cx.try_alloc([0u8; (1 << 18) + 1]).is_err());
        assert!(!cx.safepoint_due(), "no cycle can help what is larger than the limit");
        assert!(cx.try_alloc([0u8; (1 << 18) - (1 << 15)]).is_err());
        assert!(cx.safepoint_due());
        cx.safepoint();
        assert_eq!(cx.stats().steps, steps + 1);
    });
}

#[test]
fn what_goes_outside_in_the_middle_of_a_cycle_does_not_put_its_next_step_off() {
    let (pacer, now) = (pacer(usize::MAX), Instant::now());
    let next = || pacer.poll_at.get() - pacer.size();
    pacer.allocated(1 << 20);
    pacer.external_changed(1 << 28);
    pacer.cycle_starts(false);
    pacer.step_ended(0, false, now);
    assert_eq!(next(), POLL_BYTES);
    pacer.external_changed(-1 << 28);
    assert_eq!(next(), POLL_BYTES);
    pacer.table_changed(0, 1 << 28);
    pacer.step_ended(0, false, now);
    pacer.table_changed(1 << 28, 0);
    assert_eq!(next(), POLL_BYTES);
}

#[test]
fn a_cycle_starts_sooner_where_marking_takes_longer() {
    let pacer = pacer(usize::MAX);
    for (steps, room) in [(0, 0), (80, 80 * (18 << 10)), (290, 290 * (18 << 10)), (1000, 7 << 20)] {
        pacer.marking_ended(8 << 20, 0, 12 << 20, steps * STEP_TIME);
        assert_eq!((pacer.goal.get(), pacer.trigger.get()), (16 << 20, (16 << 20) - room - (1 << 19)));
    }
}

#[test]
fn the_goal_gives_way_where_a_long_marking_does_not_fit_below_it() {
    let pacer = pacer(usize::MAX);
    let (short, long) = (LONG_MARKING - STEP_TIME, LONG_MARKING);
    for (time, goal) in [(short, 16 << 20), (long, 32 << 20)] {
        pacer.marking_ended(8 << 20, 0, 12 << 20, time);
        assert_eq!(pacer.goal.get(), goal, "{time:?}");
    }
    // Where the mutator allocates little there is room for it.
    pacer.allocated(1 << 20);
    ran(&pacer, Duration::from_secs(1), Duration::ZERO);
    pacer.marking_ended(8 << 20, 0, 12 << 20, long);
    assert_eq!(pacer.goal.get(), 16 << 20);
}

#[test]
fn a_cycle_starts_later_where_the_mutator_allocates_more_slowly() {
    let pacer = pacer(usize::MAX);
    let mut last = 0;
    for steps in [1, 2, 4, 8] {
        for _ in 0..1000 {
            pacer.allocated(POLL_BYTES);
            ran(&pacer, steps * STEP_TIME, STEP_TIME);
        }
        pacer.marking_ended(8 << 20, 0, 12 << 20, 320 * STEP_TIME);
        let room = (5 << 20) / steps as usize;
        let expected = (16 << 20) - room - room / 8 - (1 << 19);
        assert!(pacer.trigger.get().abs_diff(expected) < 1 << 12, "{} and {expected}", pacer.trigger.get());
        assert!(pacer.trigger.get() > last);
        last = pacer.trigger.get();
    }
}

#[test]
fn more_is_expected_to_be_marked_where_the_new_survives() {
    let needed = |marked: usize| {
        let pacer = pacer(usize::MAX);
        pacer.marking_ended(8 << 20, 0, 12 << 20, 80 * STEP_TIME);
        pacer.allocated(8 << 20);
        pacer.cycle_starts(false);
        pacer.marking_ended(marked, 0, 12 << 20, 80 * STEP_TIME);
        pacer.needed.get()
    };
    assert_eq!([8 << 20, 12 << 20, 16 << 20].map(needed), [80, 120, 160].map(|steps| steps * POLL_BYTES));
}

/// Found: each cycle's goal was computed from the garbage of the last one, and doubled while nothing was live.
#[test]
fn what_the_dead_owned_outside_is_no_part_of_the_next_goal() {
    let pacer = pacer(usize::MAX);
    for _ in 0..8 {
        while !pacer.wants_cycle(usize::MAX) {
            pacer.external_changed(1 << 16);
        }
        assert!(pacer.size() <= 1 << 20, "the floor is the goal");
        pacer.cycle_starts(false);
        pacer.marking_ended(0, 0, 0, Duration::ZERO);
        pacer.swept();
        pacer.step_ended(0, true, Instant::now());
        // Drop code gives back the bytes of the dead late, when others are live already.
        let dead = pacer.external() as isize;
        pacer.external_changed(1 << 16);
        pacer.external_changed(-dead);
        assert_eq!(pacer.goal.get(), 1 << 20);
        pacer.external_changed(-(1 << 16));
    }
}

#[test]
fn what_is_outside_and_stays_is_part_of_the_next_goal() {
    let pacer = pacer(usize::MAX);
    pacer.external_changed(8 << 20);
    pacer.cycle_starts(false);
    pacer.marking_ended(0, 0, 0, Duration::ZERO);
    pacer.swept();
    assert_eq!(pacer.goal.get(), 16 << 20);
    (0..99).for_each(|_| {
        pacer.external_changed(1 << 20);
        pacer.external_changed(-(1 << 20));
    });
    assert_eq!((pacer.goal.get(), pacer.live()), (16 << 20, 8 << 20), "what comes and goes is not what lived");
}

/// Allocates in bursts between two safepoints: the peak is the goal and two bursts.
#[test]
fn a_mutator_of_large_bursts_does_not_outrun_the_collector() {
    fn peaks<B: Barrier>() {
        // The sweeper's thread may hold a block while it has no processor, and then no cycle ends.
        Heap::builder().barrier::<B>().sweep(Sweep::Lazy).build().unwrap().enter(|cx| {
            let _kept: Vec<_> = (0..6 << 20 >> 6).map(|n| cx.root(cx.alloc([n as u64; 7]))).collect();
            cx.collect();
            for burst in [1 << 17, 1 << 19, 2 << 20, 8 << 20] {
                let cycles = cx.stats().cycles;
                while cx.stats().cycles < cycles + 4 {
                    (0..burst >> 6).for_each(|n| _ = cx.alloc([n as u64; 7]));
                    let size = cx.stats().bytes_live as usize;
                    // Floating garbage of a cycle whose steps were short of processor time is part of the next goal.
                    let goal = cx.collector().pacer.goal.get();
                    assert!(size <= goal + 2 * burst, "{size} bytes, a goal of {goal}, bursts of {burst}");
                    cx.safepoint();
                }
            }
        });
    }
    peaks::<Insertion>();
    peaks::<Deletion>();
    peaks::<RootsFirst>();
    peaks::<Hybrid>();
    peaks::<Watermark>();
    peaks::<StopTheWorld>();
}
