//! Every field that is not skipped must be `Trace`.
use grisaille::{Gc, Slot, Trace};

#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Nil,
    Pair(Gc<'gc, Pair<'gc>>),
}

#[derive(Trace)]
struct Pair<'gc>(Slot<Value<'gc>>);

struct Foreign;

#[derive(Trace)]
struct Holder<'gc> {
    value: Value<'gc>,
    foreign: Foreign,
}

#[derive(Trace)]
struct Celled<'gc>(std::cell::RefCell<Value<'gc>>);

#[derive(Trace)]
struct Referred<'gc>(&'gc Value<'gc>);

#[derive(Trace)]
struct Function<'gc>(fn(Value<'gc>));

trait Object<'gc> {}

#[derive(Trace)]
struct Dynamic<'gc>(Gc<'gc, dyn Object<'gc> + 'gc>);

fn main() {}
