//! The end of a scope: [`Out`], through which values leave the scope, and the removal of its roots.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::barrier::{Barrier, Hybrid};
use crate::context::Mutator;
use crate::cycle::collector::Collector;
use crate::full::HeapFull;
use crate::handles::rooted::Rooted;
use crate::trace::{Trace, restamp};

/// The way out of a [scope](Mutator::scope): `Copy`, so that many values may leave. An `Out` works with the mutator of
/// its own scope only, not in a deeper scope.
///
/// ```
/// use grisaille::{Gc, Heap, Mutator, Out, Rooted};
///
/// fn keep_larger<'i, 's>(
///     cx: &Mutator<'i>,
///     out: Out<'i, 's>,
///     a: Gc<'_, i64>,
///     b: Gc<'_, i64>,
/// ) -> Rooted<'s, Gc<'s, i64>> {
///     if *a > *b { out.keep(cx, a) } else { out.keep(cx, b) }
/// }
/// Heap::new().enter(|cx| {
///     let larger = cx.scope(|cx, out| keep_larger(cx, out, cx.alloc(1), cx.alloc(2)));
///     assert_eq!(*larger.get(cx), 2);
/// });
/// ```
pub struct Out<'i, 's, B: Barrier = Hybrid> {
    pub(super) _scopes: PhantomData<(Cell<&'i ()>, Cell<&'s ()>, *mut (), B)>,
}

impl<B: Barrier> Clone for Out<'_, '_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Barrier> Copy for Out<'_, '_, B> {}

impl<B: Barrier> fmt::Debug for Out<'_, '_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Out")
    }
}

impl<'i, 's, B: Barrier> Out<'i, 's, B> {
    /// Roots a value in the surrounding scope.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let (a, b) = cx.scope(|cx, out| (out.keep(cx, cx.alloc(1)), out.keep(cx, cx.alloc(2))));
    /// assert_eq!(*a.get(cx) + *b.get(cx), 3);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the list of rooted pointers must grow and the heap is full, as for [`Mutator::alloc`]:
    /// [`try_keep`](Out::try_keep) returns an error instead.
    #[inline]
    #[track_caller]
    pub fn keep<V: Trace + Copy>(self, cx: &Mutator<'i, B>, value: V) -> Rooted<'s, V::At<'s>>
    where
        V::At<'s>: Copy,
    {
        let kept = cx.collector().roots.escapes.len();
        cx.push_roots(&cx.collector().roots.escapes, value);
        if const { V::NEEDS_TRACE } {
            cx.make_room_for_escapes(kept).unwrap_or_else(|full| full.panic());
        }
        // SAFETY: rooted among the escapes while this scope lives, in the surrounding scope from then on.
        unsafe { Rooted::new(restamp(value)) }
    }

    /// Roots a value in the surrounding scope, or gives the value back where the list of rooted pointers must grow and
    /// the heap is full.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let one = cx.scope(|cx, out| out.try_keep(cx, cx.alloc(1)).unwrap());
    /// assert_eq!(*one.get(cx), 1);
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    #[track_caller]
    pub fn try_keep<V: Trace + Copy>(self, cx: &Mutator<'i, B>, value: V) -> Result<Rooted<'s, V::At<'s>>, HeapFull<V>>
    where
        V::At<'s>: Copy,
    {
        let kept = cx.collector().roots.escapes.len();
        cx.try_push_roots(&cx.collector().roots.escapes, value)?;
        cx.make_room_for_escapes(kept).map_err(|full| full.with(value))?;
        // SAFETY: rooted among the escapes while this scope lives, in the surrounding scope from then on.
        Ok(unsafe { Rooted::new(restamp(value)) })
    }
}

/// Ends a scope: when `end` is called, or when code in the scope panics.
pub(super) struct EndScope<B: Barrier> {
    collector: NonNull<Collector>,
    /// The number of locals and of escapes when the scope began.
    locals: usize,
    escapes: usize,
    /// The number of locals when the surrounding scope began.
    surrounding: usize,
    _policy: PhantomData<B>,
}

impl<B: Barrier> EndScope<B> {
    /// Begins a scope of a `Mutator` of this collector, which must outlive the scope.
    #[inline(always)]
    pub(super) fn of(collector: &Collector) -> EndScope<B> {
        let locals = collector.roots.locals.len();
        EndScope {
            collector: NonNull::from(collector),
            locals,
            escapes: collector.roots.escapes.len(),
            surrounding: collector.roots.scope.replace(locals),
            _policy: PhantomData,
        }
    }

    #[inline(always)]
    pub(super) fn end(&self) {
        // SAFETY: the collector outlives the Mutator whose scope this is.
        let c = unsafe { self.collector.as_ref() };
        c.roots.scope.set(self.surrounding);
        if const { B::RULES.watches_roots() } && c.watch_roots.get() {
            self.end_watched(c);
            return;
        }
        c.roots.locals.truncate(self.locals);
        c.roots.escapes.move_to(&c.roots.locals, self.escapes);
    }

    #[cold]
    #[inline(never)]
    fn end_watched(&self, c: &Collector) {
        c.saw_writes(1);
        c.truncate_roots::<B>(&c.roots.locals, self.locals);
        for object in (self.escapes..c.roots.escapes.len()).filter_map(|index| c.roots.escapes.at(index)) {
            if const { B::RULES.only_in_tests.keeps_unshaded() } {
                c.roots.locals.push(object);
            } else {
                c.push_root::<B>(&c.roots.locals, object);
            }
        }
        c.truncate_roots::<B>(&c.roots.escapes, self.escapes);
    }
}

impl<B: Barrier> Drop for EndScope<B> {
    #[cold]
    fn drop(&mut self) {
        self.end();
    }
}
