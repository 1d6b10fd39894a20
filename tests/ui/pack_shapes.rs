//! Types whose values are not those of one word.
use grisaille::{Gc, Pack, Trace};

#[derive(Clone, Copy, Trace, Pack)]
struct Number(f64);

#[derive(Clone, Copy, Trace, Pack)]
enum Never {}

#[derive(Clone, Copy, Trace, Pack)]
enum Point {
    Nowhere,
    At(i32, i32),
}

#[derive(Clone, Copy, Trace, Pack)]
enum Either<'gc, T> {
    Number(f64),
    Object(Gc<'gc, T>),
}

fn main() {}
