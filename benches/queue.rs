//! A queue that churns behind a long list. A step takes an item out and puts a new one in, with a safepoint.
//!
//! | row | what is timed |
//! |---|---|
//! | `queue/idle/*` | no cycle is in progress, on a heap that does not collect by itself; garbage is freed between the batches, which is not timed |
//! | `queue/marking/*` | the same while a cycle is held in phase `Mark`: it has scanned the roots, and does nothing more. A step's three writes go through the barrier |
//! | `queue/collecting/*` | the heap collects by itself: each cycle marks the list |

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

mod common;

use std::time::{Duration, Instant};

use common::queue::{Queue, churn, queue};
use common::rows::{Group, Pace, group};
use common::{each_barrier, each_policy, hold, size};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use grisaille::{Barrier, Gc, Heap, Persistent, Phase};

/// Items in the queue.
const ITEMS: usize = 1000;

/// Nodes of the list that lives.
fn behind() -> usize {
    size(1_000_000, 10_000)
}

struct Churning<B: Barrier> {
    heap: Heap<B>,
    queue: Persistent<Gc<'static, Queue<'static>>>,
}

impl<B: Barrier> Churning<B> {
    fn new(automatic: bool) -> Self {
        let mut heap = Heap::builder().barrier::<B>().automatic(automatic).build().expect("a configuration that works");
        let queue = heap.enter(|cx| {
            let queue = cx.persist(queue(cx, ITEMS, behind()));
            cx.collect();
            queue
        });
        Churning { heap, queue }
    }

    fn time(&mut self, marking: bool, steps: usize) -> Duration {
        let Churning { heap, queue } = self;
        heap.enter(|cx| {
            let queue = cx.root(queue.get(cx));
            let held = marking.then(|| hold::start_and_scan_roots(cx));
            let phase = if marking { Phase::Mark } else { Phase::Idle };
            assert_eq!(cx.phase(), phase);
            let start = Instant::now();
            churn(cx, queue, steps);
            let time = start.elapsed();
            assert_eq!(cx.phase(), phase);
            drop(held);
            hold::clean(cx);
            time
        })
    }
}

fn rows(c: &mut Criterion) {
    fn held<B: Barrier>(group: &mut Group<'_>, name: &str, marking: bool, steps: usize) {
        let mut churning: Option<Churning<B>> = None;
        group.bench_function(BenchmarkId::new(name, B::NAME), |b| {
            let churning = churning.get_or_insert_with(|| Churning::new(false));
            b.iter_custom(|batches| (0..batches).map(|_| churning.time(marking, steps)).sum());
        });
    }
    fn collecting<B: Barrier>(group: &mut Group<'_>, steps: usize) {
        let mut churning: Option<Churning<B>> = None;
        group.bench_function(BenchmarkId::new("collecting", B::NAME), |b| {
            let Churning { heap, queue } = churning.get_or_insert_with(|| Churning::new(true));
            b.iter_custom(|batches| {
                let start = Instant::now();
                heap.enter(|cx| {
                    let queue = cx.root(queue.get(cx));
                    (0..batches).for_each(|_| churn(cx, queue, steps));
                });
                start.elapsed()
            });
        });
        if let Some(churning) = churning {
            let stats = churning.heap.stats();
            let fresh = stats.bytes_allocated() - stats.bytes_live();
            assert!(fresh < 64 << 20 || stats.cycles() > 2, "the heap did not collect:\n{stats}");
        }
    }

    let steps = size(1 << 18, 1 << 12);
    let legend = format!(
        "a step takes an item out of a queue of {ITEMS} and puts a new one in, behind a list of {}. `idle`: no cycle is in \
         progress. `marking`: one is, and the collector does nothing. `collecting`: the heap collects by itself. elem: a step.",
        behind()
    );
    let mut group = group(c, "queue", &legend, steps, Pace::Long);
    each_policy!(held(&mut group, "idle", false, steps));
    each_barrier!(held(&mut group, "marking", true, steps));
    each_policy!(collecting(&mut group, 4 * steps));
}

criterion_group!(benches, rows);
criterion_main!(benches);
