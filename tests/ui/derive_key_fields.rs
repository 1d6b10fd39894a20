//! Every field of a key must be a key: what a map asks must be no user's code, and not change.
use grisaille::{Gc, Key, Slot, Trace};

#[derive(Clone, Copy, Trace, Key)]
enum Number {
    Integer(i64),
    Float(f64),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Trace)]
struct Point(i32, i32);

#[derive(Clone, Copy, Trace, Key)]
struct Line {
    from: Point,
    to: (i32, i32),
}

#[derive(Clone, Copy, Trace, Key)]
struct Node<'gc>(Gc<'gc, i64>);

#[derive(Trace, Key)]
struct Changes(Slot<i64>);

fn main() {}
