//! A view borrows its stack.
use grisaille::{Gc, Heap, Stack};

fn main() {
    Heap::new().enter(|cx| {
        let mut stack: Stack<Gc<'static, u64>> = Stack::new(cx);
        let mut view = stack.open(cx);
        let second = stack.open(cx);
        view.push(cx, cx.alloc(1));

        let mut view = stack.open(cx);
        drop(stack);
        view.push(cx, cx.alloc(1));
        let _ = second;
    });
}
