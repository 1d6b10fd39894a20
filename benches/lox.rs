//! Programs of the Lox example, on its interpreter, in this process. Their output is compared.
//!
//! | row | what is timed |
//! |---|---|
//! | `lox */collecting/*` | the program, on a heap that collects by itself, from 128 KiB on |
//! | `lox */idle/*` | the same while no cycle is in progress, on a heap that does not collect; its garbage is freed between the runs, which is not timed |
//! | `lox */marking/*` | the same while a cycle is held in phase `Mark`: it has scanned the roots, and does nothing more. Not for every program, nor is `idle` |
//!
//! An iteration is a run of the program, compiled anew.

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

mod common;

use std::time::{Duration, Instant};

use ::lox::machine::Machine;
use common::lox::{Output, PROGRAMS, Program, program};
use common::rows::{Group, Pace, group};
use common::{each_barrier, each_policy, hold, is_test};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use grisaille::{Barrier, Heap, Mutator, Phase};

/// The heaps do not collect below so many bytes. Most of the programs are small: with the usual four megabytes they would
/// never collect.
const FLOOR: usize = 128 << 10;

fn run<B: Barrier>(cx: &mut Mutator<'_, B>, program: Program) -> Duration {
    let output = Output::default();
    let start = Instant::now();
    let machine = Machine::new(cx, Box::new(output.clone()), Box::new(std::io::stderr()));
    let mut machine = machine.expect("a new heap has room");
    machine.interpret(cx, program.source.as_bytes()).expect("the program runs to its end");
    let time = start.elapsed();
    output.check(program);
    time
}

fn collecting<B: Barrier>(group: &mut Group<'_>, program: Program) {
    group.bench_function(BenchmarkId::new("collecting", B::NAME), |b| {
        b.iter_custom(|runs| {
            let run = |_| {
                let builder = Heap::builder().barrier::<B>().floor(FLOOR);
                let mut heap = builder.build().expect("a configuration that works");
                let time = heap.enter(|cx| run(cx, program));
                assert!(heap.stats().cycles() > 0, "{} did not collect", program.name);
                time
            };
            (0..runs).map(run).sum()
        });
    });
}

fn held<B: Barrier>(group: &mut Group<'_>, program: Program, name: &str, marking: bool) {
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().expect("a configuration that works");
    group.bench_function(BenchmarkId::new(name, B::NAME), |b| {
        b.iter_custom(|runs| {
            let mut time = Duration::ZERO;
            for _ in 0..runs {
                heap.enter(|cx| {
                    let held = marking.then(|| hold::start_and_scan_roots(cx));
                    let phase = if marking { Phase::Mark } else { Phase::Idle };
                    assert_eq!(cx.phase(), phase);
                    time += run(cx, program);
                    assert_eq!(cx.phase(), phase);
                    drop(held);
                    hold::clean(cx);
                });
            }
            time
        });
    });
}

fn programs(c: &mut Criterion) {
    let legend = "a run of the program. `collecting`: the heap collects by itself. `idle`: no cycle is in progress. `marking`: \
                  one is, and the collector does nothing. elem: a run.";
    // The long one is `binary_trees`; `trees_small` is the same on a small scale.
    for each in PROGRAMS.iter().filter(|each| !is_test() || each.name != "binary_trees") {
        let mut rows = group(c, &format!("lox {}", each.name), legend, 1, Pace::Long);
        each_policy!(collecting(&mut rows, *each));
    }
    for name in ["trees_small", "graph", "queue", "strings"] {
        let program = program(name);
        let mut rows = group(c, &format!("lox {name}, by phase"), legend, 1, Pace::Long);
        each_policy!(held(&mut rows, program, "idle", false));
        each_barrier!(held(&mut rows, program, "marking", true));
    }
}

criterion_group!(benches, programs);
criterion_main!(benches);
