//! [`Size`] and [`Tally`]: how large the objects of a type are, and what a loop over objects has counted, in one word.

use super::geometry::GRANULE;

/// The size of the objects of a type, in the forms in which marking wants it.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Granules, or 0 when the length word tells.
    pub granules: u32,
    /// The last bit of a word at which a run of mark bits may begin that does not leave it; -1 where there is none, or the
    /// length word tells.
    pub last_start: i32,
    /// As many ones as there are granules, if those are at most 64. Where the length word tells: which of its bits are the
    /// length.
    pub marks: u64,
    /// What a [`Tally`] adds for an object.
    pub booking: i64,
}

impl Size {
    /// The length word tells, and holds nothing else.
    pub const BY_LENGTH: Size = Size { granules: 0, last_start: -1, marks: u64::MAX, booking: Tally::booking(0) };
    /// The lower half of the length word tells; the upper half is the type's own.
    pub const BY_HALF_LENGTH: Size = Size { marks: u32::MAX as u64, ..Size::BY_LENGTH };

    /// What marking one object counts.
    pub const fn work(&self) -> i32 {
        -(self.booking as i32)
    }

    pub const fn of_bytes(bytes: usize) -> Size {
        let granules = bytes.div_ceil(GRANULE);
        assert!(bytes <= 1 << 30, "the type is too large for the heap");
        let (last_start, marks) =
            if granules <= 64 { (64 - granules as i32, u64::MAX >> (64 - granules)) } else { (-1, 0) };
        Size { granules: granules as u32, last_start, marks, booking: Tally::booking(granules) }
    }
}

/// What tracing one object costs beside its bytes, in bytes of work: the header, the bitmap, the queue.
pub(crate) const OBJECT_COST: usize = 16;

/// Work left and objects counted, in one word, so that one addition books an object: the work in the lower half, signed,
/// the objects in the upper half.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Tally(i64);

impl Tally {
    /// What an object of that many granules adds: itself, and less work left.
    const fn booking(granules: usize) -> i64 {
        (1 << 32) - (granules * GRANULE + OBJECT_COST) as i64
    }

    /// With no objects, and that much work left.
    pub fn new(work: i32) -> Tally {
        Tally(i64::from(work))
    }

    #[inline(always)]
    pub fn book(&mut self, size: &Size) {
        self.0 += size.booking;
    }

    /// Behind so many more objects.
    #[inline(always)]
    pub fn with(self, size: &Size, objects: usize) -> Tally {
        Tally(self.0 + size.booking * objects as i64)
    }

    /// Before so many objects.
    #[inline(always)]
    pub fn without(self, size: &Size, objects: usize) -> Tally {
        Tally(self.0 - size.booking * objects as i64)
    }

    /// Books work that is no object's.
    pub fn spend(&mut self, work: i32) {
        self.0 -= i64::from(work);
    }

    /// The work left, below zero if too much was done.
    #[inline(always)]
    pub fn left(self) -> i32 {
        self.0 as i32
    }

    #[inline(always)]
    pub fn objects(self) -> usize {
        ((self.0 - i64::from(self.left())) >> 32) as usize
    }
}
