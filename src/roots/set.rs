//! [`RootSet`]: all roots of a heap, as the phases of a cycle walk them.

use core::cell::{Cell, RefCell};

use super::area::PointerArea;
use super::guardian::GuardianTable;
use super::persistent::RootTable;
use super::stack::table::StackTable;
use crate::barrier::rules::Rules;
use crate::mark::budget::Meter;
use crate::mark::marker::Marker;

/// The roots of a heap, in the order in which they are scanned.
pub(crate) struct RootSet {
    /// The handle scope stack: pointers that the locals of open scopes root.
    pub locals: PointerArea,
    /// Escaping handles: pointers that leave the open scopes.
    pub escapes: PointerArea,
    /// The number of locals when the innermost scope began.
    pub scope: Cell<usize>,
    pub persistent: RefCell<RootTable>,
    pub stacks: RefCell<StackTable>,
    pub guardians: RefCell<GuardianTable>,
}

impl RootSet {
    pub(crate) fn new() -> RootSet {
        RootSet {
            locals: PointerArea::new(),
            escapes: PointerArea::new(),
            scope: Cell::new(0),
            persistent: RefCell::new(RootTable::new()),
            stacks: RefCell::new(StackTable::new()),
            guardians: RefCell::new(GuardianTable::new()),
        }
    }

    /// Makes all roots unscanned. Constant time.
    pub(crate) fn start_scan(&self) {
        self.locals.start_scan();
        self.escapes.start_scan();
        self.persistent.borrow_mut().start_scan();
        self.stacks.borrow_mut().start_scan();
        self.guardians.borrow_mut().start_scan();
    }

    /// Scans roots within the budget. Returns whether all are scanned.
    pub(crate) fn scan(&self, rules: &Rules, marker: &Marker, meter: &mut Meter, cycle: u64) -> bool {
        let last_look = rules.takes_snapshot_lazily();
        self.locals.scan(marker, meter)
            && (!meter.exhausted() || self.escapes.is_scanned())
            && self.escapes.scan(marker, meter)
            && (!meter.exhausted() || self.persistent.borrow().is_scanned())
            && self.persistent.borrow_mut().scan_roots(marker, meter, cycle, last_look)
            && (!meter.exhausted() || self.stacks.borrow().areas.is_scanned())
            && self.stacks.borrow_mut().scan(marker, meter, cycle, last_look)
            && (!meter.exhausted() || self.guardians.borrow().areas.is_scanned())
            && self.guardians.borrow_mut().scan(marker, meter, cycle)
    }

    /// Returns whether the scan has reached every root.
    pub(crate) fn is_scanned(&self) -> bool {
        self.is_scanned_but_for_stacks() && self.stacks.borrow().areas.is_scanned()
    }

    /// Returns whether nothing is left for the scan to shade: it need not have reached empty stacks.
    pub(crate) fn nothing_is_unscanned(&self, cycle: u64) -> bool {
        self.is_scanned_but_for_stacks() && self.stacks.borrow().nothing_is_unscanned(cycle)
    }

    fn is_scanned_but_for_stacks(&self) -> bool {
        self.locals.is_scanned()
            && self.escapes.is_scanned()
            && self.persistent.borrow().is_scanned()
            && self.guardians.borrow().areas.is_scanned()
    }

    /// Shades the targets of roots that were written since they were scanned.
    pub(crate) fn rescan(&self, marker: &Marker, cycle: u64) {
        self.locals.rescan(marker);
        self.escapes.rescan(marker);
        self.persistent.borrow().rescan(marker);
        self.stacks.borrow().rescan(marker, cycle);
    }

    /// Frees the areas of handles that were dropped.
    pub(crate) fn reap_all(&self) {
        self.persistent.borrow_mut().reap_all();
        self.stacks.borrow_mut().areas.reap_all();
        self.guardians.borrow_mut().areas.reap_all();
    }

    /// Frees a page of handles that holds none, and returns whether there was one.
    pub(crate) fn free_page(&self) -> bool {
        self.persistent.borrow_mut().free_some()
            || self.stacks.borrow_mut().areas.free_some()
            || self.guardians.borrow_mut().areas.free_some()
    }

    /// Returns the bytes of memory that the tables behind handles take.
    pub(crate) fn bytes_of_tables(&self) -> usize {
        self.persistent.borrow().bytes() + self.stacks.borrow().areas.bytes() + self.guardians.borrow().areas.bytes()
    }

    /// Returns the bytes of memory that the lists of locals take.
    pub(crate) fn bytes_of_locals(&self) -> usize {
        self.locals.bytes() + self.escapes.bytes()
    }
}
