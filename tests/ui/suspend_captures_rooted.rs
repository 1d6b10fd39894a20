//! `suspend` lets no local in: another heap's mutator would read it.
use grisaille::Heap;

fn main() {
    Heap::new().enter(|cx| {
        let local = cx.root(cx.alloc(1u64));
        cx.suspend(move || Heap::new().enter(|cx| *local.get(cx)));
    });
}
