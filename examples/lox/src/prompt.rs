//! The prompt: each line is a program of its own, on the same globals.

use std::io::{self, BufRead, IsTerminal, Write};

use lox::machine::Failure;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use crate::{INPUT_OUTPUT, complain, exit_code};

const PROMPT: &str = "> ";

/// Runs lines until there are no more, or none can be read, and returns the exit code.
pub fn run(mut interpret: impl FnMut(&[u8]) -> Result<(), Failure>) -> u8 {
    // An error in one line does not end the prompt.
    let mut interpret = |line: &[u8]| match interpret(line) {
        Err(failure @ (Failure::Output(_) | Failure::Runtime { unwritten: Some(_) })) => Err(exit_code(failure)),
        _ => Ok(()),
    };
    let outcome = if io::stdin().is_terminal() { edit(&mut interpret) } else { read(&mut interpret) };
    outcome.err().unwrap_or(0)
}

/// Reads lines from a terminal, with a line editor and history.
fn edit(interpret: &mut dyn FnMut(&[u8]) -> Result<(), u8>) -> Result<(), u8> {
    let broken = |error| exit_code(Failure::Output(io::Error::other(error)));
    let mut editor = DefaultEditor::new().map_err(broken)?;
    loop {
        match editor.readline(PROMPT) {
            Ok(line) => {
                // A line that cannot be remembered is still run.
                let _ = editor.add_history_entry(&line);
                interpret(line.as_bytes())?;
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(broken(error)),
        }
    }
}

/// Reads lines from another input, as clox does, prompts included.
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
        match read_line(&mut input, &mut line) {
            Ok(()) if !line.is_empty() => interpret(&line)?,
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                complain(format_args!("Not enough memory to read a line."));
                return Err(INPUT_OUTPUT);
            }
            // The end, or what clox treats as the end.
            Ok(()) | Err(_) => return print("\n"),
        }
    }
}

/// Reads a line, its end included, or what is left. Returns an error where there is no memory for it.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let available = input.fill_buf()?;
        let end = available.iter().position(|&byte| byte == b'\n');
        let count = end.map_or(available.len(), |end| end + 1);
        line.try_reserve(count)?;
        line.extend_from_slice(&available[..count]);
        input.consume(count);
        if end.is_some() || count == 0 {
            return Ok(());
        }
    }
}
