//! From bytes to tokens, one at a time, as the compiler asks for them.

use super::token::{Kind, Token, keyword};

/// Reads tokens off the front of a source.
pub struct Scanner<'src> {
    source: &'src [u8],
    /// Where the token being read begins.
    start: usize,
    /// The next byte to read.
    at: usize,
    line: u32,
}

impl<'src> Scanner<'src> {
    /// Makes a scanner at the start of `source`, which ends, as a C string does, before its first NUL.
    pub fn new(source: &'src [u8]) -> Self {
        let end = source.iter().position(|&byte| byte == 0).unwrap_or(source.len());
        Scanner { source: &source[..end], start: 0, at: 0, line: 1 }
    }

    /// Returns the next token; [`Kind::End`] again and again once the source is read.
    pub fn next(&mut self) -> Token<'src> {
        self.skip_blanks();
        self.start = self.at;
        let Some(byte) = self.bump() else { return self.token(Kind::End) };
        match byte {
            b'(' => self.token(Kind::LeftParen),
            b')' => self.token(Kind::RightParen),
            b'{' => self.token(Kind::LeftBrace),
            b'}' => self.token(Kind::RightBrace),
            b';' => self.token(Kind::Semicolon),
            b',' => self.token(Kind::Comma),
            b'.' => self.token(Kind::Dot),
            b'-' => self.token(Kind::Minus),
            b'+' => self.token(Kind::Plus),
            b'/' => self.token(Kind::Slash),
            b'*' => self.token(Kind::Star),
            b'!' => self.with_equal(Kind::Bang, Kind::BangEqual),
            b'=' => self.with_equal(Kind::Equal, Kind::EqualEqual),
            b'<' => self.with_equal(Kind::Less, Kind::LessEqual),
            b'>' => self.with_equal(Kind::Greater, Kind::GreaterEqual),
            b'"' => self.string(),
            b'0'..=b'9' => self.number(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.name(),
            _ => self.error("Unexpected character."),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn peek_second(&self) -> Option<u8> {
        self.source.get(self.at + 1).copied()
    }

    fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Skips white space and comments, counting lines.
    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\r' | b'\t' => {}
                b'\n' => self.line += 1,
                b'/' if self.peek_second() == Some(b'/') => {
                    while self.peek_second().is_some_and(|byte| byte != b'\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
            self.at += 1;
        }
    }

    fn with_equal(&mut self, alone: Kind, with_equal: Kind) -> Token<'src> {
        if self.peek() == Some(b'=') {
            self.at += 1;
            self.token(with_equal)
        } else {
            self.token(alone)
        }
    }

    fn string(&mut self) -> Token<'src> {
        while let Some(byte) = self.bump() {
            match byte {
                b'"' => return self.token(Kind::String),
                b'\n' => self.line += 1,
                _ => {}
            }
        }
        self.error("Unterminated string.")
    }

    fn number(&mut self) -> Token<'src> {
        self.digits();
        // A dot belongs to the number only where a digit follows it: `1.print` reads a property.
        if self.peek() == Some(b'.') && self.peek_second().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
            self.digits();
        }
        self.token(Kind::Number)
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn name(&mut self) -> Token<'src> {
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            self.at += 1;
        }
        self.token(keyword(&self.source[self.start..self.at]))
    }

    fn token(&self, kind: Kind) -> Token<'src> {
        Token { kind, text: &self.source[self.start..self.at], line: self.line }
    }

    fn error(&self, message: &'static str) -> Token<'src> {
        Token { kind: Kind::Error, text: message.as_bytes(), line: self.line }
    }
}
