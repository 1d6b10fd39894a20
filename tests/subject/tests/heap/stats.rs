//! The accounts add up.

use std::time::Duration;

use grisaille::{Barrier, Budget, Check, Gc, Heap, Phase, Slot, Sweep, Trace};

use crate::SWEEPS;
use crate::for_each_policy;

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<Option<Gc<'gc, Node<'gc>>>>,
    weight: [u64; 2],
}

/// Objects of every kind are born in every phase; after a collection the difference is what lives.
fn allocated_and_not_freed_is_alive<B: Barrier>() {
    for sweep in SWEEPS {
        for budget in [1, 200, 4000, 1 << 20] {
            let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
            heap.enter(|cx| {
                let list = cx.root(cx.alloc(Slot::new(None::<Gc<'_, Node<'_>>>)));
                let (mut born, mut kept) = (1, 1);
                for round in 0..400 {
                    for i in 0..10 {
                        let node = cx.alloc(Node { next: Slot::new(list.get(cx).get()), weight: [i; 2] });
                        if i == 0 {
                            list.get(cx).set(cx, Some(node));
                            kept += 1;
                        }
                    }
                    cx.alloc_str("text");
                    cx.alloc_array(1100, |i| i);
                    cx.alloc_array(100, |_| Slot::new(None::<Gc<'_, u64>>));
                    cx.alloc(String::from("with drop glue"));
                    list.downgrade_and_forget(cx);
                    born += 15;
                    if round % 97 == 0 {
                        list.get(cx).set(cx, None); // the list dies
                        kept = 1;
                    }
                    cx.step(Budget::work(budget));
                    assert_eq!(cx.stats().objects_allocated(), born);
                    assert!(cx.stats().objects_freed() <= born - kept);
                }
                cx.collect();
                let stats = cx.stats();
                assert_eq!(stats.objects_allocated() - stats.objects_freed(), kept, "{sweep:?} {budget}\n{stats}");
                assert_eq!(
                    stats.bytes_live(),
                    stats.bytes_allocated() - stats.bytes_freed(),
                    "{sweep:?} {budget}\n{stats}"
                );
                assert_eq!(stats.bytes_live(), 16 + (kept - 1) * 32);
                assert!(stats.bytes_used() >= stats.bytes_live() && stats.bytes_held() >= stats.bytes_used());
            });
        }
    }
}

/// Makes a weak pointer and forgets it: its cell is an object too.
trait DowngradeAndForget {
    fn downgrade_and_forget<B: Barrier>(&self, cx: &grisaille::Mutator<'_, B>);
}

impl DowngradeAndForget for grisaille::Rooted<'_, Gc<'_, Slot<Option<Gc<'_, Node<'_>>>>>> {
    fn downgrade_and_forget<B: Barrier>(&self, cx: &grisaille::Mutator<'_, B>) {
        Gc::downgrade(self.get(cx), cx);
    }
}

fn steps_and_cycles_are_counted<B: Barrier>() {
    let mut heap = Heap::builder().barrier::<B>().sweep(Sweep::Lazy).automatic(false).build().unwrap();
    heap.enter(|cx| {
        let _kept = cx.root(cx.alloc((cx.alloc(1), cx.alloc(2))));
        assert_eq!(cx.stats().objects_allocated(), 3);
        let mut steps = 0;
        for cycle in 0..3 {
            assert_eq!(cx.stats().cycles(), cycle);
            loop {
                let progress = cx.step(Budget::work(1));
                steps += 1;
                assert_eq!(progress.phase, cx.phase());
                assert_eq!(progress.cycle_ended, cx.phase() == Phase::Idle);
                assert_eq!(cx.stats().steps(), steps);
                if progress.cycle_ended {
                    break;
                }
                assert!(progress.work > 0, "a step does at least one piece");
            }
        }
        let stats = cx.stats();
        assert_eq!(stats.objects_marked(), 9);
        assert_eq!(stats.bytes_marked(), 3 * (24 + 16 + 16));
        assert!(
            stats.longest_pause() > std::time::Duration::ZERO && stats.collector_time() > std::time::Duration::ZERO
        );
        assert!(stats.to_string().lines().count() >= 15, "a table");
    });
}

/// The least time that the drop of a value takes.
const DROP: Duration = Duration::from_millis(20);

struct SlowToDrop;

impl Drop for SlowToDrop {
    fn drop(&mut self) {
        std::thread::sleep(DROP);
    }
}

/// All of an eager sweep was booked to the phase before it, and so was the beginning of any sweep.
fn sweeping_is_booked_to_the_sweep<B: Barrier>() {
    for sweep in SWEEPS {
        let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
        heap.enter(|cx| {
            cx.alloc(Skipped(SlowToDrop));
            cx.collect();
        });
        let stats = heap.stats();
        assert!(stats.time_in(Phase::Sweep) >= DROP, "{sweep:?}\n{stats}");
        assert!(stats.longest_pause() >= DROP && stats.collector_time() >= DROP, "{sweep:?}\n{stats}");
    }
}

#[derive(Trace)]
struct Skipped<T: Send + 'static>(#[trace(skip)] T);

/// Pauses and phases agree, and a check is in neither. (Checks were in the pauses and not in the phases.)
fn checks_are_in_no_time<B: Barrier>() {
    let mut heap = Heap::builder().barrier::<B>().automatic(false).check(Check::EveryStep).build().unwrap();
    let mut wall = Duration::ZERO;
    heap.enter(|cx| {
        let _kept = cx.root(cx.alloc(SlowToTrace(Duration::from_millis(1))));
        for _ in 0..3 {
            let start = std::time::Instant::now();
            cx.collect();
            wall += start.elapsed();
        }
    });
    let stats = heap.stats();
    // A trace of marking is in the times, at least two of checks are not.
    let trace = Duration::from_millis(1);
    assert!(stats.longest_pause() >= trace && stats.time_in(Phase::Mark) >= 3 * trace, "{stats}");
    assert!(stats.collector_time() + 6 * trace <= wall, "{wall:?}\n{stats}");
    assert!(stats.longest_pause() + 6 * trace <= wall, "{wall:?}\n{stats}");
    if cfg!(target_os = "linux") {
        assert!(stats.longest_pause_processor() > Some(Duration::ZERO), "{stats}");
        assert!(stats.longest_pause_processor() < stats.processor_time(), "{stats}");
    }
}

/// A value whose trace takes at least that long.
struct SlowToTrace(Duration);

// SAFETY: it holds no pointers.
unsafe impl Trace for SlowToTrace {
    type At<'a> = SlowToTrace;

    fn trace(&self, _: &mut grisaille::Tracer<'_>) {
        std::thread::sleep(self.0);
    }
}

for_each_policy! {
    sweeping_is_booked_to_the_sweep
    checks_are_in_no_time
    allocated_and_not_freed_is_alive
    steps_and_cycles_are_counted
}
