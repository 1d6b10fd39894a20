//! How a type is described to the collector: its [`TypeInfo`], the kind of block its objects live in, and the thread
//! that drops them.
//!
//! Objects of a sized type `T` are traced so (those whose length word tells the size have functions of their own, in
//! `kit`):
//!
//! ```text
//! the mark loop, a barrier, the verifier      the mark loop of T: `mark_alike`
//!     | TypeInfo::trace                           |  (room for all that it traces)
//! trace_sized                                     |
//!     |- few pointers, room for them all ------> Tracer::trace_few -> T::trace   pushes without a check
//!     |- few, and no room: trace_without_room -+
//!     |- many, or no bound known --------------+> trace_any -> trace_with -> T::trace   checks each push
//! ```
//!
//! "Few" is at most [`FEW`], by `Trace::MAX_POINTERS`. "Room" is that of the tracer's edges
//! ([`Edges`](crate::mark::edges::Edges)); a pointer without room goes to the tracer's sink, out of line.

use core::any::type_name;
use core::marker::PhantomData;
use core::mem::needs_drop;
use core::ptr::NonNull;

use super::private::FieldNames;
use super::{DropOn, Trace, alike};
use crate::mark::edges::Top;
use crate::mark::tracer::{Tracer, trace_with};
use crate::space::block::Kind;
use crate::space::header::{About, ObjectPtr, TraceResult, TypeInfo};

/// Returns the kind of block that values of `T` live in.
pub(crate) const fn kind_of<T: Trace>() -> Kind {
    if !needs_drop::<T>() {
        Kind::Plain
    } else {
        match T::DROP {
            DropOn::Mutator => Kind::Drop,
            DropOn::Sweeper => Kind::BackgroundDrop,
        }
    }
}

/// Returns where a `T` is dropped that is part of another value: one without drop glue may be dropped by any thread.
pub(crate) const fn drop_on<T: Trace>() -> DropOn {
    if needs_drop::<T>() { T::DROP } else { DropOn::Sweeper }
}

/// Returns where a value with these two parts is dropped.
pub(crate) const fn drop_on_both<T: Trace, U: Trace>() -> DropOn {
    match (drop_on::<T>(), drop_on::<U>()) {
        (DropOn::Sweeper, DropOn::Sweeper) => DropOn::Sweeper,
        _ => DropOn::Mutator,
    }
}

/// Types of at most so many pointers are traced without a check of the room for each.
const FEW: usize = 64;

/// Returns whether `T` has few pointers, and some: a type without pointers may be traced where there are no edges at
/// all.
const fn has_few<T: Trace>() -> bool {
    0 < T::MAX_POINTERS && T::MAX_POINTERS <= FEW
}

/// Describes a type. Types that differ in the heap's lifetime alone are one; two others never are: `At` replaces that
/// lifetime and nothing else (`Trace`'s contract).
pub(crate) fn about<T: Trace>() -> About {
    About { fields: Some(name_fields::<T>), ..About::of::<T::At<'static>>(type_name::<T>()) }
}

/// Names the fields of an object.
///
/// # Safety
/// [`NameFields`](crate::space::header::NameFields)'s, for an object in whose payload a `T` lies.
unsafe fn name_fields<T: Trace>(object: ObjectPtr, named: &mut dyn FnMut(usize, &'static str)) {
    // SAFETY: `NameFields`: a `T`, which is complete, and which nobody writes.
    let value = unsafe { object.payload().cast::<T>().as_ref() };
    let mut pointers = Vec::new();
    value.__trace_fields(&mut Tracer::listing(&mut pointers), &mut FieldNames(named));
}

/// Carries the `TypeInfo` of sized objects.
pub(crate) struct InfoOf<T>(PhantomData<T>);

impl<T: Trace> InfoOf<T> {
    pub(crate) const INFO: TypeInfo = {
        let info = TypeInfo::sized::<T>(about::<T>)
            .traced_if(T::NEEDS_TRACE, trace_sized::<T>)
            .dropped_if(needs_drop::<T>(), drop_sized::<T>);
        if T::NEEDS_TRACE && has_few::<T>() && info.size.has_mark_bits() {
            TypeInfo { mark_alike: Some([alike::mark_alike::<T, false>, alike::mark_alike::<T, true>]), ..info }
        } else {
            info
        }
    };
}

/// # Safety
/// [`TypeInfo::trace`]'s.
unsafe fn trace_sized<T: Trace>(object: ObjectPtr, _: usize, erased: NonNull<()>, top: Top) -> TraceResult {
    // SAFETY: `TypeInfo::trace`: the header names `InfoOf<T>`, so the payload is a `T`; it is complete.
    let value = unsafe { object.payload().cast::<T>().as_ref() };
    if const { has_few::<T>() } {
        // SAFETY: `TypeInfo::trace`: a tracer that is ours until the end of the call.
        let tracer = unsafe { &*erased.cast::<Tracer<'_>>().as_ptr() };
        if tracer.has_room(top, T::MAX_POINTERS) {
            // SAFETY: the top is of its edges, and there is room for as many pointers as a `T` can have.
            return TraceResult { next: 0, top: unsafe { tracer.trace_few(value, top) } };
        }
        // SAFETY: passed on.
        return unsafe { trace_without_room::<T>(object, erased, top) };
    }
    // SAFETY: passed on.
    unsafe { trace_any::<T>(object, erased, top) }
}

/// Out of line, so that the usual path saves no registers for this one.
///
/// # Safety
/// [`TypeInfo::trace`]'s.
#[cold]
#[inline(never)]
unsafe fn trace_without_room<T: Trace>(object: ObjectPtr, erased: NonNull<()>, top: Top) -> TraceResult {
    // SAFETY: passed on.
    unsafe { trace_any::<T>(object, erased, top) }
}

/// # Safety
/// [`TypeInfo::trace`]'s.
#[inline(always)]
unsafe fn trace_any<T: Trace>(object: ObjectPtr, erased: NonNull<()>, top: Top) -> TraceResult {
    // SAFETY: `TypeInfo::trace`: the header names `InfoOf<T>`, so the payload is a `T`; it is complete.
    let value = unsafe { object.payload().cast::<T>().as_ref() };
    // SAFETY: `TypeInfo::trace`: a tracer that is ours until the end of the call, and a top of its edges.
    unsafe {
        trace_with(erased, top, |tracer| {
            value.trace(tracer);
            0
        })
    }
}

/// # Safety
/// [`TypeInfo::drop`]'s.
unsafe fn drop_sized<T>(object: ObjectPtr) {
    // SAFETY: `TypeInfo::drop`: the header names `InfoOf<T>`, so the payload is a `T`; it is complete, was not dropped, and is
    // used by nobody.
    unsafe { object.payload().cast::<T>().drop_in_place() };
}
