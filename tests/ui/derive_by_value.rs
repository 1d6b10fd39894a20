//! A type that contains itself by value: tracing would recurse as deeply as the data.
use grisaille::{Gc, Trace};

#[derive(Trace)]
struct Tree<'gc> {
    value: Option<Gc<'gc, u64>>,
    children: Vec<Tree<'gc>>,
}

fn main() {}
