//! From text to data.

use grisaille::{Barrier, Mutator, Slot};

use crate::error::{Error, Result, Thrown};
use crate::number;
use crate::port::Input;
use crate::value::{Kind, Value, ValueSlot};

/// Data that is nested deeper than this is refused.
pub const DEPTH_MAX: usize = 10_000;

/// Characters by name.
pub const NAMED: &[(&str, char)] = &[
    ("alarm", '\x07'),
    ("backspace", '\x08'),
    ("delete", '\x7f'),
    ("escape", '\x1b'),
    ("newline", '\n'),
    ("null", '\0'),
    ("nul", '\0'),
    ("return", '\r'),
    ("space", ' '),
    ("tab", '\t'),
    ("linefeed", '\n'),
    ("altmode", '\x1b'),
    ("rubout", '\x7f'),
];

/// Reads the next datum, or nothing at the end of the text.
pub fn read<'a, B: Barrier>(cx: &'a Mutator<'_, B>, input: &mut Input) -> Result<Option<Value<'a>>> {
    input.lines.clear();
    if !skip(cx, input)? {
        return Ok(None);
    }
    input.start = input.line;
    Reader { cx, input, depth: 0 }.datum().map(Some)
}

/// Skips what is no datum. Returns false at the end.
fn skip<B: Barrier>(cx: &Mutator<'_, B>, input: &mut Input) -> Result<bool> {
    loop {
        match input.peek() {
            None => return Ok(false),
            Some(';') => drop(input.take_while(|next| next != '\n')),
            Some(space) if space.is_whitespace() => drop(input.take_next()),
            Some('#') => {
                let Some(mark) = input.peek_second().filter(|mark| "|;!".contains(*mark)) else { return Ok(true) };
                input.take_next();
                input.take_next();
                match mark {
                    '|' => skip_block(input)?,
                    ';' => drop(read(cx, input)?),
                    _ => drop(input.take_while(|next| next != '\n')),
                }
            }
            Some(_) => return Ok(true),
        }
    }
}

fn skip_block(input: &mut Input) -> Result<()> {
    let mut depth = 1;
    while depth > 0 {
        match input.take_next().ok_or(Thrown::Unfinished)? {
            '|' if input.take('#') => depth -= 1,
            '#' if input.take('|') => depth += 1,
            _ => {}
        }
    }
    Ok(())
}

struct Reader<'a, 's, 'i, B: Barrier> {
    cx: &'a Mutator<'s, B>,
    input: &'i mut Input,
    depth: usize,
}

fn ends(next: char) -> bool {
    next.is_whitespace() || "()\";'`,".contains(next)
}

impl<'a, B: Barrier> Reader<'a, '_, '_, B> {
    fn error(&self, message: &str) -> Error {
        Error::of_kind(Kind::Read, message)
    }

    /// Reads a datum, which is there.
    fn datum(&mut self) -> Result<Value<'a>> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("this is nested too deep"));
        }
        if !skip(self.cx, self.input)? {
            return Err(Thrown::Unfinished.into());
        }
        let datum = self.some_datum();
        self.depth -= 1;
        datum
    }

    fn some_datum(&mut self) -> Result<Value<'a>> {
        match self.input.peek().ok_or(Thrown::Unfinished)? {
            '(' => self.list(),
            '\'' => self.prefixed("quote"),
            '`' => self.prefixed("quasiquote"),
            ',' => {
                let splices = self.input.peek_second() == Some('@');
                if splices {
                    self.input.take_next();
                }
                self.prefixed(if splices { "unquote-splicing" } else { "unquote" })
            }
            '"' => {
                let text = self.quoted()?;
                crate::primitives::text(self.cx, text.chars())
            }
            '#' => self.hash(),
            ')' => {
                self.input.take_next();
                Err(self.error("a parenthesis is closed that was not opened"))
            }
            _ => self.atom(),
        }
    }

    fn prefixed(&mut self, name: &str) -> Result<Value<'a>> {
        self.input.take_next();
        let datum = self.datum()?;
        let name = Value::Symbol(self.cx.try_intern(name)?);
        list(self.cx, &[name, datum])
    }

    fn list(&mut self) -> Result<Value<'a>> {
        let line = self.input.line;
        self.input.take_next();
        let (mut items, mut tail) = (Vec::new(), Value::Nil);
        loop {
            if !skip(self.cx, self.input)? {
                return Err(Thrown::Unfinished.into());
            }
            if self.input.take(')') {
                break;
            }
            let is_dot = self.input.peek() == Some('.') && self.input.peek_second().is_none_or(ends);
            if is_dot && !items.is_empty() {
                self.input.take_next();
                tail = self.datum()?;
                if !skip(self.cx, self.input)? {
                    return Err(Thrown::Unfinished.into());
                }
                if !self.input.take(')') {
                    return Err(self.error("there is more than one datum after a dot"));
                }
                break;
            }
            items.push(self.datum()?);
        }
        let list = list_with_tail(self.cx, &items, tail)?;
        self.input.lines.insert(list.address(), line);
        Ok(list)
    }

    fn hash(&mut self) -> Result<Value<'a>> {
        match self.input.peek_second().ok_or(Thrown::Unfinished)? {
            '(' => {
                self.input.take_next();
                let items: Vec<_> = self.list()?.iter().collect();
                Ok(Value::Vector(self.cx.try_alloc_array(items.len(), |at| ValueSlot::new(items[at]))?))
            }
            '\\' => {
                self.input.take_next();
                self.input.take_next();
                self.character()
            }
            _ => {
                let word = self.input.take_while(|next| !ends(next));
                if word == "#u8" && self.input.peek() == Some('(') {
                    let bytes: Result<Vec<u8>> = self.list()?.iter().map(byte).collect();
                    let bytes = bytes?;
                    return Ok(Value::Bytes(self.cx.try_alloc_array(bytes.len(), |at| Slot::new(bytes[at]))?));
                }
                match &*word {
                    "#t" | "#true" => Ok(Value::True),
                    "#f" | "#false" => Ok(Value::False),
                    _ => number::parse(self.cx, &word, 10).ok_or_else(|| self.error(&format!("{word} means nothing"))),
                }
            }
        }
    }

    fn character(&mut self) -> Result<Value<'a>> {
        let first = self.input.take_next().ok_or(Thrown::Unfinished)?;
        let rest = if first.is_alphanumeric() { self.input.take_while(|next| !ends(next)) } else { String::new() };
        if rest.is_empty() {
            return Ok(first.into());
        }
        let name = format!("{first}{rest}");
        let named = NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name)).map(|&(_, letter)| letter);
        let coded = || char::from_u32(u32::from_str_radix(name.strip_prefix('x')?, 16).ok()?);
        let found = named.or_else(coded).map(Value::from);
        found.ok_or_else(|| self.error(&format!("there is no character named {name}")))
    }

    /// Reads a text between two of the next character.
    fn quoted(&mut self) -> Result<String> {
        let quote = self.input.take_next();
        let mut text = String::new();
        loop {
            let next = self.input.take_next().ok_or(Thrown::Unfinished)?;
            match next {
                _ if Some(next) == quote => return Ok(text),
                '\\' => match self.input.take_next().ok_or(Thrown::Unfinished)? {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    'a' => text.push('\x07'),
                    'b' => text.push('\x08'),
                    '0' => text.push('\0'),
                    'x' | 'X' => {
                        let code = self.input.take_while(|next| next.is_ascii_hexdigit());
                        let letter = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
                        text.push(letter.ok_or_else(|| self.error("there is no such character"))?);
                        self.input.take(';');
                    }
                    space if space.is_whitespace() => {
                        if space != '\n' {
                            self.input.take_while(|next| next.is_whitespace() && next != '\n');
                            self.input.take('\n');
                        }
                        self.input.take_while(|next| next == ' ' || next == '\t');
                    }
                    other => text.push(other),
                },
                _ => text.push(next),
            }
        }
    }

    fn atom(&mut self) -> Result<Value<'a>> {
        let mut word = String::new();
        let mut quoted = false;
        while let Some(next) = self.input.peek().filter(|&next| !ends(next)) {
            if next == '|' {
                quoted = true;
                word.push_str(&self.quoted()?);
            } else {
                word.push(next);
                self.input.take_next();
            }
        }
        match number::parse(self.cx, &word, 10).filter(|_| !quoted) {
            Some(number) => Ok(number),
            None => Ok(Value::Symbol(self.cx.try_intern(&word)?)),
        }
    }
}

/// Returns the byte that a value is.
pub fn byte(value: Value<'_>) -> Result<u8> {
    match value {
        Value::Int(number) => u8::try_from(number).map_err(|_| Error::wrong("a byte", value)),
        _ => Err(Error::wrong("a byte", value)),
    }
}

pub fn cons<'a, B: Barrier>(cx: &'a Mutator<'_, B>, car: Value<'a>, cdr: Value<'a>) -> Result<Value<'a>> {
    Ok(Value::Pair(cx.try_alloc(crate::value::Pair { car: ValueSlot::new(car), cdr: ValueSlot::new(cdr) })?))
}

pub fn list<'a, B: Barrier>(cx: &'a Mutator<'_, B>, items: &[Value<'a>]) -> Result<Value<'a>> {
    list_with_tail(cx, items, Value::Nil)
}

pub fn list_with_tail<'a, B: Barrier>(
    cx: &'a Mutator<'_, B>,
    items: &[Value<'a>],
    tail: Value<'a>,
) -> Result<Value<'a>> {
    items.iter().rev().try_fold(tail, |rest, &item| cons(cx, item, rest))
}
