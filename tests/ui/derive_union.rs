//! The collector cannot know which field of a union is alive.
use grisaille::Trace;

#[derive(Trace)]
union Bits {
    number: f64,
    word: u64,
}

fn main() {}
