//! `Drop` on a type that holds a pointer, weak ones included: it would run when the object is gone, or when another
//! heap is active.
use grisaille::{Gc, Trace, Weak};

#[derive(Trace)]
struct Watcher<'gc>(Weak<'gc, u64>);

impl Drop for Watcher<'_> {
    fn drop(&mut self) {}
}

#[derive(Trace)]
enum Choice<'gc> {
    Strong(Gc<'gc, u64>),
}

impl<'gc> Drop for Choice<'gc> {
    fn drop(&mut self) {}
}

fn main() {}
