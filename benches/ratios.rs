//! Costs as ratios, from interleaved repetitions within one run.
//!
//! Criterion's rows are absolute times, each measured at another moment, and a machine may be faster at one moment than
//! at another. Here the two sides of a ratio run in turn. Printed are the ratio of their medians, and the smallest and the
//! largest ratio of a single repetition.
//!
//! | section | what it answers |
//! |---|---|
//! | `idle` | the cost of a write barrier while no cycle is in progress, beside plain stores |
//! | `marking` | the cost of a write barrier while a cycle is in progress, beside an idle store |
//! | `trees` | binary trees under each policy, beside `StopTheWorld` |
//! | `gcbench` | the same for GCBench |
//! | `lox` | the same for a Lox program, and the collector's share of its time |
//! | `sweeping` | the share of the mutator's time that sweeping a heap of 1 GB takes |
//!
//! ```text
//! cargo bench --bench ratios                    # all of them, two to three minutes
//! cargo bench --bench ratios -- idle marking    # these sections
//! ```

mod common;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use ::lox::machine::Machine;
use common::graph::{self, Graph, Plain, State, Writes};
use common::lox::Output;
use common::report::{Case, Ratio, interleave, largest, median, smallest, table};
use common::trees::Safepoints;
use common::{Random, each_barrier, each_policy, gcbench, hold, is_test, size, thread_time, trees};
use grisaille::{Array, Barrier, Gc, Heap, Hybrid, Phase, RootsFirst, Slot, Stats, Watermark};

const SECTIONS: [(&str, fn()); 6] = [
    ("idle", idle),
    ("marking", marking),
    ("trees", binary_trees),
    ("gcbench", gc_bench),
    ("lox", lox),
    ("sweeping", sweeping),
];

const TO_STOP_THE_WORLD: [Ratio; 1] = [Ratio("watermark", "roots-first")];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    println!(
        "# Ratios\n\nIn bold the ratio of the medians; then the smallest and the largest ratio of one repetition."
    );
    for (name, section) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            section();
        }
    }
}

fn repetitions(full: usize) -> usize {
    size(full, 0)
}

fn nanoseconds(time: Duration, operations: usize) -> f64 {
    time.as_nanos() as f64 / operations as f64
}

// ---- the barrier

/// The graph, and how it is written: the words of a title, and of a legend.
fn each_graph(mut section: impl FnMut(usize, &str, Writes, &str)) {
    for (nodes, place) in [(graph::in_cache(), "in cache"), (graph::in_memory(), "cold, 256 MB")] {
        let count = if nodes > graph::in_cache() { nodes / 16 } else { nodes / 8 };
        section(
            nodes,
            &format!("{place}, bare writes"),
            Writes::Picked { count, passes: 1 },
            &format!("A graph of {nodes} nodes is rewired by {count} writes, all picked beforehand."),
        );
        section(
            nodes,
            &format!("{place}, random writes"),
            Writes::Random { count },
            &format!("A graph of {nodes} nodes is rewired by {count} writes at random, the picking included."),
        );
    }
}

fn idle() {
    fn case<B: Barrier>(cases: &mut Vec<Case<'_>>, nodes: usize, writes: Writes) {
        let mut graph = Graph::<B>::new(nodes);
        cases.push(Case::new(B::NAME, move || nanoseconds(graph.time(State::Idle, writes), writes.operations())));
    }

    each_graph(|nodes, place, writes, legend| {
        let writes = match writes {
            // In the cache one pass is over before the clock has been read, so there are many.
            Writes::Picked { count, .. } if nodes <= graph::in_cache() => {
                Writes::Picked { count, passes: size(128, 1) }
            }
            Writes::Random { count } if nodes <= graph::in_cache() => Writes::Random { count: count * size(128, 1) },
            writes => writes,
        };
        let mut plain = Plain::new(nodes);
        let mut cases = vec![Case::new("plain stores", move || nanoseconds(plain.time(writes), writes.operations()))];
        each_policy!(case(&mut cases, nodes, writes));
        interleave(&mut cases, repetitions(if nodes <= graph::in_cache() { 31 } else { 11 }));
        table(
            &format!("An idle barrier, {place}"),
            "ns a write",
            &format!(
                "{legend} (Of the bare ones in cache, 128 times over.) No cycle is in progress. *Plain stores*: the same objects in a heap, with edges that are \
                 `Cell`s. `stop-the-world` has no barrier: what it differs by is noise."
            ),
            &cases,
            &[],
        );
    });
}

fn marking() {
    fn section<B: Barrier>(nodes: usize, place: &str, writes: Writes, legend: &str) {
        let in_cache = nodes <= graph::in_cache();
        // A heap for each: a cycle of one side would end for the other.
        let graph = RefCell::new(Graph::<B>::new(nodes));
        let marked = RefCell::new(Graph::<B>::new(nodes));
        let time = |graph: &RefCell<Graph<B>>, state| {
            let batches = if in_cache { size(64, 1) } else { 1 };
            let time = (0..batches).map(|_| graph.borrow_mut().time(state, writes)).sum();
            nanoseconds(time, writes.operations() * batches)
        };
        let mut cases = vec![
            Case::new("idle", || time(&graph, State::Idle)),
            Case::new("marking, most white", || time(&graph, State::White)),
            Case::new("marking, all marked", || time(&marked, State::Marked)),
        ];
        if hold::has_window::<B>() {
            cases.push(Case::new("marking, window open, most white", || time(&graph, State::Window)));
        }
        interleave(&mut cases, repetitions(if in_cache { 15 } else { 5 }));
        table(
            &format!("A marking barrier, {place}: {}", B::NAME),
            "ns a write",
            &format!(
                "{legend} *Idle*: no cycle. *Most white*: a cycle has scanned its roots and traced next to nothing, so most \
                 writes shade a node for the first time. *All marked*: they find that it is done."
            ),
            &cases,
            &[],
        );
    }

    each_graph(|nodes, place, writes, legend| each_barrier!(section(nodes, place, writes, legend)));
}

// ---- whole programs

/// The figures of a heap whose run is over.
fn runs<B: Barrier>(run: impl FnOnce(&mut Heap<B>) -> usize) -> (Duration, usize, Stats) {
    let mut heap = Heap::builder().barrier::<B>().build().expect("a configuration that works");
    let start = Instant::now();
    let operations = run(&mut heap);
    (start.elapsed(), operations, heap.stats())
}

/// Prints a line about each case of a table: its cycles, its memory, and the collector's share.
fn line(name: &str, time: Duration, stats: &Stats) -> String {
    format!(
        "{name}: {} cycles, longest pause {:.2} ms, {:.1} MB held, the collector's share of the time {:.1} %, of which in \
         phase sweep {:.2} %",
        stats.cycles(),
        stats.longest_pause().as_secs_f64() * 1e3,
        stats.bytes_held() as f64 / 1e6,
        stats.collector_time().as_secs_f64() / time.as_secs_f64() * 100.0,
        (stats.time_in(Phase::Sweep) + stats.time_in(Phase::SweepTermination)).as_secs_f64() / time.as_secs_f64()
            * 100.0,
    )
}

/// The last repetition of each case.
#[derive(Default)]
struct Lines(RefCell<Vec<(&'static str, Duration, Stats)>>);

impl Lines {
    fn note(&self, name: &'static str, time: Duration, stats: Stats) {
        let mut lines = self.0.borrow_mut();
        match lines.iter_mut().find(|(other, ..)| *other == name) {
            Some(line) => *line = (name, time, stats),
            None => lines.push((name, time, stats)),
        }
    }

    fn print(&self) {
        println!("\nThe last repetition of each:\n");
        for (name, time, stats) in &*self.0.borrow() {
            println!("* {}", line(name, *time, stats));
        }
    }
}

fn binary_trees() {
    fn case<'a, B: Barrier>(cases: &mut Vec<Case<'a>>, lines: &'a Lines, depth: usize, safepoints: Safepoints) {
        cases.push(Case::new(B::NAME, move || {
            let (time, nodes, stats) = runs::<B>(|heap| heap.enter(|cx| trees::run(cx, depth, safepoints)));
            lines.note(B::NAME, time, stats);
            nanoseconds(time, nodes)
        }));
    }

    for (safepoints, how) in
        [(Safepoints::ATree, "a safepoint a tree"), (Safepoints::ANode, "a scope and a safepoint a node")]
    {
        let (depth, lines) = (size(17, 6), Lines::default());
        let mut cases = Vec::new();
        each_policy!(case(&mut cases, &lines, depth, safepoints));
        interleave(&mut cases, repetitions(5));
        table(
            &format!("Binary trees, {how}"),
            "ns a node",
            &format!("Depth {depth}; a node is allocated once and counted once. Heaps as `Heap::new` makes them."),
            &cases,
            &TO_STOP_THE_WORLD,
        );
        lines.print();
    }
}

fn gc_bench() {
    fn case<'a, B: Barrier>(cases: &mut Vec<Case<'a>>, lines: &'a Lines, largest: usize) {
        cases.push(Case::new(B::NAME, move || {
            let (time, nodes, stats) = runs::<B>(|heap| heap.enter(|cx| gcbench::run(cx, largest)));
            lines.note(B::NAME, time, stats);
            nanoseconds(time, nodes)
        }));
    }

    let (largest, lines) = (size(16, 6), Lines::default());
    let mut cases = Vec::new();
    each_policy!(case(&mut cases, &lines, largest));
    interleave(&mut cases, repetitions(5));
    table(
        "GCBench",
        "ns an object",
        &format!("The largest trees have depth {largest}. Heaps as `Heap::new` makes them."),
        &cases,
        &TO_STOP_THE_WORLD,
    );
    lines.print();
}

fn lox() {
    fn case<'a, B: Barrier>(cases: &mut Vec<Case<'a>>, lines: &'a Lines, program: common::lox::Program) {
        cases.push(Case::new(B::NAME, move || {
            let (time, _, stats) = runs::<B>(|heap| {
                let output = Output::default();
                heap.enter(|cx| {
                    let machine = Machine::new(cx, Box::new(output.clone()), Box::new(std::io::stderr()));
                    let mut machine = machine.expect("a new heap has room");
                    machine.interpret(cx, program.source.as_bytes()).expect("the program runs to its end");
                });
                output.check(program);
                1
            });
            lines.note(B::NAME, time, stats);
            time.as_secs_f64() * 1e3
        }));
    }

    let program = common::lox::program(if is_test() { "trees_small" } else { "binary_trees" });
    let lines = Lines::default();
    let mut cases = Vec::new();
    each_policy!(case(&mut cases, &lines, program));
    interleave(&mut cases, repetitions(7));
    table(
        &format!("Lox: {}.lox", program.name),
        "ms a run",
        "The program runs on the interpreter of `examples/lox`, in this process. Heaps as `Heap::new` makes them.",
        &cases,
        &TO_STOP_THE_WORLD,
    );
    lines.print();
}

// ---- sweeping

/// The figures of one repetition: shares of the mutator's time in per cent, and the longest step in microseconds.
#[derive(Default)]
struct Sweeping {
    in_sweep: Vec<f64>,
    in_mark: Vec<f64>,
    longest: Vec<f64>,
    cycles: u64,
    live: u64,
}

fn sweeping() {
    /// An object of 128 bytes, without pointers: marking a heap of them takes little time beside sweeping it.
    type Leaf = [u64; 15];

    fn row<B: Barrier>(objects: usize) -> Sweeping {
        let mut rows = Sweeping::default();
        let mut heap = Heap::builder().barrier::<B>().build().expect("a configuration that works");
        heap.enter(|cx| {
            let mut random = Random::new();
            let array: Array<'_, Slot<Gc<'_, Leaf>>> = cx.alloc_array(objects, |_| Slot::new(cx.alloc([0u64; 15])));
            let array = cx.root(array);
            cx.collect();
            for _ in 0..repetitions(5).max(1) {
                let (before, start) = (cx.stats(), thread_time());
                let mut longest = Duration::ZERO;
                // Whole cycles, from one end to another.
                while cx.stats().cycles() < before.cycles() + 2 {
                    for _ in 0..1 << 12 {
                        let index = random.below(objects);
                        array.get(cx).as_slice()[index].set(cx, cx.alloc([index as u64; 15]));
                        if cx.safepoint_due() {
                            let (phase, start) = (cx.phase(), thread_time());
                            cx.safepoint();
                            if matches!(phase, Phase::Sweep | Phase::SweepTermination) {
                                longest = longest.max(thread_time() - start);
                            }
                        }
                    }
                }
                let (after, time) = (cx.stats(), (thread_time() - start).as_secs_f64());
                let share = |phases: &[Phase]| {
                    let time_in = |phase: &Phase| (after.time_in(*phase) - before.time_in(*phase)).as_secs_f64();
                    phases.iter().map(time_in).sum::<f64>() / time * 100.0
                };
                rows.in_sweep.push(share(&[Phase::Sweep, Phase::SweepTermination, Phase::Release]));
                rows.in_mark.push(share(&[Phase::Mark, Phase::MarkTermination, Phase::Weak]));
                rows.longest.push(longest.as_nanos() as f64 / 1e3);
                rows.cycles += after.cycles() - before.cycles();
                rows.live = after.bytes_live();
            }
        });
        rows
    }

    let objects = size(1 << 23, 1 << 14);
    println!(
        "\n## Sweeping 1 GB, seen from the mutator\n\n\
         {objects} objects of 128 bytes live; one at a time is replaced at random, and the heap collects by itself, two \
         cycles a repetition. *In sweeping*: the share of the mutator's thread time that went into the phases sweep, sweep \
         termination and release (blocks that an allocation sweeps by itself are not in it). *Longest step*: of the \
         safepoints in these phases, in the thread's processor time, the longest of a repetition.\n\n\
         | | in sweeping, median | largest | in marking, median | longest step, median | smallest | cycles | live |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|"
    );
    fn print<B: Barrier>(objects: usize) {
        let rows = row::<B>(objects);
        println!(
            "| {} | {:.3} % | {:.3} % | {:.1} % | {:.0} us | {:.0} us | {} | {:.0} MB |",
            B::NAME,
            median(&rows.in_sweep),
            largest(&rows.in_sweep),
            median(&rows.in_mark),
            median(&rows.longest),
            smallest(&rows.longest),
            rows.cycles,
            rows.live as f64 / 1e6,
        );
    }
    print::<RootsFirst>(objects);
    print::<Hybrid>(objects);
    print::<Watermark>(objects);
}
