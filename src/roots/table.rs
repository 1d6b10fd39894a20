//! [`HandleTable`]: the areas behind the handles of one kind ([`Persistent`](crate::Persistent),
//! [`Stack`](crate::Stack), [`Guardian`](crate::Guardian)) of a heap.
//!
//! Areas lie in pages of up to 64, which never move: a million of them are made, dropped and scanned a page at a time.
//! What else was tried is in `docs/experiments.md`, "Steps with a million of something".
//!
//! # Who owns an area
//!
//! Its handle and its heap, whichever lives longer; one atomic says which of them exist. A dropped handle leaves the
//! area to the heap, which frees it in a later step; a dropped heap leaves it to the handle. All but the head of an
//! area is touched by the heap's mutator only.

use core::alloc::Layout;
use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::collections::BinaryHeap;

use crate::memory::pieces::Pieces;
use crate::memory::{NoMemory, allocate, may_allocate, reserve_one};
use crate::sync::atomic::{AtomicU8, AtomicUsize, Ordering, fence};
use crate::sync::watch::Touched;

/// Most areas of a page.
const CELLS: usize = 64;
/// Most areas of the first page for a size.
const FIRST_CELLS: usize = 8;
/// Bytes of areas in a page, unless one area is larger.
const PAGE: usize = 16 * 1024;
/// Number of areas below which adding one does not look for areas whose handle is gone.
const FEW: usize = 64;
/// Number of areas added after which one page is reaped: so about half of all areas are live at the least.
const ADDED: usize = CELLS / 2;

/// Handle and heap exist.
const BOTH: u8 = 0;
/// Only the heap exists.
const HEAP: u8 = 1;
/// Only the handle exists.
const HANDLE: u8 = 2;

/// The head, with which each area begins.
pub(crate) struct Head {
    /// The number of the heap to which the area belongs.
    pub heap: u64,
    /// The area's offset in its page, in bytes.
    offset: u32,
    owners: AtomicU8,
    touched: Touched,
}

impl Head {
    /// Returns whether the handle exists, while the heap does.
    pub(crate) fn is_alive(&self) -> bool {
        self.owners.load(Ordering::Acquire) == BOTH
    }
}

/// The type of the areas behind a kind of handles.
///
/// # Safety
/// An area must begin with its [`Head`] (`repr(C)`), which `head` returns. All else in it must be touched, through its
/// handle too, only by the mutator of the heap that the head names; and `release` must leave nothing to be dropped.
pub(crate) unsafe trait Area {
    fn head(&self) -> &Head;

    /// Returns whether the area was wholly scanned in this cycle, or need not be.
    fn is_scanned(&self, cycle: u64) -> bool;

    /// Returns whether another list than the table's still has the area.
    fn is_held(&self) -> bool {
        false
    }

    /// Frees what the area owns, and returns the bytes of that. Only the area's head is used after this.
    fn release(&self) -> usize;
}

/// The handle of an area.
pub(crate) struct Handle<A: Area>(NonNull<A>);

// SAFETY: all but the head of an area is touched by the mutator of its heap only, on whatever thread (`Area`'s
// contract); the drop is an exchange of an atomic.
unsafe impl<A: Area> Send for Handle<A> {}
// SAFETY: as above.
unsafe impl<A: Area> Sync for Handle<A> {}

impl<A: Area> Handle<A> {
    #[inline(always)]
    pub(crate) fn as_ptr(&self) -> NonNull<A> {
        self.0
    }
}

impl<A: Area> core::ops::Deref for Handle<A> {
    type Target = A;
    #[inline(always)]
    fn deref(&self) -> &A {
        // SAFETY: the area exists as long as its handle.
        unsafe { self.0.as_ref() }
    }
}

impl<A: Area> Drop for Handle<A> {
    fn drop(&mut self) {
        let offset = self.head().offset as usize;
        self.head().touched.reads();
        // If the heap exists, the area must not be touched after the exchange: its memory may be in use for another.
        if self.head().owners.swap(HEAP, Ordering::AcqRel) == HANDLE {
            // SAFETY: the page begins `offset` bytes before the area, whose pointer was made from the page's; the area
            // is this handle's alone.
            unsafe { PagePtr(self.0.cast::<u8>().sub(offset).cast()).leave() };
        }
    }
}

/// An area, found by its table. (A reference would not give access to the memory behind an `A`.)
pub(crate) struct Found<'t, A>(NonNull<A>, PhantomData<&'t A>);

impl<A> Clone for Found<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Found<'_, A> {}

impl<A> Found<'_, A> {
    pub(crate) fn as_ptr(self) -> NonNull<A> {
        self.0
    }
}

impl<A> core::ops::Deref for Found<'_, A> {
    type Target = A;
    #[inline(always)]
    fn deref(&self) -> &A {
        // SAFETY: the area exists as long as the table is borrowed.
        unsafe { self.0.as_ref() }
    }
}

/// A page, which is followed by areas of one size.
struct Page {
    layout: Layout,
    /// Index of its areas' class.
    class: usize,
    /// Bytes of an area, and the offset of the first one.
    stride: usize,
    first: usize,
    cells: usize,
    /// A bit for each cell that holds an area.
    occupied: Cell<u64>,
    /// The page's index in the table's list.
    number: Cell<usize>,
    /// The page's neighbours among the pages of its class that have room.
    next: Cell<Option<PagePtr>>,
    previous: Cell<Option<PagePtr>>,
    /// Number of areas that still use the page after the heap is gone, and one more while the heap leaves it.
    left: AtomicUsize,
    touched: Touched,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct PagePtr(NonNull<Page>);

impl core::ops::Deref for PagePtr {
    type Target = Page;
    #[inline(always)]
    fn deref(&self) -> &Page {
        // SAFETY: a page exists as long as its table, or an area in it: only these dereference it.
        unsafe { self.0.as_ref() }
    }
}

impl PagePtr {
    /// Makes a page for areas with that layout, all free.
    fn new(cell: Layout, class: usize, cells: usize) -> Result<PagePtr, NoMemory> {
        let (layout, first) = layout_of(cell, cells)?;
        let page = allocate(layout)?.cast::<Page>();
        // SAFETY: the memory is new, and begins with room for a page.
        unsafe {
            page.write(Page {
                layout,
                class,
                stride: cell.size(),
                first,
                cells,
                occupied: Cell::new(0),
                number: Cell::new(0),
                next: Cell::new(None),
                previous: Cell::new(None),
                left: AtomicUsize::new(0),
                touched: Touched::new(),
            });
        }
        Ok(PagePtr(page))
    }

    /// # Safety
    /// Neither the page nor any area in it may be used any more.
    unsafe fn free(self) {
        self.touched.writes();
        #[cfg(all(test, loom))]
        loom::freed();
        // SAFETY: the page was allocated with that layout; pages have no drop glue.
        unsafe { std::alloc::dealloc(self.0.as_ptr().cast(), self.layout) };
    }

    /// Gives up one share of a page that was left when the heap was dropped. The last one frees the page.
    ///
    /// # Safety
    /// The owner of the share must not use the page any more.
    unsafe fn leave(self) {
        self.touched.reads();
        if self.left.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            // SAFETY: it was the last share, so nobody uses the page or an area in it.
            unsafe { self.free() };
        }
    }

    fn offset(self, cell: usize) -> usize {
        self.first + cell * self.stride
    }

    /// Returns the memory of an area.
    fn cell(self, cell: usize) -> NonNull<u8> {
        debug_assert!(cell < self.cells);
        // SAFETY: within the page.
        unsafe { self.0.cast::<u8>().add(self.offset(cell)) }
    }

    fn is_full(self) -> bool {
        self.occupied.get() == u64::MAX >> (CELLS - self.cells)
    }
}

/// Returns the layout of a page, and the offset of its first area.
fn layout_of(cell: Layout, cells: usize) -> Result<(Layout, usize), NoMemory> {
    let bytes = cell.size().checked_mul(cells).ok_or(NoMemory)?;
    let areas = Layout::from_size_align(bytes, cell.align()).map_err(|_| NoMemory)?;
    let (layout, first) = Layout::new::<Page>().extend(areas).map_err(|_| NoMemory)?;
    if u32::try_from(layout.size()).is_err() { Err(NoMemory) } else { Ok((layout, first)) }
}

/// The pages for areas of one layout.
struct Class {
    cell: Layout,
    pages: usize,
    /// The first page that has room.
    vacant: Option<PagePtr>,
}

impl Class {
    fn cells(&self) -> usize {
        let most = if self.pages == 0 { FIRST_CELLS } else { CELLS };
        (PAGE / self.cell.size()).clamp(1, most)
    }

    fn link(&mut self, page: PagePtr) {
        page.previous.set(None);
        page.next.set(self.vacant.replace(page));
        if let Some(next) = page.next.get() {
            next.previous.set(Some(page));
        }
    }

    fn unlink(&mut self, page: PagePtr) {
        let (previous, next) = (page.previous.take(), page.next.take());
        match previous {
            Some(previous) => previous.next.set(next),
            None => self.vacant = next,
        }
        if let Some(next) = next {
            next.previous.set(previous);
        }
    }
}

/// Progress of the scan of an area.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// The area is scanned in part, and the budget is used up.
    InPart,
    /// The area is scanned, and the budget is used up.
    AndStops,
    /// The area is scanned.
    All,
}

/// A page without areas. The pages at the highest addresses are freed first, so that malloc, which gives free memory at
/// the end of its own back to the system, gives back a little at a time.
struct Spare(PagePtr);

impl Spare {
    fn address(&self) -> usize {
        self.0.0.addr().get()
    }
}

impl PartialEq for Spare {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl Eq for Spare {}

impl PartialOrd for Spare {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Spare {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.address().cmp(&other.address())
    }
}

/// The areas of one kind, of one heap.
pub(crate) struct HandleTable<A: Area> {
    pages: Pieces<PagePtr>,
    /// Pages without areas, to be freed one by one.
    spare: BinaryHeap<Spare>,
    classes: Vec<Class>,
    len: usize,
    /// Bytes of pages, and bytes that areas own.
    bytes: usize,
    owned: usize,
    /// The scan watermark: areas in `pages[..unscanned]` may still have to be scanned.
    unscanned: usize,
    /// The page after the one to be reaped next, and the number of areas added since the last.
    next_reaped: usize,
    added: usize,
    /// Whether areas must keep their numbers.
    keeps_all: bool,
    _areas: PhantomData<A>,
}

impl<A: Area> HandleTable<A> {
    pub(crate) fn new() -> Self {
        HandleTable {
            pages: Pieces::new(),
            spare: BinaryHeap::new(),
            classes: Vec::new(),
            len: 0,
            bytes: 0,
            owned: 0,
            unscanned: 0,
            next_reaped: 0,
            added: 0,
            keeps_all: false,
            _areas: PhantomData,
        }
    }

    /// Returns the number of areas. Areas whose handle is gone count until they are freed.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Books that an area owns `more` bytes more, and `less` fewer.
    pub(crate) fn owns(&mut self, more: usize, less: usize) {
        self.owned = self.owned + more - less;
    }

    /// Returns the bytes of memory that the table and its areas take, with what these own.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
            + self.owned
            + self.spare.capacity() * size_of::<Spare>()
            + self.pages.bytes()
            + self.classes.capacity() * size_of::<Class>()
    }

    fn class_of(&self, cell: Layout) -> Option<usize> {
        self.classes.iter().position(|class| class.cell == cell)
    }

    /// Returns the bytes that adding an area with this layout allocates.
    pub(crate) fn wanted(&self, cell: Layout) -> usize {
        let class = match self.class_of(cell).map(|at| &self.classes[at]) {
            Some(class) if class.vacant.is_some() => return 0,
            Some(class) => class.cells(),
            None => Class { cell, pages: 0, vacant: None }.cells(),
        };
        layout_of(cell, class).map_or(usize::MAX, |(layout, _)| layout.size()).saturating_add(self.pages.wanted())
    }

    /// Adds an area, which `make` makes.
    ///
    /// # Safety
    /// A `C` must begin with an `A` (`repr(C)`), and nothing else may point to it.
    pub(crate) unsafe fn add<C>(&mut self, heap: u64, make: impl FnOnce(Head) -> C) -> Result<Handle<A>, NoMemory> {
        self.added += 1;
        if self.added >= ADDED {
            self.added = 0;
            if self.len >= FEW {
                self.reap_page();
            }
        }
        let layout = const { Layout::new::<C>() };
        let number = match self.class_of(layout) {
            Some(number) => number,
            None => {
                reserve_one(&mut self.classes)?;
                self.classes.push(Class { cell: layout, pages: 0, vacant: None });
                self.classes.len() - 1
            }
        };
        let class = &mut self.classes[number];
        let page = match class.vacant {
            Some(page) => page,
            None => {
                self.pages.make_room()?;
                let page = match self.spare.pop() {
                    Some(Spare(page)) if page.class == number => page,
                    other => {
                        self.spare.extend(other);
                        let page = PagePtr::new(layout, number, class.cells())?;
                        self.bytes += page.layout.size();
                        page
                    }
                };
                page.number.set(self.pages.len());
                self.pages.push(page)?;
                class.pages += 1;
                class.link(page);
                page
            }
        };
        let cell = page.occupied.get().trailing_ones() as usize;
        let head =
            Head { heap, offset: page.offset(cell) as u32, owners: AtomicU8::new(BOTH), touched: Touched::new() };
        let at = page.cell(cell).cast::<C>();
        // SAFETY: the cell is free, and large and aligned enough for a `C`.
        unsafe { at.write(make(head)) };
        page.occupied.set(page.occupied.get() | 1 << cell);
        if page.is_full() {
            class.unlink(page);
        }
        self.len += 1;
        Ok(Handle(at.cast()))
    }

    /// Returns an area, which must exist as long as the result is used.
    fn area<'t>(page: PagePtr, cell: usize) -> Found<'t, A> {
        debug_assert!(page.occupied.get() >> cell & 1 != 0);
        Found(page.cell(cell).cast(), PhantomData)
    }

    /// Frees an area whose handle is gone.
    fn forget(&mut self, page: PagePtr, cell: usize) {
        let area = Self::area(page, cell);
        debug_assert!(!area.head().is_alive());
        // Its memory may be in use for another area from here on.
        area.head().touched.writes();
        self.owned -= area.release();
        self.len -= 1;
        let was_full = page.is_full();
        page.occupied.set(page.occupied.get() & !(1 << cell));
        let class = &mut self.classes[page.class];
        if was_full {
            class.link(page);
        }
        if page.occupied.get() != 0 {
            return;
        }
        class.unlink(page);
        class.pages -= 1;
        let number = page.number.get();
        self.pages.swap_remove(number);
        if number < self.pages.len() {
            self.pages.get(number).number.set(number);
        }
        if self.spare.len() < self.spare.capacity()
            || may_allocate() && self.spare.try_reserve(self.spare.len().max(4)).is_ok()
        {
            self.spare.push(Spare(page));
        } else {
            self.free(page);
        }
    }

    /// Frees a page without areas that no list has.
    fn free(&mut self, page: PagePtr) {
        self.bytes -= page.layout.size();
        // SAFETY: no area is in the page and no list has it, so nobody uses it.
        unsafe { page.free() };
    }

    /// Frees a page without areas. Returns false when there is none.
    pub(crate) fn free_some(&mut self) -> bool {
        let Some(Spare(page)) = self.spare.pop() else { return false };
        self.free(page);
        true
    }

    /// Frees the areas of the next page whose handle is gone, if no scan is still to reach them.
    fn reap_page(&mut self) {
        let Some(number) = self.next_reaped.checked_sub(1).or(self.pages.len().checked_sub(1)) else { return };
        let number = number.min(self.pages.len() - 1);
        self.next_reaped = number;
        // Areas that are still to be scanned may be part of a snapshot.
        if number < self.unscanned || self.keeps_all {
            return;
        }
        let page = *self.pages.get(number);
        self.reap(page);
    }

    fn reap(&mut self, page: PagePtr) {
        let mut left = page.occupied.get();
        while left != 0 {
            let cell = left.trailing_zeros() as usize;
            left &= left - 1;
            let area = Self::area(page, cell);
            if !area.head().is_alive() && !area.is_held() {
                // The page may be freed with its last area, and then `left` is 0.
                self.forget(page, cell);
            }
        }
    }

    /// Frees all areas whose handle is gone, and pages without areas. No scan may be in progress.
    pub(crate) fn reap_all(&mut self) {
        debug_assert!(self.is_scanned() && !self.keeps_all);
        // The page that takes the place of a freed one was reaped already.
        for number in (0..self.pages.len()).rev() {
            let page = *self.pages.get(number);
            self.reap(page);
        }
        while self.free_some() {}
        // Not freed in a step: the list may lie behind all the pages, and malloc would then give all of them back at
        // once.
        self.spare = BinaryHeap::new();
    }

    /// Sets whether areas must keep their numbers.
    pub(crate) fn keep_all(&mut self, keep: bool) {
        self.keeps_all = keep;
    }

    /// Makes all areas unscanned. Constant time.
    pub(crate) fn start_scan(&mut self) {
        self.keeps_all = false;
        self.unscanned = self.pages.len();
    }

    /// Returns whether all areas are scanned.
    pub(crate) fn is_scanned(&self) -> bool {
        self.unscanned == 0
    }

    /// Returns whether an area must still be scanned in this cycle.
    fn is_due(page: PagePtr, cell: usize, cycle: u64) -> bool {
        !Self::area(page, cell).is_scanned(cycle)
    }

    /// Scans areas by `scan`, to which it passes whether the handle exists, until the budget is used up. Returns
    /// whether all are scanned. Frees areas whose handle is gone afterwards.
    pub(crate) fn scan(&mut self, cycle: u64, mut scan: impl FnMut(Found<'_, A>, bool) -> Scanned) -> bool {
        while let Some(number) = self.unscanned.checked_sub(1) {
            // Pages in which no area is left are removed while they are scanned.
            if number >= self.pages.len() {
                self.unscanned = number;
                continue;
            }
            let page = *self.pages.get(number);
            let mut left = page.occupied.get();
            let mut stops = false;
            while left != 0 {
                let cell = left.ilog2() as usize;
                if Self::is_due(page, cell, cycle) {
                    if stops {
                        return false;
                    }
                    let area = Self::area(page, cell);
                    let alive = area.head().is_alive();
                    match scan(area, alive) {
                        Scanned::InPart => return false,
                        Scanned::AndStops => stops = true,
                        Scanned::All => {}
                    }
                    if !alive && !area.is_held() {
                        self.forget(page, cell);
                    }
                }
                left &= !(1 << cell);
            }
            // The page that takes the place of a removed one was scanned, or is new.
            self.unscanned = number;
            if stops {
                break;
            }
        }
        self.unscanned == 0
    }

    /// Returns the number of the next area below `number`, for passes that are cut into steps. Numbers are stable as
    /// long as no area is freed.
    pub(crate) fn below(&self, number: usize) -> Option<usize> {
        let mut number = number.min(self.pages.len() * CELLS);
        while let Some(last) = number.checked_sub(1) {
            let occupied = self.pages.get(last / CELLS).occupied.get() & u64::MAX >> (CELLS - 1 - last % CELLS);
            if occupied != 0 {
                return Some(last / CELLS * CELLS + occupied.ilog2() as usize);
            }
            number = last / CELLS * CELLS;
        }
        None
    }

    /// Returns the area with this number.
    pub(crate) fn at(&self, number: usize) -> Found<'_, A> {
        Self::area(*self.pages.get(number / CELLS), number % CELLS)
    }

    /// Iterates over all areas, with whether the scan has still to reach their page.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Found<'_, A>, bool)> {
        let numbers = core::iter::successors(self.below(usize::MAX), |&number| self.below(number));
        numbers.map(|number| (self.at(number), number / CELLS < self.unscanned))
    }

    #[cfg(grisaille_faults)]
    pub(crate) fn digest(
        &self,
        digest: &mut crate::space::digest::Digest<'_>,
        mut area: impl FnMut(Found<'_, A>, &mut crate::space::digest::Digest<'_>),
    ) {
        let HandleTable {
            pages,
            spare,
            classes: _,
            len,
            bytes: _,
            owned: _,
            unscanned,
            next_reaped: _,
            added: _,
            keeps_all: _,
            _areas,
        } = self;
        debug_assert!(*len < FEW, "who is forgotten when is not told here");
        digest.number(pages.len());
        // Freeing each is a piece of work, which counts towards budgets.
        digest.number(spare.len());
        for page in pages.iter() {
            digest.number(page.stride);
            digest.number(page.occupied.get() as usize);
        }
        self.iter().for_each(|(found, _)| area(found, digest));
        digest.number(*unscanned);
    }
}

impl<A: Area> Drop for HandleTable<A> {
    /// Leaves the areas to their handles.
    fn drop(&mut self) {
        while self.free_some() {}
        while let Some(page) = self.pages.pop() {
            let mut left = page.occupied.get();
            page.left.store(left.count_ones() as usize + 1, Ordering::Relaxed);
            while left != 0 {
                let cell = left.trailing_zeros() as usize;
                left &= left - 1;
                // The page exists until this loop gives up its share.
                let area = Self::area(page, cell);
                area.release();
                if area.head().owners.swap(HANDLE, Ordering::AcqRel) == HEAP {
                    // SAFETY: neither handle nor heap uses the area any more. The heap's own share is given up below.
                    unsafe { page.leave() };
                }
            }
            // SAFETY: the heap does not use the page any more.
            unsafe { page.leave() };
        }
    }
}

#[cfg(all(test, loom))]
mod loom;
#[cfg(all(test, not(loom)))]
mod tests;
