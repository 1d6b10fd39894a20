//! A handle of an outer scope as one of this scope must not leave this scope as such.

use grisaille::{Gc, Heap, Rooted};

fn main() {
    Heap::new().enter(|cx| {
        let outer = cx.root(cx.alloc(1));
        let mut out: Option<Rooted<'_, Gc<'_, i32>>> = None;
        cx.scope(|cx, _| {
            let inner = cx.root(cx.alloc(2));
            out = Some(inner.here(cx));
        });
        cx.collect();
        println!("{} {}", *outer.get(cx), *out.unwrap().get(cx));
    });
}
