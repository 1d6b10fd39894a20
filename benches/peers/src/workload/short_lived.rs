//! `short-lived`: objects that are dropped at once.
//!
//! The size is the number of objects. Each is four numbers of 64 bits, `[n, n + 1, n + 2, n + 3]` for the `n`th of them,
//! kept in a local variable until the next one is made. The address goes through [`look_at`], so that no compiler may
//! leave the allocation out, and the number that comes back from there is added to the checksum.

use std::hint::black_box;

/// What the `n`th object holds.
#[inline(always)]
pub fn contents(n: u64) -> [u64; 4] {
    [n, n + 1, n + 2, n + 3]
}

/// Looks at an object: its fourth number. The compiler has to assume that the object was seen.
#[inline(always)]
pub fn look_at(object: &[u64; 4]) -> u64 {
    black_box(object)[3]
}
