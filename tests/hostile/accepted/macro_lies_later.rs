//! Prints: 63
//!
//! A type macro answers the truth twice: for the type, and for the derive. It is not asked again.
#![forbid(unsafe_code)]

use grisaille::{Gc, Heap, Trace};

type Many<'gc> = [Option<Gc<'gc, Fan<'gc>>>; 63];
#[allow(dead_code)]
type One<'gc> = Option<Gc<'gc, Fan<'gc>>>;

#[derive(Trace)]
struct Fan<'gc> {
    f: grisaille_answers::ty!(Many<'gc> | One<'gc>; 3 4 5 6 7 8 9 10 11 12),
}

fn main() {
    let mut heap = Heap::builder().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let mut fan = cx.alloc(Fan { f: [None; 63] });
        for _ in 0..2000 {
            let mut links = [(); 63].map(|()| Some(cx.alloc(Fan { f: [None; 63] })));
            links[62] = Some(fan);
            fan = cx.alloc(Fan { f: links });
        }
        let root = cx.root(fan);
        cx.collect();
        cx.verify().unwrap();
        println!("{}", root.get(cx).f.iter().flatten().count());
    });
}
