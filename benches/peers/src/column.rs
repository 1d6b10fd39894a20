//! [`Column`]: a peer on an allocator, which is a column of the tables.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::peer::{Allocator, Peer};

/// A peer on an allocator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The peer's name.
    pub peer: String,
    /// What its objects are taken from, if it takes them from the global allocator.
    pub allocator: Allocator,
}

impl Column {
    /// All that there are, in order.
    pub fn all() -> impl Iterator<Item = Column> {
        Peer::ALL
            .iter()
            .flat_map(|peer| peer.allocators.iter().map(|&allocator| Column { peer: peer.name.to_owned(), allocator }))
    }

    /// Who it is.
    ///
    /// # Panics
    /// When the peer is not one of [`Peer::ALL`]: results of another version of this program.
    pub fn peer(&self) -> &'static Peer {
        Peer::ALL.iter().find(|peer| peer.name == self.peer).expect("a peer that there is")
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.allocator {
            Allocator::System => f.write_str(&self.peer),
            Allocator::Mimalloc => write!(f, "{} on mimalloc", self.peer),
        }
    }
}
