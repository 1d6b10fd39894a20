//! Marking: the cost of an object that the collector traces.
//!
//! An iteration is a cycle over a live graph; timed is what the heap says it spent in the phases mark and mark
//! termination. The bench checks that each object was marked. Criterion's `elem/s` are objects.
//!
//! | row | the graph |
//! |---|---|
//! | `marking, in order/*` | four million nodes of 32 bytes, a binary tree in breadth-first order: a node's children lie side by side, and in the order of allocation |
//! | `marking, shuffled/*` | the same tree, its nodes at random places: each is a miss in every cache |
//! | `marking, list/*` | a list of four million, in the order of allocation: nothing can be fetched ahead of time but by the processor |
//! | `marking, list, shuffled/*` | a list of two million at random places: each node waits for the one before |
//! | `marking, wide arrays/*` | four million objects without pointers, in arrays of a thousand |
//!
//! | row | how it is marked |
//! |---|---|
//! | `../in one step/*` | by one step without a bound |
//! | `../in steps of 64 KiB/*` | by steps of `Budget::work(64 KiB)`: automatic ones are bounded by the clock, at 40 microseconds. No row for `stop-the-world`, which knows no other step than one |

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

mod common;

use std::any::Any;
use std::time::Duration;

use common::rows::{Group, Pace, group};
use common::{Random, each_barrier, each_policy, size};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use grisaille::{Barrier, Budget, Gc, Heap, Mutator, Persistent, Phase, Slot, Stack, Sweep, Trace};

#[derive(Trace)]
struct Node<'gc> {
    edges: [Slot<Option<Gc<'gc, Node<'gc>>>>; 2],
    _id: usize,
}

const WIDE: usize = 1000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Tree,
    ShuffledTree,
    List,
    ShuffledList,
    WideArrays,
}

struct Graph<B: Barrier> {
    heap: Heap<B>,
    /// The root.
    _kept: Box<dyn Any>,
    /// The number of objects that a cycle marks.
    objects: usize,
}

impl<B: Barrier> Graph<B> {
    fn new(shape: Shape, objects: usize) -> Self {
        let mut heap = Heap::builder()
            .barrier::<B>()
            .automatic(false)
            .sweep(Sweep::Lazy)
            .build()
            .expect("a configuration that works");
        let kept: Box<dyn Any> = heap.enter(|cx| match shape {
            Shape::WideArrays => {
                let arrays = cx.alloc_array(objects / WIDE, |_| cx.alloc_array(WIDE, |_| cx.alloc([1u64; 3])));
                Box::new(cx.persist(arrays)) as Box<dyn Any>
            }
            _ => Box::new(nodes(cx, shape, objects)),
        });
        // A first cycle, not timed, whose mark bits are on fresh pages.
        heap.enter(|cx| cx.collect());
        // The arrays are objects too.
        let objects = if shape == Shape::WideArrays { objects / WIDE * (WIDE + 1) + 1 } else { objects };
        Graph { heap, _kept: kept, objects }
    }

    /// Runs a cycle, by steps of that budget.
    fn mark(&mut self, budget: Budget) -> Duration {
        let objects = self.objects;
        self.heap.enter(|cx| {
            let before = cx.stats();
            while !cx.step(budget).cycle_ended {}
            let after = cx.stats();
            assert_eq!(after.objects_marked() - before.objects_marked(), objects as u64, "objects were not marked");
            [Phase::Mark, Phase::MarkTermination].iter().map(|&p| after.time_in(p) - before.time_in(p)).sum()
        })
    }
}

fn nodes<B: Barrier>(cx: &mut Mutator<'_, B>, shape: Shape, objects: usize) -> Persistent<Gc<'static, Node<'static>>> {
    let mut stack: Stack<Gc<'static, Node<'static>>> = Stack::with_capacity(cx, objects);
    let mut all = stack.open(cx);
    for _id in 0..objects {
        all.push(cx, cx.alloc(Node { edges: [Slot::new(None), Slot::new(None)], _id }));
    }
    let mut order: Vec<usize> = (0..objects).collect();
    if matches!(shape, Shape::ShuffledTree | Shape::ShuffledList) {
        let mut random = Random::new();
        for index in (1..objects).rev() {
            order.swap(index, (random.next() >> 8) % (index + 1));
        }
    }
    let children = |index: usize| match shape {
        Shape::Tree | Shape::ShuffledTree => [2 * index + 1, 2 * index + 2],
        _ => [index + 1, objects],
    };
    for (index, &at) in order.iter().enumerate() {
        for (edge, child) in children(index).into_iter().enumerate() {
            if child < objects {
                all.at(cx, at).edges[edge].set(cx, Some(all.at(cx, order[child])));
            }
        }
    }
    cx.persist(all.at(cx, order[0]))
}

fn shapes(c: &mut Criterion) {
    let four_million = size(4_000_000, 40_000);
    for (name, shape, objects) in [
        ("in order", Shape::Tree, four_million),
        ("shuffled", Shape::ShuffledTree, four_million),
        ("list", Shape::List, four_million),
        ("list, shuffled", Shape::ShuffledList, size(2_000_000, 10_000)),
        ("wide arrays", Shape::WideArrays, four_million),
    ] {
        let legend = format!(
            "a cycle marks {objects} objects; the time is that of the phases mark and mark termination. elem: an object."
        );
        let mut group = group(c, &format!("marking, {name}"), &legend, objects, Pace::Long);
        each_policy!(rows(&mut group, shape, objects));
    }
}

fn rows<B: Barrier>(group: &mut Group<'_>, shape: Shape, objects: usize) {
    let all = [("in one step", Budget::unlimited()), ("in steps of 64 KiB", Budget::work(64 << 10))];
    let how = if B::NAME == "stop-the-world" { &all[..1] } else { &all };
    let mut graph: Option<Graph<B>> = None;
    for &(name, budget) in how {
        group.bench_function(BenchmarkId::new(name, B::NAME), |b| {
            let graph = graph.get_or_insert_with(|| Graph::new(shape, objects));
            b.iter_custom(|cycles| (0..cycles).map(|_| graph.mark(budget)).sum());
        });
    }
}

criterion_group!(benches, shapes);
criterion_main!(benches);
