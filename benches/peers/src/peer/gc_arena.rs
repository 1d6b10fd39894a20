//! The crate gc-arena.

use super::{Allocator, Peer};

/// gc-arena
pub const PEER: Peer =
    Peer { name: "gc-arena", note: "", allocators: &[Allocator::System], rows: &[], cannot: &[], remarks: &[] };

/// gc-arena, full collections
pub const FULL: Peer = Peer {
    name: "gc-arena, full collections",
    note: "",
    allocators: &[Allocator::System],
    rows: &[],
    cannot: &[],
    remarks: &[],
};
