//! Steps: bounded by work or by time, at safepoints or by hand.

use std::time::{Duration, Instant};

use grisaille::{Barrier, Budget, Gc, Heap, Mutator, Phase, Slot, Sweep, Trace};

use crate::SWEEPS;
use crate::for_each_policy;

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<Option<Gc<'gc, Node<'gc>>>>,
}

fn list<'a, B: Barrier>(cx: &'a Mutator<'_, B>, len: usize) -> Gc<'a, Node<'a>> {
    let mut list = cx.alloc(Node { next: Slot::new(None) });
    for _ in 1..len {
        list = cx.alloc(Node { next: Slot::new(Some(list)) });
    }
    list
}

/// Steps of no time at all still come to an end, and each returns soon.
fn steps_bounded_by_time_end<B: Barrier>() {
    for sweep in SWEEPS {
        for time in [Duration::ZERO, Duration::from_micros(50), Duration::MAX] {
            let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
            heap.enter(|cx| {
                let kept = cx.root(list(cx, 50_000));
                let (start, mut steps) = (Instant::now(), 0);
                while !cx.step(Budget::time(time)).cycle_ended {
                    steps += 1;
                    assert!(start.elapsed() < Duration::from_secs(60), "{steps} steps, and no end");
                }
                assert!(kept.get(cx).next.get().is_some());
                if time == Duration::ZERO && B::NAME != "stop-the-world" {
                    assert!(steps > 100, "{steps} steps of no time did it all");
                }
            });
        }
    }
}

/// A budget of work is kept to, but for the last piece. (The baseline and the ends of some policies are one pause.)
fn steps_bounded_by_work_are<B: Barrier>() {
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let _kept = cx.root(list(cx, 20_000));
        for budget in [1, 100, 10_000] {
            loop {
                let progress = cx.step(Budget::work(budget));
                if B::NAME != "stop-the-world" {
                    assert!(progress.work < budget + 1024, "{} of {budget} in {}", progress.work, progress.phase);
                }
                if progress.cycle_ended {
                    break;
                }
            }
        }
    });
}

/// Under stress every safepoint is a step, and garbage is found by safepoints alone.
fn stress_steps_at_every_safepoint<B: Barrier>() {
    for sweep in SWEEPS {
        let mut heap = Heap::builder().barrier::<B>().sweep(sweep).stress(true).build().unwrap();
        heap.enter(|cx| {
            let kept = cx.root(list(cx, 10));
            let (start, mut safepoints) = (Instant::now(), 0);
            while safepoints < 3000 || cx.stats().cycles() <= 5 || cx.stats().objects_freed() <= 3000 {
                list(cx, 3);
                let steps = cx.stats().steps();
                cx.safepoint();
                assert!(cx.stats().steps() > steps);
                safepoints += 1;
                // The sweeper's thread may have a block in hand, and on a busy machine no processor.
                if safepoints > 3000 {
                    std::thread::yield_now();
                    assert!(start.elapsed() < Duration::from_secs(60), "{}", cx.stats());
                }
            }
            let (mut at, mut len) = (kept.get(cx), 1);
            while let Some(next) = at.next.get() {
                (at, len) = (next, len + 1);
            }
            assert_eq!(len, 10);
        });
    }
}

/// A program of a few safepoints had no cycle at all, and where a policy marks what is written one piece a step never ended
/// the first: a tester's stress tested nothing.
fn stress_collects_early_and_often<B: Barrier>() {
    let mut heap = Heap::builder().barrier::<B>().sweep(Sweep::Lazy).stress(true).build().unwrap();
    heap.enter(|cx| {
        let kept = cx.root(list(cx, 100));
        for safepoints in 1..=2500 {
            // Reachable and white, at every safepoint.
            kept.get(cx).next.set(cx, Some(list(cx, 1)));
            cx.safepoint();
            let cycles = cx.stats().cycles();
            assert!(cycles >= 1 || safepoints < 20, "no cycle in {safepoints} safepoints");
            assert!(cycles >= safepoints / 100, "{cycles} cycles in {safepoints} safepoints");
        }
        assert!(cx.stats().objects_freed() > 2000, "{}", cx.stats());
    });
}

/// A small heap with much garbage collects at its own pace and ends in any phase; whatever is alive is whole.
fn safepoints_collect<B: Barrier>() {
    for sweep in SWEEPS {
        let mut heap = Heap::builder().barrier::<B>().sweep(sweep).floor(256 << 10).build().unwrap();
        heap.enter(|cx| {
            let ring = cx.root(list(cx, 1000));
            for round in 0..20_000 {
                // A new node takes the second one's place, now and then.
                let first = ring.get(cx);
                let second = first.next.get().unwrap();
                let new = cx.alloc(Node { next: Slot::new(second.next.get()) });
                if round % 3 == 0 {
                    first.next.set(cx, Some(new));
                }
                list(cx, 5);
                cx.safepoint();
            }
            let (mut at, mut len) = (ring.get(cx), 1);
            while let Some(next) = at.next.get() {
                (at, len) = (next, len + 1);
            }
            assert_eq!(len, 1000);
            assert!(cx.stats().cycles() > 2, "{}", cx.stats());
            assert!(cx.stats().bytes_used() < 4 << 20, "{}", cx.stats());
        });
    }
}

for_each_policy! {
    steps_bounded_by_time_end
    steps_bounded_by_work_are
    stress_steps_at_every_safepoint
    stress_collects_early_and_often
    safepoints_collect
}

#[test]
fn collect_in_the_middle_of_a_cycle_frees_all_that_is_unreachable() {
    for pieces in 0..40 {
        let mut heap = Heap::builder().automatic(false).build().unwrap();
        heap.enter(|cx| {
            let kept = cx.root(list(cx, 5));
            for _ in 0..pieces {
                cx.step(Budget::work(1));
            }
            kept.get(cx).next.set(cx, None);
            list(cx, 3);
            cx.collect();
            assert_eq!((cx.phase(), cx.stats().bytes_live()), (Phase::Idle, 16), "after {pieces} pieces");
        });
    }
}
