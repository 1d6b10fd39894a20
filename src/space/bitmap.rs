//! Runs of bits in a block's side bitmaps, on raw words.
//!
//! Raw words are faster here than `bitvec` (`docs/experiments.md`, "Bitmaps by hand"). The tests check every function
//! against `bitvec`.

use super::geometry::{GRANULES, WORDS};

/// One bit a granule.
pub(crate) type Words = [u64; WORDS];

/// `len` ones from bit `from`, within one word.
#[inline(always)]
fn mask(from: usize, len: usize) -> u64 {
    debug_assert!(len >= 1 && from + len <= 64);
    (u64::MAX >> (64 - len)) << from
}

/// Calls `f` with each word that the run touches and the run's bits in it.
#[inline(always)]
fn each_word(words: &mut Words, start: usize, len: usize, mut f: impl FnMut(&mut u64, u64)) {
    debug_assert!(start + len <= GRANULES);
    let mut at = start;
    let end = start + len;
    while at < end {
        let bits = (64 - at % 64).min(end - at);
        f(&mut words[at / 64], mask(at % 64, bits));
        at += bits;
    }
}

#[inline(always)]
pub(crate) fn get(words: &Words, at: usize) -> bool {
    words[at / 64] >> (at % 64) & 1 != 0
}

#[inline]
pub(crate) fn set_run(words: &mut Words, start: usize, len: usize) {
    each_word(words, start, len, |word, bits| *word |= bits);
}

/// Sets a run of at most 64 bits: `ones` has as many ones as the run is long.
#[inline(always)]
pub(crate) fn set_ones(words: &mut Words, start: usize, ones: u64) {
    debug_assert!(start + ones.count_ones() as usize <= GRANULES);
    let (word, shift) = (start / 64, start % 64);
    words[word] |= ones << shift;
    let rest = ones.unbounded_shr(64 - shift as u32);
    if rest != 0 {
        words[word + 1] |= rest;
    }
}

#[inline]
pub(crate) fn clear_run(words: &mut Words, start: usize, len: usize) {
    each_word(words, start, len, |word, bits| *word &= !bits);
}

/// The first one at or after `from`, or `GRANULES`.
#[inline]
pub(crate) fn next_one(words: &Words, from: usize) -> usize {
    next(words, from, |word| word)
}

/// The first zero at or after `from`, or `GRANULES`.
#[inline]
pub(crate) fn next_zero(words: &Words, from: usize) -> usize {
    next(words, from, |word| !word)
}

#[inline(always)]
fn next(words: &Words, from: usize, view: impl Fn(u64) -> u64) -> usize {
    if from >= GRANULES {
        return GRANULES;
    }
    let mut index = from / 64;
    let mut word = view(words[index]) & (u64::MAX << (from % 64));
    while word == 0 {
        index += 1;
        if index == WORDS {
            return GRANULES;
        }
        word = view(words[index]);
    }
    index * 64 + word.trailing_zeros() as usize
}

/// The first run of at least `len` zeros at or after `from`, as `(start, end)`: a hole.
#[inline]
pub(crate) fn next_hole(words: &Words, from: usize, len: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        let start = next_zero(words, at);
        if start + len > GRANULES {
            return None;
        }
        let end = next_one(words, start);
        if end - start >= len {
            return Some((start, end));
        }
        at = end;
    }
}

/// Returns where the zeros at the end begin, or `GRANULES` if there are none.
#[inline]
pub(crate) fn last_hole(words: &Words) -> usize {
    match words.iter().rposition(|&word| word != 0) {
        Some(index) => (index + 1) * 64 - words[index].leading_zeros() as usize,
        None => 0,
    }
}

/// How many bits are set.
#[inline]
pub(crate) fn count(words: &Words) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitvec::prelude::*;
    use proptest::prelude::*;

    fn view(words: &Words) -> &BitSlice<u64, Lsb0> {
        words.view_bits::<Lsb0>()
    }

    proptest! {
        #[test]
        fn agrees_with_bitvec(
            words in proptest::collection::vec(prop_oneof![Just(0u64), Just(u64::MAX), any::<u64>()], WORDS),
            start in 0..GRANULES,
            len in prop_oneof![1..=64usize, 1..GRANULES],
        ) {
            let words: Words = words.try_into().unwrap();
            let len = len.min(GRANULES - start);
            let mut ours = words;
            let mut theirs = words;
            set_run(&mut ours, start, len);
            theirs.view_bits_mut::<Lsb0>()[start..start + len].fill(true);
            prop_assert_eq!(ours, theirs);
            if len <= 64 {
                let mut ours = words;
                set_ones(&mut ours, start, mask(0, len));
                prop_assert_eq!(ours, theirs);
            }
            let mut ours = words;
            let mut theirs = words;
            clear_run(&mut ours, start, len);
            theirs.view_bits_mut::<Lsb0>()[start..start + len].fill(false);
            prop_assert_eq!(ours, theirs);
            prop_assert_eq!(count(&words), view(&words).count_ones());
            prop_assert_eq!(get(&words, start), view(&words)[start]);
            prop_assert_eq!(next_one(&words, start), view(&words)[start..].first_one().map_or(GRANULES, |at| start + at));
            prop_assert_eq!(next_zero(&words, start), view(&words)[start..].first_zero().map_or(GRANULES, |at| start + at));
            let wanted = len % 70 + 1;
            let hole = (start..GRANULES)
                .filter(|&at| at == start || view(&words)[at - 1])
                .map(|at| (at, view(&words)[at..].first_one().map_or(GRANULES, |run| at + run)))
                .find(|(at, end)| end - at >= wanted);
            prop_assert_eq!(last_hole(&words), view(&words).last_one().map_or(0, |at| at + 1));
            prop_assert_eq!(next_hole(&words, start, wanted), hole);
        }
    }
}
