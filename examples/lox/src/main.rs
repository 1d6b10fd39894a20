//! The Lox interpreter as a program: a file, or a prompt.

mod prompt;

use std::io::{self, BufWriter, IsTerminal, LineWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use grisaille::{Barrier, Deletion, Heap, Hybrid, Insertion, StopTheWorld, Sweep, Watermark};
use lox::DEPTH_MAX;
use lox::machine::{Failure, Machine};

/// The exit codes of clox, from the BSDs' sysexits.h.
const USAGE: u8 = 64;
const BAD_PROGRAM: u8 = 65;
const RUNTIME_ERROR: u8 = 70;
const INPUT_OUTPUT: u8 = 74;
/// Rust's own.
const PANIC: u8 = 101;

/// Runs a Lox program, or a prompt.
#[derive(Parser)]
#[command(name = "lox")]
struct Arguments {
    /// The program; without one there is a prompt.
    file: Option<PathBuf>,
    /// The write barrier of the heap.
    #[arg(long, value_enum, default_value = "hybrid")]
    barrier: BarrierName,
    /// Where dead objects are swept.
    #[arg(long, value_enum, default_value = "concurrent")]
    sweep: SweepName,
    /// Print what the collector did, at the end.
    #[arg(long)]
    stats: bool,
    /// Run a step of the collector at every safepoint.
    #[arg(long)]
    stress: bool,
    /// Define what Lox does not have: fibers, lists and maps.
    #[arg(long)]
    extensions: bool,
    /// The most memory that the heap may hold.
    #[arg(long, value_name = "BYTES")]
    heap_limit: Option<usize>,
}

#[derive(Clone, Copy, ValueEnum)]
enum BarrierName {
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

/// The compiler recurses as deep as a program nests. A level takes less than 1 KiB, also in a build that does not
/// optimize, so this is five times what [`DEPTH_MAX`] levels need.
const NATIVE_STACK: usize = 256 << 20;
const _: () = assert!(NATIVE_STACK > 5 * 1024 * DEPTH_MAX);

fn main() -> ExitCode {
    match std::thread::Builder::new().stack_size(NATIVE_STACK).spawn(start) {
        // The thread has reported its panic.
        Ok(interpreter) => interpreter.join().unwrap_or(ExitCode::from(PANIC)),
        Err(error) => {
            complain(format_args!("Could not start: {error}."));
            ExitCode::from(RUNTIME_ERROR)
        }
    }
}

/// Writes a line to the standard error. (`eprintln!` panics where that cannot be written.)
fn complain(line: std::fmt::Arguments<'_>) {
    // There is nowhere left to report a failure.
    let _ = writeln!(io::stderr(), "{line}");
}

fn start() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(message) => {
            // A failure to write to the standard error cannot be reported.
            let printed = message.print();
            return ExitCode::from(match printed {
                _ if message.use_stderr() => USAGE,
                Ok(()) => 0,
                Err(error) => exit_code(Failure::Output(error)),
            });
        }
    };
    // A policy is a type, so that the barrier of a write is known at compile time.
    match arguments.barrier {
        BarrierName::Hybrid => run::<Hybrid>(&arguments),
        BarrierName::Insertion => run::<Insertion>(&arguments),
        BarrierName::Deletion => run::<Deletion>(&arguments),
        BarrierName::Watermark => run::<Watermark>(&arguments),
        BarrierName::StopTheWorld => run::<StopTheWorld>(&arguments),
    }
}

/// Runs the program or the prompt on a heap of that policy.
fn run<B: Barrier>(arguments: &Arguments) -> ExitCode {
    let sweep = match arguments.sweep {
        SweepName::Concurrent => Sweep::Concurrent,
        SweepName::Lazy => Sweep::Lazy,
        SweepName::Eager => Sweep::Eager,
    };
    let mut builder = Heap::builder().barrier::<B>().sweep(sweep).stress(arguments.stress);
    if let Some(limit) = arguments.heap_limit {
        builder = builder.limit(limit);
    }
    let mut heap = match builder.build() {
        Ok(heap) => heap,
        Err(error) => {
            complain(format_args!("{error}"));
            return ExitCode::from(USAGE);
        }
    };
    let code = heap.enter(|cx| {
        let mut machine = match Machine::new(cx, output(), Box::new(io::stderr())) {
            Ok(machine) => machine,
            Err(failure) => return exit_code(failure),
        };
        if arguments.extensions
            && let Err(failure) = machine.extend(cx)
        {
            return exit_code(failure);
        }
        match &arguments.file {
            Some(file) => run_file(file, |source| machine.interpret(cx, source)),
            None => prompt::run(|source| machine.interpret(cx, source)),
        }
    });
    if arguments.stats {
        complain(format_args!("{}", heap.stats()));
    }
    ExitCode::from(code)
}

/// Returns the standard output, written line by line only at a terminal.
fn output() -> Box<dyn Write> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        Box::new(LineWriter::new(stdout))
    } else {
        Box::new(BufWriter::with_capacity(1 << 16, stdout))
    }
}

fn run_file(file: &Path, interpret: impl FnOnce(&[u8]) -> Result<(), Failure>) -> u8 {
    let source = match std::fs::read(file) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
            complain(format_args!("Not enough memory to read \"{}\".", file.display()));
            return INPUT_OUTPUT;
        }
        Err(_) => {
            complain(format_args!("Could not open file \"{}\".", file.display()));
            return INPUT_OUTPUT;
        }
    };
    interpret(&source).map_or_else(exit_code, |()| 0)
}

/// Reports what the machine could not report, and returns the exit code.
fn exit_code(failure: Failure) -> u8 {
    match failure {
        Failure::Compile => BAD_PROGRAM,
        Failure::Runtime { unwritten } => {
            if let Some(error) = unwritten {
                exit_code(Failure::Output(error));
            }
            RUNTIME_ERROR
        }
        Failure::Output(error) => {
            complain(format_args!("Could not write: {error}."));
            INPUT_OUTPUT
        }
    }
}
