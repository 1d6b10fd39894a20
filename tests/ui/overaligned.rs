//! Payloads are aligned to 16 bytes at most: more is refused when the program is compiled.
use grisaille::{Heap, Trace};

#[derive(Trace)]
#[repr(align(32))]
struct Wide(u64);

fn main() {
    Heap::new().enter(|cx| {
        cx.alloc(Wide(1));
    });
}
