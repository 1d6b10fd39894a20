//! What decides the future of a heap, as a list of numbers. The search through small programs uses it to stop at a
//! state that was seen before.
//!
//! Two heaps with one digest do the same from there on, whatever the mutator does, as long as all their steps are explicit
//! (`automatic(false)`), nothing is swept on another thread, no limit is set, and nothing of the kit (interned
//! strings, ephemerons, guardians) is in them. Then the pacer and the clock decide nothing.
//!
//! Each part of the collector has a `digest` method beside its fields. The methods destructure their part without `..`,
//! so whoever adds a field must say whether the field decides anything. Left out are counters for
//! [`Stats`](crate::Stats), capacities, caches, and what the next cycle sets anew before it is read.
//!
//! Addresses are relative to the heap's chunks, so two runs of one program agree. Compiled for tests only, which is why
//! the rooms below may use it.

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::cycle::phase::Phase;
use crate::space::digest::Digest;

impl<B: Barrier> Mutator<'_, B> {
    /// Appends the heap's digest to `out`, and where the objects at `addresses` lie: pointers that the caller holds and
    /// the heap does not know of.
    #[doc(hidden)]
    pub fn digest(&self, addresses: &[usize], out: &mut Vec<u64>) {
        let c = self.collector();
        let marking = matches!(c.phase.get(), Phase::Mark | Phase::MarkTermination);
        let mut digest = Digest {
            out,
            chunks: c.blocks.borrow().registry.arena.chunks(),
            marking: marking.then_some(c.cycle.get()),
            last_look: B::RULES.takes_snapshot_lazily(),
        };
        c.digest(&mut digest);
        for &address in addresses {
            digest.address(address);
        }
    }
}
