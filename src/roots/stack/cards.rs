//! [`Cards`]: the parts of a stack that must be rescanned.

use core::ops::Range;

use crate::memory::{NoMemory, reserve_exact};

/// Number of elements of a card, which are rescanned together.
pub(crate) const CARD: usize = 64;

/// A bit for each card, 64 of them inline: most stacks need no more. Room is made when the stack grows, so that noting
/// a range needs no memory.
#[derive(Default)]
pub(crate) struct Cards {
    first: u64,
    more: Vec<u64>,
    /// The card below which none is dirty.
    from: usize,
    /// Whether the table lists the area among those with dirty cards.
    pub listed: bool,
}

impl Cards {
    /// Makes room for the cards of `elements` elements.
    pub(crate) fn make_room(&mut self, elements: usize) -> Result<(), NoMemory> {
        let words = elements.div_ceil(CARD * 64).saturating_sub(1);
        if let Some(more) = words.checked_sub(self.more.len()) {
            reserve_exact(&mut self.more, more)?;
            self.more.resize(words, 0);
        }
        Ok(())
    }

    /// Gives memory back that the cards of `elements` elements do not need. No card beyond may be dirty.
    pub(crate) fn shrink(&mut self, elements: usize) {
        self.more.truncate(elements.div_ceil(CARD * 64).saturating_sub(1));
        self.more.shrink_to_fit();
    }

    /// Returns the bytes of memory outside the `Cards` itself.
    pub(crate) fn bytes(&self) -> usize {
        self.more.capacity() * size_of::<u64>()
    }

    fn word(&mut self, word: usize) -> &mut u64 {
        if word == 0 { &mut self.first } else { &mut self.more[word - 1] }
    }

    fn words(&self) -> impl Iterator<Item = u64> {
        core::iter::once(self.first).chain(self.more.iter().copied())
    }

    /// Marks the cards of a range, which must not be empty, as dirty. Returns how many became dirty.
    pub(crate) fn note(&mut self, range: &Range<usize>) -> usize {
        let (from, to) = (range.start / CARD, range.end.div_ceil(CARD));
        self.from = self.from.min(from);
        let (mut at, mut noted) = (from, 0);
        while at < to {
            let end = to.min((at / 64 + 1) * 64);
            let bits = u64::MAX >> (64 - (end - at)) << (at % 64);
            let word = self.word(at / 64);
            noted += (bits & !*word).count_ones() as usize;
            *word |= bits;
            at = end;
        }
        noted
    }

    /// Returns the next dirty card.
    pub(crate) fn next(&mut self) -> Option<usize> {
        let first = self.from / 64;
        let found = self.words().enumerate().skip(first).find_map(|(at, word)| {
            let word = if at == first { word & u64::MAX << (self.from % 64) } else { word };
            (word != 0).then(|| at * 64 + word.trailing_zeros() as usize)
        });
        self.from = found.unwrap_or(0);
        found
    }

    /// Marks a card as clean, after it was rescanned.
    pub(crate) fn clean(&mut self, card: usize) {
        *self.word(card / 64) &= !(1 << (card % 64));
    }

    /// Returns whether the element lies in a dirty card.
    pub(crate) fn has(&self, index: usize) -> bool {
        let card = index / CARD;
        let word = if card < 64 { Some(&self.first) } else { self.more.get(card / 64 - 1) };
        word.is_some_and(|word| word >> (card % 64) & 1 != 0)
    }

    #[cfg(grisaille_faults)]
    pub(crate) fn digest(&self, digest: &mut crate::space::digest::Digest<'_>) {
        let Cards { first: _, more: _, from, listed } = self;
        for (at, word) in self.words().enumerate().filter(|(_, word)| *word != 0) {
            digest.number(at);
            digest.number(word as usize);
        }
        digest.number(*from);
        digest.flag(*listed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_card_comes_once_and_the_count_is_right() {
        let mut cards = Cards::default();
        let elements = CARD * 300;
        cards.make_room(elements).unwrap();
        let mut dirty = 0;
        for range in
            [0..1, 63..65, CARD * 64 - 1..CARD * 64 + 1, CARD * 100..CARD * 290 + 1, 5..6, elements - 1..elements]
        {
            let before = (0..300).filter(|card| cards.has(card * CARD)).count();
            let noted = cards.note(&range);
            dirty += noted;
            assert_eq!(before + noted, (0..300).filter(|card| cards.has(card * CARD)).count());
            assert!(range.clone().all(|index| cards.has(index)));
        }
        let mut last = None;
        while let Some(card) = cards.next() {
            assert!(Some(card) > last && cards.has(card * CARD + CARD - 1));
            cards.clean(card);
            last = Some(card);
            dirty -= 1;
        }
        assert_eq!(dirty, 0);
        assert!(!cards.has(0) && cards.next().is_none());
        assert_eq!(cards.note(&(7..8)), 1);
        assert_eq!(cards.next(), Some(0));
    }
}
