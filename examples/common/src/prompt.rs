//! The prompt.

use std::io::{self, BufRead, IsTerminal, Write};

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use crate::{INPUT_OUTPUT, cannot_write, complain};

/// Runs lines until there are no more, or none can be read, and returns the exit code. `interpret` returns an exit code
/// where the prompt should end; `prompt` says what is written before the next line.
pub fn run(prompt: impl Fn() -> &'static str, mut interpret: impl FnMut(&[u8]) -> Result<(), u8>) -> u8 {
    let terminal = io::stdin().is_terminal();
    let outcome = if terminal { edit(&prompt, &mut interpret) } else { read(&prompt, &mut interpret) };
    outcome.err().unwrap_or(0)
}

/// Reads lines from a terminal, with a line editor and history.
fn edit(prompt: &dyn Fn() -> &'static str, interpret: &mut dyn FnMut(&[u8]) -> Result<(), u8>) -> Result<(), u8> {
    let broken = |error| cannot_write(&io::Error::other(error));
    let mut editor = DefaultEditor::new().map_err(broken)?;
    loop {
        match editor.readline(prompt()) {
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
fn read(prompt: &dyn Fn() -> &'static str, interpret: &mut dyn FnMut(&[u8]) -> Result<(), u8>) -> Result<(), u8> {
    let print = |text: &str| {
        let mut out = io::stdout();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| cannot_write(&error))
    };
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        print(prompt())?;
        line.clear();
        match read_line(&mut input, &mut line) {
            Ok(()) if !line.is_empty() => interpret(&line)?,
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                complain("Not enough memory to read a line.");
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
