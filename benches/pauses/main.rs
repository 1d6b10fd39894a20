//! Measures every interruption of the mutator, not only the collector's steps.
//!
//! A program (`cache.rs`) works in batches of some microseconds. After each batch the thread's processor time and the
//! wall clock are read. The time of a batch beyond the usual, which is the median of the batches of the same run that
//! no cycle disturbs, is an interruption, whatever its cause: a step at a safepoint, the slow path of an allocation (a
//! hole or a block to be found, or swept, or taken from the system), a barrier, a push. Interruptions shorter than
//! `--least` (5 µs: the machine alone causes those by the thousand) do not count.
//!
//! | column | what it says, in microseconds of the thread's processor time |
//! |---|---|
//! | `p50` .. `p99.9` | of all interruptions of all runs |
//! | `longest` | the smallest over the runs of the longest, and who made it |
//! | `longest, wall` | the same by the wall clock: other programs and the hypervisor are in it |
//! | `MMU` | minimum mutator utilisation: over all windows of that length, the least share that is not interruptions (Cheng and Blelloch, PLDI 2001); the best of the runs |
//! | `interrupted` | the share of the mutator's time that interruptions take |
//! | `sweeping` | the share that it spends in the steps that sweep, and in interruptions outside of steps while a sweep is in progress |
//!
//! A second table has the longest interruption by cause: the steps of each phase (`start`: the rest of the last sweep,
//! and the start of marking, where `Deletion` scans the roots), memory taken from the system, and the mutator's own
//! code. The control is the same program on a heap that has its memory and does not collect: it shows what the machine
//! causes. The plot shows how the longest interruption grows with the stack.
//!
//! A run goes on until a cycle ends, so that each has all phases in it. Reading the clocks takes some 100 to 300 ns, and
//! the heap's counters a little, in every batch alike: they are part of the usual time.
//!
//! ```text
//! cargo bench --bench pauses                     # the whole table, some minutes
//! cargo bench --bench pauses -- --live 1024 --stack 1000000 --policy roots-first,control --seconds 5 --svg target/pauses.svg
//! cargo bench --bench pauses -- --rows target/pauses.csv --live 1    # a part; the next call with this file adds to it
//! cargo bench --bench pauses -- --test           # whether it works at all
//! ```

mod cache;
mod clock;
mod plot;
mod policy;
mod row;
mod sample;
mod session;
mod table;
mod timeline;
mod trial;
#[path = "../common/utilisation.rs"]
mod utilisation;

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;

use policy::Policy;
use row::Row;
use session::{Plan, Samples};

/// How long a batch should take.
const BATCH: Duration = Duration::from_micros(4);

/// Every interruption of the mutator, by policy, live heap and depth of the stack.
#[derive(Parser, Debug)]
struct Arguments {
    /// What lives, in MB (up to 3 times as much is taken).
    #[arg(long, value_delimiter = ',', default_value = "1,16,128,1024")]
    live: Vec<usize>,
    /// Slots of the stack.
    #[arg(long, value_delimiter = ',', default_value = "1,30000,1000000")]
    stack: Vec<usize>,
    /// Policies.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "insertion,deletion,roots-first,hybrid,watermark,stop-the-world,control"
    )]
    policy: Vec<Policy>,
    /// A run takes at least so long, and goes on until a cycle ends.
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// Runs of each row.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Microseconds that an interruption takes at the least.
    #[arg(long, default_value_t = 5.0)]
    least: f64,
    /// More heaps, stacks and runs: about half an hour.
    #[arg(long, conflicts_with_all = ["live", "stack", "runs", "seconds"])]
    full: bool,
    /// Where the plot goes.
    #[arg(long, default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/pauses.svg"))]
    svg: PathBuf,
    /// A file of rows: those of earlier calls are shown too, and this call's are added.
    #[arg(long)]
    rows: Option<PathBuf>,
    /// See whether it works, in a few seconds; also where cargo does not say that this is a bench.
    #[arg(long)]
    test: bool,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
    /// Policies by a part of their name, as other benches take it.
    #[arg(hide = true)]
    filter: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::parse();
    if arguments.test || !arguments.bench {
        return trial::run();
    }
    if arguments.full {
        arguments.live = vec![1, 4, 16, 64, 256, 1024];
        arguments.stack = vec![1, 10, 100, 1000, 10_000, 100_000, 1_000_000];
        (arguments.runs, arguments.seconds) = (5, 2.0);
    }
    let is_meant = |policy: &Policy| {
        arguments.filter.is_empty() || arguments.filter.iter().any(|part| policy.name().contains(part.as_str()))
    };
    arguments.policy.retain(is_meant);
    if arguments.policy.is_empty() || arguments.live.is_empty() || arguments.stack.is_empty() {
        return Ok(());
    }
    let mut rows = match &arguments.rows {
        Some(path) => row::read(path)?,
        None => Vec::new(),
    };
    let start = Instant::now();
    measure(&arguments, |row| row::file(&mut rows, row));
    if let Some(path) = &arguments.rows {
        row::write(path, &rows)?;
    }
    println!("{}", table::interruptions(&rows));
    println!("{}", table::culprits(&rows));
    plot::draw(&rows, &arguments.svg)?;
    println!("Plot: {}. Measured in {:.0} s.", arguments.svg.display(), start.elapsed().as_secs_f64());
    Ok(())
}

/// Measures what is asked for, one heap at a time.
fn measure(arguments: &Arguments, mut file: impl FnMut(Row)) {
    eprintln!("Reading the clocks takes {} ns.", clock::cost());
    let mut samples = Samples::new();
    let deepest = arguments.stack.iter().copied().max().unwrap_or(1);
    for &live in &arguments.live {
        let plan = Plan {
            live: live << 20,
            time: Duration::from_secs_f64(arguments.seconds),
            runs: arguments.runs.max(1),
            batch: session::units_in(BATCH, live << 20, deepest),
            least: (arguments.least * 1000.0) as u64,
            check: false,
        };
        for &policy in &arguments.policy {
            policy.run(&plan, &arguments.stack, &mut samples, |stack, runs| {
                let row = Row::new(live, stack, policy, &runs);
                eprintln!(
                    "{live} MB, {stack} slots, {policy}: longest {:.0} us ({} runs, {} cycles; a batch takes {:.1} us)",
                    row.longest / 1000.0,
                    runs.len(),
                    row.cycles,
                    row.usual / 1000.0
                );
                file(row);
            });
        }
    }
}
