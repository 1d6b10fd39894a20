//! [`PointerArea`]: the pointers that scopes root, with their scan watermark.

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ops::{Deref, Range};

use crate::barrier::rules::{RootWrite, Rules};
use crate::fault::{self, Fault};
use crate::mark::budget::{EDGE_COST, Meter};
use crate::mark::drain::RootScan;
use crate::mark::edges::Top;
use crate::mark::marker::Marker;
use crate::mark::pointer_list::PointerList;
use crate::mark::tracer::Tracer;
use crate::space::header::ObjectPtr;

/// The most entries of a place that is overwritten.
pub(crate) const LARGEST_PLACE: usize = 64;

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
            self.shade(len..self.watermark.get().min(self.len()), marker);
        }
        self.watermark.set(self.watermark.get().min(len));
        self.dirty_from.set(self.dirty_from.get().min(len));
        self.truncate(len);
    }

    /// Shades the targets of entries.
    fn shade(&self, entries: Range<usize>, marker: &Marker) {
        entries.filter_map(|at| self.at(at)).for_each(|object| marker.shade(object));
    }

    /// Pushes the pointers that `pass` passes on.
    ///
    /// # Safety
    /// There must be room for `at_most` pointers. `pass` must pass at most so many on, and do nothing else with the
    /// tracer.
    #[inline(always)]
    pub(crate) unsafe fn append(&self, at_most: usize, pass: impl FnOnce(&mut Tracer<'_>)) {
        if at_most == 0 {
            return;
        }
        debug_assert!(self.has_room(at_most), "there is no room for a value's pointers");
        // SAFETY: the list is not used before the tracer is done; there is room for all pointers that are passed on:
        // the caller's promise. They lie behind the last entry.
        unsafe {
            let mut tracer = Tracer::rooting_at(&self.list, self.list.end());
            pass(&mut tracer);
            self.list.set_end(tracer.top());
        }
    }

    /// Replaces the pointers of the `entries` entries from `at` on by those that `pass` passes on, and the rest by
    /// none. If `pass` panics, the entries keep their pointers.
    ///
    /// # Safety
    /// The entries must exist. `pass` must pass at most `entries` pointers on, and at most [`LARGEST_PLACE`], and do
    /// nothing else with the tracer.
    #[inline(always)]
    pub(crate) unsafe fn overwrite(&self, at: usize, entries: usize, pass: impl FnOnce(&mut Tracer<'_>)) {
        if entries == 0 {
            return;
        }
        let mut pointers = [const { MaybeUninit::<ObjectPtr>::uninit() }; LARGEST_PLACE];
        let base: Top = pointers.as_mut_ptr().cast();
        // SAFETY: there is room for all pointers that are passed on: the caller's promise.
        let mut tracer = unsafe { Tracer::rooting_at(&self.list, base) };
        pass(&mut tracer);
        let count = (tracer.top().addr() - base.addr()) / size_of::<ObjectPtr>();
        debug_assert!(count <= entries && at + entries <= self.len(), "a place has too few entries");
        // SAFETY: the entries exist, and the tracer wrote `count` pointers.
        unsafe { self.list.replace(at, entries, base, count) };
    }

    /// Applies the policy's rule for the old value of `entries` entries from `at` on, before they are written while
    /// roots are watched.
    #[cold]
    #[inline(never)]
    pub(crate) fn write_watched(&self, at: usize, entries: usize, rules: &Rules, marker: &Marker) {
        if rules.shades_old_root() && !fault::is(Fault::CellHidesOldRoot) {
            self.shade(at..(at + entries).min(self.watermark.get()), marker);
        }
        if rules.root_write == RootWrite::NoteDirty && !fault::is(Fault::CellIsNotDirty) {
            self.dirty_from.set(self.dirty_from.get().min(at));
        }
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
            if let Some(object) = self.at(at) {
                scan.tracer().visit(object);
            }
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
        self.shade(from + usize::from(fault::is(Fault::MissesADirtyRoot))..self.len(), marker);
        self.dirty_from.set(self.len());
    }

    #[cfg(grisaille_faults)]
    pub(crate) fn digest(&self, digest: &mut crate::space::digest::Digest<'_>) {
        let PointerArea { list: _, watermark, dirty_from } = self;
        digest.number(self.len());
        for at in 0..self.len() {
            digest.flag(self.at(at).is_some());
            self.at(at).into_iter().for_each(|object| digest.object(object));
        }
        if digest.marking.is_some() {
            digest.number(watermark.get());
            digest.number(dirty_from.get());
        }
    }

    /// Calls `f` with each root, whether this cycle's scan has still to reach it, and whether a rescan would shade it,
    /// for the verifier.
    pub(crate) fn survey(&self, f: &mut dyn FnMut(ObjectPtr, bool, bool)) {
        for (at, object) in (0..self.len()).filter_map(|at| Some((at, self.at(at)?))) {
            f(object, at < self.watermark.get(), at >= self.dirty_from.get());
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
