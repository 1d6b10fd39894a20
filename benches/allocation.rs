//! Allocation only: objects of 16, 32 and 128 bytes, each with a header of 8 more, that nothing keeps.
//!
//! | row | what is timed |
//! |---|---|
//! | `*/idle/*` | no cycle is in progress, on a heap that does not collect by itself: the fast path, into memory that was used and swept before. What was allocated is freed between the batches, which is not timed |
//! | `*/marking/*` | the same while a cycle is held in phase `Mark`, after the roots were scanned: what is new is black, under `insertion` white |
//! | `*/marking, window open/*` | the same while the roots are unscanned: what is new is white under `roots-first`, grey under `hybrid` |
//! | `*/collecting/*` | the heap collects by itself, with a safepoint after each allocation: cycles, sweeping and drops are in the time |
//!
//! The groups are named after the object: `leaf` has no pointers, `node` has one (of 16 bytes only one and a number), and
//! `drop` has drop glue, which counts, and is run by the mutator at safepoints.

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

mod common;

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use common::rows::{Group, Pace, group};
use common::{each_barrier, each_policy, hold, size};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use grisaille::{Barrier, Gc, Heap, Hybrid, Mutator, Phase, RootsFirst, Slot, Trace};

thread_local! {
    static DROPS: Cell<u64> = const { Cell::new(0) };
}

/// A field that counts when it is dropped.
struct Counts(u64);

impl Drop for Counts {
    fn drop(&mut self) {
        black_box(self.0);
        DROPS.set(DROPS.get() + 1);
    }
}

/// The kind of object that is allocated.
trait Object: Copy {
    fn allocate<B: Barrier>(self, cx: &Mutator<'_, B>, number: u64);
}

#[derive(Clone, Copy)]
struct Leaf<const WORDS: usize>;

impl<const WORDS: usize> Object for Leaf<WORDS> {
    #[inline(always)]
    fn allocate<B: Barrier>(self, cx: &Mutator<'_, B>, number: u64) {
        black_box(cx.alloc([number; WORDS]).as_ref());
    }
}

#[derive(Trace)]
struct Node<'gc, const REST: usize> {
    _next: Slot<Option<Gc<'gc, Node<'gc, REST>>>>,
    _rest: [u64; REST],
}

#[derive(Clone, Copy)]
struct Pointing<const REST: usize>;

impl<const REST: usize> Object for Pointing<REST> {
    #[inline(always)]
    fn allocate<B: Barrier>(self, cx: &Mutator<'_, B>, number: u64) {
        black_box(cx.alloc(Node { _next: Slot::new(None), _rest: [number; REST] }).as_ref());
    }
}

#[derive(Trace)]
struct Counted<const REST: usize> {
    #[trace(skip)]
    _counts: Counts,
    _rest: [u64; REST],
}

#[derive(Clone, Copy)]
struct Dropped<const REST: usize>;

impl<const REST: usize> Object for Dropped<REST> {
    #[inline(always)]
    fn allocate<B: Barrier>(self, cx: &Mutator<'_, B>, number: u64) {
        black_box(cx.alloc(Counted { _counts: Counts(number), _rest: [number; REST] }).as_ref());
    }
}

#[derive(Clone, Copy)]
enum State {
    Idle,
    Marking,
    Window,
}

fn held<B: Barrier>(group: &mut Group<'_>, object: impl Object, name: &str, state: State, objects: usize) {
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().expect("a configuration that works");
    let drops = DROPS.get();
    let mut allocated = 0;
    group.bench_function(BenchmarkId::new(name, B::NAME), |b| {
        b.iter_custom(|batches| {
            let mut time = Duration::ZERO;
            for _ in 0..batches {
                heap.enter(|cx| {
                    let held = match state {
                        State::Idle => None,
                        State::Marking => Some(hold::start_and_scan_roots(cx)),
                        State::Window => Some(hold::start(cx)),
                    };
                    let phase = if held.is_some() { Phase::Mark } else { Phase::Idle };
                    assert_eq!((cx.phase(), hold::window_is_open(cx)), (phase, matches!(state, State::Window)));
                    let start = Instant::now();
                    for number in 0..objects as u64 {
                        object.allocate(cx, number);
                    }
                    time += start.elapsed();
                    assert_eq!((cx.phase(), hold::window_is_open(cx)), (phase, matches!(state, State::Window)));
                    drop(held);
                    hold::clean(cx);
                });
                allocated += objects as u64;
            }
            time
        });
    });
    let dropped = DROPS.get() - drops;
    assert!(dropped == 0 || dropped == allocated, "{dropped} of {allocated} objects were dropped");
}

fn collecting<B: Barrier>(group: &mut Group<'_>, object: impl Object, objects: usize) {
    let mut heap = Heap::builder().barrier::<B>().build().expect("a configuration that works");
    let drops = DROPS.get();
    group.bench_function(BenchmarkId::new("collecting", B::NAME), |b| {
        b.iter_custom(|batches| {
            let start = Instant::now();
            heap.enter(|cx| {
                for _ in 0..batches {
                    for number in 0..objects as u64 {
                        object.allocate(cx, number);
                        cx.safepoint();
                    }
                }
            });
            start.elapsed()
        });
    });
    let stats = heap.stats();
    assert!(stats.bytes_allocated() < 64 << 20 || stats.cycles() > 3, "the heap did not collect:\n{stats}");
    drop(heap);
    let dropped = DROPS.get() - drops;
    assert!(
        dropped == 0 || dropped == stats.objects_allocated(),
        "{dropped} of {} were dropped",
        stats.objects_allocated()
    );
}

fn objects(c: &mut Criterion, name: &str, object: impl Object) {
    let objects = size(1 << 15, 1 << 12);
    let legend = "objects that nobody keeps, each with a header of 8 bytes more. `idle`: no cycle is in progress. `marking`: one \
                  is, and the collector does nothing; with `window open` the roots are unscanned. `collecting`: a safepoint \
                  after each object, and the heap collects by itself. elem: an object.";
    let mut group = group(c, &format!("allocation, {name}"), legend, objects, Pace::Short);
    each_policy!(held(&mut group, object, "idle", State::Idle, objects));
    each_barrier!(held(&mut group, object, "marking", State::Marking, objects));
    held::<RootsFirst>(&mut group, object, "marking, window open", State::Window, objects);
    held::<Hybrid>(&mut group, object, "marking, window open", State::Window, objects);
    each_policy!(collecting(&mut group, object, objects));
}

fn rows(c: &mut Criterion) {
    objects(c, "leaf, 16 bytes", Leaf::<2>);
    objects(c, "leaf, 32 bytes", Leaf::<4>);
    objects(c, "leaf, 128 bytes", Leaf::<16>);
    objects(c, "node, 16 bytes", Pointing::<1>);
    objects(c, "node, 32 bytes", Pointing::<3>);
    objects(c, "node, 128 bytes", Pointing::<15>);
    objects(c, "drop, 16 bytes", Dropped::<1>);
    objects(c, "drop, 32 bytes", Dropped::<3>);
    objects(c, "drop, 128 bytes", Dropped::<15>);
}

criterion_group!(benches, rows);
criterion_main!(benches);
