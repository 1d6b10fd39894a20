//! A pointer that the collector does not see would dangle.
use grisaille::{Gc, Trace};

#[derive(Trace)]
struct Hidden<'gc> {
    #[trace(skip)]
    value: Gc<'gc, u64>,
}

fn main() {}
