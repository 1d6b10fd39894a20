//! What a root gives is good until the next safepoint, whatever its type says.
use grisaille::{Gc, Heap, Persistent};

fn forever(root: &Persistent<Gc<'static, u64>>, cx: &grisaille::Mutator<'_>) -> Gc<'static, u64> {
    root.get(cx)
}

fn main() {
    Heap::new().enter(|cx| {
        let root = cx.persist(cx.alloc(1u64));
        let number = root.get(cx);
        drop(forever(&root, cx));
        root.set(cx, cx.alloc(2));
        cx.safepoint();
        assert_eq!(*number, 1);
    });
}
