//! Pairs, lists, symbols and what all values have.

use std::collections::HashMap;

use grisaille::Barrier;

use super::{ANY, Table, elements, index, length, many, one, pair, text, two};
use crate::error::{Error, Result};
use crate::number::whole;
use crate::read::{cons, list, list_with_tail};
use crate::value::Value;

/// Returns whether the two look the same: `equal?`. Where much is compared, what was compared before is remembered, so
/// that the comparison of values that lead back to themselves ends.
pub fn equal<'a>(a: Value<'a>, b: Value<'a>) -> bool {
    let (mut work, mut steps, mut alike) = (vec![(a, b)], 0, Alike::default());
    while let Some((mut a, mut b)) = work.pop() {
        while let (Value::Pair(x), Value::Pair(y)) = (a, b) {
            steps += 1;
            if steps > STEPS_FORGOTTEN && !alike.join(a.address(), b.address()) {
                (a, b) = (Value::Nil, Value::Nil);
                break;
            }
            let (first, second) = (x.car.get(), y.car.get());
            (a, b) = (x.cdr.get(), y.cdr.get());
            // Most elements are no lists.
            if matches!((first, second), (Value::Pair(_) | Value::Vector(_), Value::Pair(_) | Value::Vector(_))) {
                work.push((first, second));
            } else if !equal_atoms(first, second) {
                return false;
            }
        }
        match (a, b) {
            (Value::Vector(x), Value::Vector(y)) if x.len() == y.len() => {
                steps += 1;
                if steps <= STEPS_FORGOTTEN || alike.join(a.address(), b.address()) {
                    work.extend(x.iter().zip(y.iter()).map(|(x, y)| (x.get(), y.get())));
                }
            }
            (a, b) if equal_atoms(a, b) => {}
            _ => return false,
        }
    }
    true
}

/// How many pairs and vectors are compared before it is remembered which.
const STEPS_FORGOTTEN: usize = 10_000;

/// Sets of objects that are alike if all else is, each with one that stands for it.
#[derive(Default)]
struct Alike(HashMap<usize, usize>);

impl Alike {
    /// Joins the sets of two objects. Returns false where they are in the same set already.
    fn join(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        self.0.insert(a, b);
        a != b
    }

    fn find(&mut self, object: usize) -> usize {
        let mut object = object;
        while let Some(&next) = self.0.get(&object).filter(|next| **next != object) {
            // The path is halved, for the next time.
            let after = self.0.get(&next).copied().unwrap_or(next);
            self.0.insert(object, after);
            object = after;
        }
        object
    }
}

fn equal_atoms<'a>(a: Value<'a>, b: Value<'a>) -> bool {
    match (a, b) {
        (Value::Text(x), Value::Text(y)) => x == y,
        (Value::Bytes(x), Value::Bytes(y)) => x == y,
        _ => a.same(b),
    }
}

fn find<'a>(list: Value<'a>, is_it: impl Fn(Value<'a>) -> bool) -> Result<Value<'a>> {
    let mut rest = list;
    while let Value::Pair(pair) = rest {
        if is_it(pair.car.get()) {
            return Ok(rest);
        }
        rest = pair.cdr.get();
    }
    Ok(Value::False)
}

fn find_entry<'a>(list: Value<'a>, is_it: impl Fn(Value<'a>) -> bool) -> Result<Value<'a>> {
    for entry in list.iter() {
        if is_it(pair(entry)?.car.get()) {
            return Ok(entry);
        }
    }
    Ok(Value::False)
}

/// Follows the path of a name like `cadr`, from the right.
fn follow<'a>(value: Value<'a>, path: &str) -> Result<Value<'a>> {
    path.chars().rev().try_fold(value, |value, step| {
        let pair = pair(value)?;
        Ok(if step == 'a' { pair.car.get() } else { pair.cdr.get() })
    })
}

macro_rules! paths {
    ($all:ident: $($path:literal)*) => {
        $($all.push(one(concat!("c", $path, "r"), |_, _, value| follow(value, $path)));)*
    };
}

pub fn table<B: Barrier>() -> Table<B> {
    let mut all = vec![
        two("cons", |_, cx, a, b| cons(cx, a, b)),
        one("car", |_, _, a| Ok(pair(a)?.car.get())),
        one("cdr", |_, _, a| Ok(pair(a)?.cdr.get())),
        two("set-car!", |_, cx, a, b| {
            pair(a)?.car.set(cx, b);
            Ok(Value::Unspecified)
        }),
        two("set-cdr!", |_, cx, a, b| {
            pair(a)?.cdr.set(cx, b);
            Ok(Value::Unspecified)
        }),
        many("list", 0, ANY, |_, cx, all| list(cx, all)),
        many("cons*", 1, ANY, |_, cx, all| {
            let (tail, items) = all.split_last().expect("there is one");
            list_with_tail(cx, items, *tail)
        }),
        many("make-list", 1, 2, |_, cx, all| {
            let fill = all.get(1).copied().unwrap_or(Value::Unspecified);
            (0..index(all[0])?).try_fold(Value::Nil, |rest, _| cons(cx, fill, rest))
        }),
        one("length", |_, cx, a| whole(cx, length(a).ok_or_else(|| Error::wrong("a list", a))?)),
        many("append", 0, ANY, |_, cx, all| {
            let Some((last, lists)) = all.split_last() else { return Ok(Value::Nil) };
            lists.iter().rev().try_fold(*last, |tail, list| list_with_tail(cx, &elements(*list)?, tail))
        }),
        one("reverse", |_, cx, a| elements(a)?.into_iter().try_fold(Value::Nil, |rest, item| cons(cx, item, rest))),
        one("list-copy", |_, cx, a| {
            let mut items = a.iter();
            let all: Vec<_> = items.by_ref().collect();
            list_with_tail(cx, &all, items.rest())
        }),
        two("list-tail", |_, _, a, count| (0..index(count)?).try_fold(a, |rest, _| Ok(pair(rest)?.cdr.get()))),
        two("list-ref", |_, _, a, count| {
            let tail = (0..index(count)?).try_fold(a, |rest, _| pair(rest).map(|pair| pair.cdr.get()))?;
            Ok(pair(tail)?.car.get())
        }),
        two("memq", |_, _, key, list| find(list, |item| item.same(key))),
        two("memv", |_, _, key, list| find(list, |item| item.same(key))),
        two("%member", |_, _, key, list| find(list, |item| equal(item, key))),
        two("assq", |_, _, key, list| find_entry(list, |item| item.same(key))),
        two("assv", |_, _, key, list| find_entry(list, |item| item.same(key))),
        two("%assoc", |_, _, key, list| find_entry(list, |item| equal(item, key))),
        two("eq?", |_, _, a, b| Ok(a.same(b).into())),
        two("eqv?", |_, _, a, b| Ok(a.same(b).into())),
        two("equal?", |_, _, a, b| Ok(equal(a, b).into())),
        one("not", |_, _, a| Ok((!a.is_true()).into())),
        one("null?", |_, _, a| Ok(matches!(a, Value::Nil).into())),
        one("pair?", |_, _, a| Ok(matches!(a, Value::Pair(_)).into())),
        one("list?", |_, _, a| Ok(length(a).is_some().into())),
        one("symbol?", |_, _, a| Ok(a.is_name().into())),
        one("boolean?", |_, _, a| Ok(matches!(a, Value::True | Value::False).into())),
        one("procedure?", |_, _, a| Ok(a.is_procedure().into())),
        one("eof-object?", |_, _, a| Ok(matches!(a, Value::Eof).into())),
        many("eof-object", 0, 0, |_, _, _| Ok(Value::Eof)),
        one("symbol->string", |_, cx, a| text(cx, a.name().ok_or_else(|| Error::wrong("a symbol", a))?.chars())),
        one("string->symbol", |_, cx, a| Ok(Value::Symbol(cx.try_intern(&super::texts::string(a)?)?))),
    ];
    paths!(all: "aa" "ad" "da" "dd" "aaa" "aad" "ada" "add" "daa" "dad" "dda" "ddd"
        "aaaa" "aaad" "aada" "aadd" "adaa" "adad" "adda" "addd" "daaa" "daad" "dada" "dadd" "ddaa" "ddad" "ddda" "dddd");
    all
}
