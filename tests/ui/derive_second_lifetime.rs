//! One lifetime, the heap's.
use grisaille::{Gc, Trace};

#[derive(Trace)]
struct Token<'gc, 'src> {
    value: Gc<'gc, u64>,
    text: &'src str,
}

fn main() {}
