//! As `copy_only_at_static`, on a stack.
use grisaille::{Gc, Heap, Stack, Trace};

#[derive(Trace)]
struct Value<'gc>(Gc<'gc, u64>);

impl Clone for Value<'static> {
    fn clone(&self) -> Self {
        *self
    }
}
impl Copy for Value<'static> {}

fn main() {
    Heap::new().enter(|cx| {
        let mut stack: Stack<Value<'static>> = Stack::new(cx);
        stack.open(cx).push(cx, Value(cx.alloc(1)));
    });
}
