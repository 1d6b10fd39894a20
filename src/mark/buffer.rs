//! The barrier buffer: what write barriers want shaded, until it is.

use super::edges::Edges;
use super::marker::{BATCH, Marker, NOTES};
use super::tracer::Tracer;
use crate::space::header::ObjectPtr;

impl Marker {
    /// Shades what a store has in its hands. It is noted only, so that a store waits for no word of what it points to: the
    /// notes are looked at together, behind prefetches, when there are many, when a step begins, and when somebody asks
    /// for colours. Until then a noted object counts as grey. (On a graph of 256 MB a store while marking takes
    /// a third of what it takes when it shades at once.)
    ///
    /// Few instructions, since the mutator's next steps wait behind them: a store that misses the cache takes as long as
    /// the others that the processor sees ahead.
    ///
    /// Returns true where there are so many that they must be [looked at](Marker::look_at_notes).
    ///
    /// # Safety
    /// Where the last call returned true, they must have been looked at. `pass` passes at most `at_most` pointers on,
    /// which are live, and does nothing else with the tracer.
    #[inline(always)]
    #[must_use]
    pub unsafe fn note(&self, at_most: usize, pass: impl FnOnce(&mut Tracer<'_>)) -> bool {
        let top = self.notes_top.get();
        let mut tracer = if at_most <= NOTES - BATCH {
            // SAFETY: half of the room is free, or what was noted would have been looked at (the caller's word), and
            // no more than `at_most` are passed on.
            Tracer::noting(self, unsafe { Edges::unchecked(top) })
        } else {
            // SAFETY: the top is that of what was noted. Only this function writes here, and it returns before it is called
            // again: traces run no barrier.
            Tracer::noting(self, unsafe { self.notes.reopen(top) })
        };
        pass(&mut tracer);
        debug_assert!(self.notes.len(tracer.top()) <= NOTES, "notes were written beyond their room");
        self.notes_top.set(tracer.top());
        tracer.top() >= self.many_notes
    }

    /// Shades what barriers have noted.
    pub fn look_at_notes(&self) {
        let top = self.notes_top.replace(self.notes.base());
        // SAFETY: the top is that of what was noted; shading notes nothing.
        unsafe { self.shade_edges(&self.notes, top) };
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
