//! A type without a packed form.
use grisaille::{Heap, Packed, Slot, Trace};

#[derive(Clone, Copy, Trace)]
enum Value {
    Number(f64),
}

fn main() {
    let packed = Packed::new(Value::Number(1.0));
    Heap::new().enter(|cx| {
        cx.alloc(Slot::new(packed));
    });
}
