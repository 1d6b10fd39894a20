//! `At` replaces the lifetime everywhere; the field would keep a pointer for ever.
use grisaille::{Gc, Slot, Trace};

#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Nil,
    Pair(Gc<'gc, Pair<'gc>>),
}

#[derive(Trace)]
struct Pair<'gc>(Slot<Value<'gc>>);

#[derive(Trace)]
struct Inside<'gc>(Gc<'gc, Pair<'static>>);

#[derive(Trace)]
struct Slotted<'gc>(Slot<Value<'static>>, Value<'gc>);

type Alias = Value<'static>;

#[derive(Trace)]
struct Aliased<'gc> {
    value: Alias,
    other: Value<'gc>,
}

fn main() {}
