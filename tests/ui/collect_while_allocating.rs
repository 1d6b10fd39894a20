//! The value that is being made is not rooted yet: nothing may collect meanwhile.
use grisaille::{Gc, Heap};

fn main() {
    Heap::new().enter(|cx| {
        cx.alloc_array(3, |i| {
            cx.safepoint();
            i
        });
        cx.alloc((cx.alloc(1), cx.collect()));
        let make = |cx: &mut grisaille::Mutator<'_>| {
            cx.collect();
            2
        };
        let _: Gc<'_, (Gc<'_, i32>, i32)> = cx.alloc((cx.alloc(1), make(cx)));
    });
}
