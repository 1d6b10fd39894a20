//! A pointer over an await, where the block itself has the mutator and collects after it.
use grisaille::{Heap, Mutator};

async fn work(cx: &mut Mutator<'_>) -> usize {
    let text = cx.alloc("a text that lies on the heap".to_string());
    std::future::ready(()).await;
    cx.collect();
    text.len()
}

fn main() {
    Heap::new().enter(|cx| drop(work(cx)));
}
