//! [`HandleTable`]: the areas behind the handles of one kind ([`Persistent`](crate::Persistent),
//! [`Stack`](crate::Stack), [`Guardian`](crate::Guardian)) of a heap.
//!
//! Areas lie in pages of up to 64, which never move: a million of them are made, dropped and scanned a page at a time.
//! (Each in memory of its own, freeing a million of them left malloc so many small pieces that it put them together in
//! one go of 136 ms.)
//!
//! # Who owns an area
//!
//! Its handle and its heap, whichever lasts longer, and one atomic says who is left. A handle that goes leaves the area
//! to the heap, which forgets it in a later step; a heap that goes leaves it to the handle. What else the area holds is
//! touched by the heap's mutator only.

use core::alloc::Layout;
use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::collections::BinaryHeap;

use crate::memory::pieces::Pieces;
use crate::memory::{NoMemory, allocate, may_allocate, reserve_one};
use crate::sync::atomic::{AtomicU8, AtomicUsize, Ordering, fence};
use crate::sync::watch::Touched;

/// Areas of a page.
const CELLS: usize = 64;
/// Areas of the first page for areas of some size.
const FIRST_CELLS: usize = 8;
/// Bytes of a page, unless one area is larger.
const PAGE: usize = 16 * 1024;
/// A table with fewer areas does not look for those whose handle is gone when one is added.
const FEW: usize = 64;
/// One page is looked at whenever so many have been added: so at most about as many are dead as live.
const ADDED: usize = CELLS / 2;

/// Handle and heap are there.
const BOTH: u8 = 0;
/// The handle is gone.
const HEAP: u8 = 1;
/// The heap is gone.
const HANDLE: u8 = 2;

/// What an area begins with.
pub(crate) struct Head {
    /// The heap that it belongs to.
    pub heap: u64,
    /// Bytes from the beginning of its page.
    offset: u32,
    owners: AtomicU8,
    touched: Touched,
}

impl Head {
    /// Whether the handle is there.
    pub fn is_alive(&self) -> bool {
        self.owners.load(Ordering::Acquire) == BOTH
    }
}

/// What a handle leads to.
///
/// # Safety
/// It begins with its [`Head`] (`repr(C)`), which `head` returns. All else in it is touched, through its handle too, by
/// the mutator of the heap only whose number the head names; and `release` leaves nothing that is to be dropped.
pub(crate) unsafe trait Area {
    fn head(&self) -> &Head;

    /// Whether it was scanned in this cycle to its end, or is not to be.
    fn is_scanned(&self, cycle: u64) -> bool;

    /// Whether somebody else than the table knows it yet.
    fn is_held(&self) -> bool {
        false
    }

    /// Gives back what it owns, and says how many bytes that were. It is not used again but for its head.
    fn release(&self) -> usize;
}

/// An area's handle.
pub(crate) struct Handle<A: Area>(NonNull<A>);

// SAFETY: but for the head an area is touched by the mutator of its heap only, whatever thread that runs on; the drop
// is an exchange of an atomic.
unsafe impl<A: Area> Send for Handle<A> {}
// SAFETY: as above.
unsafe impl<A: Area> Sync for Handle<A> {}

impl<A: Area> Handle<A> {
    #[inline(always)]
    pub fn as_ptr(&self) -> NonNull<A> {
        self.0
    }
}

impl<A: Area> core::ops::Deref for Handle<A> {
    type Target = A;
    #[inline(always)]
    fn deref(&self) -> &A {
        // SAFETY: the area is there as long as its handle.
        unsafe { self.0.as_ref() }
    }
}

impl<A: Area> Drop for Handle<A> {
    fn drop(&mut self) {
        let offset = self.head().offset as usize;
        self.head().touched.reads();
        // The area is not touched after the exchange where the heap is there: it may be another's by then.
        if self.head().owners.swap(HEAP, Ordering::AcqRel) == HANDLE {
            // SAFETY: the page begins so many bytes before the area, which was made from a pointer to it; the area is
            // this handle's alone.
            unsafe { PagePtr(self.0.cast::<u8>().sub(offset).cast()).leave() };
        }
    }
}

/// An area that its table has come across. (A reference would not lead beyond an `A`.)
pub(crate) struct Found<'t, A>(NonNull<A>, PhantomData<&'t A>);

impl<A> Clone for Found<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Found<'_, A> {}

impl<A> Found<'_, A> {
    pub fn as_ptr(self) -> NonNull<A> {
        self.0
    }
}

impl<A> core::ops::Deref for Found<'_, A> {
    type Target = A;
    #[inline(always)]
    fn deref(&self) -> &A {
        // SAFETY: an area that is there, as long as the table is borrowed.
        unsafe { self.0.as_ref() }
    }
}

/// A page: areas of one size behind it.
struct Page {
    layout: Layout,
    /// What its areas are like.
    class: usize,
    /// Bytes of an area, and the first one's distance.
    stride: usize,
    first: usize,
    cells: usize,
    /// One bit for each area that is there.
    occupied: Cell<u64>,
    /// Where the table lists it.
    number: Cell<usize>,
    /// Its neighbours among the pages of its size that have room.
    next: Cell<Option<PagePtr>>,
    previous: Cell<Option<PagePtr>>,
    /// When the heap is gone: how many areas are their handles', and one more while the heap takes its leave.
    left: AtomicUsize,
    touched: Touched,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct PagePtr(NonNull<Page>);

impl core::ops::Deref for PagePtr {
    type Target = Page;
    #[inline(always)]
    fn deref(&self) -> &Page {
        // SAFETY: pages are there as long as their table, or an area in them, which is who asks.
        unsafe { self.0.as_ref() }
    }
}

impl PagePtr {
    /// A page for areas with that layout, all free.
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
    /// No area in it may be used any more, nor the page.
    unsafe fn free(self) {
        self.touched.writes();
        #[cfg(all(test, loom))]
        loom::freed();
        // SAFETY: allocated with that layout; pages have no drop glue.
        unsafe { std::alloc::dealloc(self.0.as_ptr().cast(), self.layout) };
    }

    /// One of those that the page was left to when the heap went is done with it.
    ///
    /// # Safety
    /// It may not use the page any more.
    unsafe fn leave(self) {
        self.touched.reads();
        if self.left.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            // SAFETY: it was the last.
            unsafe { self.free() };
        }
    }

    fn offset(self, cell: usize) -> usize {
        self.first + cell * self.stride
    }

    /// The memory of an area.
    fn cell(self, cell: usize) -> NonNull<u8> {
        debug_assert!(cell < self.cells);
        // SAFETY: within the page.
        unsafe { self.0.cast::<u8>().add(self.offset(cell)) }
    }

    fn is_full(self) -> bool {
        self.occupied.get() == u64::MAX >> (CELLS - self.cells)
    }
}

/// The layout of a page, and where its first area lies.
fn layout_of(cell: Layout, cells: usize) -> Result<(Layout, usize), NoMemory> {
    let bytes = cell.size().checked_mul(cells).ok_or(NoMemory)?;
    let areas = Layout::from_size_align(bytes, cell.align()).map_err(|_| NoMemory)?;
    let (layout, first) = Layout::new::<Page>().extend(areas).map_err(|_| NoMemory)?;
    if u32::try_from(layout.size()).is_err() { Err(NoMemory) } else { Ok((layout, first)) }
}

/// Pages for areas of one layout.
struct Class {
    cell: Layout,
    pages: usize,
    /// The first that has room.
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

/// What a scan has done with an area.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// Not all of it: the budget is used up.
    InPart,
    /// All of it, and the budget is used up.
    AndStops,
    All,
}

/// A page without areas. Those at the highest addresses go first: malloc gives what lies at the end of its memory back
/// to the system, a little at a time then. (In any order it gave 40 MiB back in one go of 2 ms.)
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
    /// Pages without areas, which are freed one by one.
    spare: BinaryHeap<Spare>,
    classes: Vec<Class>,
    len: usize,
    /// Bytes of pages, and of what areas own.
    bytes: usize,
    owned: usize,
    /// While roots are scanned: areas in `pages[..unscanned]` may still have to be.
    unscanned: usize,
    /// The page that is looked at next for areas whose handle is gone, and how many areas were added since the last.
    next_reaped: usize,
    added: usize,
    /// Areas have to keep their numbers.
    keeps_all: bool,
    _areas: PhantomData<A>,
}

impl<A: Area> HandleTable<A> {
    pub fn new() -> Self {
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

    /// How many areas there are. Those whose handle is gone count until they are forgotten.
    pub fn len(&self) -> usize {
        self.len
    }

    /// An area owns so many bytes more, and so many less.
    pub fn owns(&mut self, more: usize, less: usize) {
        self.owned = self.owned + more - less;
    }

    /// Bytes of memory that the table and its areas take, and what these own.
    pub fn bytes(&self) -> usize {
        self.bytes
            + self.owned
            + self.spare.capacity() * size_of::<Spare>()
            + self.pages.bytes()
            + self.classes.capacity() * size_of::<Class>()
    }

    fn class_of(&self, cell: Layout) -> Option<usize> {
        self.classes.iter().position(|class| class.cell == cell)
    }

    /// Bytes that the next area with this layout takes.
    pub fn wanted(&self, cell: Layout) -> usize {
        let class = match self.class_of(cell).map(|at| &self.classes[at]) {
            Some(class) if class.vacant.is_some() => return 0,
            Some(class) => class.cells(),
            None => Class { cell, pages: 0, vacant: None }.cells(),
        };
        layout_of(cell, class).map_or(usize::MAX, |(layout, _)| layout.size()).saturating_add(self.pages.wanted())
    }

    /// A new area, which `make` makes.
    ///
    /// # Safety
    /// A `C` must begin with an `A` (`repr(C)`), and be pointed to by nobody else.
    pub unsafe fn add<C>(&mut self, heap: u64, make: impl FnOnce(Head) -> C) -> Result<Handle<A>, NoMemory> {
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

    /// An area that is there, and stays so while it is looked at.
    fn area<'t>(page: PagePtr, cell: usize) -> Found<'t, A> {
        debug_assert!(page.occupied.get() >> cell & 1 != 0);
        Found(page.cell(cell).cast(), PhantomData)
    }

    /// Forgets an area whose handle is gone.
    fn forget(&mut self, page: PagePtr, cell: usize) {
        let area = Self::area(page, cell);
        debug_assert!(!area.head().is_alive());
        // It may be another's from here on.
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

    /// Frees a page that no area is in and nothing lists.
    fn free(&mut self, page: PagePtr) {
        self.bytes -= page.layout.size();
        // SAFETY: nobody uses it: the caller has it to itself.
        unsafe { page.free() };
    }

    /// Frees a page that is not needed. False: there is none.
    pub fn free_some(&mut self) -> bool {
        let Some(Spare(page)) = self.spare.pop() else { return false };
        self.free(page);
        true
    }

    /// Forgets the areas of the next page whose handle is gone, where no scan is to come to them.
    fn reap_page(&mut self) {
        let Some(number) = self.next_reaped.checked_sub(1).or(self.pages.len().checked_sub(1)) else { return };
        let number = number.min(self.pages.len() - 1);
        self.next_reaped = number;
        // What scanning has still to come to may be part of a snapshot.
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
                // The page goes with its last area, and then none is left.
                self.forget(page, cell);
            }
        }
    }

    /// Forgets all areas whose handle is gone, and frees their pages. No scan may be going on.
    pub fn reap_all(&mut self) {
        debug_assert!(self.is_scanned() && !self.keeps_all);
        // What takes the place of a page that goes was looked at.
        for number in (0..self.pages.len()).rev() {
            let page = *self.pages.get(number);
            self.reap(page);
        }
        while self.free_some() {}
        // Not in a step: it may lie behind all the pages, and what is free before it goes back in one go then.
        self.spare = BinaryHeap::new();
    }

    /// From here on areas keep their numbers, or do not.
    pub fn keep_all(&mut self, keep: bool) {
        self.keeps_all = keep;
    }

    /// All that are here now have to be scanned. Constant time.
    pub fn start_scan(&mut self) {
        self.keeps_all = false;
        self.unscanned = self.pages.len();
    }

    /// Whether all areas are scanned.
    pub fn is_scanned(&self) -> bool {
        self.unscanned == 0
    }

    /// Whether a scan of this cycle will come to it.
    fn is_due(page: PagePtr, cell: usize, cycle: u64) -> bool {
        !Self::area(page, cell).is_scanned(cycle)
    }

    /// Scans areas by `scan`, which is told whether the handle is there, until the budget is used up; true: all are
    /// scanned. Those whose handle is gone are forgotten afterwards.
    pub fn scan(&mut self, cycle: u64, mut scan: impl FnMut(Found<'_, A>, bool) -> Scanned) -> bool {
        while let Some(number) = self.unscanned.checked_sub(1) {
            // Pages go while they are scanned, where no area is left in them.
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
            // What takes the place of a page that went was scanned, or is new.
            self.unscanned = number;
            if stops {
                break;
            }
        }
        self.unscanned == 0
    }

    /// The number of the next area below that number, for passes that are cut into steps. Numbers mean the same as long
    /// as no area is forgotten.
    pub fn below(&self, number: usize) -> Option<usize> {
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

    /// The area with this number.
    pub fn at(&self, number: usize) -> Found<'_, A> {
        Self::area(*self.pages.get(number / CELLS), number % CELLS)
    }

    /// All areas, and for each whether a scan of this cycle will come to its page.
    pub fn iter(&self) -> impl Iterator<Item = (Found<'_, A>, bool)> {
        let numbers = core::iter::successors(self.below(usize::MAX), |&number| self.below(number));
        numbers.map(|number| (self.at(number), number / CELLS < self.unscanned))
    }

    #[cfg(grisaille_faults)]
    pub fn digest(
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
        // Freeing each is a piece of work.
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
                // The page waits for this loop.
                let area = Self::area(page, cell);
                area.release();
                if area.head().owners.swap(HANDLE, Ordering::AcqRel) == HEAP {
                    // SAFETY: the area is nobody's now. The page is left once more, below.
                    unsafe { page.leave() };
                }
            }
            // SAFETY: the page is not used here any more.
            unsafe { page.leave() };
        }
    }
}

#[cfg(all(test, loom))]
mod loom;
#[cfg(all(test, not(loom)))]
mod tests;
