//! Cells are good until the next push, pop or safepoint.
use grisaille::{Gc, Heap, Stack};

fn main() {
    Heap::new().enter(|cx| {
        let mut stack: Stack<Gc<'static, u64>> = Stack::new(cx);
        let mut view = stack.open(cx);
        view.push(cx, cx.alloc(1));

        let cells = view.cells(cx, 0..1);
        view.push(cx, cx.alloc(2));
        assert_eq!(*cells[0].get(), 1);

        let cells = view.cells(cx, 0..1);
        view.pop(cx);
        assert_eq!(*cells[0].get(), 1);

        let cells = view.cells(cx, 0..1);
        cx.safepoint();
        assert_eq!(*cells[0].get(), 1);

        let value = view.top(cx, 0);
        cx.safepoint();
        assert_eq!(*value, 1);
    });
}
