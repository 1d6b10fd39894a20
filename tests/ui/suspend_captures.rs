//! `suspend` lets no pointer of this heap in.
use grisaille::Heap;

fn main() {
    Heap::new().enter(|cx| {
        let number = cx.alloc(1u64);
        cx.suspend(move || *number);
    });
}
