//! An object whose type does not have the trait.
use grisaille::{DynGc, Heap, dyn_trait};

trait Shape {}
dyn_trait!(Shape);

fn main() {
    Heap::new().enter(|cx| {
        let _: DynGc<'_, dyn Shape> = cx.alloc_dyn(1.5);
    });
}
