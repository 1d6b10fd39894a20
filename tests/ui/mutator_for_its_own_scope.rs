//! A mutator that is borrowed for all of its scope is lent for ever: nobody collects after that, and no pointer outlives
//! the region with it.
use grisaille::{Gc, Heap, Mutator};

fn text<'s>(cx: &'s mut Mutator<'s>) -> Gc<'s, String> {
    cx.collect();
    cx.alloc("a text that lies on the heap".to_string())
}

fn main() {
    Heap::new().enter(|cx| {
        let text = text(cx);
        cx.collect();
        println!("{}", text.as_ref());
    });
    let escaped = Heap::new().enter(|cx| text(cx));
    println!("{}", escaped.as_ref());
}
