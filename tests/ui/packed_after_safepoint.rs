//! A packed word is valid until the next safepoint, as what it holds is.
use grisaille::{Gc, Heap, Pack, Packed, Trace};

#[derive(Clone, Copy, Trace, Pack)]
enum Value<'gc> {
    Text(Gc<'gc, String>),
    Nil,
}

fn main() {
    Heap::new().enter(|cx| {
        let packed = Packed::new(Value::Text(cx.alloc("text".to_string())));
        cx.safepoint();
        if let Value::Text(text) = packed.unpack() {
            println!("{text}");
        }
    });
}
