//! Payloads are aligned to 8 bytes: more is refused when the program is compiled.
use grisaille::{Heap, Trace};

#[derive(Trace)]
#[repr(align(16))]
struct Wide(u64);

fn main() {
    Heap::new().enter(|cx| {
        cx.alloc(Wide(1));
    });
}
