//! [`Rooted`]: a value that is rooted until its scope ends.

use core::fmt;
use core::marker::PhantomData;

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::trace::{Trace, restamp};

/// A value that is rooted until the scope in which it was rooted ends: `Copy`, and free to read.
///
/// [`Mutator::root`] makes a `Rooted`. The objects that its value points to stay alive until the scope ends, through
/// every safepoint; [`get`](Rooted::get) returns the value for use until the next safepoint.
///
/// `Rooted`s of values that contain a [`Slot`](crate::Slot) are of different types where they come from different
/// scopes: see [what the compiler says](crate::guide::lifetimes). [`here`](Rooted::here)
/// makes one of the innermost scope. A value that a loop carries from turn to turn belongs in a
/// [`RootedCell`](crate::RootedCell): a new `Rooted` in each turn adds a root in each turn.
///
/// ```
/// use grisaille::{Gc, Heap, Rooted, Mutator};
///
/// fn twice<'s>(cx: &mut Mutator<'s>, number: Rooted<'_, Gc<'_, i64>>) -> Rooted<'s, Gc<'s, i64>> {
///     cx.safepoint();
///     let twice = cx.alloc(*number.get(cx) * 2);
///     cx.root(twice)
/// }
/// Heap::new().enter(|cx| {
///     let three = cx.root(cx.alloc(3i64));
///     let six = twice(cx, three);
///     cx.collect();
///     assert_eq!((*three.get(cx), *six.get(cx)), (3, 6));
/// });
/// ```
#[must_use = "a value is rooted to be kept"]
pub struct Rooted<'s, V> {
    value: V,
    _scope: PhantomData<&'s *mut ()>,
}

impl<V: Copy> Clone for Rooted<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: Copy> Copy for Rooted<'_, V> {}

impl<'s, V: Trace + Copy> Rooted<'s, V> {
    /// Makes a handle of a value that is rooted.
    ///
    /// # Safety
    /// What `value` points to must be rooted for `'s`.
    #[inline(always)]
    pub(crate) unsafe fn new(value: V) -> Self {
        Rooted { value, _scope: PhantomData }
    }

    /// Returns the value, for use until the next safepoint. Costs nothing: the heap does not move objects.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let one = cx.root(cx.alloc(1));
    /// assert_eq!(*one.get(cx), 1);
    /// # });
    /// ```
    #[inline(always)]
    pub fn get<'a, B: Barrier>(self, _cx: &'a Mutator<'_, B>) -> V::At<'a>
    where
        V::At<'a>: Copy,
    {
        // SAFETY: the mutator is borrowed for `'a`. A Rooted is used in its own heap only, since one heap is entered at
        // a time and `suspend` lets no Rooted in.
        unsafe { self.value_until_safepoint() }
    }

    /// Returns the value.
    ///
    /// # Safety
    /// The heap's mutator must be borrowed for `'a`, so that `'a` ends before the next safepoint.
    #[inline(always)]
    pub(crate) unsafe fn value_until_safepoint<'a>(self) -> V::At<'a>
    where
        V::At<'a>: Copy,
    {
        // SAFETY: the value is rooted while the scope lives, and `'a` ends before the next safepoint.
        unsafe { restamp(self.value) }
    }

    /// Returns the value, for as long as it is rooted.
    ///
    /// # Safety
    /// Of what the value points to, only that may be used after the next safepoint which neither the collector nor a
    /// mutator writes.
    #[inline(always)]
    pub(crate) unsafe fn value_for_scope(self) -> V::At<'s>
    where
        V::At<'s>: Copy,
    {
        // SAFETY: rooted until the scope ends, which `'s` is; the rest is the caller's promise.
        unsafe { restamp(self.value) }
    }

    /// Returns the handle as one of the scope that `cx` is in, which is the innermost: so handles of several scopes fit
    /// one slice, and a parameter can be assigned a new value. Costs nothing, and adds no root.
    ///
    /// ```
    /// use grisaille::{Gc, Heap, Mutator, Rooted, Slot, Trace};
    ///
    /// #[derive(Trace)]
    /// struct Env<'gc> { parent: Slot<Option<Gc<'gc, Env<'gc>>>> }
    ///
    /// fn outermost<'s>(cx: &mut Mutator<'s>, env: Rooted<'_, Gc<'_, Env<'_>>>) -> Rooted<'s, Gc<'s, Env<'s>>> {
    ///     let mut env = env.here(cx);
    ///     while let Some(parent) = env.get(cx).parent.get() {
    ///         env = cx.root(parent);
    ///     }
    ///     env
    /// }
    /// Heap::new().enter(|cx| {
    ///     let outer = cx.alloc(Env { parent: Slot::new(None) });
    ///     let inner = cx.root(cx.alloc(Env { parent: Slot::new(Some(outer)) }));
    ///     assert!(outermost(cx, inner).get(cx).parent.get().is_none());
    /// });
    /// ```
    #[inline(always)]
    pub fn here<'i, B: Barrier>(self, _cx: &Mutator<'i, B>) -> Rooted<'i, V::At<'i>>
    where
        V::At<'i>: Copy,
    {
        // SAFETY: only the mutator of the innermost scope can be used, so `'i` is that scope, and the value is rooted
        // in this scope or in one around it.
        unsafe { Rooted::new(restamp(self.value)) }
    }
}

/// Prints no value: a user's `Debug` must not see a value that may be stale.
impl<V> fmt::Debug for Rooted<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rooted { .. }")
    }
}
