//! Stacks of coroutines: values that move between a stack, which is a root, and lists, which are objects, at every point
//! of a cycle.

use grisaille::{Barrier, Budget, Gc, Heap, List, Mutator, Slot, Stack, Trace};

use crate::for_each_policy;

for_each_policy! {
    a_switch_at_any_point_of_a_cycle_loses_nothing
    a_deep_fiber_is_scanned_in_pieces
    a_cycle_through_a_suspended_fiber_is_freed
}

type Value<'gc> = Gc<'gc, u64>;

#[derive(Trace)]
struct Fiber<'gc> {
    values: List<'gc, Value<'gc>>,
    /// What a fiber may lead to: itself, for example.
    other: Slot<Option<Gc<'gc, Fiber<'gc>>>>,
}

fn fiber<'a, B: Barrier>(cx: &'a Mutator<'_, B>) -> Gc<'a, Fiber<'a>> {
    cx.alloc(Fiber { values: List::new(), other: Slot::new(None) })
}

fn by_hand<B: Barrier>() -> Heap<B> {
    Heap::builder().barrier::<B>().automatic(false).build().unwrap()
}

/// Two fibers take turns, and each writes a value of the other's when it runs. The values are reached through one list
/// or through the stack, never through both.
fn a_switch_at_any_point_of_a_cycle_loses_nothing<B: Barrier>() {
    for steps in 0..40 {
        by_hand::<B>().enter(|cx| {
            let mut stack = Stack::<Gc<'static, u64>>::new(cx);
            let fibers = [0u64, 100].map(|first| {
                let fiber = cx.root(fiber(cx));
                (first..first + 5).for_each(|n| fiber.get(cx).values.push(cx, cx.alloc(n)));
                fiber
            });
            for _ in 0..steps {
                cx.step(Budget::work(1));
            }
            let mut expected = [[0, 1, 2, 3, 4], [100, 101, 102, 103, 104]];
            let mut running = 0;
            for _ in 0..60 {
                cx.step(Budget::work(1));
                let fiber = fibers[running].get(cx);
                let mut view = stack.open(cx);
                // Resumed: its values go to the stack, and its list is empty.
                fiber.values.iter().for_each(|value| view.push(cx, value));
                fiber.values.clear(cx);
                cx.verify().unwrap();
                cx.step(Budget::work(1));
                // It runs: the value at the bottom is new, one moves in its place to the top.
                let fiber = fibers[running].get(cx);
                let bottom = view.at(cx, 0);
                let top = view.pop(cx).unwrap();
                view.set(cx, 0, top);
                view.push(cx, cx.alloc(*bottom + 1000));
                expected[running][0] = expected[running][4];
                expected[running][4] = *bottom + 1000;
                // Suspended, one value at a time.
                let values: Vec<_> = (0..view.len()).map(|at| view.at(cx, at)).collect();
                values.iter().for_each(|value| fiber.values.push(cx, *value));
                view.truncate(cx, 0);
                cx.verify().unwrap();
                running = 1 - running;
            }
            cx.collect();
            for (fiber, expected) in fibers.iter().zip(expected) {
                assert_eq!(fiber.get(cx).values.iter().map(|value| *value).collect::<Vec<_>>(), expected);
            }
            assert_eq!(stack.open(cx).len(), 0);
        });
    }
}

/// No step of the smallest budget scans more than a piece, and what is popped meanwhile is not lost.
fn a_deep_fiber_is_scanned_in_pieces<B: Barrier>() {
    by_hand::<B>().enter(|cx| {
        let deep = cx.root(fiber(cx));
        (0..20_000u64).for_each(|n| deep.get(cx).values.push(cx, cx.alloc(n)));
        let kept = cx.root_cell(None::<Value<'_>>);
        let mut steps = 0;
        let mut last = 20_000;
        while !cx.step(Budget::work(1)).cycle_ended {
            steps += 1;
            if steps % 3 == 0 {
                let popped = deep.get(cx).values.pop(cx).unwrap();
                last -= 1;
                assert_eq!(*popped, last);
                kept.set(cx, Some(popped));
            }
        }
        cx.collect();
        assert_eq!(kept.get(cx).map(|value| *value), (last < 20_000).then_some(last));
        assert_eq!(deep.get(cx).values.iter().map(|value| *value).sum::<u64>(), (0..last).sum());
        if cx.stats().cycles() > 0 && B::NAME != "stop-the-world" {
            assert!(steps > 20_000 / 128, "the list was scanned in {steps} steps");
        }
    });
}

fn a_cycle_through_a_suspended_fiber_is_freed<B: Barrier>() {
    by_hand::<B>().enter(|cx| {
        for _ in 0..100 {
            let one = fiber(cx);
            let two = fiber(cx);
            one.other.set(cx, Some(two));
            two.other.set(cx, Some(one));
            (0..10u64).for_each(|n| one.values.push(cx, cx.alloc(n)));
        }
        cx.collect();
        assert_eq!(cx.stats().bytes_live(), 0);
    });
}
