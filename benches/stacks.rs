//! Stacks as roots: ten thousand of a hundred slots each, and one of a million.
//!
//! | row | what is timed |
//! |---|---|
//! | `stacks, */idle/*` | pushes and pops at the top of stacks picked at random, and writes to slots picked at random; no cycle is in progress |
//! | `stacks, */marking, unscanned/*` | the same in a cycle that was just started: no slot is scanned (under `deletion` all are, that is its pause) |
//! | `stacks, */marking, scanned/*` | the same in a cycle that has scanned all roots |
//! | `stacks, * start/*` | the first step of a cycle, of the smallest budget. Under `deletion` it scans all roots; under `stop-the-world` it is the whole marking |
//! | `stacks, * cycle/*` | a whole cycle, without a mutator: all slots are scanned once, all of them point to a few objects |
//!
//! Criterion's `elem/s` are pushes with their pops and writes; of `start` and `cycle`, slots.

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

mod common;

use std::time::{Duration, Instant};

use common::rows::{Group, Pace, group};
use common::{Random, each_barrier, each_policy, hold, size};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use grisaille::{Barrier, Budget, Color, Gc, Heap, Mutator, Phase, Stack};

/// Objects that the slots point to.
const TARGETS: usize = 1 << 10;
/// Operations of a batch.
const BATCH: usize = 1 << 12;
/// Pushes of an operation, which pops as many, and writes one slot.
const PUSHES: usize = 4;

type Target = Gc<'static, [usize; 3]>;

#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    stacks: usize,
    slots: usize,
}

fn shapes() -> [Shape; 2] {
    let million = size(1 << 20, 1 << 12);
    // Powers of two, so that an index is a mask of a random number.
    let many = size(1 << 13, 1 << 6);
    [
        Shape { name: "many small", stacks: many, slots: million / many },
        Shape { name: "one of a million slots", stacks: 1, slots: million },
    ]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Unscanned,
    Scanned,
}

struct Stacks<B: Barrier> {
    heap: Heap<B>,
    stacks: Vec<Stack<Target>>,
    shape: Shape,
    random: Random,
}

impl<B: Barrier> Stacks<B> {
    fn new(shape: Shape) -> Self {
        let mut heap = Heap::builder().barrier::<B>().automatic(false).build().expect("a configuration that works");
        let stacks = heap.enter(|cx| {
            let targets: Vec<_> = (0..TARGETS).map(|number| cx.alloc([number; 3])).collect();
            let stack = |_| {
                let mut stack = Stack::with_capacity(cx, shape.slots + PUSHES);
                let mut view = stack.open(cx);
                // The first and the last slot have targets of their own, which nothing writes to other slots.
                view.push(cx, cx.alloc([0usize; 3]));
                for slot in 1..shape.slots - 1 {
                    view.push(cx, targets[slot % TARGETS]);
                }
                view.push(cx, cx.alloc([0usize; 3]));
                stack
            };
            (0..shape.stacks).map(stack).collect()
        });
        Stacks { heap, stacks, shape, random: Random::new() }
    }

    /// Times a batch in that state of a cycle.
    fn time(&mut self, state: State) -> Duration {
        let Stacks { heap, stacks, shape, random } = self;
        heap.enter(|cx| {
            let held = (state != State::Idle).then(|| hold::start(cx));
            if state == State::Scanned {
                while !stacks.iter_mut().all(|stack| is_scanned(cx, stack)) || hold::window_is_open(cx) {
                    hold::go_on(cx);
                }
            }
            let phase = if held.is_some() { Phase::Mark } else { Phase::Idle };
            assert_eq!(cx.phase(), phase);
            let scanned = state == State::Scanned || state == State::Unscanned && B::NAME == "deletion";
            let count = stacks.iter_mut().filter_map(|stack| is_scanned(cx, stack).then_some(())).count();
            assert_eq!(count, if scanned { shape.stacks } else { 0 }, "stacks that are scanned");
            let start = Instant::now();
            for _ in 0..BATCH {
                let mut view = stacks[random.below(shape.stacks)].open(cx);
                let value = view.at(cx, 1 + random.below(shape.slots / 2));
                for _ in 0..PUSHES {
                    view.push(cx, value);
                }
                view.set(cx, 1 + random.below(shape.slots / 2), value);
                for _ in 0..PUSHES {
                    view.pop(cx);
                }
            }
            let time = start.elapsed();
            assert_eq!(cx.phase(), phase);
            drop(held);
            if state != State::Idle {
                hold::finish(cx);
            }
            time
        })
    }

    /// Times the first step of a cycle.
    fn time_start(&mut self) -> Duration {
        self.heap.enter(|cx| {
            let start = Instant::now();
            cx.step(Budget::work(1));
            let time = start.elapsed();
            hold::finish(cx);
            time
        })
    }

    /// Times a whole cycle.
    fn time_cycle(&mut self) -> Duration {
        let shape = self.shape;
        self.heap.enter(|cx| {
            let before = cx.stats().objects_marked();
            let start = Instant::now();
            hold::finish(cx);
            let time = start.elapsed();
            let marked = cx.stats().objects_marked() - before;
            assert!(marked as usize >= shape.slots.min(TARGETS), "only {marked} targets were marked");
            time
        })
    }
}

/// A target is white until a slot that points to it is scanned.
fn is_scanned<B: Barrier>(cx: &Mutator<'_, B>, stack: &mut Stack<Target>) -> bool {
    let view = stack.open(cx);
    [0, view.len() - 1].iter().all(|&slot| cx.color(view.at(cx, slot)) != Color::White)
}

fn rows(c: &mut Criterion) {
    fn held<B: Barrier>(group: &mut Group<'_>, shape: Shape) {
        let states: &[(State, &str)] = match B::NAME {
            "stop-the-world" => &[(State::Idle, "idle")],
            _ => {
                &[(State::Idle, "idle"), (State::Unscanned, "marking, unscanned"), (State::Scanned, "marking, scanned")]
            }
        };
        let mut stacks: Option<Stacks<B>> = None;
        for &(state, name) in states {
            group.bench_function(BenchmarkId::new(name, B::NAME), |b| {
                let stacks = stacks.get_or_insert_with(|| Stacks::new(shape));
                b.iter_custom(|batches| (0..batches).map(|_| stacks.time(state)).sum());
            });
        }
    }
    fn cycle<B: Barrier>(group: &mut Group<'_>, shape: Shape, time: fn(&mut Stacks<B>) -> Duration) {
        let mut stacks: Option<Stacks<B>> = None;
        group.bench_function(B::NAME, |b| {
            let stacks = stacks.get_or_insert_with(|| Stacks::new(shape));
            b.iter_custom(|cycles| (0..cycles).map(|_| time(stacks)).sum());
        });
    }

    for shape in shapes() {
        let Shape { name, stacks, slots } = shape;
        let legend = format!(
            "{stacks} stacks of {slots} slots. An operation pushes {PUSHES} values, writes a slot, and pops the {PUSHES}. `idle`: \
             no cycle is in progress. `marking`: one is, and the collector does nothing; the slots are `unscanned` or \
             `scanned`."
        );
        let mut rows = group(c, &format!("stacks, {name}"), &legend, BATCH, Pace::Short);
        each_policy!(held(&mut rows, shape));
        rows.finish();
        let legend =
            "the first step of a cycle, with the smallest budget: all that a policy must do at once. elem: a slot.";
        let mut rows = group(c, &format!("stacks, {name}, start"), legend, stacks * slots, Pace::Short);
        each_policy!(cycle(&mut rows, shape, Stacks::time_start));
        rows.finish();
        let legend = "a whole cycle without a mutator; every slot is scanned once. elem: a slot.";
        let mut rows = group(c, &format!("stacks, {name}, cycle"), legend, stacks * slots, Pace::Short);
        each_policy!(cycle(&mut rows, shape, Stacks::time_cycle));
        rows.finish();
    }
}

criterion_group!(benches, rows);
criterion_main!(benches);
