//! The inside of a lock, borrowed on the Rust stack, is not borrowed any more when the lock is in the heap.
use grisaille::{Gc, Heap, RefLock};

fn main() {
    Heap::new().enter(|cx| {
        let mut list: RefLock<Vec<Gc<'_, u64>>> = RefLock::new(Vec::new());
        let inside = list.get_mut();
        cx.alloc(list);
        inside.push(cx.alloc(1));
    });
    Heap::new().enter(|cx| {
        let mut list = cx.alloc(RefLock::new(vec![1u64]));
        list.as_ref().get_mut().push(2);
        list.get_mut().push(3);
    });
}
