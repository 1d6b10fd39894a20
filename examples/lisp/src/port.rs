//! Ports: where characters come from and go to.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufWriter, Write};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::value::Kind;

/// What a port is connected to.
pub enum PortState {
    Input(Input),
    /// A port that collects what is written.
    Text(String),
    /// A port that collects bytes.
    Bytes(Vec<u8>),
    Output(Box<dyn Write + Send>),
    Closed,
}

/// Characters to be read; bytes are characters up to 255.
#[derive(Default)]
pub struct Input {
    chars: Vec<char>,
    at: usize,
    /// Whether more comes from the standard input.
    console: bool,
    pub line: usize,
    /// The line in which the datum begins that was read last.
    pub start: usize,
    /// The file, if the places of what is read are to be remembered.
    pub file: Arc<str>,
    /// The lines in which lists begin, by the address of their first pair: of the datum that was read last.
    pub lines: HashMap<usize, usize>,
}

impl Input {
    pub fn new(text: &str) -> Input {
        Input { chars: text.chars().collect(), line: 1, ..Input::default() }
    }

    pub fn of_file(text: &str, file: &str) -> Input {
        Input { file: file.into(), ..Input::new(text) }
    }

    pub fn of_bytes(bytes: &[u8]) -> Input {
        Input { chars: bytes.iter().map(|&byte| char::from(byte)).collect(), line: 1, ..Input::default() }
    }

    pub fn console() -> Input {
        Input { console: true, line: 1, ..Input::default() }
    }

    /// Returns how far has been read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Returns the text from a position on.
    pub fn since(&self, position: usize) -> String {
        self.chars[position..].iter().collect()
    }

    pub fn peek(&mut self) -> Option<char> {
        if self.at == self.chars.len() && self.console {
            let mut line = String::new();
            // What cannot be read is the end.
            let _ = io::stdin().lock().read_line(&mut line);
            (self.chars, self.at) = (line.chars().collect(), 0);
        }
        self.chars.get(self.at).copied()
    }

    /// Returns the character after the next one, if it is there already.
    pub fn peek_second(&mut self) -> Option<char> {
        self.peek()?;
        self.chars.get(self.at + 1).copied()
    }

    pub fn take_next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        self.line += usize::from(next == '\n');
        Some(next)
    }

    /// Takes the next character if it is the one that is expected.
    pub fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.take_next();
        }
        found
    }

    /// Takes characters while they are of a kind.
    pub fn take_while(&mut self, mut is_part: impl FnMut(char) -> bool) -> String {
        let mut text = String::new();
        while let Some(next) = self.peek().filter(|&next| is_part(next)) {
            text.push(next);
            self.take_next();
        }
        text
    }
}

impl PortState {
    pub fn open(path: &str, input: bool) -> Result<PortState> {
        let failed = |error: io::Error| Error::of_kind(Kind::File, format!("cannot open {path:?}: {error}"));
        if input {
            let bytes = std::fs::read(path).map_err(failed)?;
            return Ok(PortState::Input(match std::str::from_utf8(&bytes) {
                Ok(text) => Input::new(text),
                Err(_) => Input::of_bytes(&bytes),
            }));
        }
        let file = File::create(path).map_err(failed)?;
        Ok(PortState::Output(Box::new(BufWriter::new(file))))
    }

    pub fn input(&mut self) -> Result<&mut Input> {
        match self {
            PortState::Input(input) => Ok(input),
            _ => Err(Error::new("this port is not open for reading")),
        }
    }

    pub fn write(&mut self, text: &str) -> Result<()> {
        match self {
            PortState::Text(all) => all.push_str(text),
            PortState::Output(out) => out.write_all(text.as_bytes()).map_err(cannot_write)?,
            PortState::Bytes(_) | PortState::Input(_) | PortState::Closed => {
                return Err(Error::new("this port is not open for writing"));
            }
        }
        Ok(())
    }

    pub fn write_byte(&mut self, byte: u8) -> Result<()> {
        match self {
            PortState::Bytes(all) => all.push(byte),
            PortState::Output(out) => out.write_all(&[byte]).map_err(cannot_write)?,
            _ => return Err(Error::new("this port is not open for bytes")),
        }
        Ok(())
    }

    pub fn flush(&mut self) -> Result<()> {
        match self {
            PortState::Output(out) => out.flush().map_err(cannot_write),
            _ => Ok(()),
        }
    }
}

fn cannot_write(error: io::Error) -> Error {
    Error::of_kind(Kind::File, format!("cannot write: {error}"))
}
