//! What is borrowed from an object is as short-lived as the pointer: a field, a string's text, an array's elements, a
//! guard, a value that was read.
use grisaille::{Gc, Heap, RefLock, Slot};

fn main() {
    Heap::new().enter(|cx| {
        let pair = Gc::as_ref(cx.alloc((1u64, 2u64)));
        cx.safepoint();
        assert_eq!(pair.0, 1);

        let text = cx.alloc_str("text").as_str();
        cx.safepoint();
        assert_eq!(text, "text");

        let elements = cx.alloc_array(3, |i| i).as_slice();
        cx.safepoint();
        assert_eq!(elements[0], 0);

        let list = cx.root(cx.alloc(RefLock::new(vec![1u64])));
        let guard = RefLock::borrow_mut(list.get(cx), cx);
        cx.safepoint();
        drop(guard);

        let slot = cx.root(cx.alloc(Slot::new(Some(cx.alloc(1u64)))));
        let value: Option<Gc<'_, u64>> = slot.get(cx).get();
        cx.safepoint();
        assert_eq!(*value.unwrap(), 1);
    });
}
