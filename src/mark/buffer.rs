//! The barrier buffer: values that write barriers have to shade, until they are shaded in a batch.

use super::edges::Edges;
use super::marker::{BATCH, BUFFER, Marker};
use super::tracer::Tracer;
use crate::space::header::ObjectPtr;

impl Marker {
    /// Appends the pointers of a store's old and new value to the barrier buffer. Returns whether the buffer must be
    /// [flushed](Marker::flush_barrier_buffer).
    ///
    /// The buffer is flushed in batches, with prefetches, so that a store does not wait for a cache miss: when it is
    /// half full, when a step begins, and when colours are queried. Until then an object in the buffer counts as grey.
    /// (Measured in `docs/experiments.md`, "The mark loop".)
    ///
    /// Few instructions, so that the processor can reach the mutator's next stores while this one misses the cache.
    ///
    /// # Safety
    /// Where the last call returned true, the buffer must have been flushed. `pass` must pass at most `at_most`
    /// pointers on, which are live, and do nothing else with the tracer.
    #[inline(always)]
    #[must_use]
    pub(crate) unsafe fn buffer_write(&self, at_most: usize, pass: impl FnOnce(&mut Tracer<'_>)) -> bool {
        let top = self.buffer_top.get();
        let mut tracer = if at_most <= BUFFER - BATCH {
            // SAFETY: half of the room is free, or the buffer would have been flushed, and no more than `at_most`
            // pointers are passed on: the caller's promise.
            Tracer::buffering(self, unsafe { Edges::unchecked(top) })
        } else {
            // SAFETY: the top is the buffer's. Only this function writes here, and it returns before it is called
            // again: traces run no barrier.
            Tracer::buffering(self, unsafe { self.buffer.reopen(top) })
        };
        pass(&mut tracer);
        debug_assert!(
            self.buffer.len(tracer.top()) <= BUFFER,
            "values were written beyond the room of the barrier buffer"
        );
        self.buffer_top.set(tracer.top());
        tracer.top() >= self.buffer_half
    }

    /// Shades the objects in the barrier buffer, and empties it. Returns how many there were.
    pub(crate) fn flush_barrier_buffer(&self) -> usize {
        let top = self.buffer_top.replace(self.buffer.base());
        // SAFETY: the top is the buffer's; shading writes nothing to it.
        unsafe { self.shade_edges(&self.buffer, top) };
        self.buffer.len(top)
    }

    /// Shades the children of an object at once, before a whole-object write hides them.
    ///
    /// # Safety
    /// The object must be live and complete, and its payload not be written or borrowed exclusively.
    pub(crate) unsafe fn trace_now(&self, object: ObjectPtr) {
        let mut tracer = Tracer::shading(self);
        let mut piece = 0;
        loop {
            // SAFETY: passed on; the piece is 0, or what the last call returned.
            piece = unsafe { tracer.trace_piece(object, piece) };
            if piece == 0 {
                break;
            }
        }
    }
}
