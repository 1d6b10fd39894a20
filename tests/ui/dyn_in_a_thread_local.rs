//! A trait object that is kept where it outlives the heap.
use std::cell::Cell;

use grisaille::{DynGc, Heap, dyn_trait};

trait Shape {
    fn name(&self) -> &str;
}
dyn_trait!(Shape);
impl Shape for String {
    fn name(&self) -> &str {
        self
    }
}

thread_local! {
    static KEPT: Cell<Option<&'static dyn Shape>> = const { Cell::new(None) };
}

fn main() {
    Heap::new().enter(|cx| {
        let shape: DynGc<'_, dyn Shape> = cx.alloc_dyn("a text that lies on the heap".to_string());
        KEPT.set(Some(DynGc::as_ref(shape)));
    });
    println!("{}", KEPT.get().unwrap().name());
}
