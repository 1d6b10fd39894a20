//! No pointer in a thread-local.
use grisaille::{Gc, Heap};
use std::cell::Cell;

thread_local! {
    static OWN: Cell<Option<Gc<'static, u64>>> = const { Cell::new(None) };
}

fn main() {
    Heap::new().enter(|cx| OWN.set(Some(cx.alloc(1u64))));
}
