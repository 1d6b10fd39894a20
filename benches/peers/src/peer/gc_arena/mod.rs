//! gc-arena 0.7.
//!
//! As its documentation has it: one arena, whose root holds what lives; the program runs in `mutate`, where nothing is
//! collected, and between two calls the arena collects if it owes more than `GRANULARITY` objects of work
//! (`collect_debt`: "it may be faster to only call this method when the allocation debt is above some minimum
//! threshold"). A call does 100 steps, or makes one tree. Fields that change are `Lock`s, written through `unlock!`.
//! Trees are made and counted within one call, since a tree cannot be left half made on the stack.
//!
//! [`PEER`] collects incrementally, with the default `Pacing`; [`FULL`] stops the world, with `Pacing::STOP_THE_WORLD`.

mod graph;
mod objects;
mod trees;

use gc_arena::arena::{Root, Rootable};
use gc_arena::metrics::Pacing;
use gc_arena::{Arena, Collect, Mutation};

use super::{Allocator, Peer};
use crate::workload::Workload;

/// Work that is owed before it is done, in objects.
const GRANULARITY: f64 = 1024.0;

/// As it is by default.
pub const PEER: Peer = Peer {
    name: "gc-arena",
    note: "0.7.0; incremental, the default pacing; collects between calls of `mutate`, which do 100 steps or make one tree",
    allocators: &[Allocator::System, Allocator::Mimalloc],
    rows: &[
        (Workload::BinaryTrees, |run, size| trees::binary_trees(run, size, Pacing::DEFAULT)),
        (Workload::Gcbench, |run, size| trees::gcbench(run, size, Pacing::DEFAULT)),
        (Workload::Queue, |run, size| graph::queue(run, size, Pacing::DEFAULT)),
        (Workload::Rewire, |run, size| graph::rewire(run, size, Pacing::DEFAULT)),
        (Workload::ShortLived, |run, size| objects::short_lived(run, size, Pacing::DEFAULT)),
        (Workload::MarkInOrder, |run, size| graph::mark(run, size, Workload::MarkInOrder)),
        (Workload::MarkShuffled, |run, size| graph::mark(run, size, Workload::MarkShuffled)),
        (Workload::Strings, |run, size| objects::strings(run, size, Pacing::DEFAULT)),
        (Workload::Drop, |run, size| objects::dropping(run, size, Pacing::DEFAULT)),
    ],
    cannot: &[],
    remarks: &[],
};

/// Each collection in one pause.
pub const FULL: Peer = Peer {
    name: "gc-arena, full collections",
    note: "as gc-arena, with `Pacing::STOP_THE_WORLD`",
    allocators: &[Allocator::System],
    rows: &[
        (Workload::BinaryTrees, |run, size| trees::binary_trees(run, size, Pacing::STOP_THE_WORLD)),
        (Workload::Gcbench, |run, size| trees::gcbench(run, size, Pacing::STOP_THE_WORLD)),
        (Workload::Queue, |run, size| graph::queue(run, size, Pacing::STOP_THE_WORLD)),
        (Workload::Rewire, |run, size| graph::rewire(run, size, Pacing::STOP_THE_WORLD)),
        (Workload::ShortLived, |run, size| objects::short_lived(run, size, Pacing::STOP_THE_WORLD)),
        (Workload::Strings, |run, size| objects::strings(run, size, Pacing::STOP_THE_WORLD)),
        (Workload::Drop, |run, size| objects::dropping(run, size, Pacing::STOP_THE_WORLD)),
    ],
    cannot: &[],
    remarks: &[],
};

fn arena<R>(pacing: Pacing, root: impl for<'gc> FnOnce(&'gc Mutation<'gc>) -> Root<'gc, R>) -> Arena<R>
where
    R: for<'gc> Rootable<'gc>,
    for<'gc> Root<'gc, R>: Sized,
{
    let arena = Arena::new(root);
    arena.metrics().set_pacing(pacing);
    arena
}

/// Pays what is owed, if that is worth the while.
#[inline]
fn pay<R>(arena: &mut Arena<R>)
where
    R: for<'gc> Rootable<'gc>,
    for<'gc> Root<'gc, R>: Collect<'gc>,
{
    if arena.metrics().allocation_debt() > GRANULARITY {
        arena.collect_debt();
    }
}
