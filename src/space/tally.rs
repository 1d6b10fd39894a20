//! [`Size`] and [`Tally`]: the size of a type's objects, and what a loop over objects has counted, in one word.

use super::geometry::GRANULE;

/// The size of the objects of a type, in the forms that marking needs.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Granules, or 0 when the length word tells the size.
    pub granules: u32,
    /// Largest bit index at which the object's mark run still fits in one 64-bit word; -1 if none, or if the length
    /// word tells.
    pub last_start: i32,
    /// As many ones as there are granules, if at most 64. Where the length word tells: a mask of the bits that are the
    /// length.
    pub marks: u64,
    /// The number that is added to a [`Tally`] for an object.
    pub booking: i64,
}

impl Size {
    /// By a length word that holds nothing else.
    pub(crate) const BY_LENGTH: Size =
        Size { granules: 0, last_start: -1, marks: u64::MAX, booking: Tally::booking(0) };
    /// By the lower half of the length word; the upper half is the type's own.
    pub(crate) const BY_HALF_LENGTH: Size = Size { marks: u32::MAX as u64, ..Size::BY_LENGTH };

    /// Returns the work that marking one object counts.
    pub(crate) const fn work(&self) -> i32 {
        -(self.booking as i32)
    }

    pub(crate) const fn of_bytes(bytes: usize) -> Size {
        let granules = bytes.div_ceil(GRANULE);
        assert!(bytes <= 1 << 30, "the type is too large for the heap");
        let (last_start, marks) =
            if granules <= 64 { (64 - granules as i32, u64::MAX >> (64 - granules)) } else { (-1, 0) };
        Size { granules: granules as u32, last_start, marks, booking: Tally::booking(granules) }
    }
}

/// The cost of tracing one object beside its bytes, in bytes of work: the header, the bitmap, the queue.
pub(crate) const OBJECT_COST: usize = 16;

/// Work left and objects counted, in one word, so that one addition books an object: the work in the lower half, signed,
/// the objects in the upper half.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Tally(i64);

impl Tally {
    /// Returns what is added for an object of that many granules: one object, and less work left.
    const fn booking(granules: usize) -> i64 {
        (1 << 32) - (granules * GRANULE + OBJECT_COST) as i64
    }

    /// Makes a tally with no objects and `work` left.
    pub(crate) fn new(work: i32) -> Tally {
        Tally(i64::from(work))
    }

    #[inline(always)]
    pub(crate) fn book(&mut self, size: &Size) {
        self.0 += size.booking;
    }

    /// Returns the tally after `objects` more objects.
    #[inline(always)]
    pub(crate) fn with(self, size: &Size, objects: usize) -> Tally {
        Tally(self.0 + size.booking * objects as i64)
    }

    /// Returns the tally before the last `objects` objects.
    #[inline(always)]
    pub(crate) fn without(self, size: &Size, objects: usize) -> Tally {
        Tally(self.0 - size.booking * objects as i64)
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
