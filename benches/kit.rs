//! What an interpreter is made of, beside its plain twins.
//!
//! | row | what is timed |
//! |---|---|
//! | `list/get/*`, `list/iterate/*` | the elements of a [`List`] of numbers in random order and in theirs, beside a `Vec` of `Cell`s |
//! | `list/push/*` | pushes to a list that was emptied and has room, beside a `Vec` |
//! | `values/read/*`, `values/write/*` | slots with an interpreter's values of three types in turn: an enum of 16 bytes, and the same packed in a word |
//! | `calls/*` | calls of a closure: a [`Native`] that is rooted, and a `Box` |

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

mod common;

use std::cell::Cell;
use std::hint::black_box;

use common::rows::{Pace, group};
use common::{Random, size};
use criterion::{Criterion, criterion_group, criterion_main};
use grisaille::{Array, Gc, Heap, List, Mutator, Native, Pack, Packed, Slot, Trace};

#[derive(Clone, Copy, Trace, Pack)]
enum Value<'gc> {
    Number(f64),
    Pair(Gc<'gc, f64>),
    Small(i32),
    Nil,
}

fn weight(value: Value<'_>) -> f64 {
    match value {
        Value::Number(number) => number,
        Value::Pair(number) => *number,
        Value::Small(number) => number.into(),
        Value::Nil => 0.0,
    }
}

type Function = dyn Fn(&mut Mutator<'_>, u64) -> u64 + Send;

fn lists(criterion: &mut Criterion) {
    let count = size(1000, 10);
    let mut random = Random::new();
    let order: Vec<usize> = (0..count).map(|_| random.below(count)).collect();
    Heap::new().enter(|cx| {
        let mut group = group(criterion, "list", "A thousand numbers. elem: an element.", count, Pace::Short);
        let vec: Vec<Cell<u64>> = (0..count as u64).map(Cell::new).collect();
        let list = cx.alloc(List::<u64>::new());
        list.extend(cx, 0..count as u64);
        let (vec, list) = (black_box(&vec), black_box(list));
        group.bench_function("get/vec", |b| b.iter(|| order.iter().map(|at| vec[*at].get()).sum::<u64>()));
        group.bench_function("get/list", |b| b.iter(|| order.iter().map(|at| list[*at].get()).sum::<u64>()));
        group.bench_function("iterate/vec", |b| b.iter(|| vec.iter().map(Cell::get).sum::<u64>()));
        group.bench_function("iterate/list", |b| b.iter(|| list.iter().sum::<u64>()));
        let mut grown: Vec<u64> = Vec::with_capacity(count);
        group.bench_function("push/vec", |b| {
            b.iter(|| {
                grown.clear();
                (0..count as u64).for_each(|n| black_box(&mut grown).push(n));
            });
        });
        group.bench_function("push/list", |b| {
            b.iter(|| {
                list.truncate(cx, 0);
                (0..count as u64).for_each(|n| black_box(list).push(cx, n));
            });
        });
        group.finish();
    });
}

fn values(criterion: &mut Criterion) {
    let count = size(1000, 10);
    Heap::new().enter(|cx| {
        let mut group = group(criterion, "values", "A thousand slots. elem: a slot.", count, Pace::Short);
        let value = |at: usize| match at % 3 {
            0 => Value::Number(at as f64),
            1 => Value::Pair(cx.alloc(at as f64)),
            _ => Value::Small(at as i32),
        };
        let values: Vec<Value<'_>> = (0..count).map(value).chain([Value::Nil]).collect();
        let wide: Array<'_, Slot<Value<'_>>> = cx.alloc_array(count, |at| Slot::new(values[at]));
        let packed: Array<'_, Slot<Packed<Value<'_>>>> = cx.alloc_array(count, |at| Slot::new(values[at].into()));
        let (wide, packed) = (black_box(wide), black_box(packed));
        group.bench_function("read/enum", |b| b.iter(|| wide.iter().map(|slot| weight(slot.get())).sum::<f64>()));
        group
            .bench_function("read/packed", |b| b.iter(|| packed.iter().map(|slot| weight(slot.unpack())).sum::<f64>()));
        group.bench_function("write/enum", |b| {
            b.iter(|| wide.iter().zip(&values).for_each(|(slot, value)| slot.set(cx, *value)));
        });
        group.bench_function("write/packed", |b| {
            b.iter(|| packed.iter().zip(&values).for_each(|(slot, value)| slot.pack(cx, *value)));
        });
        group.finish();
    });
}

fn calls(criterion: &mut Criterion) {
    Heap::new().enter(|cx| {
        let mut group = group(criterion, "calls", "elem: a call.", 1, Pace::Short);
        let boxed: Box<Function> = Box::new(|cx, n| n + u64::from(cx.safepoint_due()));
        let same: Box<Function> = Box::new(|cx, n| n + u64::from(cx.safepoint_due()));
        let native = cx.root(cx.alloc(Native::new(same, ())));
        let boxed = black_box(boxed);
        group.bench_function("box", |b| b.iter(|| boxed(cx, black_box(1))));
        group.bench_function("native", |b| b.iter(|| (black_box(native).function())(cx, black_box(1))));
        group.finish();
    });
}

criterion_group!(benches, lists, values, calls);
criterion_main!(benches);
