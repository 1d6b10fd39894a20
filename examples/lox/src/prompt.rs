//! The prompt: each line is a program of its own, on the same globals.

use std::io::{self, BufRead, IsTerminal, Write};

use lox::machine::Failure;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use crate::exit_code;

const PROMPT: &str = "> ";

/// Runs lines until there are no more, or none can be read, and returns the exit code.
pub fn run(mut interpret: impl FnMut(&[u8]) -> Result<(), Failure>) -> u8 {
    // An error in one line is no reason to refuse the next.
    let mut interpret = |line: &[u8]| match interpret(line) {
        Err(failure @ (Failure::Output(_) | Failure::Runtime { unwritten: Some(_) })) => Err(exit_code(failure)),
        _ => Ok(()),
    };
    let outcome = if io::stdin().is_terminal() { edit(&mut interpret) } else { read(&mut interpret) };
    outcome.err().unwrap_or(0)
}

/// With somebody at the keyboard: a line editor with history.
fn edit(interpret: &mut dyn FnMut(&[u8]) -> Result<(), u8>) -> Result<(), u8> {
    let broken = |error| exit_code(Failure::Output(io::Error::other(error)));
    let mut editor = DefaultEditor::new().map_err(broken)?;
    loop {
        match editor.readline(PROMPT) {
            Ok(line) => {
                // A line that cannot be remembered is still to be run.
                let _ = editor.add_history_entry(&line);
                interpret(line.as_bytes())?;
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(broken(error)),
        }
    }
}

/// With lines from elsewhere: as clox does it, prompts included.
fn read(interpret: &mut dyn FnMut(&[u8]) -> Result<(), u8>) -> Result<(), u8> {
    let print = |text: &str| {
        let mut out = io::stdout();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| exit_code(Failure::Output(error)))
    };
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        print(PROMPT)?;
        line.clear();
        match input.read_until(b'\n', &mut line) {
            Ok(1..) => interpret(&line)?,
            // The end, or what clox takes for it.
            Ok(0) | Err(_) => return print("\n"),
        }
    }
}
