//! The crate dumpster.

use super::{Allocator, Peer};

/// dumpster
pub const PEER: Peer =
    Peer { name: "dumpster", note: "", allocators: &[Allocator::System], rows: &[], cannot: &[], remarks: &[] };
