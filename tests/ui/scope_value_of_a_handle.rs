//! A handle of the inner scope must not be in the result: the closure returns the value.

use grisaille::{Gc, Heap, Rooted};

fn main() {
    Heap::new().enter(|cx| {
        let mut kept = None;
        let value: Rooted<'_, Gc<'_, i32>> = cx.scope_value(|cx| {
            let inner = cx.root(cx.alloc(1));
            kept = Some(inner);
            inner.get(cx)
        });
        cx.collect();
        println!("{} {}", *value.get(cx), *kept.unwrap().get(cx));
    });
}
