//! `Trace` for the vectors and strings of `arrayvec` 0.7, whose elements lie in the value itself.

use arrayvec::{ArrayString, ArrayVec};

use crate::mark::tracer::Tracer;
use crate::trace::layout::drop_on;
use crate::trace::{DropOn, Trace};

// SAFETY: passes each element on, and there are at most `N`; `At` replaces the lifetime in the element.
unsafe impl<T: Trace, const N: usize> Trace for ArrayVec<T, N>
where
    for<'a> T::At<'a>: Sized,
{
    type At<'a> = ArrayVec<T::At<'a>, N>;
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    const DROP: DropOn = drop_on::<T>();
    const MAX_POINTERS: usize = T::MAX_POINTERS.saturating_mul(N);
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.as_slice().trace(tracer);
    }
}

// SAFETY: bytes and their number, without a pointer and without a lifetime.
unsafe impl<const N: usize> Trace for ArrayString<N> {
    type At<'a> = ArrayString<N>;
    const NEEDS_TRACE: bool = false;
    const MAX_POINTERS: usize = 0;
    const DROP: DropOn = DropOn::Sweeper;
    #[inline(always)]
    fn trace(&self, _: &mut Tracer<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Gc;
    use crate::trace::foreign::tests::keeps_what_it_holds;

    #[test]
    fn elements_are_traced() {
        keeps_what_it_holds::<ArrayVec<Gc<'static, i64>, 3>>(|held| [held].into_iter().collect());
        keeps_what_it_holds::<ArrayVec<Gc<'static, i64>, 3>>(|held| [held; 3].into());
        const { assert!(<ArrayVec<Gc<'static, i64>, 3> as Trace>::MAX_POINTERS == 3) };
        const { assert!(!<ArrayVec<i64, 3> as Trace>::NEEDS_TRACE && !<ArrayString<8> as Trace>::NEEDS_TRACE) };
    }
}
