//! The Lox interpreter as a program: a file, or a prompt.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use grisaille::{Barrier, Heap};
use grisaille_examples::flags::{HeapFlags, Program};
use grisaille_examples::{BAD_PROGRAM, RUNTIME_ERROR, arguments, cannot_write, on_stack, output, prompt, source};
use lox::DEPTH_MAX;
use lox::machine::{Failure, Machine};

/// Runs a Lox program, or a prompt.
#[derive(Parser)]
#[command(name = "lox")]
struct Arguments {
    /// The program; without one there is a prompt.
    file: Option<PathBuf>,
    #[command(flatten)]
    heap: HeapFlags,
    /// Define what Lox does not have: fibers, lists and maps.
    #[arg(long)]
    extensions: bool,
}

/// The compiler recurses as deep as a program nests. A level takes less than 1 KiB, also in a build that does not
/// optimize, so this is five times what [`DEPTH_MAX`] levels need.
const NATIVE_STACK: usize = 256 << 20;
const _: () = assert!(NATIVE_STACK > 5 * 1024 * DEPTH_MAX);

fn main() -> ExitCode {
    on_stack(NATIVE_STACK, || match arguments::<Arguments>() {
        Ok(arguments) => arguments.heap.run(&arguments),
        Err(code) => code,
    })
}

impl Program for Arguments {
    fn run<B: Barrier>(&self, heap: &mut Heap<B>) -> u8 {
        heap.enter(|cx| {
            let mut machine = match Machine::new(cx, output(), Box::new(io::stderr())) {
                Ok(machine) => machine,
                Err(failure) => return exit_code(failure),
            };
            if self.extensions
                && let Err(failure) = machine.extend(cx)
            {
                return exit_code(failure);
            }
            let Some(file) = &self.file else {
                // An error in one line does not end the prompt.
                return prompt::run(
                    || "> ",
                    |line| match machine.interpret(cx, line) {
                        Err(failure @ (Failure::Output(_) | Failure::Runtime { unwritten: Some(_) })) => {
                            Err(exit_code(failure))
                        }
                        _ => Ok(()),
                    },
                );
            };
            match source(file) {
                Ok(source) => {
                    let code = machine.interpret(cx, &source).map_or_else(exit_code, |()| 0);
                    self.heap.survey(cx, code)
                }
                Err(code) => code,
            }
        })
    }
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
        Failure::Output(error) => cannot_write(&error),
    }
}
