//! [`ScopeResult`]: what a scope may return, to be rooted outside.

use core::mem::transmute_copy;

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::fault::{self, Fault};
use crate::handles::rooted::Rooted;
use crate::trace::Trace;

mod sealed {
    /// A trait that this crate alone implements.
    pub trait Sealed {}
}
use sealed::Sealed;

/// What [`Mutator::scope_value`] and [`Mutator::scope_rooted`] return: a [`Rooted`], for which the closure returns a
/// plain value or a `Rooted` of its own scope; `()`, a `bool`, a `char`, a number or a `String`; or an `Option`, a
/// `Result` or a tuple of up to four of such. The error of a `Result` is any type without the heap's lifetime, and is
/// passed on as it is; an error that carries a value of the heap holds a [`Persistent`](crate::Persistent).
///
/// ```
/// use grisaille::{Gc, Heap, Mutator, Persistent, Rooted};
///
/// enum Error { Thrown(Persistent<Gc<'static, String>>), Depth }
///
/// fn eval<'s>(cx: &mut Mutator<'s>, depth: u32) -> Result<Rooted<'s, Gc<'s, u32>>, Error> {
///     cx.scope_value(|cx| match depth {
///         0 => Err(Error::Thrown(cx.persist(cx.alloc("zero".to_string())))),
///         1..5 => Ok(cx.alloc(depth)),
///         5..50 => Ok(eval(cx, depth - 5)?.get(cx)),
///         _ => Err(Error::Depth),
///     })
/// }
/// Heap::new().enter(|cx| {
///     assert!(eval(cx, 7).is_ok_and(|result| *result.get(cx) == 2));
///     assert!(matches!(eval(cx, 50), Err(Error::Depth)));
///     let Err(Error::Thrown(value)) = eval(cx, 10) else { panic!() };
///     cx.collect();
///     assert_eq!(*value.get(cx).as_ref(), "zero");
/// });
/// ```
pub trait ScopeResult<'s>: Sealed {
    /// What the closure of [`Mutator::scope_value`] returns.
    type Plain<'a>;

    /// What the closure of [`Mutator::scope_rooted`] returns.
    type Inner<'i>;

    /// The most pointers that a result roots.
    #[doc(hidden)]
    const MAX_POINTERS: usize;

    /// Roots a result in the scope of `cx`.
    ///
    /// # Safety
    /// The values must be usable now. (Room for [`MAX_POINTERS`](ScopeResult::MAX_POINTERS) roots was made, if that is a
    /// number to make room for; a push looks again.)
    #[doc(hidden)]
    unsafe fn root<'a, B: Barrier>(plain: Self::Plain<'a>, cx: &Mutator<'s, B>) -> Self;

    /// Returns the values of the handles in a result.
    ///
    /// # Safety
    /// `'a` must end before the next safepoint.
    #[doc(hidden)]
    unsafe fn plain<'a>(inner: Self::Inner<'_>) -> Self::Plain<'a>;
}

impl<V> Sealed for Rooted<'_, V> {}

impl<'s, V: Trace + Copy> ScopeResult<'s> for Rooted<'s, V>
where
    for<'a> V::At<'a>: Copy,
{
    type Plain<'a> = V::At<'a>;
    type Inner<'i> = Rooted<'i, V::At<'i>>;
    const MAX_POINTERS: usize = V::MAX_POINTERS;

    #[inline(always)]
    unsafe fn root<'a, B: Barrier>(plain: V::At<'a>, cx: &Mutator<'s, B>) -> Self {
        const { assert!(size_of::<V>() == size_of::<V::At<'_>>()) };
        if fault::is(Fault::ResultHidesNewRoot) && cx.collector().watch_roots.get() {
            cx.collector().watch_roots.set(false);
            cx.push_roots(&cx.collector().roots.locals, plain);
            cx.collector().watch_roots.set(true);
        } else {
            cx.push_roots(&cx.collector().roots.locals, plain);
        }
        // SAFETY: rooted just now, for `'s`. The two are the same type but for a lifetime (`Trace`'s contract), and a
        // `Rooted` hands no value out with the lifetime that its type names.
        unsafe { Rooted::new(transmute_copy::<V::At<'a>, V>(&plain)) }
    }

    #[inline(always)]
    unsafe fn plain<'a>(inner: Self::Inner<'_>) -> V::At<'a> {
        // SAFETY: passed on.
        unsafe { inner.value_until_safepoint() }
    }
}

impl<R, E> Sealed for Result<R, E> {}

impl<'s, R: ScopeResult<'s>, E: 'static> ScopeResult<'s> for Result<R, E> {
    type Plain<'a> = Result<R::Plain<'a>, E>;
    type Inner<'i> = Result<R::Inner<'i>, E>;
    const MAX_POINTERS: usize = R::MAX_POINTERS;

    #[inline(always)]
    unsafe fn root<'a, B: Barrier>(plain: Result<R::Plain<'a>, E>, cx: &Mutator<'s, B>) -> Self {
        // SAFETY: passed on.
        plain.map(|plain| unsafe { R::root(plain, cx) })
    }

    #[inline(always)]
    unsafe fn plain<'a>(inner: Self::Inner<'_>) -> Self::Plain<'a> {
        // SAFETY: passed on.
        inner.map(|inner| unsafe { R::plain(inner) })
    }
}

impl<R> Sealed for Option<R> {}

impl<'s, R: ScopeResult<'s>> ScopeResult<'s> for Option<R> {
    type Plain<'a> = Option<R::Plain<'a>>;
    type Inner<'i> = Option<R::Inner<'i>>;
    const MAX_POINTERS: usize = R::MAX_POINTERS;

    #[inline(always)]
    unsafe fn root<'a, B: Barrier>(plain: Option<R::Plain<'a>>, cx: &Mutator<'s, B>) -> Self {
        // SAFETY: passed on.
        plain.map(|plain| unsafe { R::root(plain, cx) })
    }

    #[inline(always)]
    unsafe fn plain<'a>(inner: Self::Inner<'_>) -> Self::Plain<'a> {
        // SAFETY: passed on.
        inner.map(|inner| unsafe { R::plain(inner) })
    }
}

macro_rules! tuples {
    ($(($($part:ident)+))*) => {$(
        impl<$($part),+> Sealed for ($($part,)+) {}

        impl<'s, $($part: ScopeResult<'s>),+> ScopeResult<'s> for ($($part,)+) {
            type Plain<'a> = ($($part::Plain<'a>,)+);
            type Inner<'i> = ($($part::Inner<'i>,)+);
            const MAX_POINTERS: usize = 0usize $(.saturating_add($part::MAX_POINTERS))+;

            #[inline(always)]
            #[allow(non_snake_case, reason = "a part is named after its type")]
            unsafe fn root<'a, Policy: Barrier>(plain: Self::Plain<'a>, cx: &Mutator<'s, Policy>) -> Self {
                let ($($part,)+) = plain;
                // SAFETY: passed on.
                ($(unsafe { $part::root($part, cx) },)+)
            }

            #[inline(always)]
            #[allow(non_snake_case, reason = "a part is named after its type")]
            unsafe fn plain<'a>(inner: Self::Inner<'_>) -> Self::Plain<'a> {
                let ($($part,)+) = inner;
                // SAFETY: passed on.
                ($(unsafe { $part::plain($part) },)+)
            }
        }
    )*};
}

tuples! { (A) (A B) (A B C) (A B C D) }

macro_rules! without_pointers {
    ($($name:ty)*) => {$(
        impl Sealed for $name {}

        impl<'s> ScopeResult<'s> for $name {
            type Plain<'a> = $name;
            type Inner<'i> = $name;
            const MAX_POINTERS: usize = 0;

            #[inline(always)]
            unsafe fn root<'a, B: Barrier>(plain: $name, _cx: &Mutator<'s, B>) -> Self {
                plain
            }

            #[inline(always)]
            unsafe fn plain<'a>(inner: Self::Inner<'_>) -> Self::Plain<'a> {
                inner
            }
        }
    )*};
}

without_pointers! { () bool char String i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64 }
