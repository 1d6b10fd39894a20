//! An escape token works with the mutator of its own scope only.
use grisaille::Heap;

fn main() {
    Heap::new().enter(|cx| {
        let number = cx.scope(|cx, out| cx.scope(|cx, _| out.keep(cx, cx.alloc(1))));
        cx.collect();
        assert_eq!(*number.get(cx), 1);
    });
}
