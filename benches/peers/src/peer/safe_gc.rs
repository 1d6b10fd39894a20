//! The crate safe-gc.

use super::{Allocator, Peer};

/// safe-gc
pub const PEER: Peer =
    Peer { name: "safe-gc", note: "", allocators: &[Allocator::System], rows: &[], cannot: &[], remarks: &[] };
