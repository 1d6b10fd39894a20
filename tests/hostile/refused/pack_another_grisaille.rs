//! Refused: E0053
//!
//! The program says what `::grisaille::Packed` is.
#![forbid(unsafe_code)]

extern crate grisaille as real;
extern crate self as grisaille;

pub use real::{__private, Pack, Trace, Tracer};

#[derive(Clone, Copy)]
pub struct Packed<V>(V);

use real::Gc;

#[derive(Clone, Copy, Trace, Pack)]
enum Value<'gc> {
    Number(Gc<'gc, u64>),
    Text(Gc<'gc, String>),
}

fn main() {}
