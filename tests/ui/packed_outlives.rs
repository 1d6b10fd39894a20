//! Unpacking gives no longer lifetime than was packed, and a packed word does not leave its thread.
use grisaille::{Gc, Heap, Pack, Packed, Trace};

#[derive(Clone, Copy, Trace, Pack)]
enum Value<'gc> {
    Text(Gc<'gc, String>),
    Nil,
}

fn longer<'a>(packed: Packed<Value<'a>>) -> Packed<Value<'static>> {
    packed
}

fn main() {
    Heap::new().enter(|cx| {
        let packed = Packed::new(Value::Text(cx.alloc("text".to_string())));
        std::thread::scope(|scope| {
            scope.spawn(move || packed.unpack());
        });
    });
}
