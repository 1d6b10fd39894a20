//! How values become roots of a scope: their pointers are pushed onto a list that has room for them.

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;
use crate::mark::tracer::Tracer;
use crate::roots::area::PointerArea;
use crate::space::header::ObjectPtr;
use crate::trace::Trace;

/// Values with more pointers than this are rooted one pointer at a time.
const MANY_POINTERS: usize = 64;

impl<B: Barrier> Mutator<'_, B> {
    #[inline(always)]
    #[track_caller]
    pub(super) fn push_roots<V: Trace + Copy>(&self, area: &PointerArea, value: V) {
        if const { V::NEEDS_TRACE } {
            // Under the other policies a push needs no barrier: a new entry lies above the scan watermark, and above
            // `dirty_from`, so that a policy with dirty roots scans it again.
            if const { B::RULES.shades_new_root() } && self.collector().watch_roots.get() {
                self.shade_roots(value);
            }
            if const { V::MAX_POINTERS <= MANY_POINTERS } {
                if !area.has_room(const { V::MAX_POINTERS }) {
                    self.make_room_or_panic(area, V::MAX_POINTERS);
                }
                // SAFETY: checked or made just now. (One check is enough for most values, and is then not repeated.)
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

    /// Roots a value for which no small bound on the number of its pointers is known.
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

    /// Makes room for `more` pointers, where there is none.
    ///
    /// # Panics
    /// When the heap is full.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn make_room_or_panic(&self, area: &PointerArea, more: usize) {
        self.make_room_for_roots(area, more).unwrap_or_else(|full| full.panic());
    }

    /// Makes room for `more` pointers, where there is none.
    #[cold]
    #[inline(never)]
    fn make_room_for_roots(&self, area: &PointerArea, more: usize) -> Result<(), HeapFull<()>> {
        let c = self.collector();
        let bytes = |more: usize| (area.len() + more) * size_of::<ObjectPtr>() - area.bytes();
        let [usual, least] = area.growth(more);
        // Near the limit the list grows by less.
        let done = c.leaves_room(c.counted_growth_of_locals(bytes(usual))) && area.make_room(usual).is_ok()
            || c.has_room_outside(c.counted_growth_of_locals(bytes(least))) && area.make_room(least).is_ok();
        if done { Ok(()) } else { Err(self.full((), bytes(least))) }
    }

    /// Makes room among the locals of the surrounding scope for what leaves this one, since the system may have no
    /// memory when the scope ends. The scope's own roots are removed first, so this is enough. Without room only the
    /// first `kept` escapes leave.
    #[inline(always)]
    pub(super) fn make_room_for_escapes(&self, kept: usize) -> Result<(), HeapFull<()>> {
        let c = self.collector();
        if c.roots.locals.has_room(c.roots.escapes.len()) {
            return Ok(());
        }
        self.make_room_for_roots(&c.roots.locals, c.roots.escapes.len()).inspect_err(|_| c.roots.escapes.truncate(kept))
    }

    /// Applies the rule for a push while roots are watched, before the push. Takes the value, not a reference: see
    /// `StackView::watched_write`.
    #[cold]
    #[inline(never)]
    fn shade_roots<V: Trace>(&self, value: V) {
        self.collector().before_root_write::<B, _>(&value);
    }
}
