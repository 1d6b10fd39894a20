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

mod handle;
#[cfg(all(test, loom))]
mod loom;
mod page;
#[cfg(all(test, not(loom)))]
mod tests;

use core::alloc::Layout;
use core::marker::PhantomData;
use std::collections::BinaryHeap;

use crate::memory::pieces::Pieces;
use crate::memory::{NoMemory, may_allocate, reserve_one};
use crate::sync::atomic::Ordering;
pub(crate) use handle::{Area, Found, Handle, Head};
use page::{CELLS, PagePtr, Spare, layout_of};

/// Most areas of the first page for a size.
const FIRST_CELLS: usize = 8;
/// Bytes of areas in a page, unless one area is larger.
const PAGE: usize = 16 * 1024;
/// Number of areas below which adding one does not look for areas whose handle is gone.
const FEW: usize = 64;
/// Number of areas added after which one page is reaped: so about half of all areas are live at the least.
const ADDED: usize = CELLS / 2;

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
        let head = Head::new(heap, page.offset(cell) as u32);
        let at = page.cell(cell).cast::<C>();
        // SAFETY: the cell is free, and large and aligned enough for a `C`.
        unsafe { at.write(make(head)) };
        page.occupied.set(page.occupied.get() | 1 << cell);
        if page.is_full() {
            class.unlink(page);
        }
        self.len += 1;
        // SAFETY: the area was just made, with that head; it begins with an `A`: the caller's promise.
        Ok(unsafe { Handle::of(at.cast()) })
    }

    /// Returns an area.
    ///
    /// # Safety
    /// The cell must hold an area, as long as the result is used.
    unsafe fn area<'t>(page: PagePtr, cell: usize) -> Found<'t, A> {
        debug_assert!(page.occupied.get() >> cell & 1 != 0);
        // SAFETY: passed on.
        unsafe { Found::of(page.cell(cell).cast()) }
    }

    /// Frees an area whose handle is gone.
    fn forget(&mut self, page: PagePtr, cell: usize) {
        // SAFETY: the cell is occupied until this method frees it, after the last use of the result.
        let area = unsafe { Self::area(page, cell) };
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
            // SAFETY: the cell is occupied, and is freed after the last use of the result.
            let area = unsafe { Self::area(page, cell) };
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
                // SAFETY: the cell is occupied, and is freed after the last use of the result.
                let area = unsafe { Self::area(page, cell) };
                if !area.is_scanned(cycle) {
                    if stops {
                        return false;
                    }
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

    /// Returns the next area below `number`, with its number, for passes that are cut into steps. Numbers are stable as
    /// long as no area is freed.
    pub(crate) fn below(&self, number: usize) -> Option<(usize, Found<'_, A>)> {
        let mut number = number.min(self.pages.len() * CELLS);
        while let Some(last) = number.checked_sub(1) {
            let page = *self.pages.get(last / CELLS);
            let occupied = page.occupied.get() & u64::MAX >> (CELLS - 1 - last % CELLS);
            if occupied != 0 {
                let cell = occupied.ilog2() as usize;
                // SAFETY: the cell is occupied as long as the table is borrowed.
                return Some((last / CELLS * CELLS + cell, unsafe { Self::area(page, cell) }));
            }
            number = last / CELLS * CELLS;
        }
        None
    }

    /// Iterates over all areas, with whether the scan has still to reach their page.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Found<'_, A>, bool)> {
        let areas = core::iter::successors(self.below(usize::MAX), |&(number, _)| self.below(number));
        areas.map(|(number, area)| (area, number / CELLS < self.unscanned))
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
                // SAFETY: the cell is occupied, and the page exists until this loop gives up its share.
                let area = unsafe { Self::area(page, cell) };
                area.release();
                if !area.head().leave_to_handle() {
                    // SAFETY: neither handle nor heap uses the area any more. The heap's own share is given up below.
                    unsafe { page.leave() };
                }
            }
            // SAFETY: the heap does not use the page any more.
            unsafe { page.leave() };
        }
    }
}
