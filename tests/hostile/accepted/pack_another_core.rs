//! Prints: a text that lies on the heap, and 7
//!
//! In the program most names mean something else, and the enum has functions with the names of the trait's.
#![forbid(unsafe_code)]
#![deny(warnings)]

extern crate self as core;

pub mod primitive {
    pub use std::primitive::*;
}
pub mod marker {
    pub use std::marker::Sized;
}

use grisaille::{Gc, Heap, Packed, Slot, Trace};

#[allow(non_camel_case_types, dead_code)]
struct bool;
#[allow(dead_code)]
struct Option;

#[derive(Clone, Copy, Trace, grisaille::Pack)]
#[allow(non_camel_case_types)]
enum Value<'gc> {
    Some(Gc<'gc, String>),
    None,
    u64(i32),
    Next { r#fn: Gc<'gc, Slot<Packed<Self>>> },
}

impl Value<'_> {
    #[allow(dead_code)]
    fn __make(self) {}
    #[allow(dead_code)]
    fn __is(self) -> std::primitive::bool {
        true
    }
}

fn main() {
    let mut heap = Heap::builder().stress(true).build().unwrap();
    heap.enter(|cx| {
        let text = cx.alloc("a text that lies on the heap".to_string());
        let slot = cx.alloc(Slot::new(Packed::new(Value::Some(text))));
        let root = cx.root(Packed::new(Value::Next { r#fn: slot }));
        cx.collect();
        let Value::Next { r#fn: slot } = root.get(cx).unpack() else { panic!() };
        let Value::Some(text) = slot.unpack() else { panic!() };
        slot.pack(cx, Value::None);
        assert!(matches!(slot.unpack(), Value::None));
        slot.pack(cx, Value::u64(7));
        let Value::u64(number) = slot.unpack() else { panic!() };
        println!("{}, and {number}", text.as_ref());
    });
}
