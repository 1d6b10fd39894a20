//! Ports, and the world outside.

use std::cell::RefCell;
use std::time::{Instant, SystemTime};

use grisaille::{Barrier, Gc, Mutator};

use super::texts::{letter, string};
use super::{Table, many, one, text};
use crate::error::{Error, Result, Thrown};
use crate::lisp::{Lisp, current};
use crate::port::{Input, PortState};
use crate::print;
use crate::read::{self, byte};
use crate::value::{Port, Small, Value};

fn port<'a>(value: Value<'a>) -> Result<Gc<'a, Port>> {
    match value {
        Value::Port(port) => Ok(port),
        _ => Err(Error::wrong("a port", value)),
    }
}

fn make<'a, B: Barrier>(cx: &'a Mutator<'_, B>, state: PortState) -> Result<Value<'a>> {
    Ok(Value::Port(cx.try_alloc(Port(RefCell::new(state)))?))
}

/// Writes to the port of an optional argument.
fn write<'a, B: Barrier>(
    lisp: &Lisp<'_, B>,
    cx: &'a Mutator<'_, B>,
    to: Option<&Value<'a>>,
    text: &str,
) -> Result<Value<'a>> {
    let to = to.copied().unwrap_or_else(|| current(lisp.output.get(cx)));
    port(to)?.0.borrow_mut().write(text)?;
    Ok(Value::Unspecified)
}

/// Reads from the port of an optional argument. Nothing is the end.
fn take<'a, B: Barrier>(
    lisp: &Lisp<'_, B>,
    cx: &'a Mutator<'_, B>,
    from: Option<&Value<'a>>,
    f: impl FnOnce(&mut Input) -> Result<Option<Value<'a>>>,
) -> Result<Value<'a>> {
    let from = from.copied().unwrap_or_else(|| current(lisp.input.get(cx)));
    Ok(f(port(from)?.0.borrow_mut().input()?)?.unwrap_or(Value::Eof))
}

fn is_input(value: Value<'_>) -> bool {
    matches!(value, Value::Port(port) if matches!(*port.0.borrow(), PortState::Input(_)))
}

/// When the clock of `current-jiffy` began.
fn start() -> Instant {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *START.get_or_init(Instant::now)
}

pub fn table<B: Barrier>() -> Table<B> {
    start();
    vec![
        many("write", 1, 2, |lisp, cx, all| write(lisp, cx, all.get(1), &print::text(all[0], true))),
        many("display", 1, 2, |lisp, cx, all| write(lisp, cx, all.get(1), &print::text(all[0], false))),
        many("newline", 0, 1, |lisp, cx, all| write(lisp, cx, all.first(), "\n")),
        many("write-char", 1, 2, |lisp, cx, all| write(lisp, cx, all.get(1), &letter(all[0])?.to_string())),
        many("write-string", 1, 2, |lisp, cx, all| write(lisp, cx, all.get(1), &string(all[0])?)),
        many("write-u8", 2, 2, |_, _, all| {
            port(all[1])?.0.borrow_mut().write_byte(byte(all[0])?)?;
            Ok(Value::Unspecified)
        }),
        many("flush-output-port", 0, 1, |lisp, cx, all| {
            let to = all.first().copied().unwrap_or_else(|| current(lisp.output.get(cx)));
            port(to)?.0.borrow_mut().flush()?;
            Ok(Value::Unspecified)
        }),
        many("read-char", 0, 1, |lisp, cx, all| {
            take(lisp, cx, all.first(), |input| Ok(input.take_next().map(Value::from)))
        }),
        many("peek-char", 0, 1, |lisp, cx, all| take(lisp, cx, all.first(), |input| Ok(input.peek().map(Value::from)))),
        many("char-ready?", 0, 1, |_, _, _| Ok(Value::True)),
        many("read-u8", 0, 1, |lisp, cx, all| {
            take(lisp, cx, all.first(), |input| Ok(input.take_next().map(|byte| Value::Int(u32::from(byte) as Small))))
        }),
        many("peek-u8", 0, 1, |lisp, cx, all| {
            take(lisp, cx, all.first(), |input| Ok(input.peek().map(|byte| Value::Int(u32::from(byte) as Small))))
        }),
        many("read-line", 0, 1, |lisp, cx, all| {
            take(lisp, cx, all.first(), |input| {
                if input.peek().is_none() {
                    return Ok(None);
                }
                let line = input.take_while(|next| next != '\n');
                input.take('\n');
                text(cx, line.chars()).map(Some)
            })
        }),
        many("read-string", 1, 2, |lisp, cx, all| {
            let mut left = super::index(all[0])?;
            take(lisp, cx, all.get(1), |input| {
                if left > 0 && input.peek().is_none() {
                    return Ok(None);
                }
                let part = input.take_while(|_| {
                    left = left.wrapping_sub(1);
                    left != usize::MAX
                });
                text(cx, part.chars()).map(Some)
            })
        }),
        many("read", 0, 1, |lisp, cx, all| take(lisp, cx, all.first(), |input| read::read(cx, input))),
        one("open-input-file", |_, cx, a| make(cx, PortState::open(&string(a)?, true)?)),
        one("open-output-file", |_, cx, a| make(cx, PortState::open(&string(a)?, false)?)),
        one("open-input-string", |_, cx, a| make(cx, PortState::Input(Input::new(&string(a)?)))),
        many("open-output-string", 0, 0, |_, cx, _| make(cx, PortState::Text(String::new()))),
        one("open-input-bytevector", |_, cx, a| {
            let bytes: Vec<u8> = super::vectors::octets(a)?.iter().map(|byte| byte.get()).collect();
            make(cx, PortState::Input(Input::of_bytes(&bytes)))
        }),
        many("open-output-bytevector", 0, 0, |_, cx, _| make(cx, PortState::Bytes(Vec::new()))),
        one("get-output-string", |_, cx, a| match &*port(a)?.0.borrow() {
            PortState::Text(all) => text(cx, all.chars()),
            _ => Err(Error::wrong("a port that collects a string", a)),
        }),
        one("get-output-bytevector", |_, cx, a| match &*port(a)?.0.borrow() {
            PortState::Bytes(all) => super::vectors::bytes(cx, all),
            _ => Err(Error::wrong("a port that collects bytes", a)),
        }),
        one("close-port", |_, _, a| {
            port(a)?.0.borrow_mut().flush()?;
            port(a)?.0.replace(PortState::Closed);
            Ok(Value::Unspecified)
        }),
        one("port?", |_, _, a| Ok(matches!(a, Value::Port(_)).into())),
        one("input-port?", |_, _, a| Ok(is_input(a).into())),
        one("output-port?", |_, _, a| Ok((matches!(a, Value::Port(_)) && !is_input(a)).into())),
        one("file-exists?", |_, _, a| Ok(std::path::Path::new(&string(a)?).exists().into())),
        one("delete-file", |_, _, a| {
            let (path, kind) = (string(a)?, crate::value::Kind::File);
            std::fs::remove_file(&path)
                .map_err(|error| Error::of_kind(kind, format!("cannot delete {path:?}: {error}")))?;
            Ok(Value::Unspecified)
        }),
        many("current-jiffy", 0, 0, |_, cx, _| crate::number::whole(cx, start().elapsed().as_micros())),
        many("jiffies-per-second", 0, 0, |_, _, _| Ok(Value::Int(1_000_000))),
        many("current-second", 0, 0, |_, _, _| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            Ok(since.as_secs_f64().into())
        }),
        many("exit", 0, 1, |_, _, all| {
            Err(Thrown::Exit(match all.first() {
                None | Some(Value::True) => 0,
                Some(&Value::Int(code)) => code as u8,
                _ => 1,
            })
            .into())
        }),
    ]
}
