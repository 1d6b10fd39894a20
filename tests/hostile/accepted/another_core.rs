//! Prints: a text that lies on the heap
//!
//! The derive's `::core` is a module of the program, in which most names mean something else.
#![forbid(unsafe_code)]

extern crate self as core;

pub mod primitive {
    pub use std::primitive::*;
}
pub mod marker {
    pub use std::marker::Sized;
    pub trait Send {}
    impl<T: ?Sized> Send for T {}
    pub trait Unpin {}
    impl<T: ?Sized> Unpin for T {}
}
pub mod ops {
    pub trait Drop {}
}
pub mod option {
    pub struct Option;
}

use grisaille::{Gc, Heap, Slot, Trace};

#[derive(Trace)]
struct Holder<'gc> {
    text: Gc<'gc, String>,
    next: Slot<std::option::Option<Gc<'gc, Holder<'gc>>>>,
}

fn main() {
    let mut heap = Heap::builder().stress(true).build().unwrap();
    heap.enter(|cx| {
        let text = cx.alloc("a text that lies on the heap".to_string());
        let holder = cx.root(cx.alloc(Holder { text, next: Slot::new(None) }));
        cx.collect();
        assert!(holder.get(cx).next.get().is_none());
        println!("{}", holder.get(cx).text.as_ref());
    });
}
