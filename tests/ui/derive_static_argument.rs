//! A parameter that is given a lifetime of its own.
use grisaille::{Gc, Slot, Trace};

#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Nil,
    Pair(Gc<'gc, Pair<'gc>>),
}

#[derive(Trace)]
struct Pair<'gc>(Slot<Value<'gc>>);

#[derive(Trace)]
struct Node<'gc, T> {
    value: T,
    next: Option<Gc<'gc, Node<'gc, T>>>,
}

#[derive(Trace)]
struct Holder<'gc>(Node<'gc, Value<'static>>);

fn main() {}
