//! The crate boa_gc.

use super::{Allocator, Peer};

/// boa_gc
pub const PEER: Peer =
    Peer { name: "boa_gc", note: "", allocators: &[Allocator::System], rows: &[], cannot: &[], remarks: &[] };
