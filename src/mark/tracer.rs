//! [`Tracer`]: what a trace passes pointers to, and what becomes of them.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::budget::EDGE_COST;
use super::edges::{Edges, Top};
use super::marker::Marker;
use super::pointer_list::PointerList;
use crate::space::header::{ObjectPtr, Traced};

/// What [`Trace::trace`](crate::Trace::trace) passes pointers to. An impl by hand hands it on to the `trace` of each part.
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
    Rooting(&'t PointerList),
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
    pub(crate) fn buffering(marker: &'t Marker, edges: Edges) -> Self {
        Tracer { edges, sink: Sink::Shading(marker), bytes: 0 }
    }

    pub(crate) fn shading(marker: &'t Marker) -> Self {
        Tracer { edges: Edges::NONE, sink: Sink::Shading(marker), bytes: 0 }
    }

    pub(crate) fn rooting(area: &'t PointerList) -> Self {
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
        // are in tracers of `trace_few` and `Marker::buffer_write` only: each of these passes its tracer to the `trace` of values
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

    /// A copy that writes edges down from that top on, without a look at the room for them.
    ///
    /// # Safety
    /// `top` must be of this tracer's edges, and there be room behind it for all that the copy is passed.
    #[inline(always)]
    pub(crate) unsafe fn without_looks(&self, top: Top) -> Tracer<'t> {
        // SAFETY: passed on.
        Tracer { edges: unsafe { Edges::unchecked(top) }, sink: self.sink, bytes: 0 }
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
