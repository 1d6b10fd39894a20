//! Programs that build trees: binary trees, and GCBench.
//!
//! | row | what is timed |
//! |---|---|
//! | `*/idle/*` | trees are built and counted while no cycle is in progress, on a heap that does not collect by itself; garbage is freed between the batches, which is not timed |
//! | `*/marking/*` | the same while a cycle is held in phase `Mark`: it has scanned the roots, and does nothing more. What is new is black, under `insertion` white |
//! | `*/collecting, a safepoint a tree/*` | the whole benchmark, on a heap that collects by itself; between two safepoints a tree is made of plain pointers |
//! | `*/collecting, a safepoint a node/*` | the same with a scope and a safepoint for each node: as a recursive evaluator allocates |
//!
//! Criterion's `elem/s` are nodes: each is allocated once and, in binary trees, counted once. GCBench builds half of its
//! trees top-down, so that each edge is a write into an older object.

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

mod common;

use std::time::{Duration, Instant};

use common::rows::{Group, Pace, group};
use common::trees::{Safepoints, grow, nodes, run};
use common::{each_barrier, each_policy, gcbench, hold, size, trees};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use grisaille::{Barrier, Heap, Mutator, Phase};

/// The depth of the trees of a batch, and their number.
const DEPTH: usize = 10;
const TREES: usize = 64;

/// Times batches of work on a heap that does not collect by itself.
fn batches<B: Barrier>(name: &str, group: &mut Group<'_>, marking: bool, batch: impl Fn(&mut Mutator<'_, B>)) {
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().expect("a configuration that works");
    group.bench_function(BenchmarkId::new(name, B::NAME), |b| {
        b.iter_custom(|batches| {
            let mut time = Duration::ZERO;
            for _ in 0..batches {
                heap.enter(|cx| {
                    let held = marking.then(|| hold::start_and_scan_roots(cx));
                    let phase = if marking { Phase::Mark } else { Phase::Idle };
                    assert_eq!(cx.phase(), phase);
                    let start = Instant::now();
                    batch(cx);
                    time += start.elapsed();
                    assert_eq!(cx.phase(), phase);
                    drop(held);
                    hold::clean(cx);
                });
            }
            time
        });
    });
}

const LEGEND: &str = "`idle`: trees are built while no cycle is in progress. `marking`: while one is, and the collector does \
                      nothing. `collecting`: the whole benchmark, on a heap that collects by itself. elem: a node.";

fn binary_trees(c: &mut Criterion) {
    fn batch<B: Barrier>(cx: &mut Mutator<'_, B>) {
        for _ in 0..TREES {
            assert_eq!(trees::count(grow(cx, DEPTH)), nodes(DEPTH));
        }
    }
    fn idle<B: Barrier>(group: &mut Group<'_>) {
        batches::<B>("idle", group, false, batch);
    }
    fn marking<B: Barrier>(group: &mut Group<'_>) {
        batches::<B>("marking", group, true, batch);
    }
    fn collecting<B: Barrier>(group: &mut Group<'_>, depth: usize, name: &str, safepoints: Safepoints) {
        group.bench_function(BenchmarkId::new(format!("collecting, {name}"), B::NAME), |b| {
            b.iter_custom(|runs| (0..runs).map(|_| whole::<B>(depth, |cx| run(cx, depth, safepoints))).sum());
        });
    }

    let mut rows = group(c, "binary trees, batches", LEGEND, TREES * nodes(DEPTH), Pace::Short);
    each_policy!(idle(&mut rows));
    each_barrier!(marking(&mut rows));
    rows.finish();
    let depth = size(15, 6);
    let mut rows = group(c, &format!("binary trees, {depth}"), LEGEND, trees::expected(depth), Pace::Long);
    each_policy!(collecting(&mut rows, depth, "a safepoint a tree", Safepoints::ATree));
    each_policy!(collecting(&mut rows, depth, "a safepoint a node", Safepoints::ANode));
}

fn gc_bench(c: &mut Criterion) {
    fn idle<B: Barrier>(group: &mut Group<'_>) {
        batches::<B>("idle", group, false, |cx| gcbench::batch(cx, DEPTH, TREES));
    }
    fn marking<B: Barrier>(group: &mut Group<'_>) {
        batches::<B>("marking", group, true, |cx| gcbench::batch(cx, DEPTH, TREES));
    }
    fn collecting<B: Barrier>(group: &mut Group<'_>, largest: usize) {
        group.bench_function(BenchmarkId::new("collecting, a safepoint a tree", B::NAME), |b| {
            b.iter_custom(|runs| (0..runs).map(|_| whole::<B>(largest, |cx| gcbench::run(cx, largest))).sum());
        });
    }

    let mut rows = group(c, "GCBench, batches", LEGEND, TREES * nodes(DEPTH), Pace::Short);
    each_policy!(idle(&mut rows));
    each_barrier!(marking(&mut rows));
    rows.finish();
    let largest = size(14, 6);
    let mut rows = group(c, &format!("GCBench, {largest}"), LEGEND, gcbench::expected(largest), Pace::Long);
    each_policy!(collecting(&mut rows, largest));
}

/// Times a run on a new heap that collects by itself.
fn whole<B: Barrier>(depth: usize, run: impl FnOnce(&mut Mutator<'_, B>) -> usize) -> Duration {
    let mut heap = Heap::builder().barrier::<B>().build().expect("a configuration that works");
    let start = Instant::now();
    heap.enter(run);
    let time = start.elapsed();
    assert!(depth < 14 || heap.stats().cycles() > 3, "the heap did not collect");
    time
}

criterion_group!(benches, binary_trees, gc_bench);
criterion_main!(benches);
