//! The barriers' slow paths: applies the policy's rules before a write to the heap, a write to a root, and the upgrade
//! of a weak pointer.

use super::collector::Collector;
use super::event::Event;
use crate::barrier::Barrier;
use crate::barrier::rules::WholeObject;
use crate::clock::Instant;
use crate::fault::{self, Fault};
use crate::mark::marker::BATCH;
use crate::mark::tracer::Tracer;
use crate::roots::area::PointerArea;
use crate::space::header::ObjectPtr;
use crate::trace::Trace;

impl Collector {
    /// Runs the write barrier of `slot.set`, and of whatever else replaces one value by another (`()` for no value),
    /// before the store. To be called only while the barriers are on.
    #[inline(always)]
    pub(crate) fn before_write<B: Barrier, O: Trace, N: Trace>(&self, old: &O, new: &N) {
        let pass = |tracer: &mut Tracer<'_>| {
            if const { B::RULES.shade_old } {
                old.trace(tracer);
            }
            if const { B::RULES.always_shades_new() } || const { B::RULES.shades_new_in_window() } && self.window.get()
            {
                new.trace(tracer);
            }
        };
        // SAFETY: the buffer is flushed when it must be, here and in `before_root_write`, the only callers. The
        // pointers of both values are live.
        if unsafe { self.marker.buffer_write(const { O::MAX_POINTERS.saturating_add(N::MAX_POINTERS) }, pass) } {
            self.flush_batch();
        }
    }

    /// Flushes the barrier buffer. Barriers owe steps for its writes, however little is allocated.
    #[cold]
    #[inline(never)]
    fn flush_batch(&self) {
        self.flush_barrier_buffer();
        self.saw_writes(BATCH);
    }

    /// Flushes the barrier buffer.
    #[cold]
    #[inline(never)]
    pub(super) fn flush_barrier_buffer(&self) {
        let pointers = self.marker.flush_barrier_buffer();
        if pointers != 0 {
            self.tell(|| Event::BarrierFlushed { pointers });
        }
    }

    /// Runs the barrier for the new value of a write to a watched root, before it. The rule for the old value is in the
    /// root's area.
    #[inline(always)]
    pub(crate) fn before_root_write<B: Barrier, N: Trace>(&self, new: &N) {
        if const { B::RULES.shades_new_root() } {
            // SAFETY: as in `before_write`.
            let is_full = unsafe { self.marker.buffer_write(N::MAX_POINTERS, |tracer| new.trace(tracer)) };
            if is_full {
                self.flush_barrier_buffer();
            }
        }
        self.saw_writes(1);
    }

    /// Books `count` writes seen by barriers.
    pub(crate) fn saw_writes(&self, count: usize) {
        if self.pacer.saw_writes(count, Instant::now) {
            self.poll.set(true);
        }
    }

    /// Runs the barrier of a mutation of a whole object, before it.
    ///
    /// # Safety
    /// The object must be live and complete, and its payload not yet be written or borrowed exclusively.
    #[inline]
    pub(crate) unsafe fn before_whole_write<B: Barrier>(&self, object: ObjectPtr, needs_trace: bool) {
        if needs_trace && self.marking.get() {
            // SAFETY: passed on.
            unsafe { self.before_whole_write_marking(object, B::RULES.whole_object) };
        }
    }

    /// # Safety
    /// As for [`before_whole_write`](Collector::before_whole_write).
    #[cold]
    unsafe fn before_whole_write_marking(&self, object: ObjectPtr, rule: WholeObject) {
        let marked = self.marker.is_marked(object);
        let black = marked && !object.is_queued();
        let rule = match rule {
            WholeObject::GreyAgainInWindow if self.window.get() => WholeObject::GreyAgain,
            WholeObject::GreyAgainInWindow => WholeObject::ScanBefore,
            rule => rule,
        };
        match rule {
            // A white object is scanned when it is reached, after the mutation.
            WholeObject::GreyAgain if marked => self.marker.shade_again(object),
            WholeObject::ScanBefore if !black => {
                // SAFETY: passed on.
                unsafe { self.marker.trace_now(object) };
                self.marker.blacken(object);
            }
            _ => {}
        }
    }

    /// Returns whether an entry of a weak table may still be found: false when it is decided that the object dies.
    pub(crate) fn may_find(&self, object: ObjectPtr) -> bool {
        !self.liveness_decided.get() || self.marker.is_marked(object)
    }

    /// Returns whether the object is alive as far as the collector knows. Does not shade it: the caller must not keep
    /// it.
    pub(crate) fn is_alive(&self, object: ObjectPtr) -> bool {
        if fault::is(Fault::AskingShades) && self.marking.get() {
            self.marker.shade(object);
        }
        self.may_find(object)
    }

    /// Returns whether a weak pointer to the object may be upgraded, and shades the object if the policy needs that.
    pub(crate) fn may_upgrade<B: Barrier>(&self, object: ObjectPtr) -> bool {
        if !self.may_find(object) {
            return false;
        }
        if B::RULES.upgrade_shades && self.marking.get() {
            self.marker.shade(object);
        }
        true
    }

    /// Roots a pointer for the current scope, by the policy's rule for roots.
    #[inline(always)]
    pub(crate) fn push_root<B: Barrier>(&self, area: &PointerArea, object: ObjectPtr) {
        if const { B::RULES.shades_new_root() } && self.watch_roots.get() {
            self.marker.shade(object);
        }
        area.push(object);
    }

    /// Removes the roots from `len` on, by the policy's rule for roots.
    #[inline(always)]
    pub(crate) fn truncate_roots<B: Barrier>(&self, area: &PointerArea, len: usize) {
        if const { B::RULES.watches_roots() } && self.watch_roots.get() {
            area.truncate_watched(len, &B::RULES, &self.marker);
        } else {
            area.truncate(len);
        }
    }
}
