//! The barrier buffer: what write barriers want shaded, until it is.

use super::edges::Edges;
use super::marker::{BATCH, BUFFER, Marker};
use super::tracer::Tracer;
use crate::space::header::ObjectPtr;

impl Marker {
    /// Appends the old and the new value of a store to the barrier buffer, so that the store waits for no word of what it
    /// points to. The buffer is flushed, behind prefetches, when it is half full, when a step begins, and when somebody asks
    /// for colours. Until then an object in the buffer counts as grey. (On a graph of 256 MB a store while marking takes
    /// a third of what it takes when it shades at once.)
    ///
    /// Few instructions, since the mutator's next steps wait behind them: a store that misses the cache takes as long as
    /// the others that the processor sees ahead.
    ///
    /// Returns whether the buffer must be [flushed](Marker::flush_barrier_buffer).
    ///
    /// # Safety
    /// Where the last call returned true, the buffer must have been flushed. `pass` passes at most `at_most` pointers on,
    /// which are live, and does nothing else with the tracer.
    #[inline(always)]
    #[must_use]
    pub unsafe fn buffer_write(&self, at_most: usize, pass: impl FnOnce(&mut Tracer<'_>)) -> bool {
        let top = self.buffer_top.get();
        let mut tracer = if at_most <= BUFFER - BATCH {
            // SAFETY: half of the room is free, or the buffer would have been flushed (the caller's word), and
            // no more than `at_most` are passed on.
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

    /// Shades what is in the barrier buffer, and empties it.
    pub fn flush_barrier_buffer(&self) {
        let top = self.buffer_top.replace(self.buffer.base());
        // SAFETY: the top is the buffer's; shading writes nothing to it.
        unsafe { self.shade_edges(&self.buffer, top) };
    }

    /// Shades the children of an object here and now: a whole-object write is about to hide them.
    ///
    /// # Safety
    /// The object must be live and complete, and its payload be written or borrowed exclusively by nobody.
    pub unsafe fn trace_now(&self, object: ObjectPtr) {
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
