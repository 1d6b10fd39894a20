//! A skipped field must be `'static`: nothing ties a borrow to the heap's lifetime.
use grisaille::Trace;

#[derive(Trace)]
struct Text<'gc> {
    #[trace(skip)]
    text: &'gc str,
}

fn main() {}
