//! What a type asks of its parameter is asked at every lifetime.
use grisaille::{Gc, Trace};

trait AtStatic {}
impl AtStatic for Gc<'static, u64> {}

#[derive(Trace)]
struct Bounded<T: AtStatic>(T);

fn is_trace<T: Trace>() {}

fn user() {
    is_trace::<Bounded<Gc<'static, u64>>>();
}

fn main() {}
