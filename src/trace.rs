//! [`Trace`]: how the collector finds the pointers in a value, and how a value's lifetime is replaced.

use core::fmt;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, needs_drop};
use core::ptr::NonNull;

use crate::cycle::edges::{Edges, Top};
use crate::cycle::mark::Marker;
use crate::cycle::meter::EDGE_COST;
use crate::pointer::gc::Gc;
use crate::roots::rooted::PointerArea;
use crate::space::block::{GRANULE, Kind};
use crate::space::header::{HEADER_SIZE, ObjectPtr, Size, Traced, TypeInfo, trace_nothing};

pub(crate) mod alike;
mod impls;

/// A type that may live in the heap, or be rooted.
///
/// Derive it: `#[derive(Trace)]` works for structs and enums with at most one lifetime, which is the heap's, and any
/// type parameters. Fields that hold no pointers and do not implement `Trace` take `#[trace(skip)]`, and must then be
/// `Send + Unpin + 'static`.
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
/// * `trace` should not panic. Where it does, the value is traced again in the next step, and the heap is whole; but for
///   [`StopTheWorld`](crate::StopTheWorld), which marks in one pause, and [`Deletion`](crate::Deletion), which scans the
///   roots in one: a panic would end that too soon. Under these two it must not.
/// * `At<'a>` must be the same type with its one heap lifetime replaced by `'a`, and nothing else replaced: values
///   are reinterpreted from one to the other. What does not follow the heap's lifetime (function pointers, `dyn Fn`,
///   anything contravariant in it) must not be replaced in.
/// * All else that the value holds must be `Send + 'static`.
/// * `NEEDS_TRACE` may be false only where no value of the type holds a pointer.
/// * The type must not implement `Drop` in a way that looks at pointers: what they point to may be gone.
/// * `ATOMIC_WORD` may be true only for types of one initialized word without padding.
/// * `MAX_POINTERS`, where it is given, may be no smaller than the number of pointers that `trace` passes on: they are
///   written down without a look at the room for them.
pub unsafe trait Trace {
    /// The type with its heap lifetime replaced.
    type At<'a>: ?Sized + for<'b> Trace<At<'b> = Self::At<'b>> + 'a;

    /// Whether values of the type may hold pointers.
    const NEEDS_TRACE: bool = true;

    /// The type is one word, and may be read and written as an atomic one.
    #[doc(hidden)]
    const ATOMIC_WORD: bool = false;

    /// `trace` passes at most so many pointers on, whatever the value: memory safety depends on it. The default leaves it
    /// open, at the cost of a look for each pointer; the derive adds up what the fields say.
    #[doc(hidden)]
    const MAX_POINTERS: usize = usize::MAX;

    /// Where drop glue runs.
    #[doc(hidden)]
    const DROP: DropOn = DropOn::Mutator;

    /// Passes each pointer of the value to the tracer.
    fn trace(&self, tracer: &mut Tracer<'_>);

    // The derive's proofs are code that is compiled and never called. All of it goes through items of this trait: in the
    // program that derives, any other name may mean something else, while who takes this trait's name does not
    // implement it.

    /// Compiles where the derive is right about the fields.
    #[doc(hidden)]
    fn __prove(_: &mut Self) {}

    /// Compiles where the derive is right about the fields of `At`.
    #[doc(hidden)]
    fn __prove_at<'a>(_: &mut Self::At<'a>) {}

    /// Is called with a value that exists already, of which nothing is coerced and, under `&mut`, no lifetime shortened:
    /// so it is a `T` to which the reference leads.
    #[doc(hidden)]
    fn __is_exactly<T: ?Sized>(_: (&mut T,)) {}

    /// The same, and what a skipped field must be.
    #[doc(hidden)]
    fn __may_be_skipped<T: ?Sized + Send + private::NoHandleOfRoots + 'static>(_: (&mut T,)) {}

    /// Can be called where the type has no `Drop`.
    #[doc(hidden)]
    fn __has_no_drop()
    where
        Self: private::TypesThatDeriveTraceMustNotImplementDrop<Does = ()>,
    {
    }
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
    /// Where the mark loop wants pointers written down. The others have no room here.
    edges: Edges,
    sink: Sink<'t>,
    /// Bytes scanned of an object whose length its header does not tell at once.
    bytes: usize,
}

impl fmt::Debug for Tracer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
enum Sink<'t> {
    /// The mark loop, whose edges have no room left: the target is shaded.
    Marking(&'t Marker),
    /// A barrier, a root: the target is shaded here and now.
    Shading(&'t Marker),
    /// A value becomes a root, and no root is watched.
    Rooting(&'t PointerArea),
    /// Somebody wants to know the pointers: roots, the verifier.
    Listing(Exclusive<'t, Vec<ObjectPtr>>),
    /// The verifier wants to know those too that hold on condition.
    ListingAll(Exclusive<'t, Pointers>),
}

impl Sink<'_> {
    /// By value, so that the tracer of an object need not be in memory.
    #[inline(never)]
    fn take(self, object: ObjectPtr) {
        match self {
            Sink::Marking(marker) | Sink::Shading(marker) => marker.shade(object),
            Sink::Rooting(area) => area.take(object),
            // SAFETY: `visit` is called through a `&mut` to one copy of the tracer, and returns before another is used.
            Sink::Listing(mut list) => unsafe { list.get() }.push(object),
            // SAFETY: as above.
            Sink::ListingAll(mut pointers) => unsafe { pointers.get() }.strong.push(object),
        }
    }
}

/// A `&mut` that is copied where a tracer is: one copy is used at a time.
struct Exclusive<'t, T>(NonNull<T>, PhantomData<&'t mut T>);

impl<T> Clone for Exclusive<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Exclusive<'_, T> {}

impl<'t, T> Exclusive<'t, T> {
    fn new(borrowed: &'t mut T) -> Self {
        Exclusive(NonNull::from(borrowed), PhantomData)
    }

    /// # Safety
    /// What another copy gave must not be in use. (Copies are made of whole tracers, in `trace_with` and `trace_few`, where
    /// the one that was copied is not used while the copy is.)
    unsafe fn get(&mut self) -> &mut T {
        // SAFETY: borrowed for `'t`, and by nobody else just now: passed on.
        unsafe { self.0.as_mut() }
    }
}

/// The pointers of an object.
#[derive(Default)]
pub(crate) struct Pointers {
    pub strong: Vec<ObjectPtr>,
    /// Of an ephemeron: its key, and what its value holds, which counts while the key is alive.
    pub ephemeral: Option<(ObjectPtr, Vec<ObjectPtr>)>,
    /// The piece from which the mark loop will scan it, where that is not the one that was asked for.
    pub restarts: Option<usize>,
}

impl<'t> Tracer<'t> {
    pub(crate) fn marking(marker: &'t Marker, edges: Edges) -> Self {
        Tracer { edges, sink: Sink::Marking(marker), bytes: 0 }
    }

    /// For a barrier: what it passes on is written down, and shaded where there is no room.
    #[inline(always)]
    pub(crate) fn noting(marker: &'t Marker, edges: Edges) -> Self {
        Tracer { edges, sink: Sink::Shading(marker), bytes: 0 }
    }

    pub(crate) fn shading(marker: &'t Marker) -> Self {
        Tracer { edges: Edges::NONE, sink: Sink::Shading(marker), bytes: 0 }
    }

    pub(crate) fn rooting(area: &'t PointerArea) -> Self {
        Tracer { edges: Edges::NONE, sink: Sink::Rooting(area), bytes: 0 }
    }

    pub(crate) fn listing(list: &'t mut Vec<ObjectPtr>) -> Self {
        Tracer { edges: Edges::NONE, sink: Sink::Listing(Exclusive::new(list)), bytes: 0 }
    }

    pub(crate) fn listing_all(pointers: &'t mut Pointers) -> Self {
        Tracer { edges: Edges::NONE, sink: Sink::ListingAll(Exclusive::new(pointers)), bytes: 0 }
    }

    /// Where an ephemeron that is only listed tells of its key and value.
    pub(crate) fn ephemeral(&mut self) -> Option<&mut Option<(ObjectPtr, Vec<ObjectPtr>)>> {
        match &mut self.sink {
            // SAFETY: the tracer is borrowed for as long as what is given, and is the copy in use.
            Sink::ListingAll(pointers) => Some(unsafe { &mut pointers.get().ephemeral }),
            _ => None,
        }
    }

    #[inline(always)]
    pub(crate) fn visit(&mut self, object: ObjectPtr) {
        // Where the sink is known, all but one arm goes away; where it is not, marking comes first.
        // SAFETY: whoever opened these edges promised that no others of the room are in use. Those that do not look for room
        // are in tracers of `trace_few` and `Marker::note` only: each of these passes its tracer to the `trace` of values
        // that have no more pointers than there is room for, which do no more with it (`Trace`'s contract).
        if unsafe { self.edges.push(object) } {
        } else if let Sink::Rooting(area) = self.sink {
            area.take(object);
        } else {
            self.sink.take(object);
        }
    }

    /// The marker, for what is noted while marking (weak cells); none when pointers are only listed.
    pub(crate) fn marker(&self) -> Option<&'t Marker> {
        match self.sink {
            Sink::Marking(marker) | Sink::Shading(marker) => Some(marker),
            Sink::Rooting(_) | Sink::Listing(_) | Sink::ListingAll(_) => None,
        }
    }

    /// The mark loop will go on with this object at an earlier piece than the one that is asked for.
    pub(crate) fn restarts(&mut self, piece: usize) {
        if let Sink::ListingAll(pointers) = &mut self.sink {
            // SAFETY: as in `ephemeral`.
            let restarts = &mut unsafe { pointers.get() }.restarts;
            *restarts = Some(restarts.map_or(piece, |earlier| earlier.min(piece)));
        }
    }

    /// Whether this is the mark loop, which scans an object in pieces between which the mutator runs. All others scan
    /// it in one go.
    pub(crate) fn is_mark_loop(&self) -> bool {
        matches!(self.sink, Sink::Marking(_))
    }

    /// Where the edges stand that the mark loop is to look at.
    #[inline(always)]
    pub(crate) fn top(&self) -> Top {
        self.edges.top()
    }

    /// Some were taken, or written down by a trace.
    ///
    /// # Safety
    /// `top` must be of this tracer's edges.
    #[inline(always)]
    pub(crate) unsafe fn set_top(&mut self, top: Top) {
        // SAFETY: passed on.
        unsafe { self.edges.set_top(top) };
    }

    /// Whether there is room for so many edges, at least one, if their top is `top`.
    #[inline(always)]
    pub(crate) fn has_room(&self, top: Top, edges: usize) -> bool {
        self.edges.has_room(top, edges)
    }

    /// Traces a value of few pointers, from that top on, which is returned as it is then.
    ///
    /// # Safety
    /// `top` must be of this tracer's edges, and there be [room](Tracer::has_room) behind it for as many as the value's type
    /// can have.
    #[inline(always)]
    pub(crate) unsafe fn trace_few<T: Trace>(&self, value: &T, top: Top) -> Top {
        debug_assert!(self.has_room(top, T::MAX_POINTERS), "the edges have no room for a value's pointers");
        // SAFETY: the caller's word.
        let mut copy = Tracer { edges: unsafe { Edges::unchecked(top) }, sink: self.sink, bytes: 0 };
        value.trace(&mut copy);
        debug_assert!(
            copy.edges.top().addr() - top.addr() <= T::MAX_POINTERS * size_of::<ObjectPtr>(),
            "a trace passed more pointers on than its type's MAX_POINTERS says"
        );
        copy.edges.top()
    }

    /// Traces a piece of an object. Returns the next, or 0.
    ///
    /// # Safety
    /// The object must be complete, its payload be written or borrowed exclusively by nobody, and the piece be 0 or what the
    /// last call for this object returned. The tracer must not be for rooting.
    pub(crate) unsafe fn trace_piece(&mut self, object: ObjectPtr, piece: usize) -> usize {
        let top = self.edges.top();
        // SAFETY: `TypeInfo::trace`: the info is the object's own, the tracer is borrowed for the call, and the top its own.
        // The rest is passed on.
        let traced = unsafe { (object.info().trace)(object, piece, NonNull::from(&mut *self).cast(), top) };
        // SAFETY: `Traced::top` is of the edges that went in.
        unsafe { self.edges.set_top(traced.top) };
        traced.piece()
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

/// The body of a `TypeInfo::trace`: what `f` passes pointers to, and the piece that it returns.
///
/// # Safety
/// `erased` must come from a live, exclusively borrowed `Tracer` that is not for rooting, and `top` from its edges: what
/// [`TypeInfo::trace`] promises of them.
#[inline(always)]
pub(crate) unsafe fn trace_with(erased: NonNull<()>, top: Top, f: impl FnOnce(&mut Tracer<'_>) -> usize) -> Traced {
    // SAFETY: the caller's word.
    let tracer = unsafe { &mut *erased.cast::<Tracer<'_>>().as_ptr() };
    debug_assert!(!matches!(tracer.sink, Sink::Rooting(_)), "values become roots, not objects");
    if let Sink::Rooting(_) = tracer.sink {
        // SAFETY: the caller's word: rooting tracers are made in `push_roots` for values, which are not traced through a
        // header. Without that arm `visit` calls nothing but what is out of line.
        unsafe { core::hint::unreachable_unchecked() };
    }
    // A copy that nobody else sees, so that it lives in registers.
    // SAFETY: the caller's word.
    let mut copy = Tracer { edges: unsafe { tracer.edges.with_top(top) }, sink: tracer.sink, bytes: 0 };
    let next = f(&mut copy);
    tracer.bytes += copy.bytes;
    // Who traces many objects looks at more than the top only where there is something to see.
    let booked = if copy.bytes > 0 { Traced::BOOKED } else { 0 };
    Traced { next: next | booked, top: copy.edges.top() }
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

/// Where a `T` is dropped that is part of another value: one without drop glue asks for no thread.
pub(crate) const fn drop_on<T: Trace>() -> DropOn {
    if needs_drop::<T>() { T::DROP } else { DropOn::Sweeper }
}

/// The same, of a value with two parts.
pub(crate) const fn drop_on_both<T: Trace, U: Trace>() -> DropOn {
    match (drop_on::<T>(), drop_on::<U>()) {
        (DropOn::Sweeper, DropOn::Sweeper) => DropOn::Sweeper,
        _ => DropOn::Mutator,
    }
}

/// Bytes of an object that holds a `T`, header included.
pub(crate) const fn object_bytes<T>() -> usize {
    (HEADER_SIZE + size_of::<T>()).next_multiple_of(GRANULE)
}

/// Types of at most so many pointers are traced without a look at the room for each.
const FEW: usize = 64;

/// A type of none may be traced by those who have no edges at all.
const fn has_few<T: Trace>() -> bool {
    0 < T::MAX_POINTERS && T::MAX_POINTERS <= FEW
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
        TypeInfo {
            size: Size::of_bytes(object_bytes::<T>()),
            element: 0,
            prefix: 0,
            needs_trace: T::NEEDS_TRACE,
            trace: if T::NEEDS_TRACE { trace_sized::<T> } else { trace_nothing },
            mark_alike: if T::NEEDS_TRACE && has_few::<T>() && Size::of_bytes(object_bytes::<T>()).marks != 0 {
                Some([alike::mark_alike::<T, false>, alike::mark_alike::<T, true>])
            } else {
                None
            },
            drop: if needs_drop::<T>() { Some(drop_sized::<T>) } else { None },
            name: core::any::type_name::<T>,
        }
    };
}

/// # Safety
/// [`TypeInfo::trace`]'s.
unsafe fn trace_sized<T: Trace>(object: ObjectPtr, _: usize, erased: NonNull<()>, top: Top) -> Traced {
    // SAFETY: `TypeInfo::trace`: the header names `InfoOf<T>`, so the payload is a `T`; it is complete.
    let value = unsafe { object.payload().cast::<T>().as_ref() };
    if const { has_few::<T>() } {
        // SAFETY: `TypeInfo::trace`: a tracer that is ours until the end of the call.
        let tracer = unsafe { &*erased.cast::<Tracer<'_>>().as_ptr() };
        if tracer.has_room(top, T::MAX_POINTERS) {
            // SAFETY: the top is of its edges, and there is room for as many pointers as a `T` can have.
            return Traced { next: 0, top: unsafe { tracer.trace_few(value, top) } };
        }
        // SAFETY: passed on.
        return unsafe { trace_without_room::<T>(object, erased, top) };
    }
    // SAFETY: passed on.
    unsafe { trace_any::<T>(object, erased, top) }
}

/// Out of line, so that the way without has nothing to keep for it.
///
/// # Safety
/// [`TypeInfo::trace`]'s.
#[cold]
#[inline(never)]
unsafe fn trace_without_room<T: Trace>(object: ObjectPtr, erased: NonNull<()>, top: Top) -> Traced {
    // SAFETY: passed on.
    unsafe { trace_any::<T>(object, erased, top) }
}

/// # Safety
/// [`TypeInfo::trace`]'s.
#[inline(always)]
unsafe fn trace_any<T: Trace>(object: ObjectPtr, erased: NonNull<()>, top: Top) -> Traced {
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

    /// What a skipped field must be, so that no object owns handles of roots: `Unpin`, which they are not.
    #[diagnostic::on_unimplemented(
        message = "an object must not own a `{Self}`, or what it roots would not die before the object",
        label = "this is not `Unpin`: a skipped field must be, which handles of roots are not",
        note = "point to other objects with `Gc`, `List` or `Weak`, which the collector traces",
        note = "what is not `Unpin` for another reason, or belongs to another heap, may be owned in a `Box`"
    )]
    pub trait NoHandleOfRoots {}

    impl<T: ?Sized + Unpin> NoHandleOfRoots for T {}

    /// Implemented by the derive for its type, which is impossible where that has a `Drop`: the two impls would overlap.
    /// Whoever brings the derive to implement another trait has a type that lacks the right `Does`.
    pub trait TypesThatDeriveTraceMustNotImplementDrop {
        /// Whether the type implements `Drop`.
        type Does;
    }

    /// The type implements `Drop`.
    #[derive(Debug)]
    pub enum ImplementsDrop {}

    #[allow(drop_bounds, reason = "an impl of `Drop` is what is meant, and not drop glue")]
    impl<T: Drop + ?Sized> TypesThatDeriveTraceMustNotImplementDrop for T {
        type Does = ImplementsDrop;
    }
}

/// How many pointers a value has at most whose fields have so many.
const fn sum(fields: &[usize]) -> usize {
    match fields {
        [first, rest @ ..] => first.saturating_add(sum(rest)),
        [] => 0,
    }
}

// SAFETY: passes itself on; `At` replaces the lifetime of the pointer and of what it points to.
unsafe impl<'gc, T: ?Sized + Trace> Trace for Gc<'gc, T> {
    type At<'a> = Gc<'a, T::At<'a>>;
    const ATOMIC_WORD: bool = size_of::<Gc<'gc, T>>() == size_of::<usize>();
    const MAX_POINTERS: usize = 1;
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.visit(self.object());
    }
}
