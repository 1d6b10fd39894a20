//! A part of a locked value does not outlive its guard.
use grisaille::{Heap, RefLock, RefMut};

fn main() {
    Heap::new().enter(|cx| {
        let list = cx.alloc(RefLock::new(vec![1u64]));
        let mut kept: Option<&mut u64> = None;
        let guard = RefMut::map(RefLock::borrow_mut(list, cx), |list| {
            kept = Some(&mut list[0]);
            &mut list[0]
        });
        drop(guard);
        *kept.unwrap() = 2;
    });
}
