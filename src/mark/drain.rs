//! The mark loop: what a step does with the grey set; and the scan of roots, which feeds it.
//!
//! # What was tried for speed, and what it gave
//!
//! On one machine (2 cores of an AMD EPYC, 1 MB of L2), `cargo bench --bench marking` and scratch programs; a cell is
//! nanoseconds an object, before and after, where that was measured by itself.
//!
//! | | | |
//! |---|---|---|
//! | tracing writes down edges, and the loop marks and traces an object at one look, in place of a queue of marked objects | kept | no write to a header, one look in place of two: trees in memory order 9.2 to 7.5 |
//! | what the loop counts and the top of the edges in registers, no word that goes through memory from object to object | kept | with the three rows below, 22 to 16 cycles an object in cache |
//! | runs of mark bits within one word without a loop, the ones ready made in the type | kept | 120 to 110 instructions |
//! | types of few pointers traced without a look at the room for each (`Trace::MAX_POINTERS`), in place of a list of offsets: it serves enums too | kept | 110 to 95 instructions |
//! | headers without flags taken as they are | kept | 95 to 85 instructions |
//! | work and objects counted by one addition ([`Tally`]), the size at hand in the forms that are compared, shifted and added, a look at the room in three instructions | kept | 85 to 62 instructions (read in the code); binary trees, a node made, mutator included: 5.4 to 4.9 ns |
//! | what a panic would need kept in registers by a guard whose `Drop` writes it down, in place of three stores before each trace | left out | the guard stayed in memory, and was written more often |
//! | objects of one type marked by a loop that was compiled for it ([`alike`](crate::trace::alike)), entered with the second in a row and left when another comes | kept | 62 instructions and a call to 43; with the row below, processor cycles of the programs of `benches/peers`, mutators included: binary trees 660 to 525 million, GCBench 242 to 215, full collections in memory order 1066 to 980 |
//! | that loop entered with the first object of a type already | left out | the trees of Lox, whose objects and tables of fields take turns, 1235 to 1279 million cycles; entered with the second 1225 |
//! | there the word of mark bits in a register, where no prefetches come in between: what one object writes the next one waited for | kept | binary trees 575 to 525 million cycles |
//! | there the address of that word computed only where an edge leads into other 512 bytes, objects counted backwards in place of booked one by one, what leaves a word written without a look at the array's end, and the compiler told which ways are seldom gone | kept | full collections of a tree of 3 MiB made depth first: 10.8 to 8.5 cycles an object, 46 to 36 instructions |
//! | there the youngest edge taken from the register in which it was written down; none in front of the oldest edge in place of a look at where they begin | left out | the compiler makes more instructions of it; 9.7 to 10.4 and 8.8 to 9.2 cycles |
//! | the clock read every 2 microseconds by what work took last, between 8 and 32 KiB of it, in place of every 8 KiB; room looked for once in 512 edges, not 256 | kept | binary trees 2 to 5 % fewer cycles |
//! | prefetches of bitmap word and header, [`edges`] | kept | 4 million objects shuffled 78 to 12; in memory order 6.7 to 8.1 |
//! | whether to prefetch decided by the clock ([`Choice`](super::choice)), a run of 8 to 32 KiB of work at a time, in heaps larger than a core's caches | kept | binary trees prefer to go without, GCBench's trees not |
//! | the same decided by the blocks that the last edges lead to | left out | GCBench's trees, whose links lead back and forth within a block, took 4 times as long |
//! | objects without pointers marked and never queued | kept | not measured by itself |
//! | roots behind the prefetches too, at a price of their own | kept | steps over a million slots that lead into 1 GB took 6 to 11 ms; no step takes 0.3 ms now (`cargo bench --bench pauses`) |
//! | grey objects traced together, up to 64, when no edge is left ([`SIDE_BY_SIDE`]) | kept | by one, a long list that a stack leads into is followed one cache miss after the other: a ring of 22 million entries in 1 GB marked in 1.8 s, before in 4.9 (with 16 at a time 2.6) |
//! | what barriers shade noted, and looked at in batches | kept | see [`Marker::buffer_write`] |
//! | edges that outlive a step, and notes of barriers on top of them, in place of shading both at its end | left out | a store while marking in cache 5.7 to 3.0 ns, a graph rewired at random no faster, 3 MiB more of peak |
//! | a filter of first writes in a cycle | left out | needs a bit an object that is cleared each cycle; notes made it cheap to note twice |

use core::ptr::NonNull;
use std::time::Instant;

use super::budget::{LONG_RUN, Meter, RUN, RUN_TIME};
use super::edges::{self, InFlight, Prefetched, Top};
use super::marker::{Marker, set_marks};
use crate::mark::tracer::Tracer;
use crate::space::geometry::GRANULE;
use crate::space::header::ObjectPtr;
use crate::space::tally::{OBJECT_COST, Tally};

/// Grey objects that are traced together when no edge is left, unless they have as many edges. Some of what they lead to
/// ends soon, and this is to keep the prefetches busy for a while.
const SIDE_BY_SIDE: usize = 64;

/// What so many edges from roots lead to is shaded together: enough for the prefetches, and few enough for the end of a
/// step, which has to wait for the last of them.
const ROOTS_AT_ONCE: usize = 128;

/// Traces grey objects until there are none or the budget is used up, at least one.
pub(crate) fn drain(marker: &Marker, meter: &mut Meter) {
    let mut drain = Drain::new(marker);
    // By measurement, where there is something to measure: a small heap is marked in the same order each time.
    let measures = marker.outgrows_caches();
    let mut since = measures.then(Instant::now);
    // The worse way may take several times as long: a step that ends by the clock tries it in its first run at most.
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

/// Where a mark loop stands: what it works on, and what a panic in a trace leaves behind, so that the heap stays whole.
pub(crate) struct Standing<'m> {
    /// What objects pass their pointers to.
    pub tracer: Tracer<'m>,
    pub prefetched: Prefetched,
    /// The object that is being traced.
    pub current: Option<ObjectPtr>,
    /// What the run has counted up to that object.
    pub tally: Tally,
    /// The top of no edges.
    pub base: Top,
    /// Which of a block's bitmaps is `marked`.
    pub marked: usize,
}

/// The mark loop of one step. When it ends, what it leaves behind is shaded.
struct Drain<'m> {
    marker: &'m Marker,
    standing: Standing<'m>,
    /// The piece of the object that is being traced.
    piece: usize,
    /// Work that grey objects may come to which are traced together.
    at_once: usize,
    run: Beside,
}

/// What the tally of a run does not tell.
struct Beside {
    /// The work that it had left when it began.
    room: i32,
    /// Work in it that is not by the size of an object newly marked.
    booked: usize,
    /// Work that it did not take.
    beyond: usize,
}

impl<'m> Drain<'m> {
    fn new(marker: &'m Marker) -> Drain<'m> {
        Drain {
            marker,
            standing: Standing {
                // SAFETY: the room is the marker's, which is borrowed, and no other loop or scan runs (see `Marker::edges`).
                tracer: Tracer::marking(marker, unsafe { marker.edges.open() }),
                current: None,
                tally: Tally::new(0),
                prefetched: Prefetched::new(),
                base: marker.edges.base(),
                marked: marker.marked(),
            },
            piece: 0,
            at_once: 0,
            run: Beside { room: 0, booked: 0, beyond: 0 },
        }
    }

    /// Without prefetches nothing may wait for its own.
    fn run_without_prefetches(&mut self, room: usize) -> (usize, bool) {
        let mut waiting = self.standing.prefetched.waiting;
        while let Some(object) = self.standing.prefetched.pop_waiting(&mut waiting) {
            self.standing.tracer.visit(object);
        }
        self.standing.prefetched.waiting = waiting;
        self.run::<false>(room)
    }

    /// Traces until `room` bytes of work are done, and returns the work. False: no object is grey, and no edge is left.
    ///
    /// What the loop counts and where it stands is in registers. What a panic would need is written down before each
    /// trace, and not read from there: what the next object waits for would go through memory.
    fn run<const PREFETCH: bool>(&mut self, room: usize) -> (usize, bool) {
        let marker = self.marker;
        let (bits, base) = (self.standing.marked, self.standing.base);
        let mut top = self.standing.tracer.top();
        // Not looked at without prefetches: there none wait.
        let mut waiting = if PREFETCH { self.standing.prefetched.waiting } else { InFlight::NONE };
        self.run = Beside { room: room as i32, beyond: 0, booked: 0 };
        let mut tally = Tally::new(room as i32);
        let mut last = core::ptr::null();
        let more = loop {
            let edge = if PREFETCH {
                // SAFETY: this loop is the only one that uses the room.
                unsafe { self.standing.prefetched.pop(&mut waiting, base, &mut top, bits) }
            } else {
                // SAFETY: as above.
                unsafe { edges::pop(base, &mut top) }
            };
            if let Some(object) = edge {
                let Some(info) = set_marks(object, bits, marker) else { continue };
                tally.book(&info.size);
                // The second of a type in a row: where types take turns, that loop would be left at once.
                if core::ptr::eq(core::mem::replace(&mut last, info), info)
                    && let Some(mark_alike) = info.mark_alike
                {
                    if PREFETCH {
                        self.standing.prefetched.waiting = waiting;
                    }
                    // SAFETY: `TypeInfo::mark_alike`: the info is the object's own (I3), which is live, marked, booked, and
                    // not being written: the mutator stands at a safepoint. Nobody else uses where this loop stands, and
                    // the top is of its edges.
                    let came = unsafe {
                        mark_alike[usize::from(PREFETCH)](
                            object,
                            info,
                            NonNull::from(&mut self.standing).cast(),
                            top,
                            tally,
                        )
                    };
                    (top, tally) = (came.top, came.tally);
                    if PREFETCH {
                        waiting = self.standing.prefetched.waiting;
                    }
                } else if info.needs_trace {
                    self.standing.current = Some(object);
                    self.standing.tally = tally;
                    // SAFETY: the top is of this loop's edges.
                    unsafe { self.standing.tracer.set_top(top) };
                    if PREFETCH {
                        self.standing.prefetched.waiting = waiting;
                    }
                    // SAFETY: `TypeInfo::trace`: the info is the object's own (I3), which is live and not being written:
                    // the mutator stands at a safepoint. The tracer is this loop's, which waits, and the top is of its
                    // edges.
                    let traced =
                        unsafe { (info.trace)(object, 0, NonNull::from(&mut self.standing.tracer).cast(), top) };
                    top = traced.top;
                    if traced.next != 0 {
                        // SAFETY: the top is of this loop's edges.
                        unsafe { self.standing.tracer.set_top(top) };
                        self.goes_on(object, traced.piece());
                        top = self.standing.tracer.top();
                        tally = self.standing.tally;
                    }
                }
            } else {
                self.standing.current = None;
                self.standing.tally = tally;
                // SAFETY: the top is of this loop's edges.
                unsafe { self.standing.tracer.set_top(top) };
                if PREFETCH {
                    self.standing.prefetched.waiting = waiting;
                }
                if !self.trace_grey() {
                    break false;
                }
                tally = self.standing.tally;
                top = self.standing.tracer.top();
            }
            if tally.left() <= 0 {
                break true;
            }
        };
        self.standing.current = None;
        // SAFETY: the top is of this loop's edges.
        unsafe { self.standing.tracer.set_top(top) };
        if PREFETCH {
            self.standing.prefetched.waiting = waiting;
        }
        self.book(tally);
        (room.wrapping_sub(tally.left() as usize) + self.run.beyond, more)
    }

    /// Books the objects of a run.
    fn book(&self, tally: Tally) {
        let objects = tally.objects();
        let work = (self.run.room - tally.left()) as usize - self.run.booked;
        self.marker.book(objects, (work - objects * OBJECT_COST) / GRANULE);
    }

    /// Traces objects of the grey set, until there are edges enough to be looked at side by side: a list by itself would
    /// be followed one cache miss after the other. False: no object is grey. The least budget buys one.
    #[inline(never)]
    fn trace_grey(&mut self) -> bool {
        self.marker.prefetch_grey(SIDE_BY_SIDE);
        let (mut work, mut some) = (0, false);
        for _ in 0..SIDE_BY_SIDE {
            let Some((object, piece)) = self.marker.take_grey() else { break };
            (self.standing.current, self.piece) = (Some(object), piece);
            // SAFETY: the object is live and not being written: it is grey, and the mutator stands at a safepoint. The piece
            // is what was noted with it.
            let next = unsafe { self.standing.tracer.trace_piece(object, piece) };
            self.piece = 0;
            object.set_queued(false);
            some = true;
            work += self.spend(object.info().size.granules as usize * GRANULE + OBJECT_COST);
            work += self.goes_on(object, next);
            if work >= self.at_once || self.marker.edges.len(self.standing.tracer.top()) >= SIDE_BY_SIDE {
                break;
            }
        }
        some
    }

    /// The object is grey until the next piece of it is scanned, if there is one. Spends the work that its trace booked,
    /// and returns it.
    #[cold]
    #[inline(never)]
    fn goes_on(&mut self, object: ObjectPtr, mut next: usize) -> usize {
        while next != 0 && !self.marker.has_room_for_pieces() {
            // There is no memory to note where scanning goes on: it is scanned in one go.
            // SAFETY: the object is live and not being written: it is being traced, and the mutator stands at a safepoint.
            next = unsafe { self.standing.tracer.trace_piece(object, next) };
        }
        if next != 0 {
            self.marker.goes_on(object, next);
        }
        let work = self.standing.tracer.take_bytes();
        self.spend(work)
    }

    /// Books work that is not by the size of an object newly marked, in the tally as far as that takes it.
    fn spend(&mut self, work: usize) -> usize {
        let held = work.min(LONG_RUN);
        self.standing.tally.spend(held as i32);
        self.run.booked += held;
        self.run.beyond += work - held;
        work
    }
}

impl Drop for Drain<'_> {
    fn drop(&mut self) {
        let marker = self.marker;
        if let Some(object) = self.standing.current.take() {
            // Its trace panics.
            self.book(self.standing.tally);
            marker.goes_on(object, self.piece);
        }
        // SAFETY: the top is of this loop's edges, in that room.
        unsafe { marker.shade_edges(&marker.edges, self.standing.tracer.top()) };
        let mut waiting = self.standing.prefetched.waiting;
        while let Some(object) = self.standing.prefetched.pop_waiting(&mut waiting) {
            marker.shade(object);
        }
    }
}

/// Roots that are being scanned: what they point to is shaded, behind the prefetches, and when this goes at the latest.
pub(crate) struct RootScan<'m> {
    marker: &'m Marker,
    tracer: Tracer<'m>,
}

impl<'m> RootScan<'m> {
    pub fn new(marker: &'m Marker) -> RootScan<'m> {
        // SAFETY: the room is the marker's, which is borrowed, and no other loop or scan runs (see `Marker::edges`).
        RootScan { marker, tracer: Tracer::marking(marker, unsafe { marker.edges.open() }) }
    }

    /// What the next root passes its pointers to.
    #[inline(always)]
    pub fn tracer(&mut self) -> &mut Tracer<'m> {
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
        // SAFETY: the scan's edges are in this room; below its base there is nothing, and below the top what was pushed.
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
