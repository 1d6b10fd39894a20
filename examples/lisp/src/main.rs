//! The Scheme interpreter as a program: a file, or a prompt.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use grisaille::{Barrier, Check, Heap, HeapBuilder, Mutator};
use grisaille_examples::flags::{HeapFlags, Program};
use grisaille_examples::{INPUT_OUTPUT, RUNTIME_ERROR, arguments, complain, on_stack, output, prompt, source};
use lisp::STACK_PER_CALL;
use lisp::error::{Error, Thrown};
use lisp::lisp::Lisp;
use lisp::port::Input;

/// Runs a Scheme program, or a prompt.
#[derive(Parser)]
#[command(name = "lisp")]
struct Arguments {
    /// The program; without one there is a prompt.
    file: Option<PathBuf>,
    #[command(flatten)]
    heap: HeapFlags,
    /// Verify the heap after every step of the collector.
    #[arg(long)]
    check: bool,
    /// How many calls may be nested, other than tail calls.
    #[arg(long, value_name = "CALLS", default_value_t = 400_000)]
    depth: usize,
}

/// What is needed besides nested calls: for the reader, the compiler and the printer.
const NATIVE_STACK: usize = 64 << 20;

fn main() -> ExitCode {
    let arguments = match arguments::<Arguments>() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let stack = arguments.depth.saturating_mul(STACK_PER_CALL).saturating_add(NATIVE_STACK);
    on_stack(stack, move || arguments.heap.run(&arguments))
}

impl Program for Arguments {
    fn configure<B: Barrier>(&self, builder: HeapBuilder<B>) -> HeapBuilder<B> {
        if self.check { builder.check(Check::EveryStep) } else { builder }
    }

    fn run<B: Barrier>(&self, heap: &mut Heap<B>) -> u8 {
        heap.enter(|cx| {
            let lisp = match Lisp::new(cx, output(), self.depth) {
                Ok(lisp) => lisp,
                Err(_) => {
                    complain("There is no room for the language in the heap.");
                    return RUNTIME_ERROR;
                }
            };
            let code = match &self.file {
                Some(file) => run_file(&lisp, cx, file),
                None => run_prompt(&lisp, cx),
            };
            let code = self.heap.survey(cx, code);
            match lisp.flush(cx) {
                Ok(()) => code,
                Err(error) => failed(&lisp, cx, &error),
            }
        })
    }
}

fn run_file<B: Barrier>(lisp: &Lisp<'_, B>, cx: &mut Mutator<'_, B>, file: &std::path::Path) -> u8 {
    let source = match source(file) {
        Ok(source) => source,
        Err(code) => return code,
    };
    let Ok(text) = String::from_utf8(source) else {
        complain(format_args!("\"{}\" is not UTF-8.", file.display()));
        return INPUT_OUTPUT;
    };
    match lisp.run(cx, &mut Input::of_file(&text, &file.to_string_lossy())) {
        Ok(()) => 0,
        Err(error) => failed(lisp, cx, &error),
    }
}

/// Runs what is typed, as soon as it is complete, and prints the values.
fn run_prompt<B: Barrier>(lisp: &Lisp<'_, B>, cx: &mut Mutator<'_, B>) -> u8 {
    let typed = RefCell::new(String::new());
    let text = || if typed.borrow().is_empty() { "> " } else { "  " };
    prompt::run(text, |line| {
        typed.borrow_mut().push_str(&String::from_utf8_lossy(line));
        typed.borrow_mut().push('\n');
        let mut input = Input::new(&typed.take());
        loop {
            let start = input.position();
            let written = match lisp.step(cx, &mut input) {
                Ok(Some(Some(value))) => lisp.print(cx, &format!("{value}\n")),
                Ok(Some(None)) => lisp.flush(cx),
                Ok(None) => return Ok(()),
                Err(error) if matches!(error.thrown(), Thrown::Unfinished) => {
                    // More is to be typed.
                    typed.replace(input.since(start));
                    return Ok(());
                }
                Err(error) if matches!(error.thrown(), Thrown::Exit(_)) => return Err(failed(lisp, cx, &error)),
                Err(error) => {
                    failed(lisp, cx, &error);
                    return Ok(());
                }
            };
            written.map_err(|error| failed(lisp, cx, &error))?;
        }
    })
}

/// Reports an error, and returns the exit code.
fn failed<B: Barrier>(lisp: &Lisp<'_, B>, cx: &mut Mutator<'_, B>, error: &Error) -> u8 {
    if let Thrown::Exit(code) = *error.thrown() {
        return code;
    }
    // What was printed before comes first.
    let _ = lisp.flush(cx);
    complain(format_args!("Error: {}", lisp.report(cx, error)));
    RUNTIME_ERROR
}
