//! No local leaves the region.
use grisaille::{Gc, Heap, Rooted};

fn main() {
    let mut heap = Heap::new();
    let returned = heap.enter(|cx| cx.root(cx.alloc(1)));
    let mut stored: Option<Rooted<'_, Gc<'_, i32>>> = None;
    heap.enter(|cx| stored = Some(cx.root(cx.alloc(1))));
}
