//! [`HeapFull`]: the error of an operation for which there is no memory.

use core::fmt;
use core::panic::Location;
use std::panic::{catch_unwind, resume_unwind};

/// The heap has no room for what was asked for: a cycle left too much alive under the heap's
/// [limit](crate::HeapBuilder::limit), too much was allocated since the last [safepoint](crate::Mutator::safepoint), or
/// the system has no memory. Holds what was to be stored, so that nothing is lost.
///
/// The next safepoint makes room, where a cycle can: see [`HeapBuilder::limit`](crate::HeapBuilder::limit). Operations
/// that do not return a `Result` panic, and the panic's payload is a `HeapFull<()>`.
///
/// ```
/// use grisaille::{Heap, HeapFull};
///
/// let mut heap = Heap::builder().limit(1 << 18).build().unwrap();
/// let full: HeapFull<[u8; 300_000]> = heap.enter(|cx| cx.try_alloc([7u8; 300_000]).unwrap_err());
/// assert_eq!((full.limit(), full.live()), (Some(1 << 18), 0));
/// assert!(full.requested() > 300_000); // the object has a header
/// assert_eq!(full.into_inner()[0], 7);
///
/// // An interpreter tells a full heap from a bug by the payload.
/// let panic = std::panic::catch_unwind(|| {
///     Heap::builder().limit(1 << 18).build().unwrap().enter(|cx| cx.alloc_array(1 << 20, |_| 0u64).len())
/// });
/// assert_eq!(panic.unwrap_err().downcast_ref::<HeapFull<()>>().unwrap().limit(), Some(1 << 18));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HeapFull<T>(
    /// The value that was to be stored.
    pub T,
    Shortage,
);

/// How much memory there was, and how much was asked for, in bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shortage {
    /// The limit, or `usize::MAX` where there is none.
    pub limit: usize,
    pub live: usize,
    pub requested: usize,
}

impl<T> HeapFull<T> {
    pub(crate) fn new(value: T, shortage: Shortage) -> Self {
        HeapFull(value, shortage)
    }

    /// Returns the error with this shortage and `value`.
    pub(crate) fn with<U>(self, value: U) -> HeapFull<U> {
        HeapFull(value, self.1)
    }

    /// Returns the value that was to be stored.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::builder().limit(1 << 18).build().unwrap().enter(|cx| {
    /// let text = cx.try_alloc([1u8; 1 << 18]).unwrap_err().into_inner();
    /// assert_eq!(text.len(), 1 << 18);
    /// # });
    /// ```
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Returns the heap's [limit](crate::HeapBuilder::limit) in bytes, or `None` where the heap has none and the system
    /// had no memory.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::builder().limit(1 << 18).build().unwrap().enter(|cx| {
    /// assert_eq!(cx.try_alloc([1u8; 1 << 18]).unwrap_err().limit(), Some(1 << 18));
    /// # });
    /// ```
    pub fn limit(&self) -> Option<usize> {
        (self.1.limit != usize::MAX).then_some(self.1.limit)
    }

    /// Returns the bytes of objects, and of what they own outside the heap, that were alive when the last cycle ended.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::builder().limit(1 << 18).build().unwrap().enter(|cx| {
    /// let _kept = cx.root(cx.alloc([0u8; 1 << 17]));
    /// cx.collect();
    /// assert!(cx.try_alloc([1u8; 1 << 17]).unwrap_err().live() >= 1 << 17);
    /// # });
    /// ```
    pub fn live(&self) -> usize {
        self.1.live
    }

    /// Returns the bytes that were asked for, header included.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::builder().limit(1 << 18).build().unwrap().enter(|cx| {
    /// assert_eq!(cx.try_alloc([1u8; 1 << 18]).unwrap_err().requested(), (1 << 18) + 8);
    /// # });
    /// ```
    pub fn requested(&self) -> usize {
        self.1.requested
    }

    /// Panics, for operations that do not return a `Result`.
    ///
    /// The panic hook prints a payload only if it is text. So a panic with the message is raised first, for the hook,
    /// and caught; then the value is raised.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(crate) fn panic(self) -> ! {
        let caller = Location::caller();
        let full = self.with(());
        let _told = catch_unwind(move || {
            panic!("{full}, at {caller} (`try_alloc` and its like answer with a value instead)");
        });
        resume_unwind(Box::new(full))
    }
}

impl<T> fmt::Debug for HeapFull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shortage { live, requested, .. } = self.1;
        f.debug_struct("HeapFull")
            .field("limit", &self.limit())
            .field("live", &live)
            .field("requested", &requested)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for HeapFull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shortage { live, requested, .. } = self.1;
        write!(
            f,
            "the heap is full: {requested} bytes were asked for, {live} were alive at the end of the last cycle"
        )?;
        match self.limit() {
            Some(limit) => write!(f, ", the limit is {limit}"),
            None => f.write_str(", and the system has no more"),
        }
    }
}

impl<T> core::error::Error for HeapFull<T> {}
