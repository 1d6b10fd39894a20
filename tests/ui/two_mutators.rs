//! While a scope's mutator is in use, the surrounding one is not; nor may the two be exchanged.
use grisaille::Heap;

fn main() {
    Heap::new().enter(|cx| {
        cx.scope(|_, _| {
            let local = cx.root(cx.alloc(1));
            cx.collect();
            local
        });
    });
    Heap::new().enter(|outer| {
        Heap::new().enter(|inner| std::mem::swap(outer, inner));
    });
    Heap::new().enter(|outer| {
        outer.scope(|inner, _| {
            inner.scope(|innermost, _| std::mem::swap(inner, innermost));
        });
    });
}
