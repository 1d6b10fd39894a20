//! A value on the Rust stack that looks at a pointer when it is dropped, after a safepoint.
use grisaille::{Gc, Heap};

struct Prints<'gc>(Gc<'gc, String>);

impl Drop for Prints<'_> {
    fn drop(&mut self) {
        println!("{}", self.0.as_ref());
    }
}

fn main() {
    Heap::new().enter(|cx| {
        let _late = Prints(cx.alloc("a text that lies on the heap".to_string()));
        cx.collect();
    });
}
