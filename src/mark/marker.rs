//! The marker: the grey set, and the operations that shade objects.
//!
//! An object is *white* while its first granule is unmarked, *grey* while it is marked and its header says *queued*,
//! *black* when it is marked and not queued. Shading makes white grey; tracing makes grey black and its white
//! children grey. An object without pointers goes from white to black at once.
//!
//! The grey set is a LIFO stack of grey objects. Within a step the loop ([`drain`](super::drain)) works on edges
//! instead, and objects go from white to black; the targets of edges that are left when the step ends are shaded.

use core::cell::{Cell, UnsafeCell};

use super::budget::Meter;
use super::choice::Choice;
use super::edges::{EdgeRoom, Top, prefetch};
use super::ephemeron::Waiting;
use super::weak_cell::WeakCells;
use crate::fault::{self, Fault};
use crate::memory::{NoMemory, reserve_exact, reserve_one, with_room};
use crate::space::bitmap;
use crate::space::block::BlockPtr;
use crate::space::geometry::{GRANULE, GRANULES};
use crate::space::header::{ObjectPtr, TypeInfo};

/// Bytes that the caches of a core hold, roughly.
const CACHE: usize = 1024 * 1024;
/// Least number of entries that the mark stack has room for.
const MIN_STACK: usize = 64;
/// Number of objects that may be scanned in pieces at a time even without memory for more.
const MIN_PIECES: usize = 4;
/// Most edges on the local mark stack of a step.
const EDGES: usize = 1024;
/// Number of objects that the barrier buffer has room for.
pub(crate) const BUFFER: usize = 256;
/// Number of objects in the barrier buffer at which it is [flushed](Marker::flush_barrier_buffer).
pub(crate) const BATCH: usize = BUFFER / 2;
/// Number of entries from which on the stack's capacity grows to the cap at once, so that 128 KiB are copied at the
/// most.
const LEAP: usize = 1 << 14;

/// The grey set, and what marking has found so far in this cycle.
pub(crate) struct Marker {
    /// Index of the block bitmap that is `marked`; the other is `occupied`.
    marked: Cell<usize>,
    stack: UnsafeCell<Vec<ObjectPtr>>,
    /// Objects that are scanned in pieces, with the next piece. They stay queued until the last piece is scanned.
    pieces: UnsafeCell<Vec<(ObjectPtr, usize)>>,
    /// The local mark stack of a step. One stack is in this room at a time: [`drain`](super::drain) opens it for a mark
    /// loop or for a scan of roots, and neither starts the other: while they run, nothing runs but the collector
    /// itself, and traces, which get no marker to start one with.
    pub(crate) edges: EdgeRoom,
    /// The barrier buffer: old and new values of writes since the last flush, up to `buffer_top`. Only
    /// [`Marker::buffer_write`] writes here.
    pub(crate) buffer: EdgeRoom,
    /// The top of the barrier buffer, below `buffer_half` when [`buffer_write`](Marker::buffer_write) is called: else
    /// the buffer is flushed first.
    pub(crate) buffer_top: Cell<Top>,
    /// The top from which on the barrier buffer is flushed: half of its room.
    pub(crate) buffer_half: Top,
    /// Most entries of the mark stack; grey objects that do not fit are found again from the bitmaps.
    cap: Cell<usize>,
    /// The first of the blocks with grey objects that the mark stack does not have, since they overflowed it or were born
    /// grey, linked through them.
    overflowed: Cell<Option<BlockPtr>>,
    /// Objects and granules marked in this cycle, those born black not included.
    pub objects: Cell<usize>,
    pub granules: Cell<usize>,
    /// Whether the last cycle marked more than fits the caches.
    was_large: Cell<bool>,
    /// Selects whether to prefetch.
    pub prefetches: Choice,
    /// Weak cells that marking reached in this cycle.
    pub weak_cells: WeakCells,
    /// Ephemerons that marking reached in this cycle before their keys.
    waiting: UnsafeCell<Waiting>,
}

impl Marker {
    pub(crate) fn new(cap: usize) -> Result<Marker, NoMemory> {
        let buffer = EdgeRoom::new(BUFFER)?;
        Ok(Marker {
            buffer_top: Cell::new(buffer.base()),
            buffer_half: buffer.base().wrapping_add(BATCH),
            buffer,
            marked: Cell::new(0),
            // Room for some entries from the start: without it marking would not end when the system has no memory.
            stack: UnsafeCell::new(with_room(MIN_STACK)?),
            pieces: UnsafeCell::new(with_room(MIN_PIECES)?),
            edges: EdgeRoom::new(EDGES)?,
            cap: Cell::new(cap),
            overflowed: Cell::new(None),
            objects: Cell::new(0),
            granules: Cell::new(0),
            was_large: Cell::new(false),
            prefetches: Choice::new(),
            weak_cells: WeakCells::default(),
            waiting: UnsafeCell::new(Waiting::new()),
        })
    }

    /// Returns the index of the bitmap that holds this cycle's marks.
    #[inline(always)]
    pub(crate) fn marked(&self) -> usize {
        self.marked.get()
    }

    /// Returns the index of the bitmap that says what is allocated.
    #[inline(always)]
    pub(crate) fn occupied(&self) -> usize {
        1 - self.marked.get()
    }

    /// Flips the bitmaps: what was marked is occupied from now on.
    pub(crate) fn flip(&self) {
        debug_assert!(self.is_empty());
        self.was_large.set(self.is_large());
        self.marked.set(1 - self.marked.get());
        self.objects.set(0);
        self.granules.set(0);
    }

    #[inline(always)]
    pub(crate) fn is_marked(&self, object: ObjectPtr) -> bool {
        // SAFETY: marks are only queried while every block is swept or the mutator's (I7).
        bitmap::get(unsafe { BlockPtr::of(object).bits(self.marked()) }, object.granule())
    }

    /// Returns whether the object is marked, and need not be scanned any more.
    pub(crate) fn is_black(&self, object: ObjectPtr) -> bool {
        self.is_marked(object) && !object.is_queued()
    }

    /// Sets the object's run of mark bits. Returns false when they were set already.
    #[inline(always)]
    fn mark(&self, object: ObjectPtr) -> bool {
        let Some(info) = set_marks(object, self.marked(), self) else { return false };
        self.book(1, info.size.granules as usize);
        true
    }

    pub(crate) fn book(&self, objects: usize, granules: usize) {
        self.objects.set(self.objects.get() + objects);
        self.granules.set(self.granules.get() + granules);
    }

    /// Makes the ephemerons that wait for a key grey again, once the key is marked.
    #[cold]
    #[inline(never)]
    fn key_marked(&self, key: ObjectPtr) {
        key.set_key(false);
        // SAFETY: the marker is not shared, and this is a leaf borrow.
        unsafe { (*self.waiting.get()).wake(key) };
    }

    /// Makes a white object grey, or black if it holds no pointers.
    #[inline]
    pub(crate) fn shade(&self, object: ObjectPtr) {
        if self.mark(object) && object.info().needs_trace {
            self.enqueue(object);
        }
    }

    /// Makes a marked object grey, whether it was grey or black.
    pub(crate) fn shade_again(&self, object: ObjectPtr) {
        debug_assert!(self.is_marked(object));
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
        // The capacity doubles, and when copying begins to take long it grows to the cap at once: memory that is not
        // touched costs nothing. Where it may not grow, or the system has no memory, the mark stack overflows: the
        // object is found again by its mark and its flag.
        let left = self.cap.get().saturating_sub(stack.len());
        let more = if stack.len() < LEAP { stack.len().max(MIN_STACK).min(left) } else { left };
        if more > 0 && reserve_exact(stack, more).is_ok() {
            stack.push(object);
        } else if !fault::is(Fault::ForgetsOnOverflow) {
            self.note_overflow(object);
        }
    }

    /// Records the block of a grey object that the mark stack has no room for.
    fn note_overflow(&self, object: ObjectPtr) {
        self.note_grey_block(BlockPtr::of(object));
    }

    /// Records a block with grey objects that the mark stack does not have.
    pub(crate) fn note_grey_block(&self, block: BlockPtr) {
        // SAFETY: objects are grey only while every block is swept, and so the mutator's (I7).
        let front = unsafe { block.front() };
        if !front.mark_stack_overflowed.get() {
            front.mark_stack_overflowed.set(true);
            front.next_overflowed.set(self.overflowed.replace(Some(block)));
        }
    }

    /// Returns whether no object is grey. To be called between two steps: within one there are edges too.
    pub(crate) fn is_empty(&self) -> bool {
        // SAFETY: leaf borrows of what is not shared.
        let (stack, pieces) = unsafe { ((*self.stack.get()).is_empty(), (*self.pieces.get()).is_empty()) };
        let empty = stack && (pieces || fault::is(Fault::ForgetsPieces));
        // SAFETY: as above.
        let waiting = unsafe { &*self.waiting.get() };
        empty && self.overflowed.get().is_none() && waiting.is_empty() && waiting.is_settled(self.objects.get())
    }

    /// Looks for an ephemeron with a marked key among those that could not be listed by key, if nothing else is grey.
    /// Returns false when something else is.
    pub(crate) fn settle(&self, meter: &mut Meter) -> bool {
        // SAFETY: leaf borrows of what is not shared.
        let (stack, pieces) = unsafe { ((*self.stack.get()).is_empty(), (*self.pieces.get()).is_empty()) };
        // SAFETY: as above.
        let waiting = unsafe { &mut *self.waiting.get() };
        if !(stack && pieces && self.overflowed.get().is_none() && waiting.is_empty()) {
            return false;
        }
        waiting.settle(self.objects.get(), |key| self.is_marked(key), meter);
        meter.spend(1);
        true
    }

    /// Takes a block to rescan after a mark-stack overflow, if the mark stack is empty. The block is recorded again if
    /// another of its objects overflows.
    pub(crate) fn take_overflowed(&self) -> Option<BlockPtr> {
        // SAFETY: leaf borrows of what is not shared.
        let empty = unsafe { (*self.stack.get()).is_empty() && (*self.pieces.get()).is_empty() };
        let block = if empty { self.overflowed.get()? } else { return None };
        // SAFETY: as in `note_overflow`: grey objects exist only while marking.
        let front = unsafe { block.front() };
        self.overflowed.set(front.next_overflowed.get());
        front.next_overflowed.set(None);
        front.mark_stack_overflowed.set(false);
        Some(block)
    }

    /// Pushes a grey object that had overflowed. Returns false when the mark stack is full again: the object's block is
    /// recorded again.
    pub(crate) fn queue_again(&self, object: ObjectPtr) -> bool {
        // SAFETY: as in `enqueue`.
        let stack = unsafe { &mut *self.stack.get() };
        if stack.len() < self.cap.get() && reserve_one(stack).is_ok() {
            stack.push(object);
            return true;
        }
        self.note_overflow(object);
        false
    }

    /// Iterates over the blocks with grey objects that overflowed the mark stack.
    pub(crate) fn overflowed_blocks(&self) -> impl Iterator<Item = BlockPtr> {
        // SAFETY: as in `take_overflowed`.
        core::iter::successors(self.overflowed.get(), |block| unsafe { block.front() }.next_overflowed.get())
    }

    /// Returns the grey objects of the mark stack with their next pieces, for the verifier.
    pub(crate) fn queued_objects(&self) -> Vec<(ObjectPtr, usize)> {
        // SAFETY: as in `enqueue`.
        let (stack, pieces) = unsafe { (&*self.stack.get(), &*self.pieces.get()) };
        stack.iter().map(|&object| (object, 0)).chain(pieces.iter().copied()).collect()
    }

    /// Makes the only grey object white, which is a fault: for tests of the verifier.
    pub(crate) fn free_a_grey_object(&self) {
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

    /// Returns whether more was marked than fits the caches.
    fn is_large(&self) -> bool {
        self.granules.get() * GRANULE > CACHE
    }

    /// Returns whether the heap being marked is larger than the caches.
    pub(crate) fn outgrows_caches(&self) -> bool {
        self.was_large.get() || self.is_large()
    }

    /// Shades the targets of the edges below `top`, the oldest first.
    ///
    /// # Safety
    /// `top` must be of a stack in this room, and all edges below it pushed.
    pub(crate) unsafe fn shade_edges(&self, room: &EdgeRoom, top: Top) {
        // SAFETY: passed on; shading pushes no edges.
        unsafe { room.each_prefetched(top, self.marked(), |object| self.shade(object)) };
    }

    /// Keeps an object grey, to be scanned from `piece` on.
    pub(crate) fn goes_on(&self, object: ObjectPtr, piece: usize) {
        object.set_queued(true);
        // SAFETY: a leaf borrow of what is not shared.
        let pieces = unsafe { &mut *self.pieces.get() };
        if reserve_one(pieces).is_ok() {
            pieces.push((object, piece));
        } else {
            // No memory: the object is found again, and scanned from its beginning.
            self.note_overflow(object);
        }
    }

    /// Returns whether one more object may be scanned in pieces. Otherwise it must be scanned in one go.
    pub(crate) fn has_room_for_pieces(&self) -> bool {
        // SAFETY: a leaf borrow of what is not shared.
        reserve_one(unsafe { &mut *self.pieces.get() }).is_ok()
    }

    /// Prefetches the bitmap words and headers of the next grey objects.
    pub(crate) fn prefetch_grey(&self, objects: usize) {
        // SAFETY: a leaf borrow of what is not shared.
        let stack = unsafe { &*self.stack.get() };
        stack.iter().rev().take(objects).for_each(|&object| prefetch(object, self.marked()));
    }

    /// Takes a grey object, and the piece of it to scan.
    #[inline(always)]
    pub(crate) fn take_grey(&self) -> Option<(ObjectPtr, usize)> {
        // SAFETY: leaf borrows of what is not shared.
        let (stack, pieces) = unsafe { (&mut *self.stack.get(), &mut *self.pieces.get()) };
        while let Some(object) = stack.pop() {
            // A whole-object write may have traced the object meanwhile.
            if object.is_queued() {
                return Some((object, 0));
            }
        }
        if let Some(in_pieces) = pieces.pop() {
            return Some(in_pieces);
        }
        // SAFETY: as above.
        let ephemeron = unsafe { (*self.waiting.get()).pop() }?;
        debug_assert!(self.is_marked(ephemeron), "it was traced when it was noted");
        Some((ephemeron, 0))
    }

    /// Makes an object black whose children have just been shaded.
    pub(crate) fn blacken(&self, object: ObjectPtr) {
        self.mark(object);
        // A stale entry on the stack is skipped when it is popped.
        object.set_queued(false);
    }

    pub(crate) fn found_weak_cell(&self, object: ObjectPtr) {
        self.weak_cells.add(object);
    }

    /// Registers an ephemeron that is being traced and whose key is white.
    pub(crate) fn wait_for_key(&self, key: ObjectPtr, ephemeron: ObjectPtr) {
        debug_assert!(!self.is_marked(key));
        // SAFETY: a leaf borrow of what is not shared.
        if unsafe { (*self.waiting.get()).add(key, ephemeron) } {
            key.set_key(true);
        }
    }

    /// Clears the ephemerons that still wait, whose keys are dead. Returns true when all are cleared.
    pub(crate) fn clear_waiting(&self, meter: &mut Meter) -> bool {
        // SAFETY: a leaf borrow of what is not shared.
        unsafe { (*self.waiting.get()).clear(meter) }
    }

    /// Returns the bytes of memory that the marker takes, without those that every heap has.
    pub(crate) fn bytes(&self) -> usize {
        // SAFETY: leaf borrows of what is not shared.
        let (stack, pieces, waiting) =
            unsafe { ((*self.stack.get()).capacity(), (*self.pieces.get()).capacity(), (*self.waiting.get()).bytes()) };
        stack.saturating_sub(MIN_STACK) * size_of::<ObjectPtr>() + pieces * size_of::<(ObjectPtr, usize)>() + waiting
    }

    /// Digests the grey set in its order, and the weak cells.
    #[cfg(grisaille_faults)]
    pub(crate) fn digest(&self, digest: &mut crate::space::digest::Digest<'_>) {
        let Marker {
            marked: _,
            stack,
            pieces,
            // Empty between two steps.
            edges: _,
            buffer: _,
            buffer_top: _,
            buffer_half: _,
            cap: _,
            overflowed: _,
            // Digested together with those born black: see the collector.
            objects: _,
            granules: _,
            // The order in which the objects of a large heap are marked depends on the clock.
            was_large: _,
            prefetches: _,
            weak_cells,
            waiting: _,
        } = self;
        digest.number(self.overflowed_blocks().count());
        self.overflowed_blocks().for_each(|block| digest.block(block));
        // SAFETY: leaf borrows of what is not shared.
        let (stack, pieces) = unsafe { (&*stack.get(), &*pieces.get()) };
        digest.objects(stack);
        digest.number(pieces.len());
        for &(object, piece) in pieces {
            digest.object(object);
            digest.number(piece);
        }
        weak_cells.iter().for_each(|cell| digest.object(cell));
        digest.number(usize::MAX);
    }

    /// Lowers the cap of the mark stack, for tests of the overflow path.
    pub(crate) fn set_cap(&self, cap: usize) {
        let cap = cap.max(1);
        self.cap.set(cap);
        self.edges.limit(cap);
        // SAFETY: a leaf borrow of what is not shared.
        let stack = unsafe { &mut *self.stack.get() };
        stack.shrink_to(cap);
    }
}

/// Sets the object's run of mark bits. Returns its type, or `None` when the bits were set already. Books the granules
/// of an object whose type does not tell its size.
#[inline(always)]
pub(crate) fn set_marks(object: ObjectPtr, marked: usize, marker: &Marker) -> Option<&'static TypeInfo> {
    let at = object.granule();
    // SAFETY: marking runs on the mutator's thread, when every block is swept (I7); this is a leaf borrow.
    let words = unsafe { BlockPtr::of(object).bits(marked) };
    let word = &mut words[at / 64];
    let before = *word;
    if before >> (at % 64) & 1 != 0 {
        return None;
    }
    // Fast path, nearly always taken: no flag is set, the size is known, and the run lies within one word.
    if let Some(info) = object.header().info_without_flags()
        && info.size.is_within_word(at % 64)
    {
        *word = before | info.size.mark_bits() << (at % 64);
        return Some(info);
    }
    Some(set_marks_slow(object, marked, marker))
}

/// Sets the mark bits of a white object that [`set_marks`]' fast path does not do, the most frequent first:
///
/// | object | its bits |
/// |---|---|
/// | of a small type, no flag | go on in the next word |
/// | whose length word tells a small size, no flag | lie in one word or two |
/// | of more than 64 granules, or the key of an ephemeron | any number, as far as they lie in its block |
#[cold]
#[inline(never)]
fn set_marks_slow(object: ObjectPtr, marked: usize, marker: &Marker) -> &'static TypeInfo {
    let at = object.granule();
    // SAFETY: as in `set_marks`.
    let words = unsafe { BlockPtr::of(object).bits(marked) };
    if let Some(info) = object.header().info_without_flags() {
        if info.size.has_mark_bits() {
            bitmap::set_ones(words, at, info.size.mark_bits());
            return info;
        }
        // Short strings and arrays.
        if info.size.granules == 0
            // SAFETY: the info is the object's own, and says that the length word tells the size.
            && let granules @ 1..=64 = unsafe { object.granules_for_length(info) }
            && granules <= GRANULES - at
        {
            bitmap::set_ones(words, at, u64::MAX >> (64 - granules));
            marker.book(0, granules);
            return info;
        }
    }
    let granules = object.granules();
    // A large object runs over the end of its first block: only the bits in that block are set.
    bitmap::set_run(words, at, granules.min(GRANULES - at));
    if object.header().is_key() {
        marker.key_marked(object);
    }
    let info = object.info();
    if info.size.granules == 0 {
        marker.book(0, granules);
    }
    info
}

#[cfg(test)]
mod tests {
    use super::BUFFER;
    use crate::{Budget, Gc, Heap, Insertion, Mutator, Phase, Slot};

    type Leaf<'gc> = Option<Gc<'gc, u64>>;

    fn leaves<'a, const N: usize>(cx: &'a Mutator<'_, Insertion>, first: u64) -> [Leaf<'a>; N] {
        core::array::from_fn(|at| Some(cx.alloc(first + at as u64)))
    }

    /// Writes values with `N` pointers, after each number of entries in the barrier buffer.
    fn write_values_of<const N: usize>() {
        let mut heap = Heap::builder().automatic(false).barrier::<Insertion>().build().unwrap();
        heap.enter(|cx| {
            let wide = cx.root(cx.alloc(Slot::<[Leaf<'_>; N]>::new(leaves(cx, 0))));
            let narrow = cx.root(cx.alloc(Slot::<Leaf<'_>>::new(None)));
            for fills in 0..BUFFER * 2 {
                cx.step(Budget::work(1));
                assert_eq!(cx.phase(), Phase::Mark);
                (0..fills).for_each(|_| narrow.get(cx).set(cx, Some(cx.alloc(0))));
                wide.get(cx).set(cx, leaves(cx, fills as u64));
                cx.collect();
                cx.verify().unwrap();
                let numbers = wide.get(cx).get().map(|leaf| *leaf.expect("it was stored"));
                assert!(numbers.into_iter().eq((0..N as u64).map(|at| at + fills as u64)));
            }
        });
    }

    #[test]
    fn writes_of_many_pointers_fill_the_room_for_notes_and_no_more() {
        write_values_of::<1>();
        write_values_of::<{ BUFFER / 4 }>();
        // More than are pushed without a check for room.
        write_values_of::<{ BUFFER / 4 + 1 }>();
        write_values_of::<{ BUFFER + 1 }>();
    }
}
