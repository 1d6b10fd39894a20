//! Prints: 63
//!
//! The derive's `::grisaille` is a module of the program, which has the real trait and other functions beside it: none of
//! those may count the pointers.
#![forbid(unsafe_code)]

extern crate grisaille as real;
extern crate self as grisaille;

pub use real::{Trace, Tracer};
#[allow(missing_docs, dead_code)]
pub mod __private {
    pub use real::__private::*;
    pub const fn sum(_: &[usize]) -> usize {
        1
    }
    pub const fn max(_: &[usize]) -> usize {
        1
    }
    pub fn send_static<T>() {}
}

use real::{Gc, Heap};

#[derive(Trace)]
struct Fan<'gc> {
    f: [Option<Gc<'gc, Fan<'gc>>>; 63],
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
