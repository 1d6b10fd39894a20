//! A function of the host must be `Send`, as the heap is.

use std::rc::Rc;

use grisaille::{Heap, Native};

fn main() {
    Heap::new().enter(|cx| {
        let count = Rc::new(1);
        let function: Box<dyn Fn() -> i32> = Box::new(move || *count);
        cx.alloc(Native::new(function, ()));
    });
}
