//! `Trace` for the types of the standard library.
//!
//! There is no impl for `Cell` and `RefCell` (a write without a barrier), for references, for `Rc` (not `Send`), or for
//! anything with interior mutability around pointers. `Arc<T>` is a leaf only, for `T: Send + Sync + 'static`.

use core::marker::PhantomData;
use core::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8, NonZeroU16, NonZeroU32,
    NonZeroU64, NonZeroU128, NonZeroUsize,
};
use core::sync::atomic::{
    AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
    AtomicUsize,
};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::sync::Arc;

use super::layout::{drop_on, drop_on_both};
use super::private::Only;
use super::{DropOn, Trace, sum};
use crate::mark::tracer::Tracer;

/// Types without pointers that are `Send + 'static`, and whose drop glue frees memory only.
macro_rules! leaves {
    ($($leaf:ty),* $(,)?) => {$(
        // SAFETY: the type holds no pointer into a heap and no lifetime; it is `Send + 'static` (asserted below).
        unsafe impl $crate::trace::Trace for $leaf {
            type At<'a> = $leaf;
            const NEEDS_TRACE: bool = false;
            const MAX_POINTERS: usize = 0;
            const AT_MOST_ONE: bool = true;
            const DROP: $crate::trace::DropOn = $crate::trace::DropOn::Sweeper;
            #[inline(always)]
            fn trace(&self, _: &mut $crate::mark::tracer::Tracer<'_>) {}
        }
        const _: () = { const fn send_static<T: ?Sized + Send + 'static>() {} send_static::<$leaf>() };
    )*};
}

leaves! {
    (), bool, char, str, String, Box<str>, Arc<str>,
    i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64,
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize,
    NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
    AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize,
    AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
    core::time::Duration, std::time::Instant, std::time::SystemTime,
    std::path::PathBuf, std::path::Path, std::ffi::OsString, std::ffi::OsStr, std::ffi::CString, std::ffi::CStr,
    core::cmp::Ordering, core::ops::RangeFull, core::convert::Infallible,
    core::net::IpAddr, core::net::Ipv4Addr, core::net::Ipv6Addr, core::net::SocketAddr,
}

// Vectors of 16 bytes. (Wider ones are aligned to more than an object can be.)
#[cfg(target_arch = "x86_64")]
leaves!(core::arch::x86_64::__m128, core::arch::x86_64::__m128d, core::arch::x86_64::__m128i);

// SAFETY: `T` is a leaf that may be sent and shared, and holds no lifetime.
unsafe impl<T: Send + Sync + 'static> Trace for Arc<T> {
    type At<'a> = Arc<T>;
    const NEEDS_TRACE: bool = false;
    const MAX_POINTERS: usize = 0;
    const AT_MOST_ONE: bool = true;
    #[inline(always)]
    fn trace(&self, _: &mut Tracer<'_>) {}
}

// SAFETY: there is no value of `T`; the phantom has no lifetime of the heap.
unsafe impl<T: ?Sized + Send + 'static> Trace for PhantomData<T> {
    type At<'a> = PhantomData<T>;
    const NEEDS_TRACE: bool = false;
    const MAX_POINTERS: usize = 0;
    const AT_MOST_ONE: bool = true;
    #[inline(always)]
    fn trace(&self, _: &mut Tracer<'_>) {}
}

/// Containers with one type parameter, walked by reference.
macro_rules! containers {
    ($($name:ident),*) => {$(
        // SAFETY: passes each element on; `At` replaces the lifetime in the element.
        unsafe impl<T: Trace> Trace for $name<T>
        where
            for<'a> T::At<'a>: Sized,
        {
            type At<'a> = $name<T::At<'a>>;
            const NEEDS_TRACE: bool = T::NEEDS_TRACE;
            const DROP: DropOn = drop_on::<T>();
            #[inline]
            fn trace(&self, tracer: &mut Tracer<'_>) {
                if T::NEEDS_TRACE {
                    self.iter().for_each(|item| item.trace(tracer));
                }
            }
        }
    )*};
}

containers!(Vec, VecDeque, LinkedList, BinaryHeap, BTreeSet);

// SAFETY: passes the value on, if there is one.
unsafe impl<T: Trace> Trace for Option<T>
where
    for<'a> T::At<'a>: Sized,
{
    type At<'a> = Option<T::At<'a>>;
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    const DROP: DropOn = drop_on::<T>();
    const MAX_POINTERS: usize = T::MAX_POINTERS;
    // An optional pointer is one word, by the niche.
    const ATOMIC_WORD: bool = T::ATOMIC_WORD && size_of::<Option<T>>() == size_of::<usize>();
    const AT_MOST_ONE: bool = T::AT_MOST_ONE;
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        // A branch, also where `__only` would do without: whether there is a pointer is often predicted well.
        if let Some(value) = self {
            value.trace(tracer);
        }
    }
    #[inline(always)]
    fn __only(&self) -> Only {
        self.as_ref().map_or(Only::NONE, T::__only)
    }
}

// SAFETY: passes whichever value there is on.
unsafe impl<T: Trace, E: Trace> Trace for Result<T, E>
where
    for<'a> T::At<'a>: Sized,
    for<'a> E::At<'a>: Sized,
{
    type At<'a> = Result<T::At<'a>, E::At<'a>>;
    const NEEDS_TRACE: bool = T::NEEDS_TRACE || E::NEEDS_TRACE;
    const DROP: DropOn = drop_on_both::<T, E>();
    const MAX_POINTERS: usize = if T::MAX_POINTERS > E::MAX_POINTERS { T::MAX_POINTERS } else { E::MAX_POINTERS };
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        match self {
            Ok(value) => value.trace(tracer),
            Err(error) => error.trace(tracer),
        }
    }
}

// SAFETY: passes the value on. What the box holds is not recursed into by pointers of the heap.
unsafe impl<T: Trace> Trace for Box<T>
where
    for<'a> T::At<'a>: Sized,
{
    type At<'a> = Box<T::At<'a>>;
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    const DROP: DropOn = drop_on::<T>();
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        (**self).trace(tracer);
    }
}

// SAFETY: passes each element on.
unsafe impl<T: Trace> Trace for Box<[T]>
where
    for<'a> T::At<'a>: Sized,
{
    type At<'a> = Box<[T::At<'a>]>;
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    const DROP: DropOn = drop_on::<T>();
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        (**self).trace(tracer);
    }
}

// SAFETY: passes each element on.
unsafe impl<T: Trace> Trace for [T]
where
    for<'a> T::At<'a>: Sized,
{
    type At<'a> = [T::At<'a>];
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if T::NEEDS_TRACE {
            self.iter().for_each(|item| item.trace(tracer));
        }
    }
}

// SAFETY: passes each element on.
unsafe impl<T: Trace, const N: usize> Trace for [T; N]
where
    for<'a> T::At<'a>: Sized,
{
    type At<'a> = [T::At<'a>; N];
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    const DROP: DropOn = drop_on::<T>();
    const MAX_POINTERS: usize = T::MAX_POINTERS.saturating_mul(N);
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.as_slice().trace(tracer);
    }
}

// SAFETY: passes keys and values on.
unsafe impl<K: Trace, V: Trace> Trace for BTreeMap<K, V>
where
    for<'a> K::At<'a>: Sized,
    for<'a> V::At<'a>: Sized,
{
    type At<'a> = BTreeMap<K::At<'a>, V::At<'a>>;
    const NEEDS_TRACE: bool = K::NEEDS_TRACE || V::NEEDS_TRACE;
    const DROP: DropOn = drop_on_both::<K, V>();
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for (key, value) in self {
            key.trace(tracer);
            value.trace(tracer);
        }
    }
}

/// Hash tables of keys and values. The hasher is a leaf, `Send + 'static`, so it holds no pointer that would go untraced.
macro_rules! hash_maps {
    ($($path:ident)::+) => {
        // SAFETY: passes keys and values on; the hasher holds no pointer into a heap.
        unsafe impl<K: $crate::trace::Trace, V: $crate::trace::Trace, S: Send + 'static> $crate::trace::Trace
            for $($path)::+<K, V, S>
        where
            for<'a> K::At<'a>: Sized,
            for<'a> V::At<'a>: Sized,
        {
            type At<'a> = $($path)::+<K::At<'a>, V::At<'a>, S>;
            const NEEDS_TRACE: bool = K::NEEDS_TRACE || V::NEEDS_TRACE;
            const DROP: $crate::trace::DropOn = if core::mem::needs_drop::<S>() {
                $crate::trace::DropOn::Mutator
            } else {
                $crate::trace::layout::drop_on_both::<K, V>()
            };
            fn trace(&self, tracer: &mut $crate::mark::tracer::Tracer<'_>) {
                if Self::NEEDS_TRACE {
                    for (key, value) in self {
                        key.trace(tracer);
                        value.trace(tracer);
                    }
                }
            }
        }
    };
}

/// Hash tables of elements.
macro_rules! hash_sets {
    ($($path:ident)::+) => {
        // SAFETY: passes each element on; the hasher holds no pointer into a heap.
        unsafe impl<T: $crate::trace::Trace, S: Send + 'static> $crate::trace::Trace for $($path)::+<T, S>
        where
            for<'a> T::At<'a>: Sized,
        {
            type At<'a> = $($path)::+<T::At<'a>, S>;
            const NEEDS_TRACE: bool = T::NEEDS_TRACE;
            const DROP: $crate::trace::DropOn = if core::mem::needs_drop::<S>() {
                $crate::trace::DropOn::Mutator
            } else {
                $crate::trace::layout::drop_on::<T>()
            };
            fn trace(&self, tracer: &mut $crate::mark::tracer::Tracer<'_>) {
                if T::NEEDS_TRACE {
                    self.iter().for_each(|item| item.trace(tracer));
                }
            }
        }
    };
}

hash_maps!(HashMap);
hash_sets!(HashSet);

/// Tuples of up to twelve.
macro_rules! tuples {
    () => {};
    ($first:ident $($rest:ident)*) => {
        // SAFETY: passes each part on.
        unsafe impl<$first: Trace, $($rest: Trace),*> Trace for ($first, $($rest,)*)
        where
            for<'a> $first::At<'a>: Sized,
            $(for<'a> $rest::At<'a>: Sized,)*
        {
            type At<'a> = ($first::At<'a>, $($rest::At<'a>,)*);
            const NEEDS_TRACE: bool = $first::NEEDS_TRACE $(|| $rest::NEEDS_TRACE)*;
            const DROP: DropOn = drop_on_both::<$first, ($($rest,)*)>();
            const MAX_POINTERS: usize = sum(&[$first::MAX_POINTERS $(, $rest::MAX_POINTERS)*]);
            #[allow(non_snake_case)]
            #[inline]
            fn trace(&self, tracer: &mut Tracer<'_>) {
                let ($first, $($rest,)*) = self;
                $first.trace(tracer);
                $($rest.trace(tracer);)*
            }
        }
        tuples!($($rest)*);
    };
}

tuples!(A B C D E F G H I J K L);

// For the types of other crates. (A list of features that are all off uses none of them.)
#[allow(unused_imports, reason = "used where a feature is on")]
pub(super) use {hash_maps, hash_sets, leaves};
