//! What the API is for: an evaluator that collects in the middle of its recursion, in safe code.
#![forbid(unsafe_code)]

use grisaille::{Barrier, Gc, Heap, Rooted, Mutator, Slot, Stack, Trace};

#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Nil,
    Num(f64),
    Pair(Gc<'gc, Pair<'gc>>),
}

#[derive(Trace)]
struct Pair<'gc> {
    car: Slot<Value<'gc>>,
    cdr: Slot<Value<'gc>>,
}

fn cons<'a, B: Barrier>(cx: &'a Mutator<'_, B>, car: Value<'a>, cdr: Value<'a>) -> Value<'a> {
    Value::Pair(cx.alloc(Pair { car: Slot::new(car), cdr: Slot::new(cdr) }))
}

/// A recursive builder: 2^depth ones in front of `tail`.
fn build<'s, B: Barrier>(cx: &mut Mutator<'s, B>, depth: u32, tail: Rooted<'_, Value<'_>>) -> Rooted<'s, Value<'s>> {
    cx.scope(|cx, out| {
        cx.safepoint();
        if depth == 0 {
            return out.keep(cx, cons(cx, Value::Num(1.0), tail.get(cx)));
        }
        let left = build(cx, depth - 1, tail);
        let right = build(cx, depth - 1, left);
        cx.safepoint();
        out.keep(cx, right.get(cx))
    })
}

fn sum(mut list: Value<'_>) -> f64 {
    let mut sum = 0.0;
    while let Value::Pair(pair) = list {
        if let Value::Num(number) = pair.car.get() {
            sum += number;
        }
        list = pair.cdr.get();
    }
    sum
}

/// Values of different lifetimes meet.
fn choose<'a, B: Barrier>(cx: &'a Mutator<'_, B>, a: Value<'_>, b: Value<'_>, first: bool) -> Value<'a> {
    if first { cx.adopt(a) } else { cx.adopt(b) }
}

fn generic<'s, V: Trace + Copy, B: Barrier>(cx: &mut Mutator<'s, B>, value: V) -> Rooted<'s, V::At<'s>>
where
    for<'a> V::At<'a>: Copy,
{
    let local = cx.root(value);
    cx.root(local.get(cx))
}

fn main() {
    let mut heap = Heap::builder().stress(true).build().unwrap();
    let mut stack: Option<Stack<Value<'static>>> = None;
    let root = heap.enter(|cx| {
        let nil = cx.root(Value::Nil);
        let list = build(cx, 6, nil);
        cx.collect();
        assert_eq!(sum(list.get(cx)), 64.0);
        assert_eq!(sum(choose(cx, list.get(cx), Value::Nil, true)), 64.0);
        let same = generic(cx, Value::Num(1.0));
        assert!(matches!(same.get(cx), Value::Num(_)));
        stack.insert(Stack::new(cx)).open(cx).push(cx, list.get(cx));
        cx.persist(list.get(cx))
    });
    heap.enter(|cx| {
        cx.collect();
        let list = stack.as_mut().unwrap().open(cx).pop(cx).unwrap();
        assert_eq!(sum(list) + sum(root.get(cx)), 128.0);
    });
}
