//! References to the fields of a packed type cannot be made.
use grisaille::Trace;

#[derive(Trace)]
#[repr(C, packed)]
struct Packed {
    small: u8,
    large: u64,
}

#[derive(Trace)]
#[repr(packed(2))]
struct PackedTwo(u8, u64);

fn main() {}
