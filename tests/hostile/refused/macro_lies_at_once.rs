//! Refused: E0308
//!
//! A type macro that answers the derive otherwise than the compiler, or the other way round: what needs no tracing.
#![forbid(unsafe_code)]

use grisaille::{Gc, Heap, Trace};

#[derive(Trace)]
struct Holder<'gc> {
    f: grisaille_answers::ty!(Gc<'gc, String> | (); 1),
}

fn main() {
    Heap::new().enter(|cx| {
        let keep = cx.root(cx.alloc(Holder { f: cx.alloc("a text that lies on the heap".to_string()) }));
        cx.collect();
        println!("{:?}", keep.get(cx).f.as_ref());
    });
}
