//! Two variants that hold an `f64`: no bit is left to tell them apart.
use grisaille::{Pack, Trace};

#[derive(Clone, Copy, Trace, Pack)]
enum Angle {
    Degrees(f64),
    Radians(f64),
}

fn main() {}
