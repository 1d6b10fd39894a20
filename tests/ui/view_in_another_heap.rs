//! A view of heap A's stack used inside heap B: it dies with the region it was opened in, and `suspend` lets none in.
use grisaille::{Gc, Heap, Stack, StackView};

fn main() {
    let (mut a, mut b) = (Heap::new(), Heap::new());
    let mut stack: Stack<Gc<'static, u64>> = a.enter(|cx| Stack::new(cx));

    let view = a.enter(|cx| stack.open(cx));

    let mut stored: Option<StackView<'_, '_, Gc<'static, u64>>> = None;
    a.enter(|cx| stored = Some(stack.open(cx)));
    b.enter(|cx| stored.unwrap().push(cx, cx.alloc(1)));

    a.enter(|cx| {
        let mut view = stack.open(cx);
        cx.suspend(|| Heap::new().enter(|cx| view.push(cx, cx.alloc(1))));
    });
}
