//! An inherent `trace` does not make a type `Trace`.
use grisaille::Trace;

struct Foreign;

impl Foreign {
    const NEEDS_TRACE: bool = false;
    fn trace(&self, _: &mut grisaille::Tracer<'_>) {}
}

#[derive(Trace)]
struct Holder(Foreign);

fn main() {}
