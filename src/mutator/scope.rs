//! Scopes: the methods that open one, the end of a scope with the removal of its roots, and [`Out`], through which
//! values leave a scope.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::barrier::{Barrier, RootsFirst};
use crate::context::Mutator;
use crate::cycle::collector::Collector;
use crate::full::HeapFull;
use crate::handles::rooted::Rooted;
use crate::mutator::result::ScopeResult;
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
pub struct Out<'i, 's, B: Barrier = RootsFirst> {
    _scopes: PhantomData<(Cell<&'i ()>, Cell<&'s ()>, *mut (), B)>,
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

impl<'s, B: Barrier> Mutator<'s, B> {
    /// Runs `f` in a scope of its own: values that `f` roots are roots until the scope ends, and values that must leave
    /// the scope do so through [`Out::keep`]. Roots of the surrounding scope stay. A panic of `f` ends the scope and
    /// passes on.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// Heap::new().enter(|cx| {
    ///     let sum = cx.scope(|cx, out| {
    ///         let one = cx.root(cx.alloc(1)); // until the scope ends
    ///         cx.safepoint();
    ///         out.keep(cx, cx.alloc(*one.get(cx) + 1))
    ///     });
    ///     cx.collect();
    ///     assert_eq!(*sum.get(cx), 2);
    /// });
    /// ```
    #[inline]
    pub fn scope<R>(&mut self, f: impl for<'i> FnOnce(&mut Mutator<'i, B>, Out<'i, 's, B>) -> R) -> R {
        let end = EndScope::<B>::of(self.collector());
        // SAFETY: `self` is borrowed while the inner Mutator is used.
        let mut inner = unsafe { Mutator::new(self.collector_ptr()) };
        let result = f(&mut inner, Out { _scopes: PhantomData });
        end.finish();
        result
    }

    /// Runs `f` in a scope of its own, as [`scope`](Mutator::scope) does, and roots the value that `f` returns in the
    /// surrounding scope. `f` returns a plain value (a [`Gc`](crate::Gc), a value of an interpreter), or a `Result`, an `Option` or
    /// a tuple of such: [`ScopeResult`] says which types there are.
    ///
    /// ```
    /// use grisaille::{Gc, Heap, Mutator, Rooted};
    ///
    /// fn sum<'s>(cx: &mut Mutator<'s>, n: u32) -> Result<Rooted<'s, Gc<'s, u32>>, String> {
    ///     cx.scope_value(|cx| {
    ///         if n > 100 {
    ///             return Err(format!("{n} is too large"));
    ///         }
    ///         let rest = if n == 0 { cx.root(cx.alloc(0u32)) } else { sum(cx, n - 1)? };
    ///         cx.safepoint();
    ///         Ok(cx.alloc(n + *rest.get(cx)))
    ///     })
    /// }
    /// Heap::new().enter(|cx| {
    ///     assert_eq!(*sum(cx, 100).unwrap().get(cx), 5050);
    ///     assert_eq!(sum(cx, 101).unwrap_err(), "101 is too large");
    ///     assert_eq!(cx.stats().rooted(), 1);
    /// });
    /// ```
    ///
    /// The compiler learns the type of the value from the place where the result goes: the result type of a function,
    /// or that of a variable (`let value: Rooted<Value> = cx.scope_value(..)`). A `?` directly after the call hides that place
    /// (E0282, E0283: several types of result have the same plain value): name the type in the call, or before the `?`.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Mutator, Rooted};
    /// type Number<'s> = Rooted<'s, Gc<'s, u32>>;
    ///
    /// fn sum(cx: &mut Mutator<'_>) -> Result<u32, String> {
    ///     let one = cx.scope_value::<Result<Number<'_>, String>>(|cx| Ok(cx.alloc(1)))?;
    ///     let two: Result<Number<'_>, String> = cx.scope_value(|cx| Ok(cx.alloc(2)));
    ///     Ok(*one.get(cx) + *two?.get(cx))
    /// }
    /// # Heap::new().enter(|cx| assert_eq!(sum(cx), Ok(3)));
    /// ```
    ///
    /// The plain value borrows `cx`. Where one arm of a `match` on `expr.get(cx)` returns a part of it, and another
    /// calls what takes `cx` mutably, the compiler takes the borrow to last in both (E0502): return
    /// [`cx.adopt(part)`](Mutator::adopt), or use [`scope_rooted`](Mutator::scope_rooted).
    ///
    /// # Panics
    /// Before `f` runs, when the list of rooted pointers must grow and the heap is full, as for
    /// [`alloc`](Mutator::alloc): [`try_scope_value`](Mutator::try_scope_value) returns an error instead. A panic of `f`
    /// ends the scope and passes on.
    #[inline]
    #[track_caller]
    pub fn scope_value<R: ScopeResult<'s>>(
        &mut self,
        f: impl for<'a, 'i> FnOnce(&'a mut Mutator<'i, B>) -> R::Plain<'a>,
    ) -> R {
        self.try_scope_value(f).unwrap_or_else(|full| full.panic())
    }

    /// Runs `f` as [`scope_value`](Mutator::scope_value) does, unless the list of rooted pointers has no room for the
    /// result and the heap is full.
    ///
    /// ```
    /// use grisaille::{Gc, Heap, Rooted};
    ///
    /// Heap::new().enter(|cx| {
    ///     let seven: Rooted<Gc<i32>> = cx.try_scope_value(|cx| cx.alloc(7)).unwrap();
    ///     assert_eq!(*seven.get(cx), 7);
    /// });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full. `f` was not run. (A value of a type without a bound on its pointers, or with
    /// more than 65,536, is rooted when `f` has returned, and panics then.)
    #[inline]
    #[track_caller]
    pub fn try_scope_value<R: ScopeResult<'s>>(
        &mut self,
        f: impl for<'a, 'i> FnOnce(&'a mut Mutator<'i, B>) -> R::Plain<'a>,
    ) -> Result<R, HeapFull<()>> {
        self.make_room_for_result(R::MAX_POINTERS)?;
        let end = EndScope::<B>::of(self.collector());
        // SAFETY: `self` is borrowed while the inner Mutator is used.
        let mut inner = unsafe { Mutator::new(self.collector_ptr()) };
        let plain = f(&mut inner);
        end.finish();
        // SAFETY: the value could be used until the scope's end, at which no safepoint is.
        Ok(unsafe { R::root(plain, self) })
    }

    /// Runs `f` in a scope of its own, as [`scope_value`](Mutator::scope_value) does, where `f` returns a value that it
    /// has rooted: so the value does not borrow `cx`, and any arm of a `match` may return it.
    ///
    /// ```
    /// use grisaille::{Gc, Heap, Mutator, Rooted, Trace};
    ///
    /// #[derive(Clone, Copy, Trace)]
    /// enum Expr<'gc> { Quote(Gc<'gc, u64>), Double(Gc<'gc, Expr<'gc>>) }
    ///
    /// fn eval<'s>(cx: &mut Mutator<'s>, expr: Rooted<'_, Expr<'_>>) -> Rooted<'s, Gc<'s, u64>> {
    ///     cx.scope_rooted(|cx| match expr.get(cx) {
    ///         Expr::Quote(number) => cx.root(number),
    ///         Expr::Double(inner) => {
    ///             let inner = cx.root(*inner);
    ///             let number = eval(cx, inner);
    ///             cx.root(cx.alloc(2 * *number.get(cx)))
    ///         }
    ///     })
    /// }
    /// Heap::new().enter(|cx| {
    ///     let quote = Expr::Quote(cx.alloc(21));
    ///     let program = cx.root(Expr::Double(cx.alloc(quote)));
    ///     assert_eq!(*eval(cx, program).get(cx), 42);
    /// });
    /// ```
    ///
    /// # Panics
    /// As [`scope_value`](Mutator::scope_value); [`try_scope_rooted`](Mutator::try_scope_rooted) returns an error where
    /// the heap is full.
    #[inline]
    #[track_caller]
    pub fn scope_rooted<R: ScopeResult<'s>>(
        &mut self,
        f: impl for<'i> FnOnce(&mut Mutator<'i, B>) -> R::Inner<'i>,
    ) -> R {
        self.try_scope_rooted(f).unwrap_or_else(|full| full.panic())
    }

    /// Runs `f` as [`scope_rooted`](Mutator::scope_rooted) does, unless the list of rooted pointers has no room for the
    /// result and the heap is full.
    ///
    /// ```
    /// use grisaille::{Gc, Heap, Rooted};
    ///
    /// Heap::new().enter(|cx| {
    ///     let seven: Rooted<Gc<i32>> = cx.try_scope_rooted(|cx| cx.root(cx.alloc(7))).unwrap();
    ///     assert_eq!(*seven.get(cx), 7);
    /// });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full. `f` was not run. (A value of a type without a bound on its pointers, or with
    /// more than 65,536, is rooted when `f` has returned, and panics then.)
    #[inline]
    #[track_caller]
    pub fn try_scope_rooted<R: ScopeResult<'s>>(
        &mut self,
        f: impl for<'i> FnOnce(&mut Mutator<'i, B>) -> R::Inner<'i>,
    ) -> Result<R, HeapFull<()>> {
        self.try_scope_value::<R>(|cx| {
            let rooted = f(cx);
            // SAFETY: what this returns is used as if `cx` were borrowed, so before the next safepoint.
            unsafe { R::plain(rooted) }
        })
    }
}

/// Ends a scope: when `finish` is called, or when code in the scope panics.
struct EndScope<B: Barrier> {
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
    fn of(collector: &Collector) -> EndScope<B> {
        let locals = collector.roots.locals.len();
        EndScope {
            collector: NonNull::from(collector),
            locals,
            escapes: collector.roots.escapes.len(),
            surrounding: collector.roots.scope.replace(locals),
            _policy: PhantomData,
        }
    }

    /// Ends the scope.
    #[inline(always)]
    fn finish(self) {
        self.end();
        // Not twice.
        core::mem::forget(self);
    }

    #[inline(always)]
    fn end(&self) {
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
