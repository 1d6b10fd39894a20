//! The crate bacon_rajan_cc.

use super::{Allocator, Peer};

/// bacon_rajan_cc
pub const PEER: Peer =
    Peer { name: "bacon_rajan_cc", note: "", allocators: &[Allocator::System], rows: &[], cannot: &[], remarks: &[] };
