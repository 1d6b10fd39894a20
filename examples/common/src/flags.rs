//! The flags that configure a heap.

use std::fs::File;
use std::io::{self, BufWriter, Stderr, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use grisaille::{
    Barrier, CycleLog, Deletion, Heap, HeapBuilder, Hybrid, Insertion, Mutator, RootsFirst, StopTheWorld, Sweep,
    Timeline, Watermark,
};

use crate::pauses::Pauses;
use crate::{INPUT_OUTPUT, USAGE, complain};

/// The flags that configure a heap.
#[derive(Args)]
pub struct HeapFlags {
    /// The write barrier of the heap.
    #[arg(long, value_enum, default_value = "roots-first")]
    barrier: BarrierName,
    /// Where dead objects are swept.
    #[arg(long, value_enum, default_value = "concurrent")]
    sweep: SweepName,
    /// Print what the collector did, at the end.
    #[arg(long)]
    stats: bool,
    /// Print a line for each cycle of the collector.
    #[arg(long)]
    log_cycles: bool,
    /// Write a timeline of the collector's work, which <https://ui.perfetto.dev> opens.
    #[arg(long, value_name = "FILE")]
    timeline: Option<PathBuf>,
    /// Print what the heap holds when the program ends, by type.
    #[arg(long)]
    census: bool,
    /// Write what the heap holds when the program ends, for the memory panel of Chrome's developer tools: the file's name
    /// must end in ".heapsnapshot".
    #[arg(long, value_name = "FILE")]
    heap_snapshot: Option<PathBuf>,
    /// Write what the heap holds when the program ends, as a graph for Graphviz.
    #[arg(long, value_name = "FILE")]
    dot: Option<PathBuf>,
    /// Run a step of the collector at every safepoint.
    #[arg(long)]
    stress: bool,
    /// The most memory that the heap may hold.
    #[arg(long, value_name = "BYTES")]
    heap_limit: Option<usize>,
}

#[derive(Clone, Copy, ValueEnum)]
enum BarrierName {
    RootsFirst,
    Hybrid,
    Insertion,
    Deletion,
    Watermark,
    StopTheWorld,
}

#[derive(Clone, Copy, ValueEnum)]
enum SweepName {
    Concurrent,
    Lazy,
    Eager,
}

/// What is done with the heap, whatever its policy: a policy is a type, so that the barrier of a write is known at compile
/// time.
pub trait Program {
    /// Configures what the flags of all programs do not.
    fn configure<B: Barrier>(&self, builder: HeapBuilder<B>) -> HeapBuilder<B> {
        builder
    }

    /// Runs, and returns the exit code.
    fn run<B: Barrier>(&self, heap: &mut Heap<B>) -> u8;
}

/// What writes a snapshot to a file.
type Write<'a> = &'a dyn Fn(BufWriter<File>) -> io::Result<()>;

/// The observers that the flags can ask for.
type Observers = (Option<CycleLog<Stderr>>, (Option<Timeline<File>>, Option<Pauses>));

impl HeapFlags {
    /// Runs a program on a heap as the flags describe it, and prints what the collector did if they say so.
    pub fn run(&self, program: &impl Program) -> ExitCode {
        match self.barrier {
            BarrierName::RootsFirst => self.run_with::<RootsFirst>(program),
            BarrierName::Hybrid => self.run_with::<Hybrid>(program),
            BarrierName::Insertion => self.run_with::<Insertion>(program),
            BarrierName::Deletion => self.run_with::<Deletion>(program),
            BarrierName::Watermark => self.run_with::<Watermark>(program),
            BarrierName::StopTheWorld => self.run_with::<StopTheWorld>(program),
        }
    }

    fn run_with<B: Barrier>(&self, program: &impl Program) -> ExitCode {
        let sweep = match self.sweep {
            SweepName::Concurrent => Sweep::Concurrent,
            SweepName::Lazy => Sweep::Lazy,
            SweepName::Eager => Sweep::Eager,
        };
        let mut builder = Heap::builder().barrier::<B>().sweep(sweep).stress(self.stress);
        if let Some(limit) = self.heap_limit {
            builder = builder.limit(limit);
        }
        let mut heap = match program.configure(builder).build() {
            Ok(heap) => heap,
            Err(error) => {
                complain(error);
                return ExitCode::from(USAGE);
            }
        };
        let pauses = self.stats.then(Pauses::new);
        match self.observer(pauses.clone()) {
            Ok((None, (None, None))) => {}
            Ok(observer) => heap.observe(observer),
            Err(code) => return ExitCode::from(code),
        }
        let code = program.run(&mut heap);
        if let Some(pauses) = pauses {
            complain(format_args!("{}{pauses}", heap.stats()));
        }
        ExitCode::from(code)
    }

    /// Prints and writes what the flags ask for of what the heap holds now, at the end of a program that would exit with
    /// `code`. Returns the exit code.
    pub fn survey<B: Barrier>(&self, cx: &mut Mutator<'_, B>, code: u8) -> u8 {
        if !self.census && self.heap_snapshot.is_none() && self.dot.is_none() {
            return code;
        }
        let snapshot = cx.snapshot();
        if self.census {
            complain(snapshot.census());
        }
        let files: [(_, Write<'_>); 2] = [
            (&self.heap_snapshot, &|file| snapshot.write_heapsnapshot(file)),
            (&self.dot, &|file| snapshot.write_dot(file)),
        ];
        for (path, write) in files {
            if let Some(path) = path
                && let Err(error) = File::create(path).and_then(|file| write(BufWriter::new(file)))
            {
                return cannot_write_file(path, &error);
            }
        }
        code
    }

    /// Makes the observer that the flags ask for.
    fn observer(&self, pauses: Option<Pauses>) -> Result<Observers, u8> {
        let timeline = match &self.timeline {
            None => None,
            Some(path) => match File::create(path) {
                Ok(file) => Some(Timeline::new(file)),
                Err(error) => return Err(cannot_write_file(path, &error)),
            },
        };
        Ok((self.log_cycles.then(|| CycleLog::new(stderr())), (timeline, pauses)))
    }
}

/// Reports that a file cannot be written, and returns the exit code.
fn cannot_write_file(path: &Path, error: &io::Error) -> u8 {
    complain(format_args!("Could not write \"{}\": {error}.", path.display()));
    INPUT_OUTPUT
}
