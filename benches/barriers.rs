//! What a write barrier costs: a graph is rewired at random, under each policy.
//!
//! The graph has [`NODES`] nodes of two edges each; a [`Stack`] keeps them all. An operation picks two nodes and makes
//! an edge of the first point to the second. The numbers are for a batch of [`BATCH`] operations; criterion's `elem/s`
//! are operations. Picking is a large part of an operation: rows are to be compared with each other.
//!
//! | row | what is timed |
//! |---|---|
//! | `rewire, plain stores/cell` | the same loop over the same layout with `Cell` in place of `Slot`: the floor |
//! | `rewire, barrier idle/*` | no cycle is in progress: a write is a store behind a load and a branch |
//! | `rewire, barrier on/*` | a cycle is held in phase `Mark`; it goes on by small steps between the batches, which are not timed. No row for `stop-the-world`: it never marks between two safepoints |
//! | `replace, collecting/*` | a batch replaces nodes by newly allocated ones, with a safepoint after each, and the heap collects by itself: allocation, barrier, steps and sweeping together |
//!
//! The difference between a policy's idle row and the floor is the price of having a barrier. The stop-the-world row
//! of `barrier idle` has none: where it differs from the floor, that is noise.
//!
//! The rewired nodes are named by plain pointers, which are copied from the stack at the start of a batch, since no
//! safepoint lies within it; the replaced ones are read from and written to the stack.
//!
//! ```text
//! cargo bench --bench barriers                  # all rows, about a minute
//! cargo bench --bench barriers -- idle          # the rows whose name has "idle" in it
//! ```

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use grisaille::{
    Barrier, Budget, Deletion, Gc, Heap, Hybrid, Insertion, Mutator, Phase, Slot, Stack, StackView, StopTheWorld,
    Trace, Watermark,
};

/// Nodes of the graph: 24 bytes each, so that the graph lies in the second-level cache of most machines.
const NODES: usize = 1 << 14;
/// Operations of a batch.
const BATCH: usize = 1 << 12;
/// Work of a step between two batches while a cycle is held: a cycle lasts for some dozens of batches.
const STEP: usize = 1 << 14;

#[derive(Trace)]
struct Node<'gc> {
    edges: [Slot<Option<Gc<'gc, Node<'gc>>>>; 2],
}

type Nodes<'v, 's> = StackView<'v, 's, Gc<'static, Node<'static>>>;

/// Picks the edge to write and what it is to point to.
struct Random(u64);

impl Random {
    fn new() -> Random {
        Random(0x9E37_79B9_7F4A_7C15)
    }

    /// Two nodes, and which of the first one's edges.
    #[inline(always)]
    fn edge(&mut self) -> (usize, usize, usize) {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let r = self.0 as usize;
        (r % NODES, (r >> 20) % NODES, r >> 63)
    }
}

/// Runs `f` with a graph on a heap of policy `B`.
fn with_graph<B: Barrier>(automatic: bool, f: impl FnOnce(&mut Mutator<'_, B>, &mut Nodes<'_, '_>)) {
    let mut heap = Heap::builder().barrier::<B>().automatic(automatic).build().expect("a configuration that works");
    heap.enter(|cx| {
        let mut stack = Stack::with_capacity(cx, NODES);
        let mut nodes = stack.open(cx);
        for _ in 0..NODES {
            nodes.push(cx, cx.alloc(Node { edges: [Slot::new(None), Slot::new(None)] }));
        }
        let mut random = Random::new();
        for _ in 0..4 * NODES / BATCH {
            rewire(cx, &pointers(cx, &nodes), &mut random);
        }
        f(cx, &mut nodes);
    });
}

/// The nodes, until the next safepoint.
fn pointers<'a, B: Barrier>(cx: &'a Mutator<'_, B>, nodes: &Nodes<'_, '_>) -> Vec<Gc<'a, Node<'a>>> {
    (0..NODES).map(|index| nodes.get(cx, index)).collect()
}

fn rewire<'a, B: Barrier>(cx: &Mutator<'_, B>, nodes: &[Gc<'a, Node<'a>>], random: &mut Random) {
    for _ in 0..BATCH {
        let (from, to, side) = random.edge();
        nodes[from].edges[side].set(cx, Some(nodes[to]));
    }
}

/// A node takes another's place and its edges, and some edge of the graph points to it. The old node loses its
/// edges, so what is garbage stays so.
fn replace<B: Barrier>(cx: &mut Mutator<'_, B>, nodes: &mut Nodes<'_, '_>, random: &mut Random) {
    for _ in 0..BATCH {
        let (at, from, side) = random.edge();
        let old = nodes.get(cx, at);
        let new = cx.alloc(Node { edges: [0, 1].map(|side| Slot::new(old.edges[side].get())) });
        old.edges[0].set(cx, None);
        old.edges[1].set(cx, None);
        nodes.set(cx, at, new);
        nodes.get(cx, from).edges[side].set(cx, Some(new));
        cx.safepoint();
    }
}

/// The floor: nodes of the same size and order in a vector, and a vector of references.
fn plain_stores(c: &mut Criterion) {
    #[derive(Default)]
    struct Plain<'a> {
        _header: usize,
        edges: [Cell<Option<&'a Plain<'a>>>; 2],
    }

    fn rewire<'a>(nodes: &[&'a Plain<'a>], random: &mut Random) {
        for _ in 0..BATCH {
            let (from, to, side) = random.edge();
            nodes[from].edges[side].set(Some(nodes[to]));
        }
    }

    let mut group = group(c, "rewire, plain stores");
    let memory: Vec<Plain<'_>> = (0..NODES).map(|_| Plain::default()).collect();
    let nodes: Vec<&Plain<'_>> = memory.iter().collect();
    let mut random = Random::new();
    group.bench_function("cell", |b| b.iter(|| rewire(black_box(&nodes), &mut random)));
}

fn barrier_idle(c: &mut Criterion) {
    fn row<B: Barrier>(group: &mut BenchmarkGroup<'_, WallTime>) {
        with_graph::<B>(false, |cx, nodes| {
            let (nodes, mut random) = (pointers(cx, nodes), Random::new());
            group.bench_function(B::NAME, |b| b.iter(|| rewire(cx, black_box(&nodes), &mut random)));
            assert_eq!(cx.phase(), Phase::Idle);
        });
    }

    let mut group = group(c, "rewire, barrier idle");
    row::<StopTheWorld>(&mut group);
    row::<Insertion>(&mut group);
    row::<Deletion>(&mut group);
    row::<Hybrid>(&mut group);
    row::<Watermark>(&mut group);
}

fn barrier_on(c: &mut Criterion) {
    fn row<B: Barrier>(group: &mut BenchmarkGroup<'_, WallTime>) {
        with_graph::<B>(false, |cx, nodes| {
            let mut random = Random::new();
            group.bench_function(B::NAME, |b| {
                b.iter_custom(|batches| {
                    let mut time = Duration::ZERO;
                    for _ in 0..batches {
                        // A little of the cycle, or the start of the next one.
                        while cx.step(Budget::work(STEP)).phase != Phase::Mark {}
                        let nodes = pointers(cx, nodes);
                        let start = Instant::now();
                        rewire(cx, black_box(&nodes), &mut random);
                        time += start.elapsed();
                    }
                    time
                });
            });
        });
    }

    let mut group = group(c, "rewire, barrier on");
    row::<Insertion>(&mut group);
    row::<Deletion>(&mut group);
    row::<Hybrid>(&mut group);
    row::<Watermark>(&mut group);
}

fn collecting(c: &mut Criterion) {
    fn row<B: Barrier>(group: &mut BenchmarkGroup<'_, WallTime>) {
        with_graph::<B>(true, |cx, nodes| {
            let mut random = Random::new();
            group.bench_function(B::NAME, |b| b.iter(|| replace(cx, nodes, &mut random)));
        });
    }

    let mut group = group(c, "replace, collecting");
    row::<StopTheWorld>(&mut group);
    row::<Insertion>(&mut group);
    row::<Deletion>(&mut group);
    row::<Hybrid>(&mut group);
    row::<Watermark>(&mut group);
}

fn group<'c>(c: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = c.benchmark_group(name);
    group
        .throughput(Throughput::Elements(BATCH as u64))
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
        .nresamples(10_000);
    group
}

criterion_group!(benches, plain_stores, barrier_idle, barrier_on, collecting);
criterion_main!(benches);
