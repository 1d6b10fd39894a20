//! A function of the host must not capture a pointer of the heap: the collector would not find it.

use grisaille::{Heap, Native};

fn main() {
    Heap::new().enter(|cx| {
        let number = cx.alloc(1);
        let function: Box<dyn Fn() -> i32 + Send> = Box::new(move || *number);
        let native = cx.root(cx.alloc(Native::new(function, ())));
        cx.collect();
        println!("{}", (native.function())());
    });
}
