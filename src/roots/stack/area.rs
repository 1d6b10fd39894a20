//! [`StackArea`]: the memory of a stack, with its scan watermark.

use core::alloc::Layout;
use core::cell::{Cell, RefCell};
use core::ptr::NonNull;

use super::cards::{CARD, Cards};
use crate::barrier::rules::{RootWrite, Rules};
use crate::mark::budget::{EDGE_COST, Meter};
use crate::mark::drain::RootScan;
use crate::mark::marker::Marker;
use crate::mark::tracer::Tracer;
use crate::memory::{NoMemory, may_allocate};
use crate::roots::table::{Area, Head};

/// Least capacity that a stack allocates first, in elements.
const FIRST: usize = 16;

/// A stack, owned by the heap. All that the collector must know of it is here and never in a view: a view may be leaked
/// by `mem::forget`.
#[repr(C)]
pub(crate) struct StackArea {
    pub(crate) head: Head,
    pub(crate) data: Cell<NonNull<u8>>,
    pub(crate) len: Cell<usize>,
    pub(crate) capacity: Cell<usize>,
    pub(crate) element: Layout,
    /// Passes the pointers of one element to a tracer.
    pub(crate) trace: unsafe fn(NonNull<u8>, &mut Tracer<'_>),
    /// The cycle to which `watermark` and `dirty_from` refer. In any other cycle the whole area is unscanned: so a
    /// cycle starts in constant time, however many stacks there are.
    pub(crate) cycle: Cell<u64>,
    /// The scan watermark: `[0, watermark)` still has to be scanned.
    pub(crate) watermark: Cell<usize>,
    /// `[dirty_from, len)` has to be scanned again.
    pub(crate) dirty_from: Cell<usize>,
    /// Cards lent as cells (`StackView::cells`) in the root-scanning window: they may have been written, and are
    /// rescanned before it closes.
    pub(crate) lent: RefCell<Cards>,
    /// The next area with lent cards.
    pub(crate) next_lent: Cell<Option<NonNull<StackArea>>>,
}

// SAFETY: a `StackArea` begins with its head; `Stack::open` checks the heap's number, and all other accesses are the
// table's; `release` gives its memory back.
unsafe impl Area for StackArea {
    fn head(&self) -> &Head {
        &self.head
    }

    fn is_scanned(&self, cycle: u64) -> bool {
        self.cycle.get() == cycle && self.watermark.get() == 0
    }

    fn is_held(&self) -> bool {
        self.lent.borrow().listed
    }

    fn release(&self) -> usize {
        let bytes = self.bytes();
        self.free();
        self.lent.take();
        bytes
    }
}

impl StackArea {
    /// Makes an empty stack for elements of that layout, which `trace` traces.
    pub(crate) fn new(
        head: Head,
        element: Layout,
        trace: unsafe fn(NonNull<u8>, &mut Tracer<'_>),
        cycle: u64,
    ) -> StackArea {
        StackArea {
            head,
            data: Cell::new(NonNull::dangling()),
            len: Cell::new(0),
            capacity: Cell::new(0),
            element,
            trace,
            // A new area is empty: no element is part of a snapshot, and each is dirty once it is written.
            cycle: Cell::new(cycle),
            watermark: Cell::new(0),
            dirty_from: Cell::new(0),
            lent: RefCell::new(Cards::default()),
            next_lent: Cell::new(None),
        }
    }

    fn layout(&self, capacity: usize) -> Result<Layout, NoMemory> {
        let bytes = self.element.size().checked_mul(capacity).ok_or(NoMemory)?;
        Layout::from_size_align(bytes, self.element.align()).map_err(|_| NoMemory)
    }

    /// Returns the bytes of memory that the stack owns.
    pub(crate) fn bytes(&self) -> usize {
        self.capacity.get() * self.element.size() + self.lent.borrow().bytes()
    }

    /// Returns the new capacity when there must be room for `wanted` elements: the usual one, and the least.
    pub(crate) fn capacities(&self, wanted: usize) -> [usize; 2] {
        let least = wanted.max(self.capacity.get().saturating_add(self.capacity.get() / 16));
        [wanted.max(self.capacity.get().saturating_mul(2)).max(FIRST), least]
    }

    /// Changes the capacity, which must be at least `len`.
    pub(crate) fn resize(&self, capacity: usize) -> Result<(), NoMemory> {
        debug_assert!(capacity >= self.len.get());
        let (old, new) = (self.layout(self.capacity.get())?, self.layout(capacity)?);
        if capacity > self.capacity.get() {
            self.lent.borrow_mut().make_room(capacity)?;
        }
        if new.size() == 0 {
            self.free();
        } else if new.size() != old.size() {
            if !may_allocate() {
                return Err(NoMemory);
            }
            // SAFETY: the size is not zero, and the old memory has the old layout.
            let data = unsafe {
                match old.size() {
                    0 => std::alloc::alloc(new),
                    _ => std::alloc::realloc(self.data.get().as_ptr(), old, new.size()),
                }
            };
            self.data.set(NonNull::new(data).ok_or(NoMemory)?);
        }
        self.capacity.set(capacity);
        Ok(())
    }

    /// Frees the memory of the elements.
    fn free(&self) {
        if let Ok(layout) = self.layout(self.capacity.replace(0))
            && layout.size() != 0
        {
            // SAFETY: the memory was allocated with this layout by `resize`.
            unsafe { std::alloc::dealloc(self.data.get().as_ptr(), layout) };
        }
        self.data.set(NonNull::dangling());
    }

    /// Gives unused capacity back.
    pub(crate) fn shrink(&self) {
        // Where the system has no memory for a smaller piece, the capacity stays.
        if self.resize(self.len.get()).is_ok() && !self.is_held() {
            self.lent.borrow_mut().shrink(self.len.get());
        }
    }

    #[inline(always)]
    pub(crate) fn at(&self, index: usize) -> NonNull<u8> {
        // SAFETY: callers stay within the capacity.
        unsafe { self.data.get().add(index * self.element.size()) }
    }

    pub(crate) fn shade(&self, index: usize, marker: &Marker) {
        // SAFETY: callers stay below `len`, so this is an initialized element of the type that `trace` is for.
        unsafe { (self.trace)(self.at(index), &mut Tracer::shading(marker)) };
    }

    /// Digests the elements, and the state of their scan.
    #[cfg(grisaille_faults)]
    pub(crate) fn digest(&self, is_read: bool, digest: &mut crate::space::digest::Digest<'_>) {
        let StackArea {
            head,
            data: _,
            len,
            capacity: _,
            element: _,
            trace: _,
            cycle,
            watermark,
            dirty_from,
            lent,
            next_lent: _,
        } = self;
        let alive = head.is_alive();
        digest.flag(alive);
        // The elements of the other stacks are never read.
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
                digest.number(watermark.get());
                digest.number(dirty_from.get());
                lent.borrow().digest(digest);
            }
        }
    }

    /// Makes `watermark` and `dirty_from` refer to this cycle.
    pub(crate) fn enter_cycle(&self, cycle: u64) {
        if self.cycle.replace(cycle) != cycle {
            self.watermark.set(self.len.get());
            self.dirty_from.set(self.len.get());
            debug_assert!(!self.lent.borrow().listed, "the last cycle's window closed before it was rescanned");
        }
    }

    /// Applies the policy's rule for the old value of an element, before it is written.
    #[cold]
    #[inline(never)]
    pub(crate) fn write_watched(&self, index: usize, rules: &Rules, marker: &Marker, cycle: u64) {
        self.enter_cycle(cycle);
        if rules.shades_old_root() && index < self.watermark.get().min(self.len.get()) {
            self.shade(index, marker);
        }
        if rules.root_write == RootWrite::NoteDirty {
            self.dirty_from.set(self.dirty_from.get().min(index));
        }
    }

    /// Applies the policy's rule for the removal of all elements from `len` on.
    #[cold]
    #[inline(never)]
    pub(crate) fn truncate_watched(&self, len: usize, rules: &Rules, marker: &Marker, cycle: u64) {
        if rules.shades_popped_root() || rules.only_in_tests.window_is_derived() {
            self.enter_cycle(cycle);
        }
        if rules.shades_popped_root() {
            for index in len..self.watermark.get().min(self.len.get()) {
                self.shade(index, marker);
            }
        }
        if self.cycle.get() == cycle {
            self.watermark.set(self.watermark.get().min(len));
            self.dirty_from.set(self.dirty_from.get().min(len));
        }
    }

    /// Applies the policy's rule for the removal of all elements from `len` on, which go to an object. Returns whether
    /// some of them were still to be scanned and are part of a snapshot: then the object must become grey.
    pub(crate) fn cut_watched(&self, len: usize, rules: &Rules, cycle: u64) -> bool {
        if rules.shades_popped_root() {
            self.enter_cycle(cycle);
        }
        if self.cycle.get() != cycle {
            return false;
        }
        let unscanned = len < self.watermark.get().min(self.len.get());
        self.watermark.set(self.watermark.get().min(len));
        self.dirty_from.set(self.dirty_from.get().min(len));
        unscanned && rules.shades_popped_root()
    }

    /// Scans from the top down until the budget is used up. Returns whether all elements are scanned.
    pub(crate) fn scan(&self, marker: &Marker, meter: &mut Meter, cycle: u64) -> bool {
        self.enter_cycle(cycle);
        let mut at = self.watermark.get().min(self.len.get());
        let mut scan = RootScan::new(marker);
        while at > 0 {
            at -= 1;
            // SAFETY: as in `shade`.
            unsafe { (self.trace)(self.at(at), scan.tracer()) };
            if meter.spend(self.element.size() + EDGE_COST) {
                break;
            }
        }
        self.watermark.set(at);
        at == 0
    }

    /// Rescans a card.
    pub(crate) fn rescan_card(&self, card: usize, marker: &Marker, meter: &mut Meter) {
        let mut scan = RootScan::new(marker);
        for index in card * CARD..((card + 1) * CARD).min(self.len.get()) {
            // SAFETY: as in `shade`.
            unsafe { (self.trace)(self.at(index), scan.tracer()) };
            meter.spend(self.element.size() + EDGE_COST);
        }
        meter.spend(1);
    }
}
