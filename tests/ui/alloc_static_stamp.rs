//! An object allocated as `Gc<'a, Pair<'static>>` could be written through one stamp and read through the other.
use grisaille::{Gc, Heap, Mutator, Slot, Trace};

#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Nil,
    Pair(Gc<'gc, Pair<'gc>>),
}

#[derive(Trace)]
struct Pair<'gc> {
    car: Slot<Value<'gc>>,
}

fn stamped<'a>(cx: &'a Mutator<'_>) -> Gc<'a, Pair<'static>> {
    cx.alloc(Pair { car: Slot::new(Value::Nil) })
}

fn array<'a>(cx: &'a Mutator<'_>) -> grisaille::Array<'a, Slot<Value<'static>>> {
    cx.alloc_array(1, |_| Slot::new(Value::Nil))
}

fn main() {
    Heap::new().enter(|cx| {
        let object: Gc<'_, Pair<'static>> = cx.alloc(Pair { car: Slot::new(Value::Nil) });
        let _: Value<'static> = object.car.get();
        let _ = (stamped(cx), array(cx), Value::Pair(cx.alloc(Pair { car: Slot::new(Value::Nil) })));
    });
}
