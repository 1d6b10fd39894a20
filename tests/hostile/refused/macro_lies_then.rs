//! Refused: E0308
//!
//! As `macro_lies_at_once`, the second time it is asked: how many pointers there are.
#![forbid(unsafe_code)]

use grisaille::{Gc, Heap, Trace};

type Many<'gc> = [Option<Gc<'gc, Fan<'gc>>>; 63];
type One<'gc> = Option<Gc<'gc, Fan<'gc>>>;

#[derive(Trace)]
struct Fan<'gc> {
    f: grisaille_answers::ty!(Many<'gc> | One<'gc>; 2),
}

fn main() {
    Heap::new().enter(|cx| {
        let _root = cx.root(cx.alloc(Fan { f: [None; 63] }));
        cx.collect();
    });
}
