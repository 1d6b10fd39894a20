//! The accounts add up.

use grisaille::{Barrier, Budget, Gc, Heap, Phase, Slot, Sweep, Trace};

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
                    assert_eq!(cx.stats().objects_allocated, born);
                    assert!(cx.stats().objects_freed <= born - kept);
                }
                cx.collect();
                let stats = cx.stats();
                assert_eq!(stats.objects_allocated - stats.objects_freed, kept, "{sweep:?} {budget}\n{stats}");
                assert_eq!(stats.bytes_live, stats.bytes_allocated - stats.bytes_freed, "{sweep:?} {budget}\n{stats}");
                assert_eq!(stats.bytes_live, 16 + (kept - 1) * 32);
                assert!(stats.bytes_used >= stats.bytes_live && stats.bytes_held >= stats.bytes_used);
            });
        }
    }
}

/// What a test of weak cells needs: they are objects too.
trait DowngradeAndForget {
    fn downgrade_and_forget<B: Barrier>(&self, cx: &grisaille::Mutator<'_, B>);
}

impl DowngradeAndForget for grisaille::Local<'_, Gc<'_, Slot<Option<Gc<'_, Node<'_>>>>>> {
    fn downgrade_and_forget<B: Barrier>(&self, cx: &grisaille::Mutator<'_, B>) {
        self.get(cx).downgrade(cx);
    }
}

fn steps_and_cycles_are_counted<B: Barrier>() {
    let mut heap = Heap::builder().barrier::<B>().sweep(Sweep::Lazy).automatic(false).build().unwrap();
    heap.enter(|cx| {
        let _kept = cx.root(cx.alloc((cx.alloc(1), cx.alloc(2))));
        assert_eq!(cx.stats().objects_allocated, 3);
        let mut steps = 0;
        for cycle in 0..3 {
            assert_eq!(cx.stats().cycles, cycle);
            loop {
                let progress = cx.step(Budget::work(1));
                steps += 1;
                assert_eq!(progress.phase, cx.phase());
                assert_eq!(progress.cycle_ended, cx.phase() == Phase::Idle);
                assert_eq!(cx.stats().steps, steps);
                if progress.cycle_ended {
                    break;
                }
                assert!(progress.work > 0, "a step does at least one piece");
            }
        }
        let stats = cx.stats();
        assert_eq!(stats.objects_marked, 9);
        assert_eq!(stats.bytes_marked, 3 * (24 + 16 + 16));
        assert!(stats.longest_pause > std::time::Duration::ZERO && stats.collector_time() > std::time::Duration::ZERO);
        assert!(stats.to_string().lines().count() >= 15, "a table");
    });
}

for_each_policy! {
    allocated_and_not_freed_is_alive
    steps_and_cycles_are_counted
}
