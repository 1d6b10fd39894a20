//! The cost of a write barrier: a graph is rewired at random, under each policy.
//!
//! An operation makes an edge of one node point to another. The graph has nodes of 32 bytes with two edges each; an
//! array in the heap, which is the only root, names them all. It lies in the second-level cache, or has 256 MB.
//!
//! | row | what is timed |
//! |---|---|
//! | `rewire ../../plain stores` | the same objects in the same kind of heap, with edges that are `Cell`s: the floor |
//! | `../.., idle/*` | no cycle is in progress: a write is a store behind a load and a branch |
//! | `../.., marking, most white/*` | a cycle has scanned the roots and traced next to nothing; the collector does nothing more. Most writes shade a node for the first time, which queues it. No row for `stop-the-world`, here and below: it never marks between two safepoints |
//! | `../.., marking, all marked/*` | the same, but every node is marked or queued already: a write finds that there is nothing to do |
//! | `../.., marking, window open/*` | the same as `most white`, but the roots are unscanned: in `roots-first`'s window a write is a store behind a load and a branch, in `hybrid`'s it shades both values |
//! | `replace ../collecting/*` | nodes are replaced by new ones, with a safepoint after each, and the heap collects by itself: allocation, barrier, steps and sweeping together |
//!
//! | row | how the nodes of a write are found |
//! |---|---|
//! | `../bare, *` | they were picked beforehand: a write is all that is timed, and its target is not in the cache where the graph is large |
//! | `../random, *` | on the way, by an index into a table of pointers that is as cold as the graph: what a program does that has to find its objects first |
//!
//! Every row checks before and after each batch that the heap is in the phase, and the nodes are of the colours, that
//! its name says.
//!
//! ```text
//! cargo bench --bench barriers                  # all rows
//! cargo bench --bench barriers -- idle          # the rows whose name has "idle" in it
//! ```
//!
//! `cargo bench --bench ratios -- idle marking` has the same as ratios.

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

mod common;

use std::time::Instant;

use common::graph::{self, Graph, Plain, Replaced, State, Writes};
use common::rows::{Group, Pace, group};
use common::{each_barrier, each_policy, size};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use grisaille::Barrier;

fn rewire(c: &mut Criterion) {
    let legend = "an operation makes an edge of one node point to another. `bare`: the two were picked beforehand; `random`: \
                  they are picked on the way. `plain stores`: edges that are cells. `idle`: no cycle is in progress. \
                  `marking`: one is, and the collector does nothing meanwhile; `most white`: a write shades a node for the \
                  first time; `all marked`: it finds that this is done; `window open`: the roots are unscanned, and under `roots-first` the heap has \
                  no barrier yet.";
    for (name, nodes, operations, pace) in [
        ("rewire in cache", graph::in_cache(), graph::in_cache() / 8, Pace::Short),
        ("rewire 256 MB", graph::in_memory(), graph::in_memory() / 64, Pace::Long),
    ] {
        let mut group = group(c, name, &format!("{legend} {nodes} nodes."), operations, pace);
        let kinds = [
            ("bare", Writes::Picked { count: operations, passes: 1 }),
            ("random", Writes::Random { count: operations }),
        ];
        let mut plain = None;
        for (kind, writes) in kinds {
            group.bench_function(BenchmarkId::new(kind, "plain stores"), |b| {
                let plain = plain.get_or_insert_with(|| Plain::new(nodes));
                b.iter_custom(|batches| (0..batches).map(|_| plain.time(writes)).sum());
            });
        }
        drop(plain);
        each_policy!(rewire_rows(&mut group, nodes, &kinds));
    }
}

fn rewire_rows<B: Barrier>(group: &mut Group<'_>, nodes: usize, kinds: &[(&str, Writes)]) {
    let states: &[(State, &str)] = match B::NAME {
        "stop-the-world" => &[(State::Idle, "idle")],
        "roots-first" | "hybrid" => &[
            (State::Idle, "idle"),
            (State::White, "marking, most white"),
            (State::Window, "marking, window open"),
            (State::Marked, "marking, all marked"),
        ],
        _ => &[(State::Idle, "idle"), (State::White, "marking, most white"), (State::Marked, "marking, all marked")],
    };
    let mut graph: Option<Graph<B>> = None;
    for &(state, name) in states {
        for &(kind, writes) in kinds {
            group.bench_function(BenchmarkId::new(format!("{kind}, {name}"), B::NAME), |b| {
                let graph = graph.get_or_insert_with(|| Graph::new(nodes));
                b.iter_custom(|batches| (0..batches).map(|_| graph.time(state, writes)).sum());
            });
        }
    }
}

fn replace(c: &mut Criterion) {
    fn rows<B: Barrier>(group: &mut Group<'_>, nodes: usize, operations: usize) {
        let mut graph: Option<Replaced<B>> = None;
        group.bench_function(BenchmarkId::new("collecting", B::NAME), |b| {
            let graph = graph.get_or_insert_with(|| Replaced::new(nodes));
            b.iter_custom(|batches| {
                let start = Instant::now();
                (0..batches).for_each(|_| graph.run(operations));
                start.elapsed()
            });
        });
        if let Some(graph) = graph {
            graph.check();
        }
    }

    let legend = "an operation replaces a node by a new one, with a safepoint, and the heap collects by itself.";
    for (name, nodes, operations, pace) in [
        ("replace in cache", graph::in_cache(), 1 << 18, Pace::Long),
        // A cycle begins every four million or so: the samples differ, their mean is what counts.
        ("replace 256 MB", graph::in_memory(), size(1 << 20, 1 << 18), Pace::Long),
    ] {
        let mut group = group(c, name, &format!("{legend} {nodes} nodes."), operations, pace);
        each_policy!(rows(&mut group, nodes, operations));
    }
}

criterion_group!(benches, rewire, replace);
criterion_main!(benches);
