//! [`StackArea`]: what the collector knows of a stack, and its memory.

use core::alloc::Layout;
use core::cell::{Cell, RefCell};
use core::ops::Range;
use core::ptr::NonNull;
use std::sync::atomic::AtomicBool;
#[cfg(feature = "unsound-policies")]
use std::sync::atomic::Ordering;

use bitvec::vec::BitVec;

use crate::barrier::rules::{RootWrite, Rules};
use crate::cycle::drain::RootScan;
use crate::cycle::mark::Marker;
use crate::cycle::meter::{EDGE_COST, Meter};
use crate::trace::Tracer;

/// The area's own header and memory, owned by the heap. All that the collector must know is here and never in a view:
/// a view may be forgotten.
pub(crate) struct StackArea {
    pub(super) heap: u64,
    pub(super) alive: AtomicBool,
    pub(super) data: Cell<NonNull<u8>>,
    pub(super) len: Cell<usize>,
    pub(super) capacity: Cell<usize>,
    pub(super) element: Layout,
    /// Passes the pointers of one element on.
    pub(super) trace: unsafe fn(NonNull<u8>, &mut Tracer<'_>),
    /// The cycle that `unscanned` and `dirty_from` speak of. In any other cycle the whole area is unscanned: that is
    /// how a cycle starts in constant time, however many stacks there are.
    pub(super) cycle: Cell<u64>,
    /// `[0, unscanned)` still has to be scanned.
    pub(super) unscanned: Cell<usize>,
    /// `[dirty_from, len)` has to be scanned again.
    pub(super) dirty_from: Cell<usize>,
    /// Windows were handed out over these elements in the policy's window: anything may have been written to them.
    pub(super) windowed: RefCell<Cards>,
}

/// Elements that are rescanned together.
pub(super) const CARD: usize = 64;

/// Parts of an area that are to be rescanned.
#[derive(Default)]
pub(super) struct Cards {
    /// One bit for `CARD` elements.
    dirty: BitVec,
    /// No card before this one is dirty.
    from: usize,
    /// The table lists the area among those with dirty cards.
    pub listed: bool,
}

impl Cards {
    /// Notes a range that is not empty. Returns how many cards became dirty.
    pub fn note(&mut self, range: &Range<usize>) -> usize {
        let (from, to) = (range.start / CARD, range.end.div_ceil(CARD));
        if self.dirty.len() < to {
            self.dirty.resize(to, false);
        }
        self.from = self.from.min(from);
        let noted = self.dirty[from..to].count_zeros();
        self.dirty[from..to].fill(true);
        noted
    }

    /// The next dirty card.
    pub fn next(&mut self) -> Option<usize> {
        let Some(more) = self.dirty.get(self.from..).and_then(|rest| rest.first_one()) else {
            *self = Cards { dirty: core::mem::take(&mut self.dirty), ..Cards::default() };
            return None;
        };
        self.from += more;
        Some(self.from)
    }

    /// A card has been rescanned.
    pub fn clean(&mut self, card: usize) {
        self.dirty.set(card, false);
    }

    /// Whether the element lies in a dirty card.
    pub fn has(&self, index: usize) -> bool {
        self.dirty.get(index / CARD).is_some_and(|bit| *bit)
    }
}

// SAFETY: all but `alive` is touched by the heap's mutator only (see `Stack`).
unsafe impl Send for StackArea {}
// SAFETY: as above.
unsafe impl Sync for StackArea {}

impl Drop for StackArea {
    fn drop(&mut self) {
        if self.capacity.get() * self.element.size() != 0 {
            // SAFETY: the memory was allocated with this layout by `grow`.
            unsafe { std::alloc::dealloc(self.data.get().as_ptr(), self.layout(self.capacity.get())) };
        }
    }
}

impl StackArea {
    pub(super) fn layout(&self, capacity: usize) -> Layout {
        Layout::from_size_align(
            self.element.size().checked_mul(capacity).expect("a Stack is larger than the address space"),
            self.element.align(),
        )
        .expect("a Stack is larger than the address space")
    }

    #[cold]
    #[inline(never)]
    pub(super) fn grow(&self, wanted: usize) {
        let capacity = wanted.max(self.capacity.get() * 2).max(16);
        let layout = self.layout(capacity);
        if layout.size() != 0 {
            // SAFETY: the size is not zero, and the old memory has the old layout.
            let data = unsafe {
                if self.capacity.get() == 0 {
                    std::alloc::alloc(layout)
                } else {
                    std::alloc::realloc(self.data.get().as_ptr(), self.layout(self.capacity.get()), layout.size())
                }
            };
            self.data.set(NonNull::new(data).unwrap_or_else(|| std::alloc::handle_alloc_error(layout)));
        }
        self.capacity.set(capacity);
    }

    #[inline(always)]
    pub(super) fn at(&self, index: usize) -> NonNull<u8> {
        // SAFETY: callers stay within the capacity.
        unsafe { self.data.get().add(index * self.element.size()) }
    }

    pub(super) fn shade(&self, index: usize, marker: &Marker) {
        // SAFETY: callers stay below `len`: an initialized element of the type that `trace` is for.
        unsafe { (self.trace)(self.at(index), &mut Tracer::shading(marker)) };
    }

    /// What lies here, and how far the collector has come with it.
    #[cfg(feature = "unsound-policies")]
    pub(super) fn digest(&self, is_read: bool, digest: &mut crate::observe::digest::Digest<'_>) {
        let StackArea {
            heap: _,
            alive,
            data: _,
            len,
            capacity: _,
            element: _,
            trace: _,
            cycle,
            unscanned,
            dirty_from,
            windowed,
        } = self;
        let alive = alive.load(Ordering::Acquire);
        digest.flag(alive);
        // Nobody looks at what the others held.
        if alive || is_read {
            let mut pointers = Vec::new();
            digest.number(len.get());
            for index in 0..len.get() {
                pointers.clear();
                // SAFETY: below `len`.
                unsafe { (self.trace)(self.at(index), &mut Tracer::listing(&mut pointers)) };
                digest.objects(&pointers);
            }
        }
        if let Some(now) = digest.marking {
            digest.flag(cycle.get() == now);
            if cycle.get() == now {
                digest.number(unscanned.get());
                digest.number(dirty_from.get());
                let Cards { dirty, from, listed } = &*windowed.borrow();
                dirty.iter_ones().for_each(|card| digest.number(card));
                digest.number(*from);
                digest.flag(*listed);
            }
        }
    }

    /// Makes `unscanned` and `dirty_from` speak of this cycle.
    pub(super) fn enter_cycle(&self, cycle: u64) {
        if self.cycle.replace(cycle) != cycle {
            self.unscanned.set(self.len.get());
            self.dirty_from.set(self.len.get());
            debug_assert!(!self.windowed.borrow().listed, "the last cycle's window closed before it was rescanned");
        }
    }

    /// The rule for a write of an element, before it, where what is new needs no look.
    #[cold]
    #[inline(never)]
    pub(super) fn write_watched(&self, index: usize, rules: &Rules, marker: &Marker, cycle: u64) {
        self.enter_cycle(cycle);
        if rules.shades_old_root() && index < self.unscanned.get().min(self.len.get()) {
            self.shade(index, marker);
        }
        if rules.root_write == RootWrite::NoteDirty {
            self.dirty_from.set(self.dirty_from.get().min(index));
        }
    }

    /// The rule for the loss of all elements from `len` on.
    #[cold]
    #[inline(never)]
    pub(super) fn truncate_watched(&self, len: usize, rules: &Rules, marker: &Marker, cycle: u64) {
        if rules.shades_popped_root() || rules.window_is_derived {
            self.enter_cycle(cycle);
        }
        if rules.shades_popped_root() {
            for index in len..self.unscanned.get().min(self.len.get()) {
                self.shade(index, marker);
            }
        }
        if self.cycle.get() == cycle {
            self.unscanned.set(self.unscanned.get().min(len));
            self.dirty_from.set(self.dirty_from.get().min(len));
        }
    }

    /// Scans from the top down until the budget is used up; true: all is scanned.
    pub(super) fn scan(&self, marker: &Marker, meter: &mut Meter, cycle: u64) -> bool {
        self.enter_cycle(cycle);
        let mut at = self.unscanned.get().min(self.len.get());
        let mut scan = RootScan::new(marker);
        while at > 0 {
            at -= 1;
            // SAFETY: as in `shade`.
            unsafe { (self.trace)(self.at(at), scan.tracer()) };
            if meter.spend(self.element.size() + EDGE_COST) {
                break;
            }
        }
        self.unscanned.set(at);
        at == 0
    }

    /// Scans a card again.
    pub(super) fn rescan_card(&self, card: usize, marker: &Marker, meter: &mut Meter) {
        let mut scan = RootScan::new(marker);
        for index in card * CARD..((card + 1) * CARD).min(self.len.get()) {
            // SAFETY: as in `shade`.
            unsafe { (self.trace)(self.at(index), scan.tracer()) };
            meter.spend(self.element.size() + EDGE_COST);
        }
        meter.spend(1);
    }
}
