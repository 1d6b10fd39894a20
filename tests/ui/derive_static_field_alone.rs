//! The same without a lifetime of its own.
use grisaille::{Gc, Slot, Trace};

#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Nil,
    Pair(Gc<'gc, Pair<'gc>>),
}

#[derive(Trace)]
struct Pair<'gc>(Slot<Value<'gc>>);

#[derive(Trace)]
struct Forever(Value<'static>);

fn main() {}
