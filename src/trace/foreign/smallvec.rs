//! `Trace` for the vectors of `smallvec` 1, whose first elements lie in the value itself.

use smallvec::SmallVec;

use crate::mark::tracer::Tracer;
use crate::trace::layout::drop_on;
use crate::trace::{DropOn, Trace};

// SAFETY: passes each element on; `At` replaces the lifetime in the element.
unsafe impl<T: Trace, const N: usize> Trace for SmallVec<[T; N]>
where
    for<'a> T::At<'a>: Sized,
{
    type At<'a> = SmallVec<[T::At<'a>; N]>;
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    const DROP: DropOn = drop_on::<T>();
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.as_slice().trace(tracer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Gc;
    use crate::trace::foreign::tests::keeps_what_it_holds;

    #[test]
    fn elements_are_traced() {
        keeps_what_it_holds::<SmallVec<[Gc<'static, i64>; 2]>>(|held| [held].into_iter().collect());
        // More than have room in the value.
        keeps_what_it_holds::<SmallVec<[Gc<'static, i64>; 2]>>(|held| [held; 5].into_iter().collect());
        const { assert!(!<SmallVec<[i64; 2]> as Trace>::NEEDS_TRACE) };
    }
}
