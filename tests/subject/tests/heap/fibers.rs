//! Fibers: values that move between a stack, which is a root, and an object, at every point of a cycle.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use grisaille::fault::{self, Fault};
use grisaille::{
    Barrier, Budget, Check, Color, Deletion, Fiber, Gc, Heap, Hybrid, Insertion, Mutator, Phase, RootsFirst, Slot,
    Stack, StackView, Sweep, Trace, Tracer, Watermark,
};

use crate::for_each_policy;

for_each_policy! {
    a_switch_at_any_point_of_a_cycle_loses_nothing
    a_deep_fiber_is_switched_at_every_stage_of_its_scan
    a_deep_fiber_is_scanned_in_pieces
    no_switch_scans_what_it_moves
    a_part_of_a_fiber_is_switched_at_any_point_of_a_cycle
    a_dead_fiber_is_freed_with_its_stack
    a_cycle_through_a_suspended_fiber_is_freed
    a_suspended_fiber_costs_what_it_holds
    a_full_heap_moves_nothing
    refused_memory_moves_nothing
    a_trace_that_panics_moves_nothing
}

type Value<'gc> = Gc<'gc, u64>;

#[derive(Trace)]
struct Coroutine<'gc> {
    values: Fiber<'gc, Value<'gc>>,
    /// What a coroutine may lead to: itself, for example.
    other: Slot<Option<Gc<'gc, Coroutine<'gc>>>>,
}

fn coroutine<'a, B: Barrier>(cx: &'a Mutator<'_, B>) -> Gc<'a, Coroutine<'a>> {
    cx.alloc(Coroutine { values: Fiber::new(), other: Slot::new(None) })
}

fn by_hand<B: Barrier>() -> Heap<B> {
    Heap::builder().barrier::<B>().automatic(false).build().unwrap()
}

/// Two fibers take turns, and each writes a value of its own when it runs. The values are reached through one fiber or
/// through the stack, never through both. Between two moves the collector makes so many of its smallest steps, after as
/// many at the start: so the moves come to every place of a cycle.
fn a_switch_at_any_point_of_a_cycle_loses_nothing<B: Barrier>() {
    for (start, between) in (0..30).flat_map(|start| (0..3).map(move |between| (start, between))) {
        by_hand::<B>().enter(|cx| {
            let mut stack = Stack::<Value<'static>>::new(cx);
            let mut view = stack.open(cx);
            let steps = |cx: &mut Mutator<'_, B>, count| {
                for _ in 0..count {
                    cx.step(Budget::work(1));
                }
                cx.verify().unwrap();
            };
            let fibers = [0u64, 100].map(|first| {
                let fiber = cx.root(coroutine(cx));
                (first..first + 5).for_each(|n| fiber.get(cx).values.push(cx, cx.alloc(n)));
                fiber
            });
            steps(cx, start);
            let mut expected = [[0, 1, 2, 3, 4], [100, 101, 102, 103, 104]];
            let mut running = 0;
            for _ in 0..60 {
                steps(cx, between);
                view.resume(cx, &fibers[running].get(cx).values);
                assert_eq!((view.len(), fibers[running].get(cx).values.len()), (5, 0));
                steps(cx, between);
                // It runs: the value at the bottom is new, one moves in its place to the top.
                let bottom = view.at(cx, 0);
                let top = view.pop(cx).unwrap();
                view.set(cx, 0, top);
                view.push(cx, cx.alloc(*bottom + 1000));
                expected[running][0] = expected[running][4];
                expected[running][4] = *bottom + 1000;
                view.suspend(cx, &fibers[running].get(cx).values, 0);
                assert!(view.is_empty());
                running = 1 - running;
            }
            cx.collect();
            cx.verify().unwrap();
            for (fiber, expected) in fibers.iter().zip(expected) {
                assert!(fiber.get(cx).values.iter().map(|value| *value).eq(expected));
            }
        });
    }
}

fn end_of<'a>(chain: Gc<'a, Coroutine<'a>>) -> Gc<'a, Coroutine<'a>> {
    core::iter::successors(Some(chain), |fiber| fiber.other.get()).last().expect("there is one")
}

/// Moves values between a fiber, which a chain of so many objects leads to, and two of five stacks, of which one is the
/// first to be scanned and the other the last, after so many of a cycle's smallest steps. Returns whether the verifier finds
/// that an object is lost. Reads no value: it may be lost.
fn loses<B: Barrier>(depth: usize, to: usize, held: u64, steps: usize) -> bool {
    const MOVED: u64 = 20;
    let mut heap = by_hand::<B>();
    let lost = heap.enter(|cx| {
        let mut stacks = [(); 5].map(|()| Stack::<Value<'static>>::new(cx));
        let mut views = stacks.each_mut().map(|stack| stack.open(cx));
        let mut chain = coroutine(cx);
        (0..held).for_each(|n| views[to].push(cx, cx.alloc(n)));
        views[to].suspend(cx, &chain.values, 0);
        for _ in 0..depth {
            let next = coroutine(cx);
            next.other.set(cx, Some(chain));
            chain = next;
        }
        let chain = cx.root(chain);
        for view in views.iter_mut().enumerate().filter(|(at, _)| *at != to).map(|(_, view)| view) {
            (0..MOVED).for_each(|n| view.push(cx, cx.alloc(n)));
        }
        for _ in 0..steps {
            cx.step(Budget::work(1));
        }
        views[to].resume_top(cx, &end_of(chain.get(cx)).values, MOVED as usize);
        if cx.verify().is_err() {
            return true;
        }
        // What goes to the fiber is old, and may be unscanned, but for one.
        let from = &mut views[4 - to];
        from.set(cx, MOVED as usize - 1, cx.alloc(0));
        from.suspend(cx, &end_of(chain.get(cx)).values, 0);
        cx.verify().is_err()
    });
    if lost {
        core::mem::forget(heap);
    }
    lost
}

/// Returns whether [`loses`] is true at some place of a cycle, of a fiber that is moved as a whole or in part.
fn loses_somewhere<B: Barrier>() -> bool {
    let cases = [0, 100].into_iter().flat_map(|depth| [0, 4].map(|to| (depth, to)));
    let mut cases = cases.flat_map(|(depth, to)| [20, 40].map(|held| (depth, to, held)));
    cases.any(|(depth, to, held)| (0..200).any(|steps| loses::<B>(depth, to, held, steps)))
}

/// Each rule of a move is needed under the policies that have it, and what breaks without it is seen.
#[test]
fn a_move_without_one_of_its_rules_loses_values() {
    type Loses = fn() -> bool;
    let policies: [(&str, Loses, &[Fault]); 5] = [
        ("insertion", loses_somewhere::<Insertion>, &[Fault::FiberStaysBlack, Fault::FiberAddsUnseen]),
        ("deletion", loses_somewhere::<Deletion>, &[Fault::FiberResumesUnscanned]),
        ("roots-first", loses_somewhere::<RootsFirst>, &[Fault::FiberArrivesUnseen, Fault::FiberResumesUnscanned]),
        (
            "hybrid",
            loses_somewhere::<Hybrid>,
            &[Fault::FiberStaysBlack, Fault::FiberAddsUnseen, Fault::FiberResumesUnscanned],
        ),
        ("watermark", loses_somewhere::<Watermark>, &[Fault::FiberHidesUnscannedRoots, Fault::FiberResumesUnscanned]),
    ];
    for (name, loses, faults) in policies {
        assert!(!loses(), "{name} loses values");
        for fault in faults {
            // SAFETY: no value is read, and a heap that has lost one is not dropped.
            let seen = unsafe { fault::with(Some(*fault), loses) };
            assert!(seen, "{name} loses no value by {fault:?}");
        }
    }
}

const DEEP: u64 = 100_000;

/// Pushes as many values as a deep fiber has, of which one in twenty has an object of its own.
fn push_deep<B: Barrier>(cx: &Mutator<'_, B>, view: &mut StackView<'_, '_, Value<'static>>) {
    for n in 0..DEEP {
        let value = if n % 20 == 0 { cx.alloc(n) } else { view.top(cx, 0) };
        view.push(cx, value);
    }
}

fn is_deep<'a>(values: impl Iterator<Item = Value<'a>>) -> bool {
    values.map(|value| *value).eq((0..DEEP).map(|n| n / 20 * 20))
}

/// A deep fiber is suspended and resumed between steps, so that moves of both kinds come to many states of its
/// scan, and between two cycles.
fn a_deep_fiber_is_switched_at_every_stage_of_its_scan<B: Barrier>() {
    let mut met = Vec::new();
    for (every, suspended) in (1..6).flat_map(|every| [(every, false), (every, true)]) {
        let heap = Heap::builder().barrier::<B>().automatic(false).sweep(Sweep::Lazy).check(Check::EveryStep);
        heap.build().unwrap().enter(|cx| {
            let mut stack = Stack::<Value<'static>>::new(cx);
            let mut view = stack.open(cx);
            let deep = cx.root(coroutine(cx));
            push_deep(cx, &mut view);
            if suspended {
                view.suspend(cx, &deep.get(cx).values, 0);
            }
            let (mut step, mut switches) = (0, 0);
            while cx.stats().cycles() < 4 {
                let work = if cx.phase() == Phase::Mark { 250_000 } else { 1 };
                let ended = cx.step(Budget::work(work)).cycle_ended;
                step += 1;
                switches = if ended { 0 } else { switches };
                // A mutator that makes a new deep object after each step would never let a cycle end.
                let due = step % every == 0 && (switches < 7 || cx.phase() != Phase::Mark);
                for _ in 0..if ended { 2 } else { usize::from(due) } {
                    let fiber = deep.get(cx);
                    let suspends = fiber.values.is_empty();
                    if suspends {
                        view.suspend(cx, &fiber.values, 0)
                    } else {
                        view.resume(cx, &fiber.values)
                    }
                    met.push((cx.phase(), suspends));
                    assert_eq!((view.len() + fiber.values.len()) as u64, DEEP);
                    switches += 1;
                }
            }
            let fiber = deep.get(cx);
            view.resume(cx, &fiber.values);
            assert!(is_deep((0..view.len()).map(|at| view.at(cx, at))));
        });
    }
    let phases = [Phase::Idle, Phase::Mark];
    for (phase, suspends) in phases.into_iter().flat_map(|phase| [(phase, true), (phase, false)]) {
        // Without a barrier marking is one pause, in which no program runs.
        if B::NAME != "stop-the-world" || phase == Phase::Idle {
            assert!(met.contains(&(phase, suspends)), "no switch in {phase:?}, suspends: {suspends}");
        }
    }
}

/// No step of the smallest budget scans more than a piece of a suspended fiber.
fn a_deep_fiber_is_scanned_in_pieces<B: Barrier>() {
    by_hand::<B>().enter(|cx| {
        let mut stack = Stack::<Value<'static>>::new(cx);
        let deep = cx.root(coroutine(cx));
        let mut view = stack.open(cx);
        (0..20_000).for_each(|n| view.push(cx, cx.alloc(n)));
        view.suspend(cx, &deep.get(cx).values, 0);
        let mut steps = 0;
        while !cx.step(Budget::work(1)).cycle_ended {
            steps += 1;
        }
        assert!(deep.get(cx).values.iter().map(|value| *value).eq(0..20_000));
        if B::NAME != "stop-the-world" {
            assert!(steps > 20_000 / 128, "the fiber was scanned in {steps} steps");
        }
    });
}

/// A switch of a deep fiber marks nothing by itself, whatever the policy: its values are scanned later, in pieces.
fn no_switch_scans_what_it_moves<B: Barrier>() {
    by_hand::<B>().enter(|cx| {
        let mut stack = Stack::<Value<'static>>::new(cx);
        let mut view = stack.open(cx);
        let deep = cx.root(coroutine(cx));
        (0..DEEP).for_each(|n| view.push(cx, cx.alloc(n)));
        let whites = |cx: &Mutator<'_, B>, values: &mut dyn Iterator<Item = Value<'_>>| {
            values.filter(|value| cx.color(*value) == Color::White).count()
        };
        let (mut met, mut switches) = ([0; 2], 0);
        while cx.stats().cycles() < 2 {
            if cx.step(Budget::work(1 << 16)).cycle_ended {
                switches = 0;
            }
            let fiber = deep.get(cx);
            if cx.phase() == Phase::Mark && switches < 7 {
                switches += 1;
                let before = if fiber.values.is_empty() {
                    let before = whites(cx, &mut (0..view.len()).map(|at| view.at(cx, at)));
                    view.suspend(cx, &fiber.values, 0);
                    met[0] += before;
                    before
                } else {
                    let before = whites(cx, &mut fiber.values.iter());
                    view.resume(cx, &fiber.values);
                    met[1] += before;
                    before
                };
                let held = fiber.values.iter().chain((0..view.len()).map(|at| view.at(cx, at)));
                assert_eq!(whites(cx, &mut { held }), before, "a switch has marked values");
            } else if cx.stats().cycles() == 1 && fiber.values.is_empty() {
                // The other way round in the second cycle.
                view.suspend(cx, &fiber.values, 0);
            }
        }
        if B::NAME != "stop-the-world" {
            assert!(met[1] > 0, "no fiber was resumed unscanned");
        }
        view.resume(cx, &deep.get(cx).values);
        assert!((0..view.len()).map(|at| *view.at(cx, at)).eq(0..DEEP));
    });
}

/// Some of a fiber's values go to the stack, and others come back on top of those that stayed.
fn a_part_of_a_fiber_is_switched_at_any_point_of_a_cycle<B: Barrier>() {
    for steps in 0..40 {
        by_hand::<B>().enter(|cx| {
            let mut stack = Stack::<Value<'static>>::new(cx);
            let mut view = stack.open(cx);
            let fiber = cx.root(coroutine(cx));
            // Deep enough to be scanned in pieces.
            (0..300).for_each(|n| fiber.get(cx).values.push(cx, cx.alloc(n)));
            let mut expected: Vec<u64> = (0..300).collect();
            for _ in 0..steps {
                cx.step(Budget::work(1));
            }
            for turn in 0..40usize {
                let count = turn * 7 % 30 + 1;
                view.resume_top(cx, &fiber.get(cx).values, count);
                cx.step(Budget::work(1));
                let top = view.pop(cx).unwrap();
                let new = *top + 1000;
                view.push(cx, cx.alloc(new));
                *expected.last_mut().unwrap() = new;
                // One value more, or one less.
                if turn % 3 == 0 {
                    view.push(cx, cx.alloc(turn as u64));
                    expected.push(turn as u64);
                } else if turn % 3 == 1 {
                    view.pop(cx);
                    expected.pop();
                }
                view.suspend(cx, &fiber.get(cx).values, 0);
                cx.step(Budget::work(1));
                cx.verify().unwrap();
            }
            cx.collect();
            assert!(fiber.get(cx).values.iter().map(|value| *value).eq(expected));
        });
    }
}

fn a_dead_fiber_is_freed_with_its_stack<B: Barrier>() {
    by_hand::<B>().enter(|cx| {
        let mut stack = Stack::<Value<'static>>::new(cx);
        let mut view = stack.open(cx);
        for _ in 0..100 {
            let fiber = coroutine(cx);
            (0..10).for_each(|n| view.push(cx, cx.alloc(n)));
            view.suspend(cx, &fiber.values, 0);
        }
        assert!(cx.stats().objects_allocated() >= 1200);
        cx.collect();
        assert_eq!(cx.stats().bytes_live(), 0);
    });
}

fn a_cycle_through_a_suspended_fiber_is_freed<B: Barrier>() {
    type Any<'gc> = Option<Gc<'gc, Own<'gc>>>;
    /// A coroutine that has itself among its values.
    #[derive(Trace)]
    struct Own<'gc> {
        values: Fiber<'gc, Any<'gc>>,
    }
    by_hand::<B>().enter(|cx| {
        let mut stack = Stack::<Any<'static>>::new(cx);
        let mut view = stack.open(cx);
        let mut others = Stack::<Value<'static>>::new(cx);
        let mut others = others.open(cx);
        for steps in 0..60 {
            let own = cx.alloc(Own { values: Fiber::new() });
            view.push(cx, Some(own));
            let [one, two] = [coroutine(cx), coroutine(cx)];
            one.other.set(cx, Some(two));
            two.other.set(cx, Some(one));
            (0..10).for_each(|n| others.push(cx, cx.alloc(n)));
            others.suspend(cx, &one.values, 0);
            view.suspend(cx, &own.values, 0);
            (0..steps % 7).for_each(|_| _ = cx.step(Budget::work(1)));
        }
        // What was alive when a cycle began is freed by the next.
        cx.collect();
        cx.collect();
        assert_eq!(cx.stats().bytes_live(), 0);
    });
}

fn a_suspended_fiber_costs_what_it_holds<B: Barrier>() {
    by_hand::<B>().enter(|cx| {
        let mut stack = Stack::<Value<'static>>::with_capacity(cx, 1 << 16);
        let mut view = stack.open(cx);
        let fiber = cx.root(coroutine(cx));
        let one = cx.root(cx.alloc(1u64));
        cx.collect();
        let besides = cx.stats().bytes_live();
        // The fiber shrinks with what it holds, also where it keeps its object from one time to the next.
        for len in [1000u64, 10, 3, 12, 0, 700, 690, 100] {
            for _ in 0..3 {
                view.resume(cx, &fiber.get(cx).values);
                view.truncate(cx, 0);
                (0..len).for_each(|_| view.push(cx, one.get(cx)));
                view.suspend(cx, &fiber.get(cx).values, 0);
            }
            cx.collect();
            let costs = cx.stats().bytes_live() - besides;
            // A header and two words, and a quarter and 8 values to spare at the most.
            assert!(costs >= len * 8 && costs <= 24 + (len + len / 4 + 8) * 8, "{len} values cost {costs} bytes");
        }
        fiber.get(cx).values.clear(cx);
        cx.collect();
        assert_eq!(cx.stats().bytes_live(), besides);
    });
}

/// What a switch needs counts under the heap's limit, and where it is refused, all is as it was.
fn a_full_heap_moves_nothing<B: Barrier>() {
    let heap = Heap::builder().barrier::<B>().limit(1 << 20).build();
    heap.unwrap().enter(|cx| {
        let [mut stack, mut filler] = [Stack::<Value<'static>>::new(cx), Stack::new(cx)];
        let (mut view, mut filler) = (stack.open(cx), filler.open(cx));
        let fiber = cx.root(coroutine(cx));
        let one = cx.root(cx.alloc(1u64));
        (0..20_000).for_each(|_| view.push(cx, one.get(cx)));
        view.suspend(cx, &fiber.get(cx).values, 0);
        view.shrink_to_fit(cx);
        while filler.try_push(cx, one.get(cx)).is_ok() {}
        cx.collect();
        assert!(view.try_resume(cx, &fiber.get(cx).values).is_err());
        assert!(view.try_resume_top(cx, &fiber.get(cx).values, 19_000).is_err());
        assert_eq!((fiber.get(cx).values.len(), view.len()), (20_000, 0));
        // The other way: the stack is full of values, and the fiber has no room for them.
        let other = cx.root(coroutine(cx));
        let held = filler.len();
        assert!(filler.try_suspend(cx, &other.get(cx).values, 10).is_err());
        assert_eq!((other.get(cx).values.len(), filler.len()), (0, held));
        assert!(filler.try_suspend(cx, &fiber.get(cx).values, 10).is_err());
        assert_eq!((fiber.get(cx).values.len(), filler.len()), (20_000, held));
        // With less on the other stack there is room.
        filler.truncate(cx, 10);
        filler.shrink_to_fit(cx);
        cx.collect();
        view.resume(cx, &fiber.get(cx).values);
        assert_eq!((fiber.get(cx).values.len(), view.len()), (0, 20_000));
    });
}

/// A request for memory of a switch is refused: the first, the second, and so on, and all after it or not.
fn refused_memory_moves_nothing<B: Barrier>() {
    // More than the heap has at hand.
    const LEN: usize = 600_000;
    let mut errors = [0; 3];
    for (granted, refused) in (0..4).flat_map(|granted| [(granted, 1), (granted, u64::MAX)]) {
        by_hand::<B>().enter(|cx| {
            let mut stack = Stack::<Value<'static>>::new(cx);
            let mut view = stack.open(cx);
            let fiber = cx.root(coroutine(cx));
            for n in 0..LEN {
                let value = if n < 10 { cx.alloc(n as u64) } else { view.at(cx, n % 10) };
                view.push(cx, value);
            }
            let is_whole = |cx: &Mutator<'_, B>, view: &StackView<'_, '_, Value<'static>>, on_stack: usize| {
                let fiber = fiber.get(cx);
                let values = fiber.values.iter().chain((0..view.len()).map(|at| view.at(cx, at)));
                view.len() == on_stack && values.map(|value| *value as usize).eq((0..LEN).map(|n| n % 10))
            };
            let suspends = || view.try_suspend(cx, &fiber.get(cx).values, 0).is_ok();
            let (done, _) = fault::with_memory(granted, refused, suspends);
            assert!(is_whole(cx, &view, if done { 0 } else { LEN }));
            view.suspend(cx, &fiber.get(cx).values, 0);
            errors[0] += u32::from(!done);
            for (at, count) in [(1, 1000), (2, LEN)] {
                view.shrink_to_fit(cx);
                let resumes = || view.try_resume_top(cx, &fiber.get(cx).values, count).is_ok();
                let (done, _) = fault::with_memory(granted, refused, resumes);
                assert!(is_whole(cx, &view, if done { count } else { 0 }));
                view.suspend(cx, &fiber.get(cx).values, 0);
                errors[at] += u32::from(!done);
            }
        });
    }
    assert!(errors.iter().all(|errors| *errors > 0), "{errors:?} were refused");
}

thread_local! {
    static PANICS: Cell<bool> = const { Cell::new(false) };
}

/// A value whose trace panics when it is told to.
#[derive(Clone, Copy)]
struct Bomb<'gc>(Gc<'gc, u64>);

// SAFETY: passes its pointer on, or panics; `At` replaces the lifetime; no `Drop`.
unsafe impl Trace for Bomb<'_> {
    type At<'a> = Bomb<'a>;
    fn trace(&self, tracer: &mut Tracer<'_>) {
        assert!(!PANICS.get(), "a trace panics");
        self.0.trace(tracer);
    }
}

/// Where a barrier has to look at values, their trace may panic: nothing is moved, and the heap is whole.
fn a_trace_that_panics_moves_nothing<B: Barrier>() {
    #[derive(Trace)]
    struct Bombs<'gc>(Fiber<'gc, Bomb<'gc>>);
    let mut panics = 0;
    for start in 0..12 {
        by_hand::<B>().enter(|cx| {
            let mut stack = Stack::<Bomb<'static>>::new(cx);
            let mut view = stack.open(cx);
            let fiber = cx.root(cx.alloc(Bombs(Fiber::new())));
            (0..10).for_each(|n| view.push(cx, Bomb(cx.alloc(n))));
            view.suspend(cx, &fiber.get(cx).0, 0);
            for _ in 0..start {
                cx.step(Budget::work(1));
            }
            let mut move_some = |cx: &Mutator<'_, B>, view: &mut StackView<'_, '_, Bomb<'static>>, how: usize| {
                let fiber = fiber.get(cx);
                let before = (view.len(), fiber.0.len());
                PANICS.set(true);
                let moved = catch_unwind(AssertUnwindSafe(|| match how {
                    0 => view.resume_top(cx, &fiber.0, 4),
                    1 => view.suspend(cx, &fiber.0, 2),
                    2 => view.resume(cx, &fiber.0),
                    _ => view.suspend(cx, &fiber.0, 0),
                }));
                PANICS.set(false);
                if moved.is_err() {
                    panics += 1;
                    assert_eq!((view.len(), fiber.0.len()), before);
                    move_all(cx, view, &fiber.0, how);
                }
            };
            fn move_all<'a, B: Barrier>(
                cx: &'a Mutator<'_, B>,
                view: &mut StackView<'_, '_, Bomb<'static>>,
                fiber: &Fiber<'a, Bomb<'a>>,
                how: usize,
            ) {
                match how {
                    0 => view.resume_top(cx, fiber, 4),
                    1 => view.suspend(cx, fiber, 2),
                    2 => view.resume(cx, fiber),
                    _ => view.suspend(cx, fiber, 0),
                }
            }
            for turn in 0..40 {
                move_some(cx, &mut view, turn % 4);
                cx.step(Budget::work(1));
                cx.verify().unwrap();
                let held = fiber.get(cx).0.len() + view.len();
                assert_eq!(held, 10);
            }
            cx.collect();
            let mut numbers: Vec<u64> = fiber.get(cx).0.iter().map(|bomb| *bomb.0).collect();
            numbers.sort_unstable();
            assert!(numbers.into_iter().eq(0..10));
        });
    }
    // Where values are shaded one by one.
    if ["insertion", "deletion", "roots-first", "watermark"].contains(&B::NAME) {
        assert!(panics > 0, "no barrier looked at a value");
    }
}
