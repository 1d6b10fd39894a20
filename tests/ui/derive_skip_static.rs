//! A pointer for ever is still a pointer: not `Send`.
use grisaille::{Gc, Slot, Trace};

#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Nil,
    Pair(Gc<'gc, Pair<'gc>>),
}

#[derive(Trace)]
struct Pair<'gc>(Slot<Value<'gc>>);

#[derive(Trace)]
struct Forever {
    #[trace(skip)]
    value: Slot<Value<'static>>,
}

fn main() {}
