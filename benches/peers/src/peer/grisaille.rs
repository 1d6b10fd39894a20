//! grisaille

use super::{Allocator, Peer};

/// grisaille
pub const PEER: Peer = Peer { name: "grisaille", note: "", allocators: &[Allocator::System], rows: &[], cannot: &[] };

/// grisaille, a scope a node
pub const SCOPES: Peer =
    Peer { name: "grisaille, a scope a node", note: "", allocators: &[Allocator::System], rows: &[], cannot: &[] };
