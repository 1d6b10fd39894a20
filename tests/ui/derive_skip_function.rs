//! Functions of a value at one lifetime: `At` would change what they take.
use grisaille::{Gc, Slot, Trace};

#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Nil,
    Pair(Gc<'gc, Pair<'gc>>),
}

#[derive(Trace)]
struct Pair<'gc>(Slot<Value<'gc>>);

#[derive(Trace)]
struct Pointer<'gc>(#[trace(skip)] fn(Value<'gc>));

#[derive(Trace)]
struct Boxed<'gc>(#[trace(skip)] Box<dyn Fn(Value<'gc>) + Send>);

fn main() {}
