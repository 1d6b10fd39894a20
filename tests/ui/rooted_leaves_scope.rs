//! A local dies with its scope: what leaves goes through `Out::keep`.
use grisaille::{Gc, Heap, Rooted};

fn main() {
    Heap::new().enter(|cx| {
        let returned = cx.scope(|cx, _| cx.root(cx.alloc(1)));
        let mut stored: Option<Rooted<'_, Gc<'_, i32>>> = None;
        cx.scope(|cx, _| stored = Some(cx.root(cx.alloc(1))));
        cx.collect();
    });
}
