//! Refused: E0308
//!
//! A type macro that answers `Pack` otherwise than the compiler: what a variant points to.
#![forbid(unsafe_code)]

use grisaille::{Gc, Heap, Pack, Packed, Trace};

#[derive(Clone, Copy, Pack, Trace)]
enum Value<'gc> {
    Number(Gc<'gc, u64>),
    Text(grisaille_answers::ty!(Gc<'gc, String> | Gc<'gc, u64>; 2)),
}

fn main() {
    Heap::new().enter(|cx| {
        let packed = Packed::new(Value::Text(cx.alloc("a text that lies on the heap".to_string())));
        if let Value::Text(text) = packed.unpack() {
            println!("{text}");
        }
    });
}
