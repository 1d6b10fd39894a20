//! [`PagePtr`]: a page of areas of one size, which never moves.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::NonNull;

use crate::memory::{NoMemory, allocate};
use crate::sync::atomic::{AtomicUsize, Ordering, fence};
use crate::sync::watch::Touched;

/// Most areas of a page.
pub(super) const CELLS: usize = 64;

/// A page, which is followed by areas of one size.
pub(super) struct Page {
    pub layout: Layout,
    /// Index of its areas' class.
    pub class: usize,
    /// Bytes of an area, and the offset of the first one.
    pub stride: usize,
    first: usize,
    cells: usize,
    /// A bit for each cell that holds an area.
    pub occupied: Cell<u64>,
    /// The page's index in the table's list.
    pub number: Cell<usize>,
    /// The page's neighbours among the pages of its class that have room.
    pub next: Cell<Option<PagePtr>>,
    pub previous: Cell<Option<PagePtr>>,
    /// Number of areas that still use the page after the heap is gone, and one more while the heap leaves it.
    pub left: AtomicUsize,
    touched: Touched,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct PagePtr(NonNull<Page>);

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
    pub(super) fn new(cell: Layout, class: usize, cells: usize) -> Result<PagePtr, NoMemory> {
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

    /// Returns the page of an area.
    ///
    /// # Safety
    /// The area must lie `offset` bytes behind the beginning of a page, and its pointer be made from the page's.
    pub(super) unsafe fn of_area(area: NonNull<u8>, offset: usize) -> PagePtr {
        // SAFETY: the page's beginning: the caller's promise.
        PagePtr(unsafe { area.sub(offset) }.cast())
    }

    /// # Safety
    /// Neither the page nor any area in it may be used any more.
    pub(super) unsafe fn free(self) {
        self.touched.writes();
        #[cfg(all(test, loom))]
        super::loom::freed();
        // SAFETY: the page was allocated with that layout; pages have no drop glue.
        unsafe { std::alloc::dealloc(self.0.as_ptr().cast(), self.layout) };
    }

    /// Gives up one share of a page that was left when the heap was dropped. The last one frees the page.
    ///
    /// # Safety
    /// The owner of the share must not use the page any more.
    pub(super) unsafe fn leave(self) {
        self.touched.reads();
        if self.left.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            // SAFETY: it was the last share, so nobody uses the page or an area in it.
            unsafe { self.free() };
        }
    }

    pub(super) fn offset(self, cell: usize) -> usize {
        self.first + cell * self.stride
    }

    /// Returns the memory of an area.
    pub(super) fn cell(self, cell: usize) -> NonNull<u8> {
        debug_assert!(cell < self.cells);
        // SAFETY: within the page.
        unsafe { self.0.cast::<u8>().add(self.offset(cell)) }
    }

    pub(super) fn is_full(self) -> bool {
        self.occupied.get() == u64::MAX >> (CELLS - self.cells)
    }
}

/// Returns the layout of a page, and the offset of its first area.
pub(super) fn layout_of(cell: Layout, cells: usize) -> Result<(Layout, usize), NoMemory> {
    let bytes = cell.size().checked_mul(cells).ok_or(NoMemory)?;
    let areas = Layout::from_size_align(bytes, cell.align()).map_err(|_| NoMemory)?;
    let (layout, first) = Layout::new::<Page>().extend(areas).map_err(|_| NoMemory)?;
    if u32::try_from(layout.size()).is_err() { Err(NoMemory) } else { Ok((layout, first)) }
}

/// A page without areas. The pages at the highest addresses are freed first, so that malloc, which gives free memory at
/// the end of its own back to the system, gives back a little at a time.
pub(super) struct Spare(pub PagePtr);

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
