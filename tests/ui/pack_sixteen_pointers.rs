//! More types of pointers than there are tags.
use grisaille::{Gc, Pack, Trace};

#[derive(Clone, Copy, Trace, Pack)]
#[rustfmt::skip]
enum Value<'gc> {
    P0(Gc<'gc, u64>), P1(Gc<'gc, u64>), P2(Gc<'gc, u64>), P3(Gc<'gc, u64>),
    P4(Gc<'gc, u64>), P5(Gc<'gc, u64>), P6(Gc<'gc, u64>), P7(Gc<'gc, u64>),
    P8(Gc<'gc, u64>), P9(Gc<'gc, u64>), P10(Gc<'gc, u64>), P11(Gc<'gc, u64>),
    P12(Gc<'gc, u64>), P13(Gc<'gc, u64>), P14(Gc<'gc, u64>), P15(Gc<'gc, u64>),
}

fn main() {}
