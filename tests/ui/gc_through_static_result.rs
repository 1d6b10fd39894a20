//! What `suspend` returns is `'static`: no pointer of the inner heap comes out as one of the outer.
use grisaille::{Gc, Heap};

fn main() {
    Heap::new().enter(|cx| {
        let number: Gc<'_, u64> = cx.suspend(|| Heap::new().enter(|cx| cx.alloc(1u64)));
        assert_eq!(*number, 1);
    });
}
