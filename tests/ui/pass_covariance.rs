//! What is only read may shrink its lifetime: pointers, weak pointers and locals of different ages meet.
#![forbid(unsafe_code)]

use grisaille::{Array, Gc, Rooted, Str, Trace, Weak};

fn gc<'long: 'short, 'short>(gc: Gc<'long, Gc<'long, u64>>) -> Gc<'short, Gc<'short, u64>> {
    gc
}

fn weak<'long: 'short, 'short>(weak: Weak<'long, Gc<'long, u64>>) -> Weak<'short, Gc<'short, u64>> {
    weak
}

fn array<'long: 'short, 'short>(array: Array<'long, Str<'long>>) -> Array<'short, Str<'short>> {
    array
}

fn local<'long: 'short, 'short>(local: Rooted<'long, Gc<'long, u64>>) -> Rooted<'short, Gc<'short, u64>> {
    local
}

#[derive(Clone, Copy, Trace)]
enum Value<'gc> {
    Nil,
    Text(Str<'gc>),
}

fn value<'long: 'short, 'short>(value: Value<'long>) -> Value<'short> {
    value
}

fn main() {
    let _ = (gc, weak, array, local);
    assert!(matches!(value(Value::Nil), Value::Nil));
    grisaille::Heap::new().enter(|cx| assert!(matches!(value(Value::Text(cx.alloc_str("x"))), Value::Text(_))));
}
