//! From data to text.

use std::collections::HashMap;
use std::fmt::{self, Write};

use crate::number;
use crate::read::{DEPTH_MAX, NAMED};
use crate::value::{self, Rare, Small, Value};

/// Returns a value as `write` writes it.
pub fn written(value: Value<'_>) -> String {
    text(value, true)
}

/// Returns a value as `write` writes it, or as `display` does. Where it leads back to itself, what it shares is
/// labelled.
pub fn text(value: Value<'_>, quotes: bool) -> String {
    let labels = if is_cyclic(value) { shared(value) } else { HashMap::new() };
    let mut printer = Printer { out: String::new(), quotes, labels, next_label: 0, depth: 0 };
    // A value that nests too deep ends in dots.
    let _ = printer.value(value);
    printer.out
}

/// Calls `f` with the parts of a pair or a vector.
fn parts<'a>(value: Value<'a>, mut f: impl FnMut(Value<'a>)) {
    match value {
        Value::Pair(pair) => {
            f(pair.cdr.get());
            f(pair.car.get());
        }
        Value::Vector(items) => items.as_slice().iter().rev().for_each(|item| f(item.get())),
        _ => {}
    }
}

fn has_parts(value: Value<'_>) -> bool {
    matches!(value, Value::Pair(_) | Value::Vector(_))
}

fn is_cyclic(value: Value<'_>) -> bool {
    if !has_parts(value) {
        return false;
    }
    // Objects that are entered (false) and left (true); each is on the list of work before its parts, to be left.
    let mut seen = HashMap::new();
    let mut work = vec![(value, false)];
    while let Some((value, leaves)) = work.pop() {
        if leaves {
            seen.insert(value.address(), true);
        } else if let Some(left) = seen.get(&value.address()) {
            if !left {
                return true;
            }
        } else {
            seen.insert(value.address(), false);
            work.push((value, true));
            parts(value, |part| {
                if has_parts(part) {
                    work.push((part, false));
                }
            });
        }
    }
    false
}

/// Returns the objects that are met more than once.
fn shared(value: Value<'_>) -> HashMap<usize, Option<usize>> {
    let mut seen = HashMap::new();
    let mut work = vec![value];
    while let Some(value) = work.pop() {
        let times = seen.entry(value.address()).or_insert(0);
        *times += 1;
        if *times == 1 {
            parts(value, |part| {
                if has_parts(part) {
                    work.push(part);
                }
            });
        }
    }
    seen.into_iter().filter(|(_, times)| *times > 1).map(|(address, _)| (address, None)).collect()
}

struct Printer {
    out: String,
    quotes: bool,
    labels: HashMap<usize, Option<usize>>,
    next_label: usize,
    depth: usize,
}

impl Printer {
    /// Writes the label of a value that is shared. Returns whether that was all.
    fn label(&mut self, value: Value<'_>) -> Result<bool, fmt::Error> {
        if !has_parts(value) {
            return Ok(false);
        }
        match self.labels.get_mut(&value.address()) {
            None => Ok(false),
            Some(Some(label)) => write!(self.out, "#{label}#").map(|()| true),
            Some(label) => {
                *label = Some(self.next_label);
                self.next_label += 1;
                write!(self.out, "#{}=", self.next_label - 1).map(|()| false)
            }
        }
    }

    fn value(&mut self, value: Value<'_>) -> fmt::Result {
        if self.label(value)? {
            return Ok(());
        }
        if self.depth > DEPTH_MAX {
            self.out.push_str("...");
            return Err(fmt::Error);
        }
        self.depth += 1;
        self.plain(value)?;
        self.depth -= 1;
        Ok(())
    }

    fn plain(&mut self, value: Value<'_>) -> fmt::Result {
        let out = &mut self.out;
        match value {
            Value::Nil => write!(out, "()"),
            Value::Unspecified => write!(out, "#<unspecified>"),
            Value::Unbound => write!(out, "#<unbound>"),
            Value::Eof => write!(out, "#<eof>"),
            Value::False => write!(out, "#f"),
            Value::True => write!(out, "#t"),
            Value::Int(_) | Value::Float(_) | Value::Big(_) => {
                write!(out, "{}", number::format(value, 10).expect("it is a number"))
            }
            Value::Char(letter) => {
                let letter = value::letter(letter);
                match NAMED.iter().find(|named| named.1 == letter) {
                    _ if !self.quotes => write!(out, "{letter}"),
                    Some((name, _)) => write!(out, "#\\{name}"),
                    None => write!(out, "#\\{letter}"),
                }
            }
            Value::Symbol(_) | Value::Alias(_) => {
                let name = value.name().expect("it is a name");
                let plain = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "()\"';`,|".contains(c));
                if plain || !self.quotes { write!(out, "{name}") } else { write!(out, "|{name}|") }
            }
            Value::Text(text) => {
                let text = text.iter().map(|letter| letter.get());
                if !self.quotes {
                    out.extend(text);
                    return Ok(());
                }
                out.push('"');
                for letter in text {
                    match letter {
                        '"' | '\\' => write!(out, "\\{letter}")?,
                        '\n' => out.push_str("\\n"),
                        '\t' => out.push_str("\\t"),
                        '\r' => out.push_str("\\r"),
                        _ => out.push(letter),
                    }
                }
                write!(out, "\"")
            }
            Value::Pair(_) => self.list(value),
            Value::Vector(items) => {
                out.push('#');
                self.sequence(items.as_slice().iter().map(|item| item.get()))
            }
            Value::Values(items) => self.sequence(items.as_slice().iter().map(|item| item.get())),
            Value::Bytes(bytes) => {
                out.push_str("#u8");
                self.sequence(bytes.as_slice().iter().map(|byte| Value::Int(Small::from(byte.get()))))
            }
            Value::Record(record) => {
                write!(out, "#<{}", record.kind.name.name().unwrap_or_default())?;
                for field in record.fields.as_slice() {
                    self.out.push(' ');
                    self.value(field.get())?;
                }
                write!(self.out, ">")
            }
            Value::Rare(rare) => self.rare(&rare),
            Value::RecordType(_) => write!(out, "#<record-type>"),
            Value::Primitive(_) | Value::Closure(_) | Value::RecordProcedure(_) => write!(out, "#<procedure>"),
            Value::Port(_) => write!(out, "#<port>"),
            Value::Frame(_) => write!(out, "#<frame>"),
            Value::Special(_) => write!(out, "#<syntax>"),
        }
    }

    fn rare(&mut self, rare: &Rare<'_>) -> fmt::Result {
        match rare {
            Rare::Condition(condition) => {
                self.out.push_str("#<error ");
                self.value(condition.message)?;
                for irritant in condition.irritants.iter() {
                    self.out.push(' ');
                    self.value(irritant)?;
                }
                write!(self.out, ">")
            }
            Rare::Parameter(_) => write!(self.out, "#<parameter>"),
            Rare::Continuation(_) => write!(self.out, "#<continuation>"),
            Rare::Macro(_) => write!(self.out, "#<syntax>"),
        }
    }

    fn sequence<'a>(&mut self, items: impl Iterator<Item = Value<'a>>) -> fmt::Result {
        self.out.push('(');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.out.push(' ');
            }
            self.value(item)?;
        }
        self.out.push(')');
        Ok(())
    }

    fn list(&mut self, list: Value<'_>) -> fmt::Result {
        self.out.push('(');
        let mut rest = list;
        while let Value::Pair(pair) = rest {
            self.value(pair.car.get())?;
            rest = pair.cdr.get();
            let labelled = self.labels.contains_key(&rest.address()) && has_parts(rest);
            if matches!(rest, Value::Nil) {
                break;
            }
            self.out.push(' ');
            if labelled || !matches!(rest, Value::Pair(_)) {
                self.out.push_str(". ");
                self.value(rest)?;
                break;
            }
        }
        self.out.push(')');
        Ok(())
    }
}
