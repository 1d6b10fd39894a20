//! [`Tracer`], to which a trace passes pointers, and what it does with each.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::budget::EDGE_COST;
use super::edges::{Edges, Top};
use super::marker::Marker;
use super::pointer_list::PointerList;
use crate::space::header::{ObjectPtr, TraceResult};

/// The visitor to which [`Trace::trace`](crate::Trace::trace) passes pointers. An impl by hand passes it on to the
/// `trace` of each part.
///
/// ```
/// use grisaille::{Gc, Heap, Trace, Tracer};
///
/// struct Pair<'gc>(Gc<'gc, u64>, Gc<'gc, u64>);
///
/// // SAFETY: passes both pointers on, and `At` replaces the one lifetime; there is nothing else in it, and no `Drop`.
/// unsafe impl Trace for Pair<'_> {
///     type At<'a> = Pair<'a>;
///     fn trace(&self, tracer: &mut Tracer<'_>) {
///         self.0.trace(tracer);
///         self.1.trace(tracer);
///     }
/// }
/// Heap::new().enter(|cx| {
///     let pair = cx.root(cx.alloc(Pair(cx.alloc(1), cx.alloc(2))));
///     cx.collect();
///     assert_eq!(*pair.get(cx).0 + *pair.get(cx).1, 3);
/// });
/// ```
pub struct Tracer<'t> {
    /// The stack on which the mark loop or a barrier wants pointers pushed. Without room for the other sinks.
    edges: Edges,
    sink: Sink<'t>,
    /// Bytes of work booked by [`scanned`](Tracer::scanned).
    bytes: usize,
}

impl fmt::Debug for Tracer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
enum Sink<'t> {
    /// The mark loop or a root scan: a target whose edge has no room is shaded.
    Marking(&'t Marker),
    /// A barrier or a root: a target is shaded at once, unless there is room for its edge.
    Shading(&'t Marker),
    /// A value that becomes a root while no root is watched: its pointers are pushed.
    Rooting(&'t PointerList),
    /// A list of the pointers, for roots and the verifier.
    Listing(Exclusive<'t, Vec<ObjectPtr>>),
    /// A list that has the pointers of ephemerons too, for the verifier.
    ListingAll(Exclusive<'t, Pointers>),
}

impl Sink<'_> {
    /// Passes a pointer to the sink. By value, so that the tracer of an object need not be in memory.
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

/// A `&mut` that is copied together with its tracer. One copy is used at a time.
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
    /// A reference from another copy must not be in use. (Copies are made of whole tracers, in `trace_with` and
    /// `trace_few`, where the original is not used while the copy is.)
    unsafe fn get(&mut self) -> &mut T {
        // SAFETY: borrowed for `'t`, and no other copy's reference is in use: the caller's promise.
        unsafe { self.0.as_mut() }
    }
}

/// The pointers of an object.
#[derive(Default)]
pub(crate) struct Pointers {
    pub strong: Vec<ObjectPtr>,
    /// Of an ephemeron: its key, and the pointers of its value, which count while the key is alive.
    pub ephemeral: Option<(ObjectPtr, Vec<ObjectPtr>)>,
    /// The piece from which the mark loop will scan the object, if not the one that was asked for.
    pub restarts: Option<usize>,
}

impl<'t> Tracer<'t> {
    pub(crate) fn marking(marker: &'t Marker, edges: Edges) -> Self {
        Tracer { edges, sink: Sink::Marking(marker), bytes: 0 }
    }

    /// Makes the tracer of a barrier: pushes the targets on `edges`, and shades those that there is no room for.
    #[inline(always)]
    pub(crate) fn buffering(marker: &'t Marker, edges: Edges) -> Self {
        Tracer { edges, sink: Sink::Shading(marker), bytes: 0 }
    }

    pub(crate) fn shading(marker: &'t Marker) -> Self {
        Tracer { edges: Edges::NONE, sink: Sink::Shading(marker), bytes: 0 }
    }

    pub(crate) fn rooting(area: &'t PointerList) -> Self {
        Tracer { edges: Edges::NONE, sink: Sink::Rooting(area), bytes: 0 }
    }

    /// Makes a tracer that writes pointers from `top` on, without a check for room.
    ///
    /// # Safety
    /// `top` must be a place in `list`, with room above it for all pointers that the tracer is passed, which must be
    /// something.
    #[inline(always)]
    pub(crate) unsafe fn rooting_at(list: &'t PointerList, top: Top) -> Self {
        // SAFETY: passed on.
        Tracer { edges: unsafe { Edges::unchecked(top) }, sink: Sink::Rooting(list), bytes: 0 }
    }

    pub(crate) fn listing(list: &'t mut Vec<ObjectPtr>) -> Self {
        Tracer { edges: Edges::NONE, sink: Sink::Listing(Exclusive::new(list)), bytes: 0 }
    }

    pub(crate) fn listing_all(pointers: &'t mut Pointers) -> Self {
        Tracer { edges: Edges::NONE, sink: Sink::ListingAll(Exclusive::new(pointers)), bytes: 0 }
    }

    /// Returns how many pointers are listed, where these are only listed.
    pub(crate) fn listed(&self) -> usize {
        match self.sink {
            // SAFETY: a tracer is passed on by `&mut`, and this is the copy in use.
            Sink::Listing(mut list) => unsafe { list.get() }.len(),
            _ => 0,
        }
    }

    /// Returns where an ephemeron reports its key and value, when all its pointers are only listed.
    pub(crate) fn ephemeral(&mut self) -> Option<&mut Option<(ObjectPtr, Vec<ObjectPtr>)>> {
        match &mut self.sink {
            // SAFETY: the tracer is borrowed for as long as what is given, and is the copy in use.
            Sink::ListingAll(pointers) => Some(unsafe { &mut pointers.get().ephemeral }),
            _ => None,
        }
    }

    #[inline(always)]
    pub(crate) fn visit(&mut self, object: ObjectPtr) {
        // Where the sink is known, the compiler removes all but one arm; where it is not, marking comes first.
        // SAFETY: the opener of these edges promised that no other stack in the room is in use. Stacks that do not
        // check for room are in tracers of `trace_few` and `Marker::buffer_write` only: both pass the tracer to the
        // `trace` of values that have no more pointers than there is room for, and do no more with it (`Trace`'s
        // contract).
        if !unsafe { self.edges.push(object) } {
            self.pass_to_sink(object);
        }
    }

    /// As [`visit`](Tracer::visit), if there is an object: without a branch where there is room for an edge. Needs room for one
    /// pointer, on edges that do not check for room, also where there is no object.
    #[inline(always)]
    pub(crate) fn visit_if_some(&mut self, object: Option<ObjectPtr>) {
        // SAFETY: as in `visit`. The caller is `__trace_only`, for a type whose `MAX_POINTERS` is not 0, and the types around it
        // count that bound, whatever the value (`Trace`'s contract): there is room for one pointer more.
        if !unsafe { self.edges.push_if_some(object) }
            && let Some(object) = object
        {
            self.pass_to_sink(object);
        }
    }

    /// Passes an object on for whose edge there is no room.
    #[inline(always)]
    fn pass_to_sink(&self, object: ObjectPtr) {
        if let Sink::Rooting(area) = self.sink {
            area.take(object);
        } else {
            self.sink.take(object);
        }
    }

    /// Returns the marker, with which weak cells and ephemerons are registered, or `None` when pointers are only
    /// listed.
    pub(crate) fn marker(&self) -> Option<&'t Marker> {
        match self.sink {
            Sink::Marking(marker) | Sink::Shading(marker) => Some(marker),
            Sink::Rooting(_) | Sink::Listing(_) | Sink::ListingAll(_) => None,
        }
    }

    /// Reports to the verifier that the mark loop will go on with this object at an earlier piece than the one asked
    /// for.
    pub(crate) fn restarts(&mut self, piece: usize) {
        if let Sink::ListingAll(pointers) = &mut self.sink {
            // SAFETY: as in `ephemeral`.
            let restarts = &mut unsafe { pointers.get() }.restarts;
            *restarts = Some(restarts.map_or(piece, |earlier| earlier.min(piece)));
        }
    }

    /// Returns whether this tracer is the mark loop's, which scans an object in pieces between which the mutator runs.
    /// All others scan an object in one go.
    pub(crate) fn is_mark_loop(&self) -> bool {
        matches!(self.sink, Sink::Marking(_))
    }

    /// Returns the top of the edges that the mark loop has to visit.
    #[inline(always)]
    pub(crate) fn top(&self) -> Top {
        self.edges.top()
    }

    /// Sets the top, after edges were popped, or pushed by a trace.
    ///
    /// # Safety
    /// `top` must be of this tracer's edges.
    #[inline(always)]
    pub(crate) unsafe fn set_top(&mut self, top: Top) {
        // SAFETY: passed on.
        unsafe { self.edges.set_top(top) };
    }

    /// Returns whether there is room for that many edges, at least one, if their top is `top`.
    #[inline(always)]
    pub(crate) fn has_room(&self, top: Top, edges: usize) -> bool {
        self.edges.has_room(top, edges)
    }

    /// Returns a copy that pushes edges from `top` on, and does not check whether there is room.
    ///
    /// # Safety
    /// `top` must be of this tracer's edges, with room above it for all pointers that the copy is passed.
    #[inline(always)]
    pub(crate) unsafe fn unchecked(&self, top: Top) -> Tracer<'t> {
        // SAFETY: passed on.
        Tracer { edges: unsafe { Edges::unchecked(top) }, sink: self.sink, bytes: 0 }
    }

    /// Traces a piece of an object. Returns the next piece, or 0 after the last.
    ///
    /// # Safety
    /// The object must be complete, its payload not be written or borrowed exclusively, and the piece be 0 or
    /// what the last call for this object returned. The tracer must not be for rooting.
    pub(crate) unsafe fn trace_piece(&mut self, object: ObjectPtr, piece: usize) -> usize {
        let top = self.edges.top();
        // SAFETY: `TypeInfo::trace`: the info is the object's own, the tracer is borrowed for the call, and the top is
        // the tracer's. The rest is the caller's promise.
        let traced = unsafe { (object.info().trace)(object, piece, NonNull::from(&mut *self).cast(), top) };
        // SAFETY: `TraceResult::top` is of the edges that were passed.
        unsafe { self.edges.set_top(traced.top) };
        traced.piece()
    }

    /// Books elements scanned of an array, or outside the object. Each counts more than its bytes, since its target may
    /// not be in the cache.
    pub(crate) fn scanned<T>(&mut self, elements: usize) {
        self.bytes += elements * (size_of::<T>() + EDGE_COST);
    }

    pub(crate) fn take_bytes(&mut self) -> usize {
        core::mem::take(&mut self.bytes)
    }
}

/// Runs the body `f` of a `TypeInfo::trace`, which passes pointers to the tracer it is given and returns the next
/// piece.
///
/// # Safety
/// `erased` must come from a live, exclusively borrowed `Tracer` that is not for rooting, and `top` from its edges, as
/// the caller of `TypeInfo::trace` promises.
#[inline(always)]
pub(crate) unsafe fn trace_with(
    erased: NonNull<()>,
    top: Top,
    f: impl FnOnce(&mut Tracer<'_>) -> usize,
) -> TraceResult {
    // SAFETY: `erased` is a live `Tracer`, borrowed exclusively: the caller's promise.
    let tracer = unsafe { &mut *erased.cast::<Tracer<'_>>().as_ptr() };
    debug_assert!(!matches!(tracer.sink, Sink::Rooting(_)), "values become roots, not objects");
    if let Sink::Rooting(_) = tracer.sink {
        // SAFETY: the caller's promise: rooting tracers are made in `push_roots` for values, which are not traced
        // through a header. Without that arm all calls in `visit` are out of line.
        unsafe { core::hint::unreachable_unchecked() };
    }
    // A copy that nothing else refers to, so that it lives in registers.
    // SAFETY: `top` is of the tracer's edges: the caller's promise.
    let mut copy = Tracer { edges: unsafe { tracer.edges.with_top(top) }, sink: tracer.sink, bytes: 0 };
    let next = f(&mut copy);
    tracer.bytes += copy.bytes;
    // So that the mark loop reads more than the top only where work was booked.
    let booked = if copy.bytes > 0 { TraceResult::BOOKED } else { 0 };
    TraceResult { next: next | booked, top: copy.edges.top() }
}
