//! bumpalo

use super::{Allocator, Peer};

/// bumpalo
pub const PEER: Peer = Peer { name: "bumpalo", note: "", allocators: &[Allocator::System], rows: &[], cannot: &[] };

/// bumpalo, reset
pub const RESET: Peer =
    Peer { name: "bumpalo, reset", note: "", allocators: &[Allocator::System], rows: &[], cannot: &[] };
