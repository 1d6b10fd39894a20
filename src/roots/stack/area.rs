//! [`StackArea`]: what the collector knows of a stack, and its memory.

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

/// Elements of a stack's first memory.
const FIRST: usize = 16;

/// The area's own header and memory, owned by the heap. All that the collector must know is here and never in a view:
/// a view may be forgotten.
#[repr(C)]
pub(crate) struct StackArea {
    pub(crate) head: Head,
    pub(crate) data: Cell<NonNull<u8>>,
    pub(crate) len: Cell<usize>,
    pub(crate) capacity: Cell<usize>,
    pub(crate) element: Layout,
    /// Passes the pointers of one element on.
    pub(crate) trace: unsafe fn(NonNull<u8>, &mut Tracer<'_>),
    /// The cycle that `watermark` and `dirty_from` speak of. In any other cycle the whole area is unscanned: that is
    /// how a cycle starts in constant time, however many stacks there are.
    pub(crate) cycle: Cell<u64>,
    /// The scan watermark: `[0, watermark)` still has to be scanned.
    pub(crate) watermark: Cell<usize>,
    /// `[dirty_from, len)` has to be scanned again.
    pub(crate) dirty_from: Cell<usize>,
    /// Cards that were lent as cells in the policy's window: anything may have been written to them, so they are
    /// rescanned before the window closes.
    pub(crate) lent: RefCell<Cards>,
    /// The next of the areas with such elements.
    pub(crate) next_lent: Cell<Option<NonNull<StackArea>>>,
}

// SAFETY: it begins with its head; `Stack::open` checks the heap's number, and all else is the table's; its memory is
// given back by `release`.
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
    /// A stack of no elements of that layout, which `trace` traces.
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
            // A new area is empty: nothing of it is part of a snapshot, all of it is dirty when written.
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

    /// Bytes of memory that it owns.
    pub(crate) fn bytes(&self) -> usize {
        self.capacity.get() * self.element.size() + self.lent.borrow().bytes()
    }

    /// What the capacity becomes when there is to be room for so many, and with as little as possible.
    pub(crate) fn capacities(&self, wanted: usize) -> [usize; 2] {
        let least = wanted.max(self.capacity.get().saturating_add(self.capacity.get() / 16));
        [wanted.max(self.capacity.get().saturating_mul(2)).max(FIRST), least]
    }

    /// Changes the capacity, which is to be at least `len`.
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

    /// Gives its memory back.
    fn free(&self) {
        if let Ok(layout) = self.layout(self.capacity.replace(0))
            && layout.size() != 0
        {
            // SAFETY: the memory was allocated with this layout by `resize`.
            unsafe { std::alloc::dealloc(self.data.get().as_ptr(), layout) };
        }
        self.data.set(NonNull::dangling());
    }

    /// Gives back memory that it does not need.
    pub(crate) fn shrink(&self) {
        // Where the system has none for a smaller piece it stays as it is.
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
        // SAFETY: callers stay below `len`: an initialized element of the type that `trace` is for.
        unsafe { (self.trace)(self.at(index), &mut Tracer::shading(marker)) };
    }

    /// What lies here, and how far the collector has come with it.
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
                digest.number(watermark.get());
                digest.number(dirty_from.get());
                lent.borrow().digest(digest);
            }
        }
    }

    /// Makes `watermark` and `dirty_from` speak of this cycle.
    pub(crate) fn enter_cycle(&self, cycle: u64) {
        if self.cycle.replace(cycle) != cycle {
            self.watermark.set(self.len.get());
            self.dirty_from.set(self.len.get());
            debug_assert!(!self.lent.borrow().listed, "the last cycle's window closed before it was rescanned");
        }
    }

    /// The rule for a write of an element, before it, where what is new needs no look.
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

    /// The rule for the loss of all elements from `len` on.
    #[cold]
    #[inline(never)]
    pub(crate) fn truncate_watched(&self, len: usize, rules: &Rules, marker: &Marker, cycle: u64) {
        if rules.shades_popped_root() || rules.window_is_derived {
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

    /// Scans from the top down until the budget is used up; true: all is scanned.
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

    /// Scans a card again.
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
