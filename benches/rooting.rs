//! What roots and scopes cost: the recursion of an evaluator, with nothing in it but calls.
//!
//! | row | what is timed |
//! |---|---|
//! | `calls/plain` | a recursive call with a value as its argument and its result |
//! | `calls/safepoint` | the same, with a safepoint |
//! | `calls/keep/*` | the same in a scope, with two roots; the result leaves through `Out::keep` |
//! | `calls/value/*` | the same; the scope returns the plain value (`scope_value`) |
//! | `calls/rooted/*` | the same; the scope returns a handle of its own (`scope_rooted`) |
//! | `calls/result/*` | as `rooted`, with a `Result` and `?` |
//! | `roots/root/*` | a root, of a hundred in a scope |
//! | `roots/set/*` | a rooted cell is set and read |
//!
//! `gc` is a pointer, `enum` an interpreter's value of 16 bytes with pointers of five types. The times are of one call, of
//! one root, and of one set: criterion's `elem/s` are these.

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

mod common;

use std::hint::black_box;

use common::rows::{Group, Pace, group};
use common::size;
use criterion::{Criterion, criterion_group, criterion_main};
use grisaille::{Gc, Heap, Mutator, Rooted, Str, Trace};

/// Roots of a scope.
const ROOTS: usize = 100;

#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Nil,
    Number(f64),
    Pair(Gc<'gc, [u64; 2]>),
    Text(Str<'gc>),
    Float(Gc<'gc, f64>),
    Word(Gc<'gc, u64>),
    Small(Gc<'gc, u8>),
}

/// Calls of a recursion that begins with `depth`.
fn calls(depth: u32) -> u64 {
    if depth < 2 { 1 } else { 1 + calls(depth - 1) + calls(depth - 2) }
}

#[inline(never)]
fn plain(depth: u32, value: usize) -> usize {
    if depth < 2 {
        return black_box(value);
    }
    let first = plain(depth - 1, value);
    plain(depth - 2, first)
}

#[inline(never)]
fn safepoint(cx: &mut Mutator<'_>, depth: u32, value: usize) -> usize {
    cx.safepoint();
    if depth < 2 {
        return black_box(value);
    }
    let first = safepoint(cx, depth - 1, value);
    safepoint(cx, depth - 2, first)
}

/// Makes the rows of a type of values, `V`.
macro_rules! rows {
    ($name:literal) => {
        #[inline(never)]
        fn keep<'s>(cx: &mut Mutator<'s>, depth: u32, carried: Rooted<'_, V<'_>>) -> Rooted<'s, V<'s>> {
            cx.safepoint();
            cx.scope(|cx, out| {
                let (a, b) = (cx.root(carried.get(cx)), cx.root(carried.get(cx)));
                if depth < 2 {
                    return out.keep(cx, a.get(cx));
                }
                let first = keep(cx, depth - 1, a);
                let second = keep(cx, depth - 2, b);
                out.keep(cx, if depth == 7 { second.get(cx) } else { first.get(cx) })
            })
        }

        #[inline(never)]
        fn value<'s>(cx: &mut Mutator<'s>, depth: u32, carried: Rooted<'_, V<'_>>) -> Rooted<'s, V<'s>> {
            cx.safepoint();
            cx.scope_value(|cx| {
                let (a, b) = (cx.root(carried.get(cx)), cx.root(carried.get(cx)));
                if depth < 2 {
                    return a.get(cx);
                }
                let first = value(cx, depth - 1, a);
                let second = value(cx, depth - 2, b);
                if depth == 7 { second.get(cx) } else { first.get(cx) }
            })
        }

        #[inline(never)]
        fn rooted<'s>(cx: &mut Mutator<'s>, depth: u32, carried: Rooted<'_, V<'_>>) -> Rooted<'s, V<'s>> {
            cx.safepoint();
            cx.scope_rooted(|cx| {
                let (a, b) = (cx.root(carried.get(cx)), cx.root(carried.get(cx)));
                if depth < 2 {
                    return a;
                }
                let first = rooted(cx, depth - 1, a);
                let second = rooted(cx, depth - 2, b);
                if depth == 7 { second } else { first }
            })
        }

        #[inline(never)]
        fn result<'s>(
            cx: &mut Mutator<'s>,
            depth: u32,
            carried: Rooted<'_, V<'_>>,
        ) -> Result<Rooted<'s, V<'s>>, String> {
            cx.safepoint();
            cx.scope_rooted(|cx| {
                let (a, b) = (cx.root(carried.get(cx)), cx.root(carried.get(cx)));
                if depth < 2 {
                    return Ok(a);
                }
                let first = result(cx, depth - 1, a)?;
                let second = result(cx, depth - 2, b)?;
                match depth {
                    1000 => Err(String::from("too deep")),
                    7 => Ok(second),
                    _ => Ok(first),
                }
            })
        }

        pub fn calls(group: &mut Group<'_>, cx: &mut Mutator<'_>, carried: Rooted<'_, V<'_>>, depth: u32) {
            let mut row = |name: &str, f: &mut dyn FnMut(&mut Mutator<'_>)| {
                group.bench_function(name, |bencher| bencher.iter(|| cx.scope(|cx, _| f(cx))));
            };
            row(concat!("keep/", $name), &mut |cx| _ = black_box(keep(cx, depth, carried)));
            row(concat!("value/", $name), &mut |cx| _ = black_box(value(cx, depth, carried)));
            row(concat!("rooted/", $name), &mut |cx| _ = black_box(rooted(cx, depth, carried)));
            row(concat!("result/", $name), &mut |cx| _ = black_box(result(cx, depth, carried)));
        }

        pub fn roots(group: &mut Group<'_>, cx: &mut Mutator<'_>, carried: Rooted<'_, V<'_>>) {
            let values = [carried; ROOTS];
            group.bench_function(concat!("root/", $name), |bencher| {
                bencher.iter(|| {
                    cx.scope(|cx, _| {
                        for value in black_box(&values) {
                            _ = black_box(cx.root(value.get(cx)));
                        }
                    });
                });
            });
            let cell = cx.root_cell(carried.get(cx));
            group.bench_function(concat!("set/", $name), |bencher| {
                bencher.iter(|| {
                    for value in black_box(&values) {
                        cell.set(cx, value.get(cx));
                        black_box(cell.get(cx));
                    }
                });
            });
        }
    };
}

mod pointers {
    use super::*;
    type V<'gc> = Gc<'gc, [u64; 2]>;
    rows!("gc");
}

mod enums {
    use super::*;
    type V<'gc> = Value<'gc>;
    rows!("enum");
}

fn rooting(criterion: &mut Criterion) {
    let depth = size(18, 5) as u32;
    Heap::new().enter(|cx| {
        let values = [
            Value::Pair(cx.alloc([1, 2])),
            Value::Text(cx.alloc_str("text")),
            Value::Float(cx.alloc(0.5)),
            Value::Word(cx.alloc(1)),
            Value::Small(cx.alloc(1)),
            Value::Number(1.0),
            Value::Nil,
        ];
        let [value, ..] = black_box(values).map(|value| cx.root(value));
        let pointer = cx.root(cx.alloc([1u64, 2]));

        let mut group_of_calls =
            group(criterion, "calls", "A recursion. elem: a call.", calls(depth) as usize, Pace::Short);
        group_of_calls.bench_function("plain", |bencher| bencher.iter(|| plain(depth, black_box(1))));
        group_of_calls.bench_function("safepoint", |bencher| bencher.iter(|| safepoint(cx, depth, black_box(1))));
        pointers::calls(&mut group_of_calls, cx, pointer, depth);
        enums::calls(&mut group_of_calls, cx, value, depth);
        group_of_calls.finish();

        let mut group_of_roots = group(criterion, "roots", "elem: a root, or a set with a get.", ROOTS, Pace::Short);
        pointers::roots(&mut group_of_roots, cx, pointer);
        enums::roots(&mut group_of_roots, cx, value);
        group_of_roots.finish();
    });
}

criterion_group!(benches, rooting);
criterion_main!(benches);
