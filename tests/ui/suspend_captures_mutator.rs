//! `suspend` lets no mutator in, and no token.
use grisaille::Heap;

fn main() {
    Heap::new().enter(|cx| {
        cx.scope(|cx, out| {
            cx.suspend(move || {
                let _out = out;
            });
        });
    });
    Heap::new().enter(|cx| {
        let inner = &mut *cx;
        inner.suspend(|| drop(cx.alloc(1u64)));
    });
}
