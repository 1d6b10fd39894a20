//! [`StackTable`]: the stacks of one heap, and how they are scanned.

use core::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::area::StackArea;
use crate::barrier::rules::{RootWrite, Rules};
use crate::cycle::mark::Marker;
use crate::cycle::meter::Meter;
use crate::fault::{self, Fault};
use crate::roots::Surveyed;
use crate::trace::Tracer;

/// The stacks of one heap.
pub(crate) struct StackTable {
    pub(super) areas: Vec<Arc<StackArea>>,
    /// While roots are scanned: `[0, unscanned)` still has to be.
    pub(super) unscanned: usize,
    /// Areas with windows that were handed out in the window and not rescanned yet, and how many cards those take.
    windowed: Vec<Arc<StackArea>>,
    dirty_cards: usize,
    /// How many the last rescan found, and how often one found no fewer than the one before.
    were_dirty: usize,
    late: u32,
    pub(super) reap_at: usize,
}

impl StackTable {
    pub fn new() -> StackTable {
        StackTable {
            areas: Vec::new(),
            unscanned: 0,
            windowed: Vec::new(),
            dirty_cards: 0,
            were_dirty: 0,
            late: 0,
            reap_at: 64,
        }
    }

    pub(super) fn add(&mut self, area: Arc<StackArea>) {
        if self.areas.len() >= self.reap_at && self.unscanned == 0 {
            self.reap();
        }
        self.areas.push(area);
    }

    /// Whether no element is unscanned any more, though areas may be.
    pub fn nothing_is_unscanned(&self, cycle: u64) -> bool {
        self.areas[..self.unscanned].iter().all(|area| match area.cycle.get() == cycle {
            true => area.unscanned.get() == 0,
            false => area.len.get() == 0,
        })
    }

    /// Frees the areas whose handle is gone.
    pub fn reap(&mut self) {
        self.areas.retain(|area| area.alive.load(Ordering::Acquire));
        self.reap_at = (self.areas.len() * 2).max(64);
    }

    /// The rule for a window: its range counts as written.
    pub(super) fn window(&mut self, area: &StackArea, range: Range<usize>, rules: &Rules, marker: &Marker, cycle: u64) {
        if range.is_empty() {
            return;
        }
        area.enter_cycle(cycle);
        match rules.root_write {
            RootWrite::ShadeNewInWindow | RootWrite::ShadeNewInWindowButNotOnKeep => {
                let mut cards = area.windowed.borrow_mut();
                if !cards.listed
                    && let Some(shared) = self.areas.iter().find(|a| core::ptr::eq(&***a, area))
                {
                    self.windowed.push(shared.clone());
                    cards.listed = true;
                }
                self.dirty_cards += cards.note(&range);
            }
            RootWrite::NoteDirty => area.dirty_from.set(area.dirty_from.get().min(range.start)),
            RootWrite::ShadeOldIfUnscanned
            | RootWrite::ShadeOldIfUnscannedButNotOnPop
            | RootWrite::ShadeOldIfUnscannedButNotOnDestroy => {
                for index in range.start..range.end.min(area.unscanned.get()) {
                    area.shade(index, marker);
                }
            }
            RootWrite::Nothing => {}
        }
    }

    /// All that lies here now has to be scanned. Constant time.
    pub fn start_scan(&mut self) {
        self.unscanned = self.areas.len();
        debug_assert!(self.windowed.is_empty() && self.dirty_cards == 0);
        (self.were_dirty, self.late) = (usize::MAX, 0);
    }

    /// Scans until the budget is used up; true: all is scanned. Areas whose handle is gone are freed; `last_look`: after
    /// they have been scanned a last time, since they are part of a snapshot that is taken lazily. Under other rules
    /// what they point to may have been freed in the cycle before.
    pub fn scan(&mut self, marker: &Marker, meter: &mut Meter, cycle: u64, last_look: bool) -> bool {
        while self.unscanned > 0 {
            let index = self.unscanned - 1;
            let alive = self.areas[index].alive.load(Ordering::Acquire);
            if (alive || last_look) && !self.areas[index].scan(marker, meter, cycle) {
                return false;
            }
            self.unscanned = index;
            if !alive {
                self.areas.swap_remove(index);
            }
            if meter.spend(16) {
                break;
            }
        }
        self.unscanned == 0
    }

    pub fn is_scanned(&self) -> bool {
        self.unscanned == 0
    }

    /// Shades what windows may have been written with, before the window of the policy closes. True: all of it. A
    /// mutator that writes through windows faster than steps follow does not keep the policy's window open: steps that
    /// find no less to do than the one before become longer.
    pub fn scan_windows(&mut self, marker: &Marker, meter: &mut Meter) -> bool {
        self.late += u32::from(self.dirty_cards >= self.were_dirty);
        self.were_dirty = self.dirty_cards;
        let mut at_least = 1usize << self.late.min(usize::BITS - 1);
        while let Some(area) = self.windowed.last() {
            let card = area.windowed.borrow_mut().next();
            match card {
                Some(card) => {
                    area.rescan_card(card, marker, meter);
                    // Afterwards: a trace may panic.
                    area.windowed.borrow_mut().clean(card);
                    self.dirty_cards -= 1;
                    at_least = at_least.saturating_sub(1);
                }
                None => drop(self.windowed.pop()),
            }
            if at_least == 0 && meter.exhausted() && self.dirty_cards > 0 {
                break;
            }
        }
        self.windowed.is_empty()
    }

    /// Shades what was written since it was scanned.
    pub fn rescan(&self, marker: &Marker, cycle: u64) {
        for area in self.areas.iter().filter(|area| area.alive.load(Ordering::Acquire)) {
            area.enter_cycle(cycle);
            let from = area.dirty_from.get().min(area.len.get()) + usize::from(fault::is(Fault::MissesADirtyRoot));
            for index in from..area.len.get() {
                area.shade(index, marker);
            }
            area.dirty_from.set(area.len.get());
        }
    }

    #[cfg(feature = "unsound-policies")]
    pub fn digest(&self, digest: &mut crate::observe::digest::Digest<'_>) {
        let StackTable { areas, unscanned, windowed, dirty_cards, were_dirty, late, reap_at } = self;
        debug_assert!(areas.len() < *reap_at, "who is forgotten when is not told here");
        digest.number(areas.len());
        areas.iter().for_each(|area| area.digest(digest.last_look, digest));
        digest.number(*unscanned);
        if digest.marking.is_some() {
            [*dirty_cards, *were_dirty, *late as usize].into_iter().for_each(|number| digest.number(number));
        }
        // Their windows are shaded, whether their handle lives or not.
        for area in windowed {
            digest.number(areas.iter().position(|other| Arc::ptr_eq(other, area)).map_or(usize::MAX, |at| at));
            area.digest(true, digest);
        }
    }

    /// Calls `f` with each element of each stack, for the verifier.
    pub fn survey(&self, cycle: u64, last_look: bool, f: &mut dyn FnMut(Surveyed<'_>)) {
        let mut pointers = Vec::new();
        for (number, area) in self.areas.iter().enumerate() {
            let alive = area.alive.load(Ordering::Acquire);
            if !alive && !last_look {
                continue;
            }
            let entered = area.cycle.get() == cycle;
            let windowed = area.windowed.borrow();
            for index in 0..area.len.get() {
                pointers.clear();
                // SAFETY: below `len`.
                unsafe { (area.trace)(area.at(index), &mut Tracer::listing(&mut pointers)) };
                let unscanned = number < self.unscanned && (!entered || index < area.unscanned.get());
                let windowed = entered && windowed.has(index);
                f(Surveyed {
                    objects: &pointers,
                    place: [number, index],
                    unscanned: unscanned || windowed,
                    dirty: entered && index >= area.dirty_from.get() && alive,
                    alive,
                });
            }
        }
    }
}
