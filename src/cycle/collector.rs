//! The collector's state, and what the mutator asks of it between two steps: memory, and the barriers.

use core::cell::{Cell, RefCell};
use core::ptr::NonNull;
use std::time::{Duration, Instant};

use super::blocks::{Blocks, Sweep};
use super::pace::{Pace, Pacer};
use super::phase::Phase;
use super::times::Times;
use super::weak::WeakTable;
use crate::barrier::Barrier;
use crate::barrier::rules::WholeObject;
use crate::fault::{self, Fault};
use crate::mark::marker::{BATCH, Marker};
use crate::mark::tracer::Tracer;
use crate::memory::NoMemory;
use crate::roots::area::PointerArea;
use crate::roots::guardian::GuardianTable;
use crate::roots::persistent::RootTable;
use crate::roots::stack::table::StackTable;
use crate::space::arena::Full;
use crate::space::bitmap;
use crate::space::block::{BIG, BIG_RUN, BlockPtr, FIRST_GRANULE, KINDS, Kind, LARGE};
use crate::space::geometry::{GRANULE, GRANULES, PAGE};
use crate::space::header::{ObjectPtr, TypeInfo};
use crate::space::holes::Bump;
use crate::space::poison;
use crate::trace::Trace;

/// Objects of more bytes than this get blocks of their own size class, so that they do not skip small holes.
pub(crate) const MEDIUM: usize = 512;

/// The mark stack takes no more than one in so many bytes of the limit.
const STACK_SHARE: usize = 64;

/// Bytes under the limit that blocks leave to the lists of roots at the least.
const LISTS: usize = 4096;

/// Blocks with holes that are looked at for an object, while there is other memory.
const TRIES: usize = 8;

/// The colour in which objects are allocated just now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BirthColor {
    White,
    /// Holes are marked ahead.
    Black,
}

/// Who looks at the heap in the middle of its work. The cycle does not know who that is: `observe` does.
#[derive(Clone, Copy)]
pub(crate) struct Inspector {
    /// It has just been decided what dies, and the mutator has not run since.
    pub decided: fn(&Collector),
    /// A step has ended: every so many. 0: none.
    pub stepped: fn(&Collector),
    pub every: u64,
}

/// Counters that only grow.
#[derive(Default)]
pub(crate) struct Counters {
    pub cycles: Cell<u64>,
    pub collections_cut_short: Cell<u64>,
    pub steps: Cell<u64>,
    pub large_objects: Cell<usize>,
    pub bytes_allocated: Cell<u64>,
    pub objects_marked: Cell<u64>,
    pub bytes_marked: Cell<u64>,
    pub objects_freed: Cell<u64>,
    pub bytes_freed: Cell<u64>,
    pub bytes_floating: Cell<Option<u64>>,
}

/// Everything of one heap but its type.
pub(crate) struct Collector {
    /// The heap's barriers are on: between the start of marking, or where there is a window its end, and the decision
    /// what dies.
    pub marking: Cell<bool>,
    /// Writes to roots are looked at.
    pub watch_roots: Cell<bool>,
    /// The next safepoint has something to do.
    pub poll: Cell<bool>,
    /// The window is open: some root is unscanned. It closes in a step only.
    pub window: Cell<bool>,
    /// It is decided what dies, and the sweep has not begun: unmarked objects may not be upgraded.
    pub condemned: Cell<bool>,
    /// The cycle in which an allocation was refused last, until one that started later has ended.
    pub refused: Cell<Option<u64>>,
    pub(super) birth: Cell<BirthColor>,
    pub phase: Cell<Phase>,
    /// Three areas a kind: small objects, medium ones, and big ones.
    pub(super) bumps: [Bump; 3 * KINDS],
    pub marker: Marker,
    /// What locals keep.
    pub shadow: PointerArea,
    /// What leaves the open scopes.
    pub escapes: PointerArea,
    pub roots: RefCell<RootTable>,
    pub stacks: RefCell<StackTable>,
    pub guardians: RefCell<GuardianTable>,
    pub blocks: RefCell<Blocks>,
    /// Interned strings.
    pub strings: RefCell<WeakTable>,
    pub pacer: Pacer,
    pub counters: Counters,
    pub times: Times,
    /// The number of the cycle, which roots name when they are scanned.
    pub cycle: Cell<u64>,
    pub id: u64,
    pub sweep: Cell<Sweep>,
    pub stress: bool,
    /// Safepoints in this cycle, under stress.
    pub(super) stressed: Cell<u32>,
    /// Bytes and objects that were born black in this cycle.
    pub(super) born_black: Cell<usize>,
    /// Objects allocated when black births began.
    pub(super) black_from: Cell<usize>,
    /// Objects that lived at the end of the last marking, and how many had been allocated then.
    pub(super) lived: Cell<usize>,
    pub(super) allocated_then: Cell<usize>,
    /// Work that marking took in this cycle.
    pub mark_work: Cell<usize>,
    /// How far phase `Release` has come.
    pub released: Cell<usize>,
    /// The chunk from which on idle time gives memory back.
    pub(super) idle_at: Cell<usize>,
    /// Who looks on.
    pub inspector: Cell<Option<Inspector>>,
}

impl Collector {
    pub fn new(
        pace: Pace,
        sweep: Sweep,
        stress: bool,
        mark_stack: usize,
        incremental: bool,
    ) -> Result<Collector, NoMemory> {
        Ok(Collector {
            marking: Cell::new(false),
            watch_roots: Cell::new(false),
            poll: Cell::new(stress && pace.automatic),
            window: Cell::new(false),
            condemned: Cell::new(false),
            refused: Cell::new(None),
            stressed: Cell::new(0),
            birth: Cell::new(BirthColor::White),
            phase: Cell::new(Phase::Idle),
            bumps: core::array::from_fn(|_| Bump::new()),
            // Marking goes on without room for more, if slower.
            marker: Marker::new(mark_stack.min(pace.limit / STACK_SHARE / size_of::<ObjectPtr>()))?,
            shadow: PointerArea::new(),
            escapes: PointerArea::new(),
            roots: RefCell::new(RootTable::new()),
            stacks: RefCell::new(StackTable::new()),
            guardians: RefCell::new(GuardianTable::new()),
            blocks: RefCell::new(Blocks::new(pace.limit)?),
            strings: RefCell::new(WeakTable::new()),
            pacer: Pacer::new(pace, incremental)?,
            counters: Counters::default(),
            times: Times::default(),
            cycle: Cell::new(0),
            id: crate::active::fresh_id(),
            sweep: Cell::new(sweep),
            stress,
            born_black: Cell::new(0),
            black_from: Cell::new(0),
            lived: Cell::new(0),
            allocated_then: Cell::new(0),
            mark_work: Cell::new(0),
            released: Cell::new(0),
            idle_at: Cell::new(0),
            inspector: Cell::new(None),
        })
    }

    // ---- memory

    /// The area of the objects of so many bytes, which are not big.
    #[inline(always)]
    pub fn bump(&self, kind: Kind, bytes: usize) -> &Bump {
        &self.bumps[kind as usize + if bytes > MEDIUM { KINDS } else { 0 }]
    }

    /// Memory for an object, by the slow path.
    ///
    /// # Safety
    /// `bytes` must be a multiple of [`GRANULE`] and not 0. Before the next safepoint, and before a walk comes across them,
    /// they must hold an object of that size (I3, I4).
    #[cold]
    pub unsafe fn reserve(&self, bytes: usize, kind: Kind) -> Option<NonNull<u8>> {
        // SAFETY: passed on.
        let at = unsafe { self.find_room(bytes, kind) };
        if at.is_none() {
            self.refuse(bytes);
        }
        self.look_at_limit();
        if self.sweep.get() == Sweep::Concurrent {
            self.blocks.borrow_mut().look_ahead();
        }
        at
    }

    /// An allocation of so many bytes is refused. The next safepoint makes room, where a cycle can.
    fn refuse(&self, bytes: usize) {
        if bytes <= self.pacer.limit.bytes() {
            self.refused.set(Some(self.cycle.get()));
            self.pacer.limit.refused(self.free());
            self.poll.set(true);
        }
    }

    /// Bytes that the limit leaves to allocate, in what is swept.
    pub fn free(&self) -> usize {
        self.blocks.borrow().free(self.besides_blocks())
    }

    /// # Safety
    /// As for [`reserve`](Collector::reserve).
    unsafe fn find_room(&self, bytes: usize, kind: Kind) -> Option<NonNull<u8>> {
        if bytes > LARGE {
            return self.reserve_large(bytes, kind);
        }
        let is_big = bytes > BIG;
        let bump = if is_big { &self.bumps[2 * KINDS + kind as usize] } else { self.bump(kind, bytes) };
        // The fast path leaves big objects to this one.
        if is_big {
            // SAFETY: what it is for is passed on.
            let taken = unsafe { self.take_from(bump, bytes) };
            if taken.is_some() {
                return taken;
            }
        }
        let (occupied, marked) = (self.marker.occupied(), self.marker.marked());
        self.booked(bump.retire(occupied, marked));
        if !bump.next_hole(occupied, bytes) {
            self.enter_next_block(bump, bytes, kind)?;
        }
        if self.birth.get() == BirthColor::Black {
            bump.blacken(marked);
        }
        // SAFETY: what it is for is passed on.
        unsafe { self.take_from(bump, bytes) }
    }

    /// Takes an object from the current hole, or one that begins in it and ends behind its block.
    ///
    /// # Safety
    /// As for [`reserve`](Collector::reserve); at most [`LARGE`].
    unsafe fn take_from(&self, bump: &Bump, bytes: usize) -> Option<NonNull<u8>> {
        // SAFETY: passed on.
        if let Some(at) = unsafe { bump.take(bytes) } {
            return Some(at);
        }
        let (block, end) = bump.across(bytes)?;
        let outside = self.besides_blocks();
        // SAFETY: the block is one that the area is in: this heap's, and the mutator's (I7).
        unsafe { self.blocks.borrow_mut().arena.extend(block, end, outside) }.ok()?;
        // SAFETY: there is room, as was just said; the rest is passed on.
        Some(unsafe { bump.take_across(bytes) })
    }

    /// Moves the area to a block that has a hole for the object.
    fn enter_next_block(&self, bump: &Bump, bytes: usize, kind: Kind) -> Option<()> {
        let occupied = self.marker.occupied();
        let (run, other) = if bytes > BIG { (BIG_RUN, 1) } else { (1, BIG_RUN) };
        // SAFETY: `offer` and `take` give blocks that are swept and the mutator's (I7), and that no area has: those are on no
        // line. All are left before the next sweep begins (`retire_holes`).
        let fits = |block| unsafe { bump.enter_block(block, occupied, bytes) };
        let outside = self.besides_blocks();
        let mut blocks = self.blocks.borrow_mut();
        // A hole for it is found in some of the blocks, but a search through all of them has no bound: a few are tried
        // before an empty block is taken, and all only at the limit.
        if blocks.offer(kind, run, TRIES, fits) {
            return Some(());
        }
        blocks.sweep_for(kind, run);
        if blocks.offer(kind, run, TRIES, fits) {
            return Some(());
        }
        match blocks.take(kind, run, outside) {
            Ok(block) => fits(block),
            Err(Full) => [run, other].into_iter().any(|run| blocks.offer(kind, run, usize::MAX, fits)),
        }
        .then_some(())
    }

    fn reserve_large(&self, bytes: usize, kind: Kind) -> Option<NonNull<u8>> {
        let room = bytes.checked_add(FIRST_GRANULE * GRANULE)?;
        let outside = self.besides_blocks();
        let block = self.blocks.borrow_mut().take_large(room.div_ceil(PAGE), kind, outside).ok()?;
        let granules = (bytes / GRANULE).min(GRANULES - FIRST_GRANULE);
        // SAFETY: a new block is swept, and the mutator's (I7).
        bitmap::set_run(unsafe { block.bits(self.marker.occupied()) }, FIRST_GRANULE, granules);
        if self.birth.get() == BirthColor::Black {
            // SAFETY: as above.
            bitmap::set_run(unsafe { block.bits(self.marker.marked()) }, FIRST_GRANULE, granules);
        }
        self.counters.large_objects.set(self.counters.large_objects.get() + 1);
        self.booked(bytes);
        // SAFETY: a granule of the block.
        let at = unsafe { block.at(FIRST_GRANULE) };
        poison::unpoison(at, bytes);
        Some(at)
    }

    /// Memory for an object of a fixed size, by the slow path, with its header.
    ///
    /// # Safety
    /// `bytes` must be the size of an object of this type, and its payload be written before the next safepoint.
    #[cold]
    #[inline(never)]
    pub unsafe fn reserve_object(&self, bytes: usize, kind: Kind, info: &'static TypeInfo) -> Option<ObjectPtr> {
        // SAFETY: whole granules, as the size of an object is; the header is written below, the rest is passed on.
        let at = unsafe { self.reserve(bytes, kind) }?;
        // SAFETY: the bytes were just taken, and have room for a header.
        Some(unsafe { ObjectPtr::write(at, info) })
    }

    /// Whether the limit leaves room for so many more bytes outside the heap. Where it does not, the collector is told
    /// that there is need.
    pub fn has_room_outside(&self, bytes: usize) -> bool {
        let has_room = self.leaves_room(bytes);
        if !has_room {
            self.refuse(bytes);
        }
        has_room
    }

    /// Whether the limit leaves room for so many more bytes outside the heap.
    pub fn leaves_room(&self, bytes: usize) -> bool {
        self.blocks.borrow().has_room_besides(self.outside().saturating_add(bytes))
    }

    /// Bytes outside of blocks that count towards the limit: those that objects own, and those that the collector's own
    /// lists and tables take. None of these may be borrowed.
    pub fn outside(&self) -> usize {
        self.pacer.external().saturating_add(self.marker.bytes() + self.lists())
    }

    /// Bytes that the lists of roots and the table of strings take.
    fn lists(&self) -> usize {
        let roots = self.roots.borrow().bytes() + self.stacks.borrow().areas.bytes();
        let tables = self.guardians.borrow().areas.bytes() + self.strings.borrow().bytes();
        self.counted_locals(0) + roots + tables
    }

    /// Bytes of the lists of locals that count towards the limit, if these take so many more: those beyond a quarter of the
    /// limit. Each local takes 8 bytes, which an embedder who fills a heap to the brim does not think of.
    pub fn counted_locals(&self, more: usize) -> usize {
        (self.locals() + more).saturating_sub(self.pacer.limit.bytes() / 4)
    }

    /// Bytes of the lists of locals.
    pub fn locals(&self) -> usize {
        self.shadow.bytes() + self.escapes.bytes()
    }

    /// What counts towards the limit of so many more bytes of locals.
    pub fn counted_growth_of_locals(&self, bytes: usize) -> usize {
        self.counted_locals(bytes) - self.counted_locals(0)
    }

    /// Bytes that do not belong to blocks under the limit. When these have taken all that is theirs, the lists of roots can
    /// still grow by an eighth: a program that looks after each allocation has room to root what it allocated.
    fn besides_blocks(&self) -> usize {
        self.outside().saturating_add((self.lists() / 8).max(LISTS))
    }

    /// A table of the kit takes other memory outside the heap than before.
    pub fn table_changed(&self, before: usize, after: usize) {
        if before != after && self.pacer.table_changed(before, after) {
            self.poll.set(true);
        }
        self.look_at_limit();
    }

    /// Objects own `delta` bytes more outside the heap than before.
    pub fn external_changed(&self, delta: isize) {
        if self.pacer.external_changed(delta) {
            self.poll.set(true);
        }
        self.look_at_limit();
    }

    /// Books allocated bytes, a hole at a time.
    fn booked(&self, bytes: usize) {
        self.counters.bytes_allocated.set(self.counters.bytes_allocated.get() + bytes as u64);
        if self.birth.get() == BirthColor::Black {
            self.born_black.set(self.born_black.get() + bytes);
        }
        if self.pacer.allocated(bytes) {
            self.poll.set(true);
        }
    }

    /// Where little is left under the limit the next safepoint has something to do.
    fn look_at_limit(&self) {
        if self.pacer.limit.exists()
            && self.pacer.pace.automatic
            && self.free() < self.pacer.wanted_free(self.phase.get() == Phase::Idle)
        {
            self.poll.set(true);
        }
    }

    /// Bytes allocated in the open holes and not booked yet.
    pub fn open_bytes(&self) -> usize {
        self.bumps.iter().map(Bump::taken).sum()
    }

    /// Whether the mutator may go on before the next step of the cycle, though `poll` says that safepoints have to look.
    #[cold]
    #[inline(never)]
    pub fn is_between_steps(&self) -> bool {
        self.phase.get() != Phase::Idle
            && !self.stress
            && self.refused.get().is_none()
            && !self.is_short()
            && self.pacer.is_too_early(self.open_bytes())
    }

    /// Returns whether less is free under the limit than the reserve.
    pub fn is_short(&self) -> bool {
        self.pacer.limit.exists() && self.free() < self.pacer.reserve()
    }

    /// Books what was allocated in the open holes.
    pub fn checkpoint(&self) {
        for bump in &self.bumps {
            self.booked(bump.checkpoint(self.marker.occupied()));
        }
    }

    /// Changes the colour of new objects.
    pub fn set_birth(&self, birth: BirthColor) {
        self.checkpoint();
        if birth == BirthColor::Black && self.birth.get() != BirthColor::Black {
            self.black_from.set(self.objects_allocated());
        }
        self.birth.set(birth);
        if birth == BirthColor::Black {
            self.bumps.iter().for_each(|bump| bump.blacken(self.marker.marked()));
        }
    }

    /// Lets go of all holes and their blocks (I2). Objects are born white from here on.
    pub fn retire_holes(&self) {
        for bump in &self.bumps {
            self.booked(bump.retire(self.marker.occupied(), self.marker.marked()));
            bump.leave_block();
        }
        self.birth.set(BirthColor::White);
    }

    /// The granules of the block that a walk must skip: allocated by nobody, whatever the bitmaps say (I3).
    pub fn unused_of(&self, block: BlockPtr) -> Option<(usize, usize)> {
        self.bumps.iter().find_map(|bump| bump.unused(block))
    }

    /// The granules of the block that hold objects which `occupied` does not name yet, for the verifier.
    pub fn fresh_of(&self, block: BlockPtr) -> Option<(usize, usize)> {
        self.bumps.iter().find_map(|bump| bump.fresh(block))
    }

    pub fn objects_allocated(&self) -> usize {
        self.bumps.iter().map(|bump| bump.objects.get()).sum::<usize>() + self.counters.large_objects.get()
    }

    /// Marking has ended: books what lives and what dies. Called before the flip, with all holes retired.
    pub fn book_cycle(&self, work: usize, incremental: bool) {
        let allocated = self.objects_allocated();
        let objects = self.marker.objects.get() + (allocated - self.black_from.get());
        let born_black = self.born_black.replace(0);
        let bytes = self.marker.granules.get() * GRANULE + born_black;
        let before = self.lived.get() + (allocated - self.allocated_then.get());
        let c = &self.counters;
        c.objects_freed.set(c.objects_freed.get() + before.saturating_sub(objects) as u64);
        c.bytes_freed.set(c.bytes_freed.get() + self.pacer.heap().saturating_sub(bytes) as u64);
        c.objects_marked.set(c.objects_marked.get() + self.marker.objects.get() as u64);
        c.bytes_marked.set(c.bytes_marked.get() + (self.marker.granules.get() * GRANULE) as u64);
        c.bytes_floating.set((!incremental).then_some(0));
        self.lived.set(objects);
        self.allocated_then.set(allocated);
        let time = self.times.in_phase(Phase::Mark) + self.times.in_phase(Phase::MarkTermination);
        self.pacer.marking_ended(bytes, born_black, work, time);
        if !self.pacer.pace.automatic {
            return;
        }
        self.poll.set(true);
    }

    // ---- barriers

    /// The write barrier of `slot.set`, before the store, and of whatever else replaces one value by another (`()` where
    /// there is none). Only while the barriers are on.
    #[inline(always)]
    pub fn before_write<B: Barrier, O: Trace, N: Trace>(&self, old: &O, new: &N) {
        let pass = |tracer: &mut Tracer<'_>| {
            if const { B::RULES.shade_old } {
                old.trace(tracer);
            }
            if const { B::RULES.shade_new } {
                new.trace(tracer);
            }
        };
        // SAFETY: where there are many they are looked at, here and in `before_root_write`, the only callers. The values are
        // usable just now.
        if unsafe { self.marker.note(const { O::MAX_POINTERS.saturating_add(N::MAX_POINTERS) }, pass) } {
            self.look_at_batch();
        }
    }

    /// Shades what barriers have noted. They owe steps for it, however little is allocated.
    #[cold]
    #[inline(never)]
    fn look_at_batch(&self) {
        self.marker.look_at_notes();
        self.saw_writes(BATCH);
    }

    /// What every write to a watched root needs, before it. The rule for the old value is the root's own.
    #[inline(always)]
    pub fn before_root_write<B: Barrier, N: Trace>(&self, new: &N) {
        // SAFETY: as in `before_write`.
        if const { B::RULES.shades_new_root() }
            && unsafe { self.marker.note(N::MAX_POINTERS, |tracer| new.trace(tracer)) }
        {
            self.marker.look_at_notes();
        }
        self.saw_writes(1);
    }

    /// Barriers have seen so many writes.
    pub fn saw_writes(&self, count: usize) {
        if self.pacer.saw_writes(count, Instant::now) {
            self.poll.set(true);
        }
    }

    /// The barrier of a mutation of a whole object, before it.
    ///
    /// # Safety
    /// The object must be live and complete, and its payload be written or borrowed exclusively by nobody yet.
    #[inline]
    pub unsafe fn before_whole_write<B: Barrier>(&self, object: ObjectPtr, needs_trace: bool) {
        if needs_trace && self.marking.get() {
            // SAFETY: passed on.
            unsafe { self.before_whole_write_marking(object, B::RULES.whole_object) };
        }
    }

    /// # Safety
    /// As for [`before_whole_write`](Collector::before_whole_write).
    #[cold]
    unsafe fn before_whole_write_marking(&self, object: ObjectPtr, rule: WholeObject) {
        let marked = self.marker.is_marked(object);
        let black = marked && !object.is_queued();
        match rule {
            // A white object is scanned when it is reached, after the mutation.
            WholeObject::GreyAgain if marked => self.marker.shade_again(object),
            WholeObject::ScanBefore if !black => {
                // SAFETY: passed on.
                unsafe { self.marker.trace_now(object) };
                self.marker.blacken(object);
            }
            WholeObject::Nothing | WholeObject::GreyAgain | WholeObject::ScanBefore => {}
        }
    }

    /// Whether an entry of a weak table may still be found: it is not one of those that die.
    pub fn may_find(&self, object: ObjectPtr) -> bool {
        !self.condemned.get() || self.marker.is_marked(object)
    }

    /// Returns whether the object is alive as far as the collector knows, for those who do not want it: does not shade.
    pub fn is_alive(&self, object: ObjectPtr) -> bool {
        if fault::is(Fault::AskingShades) && self.marking.get() {
            self.marker.shade(object);
        }
        self.may_find(object)
    }

    /// Whether a weak pointer to the object may become a strong one; shades it where the policy needs that.
    pub fn may_upgrade<B: Barrier>(&self, object: ObjectPtr) -> bool {
        if !self.may_find(object) {
            return false;
        }
        if B::RULES.upgrade_shades && self.marking.get() {
            self.marker.shade(object);
        }
        true
    }

    /// Roots a pointer for the current scope, by the rule for roots.
    #[inline(always)]
    pub fn push_root<B: Barrier>(&self, area: &PointerArea, object: ObjectPtr) {
        if const { B::RULES.shades_new_root() } && self.watch_roots.get() {
            self.marker.shade(object);
        }
        area.push(object);
    }

    /// Drops roots down to `len`, by the rule for roots.
    #[inline(always)]
    pub fn truncate_roots<B: Barrier>(&self, area: &PointerArea, len: usize) {
        if const { B::RULES.watches_roots() } && self.watch_roots.get() {
            area.truncate_watched(len, &B::RULES, &self.marker);
        } else {
            area.truncate(len);
        }
    }

    /// Books an interruption of the mutator.
    pub fn paused(&self, time: Duration) {
        self.times.paused(time);
    }
}
