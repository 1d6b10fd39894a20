//! A fiber of values that claim to live for ever: its values would outlive the heap's next safepoint.
use grisaille::{Fiber, Gc, Heap, Stack};

fn main() {
    Heap::new().enter(|cx| {
        let mut stack: Stack<Gc<'static, u64>> = Stack::new(cx);
        let mut view = stack.open(cx);
        view.push(cx, cx.alloc(1));
        let fiber: Fiber<'_, Gc<'static, u64>> = Fiber::new();
        view.suspend(cx, &fiber, 0);
        let _lives_for_ever: Gc<'static, u64> = fiber.get(0).unwrap();
    });
}
