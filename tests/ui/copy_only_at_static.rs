//! A value that may be copied at `'static` only, where handles copy what they hold at other lifetimes.
use grisaille::{Gc, Heap, Slot, Trace};

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
        let local = cx.root(Value(cx.alloc(1)));
        let root = cx.persist(Value(cx.alloc(1)));
        let slot = cx.alloc(Slot::new(Value(cx.alloc(1))));
        cx.collect();
        let _ = (local, root, slot);
    });
}
