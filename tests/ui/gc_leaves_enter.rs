//! No pointer leaves the region.
use grisaille::{Gc, Heap, Mutator};

fn main() {
    let mut heap = Heap::new();
    let returned = heap.enter(|cx| cx.alloc(1));
    let mut stored: Option<Gc<'_, i32>> = None;
    heap.enter(|cx| stored = Some(cx.alloc(1)));
    heap.enter(|cx: &mut Mutator<'_>| -> Gc<'static, i32> { cx.alloc(1) });
}
