//! What the interpreters in the examples share: the flags of the heap, the prompt, and how a program starts and ends.

pub mod flags;
pub mod pauses;
pub mod prompt;

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, LineWriter, Write};
use std::process::ExitCode;

use clap::Parser;

/// The exit codes of clox, from the BSDs' sysexits.h.
pub const USAGE: u8 = 64;
pub const BAD_PROGRAM: u8 = 65;
pub const RUNTIME_ERROR: u8 = 70;
pub const INPUT_OUTPUT: u8 = 74;
/// Rust's own.
pub const PANIC: u8 = 101;

/// Runs `start` on a thread with a stack of that many bytes.
pub fn on_stack(bytes: usize, start: impl FnOnce() -> ExitCode + Send + 'static) -> ExitCode {
    match std::thread::Builder::new().stack_size(bytes).spawn(start) {
        // The thread has reported its panic.
        Ok(interpreter) => interpreter.join().unwrap_or(ExitCode::from(PANIC)),
        Err(error) => {
            complain(format_args!("Could not start: {error}."));
            ExitCode::from(RUNTIME_ERROR)
        }
    }
}

/// Returns the program's arguments, or the exit code where they are wrong or ask for help.
///
/// # Errors
/// The exit code.
pub fn arguments<A: Parser>() -> Result<A, ExitCode> {
    A::try_parse().map_err(|message| {
        // A failure to write to the standard error cannot be reported.
        let printed = message.print();
        ExitCode::from(match printed {
            _ if message.use_stderr() => USAGE,
            Ok(()) => 0,
            Err(error) => cannot_write(&error),
        })
    })
}

/// Writes a line to the standard error. (`eprintln!` panics where that cannot be written.)
pub fn complain(line: impl Display) {
    // There is nowhere left to report a failure.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Reports that the output cannot be written, and returns the exit code.
pub fn cannot_write(error: &io::Error) -> u8 {
    complain(format_args!("Could not write: {error}."));
    INPUT_OUTPUT
}

/// Returns the standard output, written line by line only at a terminal.
pub fn output() -> Box<dyn Write + Send> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        Box::new(LineWriter::new(stdout))
    } else {
        Box::new(BufWriter::with_capacity(1 << 16, stdout))
    }
}

/// Returns what a file holds, or reports that it cannot be read.
///
/// # Errors
/// The exit code.
pub fn source(file: &std::path::Path) -> Result<Vec<u8>, u8> {
    std::fs::read(file).map_err(|error| {
        if error.kind() == io::ErrorKind::OutOfMemory {
            complain(format_args!("Not enough memory to read \"{}\".", file.display()));
        } else {
            complain(format_args!("Could not open file \"{}\".", file.display()));
        }
        INPUT_OUTPUT
    })
}
