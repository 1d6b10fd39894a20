//! A trait that would let the object out as an `Any`, whose types are `'static`.
use std::any::Any;

use grisaille::{DynGc, Gc, Heap, Trace, dyn_trait};

trait Shape: Any {}
dyn_trait!(Shape);

#[derive(Trace)]
struct Text<'gc>(Gc<'gc, String>);

impl Shape for Text<'static> {}

fn main() {
    Heap::new().enter(|cx| {
        let text: DynGc<'_, dyn Shape> = cx.alloc_dyn(Text(cx.alloc("a text that lies on the heap".to_string())));
        let any: &dyn Any = DynGc::as_ref(text);
        let kept = any.downcast_ref::<Text<'static>>().unwrap().0;
        cx.collect();
        println!("{}", kept.as_ref());
    });
}
