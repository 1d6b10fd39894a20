//! What a text is made of: a [`List`] of bytes, read and written many at a time.

use core::ops::Range;

use super::{List, first};
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;
use crate::pointer::slot::Slot;

const _: () = assert!(size_of::<Slot<u8>>() == 1);

impl<'gc> List<'gc, u8> {
    /// Returns the bytes.
    ///
    /// # Safety
    /// None of these bytes may be written ([`splice`](List::splice), [`set`](List::set), `push` behind a `truncate`) while
    /// the result is in use. A list that is moved to a new buffer leaves the old one as it was.
    #[inline(always)]
    pub(in crate::kit) unsafe fn as_bytes(&self) -> &'gc [u8] {
        let slots = self.as_slice();
        // SAFETY: a slot of a byte is that byte, and these are initialized and live as `slots` are; not written meanwhile by
        // the caller's promise.
        unsafe { core::slice::from_raw_parts(slots.as_ptr().cast(), slots.len()) }
    }

    /// Returns the number of bytes that the list may grow by in its buffer.
    #[inline(always)]
    pub(in crate::kit) fn spare(&self) -> usize {
        self.buffer.get().map_or(0, |buffer| buffer.capacity - buffer.len.get())
    }

    /// Moves the list to another buffer, with room for `additional` more bytes.
    pub(in crate::kit) fn move_away<B: Barrier>(
        &self,
        cx: &'gc Mutator<'_, B>,
        additional: usize,
    ) -> Result<(), HeapFull<()>> {
        if additional > self.spare() {
            return self.grow(cx, additional).map(drop);
        }
        let capacity = self.buffer.get().map_or(0, |buffer| buffer.capacity);
        self.move_to(cx, capacity).map(drop)
    }

    /// Replaces the bytes of a range by others, which moves those behind it.
    ///
    /// # Safety
    /// The range must lie in the list, and the buffer have room for the bytes that come in addition. `with` must not
    /// overlap the buffer from `range.start` on.
    #[inline(always)]
    pub(in crate::kit) unsafe fn splice(&self, range: Range<usize>, with: &[u8]) {
        let Some(buffer) = self.buffer.get() else { return };
        let (len, behind) = (buffer.len.get(), range.start + with.len());
        debug_assert!(
            range.start <= range.end && range.end <= len && len - range.len() + with.len() <= buffer.capacity
        );
        // SAFETY: the object is a buffer of bytes.
        let at = unsafe { first::<u8>(buffer.object()) }.as_ptr().cast::<u8>();
        // SAFETY: in the buffer, by the caller's promise; a slot of a byte is that byte. The bytes behind the length that
        // are overwritten were never initialized, or are no longer in use.
        unsafe {
            if range.end < len && behind != range.end {
                at.add(behind).copy_from(at.add(range.end), len - range.end);
            }
            at.add(range.start).copy_from_nonoverlapping(with.as_ptr(), with.len());
        }
        buffer.len.set(len - range.len() + with.len());
    }
}
