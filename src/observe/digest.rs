//! What decides the future of a heap, as a list of numbers: for the search through small programs, which does not go
//! on from a state that it has been in.
//!
//! Two heaps with one digest do the same from there on, whatever the mutator does, as long as all their steps are asked
//! for (`automatic(false)`), nothing is swept on another thread, no limit is set, and nothing of the kit (interned
//! strings, ephemerons, guardians) is in them. Then the pacer and the clock decide nothing.
//!
//! Each part of the collector says for itself what of it belongs here, in a `digest` method beside its fields. The
//! methods take their part to pieces without `..`: whoever adds a field must say whether it decides anything. What does
//! not: counters for [`Stats`](crate::Stats), capacities, caches, and what the next cycle sets anew before it is read.
//!
//! Addresses are taken relative to the heap's chunks, so two runs of one program agree. Compiled for tests only: that is
//! why the rooms below may use it.

use crate::barrier::Barrier;
use crate::cycle::phase::Phase;
use crate::mutator::Mutator;
use crate::space::bitmap::Words;
use crate::space::block::BlockPtr;
use crate::space::header::ObjectPtr;

/// Collects the numbers.
pub(crate) struct Digest<'o> {
    out: &'o mut Vec<u64>,
    /// The heap's chunks: address and bytes.
    chunks: Vec<(usize, usize)>,
    /// While marks are made: the cycle's number.
    pub marking: Option<u64>,
    /// The policy looks once more at roots whose handle is gone.
    pub last_look: bool,
}

impl Digest<'_> {
    pub fn number(&mut self, number: usize) {
        self.out.push(number as u64);
    }

    pub fn flag(&mut self, flag: bool) {
        self.out.push(flag.into());
    }

    /// An address in the heap, or 0, or one elsewhere.
    pub fn address(&mut self, address: usize) {
        let place = self.chunks.iter().position(|(base, bytes)| (*base..=base + bytes).contains(&address));
        let place = place.map_or(0, |chunk| (chunk + 1) << 40 | (address - self.chunks[chunk].0));
        self.number(place);
    }

    pub fn object(&mut self, object: ObjectPtr) {
        self.address(object.addr());
    }

    pub fn block(&mut self, block: BlockPtr) {
        self.address(block.base().as_ptr().addr());
    }

    pub fn objects(&mut self, objects: &[ObjectPtr]) {
        self.number(objects.len());
        for &object in objects {
            self.object(object);
        }
    }

    pub fn bits(&mut self, words: &Words) {
        for (index, &word) in words.iter().enumerate().filter(|(_, word)| **word != 0) {
            self.number(index);
            self.out.push(word);
        }
        self.number(usize::MAX);
    }
}

impl<B: Barrier> Mutator<'_, B> {
    /// Appends the heap's digest to `out`, and where the objects at `addresses` lie. Registers of the caller's, so to
    /// speak: pointers that the heap knows nothing of.
    #[doc(hidden)]
    pub fn digest(&self, addresses: &[usize], out: &mut Vec<u64>) {
        let c = self.collector();
        let marking = matches!(c.phase.get(), Phase::Mark | Phase::MarkTermination);
        let mut digest = Digest {
            out,
            chunks: c.blocks.borrow().arena.chunks(),
            marking: marking.then_some(c.cycle.get()),
            last_look: B::RULES.takes_snapshot_lazily(),
        };
        c.digest(&mut digest);
        for &address in addresses {
            digest.address(address);
        }
    }
}
