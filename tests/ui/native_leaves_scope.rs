//! A function of the host must not be used after the scope in which its object is rooted.

use grisaille::{Heap, Native};

fn main() {
    Heap::new().enter(|cx| {
        let mut out = None;
        cx.scope(|cx, _| {
            let function: Box<dyn Fn() + Send> = Box::new(|| ());
            out = Some(cx.root(cx.alloc(Native::new(function, ()))).function());
        });
        cx.collect();
        (out.unwrap())();
    });
}
