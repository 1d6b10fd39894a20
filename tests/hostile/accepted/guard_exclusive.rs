//! Prints: 8
//!
//! An exclusive guard that is passed by value ends in the middle of the call, and the lock is written after that: a copy
//! that was made before must not see it. (A guard that holds a `&mut` promises the optimizer that nobody else writes.)
#![forbid(unsafe_code)]

use grisaille::{Gc, Heap, Mutator, RefLock, RefMut};

#[inline(never)]
fn sum(numbers: &[u64; 8]) -> u64 {
    numbers.iter().sum()
}

#[inline(never)]
fn copied<'a>(guard: RefMut<'a, [u64; 8]>, lock: Gc<'a, RefLock<[u64; 8]>>, cx: &'a Mutator<'_>) -> u64 {
    let copy = *guard;
    drop(guard);
    RefLock::borrow_mut(lock, cx)[1] = 100;
    sum(&copy)
}

fn main() {
    Heap::new().enter(|cx| {
        let lock = cx.alloc(RefLock::new([1u64; 8]));
        println!("{}", copied(RefLock::borrow_mut(lock, cx), lock, cx));
    });
}
