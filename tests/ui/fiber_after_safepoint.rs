//! A fiber and its values end at a safepoint, as every pointer does.
use grisaille::{Fiber, Gc, Heap, Stack};

fn main() {
    Heap::new().enter(|cx| {
        let mut stack: Stack<Gc<'static, u64>> = Stack::new(cx);
        let mut view = stack.open(cx);
        view.push(cx, cx.alloc(1));
        let fiber = Fiber::new();
        view.suspend(cx, &fiber, 0);
        cx.safepoint();
        view.resume(cx, &fiber);
    });
}
