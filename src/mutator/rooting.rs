//! How values become roots of a scope: their pointers are pushed onto a list, for which there must be room.

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;
use crate::mark::tracer::Tracer;
use crate::roots::area::PointerArea;
use crate::space::header::ObjectPtr;
use crate::trace::Trace;

/// A value of more pointers is rooted one by one.
const MANY_POINTERS: usize = 64;

impl<B: Barrier> Mutator<'_, B> {
    #[inline(always)]
    #[track_caller]
    pub(super) fn push_roots<V: Trace + Copy>(&self, area: &PointerArea, value: V) {
        if const { V::NEEDS_TRACE } {
            // The other rules for roots ask nothing of a push: what is new lies above what is unscanned, and is dirty by
            // its place.
            if const { B::RULES.shades_new_root() } && self.collector().watch_roots.get() {
                self.shade_roots(value);
            }
            if const { V::MAX_POINTERS <= MANY_POINTERS } {
                if !area.has_room(const { V::MAX_POINTERS }) {
                    self.make_room_or_panic(area, V::MAX_POINTERS);
                }
                // SAFETY: as has just been seen to. (One is enough for most values, and then it is not looked at again.)
                unsafe { core::hint::assert_unchecked(area.has_room(const { V::MAX_POINTERS })) };
                value.trace(&mut Tracer::rooting(area));
            } else {
                self.push_many_roots(area, value).unwrap_or_else(|full| full.panic());
            }
        }
    }

    pub(super) fn try_push_roots<V: Trace + Copy>(&self, area: &PointerArea, value: V) -> Result<(), HeapFull<V>> {
        if const { V::NEEDS_TRACE && V::MAX_POINTERS <= MANY_POINTERS } {
            if !area.has_room(V::MAX_POINTERS) {
                self.make_room_for_roots(area, V::MAX_POINTERS).map_err(|full| full.with(value))?;
            }
            self.push_roots(area, value);
        } else if const { V::NEEDS_TRACE } {
            if const { B::RULES.shades_new_root() } && self.collector().watch_roots.get() {
                self.shade_roots(value);
            }
            return self.push_many_roots(area, value).map_err(|full| full.with(value));
        }
        Ok(())
    }

    /// Roots a value of which it is not known how many pointers it has at the most.
    #[cold]
    #[inline(never)]
    fn push_many_roots<V: Trace + Copy>(&self, area: &PointerArea, value: V) -> Result<(), HeapFull<()>> {
        let len = area.len();
        loop {
            value.trace(&mut Tracer::rooting(area));
            let missing = area.take_missing();
            if missing == 0 {
                return Ok(());
            }
            let wanted = area.len() - len + missing;
            area.truncate(len);
            self.make_room_for_roots(area, wanted)?;
        }
    }

    /// Makes room for so many pointers more, where there is none.
    ///
    /// # Panics
    /// When the heap is full.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn make_room_or_panic(&self, area: &PointerArea, more: usize) {
        self.make_room_for_roots(area, more).unwrap_or_else(|full| full.panic());
    }

    /// Makes room for so many pointers more, where there is none.
    #[cold]
    #[inline(never)]
    fn make_room_for_roots(&self, area: &PointerArea, more: usize) -> Result<(), HeapFull<()>> {
        let c = self.collector();
        let bytes = |more: usize| (area.len() + more) * size_of::<ObjectPtr>() - area.bytes();
        let [usual, least] = area.growth(more);
        // Near the limit it grows by less.
        let done = c.leaves_room(c.counted_growth_of_locals(bytes(usual))) && area.make_room(usual).is_ok()
            || c.has_room_outside(c.counted_growth_of_locals(bytes(least))) && area.make_room(least).is_ok();
        if done { Ok(()) } else { Err(self.full((), bytes(least))) }
    }

    /// What leaves a scope moves to the locals of the one around it, when the system may have no memory: room for it is
    /// made before. What is rooted in the scope goes first, so this is enough. Without room only the first `kept` leave.
    #[inline(always)]
    pub(super) fn make_room_for_escapes(&self, kept: usize) -> Result<(), HeapFull<()>> {
        let c = self.collector();
        if c.roots.locals.has_room(c.roots.escapes.len()) {
            return Ok(());
        }
        self.make_room_for_roots(&c.roots.locals, c.roots.escapes.len()).inspect_err(|_| c.roots.escapes.truncate(kept))
    }

    /// The rule for a push in the window, before it. By value: see [`write_barrier`](crate::pointer::slot::write_barrier).
    #[cold]
    #[inline(never)]
    fn shade_roots<V: Trace>(&self, value: V) {
        self.collector().before_root_write::<B, _>(&value);
    }
}
