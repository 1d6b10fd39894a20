//! No local in a thread-local.
use grisaille::{Gc, Heap, Rooted};
use std::cell::Cell;

thread_local! {
    static OWN: Cell<Option<Rooted<'static, Gc<'static, u64>>>> = const { Cell::new(None) };
}

fn main() {
    Heap::new().enter(|cx| OWN.set(Some(cx.root(cx.alloc(1u64)))));
}
