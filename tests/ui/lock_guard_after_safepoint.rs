//! A guard does not survive a safepoint, and what was read through one does not either.
use grisaille::{Gc, Heap, RefLock};

fn main() {
    Heap::new().enter(|cx| {
        let list = cx.root(cx.alloc(RefLock::new(vec![cx.alloc(1u64)])));
        let guard = Gc::as_ref(list.get(cx)).borrow();
        cx.safepoint();
        drop(guard);

        let guard = RefLock::borrow_mut(list.get(cx), cx);
        cx.safepoint();
        drop(guard);

        let first = list.get(cx).borrow()[0];
        cx.safepoint();
        assert_eq!(*first, 1);
    });
}
