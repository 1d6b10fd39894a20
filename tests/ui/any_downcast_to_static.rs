//! An object comes back with the lifetime of the pointer.
use grisaille::{AnyGc, Gc, Heap, Trace};

#[derive(Clone, Copy, Trace)]
struct Text<'gc>(Gc<'gc, String>);

fn main() {
    Heap::new().enter(|cx| {
        let any = AnyGc::from(cx.alloc(Text(cx.alloc("a text that lies on the heap".to_string()))));
        let kept = any.downcast::<Text<'static>>().unwrap().0;
        cx.collect();
        println!("{}", kept.as_ref());
    });
}
