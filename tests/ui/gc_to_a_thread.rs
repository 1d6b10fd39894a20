//! A pointer stays on its thread, and so does the mutator.
use grisaille::Heap;

fn main() {
    Heap::new().enter(|cx| {
        let number = cx.alloc(1u64);
        std::thread::scope(|threads| {
            threads.spawn(|| *number);
        });
    });
    Heap::new().enter(|cx| {
        let number = cx.alloc(1u64);
        std::thread::scope(|threads| {
            threads.spawn(move || *number);
        });
    });
    Heap::new().enter(|cx| {
        std::thread::scope(|threads| {
            threads.spawn(|| *cx.alloc(1u64));
        });
    });
}
