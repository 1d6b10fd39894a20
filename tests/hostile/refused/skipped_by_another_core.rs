//! Refused: E0277
//!
//! A skipped field that is not `Send`, where the program says what `::core::marker::Send` is.
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

use std::rc::Rc;

use grisaille::{Heap, Trace};

#[derive(Trace)]
struct Shared<T>(#[trace(skip)] Rc<T>);

fn main() {
    let mut heap = Heap::new();
    let shared = Rc::new(1);
    heap.enter(|cx| {
        cx.alloc(Shared(shared.clone()));
    });
    std::thread::spawn(move || drop(heap)).join().unwrap();
    println!("{shared}");
}
