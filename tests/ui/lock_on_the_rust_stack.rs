//! A `RefLock` borrowed on the Rust stack and then moved into the heap: it is borrowed exclusively through `Gc` only, and not
//! where it is a part of an object.
use grisaille::{Gc, Heap, Lock, RefLock};

fn main() {
    Heap::new().enter(|cx| {
        let list: RefLock<Vec<Gc<'_, u64>>> = RefLock::new(Vec::new());
        let guard = RefLock::borrow_mut(list, cx);
        cx.alloc(list);
        drop(guard);

        let lock = Lock::new(1u64);
        Lock::set(lock, cx, 2);

        let part = cx.alloc((RefLock::new(1u64), 2u64));
        RefLock::borrow_mut(part.0, cx);
    });
}
