//! A parameter that is both traced and skipped changes in the skipped field.
use grisaille::{Gc, Trace};

#[derive(Trace)]
struct Cached<'gc, T: Send + 'static> {
    now: Gc<'gc, T>,
    #[trace(skip)]
    before: Option<T>,
}

fn main() {}
