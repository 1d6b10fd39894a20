//! [`Peer`]: a crate under measurement. Each has a file.

pub mod bacon_rajan_cc;
pub mod boa_gc;
pub mod boxes;
pub mod bumpalo;
#[allow(unsafe_code, reason = "what it traces with is unsafe to implement, for a type of another module")]
pub mod dumpster;
pub mod gc;
pub mod gc_arena;
pub mod grisaille;
pub mod rc;
pub mod safe_gc;

use serde::{Deserialize, Serialize};

use crate::run::Run;
use crate::workload::Workload;

/// A way to manage memory, and the workloads on it.
#[derive(Debug)]
pub struct Peer {
    /// As it is named in the table and on the command line.
    pub name: &'static str,
    /// Its version, and how it is used.
    pub note: &'static str,
    /// On which allocators it is measured.
    pub allocators: &'static [Allocator],
    /// What it does.
    pub rows: &'static [(Workload, Row)],
    /// What it cannot do, and why.
    pub cannot: &'static [(Workload, &'static str)],
    /// What the table should say beside a row's figures.
    pub remarks: &'static [(Workload, &'static str)],
}

/// A workload on a peer: times it at a size, and returns the checksum.
pub type Row = fn(&mut Run, usize) -> u64;

/// The process's global allocator: each is a binary of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Allocator {
    /// The one that Rust programs have by default: the C library's.
    System,
    /// mimalloc.
    Mimalloc,
}

impl Peer {
    /// All of them, in the table's order. The first one is what the others are compared with.
    pub const ALL: &[Peer] = &[
        grisaille::PEER,
        grisaille::GROWN,
        grisaille::SCOPES,
        bumpalo::PEER,
        bumpalo::RESET,
        boxes::PEER,
        rc::PEER,
        gc_arena::PEER,
        gc_arena::FULL,
        gc::PEER,
        boa_gc::PEER,
        dumpster::PEER,
        bacon_rajan_cc::PEER,
        safe_gc::PEER,
    ];

    /// What it does of a workload.
    pub fn row(&self, workload: Workload) -> Option<Row> {
        find(self.rows, workload)
    }

    /// Why it does not do a workload. None where another peer, the same one used in another way, does it.
    pub fn reason(&self, workload: Workload) -> Option<&'static str> {
        find(self.cannot, workload)
    }

    /// What is to be said about a row.
    pub fn remark(&self, workload: Workload) -> Option<&'static str> {
        find(self.remarks, workload)
    }
}

fn find<T: Copy>(list: &[(Workload, T)], workload: Workload) -> Option<T> {
    list.iter().find(|(of, _)| *of == workload).map(|&(_, found)| found)
}
