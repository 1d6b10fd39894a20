//! The crate gc.

use super::{Allocator, Peer};

/// gc
pub const PEER: Peer =
    Peer { name: "gc", note: "", allocators: &[Allocator::System], rows: &[], cannot: &[], remarks: &[] };
