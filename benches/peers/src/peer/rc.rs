//! Rc

use super::{Allocator, Peer};

/// Rc
pub const PEER: Peer =
    Peer { name: "Rc", note: "", allocators: &[Allocator::System], rows: &[], cannot: &[], remarks: &[] };
