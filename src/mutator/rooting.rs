//! How values become roots of a scope: their pointers are pushed onto a list that has room for them.

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;
use crate::handles::rooted::Rooted;
use crate::mark::tracer::Tracer;
use crate::roots::area::{LARGEST_PLACE, PointerArea};
use crate::space::header::ObjectPtr;
use crate::trace::Trace;

/// Values with more pointers than this are rooted one pointer at a time.
const MANY_POINTERS: usize = 64;

/// The most pointers for which a scope makes room before it runs.
const MOST_RESERVED: usize = 1 << 16;

/// Under stress, a scope that roots more pointers than this panics: it looks like a loop that adds roots for ever.
const MANY_ROOTS: usize = 1 << 16;

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
                // SAFETY: the room was checked or made just now; a trace passes at most `MAX_POINTERS` on (`Trace`'s
                // contract).
                unsafe { area.append(V::MAX_POINTERS, |tracer| value.trace(tracer)) };
            } else {
                self.push_many_roots(area, value).unwrap_or_else(|full| full.panic());
            }
        }
    }

    #[track_caller]
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

    /// Roots a value in a place of its own, so that the value can be replaced. Returns the index of the place.
    #[inline]
    #[track_caller]
    pub(super) fn push_place<V: Trace + Copy>(&self, value: V) -> Result<usize, HeapFull<()>> {
        const {
            assert!(
                V::MAX_POINTERS <= LARGEST_PLACE,
                "a value in a `RootedCell` must have at most 64 pointers: allocate it, and root the object"
            );
        }
        let area = &self.collector().roots.locals;
        let place = area.len();
        if const { V::NEEDS_TRACE } {
            if !area.has_room(V::MAX_POINTERS) {
                self.make_room_for_roots(area, V::MAX_POINTERS)?;
            }
            self.push_roots(area, value);
            area.pad(place + V::MAX_POINTERS);
        }
        Ok(place)
    }

    /// Roots a value for which no small bound on the number of its pointers is known.
    #[cold]
    #[inline(never)]
    #[track_caller]
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
    ///
    /// # Panics
    /// Under stress, when the scope has [too many](MANY_ROOTS) roots.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn make_room_for_roots(&self, area: &PointerArea, more: usize) -> Result<(), HeapFull<()>> {
        let c = self.collector();
        assert!(
            !c.stress || area.len() - c.roots.scope.get().min(area.len()) < MANY_ROOTS,
            "one scope has rooted {MANY_ROOTS} pointers and roots more, which is reported under stress: is this in a \
             loop? A `RootedCell` is set in place, and a scope in the loop removes its roots in each turn"
        );
        let bytes = |more: usize| (area.len() + more) * size_of::<ObjectPtr>() - area.bytes();
        let [usual, least] = area.growth(more);
        // Near the limit the list grows by less.
        let done = c.leaves_room(c.counted_growth_of_locals(bytes(usual))) && area.make_room(usual).is_ok()
            || c.has_room_outside(c.counted_growth_of_locals(bytes(least))) && area.make_room(least).is_ok();
        if done { Ok(()) } else { Err(self.full((), bytes(least))) }
    }

    /// Makes room for the result of a scope. For one without a bound on its pointers, room is made when it is rooted.
    #[inline(always)]
    #[track_caller]
    pub(super) fn make_room_for_result(&self, pointers: usize) -> Result<(), HeapFull<()>> {
        let area = &self.collector().roots.locals;
        if pointers == 0 || pointers > MOST_RESERVED || area.has_room(pointers) {
            Ok(())
        } else {
            self.make_room_for_roots(area, pointers)
        }
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

impl<'s, B: Barrier> Mutator<'s, B> {
    /// Roots each value of an iterator in the current scope, as [`root`](Mutator::root) does, and returns the handles. One
    /// handle is read by its index, and all of them by [`get`](Mutator::get) of the slice.
    ///
    /// ```
    /// use grisaille::{Gc, Heap, Mutator, Rooted};
    ///
    /// fn sum<'s>(cx: &mut Mutator<'s>, numbers: &[Rooted<'_, Gc<'_, i64>>]) -> Rooted<'s, Gc<'s, i64>> {
    ///     cx.safepoint();
    ///     let sum = cx.get(numbers).map(|number| *number).sum::<i64>();
    ///     cx.root(cx.alloc(sum))
    /// }
    /// Heap::new().enter(|cx| {
    ///     let numbers = cx.alloc_array(4, |n| cx.alloc(n as i64));
    ///     let arguments = cx.root_all(numbers.iter().copied());
    ///     assert_eq!(*sum(cx, &arguments).get(cx), 6);
    ///     assert_eq!(*arguments[3].get(cx), 3);
    /// });
    /// ```
    ///
    /// The vector is memory of the program, which does not count towards the limit. A number of values that is known is
    /// rooted without it: `[a, b].map(|value| cx.root(value))`, or as one tuple. Many values that live long, or that change,
    /// belong on a [`Stack`](crate::Stack).
    ///
    /// # Panics
    /// As [`root`](Mutator::root): [`try_root_all`](Mutator::try_root_all) returns an error instead. Passes panics of the
    /// iterator on.
    #[track_caller]
    pub fn root_all<V: Trace + Copy>(&self, values: impl IntoIterator<Item = V>) -> Vec<Rooted<'s, V::At<'s>>>
    where
        V::At<'s>: Copy,
    {
        let mut handles = Vec::new();
        let values = values.into_iter();
        handles.reserve(values.size_hint().0);
        for value in values {
            handles.push(self.root(value));
        }
        handles
    }

    /// Roots each value of an iterator as [`root_all`](Mutator::root_all) does, until the list of rooted pointers must grow
    /// and the heap is full.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    /// heap.enter(|cx| {
    ///     let one = cx.alloc(1);
    ///     assert_eq!(cx.try_root_all([one, one]).unwrap().len(), 2);
    ///     assert!(cx.try_root_all(std::iter::repeat(one)).is_err());
    /// });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value that was not rooted, when the heap is full. The values before it stay rooted until the
    /// scope ends.
    #[track_caller]
    pub fn try_root_all<V: Trace + Copy>(
        &self,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Vec<Rooted<'s, V::At<'s>>>, HeapFull<V>>
    where
        V::At<'s>: Copy,
    {
        let mut handles = Vec::new();
        for value in values {
            handles.push(self.try_root(value)?);
        }
        Ok(handles)
    }
}

impl<V: Trace + Copy> Rooted<'_, V> {
    /// Roots a part of the value, which `part` returns, in the scope that `cx` is in.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Trace};
    /// #[derive(Clone, Copy, Trace)]
    /// enum Value<'gc> { Nil, Text(Gc<'gc, String>) }
    ///
    /// Heap::new().enter(|cx| {
    ///     let value = cx.root(Value::Text(cx.alloc("text".to_string())));
    ///     let text = value.map(cx, |value| match value {
    ///         Value::Text(text) => text,
    ///         Value::Nil => cx.alloc(String::new()),
    ///     });
    ///     cx.safepoint();
    ///     assert_eq!(*text.get(cx).as_ref(), "text");
    /// });
    /// ```
    ///
    /// # Panics
    /// When the list of rooted pointers must grow and the heap is full, as for [`Mutator::root`]. Passes panics of
    /// `part` on.
    #[inline]
    #[track_caller]
    pub fn map<'a, 'i, U: Trace + Copy, B: Barrier>(
        self,
        cx: &'a Mutator<'i, B>,
        part: impl FnOnce(V::At<'a>) -> U,
    ) -> Rooted<'i, U::At<'i>>
    where
        V::At<'a>: Copy,
        U::At<'i>: Copy,
    {
        cx.root(part(self.get(cx)))
    }
}
