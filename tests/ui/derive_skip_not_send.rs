//! A skipped `Rc` could be cloned out and the heap sent away.
use grisaille::Trace;

#[derive(Trace)]
struct Shared {
    #[trace(skip)]
    count: std::rc::Rc<u64>,
}

fn main() {}
