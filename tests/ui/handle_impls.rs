//! Handles hold values out of their time: no `Debug`, `PartialEq` or `Hash` of the user's is called by one, and none
//! gives its value away without a mutator.
use grisaille::{Gc, Heap, Stack};
use std::collections::HashSet;

fn main() {
    Heap::new().enter(|cx| {
        let (a, b) = (cx.root(cx.alloc(1)), cx.root(cx.alloc(1)));
        assert!(a == b);
        assert!(cx.persist(a.get(cx)) == cx.persist(b.get(cx)));
        HashSet::new().insert(cx.persist(a.get(cx)));
        let _: i32 = **a;
        let stack: Stack<Gc<'static, i32>> = Stack::new(cx);
        stack.clone();
    });
}
