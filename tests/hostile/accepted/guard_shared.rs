//! Prints: 7
//!
//! As `guard_exclusive`, with a shared guard: the pointer that is read from the copy must not be the one written to the
//! lock afterwards, which is none.
#![forbid(unsafe_code)]

use grisaille::{Gc, Heap, Mutator, Ref, RefLock};

type Table<'gc> = [Option<Gc<'gc, u64>>; 64];

#[inline(never)]
fn read(number: &Gc<'_, u64>) -> u64 {
    **number
}

#[inline(never)]
fn first<'a>(guard: Ref<'a, Table<'a>>, lock: Gc<'a, RefLock<Table<'a>>>, cx: &'a Mutator<'_>) -> u64 {
    let copy: Table<'_> = *guard;
    drop(guard);
    let Some(number) = &copy[0] else { return 0 };
    RefLock::borrow_mut(lock, cx)[0] = None;
    read(number)
}

fn main() {
    // Its address is taken, so the optimizer keeps its signature.
    std::hint::black_box(read as fn(&Gc<'_, u64>) -> u64);
    Heap::new().enter(|cx| {
        let lock = cx.alloc(RefLock::new([Some(cx.alloc(7u64)); 64]));
        println!("{}", first(Gc::as_ref(lock).borrow(), lock, cx));
    });
}
