//! [`Bits`]: a set of places, which finds its next member in constant time.

use crate::memory::{NoMemory, reserve_exact};

const WORD: usize = u64::BITS as usize;

/// A bitmap of two levels: a bit of the first says whether a word of the second has any bit set. So a search for the
/// next set bit passes 4096 clear ones by reading one word.
pub(super) struct Bits {
    /// The words of the first level, then those of the second.
    words: Box<[u64]>,
    /// Number of words of the first level.
    summaries: usize,
}

impl Bits {
    /// Makes a bitmap of no places, which takes no memory.
    pub(super) fn none() -> Bits {
        Bits { words: Box::default(), summaries: 0 }
    }

    /// Makes a bitmap of `places` places, all free.
    ///
    /// # Errors
    /// [`NoMemory`] when the system has none.
    pub(super) fn try_new(places: usize) -> Result<Bits, NoMemory> {
        let (words, summaries) = Bits::shape(places);
        let mut all = Vec::new();
        reserve_exact(&mut all, words + summaries)?;
        all.resize(words + summaries, 0);
        Ok(Bits { words: all.into_boxed_slice(), summaries })
    }

    /// Returns the numbers of words of the second level and of the first.
    fn shape(places: usize) -> (usize, usize) {
        let words = places.div_ceil(WORD);
        (words, words.div_ceil(WORD))
    }

    /// Returns the bytes that a bitmap of `places` places takes.
    pub(super) fn bytes_for(places: usize) -> usize {
        let (words, summaries) = Bits::shape(places);
        (words + summaries) * size_of::<u64>()
    }

    /// Returns whether the bitmap has no places at all.
    #[inline(always)]
    pub(super) fn is_none(&self) -> bool {
        self.words.is_empty()
    }

    /// Returns the number of places, rounded up.
    pub(super) fn places(&self) -> usize {
        (self.words.len() - self.summaries) * WORD
    }

    /// Returns the bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.words)
    }

    /// Frees all places.
    pub(super) fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Takes a place.
    #[inline]
    pub(super) fn set(&mut self, place: usize) {
        let word = place / WORD;
        self.words[self.summaries + word] |= 1 << (place % WORD);
        self.words[word / WORD] |= 1 << (word % WORD);
    }

    /// Frees a place.
    #[inline]
    pub(super) fn unset(&mut self, place: usize) {
        let word = place / WORD;
        let bits = &mut self.words[self.summaries + word];
        *bits &= !(1 << (place % WORD));
        if *bits == 0 {
            self.words[word / WORD] &= !(1 << (word % WORD));
        }
    }

    /// Returns the first taken place at or after `from`.
    #[inline]
    pub(super) fn next(&self, from: usize) -> Option<usize> {
        let word = from / WORD;
        let rest = self.words.get(self.summaries + word)? >> (from % WORD);
        if rest != 0 {
            return Some(from + rest.trailing_zeros() as usize);
        }
        let from = word + 1;
        let mut at = from / WORD;
        let mut rest = *self.words[..self.summaries].get(at)? >> (from % WORD) << (from % WORD);
        while rest == 0 {
            at += 1;
            rest = *self.words[..self.summaries].get(at)?;
        }
        let word = at * WORD + rest.trailing_zeros() as usize;
        Some(word * WORD + self.words[self.summaries + word].trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_place_is_the_next() {
        for places in [1, 64, 65, 4096, 4097, 20_000] {
            let mut bits = Bits::try_new(places).unwrap();
            assert_eq!(bits.next(0), None);
            assert_eq!(bits.bytes(), Bits::bytes_for(places));
            let taken: Vec<usize> =
                [0, 1, 63, 64, 127, 4095, 4096, 4160, 9000, 19_999].into_iter().filter(|at| *at < places).collect();
            taken.iter().for_each(|at| bits.set(*at));
            for from in 0..places {
                assert_eq!(bits.next(from), taken.iter().copied().find(|at| *at >= from), "{places} {from}");
            }
            for (number, &at) in taken.iter().enumerate() {
                assert_eq!(bits.next(0), Some(at));
                bits.unset(at);
                assert_eq!(bits.next(at), taken.get(number + 1).copied());
            }
            assert!(bits.words.iter().all(|word| *word == 0));
        }
        assert!(Bits::none().is_none() && Bits::none().next(0).is_none());
    }
}
