//! The marker: the grey set, and the loop that empties it.
//!
//! An object is *white* while its first granule is unmarked, *grey* while it is marked and its header says *queued*,
//! *black* when it is marked and not queued. Shading makes white grey; tracing makes grey black and its white
//! children grey. An object without pointers goes from white to black at once.
//!
//! The grey set is a LIFO stack. Edges that tracing finds pass a ring of [`RING`] entries first, so that the bitmap
//! word and the header of the target are in the cache when they are looked at (Cher, Hosking and Vitek, "Software
//! prefetching for mark-sweep garbage collection", ASPLOS 2004). The ring is empty between two steps.

use core::cell::{Cell, UnsafeCell};
use core::ptr::NonNull;

use super::meter::Meter;
use super::weak::Waiting;
use crate::fault::{self, Fault};
use crate::space::bitmap;
use crate::space::block::{BlockPtr, GRANULE, GRANULES};
use crate::space::header::ObjectPtr;
use crate::trace::Tracer;

/// Edges that wait for their prefetch.
const RING: usize = 16;
/// Entries that the stack has room for at the least.
const MIN_STACK: usize = 64;
/// With so many entries the stack's capacity leaps to the cap: 128 KiB are copied at the most.
const LEAP: usize = 1 << 14;
/// What tracing one object costs beside its bytes, in bytes of work: the header, the bitmap, the queue.
const OBJECT_COST: usize = 16;

/// The grey set and what marking has found so far in this cycle.
pub(crate) struct Marker {
    /// Which of a block's bitmaps is `marked`; the other is `occupied`.
    marked: Cell<usize>,
    stack: UnsafeCell<Vec<ObjectPtr>>,
    /// Objects that are scanned in pieces, with the piece to go on from. They stay queued until the last one.
    pieces: UnsafeCell<Vec<(ObjectPtr, usize)>>,
    ring: [Cell<Option<ObjectPtr>>; RING],
    ring_head: Cell<usize>,
    ring_len: Cell<usize>,
    /// The stack takes no more entries than this; what does not fit is found again from the bitmaps.
    cap: Cell<usize>,
    /// The blocks that hold lost grey objects, linked through them: the first.
    lost: Cell<Option<BlockPtr>>,
    /// Objects and granules marked in this cycle (not those born black).
    pub objects: Cell<usize>,
    pub granules: Cell<usize>,
    /// Weak cells that marking came across in this cycle.
    pub weak_cells: UnsafeCell<Vec<ObjectPtr>>,
    /// Ephemerons that marking came across in this cycle, and whose keys it did not.
    waiting: UnsafeCell<Waiting>,
}

impl Marker {
    pub fn new(cap: usize) -> Marker {
        Marker {
            marked: Cell::new(0),
            // Room for some entries from the start: with none marking would not end when the system has no memory.
            stack: UnsafeCell::new(Vec::with_capacity(MIN_STACK)),
            pieces: UnsafeCell::new(Vec::new()),
            ring: [const { Cell::new(None) }; RING],
            ring_head: Cell::new(0),
            ring_len: Cell::new(0),
            cap: Cell::new(cap),
            lost: Cell::new(None),
            objects: Cell::new(0),
            granules: Cell::new(0),
            weak_cells: UnsafeCell::new(Vec::new()),
            waiting: UnsafeCell::new(Waiting::new()),
        }
    }

    /// The bitmap that holds this cycle's marks.
    #[inline(always)]
    pub fn marked(&self) -> usize {
        self.marked.get()
    }

    /// The bitmap that says what is allocated.
    #[inline(always)]
    pub fn occupied(&self) -> usize {
        1 - self.marked.get()
    }

    /// What was marked is what is occupied from now on.
    pub fn flip(&self) {
        debug_assert!(self.is_empty());
        self.marked.set(1 - self.marked.get());
        self.objects.set(0);
        self.granules.set(0);
    }

    #[inline(always)]
    pub fn is_marked(&self, object: ObjectPtr) -> bool {
        // SAFETY: while anyone asks for marks every block is swept or the mutator's (I7).
        bitmap::get(unsafe { BlockPtr::of(object).bits(self.marked()) }, object.granule())
    }

    /// Sets the object's run of mark bits. False: they were set already.
    #[inline(always)]
    fn mark(&self, object: ObjectPtr) -> bool {
        let at = object.granule();
        // SAFETY: marking runs on the mutator's thread, when every block is swept (I7); a leaf borrow.
        let words = unsafe { BlockPtr::of(object).bits(self.marked()) };
        if bitmap::get(words, at) {
            return false;
        }
        let granules = object.granules();
        // A large object runs over the end of its first block: its mark is its first bits.
        bitmap::set_run(words, at, granules.min(GRANULES - at));
        self.objects.set(self.objects.get() + 1);
        self.granules.set(self.granules.get() + granules);
        if object.is_key() {
            self.key_marked(object);
        }
        true
    }

    /// Something marked an object that ephemerons wait for: they become grey again, and find it marked.
    #[cold]
    #[inline(never)]
    fn key_marked(&self, key: ObjectPtr) {
        key.set_key(false);
        // SAFETY: a leaf borrow of what is not shared.
        let mut next = unsafe { (*self.waiting.get()).take(key) };
        while let Some(ephemeron) = next {
            next = Waiting::unlink(ephemeron);
            if fault::is(Fault::ForgetsEphemerons) {
                continue;
            }
            debug_assert!(self.is_marked(ephemeron), "it was traced when it was noted");
            if !ephemeron.is_queued() {
                self.enqueue(ephemeron);
            }
        }
    }

    /// Makes a white object grey (or black, where it holds no pointers).
    #[inline]
    pub fn shade(&self, object: ObjectPtr) {
        if self.mark(object) && object.info().needs_trace {
            self.enqueue(object);
        }
    }

    /// Makes the object grey, whatever it was.
    pub fn shade_again(&self, object: ObjectPtr) {
        self.mark(object);
        if object.info().needs_trace && !object.is_queued() {
            self.enqueue(object);
        }
    }

    #[inline(always)]
    fn enqueue(&self, object: ObjectPtr) {
        object.set_queued(true);
        // SAFETY: the marker is not shared, and this borrow ends before anything else runs.
        let stack = unsafe { &mut *self.stack.get() };
        if stack.len() < stack.capacity() {
            stack.push(object);
        } else {
            self.enqueue_slow(object);
        }
    }

    #[cold]
    #[inline(never)]
    fn enqueue_slow(&self, object: ObjectPtr) {
        // SAFETY: as in `enqueue`.
        let stack = unsafe { &mut *self.stack.get() };
        // The capacity doubles, and when that begins to take long it leaps to the cap: memory that is not touched costs
        // nothing. Where it may not grow, or the system has no memory, the object is lost from the stack and found
        // again by its mark and its flag.
        let left = self.cap.get().saturating_sub(stack.len());
        let more = if stack.len() < LEAP { stack.len().max(MIN_STACK).min(left) } else { left };
        if more > 0 && stack.try_reserve_exact(more).is_ok() {
            stack.push(object);
        } else if !fault::is(Fault::ForgetsOnOverflow) {
            self.lose(object);
        }
    }

    /// Notes the block of a grey object that the stack has no room for.
    fn lose(&self, object: ObjectPtr) {
        let block = BlockPtr::of(object);
        if !block.lost_grey.get() {
            block.lost_grey.set(true);
            block.next_lost.set(self.lost.replace(Some(block)));
        }
    }

    /// Takes an edge that tracing found. The one that entered the ring 16 edges ago is shaded in its place.
    #[inline(always)]
    pub fn edge(&self, object: ObjectPtr) {
        prefetch(object, self.marked());
        let (head, len) = (self.ring_head.get(), self.ring_len.get());
        if len == RING {
            let old = self.ring[head % RING].replace(Some(object));
            self.ring_head.set((head + 1) % RING);
            if let Some(old) = old {
                self.shade(old);
            }
        } else {
            self.ring[(head + len) % RING].set(Some(object));
            self.ring_len.set(len + 1);
        }
    }

    /// Shades the oldest edge of the ring. False: the ring is empty.
    #[inline(always)]
    fn shade_oldest(&self) -> bool {
        let (head, len) = (self.ring_head.get(), self.ring_len.get());
        if len == 0 {
            return false;
        }
        self.ring_head.set((head + 1) % RING);
        self.ring_len.set(len - 1);
        if let Some(object) = self.ring[head % RING].take() {
            self.shade(object);
        }
        true
    }

    /// Whether no object is grey. (Between two steps; within one the ring may hold edges.)
    pub fn is_empty(&self) -> bool {
        // SAFETY: leaf borrows of what is not shared.
        let (stack, pieces) = unsafe { ((*self.stack.get()).is_empty(), (*self.pieces.get()).is_empty()) };
        let empty = stack && (pieces || fault::is(Fault::ForgetsPieces));
        empty && self.lost.get().is_none() && self.ring_len.get() == 0
    }

    /// Where the stack is empty and grey objects were lost from it: takes a block that holds some. From here on it is
    /// noted again if it loses another.
    pub fn take_lost(&self) -> Option<BlockPtr> {
        // SAFETY: leaf borrows of what is not shared.
        let empty = unsafe { (*self.stack.get()).is_empty() && (*self.pieces.get()).is_empty() };
        let block = if empty { self.lost.get()? } else { return None };
        self.lost.set(block.next_lost.get());
        block.next_lost.set(None);
        block.lost_grey.set(false);
        Some(block)
    }

    /// Puts a lost grey object back. False: the stack is full again, and the rest of its block stays lost.
    pub fn put_back(&self, object: ObjectPtr) -> bool {
        // SAFETY: as in `enqueue`.
        let stack = unsafe { &mut *self.stack.get() };
        if stack.len() < self.cap.get() && stack.try_reserve(1).is_ok() {
            stack.push(object);
            return true;
        }
        self.lose(object);
        false
    }

    /// The blocks that hold lost grey objects.
    pub fn lost_blocks(&self) -> impl Iterator<Item = BlockPtr> {
        core::iter::successors(self.lost.get(), |block| block.next_lost.get())
    }

    /// The grey objects that are queued, with the piece that scanning goes on from, for the verifier.
    pub fn queued_objects(&self) -> Vec<(ObjectPtr, usize)> {
        // SAFETY: as in `enqueue`.
        let (stack, pieces) = unsafe { (&*self.stack.get(), &*self.pieces.get()) };
        stack.iter().map(|&object| (object, 0)).chain(pieces.iter().copied()).collect()
    }

    /// Breaks the marker: an object that is grey, and the only one that is, becomes white.
    pub fn free_a_grey_object(&self) {
        // SAFETY: as in `enqueue`.
        let stack = unsafe { &mut *self.stack.get() };
        if let [object] = stack[..]
            && object.is_queued()
        {
            stack.clear();
            object.set_queued(false);
            let (at, granules) = (object.granule(), object.granules());
            // SAFETY: as in `mark`.
            let words = unsafe { BlockPtr::of(object).bits(self.marked()) };
            bitmap::clear_run(words, at, granules.min(GRANULES - at));
            self.objects.set(self.objects.get() - 1);
            self.granules.set(self.granules.get() - granules);
        }
    }

    /// Traces grey objects until there are none or the budget is used up, at least one.
    pub fn drain(&self, meter: &mut Meter) {
        let mut on_unwind = PutBack { marker: self, current: None };
        let mut tracer = Tracer::marking(self);
        loop {
            // SAFETY: leaf borrows of what is not shared.
            let (object, piece) = match unsafe { (*self.stack.get()).pop() } {
                Some(object) => {
                    // A whole-object write may have traced it meanwhile.
                    if !object.is_queued() {
                        continue;
                    }
                    (object, 0)
                }
                None if self.shade_oldest() => continue,
                // SAFETY: as above.
                None => match unsafe { (*self.pieces.get()).pop() } {
                    Some(entry) => entry,
                    None => break,
                },
            };
            let info = object.info();
            on_unwind.current = Some((object, piece));
            // SAFETY: the info is the object's own, which is live and not being written: it is grey, and the
            // mutator stands at a safepoint.
            let next = unsafe { (info.trace)(object, piece, NonNull::from(&mut tracer).cast()) };
            on_unwind.current = None;
            let bytes = info.granules as usize * GRANULE + tracer.take_bytes();
            if next == 0 {
                object.set_queued(false);
            } else {
                // SAFETY: as above.
                unsafe { (*self.pieces.get()).push((object, next)) };
            }
            if meter.spend(bytes + OBJECT_COST) {
                break;
            }
        }
        while self.shade_oldest() {}
    }

    /// Shades the children of an object here and now: a whole-object write is about to hide them.
    pub fn trace_now(&self, object: ObjectPtr) {
        let mut tracer = Tracer::shading(self);
        let mut piece = 0;
        loop {
            // SAFETY: the info is the object's own; the caller holds the object.
            piece = unsafe { (object.info().trace)(object, piece, NonNull::from(&mut tracer).cast()) };
            if piece == 0 {
                break;
            }
        }
    }

    /// Makes the object black, whose children have just been shaded.
    pub fn blacken(&self, object: ObjectPtr) {
        self.mark(object);
        // A stale entry on the stack is skipped when it is popped.
        object.set_queued(false);
    }

    pub fn found_weak_cell(&self, object: ObjectPtr) {
        // SAFETY: a leaf borrow of what is not shared.
        unsafe { (*self.weak_cells.get()).push(object) };
    }

    /// Notes an ephemeron that is being traced and whose key is white. False: there is no memory for the note.
    pub fn wait_for_key(&self, key: ObjectPtr, ephemeron: ObjectPtr) -> bool {
        debug_assert!(!self.is_marked(key));
        // SAFETY: a leaf borrow of what is not shared.
        let noted = unsafe { (*self.waiting.get()).add(key, ephemeron) };
        if noted {
            key.set_key(true);
        }
        noted
    }

    /// The keys of the ephemerons that still wait are dead: clears them. True: all are done.
    pub fn clear_waiting(&self, meter: &mut Meter) -> bool {
        // SAFETY: a leaf borrow of what is not shared.
        unsafe { (*self.waiting.get()).clear(meter) }
    }

    /// The grey set in its order, and what was found. The ring is empty between two steps.
    #[cfg(feature = "unsound-policies")]
    pub fn digest(&self, digest: &mut crate::observe::digest::Digest<'_>) {
        let Marker {
            marked: _,
            stack,
            pieces,
            ring: _,
            ring_head: _,
            ring_len,
            cap: _,
            lost: _,
            // Booked together with what was born black: see the collector.
            objects: _,
            granules: _,
            weak_cells,
            waiting: _,
        } = self;
        debug_assert_eq!(ring_len.get(), 0);
        digest.number(self.lost_blocks().count());
        self.lost_blocks().for_each(|block| digest.block(block));
        // SAFETY: leaf borrows of what is not shared.
        let (stack, pieces, weak_cells) = unsafe { (&*stack.get(), &*pieces.get(), &*weak_cells.get()) };
        digest.objects(stack);
        digest.number(pieces.len());
        for &(object, piece) in pieces {
            digest.object(object);
            digest.number(piece);
        }
        digest.objects(weak_cells);
    }

    /// Lowers the cap, for tests of the overflow path.
    pub fn set_cap(&self, cap: usize) {
        let cap = cap.max(1);
        self.cap.set(cap);
        // SAFETY: a leaf borrow of what is not shared.
        let stack = unsafe { &mut *self.stack.get() };
        stack.shrink_to(cap);
    }
}

/// Puts an object back whose trace panics, and empties the ring: the heap stays whole.
struct PutBack<'m> {
    marker: &'m Marker,
    current: Option<(ObjectPtr, usize)>,
}

impl Drop for PutBack<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.current.take() {
            // SAFETY: a leaf borrow of what is not shared. The object is still queued.
            unsafe { (*self.marker.pieces.get()).push(entry) };
            while self.marker.shade_oldest() {}
        }
    }
}

/// Shades the edges that are left in the ring when it goes, also where a trace panics: between two steps the ring is
/// empty.
pub(crate) struct EmptiesRing<'m>(pub &'m Marker);

impl Drop for EmptiesRing<'_> {
    fn drop(&mut self) {
        while self.0.shade_oldest() {}
    }
}

/// Asks for the two words that marking will look at.
#[inline(always)]
fn prefetch(object: ObjectPtr, marked: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let block = BlockPtr::of(object);
        // SAFETY: only an address is computed; a prefetch has no effect on memory.
        let word = unsafe { block.bits_word(marked, object.granule() / 64) };
        // SAFETY: as above.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(word.cast());
            _mm_prefetch::<_MM_HINT_T0>(object.payload().as_ptr().cast::<i8>().wrapping_sub(8));
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (object, marked);
}
