//! [`Trace`]: how the collector finds the pointers in a value, and how a value's lifetime is replaced.

use core::marker::PhantomData;
use core::mem::{ManuallyDrop, needs_drop};
use core::ptr::NonNull;

use crate::cycle::mark::Marker;
use crate::cycle::meter::EDGE_COST;
use crate::pointer::gc::Gc;
use crate::roots::local::PointerArea;
use crate::space::block::{GRANULE, Kind};
use crate::space::header::{HEADER_SIZE, ObjectPtr, TypeInfo, trace_nothing};

mod impls;

/// A type that may live in the heap, or be rooted.
///
/// Derive it: `#[derive(Trace)]` works for structs and enums with at most one lifetime, which is the heap's, and any
/// type parameters. Fields that hold no pointers and do not implement `Trace` take `#[trace(skip)]`, and must then be
/// `Send + 'static`.
///
/// ```
/// use grisaille::{Gc, Slot, Trace};
///
/// #[derive(Clone, Copy, Trace)]
/// enum Value<'gc> {
///     Nil,
///     Number(f64),
///     Pair(Gc<'gc, Pair<'gc>>),
/// }
///
/// #[derive(Trace)]
/// struct Pair<'gc> {
///     car: Slot<Value<'gc>>,
///     cdr: Slot<Value<'gc>>,
///     #[trace(skip)]
///     line: std::num::NonZeroU32,
/// }
/// # let _ = (Value::Nil, Value::Number(1.0));
/// ```
///
/// # Safety
///
/// * `trace` must pass each [`Gc`], [`Weak`](crate::Weak) and so on that the value holds to its own `trace`, every
///   time, and do nothing else with them.
/// * `At<'a>` must be the same type with its one heap lifetime replaced by `'a`, and nothing else replaced: values
///   are reinterpreted from one to the other. What does not follow the heap's lifetime (function pointers, `dyn Fn`,
///   anything contravariant in it) must not be replaced in.
/// * All else that the value holds must be `Send + 'static`.
/// * `NEEDS_TRACE` may be false only where no value of the type holds a pointer.
/// * The type must not implement `Drop` in a way that looks at pointers: what they point to may be gone.
/// * `ATOMIC_WORD` may be true only for types of one initialized word without padding.
pub unsafe trait Trace {
    /// The type with its heap lifetime replaced.
    type At<'a>: ?Sized + for<'b> Trace<At<'b> = Self::At<'b>> + 'a;

    /// Whether values of the type may hold pointers.
    const NEEDS_TRACE: bool = true;

    /// The type is one word, and may be read and written as an atomic one.
    #[doc(hidden)]
    const ATOMIC_WORD: bool = false;

    /// Where drop glue runs.
    #[doc(hidden)]
    const DROP: DropOn = DropOn::Mutator;

    /// Passes each pointer of the value to the tracer.
    fn trace(&self, tracer: &mut Tracer<'_>);
}

/// The thread on which dead values of a type are dropped.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DropOn {
    /// The heap's own thread.
    Mutator,
    /// The sweeper's thread may.
    Sweeper,
}

/// What [`Trace::trace`] passes pointers to.
pub struct Tracer<'t> {
    sink: Sink<'t>,
    /// Bytes scanned of an object whose length its header does not tell at once.
    bytes: usize,
}

enum Sink<'t> {
    /// The mark loop: edges go through the ring.
    Marking(&'t Marker),
    /// A barrier, a root: the target is shaded here and now.
    Shading(&'t Marker),
    /// A value becomes a root, and no root is watched.
    Rooting(&'t PointerArea),
    /// Somebody wants to know the pointers: roots, the verifier.
    Listing(&'t mut Vec<ObjectPtr>),
    /// The verifier wants to know those too that hold on condition.
    ListingAll(&'t mut Pointers),
}

/// The pointers of an object.
#[derive(Default)]
pub(crate) struct Pointers {
    pub strong: Vec<ObjectPtr>,
    /// Of an ephemeron: its key, and what its value holds, which counts while the key is alive.
    pub ephemeral: Option<(ObjectPtr, Vec<ObjectPtr>)>,
    /// The mark loop will scan it from its beginning, however far it has come.
    pub restarts: bool,
}

impl<'t> Tracer<'t> {
    pub(crate) fn marking(marker: &'t Marker) -> Self {
        Tracer { sink: Sink::Marking(marker), bytes: 0 }
    }

    pub(crate) fn shading(marker: &'t Marker) -> Self {
        Tracer { sink: Sink::Shading(marker), bytes: 0 }
    }

    pub(crate) fn rooting(area: &'t PointerArea) -> Self {
        Tracer { sink: Sink::Rooting(area), bytes: 0 }
    }

    pub(crate) fn listing(list: &'t mut Vec<ObjectPtr>) -> Self {
        Tracer { sink: Sink::Listing(list), bytes: 0 }
    }

    pub(crate) fn listing_all(pointers: &'t mut Pointers) -> Self {
        Tracer { sink: Sink::ListingAll(pointers), bytes: 0 }
    }

    /// Where an ephemeron that is only listed tells of its key and value.
    pub(crate) fn ephemeral(&mut self) -> Option<&mut Option<(ObjectPtr, Vec<ObjectPtr>)>> {
        match &mut self.sink {
            Sink::ListingAll(pointers) => Some(&mut pointers.ephemeral),
            _ => None,
        }
    }

    #[inline(always)]
    pub(crate) fn visit(&mut self, object: ObjectPtr) {
        // Where the sink is known, all but one arm goes away; where it is not, marking comes first.
        if let Sink::Marking(marker) = &self.sink {
            marker.edge(object);
        } else if let Sink::Rooting(area) = &self.sink {
            area.push(object);
        } else {
            self.visit_out_of_line(object);
        }
    }

    #[inline(never)]
    fn visit_out_of_line(&mut self, object: ObjectPtr) {
        match &mut self.sink {
            Sink::Marking(marker) => marker.edge(object),
            Sink::Shading(marker) => marker.shade(object),
            Sink::Rooting(area) => area.push(object),
            Sink::Listing(list) => list.push(object),
            Sink::ListingAll(pointers) => pointers.strong.push(object),
        }
    }

    /// The marker, for what is noted while marking (weak cells); none when pointers are only listed.
    pub(crate) fn marker(&self) -> Option<&'t Marker> {
        match self.sink {
            Sink::Marking(marker) | Sink::Shading(marker) => Some(marker),
            Sink::Rooting(_) | Sink::Listing(_) | Sink::ListingAll(_) => None,
        }
    }

    /// The mark loop will begin anew with this object.
    pub(crate) fn restarts(&mut self) {
        if let Sink::ListingAll(pointers) = &mut self.sink {
            pointers.restarts = true;
        }
    }

    /// Whether this is the mark loop, which scans an object in pieces between which the mutator runs. All others scan
    /// it in one go.
    pub(crate) fn is_mark_loop(&self) -> bool {
        matches!(self.sink, Sink::Marking(_))
    }

    /// Books elements scanned of an array, or outside the object. Each may lead to an object that is not in the cache,
    /// and counts more than its bytes.
    pub(crate) fn scanned<T>(&mut self, elements: usize) {
        self.bytes += elements * (size_of::<T>() + EDGE_COST);
    }

    pub(crate) fn take_bytes(&mut self) -> usize {
        core::mem::take(&mut self.bytes)
    }
}

/// The erased tracer of a `TypeInfo::trace` call.
///
/// # Safety
/// `erased` must come from a live, exclusively borrowed `Tracer`.
pub(crate) unsafe fn tracer<'x>(erased: NonNull<()>) -> &'x mut Tracer<'x> {
    // SAFETY: the caller's word.
    unsafe { &mut *erased.cast::<Tracer<'x>>().as_ptr() }
}

/// The kind of block that values of `T` live in.
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

/// Bytes of an object that holds a `T`, header included.
pub(crate) const fn object_bytes<T>() -> usize {
    (HEADER_SIZE + size_of::<T>()).next_multiple_of(GRANULE)
}

/// Carries the `TypeInfo` of sized objects.
pub(crate) struct InfoOf<T>(PhantomData<T>);

impl<T: Trace> InfoOf<T> {
    pub(crate) const INFO: TypeInfo = {
        // Headers leave payloads aligned to a granule and no more.
        assert!(
            align_of::<T>() <= GRANULE,
            "types aligned to more than 8 bytes cannot live in the heap: box the part that is"
        );
        assert!(object_bytes::<T>() / GRANULE <= u32::MAX as usize, "the type is too large for the heap");
        TypeInfo {
            granules: (object_bytes::<T>() / GRANULE) as u32,
            element: 0,
            prefix: 0,
            needs_trace: T::NEEDS_TRACE,
            trace: if T::NEEDS_TRACE { trace_sized::<T> } else { trace_nothing },
            drop: if needs_drop::<T>() { Some(drop_sized::<T>) } else { None },
            name: core::any::type_name::<T>,
        }
    };
}

unsafe fn trace_sized<T: Trace>(object: ObjectPtr, _: usize, erased: NonNull<()>) -> usize {
    // SAFETY: the header names this function, so the payload is a live `T`; the tracer is the caller's.
    unsafe { object.payload().cast::<T>().as_ref().trace(tracer(erased)) };
    0
}

unsafe fn drop_sized<T>(object: ObjectPtr) {
    // SAFETY: the header names this function, so the payload is a `T`; it is dropped once (I6).
    unsafe { object.payload().cast::<T>().drop_in_place() };
}

/// The same value with its heap lifetime replaced.
///
/// # Safety
/// What the value points to must stay alive for `'a`: it is rooted, or `'a` ends before the next safepoint.
#[inline(always)]
pub(crate) unsafe fn restamp<'a, V: Trace + Copy>(value: V) -> V::At<'a>
where
    V::At<'a>: Copy,
{
    const { assert!(size_of::<V>() == size_of::<V::At<'a>>()) };
    let value = ManuallyDrop::new(value);
    // SAFETY: the two are the same type but for a lifetime (`Trace`'s contract).
    unsafe { core::mem::transmute_copy::<V, V::At<'a>>(&value) }
}

/// Names that the derive's output uses. Not part of the API.
#[doc(hidden)]
pub mod private {
    pub use super::DropOn;
    /// Proves the bound of skipped fields.
    pub fn send_static<T: Send + 'static>() {}
}

// SAFETY: passes itself on; `At` replaces the lifetime of the pointer and of what it points to.
unsafe impl<'gc, T: ?Sized + Trace> Trace for Gc<'gc, T> {
    type At<'a> = Gc<'a, T::At<'a>>;
    const ATOMIC_WORD: bool = size_of::<Gc<'gc, T>>() == size_of::<usize>();
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.visit(self.object());
    }
}
