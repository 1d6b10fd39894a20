//! Sweeping: the mutator's cost of dead objects.
//!
//! A heap of 128 MB of objects of 32 bytes, of which a share dies. (How much of its time a running program spends in
//! sweeping is in `cargo bench --bench ratios -- sweeping`.)
//!
//! | row | what is timed |
//! |---|---|
//! | `sweeping/by the mutator/*` | the phase sweep of a cycle under `Sweep::Lazy`, in one step: every block is swept on the mutator's thread |
//! | `sweeping/with the thread/*` | the same under `Sweep::Concurrent`: the mutator and the sweeper's thread share the blocks |
//! | `sweeping, by policy/*` | the first again, under each policy: the sweep is the same |
//! | `refilling/*` | allocation into the holes of swept blocks, as many bytes as had died |
//!
//! | row | what dies |
//! |---|---|
//! | `../none dead` | nothing |
//! | `../one of 16 dead`, `../every other dead` | single objects: as many holes |
//! | `../all dead` | everything: blocks become free |
//! | `../every other dead, drop` | every other one of a quarter as many objects, which have drop glue that the mutator runs |
//!
//! Criterion's `elem/s` are objects that were there before, dead or alive; of `refilling`, objects allocated.

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::rows::{Group, Pace, group};
use common::{each_barrier, each_policy, size};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use grisaille::{Array, Barrier, Budget, Gc, Heap, Mutator, Persistent, Phase, RootsFirst, Slot, Sweep, Trace};

struct Glue(usize);

impl Drop for Glue {
    fn drop(&mut self) {
        black_box(self.0);
    }
}

#[derive(Trace)]
struct Dropped {
    #[trace(skip)]
    _glue: Glue,
    _rest: [usize; 2],
}

/// Which objects die, and are made again.
#[derive(Clone, Copy)]
enum Dies {
    None,
    OneOf(usize),
}

impl Dies {
    fn each(self, objects: usize) -> impl Iterator<Item = usize> {
        let (step, count) = match self {
            Dies::None => (1, 0),
            Dies::OneOf(step) => (step, objects),
        };
        (0..count).step_by(step)
    }
}

/// The figures of an iteration.
struct Times {
    sweeping: Duration,
    refilling: Duration,
}

/// A heap with a table of objects.
trait Iterate {
    /// Lets objects die, runs a cycle, and makes as many new ones.
    fn iterate(&mut self, dies: Dies) -> Times;
}

macro_rules! table {
    ($name:ident, $object:ty, $new:expr) => {
        struct $name<B: Barrier> {
            heap: Heap<B>,
            table: Persistent<Array<'static, Slot<Option<Gc<'static, $object>>>>>,
        }

        impl<B: Barrier> $name<B> {
            fn new(objects: usize, sweep: Sweep) -> Self {
                let builder = Heap::builder().barrier::<B>().automatic(false).sweep(sweep);
                let mut heap = builder.build().expect("a configuration that works");
                let table = heap
                    .enter(|cx| cx.persist(cx.alloc_array(objects, |number| Slot::new(Some(cx.alloc($new(number)))))));
                heap.enter(|cx| cx.collect());
                $name { heap, table }
            }
        }

        impl<B: Barrier> Iterate for $name<B> {
            fn iterate(&mut self, dies: Dies) -> Times {
                let table = &self.table;
                self.heap.enter(|cx| {
                    let slots = table.get(cx).as_slice();
                    let mut dead = 0;
                    for index in dies.each(slots.len()) {
                        slots[index].set(cx, None);
                        dead += 1;
                    }
                    let before = cx.stats();
                    run_a_cycle(cx);
                    let after = cx.stats();
                    assert_eq!(after.objects_freed() - before.objects_freed(), dead, "something else was freed");
                    let slots = table.get(cx).as_slice();
                    let start = Instant::now();
                    for index in dies.each(slots.len()) {
                        slots[index].set(cx, Some(cx.alloc($new(index))));
                    }
                    let refilling = start.elapsed();
                    Times { sweeping: after.time_in(Phase::Sweep) - before.time_in(Phase::Sweep), refilling }
                })
            }
        }
    };
}

table!(Plain, [usize; 3], |number| [number; 3]);
table!(WithDrop, Dropped, |number| Dropped { _glue: Glue(number), _rest: [number; 2] });

fn run_a_cycle<B: Barrier>(cx: &mut Mutator<'_, B>) {
    while !cx.step(Budget::unlimited()).cycle_ended {
        std::thread::yield_now();
    }
}

const SHAPES: [(&str, Dies); 4] = [
    ("none dead", Dies::None),
    ("one of 16 dead", Dies::OneOf(16)),
    ("every other dead", Dies::OneOf(2)),
    ("all dead", Dies::OneOf(1)),
];

fn sweeping(c: &mut Criterion) {
    let objects = size(1 << 22, 1 << 14);
    let legend = format!(
        "a cycle sweeps a heap of {objects} objects of 32 bytes; the time is the mutator's in the phase sweep. `by the mutator`: \
         it sweeps all of it; `with the thread`: together with the sweeper's. elem: an object that was there before. With \
         `drop` there are a quarter as many."
    );
    let mut rows = group(c, "sweeping", &legend, objects, Pace::Long);
    for (how, sweep) in [("by the mutator", Sweep::Lazy), ("with the thread", Sweep::Concurrent)] {
        let mut plain: Option<Plain<RootsFirst>> = None;
        for (name, dies) in SHAPES {
            rows.bench_function(BenchmarkId::new(how, name), |b| {
                let plain = plain.get_or_insert_with(|| Plain::new(objects, sweep));
                b.iter_custom(|cycles| (0..cycles).map(|_| plain.iterate(dies).sweeping).sum());
            });
        }
        let mut dropped: Option<WithDrop<RootsFirst>> = None;
        rows.bench_function(BenchmarkId::new(how, "every other dead, drop"), |b| {
            let dropped = dropped.get_or_insert_with(|| WithDrop::new(objects / 4, sweep));
            b.iter_custom(|cycles| (0..cycles).map(|_| dropped.iterate(Dies::OneOf(2)).sweeping).sum());
        });
    }
    rows.finish();

    fn policy<B: Barrier>(rows: &mut Group<'_>, objects: usize) {
        let mut plain: Option<Plain<B>> = None;
        rows.bench_function(BenchmarkId::new("by the mutator, every other dead", B::NAME), |b| {
            let plain = plain.get_or_insert_with(|| Plain::new(objects, Sweep::Lazy));
            b.iter_custom(|cycles| (0..cycles).map(|_| plain.iterate(Dies::OneOf(2)).sweeping).sum());
        });
    }
    let mut rows = group(c, "sweeping, by policy", &legend, objects, Pace::Long);
    each_policy!(policy(&mut rows, objects));
    rows.finish();

    for (name, dies, per) in [
        ("one of 16 dead", Dies::OneOf(16), 16),
        ("every other dead", Dies::OneOf(2), 2),
        ("all dead", Dies::OneOf(1), 1),
    ] {
        let legend =
            "the time of allocating as many objects of 32 bytes as had died, into what was swept. elem: an object.";
        let mut rows = group(c, "refilling", legend, objects / per, Pace::Long);
        let mut plain: Option<Plain<RootsFirst>> = None;
        rows.bench_function(name, |b| {
            let plain = plain.get_or_insert_with(|| Plain::new(objects, Sweep::Lazy));
            b.iter_custom(|cycles| (0..cycles).map(|_| plain.iterate(dies).refilling).sum());
        });
    }
}

criterion_group!(benches, sweeping);
criterion_main!(benches);
