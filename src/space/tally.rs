//! [`ObjectSize`] and [`MarkTally`]: the size of a type's objects, and the objects and the work that a mark loop has
//! counted, in one word.

use super::geometry::GRANULE;

/// The size of the objects of a type, in the forms that marking needs.
///
/// | the size follows from | `granules` | `last_start` | `bits` |
/// |---|---|---|---|
/// | the type, and is at most 64 granules | the number | 64 less that | as many ones |
/// | the type, and is more | the number | -1 | 0 |
/// | the length word of the object | 0 | -1 | ones where the length stands in that word |
#[derive(Clone, Copy)]
pub(crate) struct ObjectSize {
    /// Number of granules, or 0 where the length word tells the size.
    pub granules: u32,
    last_start: i32,
    bits: u64,
    /// The number that is added to a [`MarkTally`] for an object.
    booking: i64,
}

impl ObjectSize {
    /// The size by a length word that holds nothing else.
    pub(crate) const BY_LENGTH: ObjectSize =
        ObjectSize { granules: 0, last_start: -1, bits: u64::MAX, booking: MarkTally::booking(0) };
    /// The size by the lower half of the length word; the upper half is the type's own.
    pub(crate) const BY_HALF_LENGTH: ObjectSize = ObjectSize { bits: u32::MAX as u64, ..ObjectSize::BY_LENGTH };

    /// Returns the size of objects of that many bytes, header included.
    pub(crate) const fn of_bytes(bytes: usize) -> ObjectSize {
        let granules = bytes.div_ceil(GRANULE);
        assert!(bytes <= 1 << 30, "the type is too large for the heap");
        let (last_start, bits) =
            if granules <= 64 { (64 - granules as i32, u64::MAX >> (64 - granules)) } else { (-1, 0) };
        ObjectSize { granules: granules as u32, last_start, bits, booking: MarkTally::booking(granules) }
    }

    /// Returns whether the objects have [mark bits](ObjectSize::mark_bits) by their type: at most 64.
    #[inline(always)]
    pub(crate) const fn has_mark_bits(&self) -> bool {
        self.last_start >= 0
    }

    /// Returns the mark bits of an object, from the lowest on.
    #[inline(always)]
    pub(crate) fn mark_bits(&self) -> u64 {
        debug_assert!(self.has_mark_bits());
        self.bits
    }

    /// Returns whether the mark bits of an object lie in one word of the bitmap if they start at this bit of it. False
    /// where objects have no mark bits by their type.
    #[inline(always)]
    pub(crate) fn is_within_word(&self, start: usize) -> bool {
        start as i32 <= self.last_start
    }

    /// Returns the length that an object's length word holds.
    #[inline(always)]
    pub(crate) fn length_in(&self, word: usize) -> usize {
        debug_assert!(self.granules == 0);
        word & self.bits as usize
    }

    /// Returns the work that marking one object counts.
    pub(crate) const fn work(&self) -> i32 {
        -(self.booking as i32)
    }
}

/// The cost of tracing one object beside its bytes, in bytes of work: the header, the bitmap, the queue.
pub(crate) const OBJECT_COST: usize = 16;

/// Work left and objects counted, in one word, so that one addition books an object: the work in the lower half, signed,
/// the objects in the upper half.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct MarkTally(i64);

impl MarkTally {
    /// Returns what is added for an object of that many granules: one object, and less work left.
    const fn booking(granules: usize) -> i64 {
        (1 << 32) - (granules * GRANULE + OBJECT_COST) as i64
    }

    /// Makes a tally with no objects and `work` left.
    pub(crate) fn new(work: i32) -> MarkTally {
        MarkTally(i64::from(work))
    }

    #[inline(always)]
    pub(crate) fn book(&mut self, size: &ObjectSize) {
        self.0 += size.booking;
    }

    /// Returns the tally after `objects` more objects.
    #[inline(always)]
    pub(crate) fn with(self, size: &ObjectSize, objects: usize) -> MarkTally {
        MarkTally(self.0 + size.booking * objects as i64)
    }

    /// Returns the tally before the last `objects` objects.
    #[inline(always)]
    pub(crate) fn without(self, size: &ObjectSize, objects: usize) -> MarkTally {
        MarkTally(self.0 - size.booking * objects as i64)
    }

    /// Books work that is not an object's.
    pub(crate) fn spend(&mut self, work: i32) {
        self.0 -= i64::from(work);
    }

    /// Returns the work left, below zero if too much was done.
    #[inline(always)]
    pub(crate) fn left(self) -> i32 {
        self.0 as i32
    }

    #[inline(always)]
    pub(crate) fn objects(self) -> usize {
        ((self.0 - i64::from(self.left())) >> 32) as usize
    }
}
