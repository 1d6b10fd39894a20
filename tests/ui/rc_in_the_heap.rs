//! The heap may be sent: nothing in it may be shared with this thread only, or borrowed from it.
use grisaille::{Heap, Trace};
use std::rc::Rc;

#[derive(Trace)]
struct Shared(Rc<u64>);

#[derive(Trace)]
struct Skipped(#[trace(skip)] Rc<u64>);

fn main() {
    let text = String::from("text");
    Heap::new().enter(|cx| {
        cx.alloc(Rc::new(1));
        cx.alloc(&text);
        cx.alloc(text.as_str());
        cx.alloc(std::sync::Arc::new(std::cell::Cell::new(1)));
    });
}
