//! The mark loop, which traces grey objects within a step's budget, and the scan of roots, which feeds it.
//!
//! What was tried for speed, and what each experiment gave, is in `docs/experiments.md` ("The mark loop").

use core::ptr::NonNull;

use super::budget::{LONG_RUN, Meter, RUN, RUN_TIME};
use super::edges::{self, InFlight, Prefetched, Top};
use super::marker::{Marker, set_marks};
use crate::clock::Instant;
use crate::mark::tracer::Tracer;
use crate::space::geometry::GRANULE;
use crate::space::header::{ObjectPtr, TraceResult};
use crate::space::tally::{MarkTally, OBJECT_COST};

/// Number of grey objects traced together when no edge is left, unless they yield as many edges before. Enough to keep
/// the prefetches busy though some of the paths end soon.
const SIDE_BY_SIDE: usize = 64;

/// Number of edges from roots whose targets are shaded together: enough for the prefetches, and few enough for the end
/// of a step, which waits for the last of them.
const ROOTS_AT_ONCE: usize = 128;

/// Traces grey objects, at least one, until none is left or the budget is used up.
pub(crate) fn drain(marker: &Marker, meter: &mut Meter) {
    let mut drain = Drain::new(marker);
    // A small heap is not measured, so that it is marked in the same order each time.
    let measures = marker.outgrows_caches();
    let mut since = measures.then(Instant::now);
    // The slower way may take several times as long: a timed step tries it in its first run only.
    let mut may_try = true;
    while !meter.exhausted() {
        let whole = meter.room() >= RUN;
        let prefetch = measures && whole && marker.prefetches.next(may_try);
        let run = if measures { marker.prefetches.work_in(RUN_TIME, prefetch).clamp(RUN, LONG_RUN) } else { RUN };
        let room = meter.room().min(run);
        may_try = !meter.is_timed();
        drain.at_once = room / 2;
        let (work, more) = if prefetch { drain.run::<true>(room) } else { drain.run_without_prefetches(room) };
        let now = measures.then(Instant::now);
        if let (Some(since), Some(now)) = (since, now)
            && whole
        {
            marker.prefetches.took(prefetch, (now - since).as_nanos() as u64, work as u64);
        }
        since = now;
        meter.spend_run(work, now);
        if !more {
            break;
        }
    }
}

/// The state of a mark loop in memory: what a panic of a trace needs, so that the heap stays whole. Between two traces
/// the loop has the parts that change in [`Registers`].
pub(crate) struct LoopState<'m> {
    /// The tracer to which objects pass their pointers.
    pub tracer: Tracer<'m>,
    pub prefetched: Prefetched,
    /// The object being traced.
    pub current: Option<ObjectPtr>,
    /// The run's tally, up to and with `current`.
    pub tally: MarkTally,
    /// The top of the edge stack when it is empty.
    pub base: Top,
    /// Index of the block bitmap that holds this cycle's marks.
    pub marked: usize,
}

/// The mark loop of one step. Dropping it shades the edges that are left.
struct Drain<'m> {
    marker: &'m Marker,
    state: LoopState<'m>,
    /// The piece of `current` being traced.
    piece: usize,
    /// Work after which no further grey object is traced together with the others.
    at_once: usize,
    outside: OutsideTally,
}

/// Work of a run that is not contained in its tally.
struct OutsideTally {
    /// The run's budget when it began.
    room: i32,
    /// Work in the tally that is not the size of a newly marked object.
    booked: usize,
    /// Work that did not fit the tally.
    beyond: usize,
}

impl OutsideTally {
    /// Books work other than the size of a newly marked object, in the tally as far as it fits.
    #[inline(always)]
    fn spend(&mut self, tally: &mut MarkTally, work: usize) {
        let held = work.min(LONG_RUN);
        tally.spend(held as i32);
        self.booked += held;
        self.beyond += work - held;
    }
}

/// The parts of a loop's [`LoopState`] that change at each object, in registers. They are stored before each trace, and
/// not read back where the trace returned their new values, so that no dependency from one object to the next goes
/// through memory.
#[derive(Clone, Copy)]
struct Registers<const PREFETCH: bool> {
    /// The top of the edge stack when it is empty.
    base: Top,
    top: Top,
    tally: MarkTally,
    /// Unused without prefetches: there no edge waits.
    waiting: InFlight,
}

impl<const PREFETCH: bool> Registers<PREFETCH> {
    #[inline(always)]
    fn load(state: &LoopState<'_>, tally: MarkTally) -> Self {
        let waiting = if PREFETCH { state.prefetched.waiting } else { InFlight::NONE };
        Registers { base: state.base, top: state.tracer.top(), tally, waiting }
    }

    /// Stores all, before `current` is traced.
    ///
    /// # Safety
    /// These must be the registers of the loop whose state it is.
    #[inline(always)]
    unsafe fn store(&self, state: &mut LoopState<'_>, current: Option<ObjectPtr>) {
        state.current = current;
        state.tally = self.tally;
        // SAFETY: the top is of this loop's edges: the caller's promise.
        unsafe { state.tracer.set_top(self.top) };
        self.store_waiting(state);
    }

    #[inline(always)]
    fn store_waiting(&self, state: &mut LoopState<'_>) {
        if PREFETCH {
            state.prefetched.waiting = self.waiting;
        }
    }

    #[inline(always)]
    fn load_waiting(&mut self, state: &LoopState<'_>) {
        if PREFETCH {
            self.waiting = state.prefetched.waiting;
        }
    }

    #[inline(always)]
    fn load_top_and_tally(&mut self, state: &LoopState<'_>) {
        (self.top, self.tally) = (state.tracer.top(), state.tally);
    }

    /// Takes the edge to visit next.
    ///
    /// # Safety
    /// These must be the registers of the loop whose state it is, and no other loop or scan use the edges.
    #[inline(always)]
    unsafe fn next_edge(&mut self, state: &mut LoopState<'_>) -> Option<ObjectPtr> {
        // SAFETY: base and top are of the loop's edges, which nothing else uses: the caller's promise.
        unsafe {
            if PREFETCH {
                state.prefetched.pop(&mut self.waiting, self.base, &mut self.top, state.marked)
            } else {
                edges::pop(self.base, &mut self.top)
            }
        }
    }
}

impl<'m> Drain<'m> {
    fn new(marker: &'m Marker) -> Drain<'m> {
        Drain {
            marker,
            state: LoopState {
                // SAFETY: the room is the marker's, which is borrowed, and no other loop or scan runs (see
                // `Marker::edges`).
                tracer: Tracer::marking(marker, unsafe { marker.edges.open() }),
                current: None,
                tally: MarkTally::new(0),
                prefetched: Prefetched::new(),
                base: marker.edges.base(),
                marked: marker.marked(),
            },
            piece: 0,
            at_once: 0,
            outside: OutsideTally { room: 0, booked: 0, beyond: 0 },
        }
    }

    /// Visits the edges that were prefetched, then runs without prefetches.
    fn run_without_prefetches(&mut self, room: usize) -> (usize, bool) {
        let mut waiting = self.state.prefetched.waiting;
        while let Some(object) = self.state.prefetched.pop_waiting(&mut waiting) {
            self.state.tracer.visit(object);
        }
        self.state.prefetched.waiting = waiting;
        self.run::<false>(room)
    }

    /// Traces until `room` bytes of work are done. Returns the work, and false when no grey object and no edge is left.
    fn run<const PREFETCH: bool>(&mut self, room: usize) -> (usize, bool) {
        let bits = self.state.marked;
        self.outside = OutsideTally { room: room as i32, beyond: 0, booked: 0 };
        let mut at = Registers::<PREFETCH>::load(&self.state, MarkTally::new(room as i32));
        let mut last = core::ptr::null();
        let more = loop {
            // SAFETY: the registers are of this loop, which is the only one that uses the room.
            if let Some(object) = unsafe { at.next_edge(&mut self.state) } {
                let Some(info) = set_marks(object, bits, self.marker) else { continue };
                at.tally.book(&info.size);
                // At the second of a type in a row: where types alternate, that loop would be left at once.
                if core::ptr::eq(core::mem::replace(&mut last, info), info)
                    && let Some(loops) = info.mark_alike
                {
                    let mark_alike = loops[usize::from(PREFETCH)];
                    at.store_waiting(&mut self.state);
                    // SAFETY: `TypeInfo::mark_alike`: the info is the object's own (I3), which is live, marked, booked,
                    // and not being written: the mutator stands at a safepoint. Nothing else uses this loop's state,
                    // and the top is of its edges.
                    let result =
                        unsafe { mark_alike(object, info, NonNull::from(&mut self.state).cast(), at.top, at.tally) };
                    (at.top, at.tally) = (result.top, result.tally);
                    at.load_waiting(&self.state);
                } else if info.needs_trace {
                    // SAFETY: the registers are of this loop.
                    unsafe { at.store(&mut self.state, Some(object)) };
                    // SAFETY: `TypeInfo::trace`: the info is the object's own (I3), which is live and not being
                    // written: the mutator stands at a safepoint. The tracer is this loop's, which waits, and the top
                    // is of its edges.
                    let traced =
                        unsafe { (info.trace)(object, 0, NonNull::from(&mut self.state.tracer).cast(), at.top) };
                    at.top = traced.top;
                    if traced.next == TraceResult::BOOKED {
                        // A small array, for instance.
                        let work = self.state.tracer.take_bytes();
                        self.outside.spend(&mut at.tally, work);
                    } else if traced.next != 0 {
                        // SAFETY: the top is of this loop's edges.
                        unsafe { self.state.tracer.set_top(at.top) };
                        self.goes_on(object, traced.piece());
                        at.load_top_and_tally(&self.state);
                    }
                }
            } else {
                // SAFETY: the registers are of this loop.
                unsafe { at.store(&mut self.state, None) };
                if !self.trace_grey() {
                    break false;
                }
                at.load_top_and_tally(&self.state);
            }
            if at.tally.left() <= 0 {
                break true;
            }
        };
        // SAFETY: the registers are of this loop.
        unsafe { at.store(&mut self.state, None) };
        self.book(at.tally);
        (room.wrapping_sub(at.tally.left() as usize) + self.outside.beyond, more)
    }

    /// Books a run's objects and their granules with the marker.
    fn book(&self, tally: MarkTally) {
        let objects = tally.objects();
        let work = (self.outside.room - tally.left()) as usize - self.outside.booked;
        self.marker.book(objects, (work - objects * OBJECT_COST) / GRANULE);
    }

    /// Traces objects of the grey set, at least one, until there are enough edges to be visited side by side: a single
    /// list would be followed one cache miss after the other. Returns false when no object is grey.
    #[inline(never)]
    fn trace_grey(&mut self) -> bool {
        self.marker.prefetch_grey(SIDE_BY_SIDE);
        let (mut work, mut some) = (0, false);
        for _ in 0..SIDE_BY_SIDE {
            let Some((object, piece)) = self.marker.take_grey() else { break };
            (self.state.current, self.piece) = (Some(object), piece);
            // SAFETY: the object is live and not being written: it is grey, and the mutator stands at a safepoint. The
            // piece is the one stored with the object.
            let next = unsafe { self.state.tracer.trace_piece(object, piece) };
            self.piece = 0;
            object.set_queued(false);
            some = true;
            work += self.spend(object.info().size.granules as usize * GRANULE + OBJECT_COST);
            work += self.goes_on(object, next);
            if work >= self.at_once || self.marker.edges.len(self.state.tracer.top()) >= SIDE_BY_SIDE {
                break;
            }
        }
        some
    }

    /// Keeps the object grey if it has a next piece to scan. Spends the work that its trace booked, and returns it.
    #[cold]
    #[inline(never)]
    fn goes_on(&mut self, object: ObjectPtr, mut next: usize) -> usize {
        while next != 0 && !self.marker.has_room_for_pieces() {
            // No memory to record the next piece: scan the object in one go.
            // SAFETY: the object is live and not written: it is being traced, and the mutator stands at a safepoint.
            next = unsafe { self.state.tracer.trace_piece(object, next) };
        }
        if next != 0 {
            self.marker.goes_on(object, next);
        }
        let work = self.state.tracer.take_bytes();
        self.spend(work)
    }

    /// Books work other than the size of a newly marked object, and returns it.
    fn spend(&mut self, work: usize) -> usize {
        self.outside.spend(&mut self.state.tally, work);
        work
    }
}

impl Drop for Drain<'_> {
    fn drop(&mut self) {
        let marker = self.marker;
        if let Some(object) = self.state.current.take() {
            // Reached only when `trace` panicked.
            self.book(self.state.tally);
            marker.goes_on(object, self.piece);
        }
        // SAFETY: the top is of this loop's edges, in that room.
        unsafe { marker.shade_edges(&marker.edges, self.state.tracer.top()) };
        let mut waiting = self.state.prefetched.waiting;
        while let Some(object) = self.state.prefetched.pop_waiting(&mut waiting) {
            marker.shade(object);
        }
    }
}

/// A scan of roots: shades what they point to in prefetched batches, the last one on drop.
pub(crate) struct RootScan<'m> {
    marker: &'m Marker,
    tracer: Tracer<'m>,
}

impl<'m> RootScan<'m> {
    pub(crate) fn new(marker: &'m Marker) -> RootScan<'m> {
        // SAFETY: the room is the marker's, which is borrowed, and no other loop or scan runs (see `Marker::edges`).
        RootScan { marker, tracer: Tracer::marking(marker, unsafe { marker.edges.open() }) }
    }

    /// Returns the tracer to which the next root passes its pointers, after shading a full batch.
    #[inline(always)]
    pub(crate) fn tracer(&mut self) -> &mut Tracer<'m> {
        if self.marker.edges.len(self.tracer.top()) >= ROOTS_AT_ONCE
            || self.marker.edges.is_half_full(self.tracer.top())
        {
            self.shade();
        }
        &mut self.tracer
    }

    #[inline(never)]
    fn shade(&mut self) {
        let top = self.tracer.top();
        // SAFETY: the scan's edges are in this room; below its base there is nothing, and below the top what was
        // pushed.
        unsafe {
            self.tracer.set_top(self.marker.edges.base());
            self.marker.shade_edges(&self.marker.edges, top);
        }
    }
}

impl Drop for RootScan<'_> {
    fn drop(&mut self) {
        self.shade();
    }
}
