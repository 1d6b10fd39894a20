//! A pointer in an async block, with a safepoint between two polls: the block borrows the mutator.
use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Waker};

use grisaille::Heap;

fn main() {
    Heap::new().enter(|cx| {
        let text = cx.alloc("a text that lies on the heap".to_string());
        let mut later = pin!(async move {
            ready(()).await;
            text.len()
        });
        let mut context = Context::from_waker(Waker::noop());
        let _ = later.as_mut().poll(&mut context);
        cx.collect();
        let _ = later.as_mut().poll(&mut context);
    });
}
