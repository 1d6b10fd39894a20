//! [`PointerArea`]: the pointers that scopes root, with their scan watermark.

use core::cell::Cell;
use core::ops::Deref;

use crate::barrier::rules::Rules;
use crate::fault::{self, Fault};
use crate::mark::budget::{EDGE_COST, Meter};
use crate::mark::drain::RootScan;
use crate::mark::marker::Marker;
use crate::mark::pointer_list::PointerList;
use crate::space::header::ObjectPtr;

/// A stack of pointers that are roots: the handle scope stack, or the escaping handles.
pub(crate) struct PointerArea {
    list: PointerList,
    /// The scan watermark: `[0, watermark)` still has to be scanned in this cycle.
    watermark: Cell<usize>,
    /// Under policies that record dirty roots: `[dirty_from, len)` has to be scanned again.
    dirty_from: Cell<usize>,
}

impl PointerArea {
    pub(crate) fn new() -> PointerArea {
        PointerArea { list: PointerList::new(), watermark: Cell::new(0), dirty_from: Cell::new(0) }
    }

    /// Truncates the area at the end of a scope, by the policy's rule for watched roots.
    #[cold]
    pub(crate) fn truncate_watched(&self, len: usize, rules: &Rules, marker: &Marker) {
        if rules.shades_popped_root() {
            for at in len..self.watermark.get().min(self.len()) {
                marker.shade(self.at(at));
            }
        }
        self.watermark.set(self.watermark.get().min(len));
        self.dirty_from.set(self.dirty_from.get().min(len));
        self.truncate(len);
    }

    /// Makes all entries unscanned. Constant time.
    pub(crate) fn start_scan(&self) {
        self.watermark.set(self.len());
        self.dirty_from.set(self.len());
    }

    /// Scans from the top down until the budget is used up. Returns whether all entries are scanned.
    pub(crate) fn scan(&self, marker: &Marker, meter: &mut Meter) -> bool {
        let mut at = self.watermark.get().min(self.len());
        let mut scan = RootScan::new(marker);
        while at > 0 {
            at -= 1;
            scan.tracer().visit(self.at(at));
            if meter.spend(size_of::<ObjectPtr>() + EDGE_COST) {
                break;
            }
        }
        self.watermark.set(at);
        at == 0
    }

    pub(crate) fn is_scanned(&self) -> bool {
        self.watermark.get() == 0
    }

    /// Shades the entries written since they were scanned.
    pub(crate) fn rescan(&self, marker: &Marker) {
        let from = self.dirty_from.get().min(self.len());
        for at in from + usize::from(fault::is(Fault::MissesADirtyRoot))..self.len() {
            marker.shade(self.at(at));
        }
        self.dirty_from.set(self.len());
    }

    #[cfg(grisaille_faults)]
    pub(crate) fn digest(&self, digest: &mut crate::space::digest::Digest<'_>) {
        let PointerArea { list: _, watermark, dirty_from } = self;
        digest.number(self.len());
        (0..self.len()).for_each(|at| digest.object(self.at(at)));
        if digest.marking.is_some() {
            digest.number(watermark.get());
            digest.number(dirty_from.get());
        }
    }

    /// Calls `f` with each root, whether this cycle's scan has still to reach it, and whether a rescan would shade it,
    /// for the verifier.
    pub(crate) fn survey(&self, f: &mut dyn FnMut(ObjectPtr, bool, bool)) {
        for at in 0..self.len() {
            f(self.at(at), at < self.watermark.get(), at >= self.dirty_from.get());
        }
    }
}

impl Deref for PointerArea {
    type Target = PointerList;
    #[inline(always)]
    fn deref(&self) -> &PointerList {
        &self.list
    }
}
