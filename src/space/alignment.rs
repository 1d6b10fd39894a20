//! [`Alignment`]: where an object's header may stand, so that its payload is aligned.
//!
//! A header takes one granule of 8 bytes, and the payload follows it. Blocks are aligned to their size, so a payload is
//! aligned to 16 where its header stands at an odd granule:
//!
//! ```text
//! granule  136  137      138      139      140      141      142      143      144      145
//!         +----+--------+--------+--------+--------+--------+--------+--------+--------+- - -
//!         |free| header | payload (16)    |  rest  | header | payload (16)    |  rest  |
//!         +----+--------+--------+--------+--------+--------+--------+--------+--------+- - -
//! ```
//!
//! Objects aligned to 16 have bump areas of their own ([`Bump`](super::holes::Bump)), whose holes begin at an odd
//! granule, and take an even number of granules, so that the next header stands at an odd one too. The fast path of
//! allocation has nothing to look at therefore, for these objects and for all others. A granule that is left out in
//! front of a hole is free, as one that is left over behind a hole is: it is in no bitmap, and no walk comes across it.
//! Between two sweeps an area has a block to itself; then objects of either alignment take the holes in it.
//!
//! (A filler object in front of each such object would be counted, marked and walked over, and the fast path would look
//! at the cursor.)

use super::bitmap::{self, Words};
use super::geometry::GRANULE;
use crate::fault::{self, Fault};

/// The alignment of payloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Alignment {
    /// At most 8 bytes, a granule.
    Eight = 0,
    Sixteen = 1,
}

/// The number of alignments.
pub(crate) const ALIGNMENTS: usize = 2;

impl Alignment {
    /// Fails to compile where a `T` is aligned to more than objects can be. The description of each type
    /// ([`TypeInfo`](super::header::TypeInfo)) asserts it, so that there is one message.
    pub(crate) const fn assert_enough_for<T>() {
        assert!(
            align_of::<T>() <= 16,
            "types aligned to more than 16 bytes cannot live in the heap: box the part that is"
        );
    }

    /// Returns the alignment of objects that hold a `T`.
    pub(crate) const fn of<T>() -> Alignment {
        if align_of::<T>() <= GRANULE { Alignment::Eight } else { Alignment::Sixteen }
    }

    /// Returns the bytes of which the size of an object, header included, is a multiple.
    pub(crate) const fn unit(self) -> usize {
        match self {
            Alignment::Eight => GRANULE,
            Alignment::Sixteen => 2 * GRANULE,
        }
    }

    /// Returns the first granule at or after `granule` where a header may stand.
    #[inline]
    pub(crate) fn first_header(self, granule: usize) -> usize {
        match self {
            Alignment::Sixteen if !fault::is(Fault::ForgetsAlignment) => granule | 1,
            _ => granule,
        }
    }

    /// Returns the first hole at or after `from` with at least `len` granules behind the first header, from that header
    /// on.
    #[inline]
    pub(crate) fn next_hole(self, words: &Words, from: usize, len: usize) -> Option<(usize, usize)> {
        let mut from = from;
        loop {
            let (start, end) = bitmap::next_hole(words, from, len)?;
            let header = self.first_header(start);
            if header + len <= end {
                return Some((header, end));
            }
            from = end;
        }
    }

    /// Returns whether an object of `bytes` bytes, header included, may begin at this address, and the next one of the
    /// alignment behind it.
    pub(crate) fn suits(self, header: usize, bytes: usize) -> bool {
        bytes.is_multiple_of(self.unit()) && (header + GRANULE).is_multiple_of(self.unit())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::space::geometry::{GRANULES, WORDS};
    use crate::space::header::{bytes_by_length, elements_at, object_bytes};

    #[repr(align(16))]
    struct Empty;

    #[test]
    fn sizes_are_whole_units() {
        assert_eq!([object_bytes::<u128>(), object_bytes::<Empty>(), object_bytes::<[u128; 2]>()], [32, 16, 48]);
        assert_eq!([object_bytes::<u8>(), object_bytes::<[u64; 2]>()], [16, 24]);
        assert_eq!(
            [elements_at::<usize, u8>(), elements_at::<usize, u128>(), elements_at::<[usize; 2], u128>()],
            [8, 16, 16]
        );
        assert_eq!([0, 1, 2].map(bytes_by_length::<usize, u128>), [Some(32), Some(48), Some(64)]);
        assert_eq!([0, 1, 2].map(bytes_by_length::<usize, u8>), [Some(16), Some(24), Some(24)]);
        assert_eq!(bytes_by_length::<usize, Empty>(usize::MAX), Some(32));
        assert_eq!(bytes_by_length::<usize, u128>(usize::MAX / 16), None);
        assert_eq!(bytes_by_length::<usize, u128>((isize::MAX as usize - 40) / 16), Some(isize::MAX as usize - 15));
    }

    proptest! {
        #[test]
        fn holes_begin_where_a_header_may_stand(
            words in prop::collection::vec(prop_oneof![Just(0u64), Just(u64::MAX), any::<u64>()], WORDS),
            from in 0..GRANULES,
            len in 1..70usize,
        ) {
            let words: Words = words.try_into().unwrap();
            let found = Alignment::Sixteen.next_hole(&words, from, len);
            let free = |at: usize| !bitmap::get(&words, at);
            let wanted = (from..=GRANULES - len).filter(|at| at % 2 == 1).find(|at| (*at..at + len).all(free));
            prop_assert_eq!(found.map(|hole| hole.0), wanted);
            prop_assert!(found.is_none_or(|(start, end)| (start..end).all(free) && (end == GRANULES || !free(end))));
        }
    }
}
