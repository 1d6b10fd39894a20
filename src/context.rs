//! [`Mutator`] as pointers, handles and collections see it: access to the collector, and memory for objects. The
//! operations of a program are in `mutator`.

use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::barrier::{Barrier, RootsFirst};
use crate::cycle::collector::Collector;
use crate::full::HeapFull;
use crate::space::alignment::Alignment;
use crate::space::block::{BIG, Kind};
use crate::space::header::{ObjectPtr, TypeInfo, object_bytes};
use crate::trace::Trace;

/// A heap that has been entered: allocates, roots, and collects.
///
/// Shared borrows never collect: `alloc`, `root` and the barriers take `&Mutator`, and a [`Gc`](crate::Gc) borrows it.
/// An operation that may collect takes `&mut Mutator` ([`safepoint`](Mutator::safepoint), [`step`](Mutator::step),
/// [`collect`](Mutator::collect), [`scope`](Mutator::scope)), so no `Gc` is kept across it. A helper that works with
/// pointers takes `&Mutator`; a helper that may collect takes `&mut Mutator` and [`Rooted`](crate::Rooted)s.
///
/// [`Heap::enter`](crate::Heap::enter) lends a mutator. `'s` is the lifetime of that call, or of the
/// [scope](Mutator::scope).
///
/// ```
/// use grisaille::{Gc, Heap, Mutator, Rooted};
///
/// /// Never collects, so it takes and returns plain pointers.
/// fn double<'gc>(cx: &'gc Mutator<'_>, number: Gc<'gc, i64>) -> Gc<'gc, i64> {
///     cx.alloc(2 * *number)
/// }
/// /// May collect, so what it takes and returns is rooted.
/// fn double_twice<'s>(
///     cx: &mut Mutator<'s>,
///     number: Rooted<'_, Gc<'_, i64>>,
/// ) -> Rooted<'s, Gc<'s, i64>> {
///     let doubled = cx.root(double(cx, number.get(cx)));
///     cx.safepoint();
///     cx.root(double(cx, doubled.get(cx)))
/// }
/// Heap::new().enter(|cx| {
///     let three = cx.root(cx.alloc(3i64));
///     assert_eq!(*double_twice(cx, three).get(cx), 12);
/// });
/// ```
///
/// A function of the second kind that returns a plain pointer (`fn eval<'a>(cx: &'a mut Mutator<'_>) -> Gc<'a, T>`)
/// compiles, but its callers do not: the result keeps `cx` mutably borrowed, so that not even `cx.root(result)` is
/// allowed.
///
/// # Panics of other code
///
/// A collection runs drop glue of dead objects, and `Trace` impls. A panic of either passes through
/// [`safepoint`](Mutator::safepoint), [`step`](Mutator::step), [`idle`](Mutator::idle) and
/// [`collect`](Mutator::collect), and leaves the heap whole: each object is dropped once. Where no code could catch a
/// panic (on the sweeper's thread, and when the heap is dropped) the panic hook reports the panic, which goes no
/// further. Where the heap [checks itself](crate::Check), these methods also panic when a check fails.
pub struct Mutator<'s, B: Barrier = RootsFirst> {
    collector: NonNull<Collector>,
    /// Invariant in `'s`; neither `Send` nor `Sync`.
    _scope: PhantomData<(Cell<&'s ()>, *mut (), B)>,
}

impl<'s, B: Barrier> Mutator<'s, B> {
    /// Makes access to a heap.
    ///
    /// # Safety
    /// `collector` must be alive for `'s`, entered, and used through no other `Mutator` that is not lent out by or
    /// to this one.
    pub(crate) unsafe fn new(collector: NonNull<Collector>) -> Self {
        Mutator { collector, _scope: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn collector(&self) -> &Collector {
        // SAFETY: alive while this Mutator is (`new`'s contract); the collector is only ever borrowed shared.
        unsafe { self.collector.as_ref() }
    }

    /// Returns the collector, for values that outlive a borrow of the mutator but not the mutator.
    #[inline(always)]
    pub(crate) fn collector_ptr(&self) -> NonNull<Collector> {
        self.collector
    }

    /// Places an object, by the fast path or by the slow one. Gives the value back when the heap is full.
    #[inline(always)]
    pub(crate) fn place<T>(&self, value: T, info: &'static TypeInfo, kind: Kind) -> Result<ObjectPtr, T> {
        // SAFETY: `info` is for objects of this size; the payload is written below.
        let slow = |bytes| unsafe { self.collector().reserve_object(bytes, kind, info) };
        match self.take::<T>(info, kind).or_else(|| slow(const { object_bytes::<T>() })) {
            Some(object) => {
                // SAFETY: the payload follows the header, is large enough for a `T` and aligned (`InfoOf`).
                unsafe { object.payload().cast::<T>().write(value) };
                Ok(object)
            }
            None => Err(value),
        }
    }

    /// Takes memory for a `T` by the fast path, and writes its header. The payload must be written before the next
    /// safepoint.
    #[inline(always)]
    pub(crate) fn take<T>(&self, info: &'static TypeInfo, kind: Kind) -> Option<ObjectPtr> {
        // SAFETY: whole units of the alignment (`object_bytes`); the header is written now.
        let at = unsafe { self.take_fast(const { object_bytes::<T>() }, kind, const { Alignment::of::<T>() }) }?;
        // SAFETY: the bytes are this call's alone, and enough.
        let object = unsafe { ObjectPtr::write(at, info) };
        if info.needs_trace {
            self.born(object);
        }
        Some(object)
    }

    /// Gives a new object with pointers, whose header has just been written, the colour of new objects, as far as the
    /// header tells it.
    #[inline(always)]
    pub(crate) fn born(&self, object: ObjectPtr) {
        if const { B::RULES.traces_while_scanning() } {
            self.collector().born(object);
        }
    }

    /// Takes memory for an object by the fast path, which big objects do not have: they do not belong into these holes,
    /// even where a hole has room.
    ///
    /// # Safety
    /// As for [`Collector::reserve`].
    #[inline(always)]
    unsafe fn take_fast(&self, bytes: usize, kind: Kind, alignment: Alignment) -> Option<NonNull<u8>> {
        // SAFETY: passed on, and not larger.
        if bytes <= BIG { unsafe { self.collector().bump(kind, bytes, alignment).take(bytes) } } else { None }
    }

    /// Takes memory for an object, by the fast path or by the slow one.
    ///
    /// # Safety
    /// As for [`Collector::reserve`].
    #[inline(always)]
    pub(crate) unsafe fn take_bytes(
        &self,
        bytes: usize,
        kind: Kind,
        alignment: Alignment,
    ) -> Result<NonNull<u8>, HeapFull<()>> {
        // SAFETY: passed on.
        match unsafe { self.take_fast(bytes, kind, alignment) } {
            Some(at) => Ok(at),
            // SAFETY: passed on.
            None => unsafe { self.collector().reserve(bytes, kind, alignment) }.ok_or_else(|| self.full((), bytes)),
        }
    }

    /// Takes memory for an object by the slow path. The value is not passed, so that the fast path need not have it in
    /// memory.
    ///
    /// # Panics
    /// When the heap is full.
    ///
    /// # Safety
    /// As for [`Collector::reserve_object`].
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(crate) unsafe fn reserve_or_panic(
        collector: &Collector,
        bytes: usize,
        kind: Kind,
        info: &'static TypeInfo,
    ) -> ObjectPtr {
        // SAFETY: the caller's promise.
        match unsafe { collector.reserve_object(bytes, kind, info) } {
            Some(object) => object,
            None => HeapFull::new((), collector.pacer.shortage(bytes)).panic(),
        }
    }

    /// The gate of the write barrier: every operation that replaces, adds or removes values of `T` and `U` in an object
    /// calls this first. `barrier` runs if the policy watches such writes and marking is in progress.
    #[inline(always)]
    pub(crate) fn before_write<T: Trace, U: Trace>(&self, barrier: impl FnOnce(&Collector)) {
        if const { (T::NEEDS_TRACE || U::NEEDS_TRACE) && B::RULES.has_write_barrier() }
            && self.collector().marking.get()
        {
            barrier(self.collector());
        }
    }

    /// Returns the error of an operation that lacks `bytes` bytes.
    #[cold]
    #[inline(never)]
    pub(crate) fn full<T>(&self, value: T, bytes: usize) -> HeapFull<T> {
        HeapFull::new(value, self.collector().pacer.shortage(bytes))
    }
}
