//! What may not live in the heap may not live there behind a trait.
use std::rc::Rc;

use grisaille::{DynGc, Heap, dyn_trait};

trait Shape {}
dyn_trait!(Shape);
impl Shape for Rc<u64> {}

fn main() {
    Heap::new().enter(|cx| {
        let _: DynGc<'_, dyn Shape> = cx.alloc_dyn(Rc::new(7));
    });
}
