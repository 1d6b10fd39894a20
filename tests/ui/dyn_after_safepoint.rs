//! A pointer to a trait object, and a reference to its object, after a safepoint.
use grisaille::{AnyGc, DynGc, Heap, dyn_trait};

trait Shape {
    fn name(&self) -> &str;
}
dyn_trait!(Shape);
impl Shape for String {
    fn name(&self) -> &str {
        self
    }
}

fn main() {
    Heap::new().enter(|cx| {
        let shape: DynGc<'_, dyn Shape> = cx.alloc_dyn("a text that lies on the heap".to_string());
        cx.collect();
        println!("{}", shape.name());

        let shape: DynGc<'_, dyn Shape> = cx.alloc_dyn("a text that lies on the heap".to_string());
        let name = DynGc::as_ref(shape).name();
        cx.collect();
        println!("{name}");

        let any = AnyGc::from(cx.alloc(7u64));
        cx.collect();
        println!("{:?}", any.downcast::<u64>());
    });
}
