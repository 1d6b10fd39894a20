//! The same bound, hidden from the macro in one on a type.
use grisaille::{Gc, Trace};

#[derive(Trace)]
struct Hidden<'gc>(Gc<'gc, u64>)
where
    Gc<'gc, u64>: 'static;

fn main() {}
