//! Refused: E0119
//!
//! The type implements the real `Drop`, and the program has a `::core` of its own with another.
#![forbid(unsafe_code)]

extern crate self as core;

pub mod primitive {
    pub use std::primitive::*;
}
pub mod marker {
    pub use std::marker::*;
}
pub mod option {
    pub use std::option::*;
}
pub mod ops {
    pub trait Drop {}
}

use grisaille::{Gc, Heap, Trace};

#[derive(Trace)]
struct Dropped<'gc>(Gc<'gc, String>);

impl std::ops::Drop for Dropped<'_> {
    fn drop(&mut self) {
        println!("{:?}", self.0.as_ref());
    }
}

fn main() {
    Heap::new().enter(|cx| {
        cx.alloc(Dropped(cx.alloc("a text that lies on the heap".to_string())));
        cx.collect();
    });
}
