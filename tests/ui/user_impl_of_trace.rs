//! `Trace` is unsafe to implement by hand; `Barrier` cannot be implemented at all.
use grisaille::{Barrier, Trace, Tracer};

struct Lazy;

impl Trace for Lazy {
    type At<'a> = Lazy;
    fn trace(&self, _: &mut Tracer<'_>) {}
}

enum Mine {}

impl Barrier for Mine {
    const NAME: &'static str = "mine";
}

fn main() {}
