//! [`Digest`]: a list of numbers that tells the states of a heap apart. See `observe::digest`.

use super::bitmap::Words;
use super::block::BlockPtr;
use super::header::ObjectPtr;

/// Collects the numbers.
pub(crate) struct Digest<'o> {
    pub out: &'o mut Vec<u64>,
    /// The heap's chunks: address and bytes.
    pub chunks: Vec<(usize, usize)>,
    /// The cycle's number while marks are made.
    pub marking: Option<u64>,
    /// Whether the policy scans once more the roots whose handle is gone.
    pub last_look: bool,
}

impl Digest<'_> {
    pub(crate) fn number(&mut self, number: usize) {
        self.out.push(number as u64);
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.out.push(flag.into());
    }

    /// Appends an address: relative to its chunk where it is in the heap, else 0.
    pub(crate) fn address(&mut self, address: usize) {
        let place = self.chunks.iter().position(|(base, bytes)| (*base..=base + bytes).contains(&address));
        let place = place.map_or(0, |chunk| (chunk + 1) << 40 | (address - self.chunks[chunk].0));
        self.number(place);
    }

    pub(crate) fn object(&mut self, object: ObjectPtr) {
        self.address(object.addr());
    }

    pub(crate) fn block(&mut self, block: BlockPtr) {
        self.address(block.base().as_ptr().addr());
    }

    pub(crate) fn objects(&mut self, objects: &[ObjectPtr]) {
        self.number(objects.len());
        for &object in objects {
            self.object(object);
        }
    }

    pub(crate) fn bits(&mut self, words: &Words) {
        for (index, &word) in words.iter().enumerate().filter(|(_, word)| **word != 0) {
            self.number(index);
            self.out.push(word);
        }
        self.number(usize::MAX);
    }
}
