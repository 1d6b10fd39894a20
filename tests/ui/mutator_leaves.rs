//! Neither a mutator nor the borrow of one may be kept.
use grisaille::{Heap, Mutator};

fn main() {
    let mut heap = Heap::new();
    let returned = heap.enter(|cx| cx);
    let mut stored: Option<&mut Mutator<'_>> = None;
    heap.enter(|cx| stored = Some(cx));
    heap.enter(|cx| cx.scope(|inner, _| inner));
}
