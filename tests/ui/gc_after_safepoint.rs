//! A pointer is good until the next safepoint.
use grisaille::{Budget, Heap};

fn main() {
    Heap::new().enter(|cx| {
        let number = cx.alloc(1);
        cx.safepoint();
        assert_eq!(*number, 1);

        let number = cx.alloc(1);
        cx.collect();
        assert_eq!(*number, 1);

        let number = cx.alloc(1);
        cx.step(Budget::unlimited());
        assert_eq!(*number, 1);

        let number = cx.alloc(1);
        cx.scope(|_, _| ());
        assert_eq!(*number, 1);

        let number = cx.alloc(1);
        cx.suspend(|| ());
        assert_eq!(*number, 1);
    });
}
