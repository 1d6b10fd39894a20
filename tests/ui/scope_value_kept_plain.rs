//! The plain value that a scope returns must not be kept beside the result.

use grisaille::{Gc, Heap, Rooted};

fn main() {
    Heap::new().enter(|cx| {
        let mut kept = None;
        let value: Rooted<'_, Gc<'_, i32>> = cx.scope_value(|cx| {
            let plain = cx.alloc(1);
            kept = Some(plain);
            plain
        });
        cx.collect();
        println!("{} {}", *value.get(cx), *kept.unwrap());
    });
}
