//! [`StackTable`]: the stacks of one heap, and their scan.

use core::ops::Range;
use core::ptr::NonNull;

use super::area::StackArea;
use crate::barrier::rules::{RootWrite, Rules};
use crate::fault::{self, Fault};
use crate::mark::budget::Meter;
use crate::mark::marker::Marker;
use crate::mark::tracer::Tracer;
use crate::roots::Surveyed;
use crate::roots::table::{HandleTable, Scanned};

/// The stacks of one heap.
pub(crate) struct StackTable {
    pub areas: HandleTable<StackArea>,
    /// The first of the areas with cards lent in the root-scanning window and not rescanned yet, linked through them,
    /// and the number of those cards.
    lent: Option<NonNull<StackArea>>,
    dirty_cards: usize,
    patience: Patience,
}

/// How many lent cards a step rescans at the least, whatever its budget. A step that finds no fewer of them than the step
/// before doubles the number, so that a mutator that writes through lent cells cannot keep the root-scanning window open:
/// the n-th step in vain rescans 2^n cards.
struct Patience {
    /// Number of lent cards that the last step found.
    found: usize,
    /// Number of steps in vain in this cycle.
    in_vain: u32,
}

impl Patience {
    /// At the start of a cycle: the first step is not in vain.
    const NEW: Patience = Patience { found: usize::MAX, in_vain: 0 };

    /// Returns the least number of cards for a step that finds so many.
    fn least(&mut self, found: usize) -> usize {
        self.in_vain += u32::from(found >= self.found);
        self.found = found;
        1 << self.in_vain.min(usize::BITS - 1)
    }
}

impl StackTable {
    pub(crate) fn new() -> StackTable {
        StackTable { areas: HandleTable::new(), lent: None, dirty_cards: 0, patience: Patience::NEW }
    }

    /// Returns whether no element is unscanned, though areas may be.
    pub(crate) fn nothing_is_unscanned(&self, cycle: u64) -> bool {
        self.areas.iter().filter(|(_, unscanned)| *unscanned).all(|(area, _)| match area.cycle.get() == cycle {
            true => area.watermark.get() == 0,
            false => area.len.get() == 0,
        })
    }

    /// Returns the first of the areas with lent cards.
    fn first_lent<'a>(&self) -> Option<&'a StackArea> {
        // SAFETY: an area that is listed is kept by the table.
        self.lent.map(|area| unsafe { area.as_ref() })
    }

    /// Applies the policy's rule for elements that are lent as cells: the whole range counts as written.
    pub(crate) fn lend(&mut self, area: &StackArea, range: Range<usize>, rules: &Rules, marker: &Marker, cycle: u64) {
        if range.is_empty() {
            return;
        }
        area.enter_cycle(cycle);
        match rules.root_write {
            RootWrite::ShadeNewInWindow => {
                let mut cards = area.lent.borrow_mut();
                if !core::mem::replace(&mut cards.listed, true) {
                    area.next_lent.set(self.lent.replace(NonNull::from(area)));
                }
                self.dirty_cards += cards.note(&range);
            }
            RootWrite::NoteDirty => area.dirty_from.set(area.dirty_from.get().min(range.start)),
            RootWrite::ShadeOldIfUnscanned => {
                for index in range.start..range.end.min(area.watermark.get()) {
                    area.shade(index, marker);
                }
            }
            RootWrite::Nothing => {}
        }
    }

    /// Makes all stacks unscanned. Constant time.
    pub(crate) fn start_scan(&mut self) {
        self.areas.start_scan();
        debug_assert!(self.lent.is_none() && self.dirty_cards == 0);
        self.patience = Patience::NEW;
    }

    /// Scans stacks until the budget is used up. Returns whether all are scanned. Areas whose handle is gone are freed:
    /// with `last_look` after they were scanned once more, since they are part of a snapshot that is taken lazily.
    /// Under other rules their targets may have been freed in the cycle before.
    pub(crate) fn scan(&mut self, marker: &Marker, meter: &mut Meter, cycle: u64, last_look: bool) -> bool {
        self.areas.scan(cycle, |area, alive| {
            if (alive || last_look) && !area.scan(marker, meter, cycle) {
                return Scanned::InPart;
            }
            if meter.spend(16) { Scanned::AndStops } else { Scanned::All }
        })
    }

    /// Rescans lent cards, before the root-scanning window closes: within the budget, and as many as [`Patience`] says.
    /// Returns whether all are rescanned.
    pub(crate) fn scan_lent_cards(&mut self, marker: &Marker, meter: &mut Meter) -> bool {
        let mut at_least = self.patience.least(self.dirty_cards);
        while let Some(area) = self.first_lent() {
            let card = area.lent.borrow_mut().next();
            match card {
                Some(card) => {
                    area.rescan_card(card, marker, meter);
                    // Only afterwards: a trace may panic.
                    area.lent.borrow_mut().clean(card);
                    self.dirty_cards -= 1;
                    at_least = at_least.saturating_sub(1);
                }
                None => {
                    area.lent.borrow_mut().listed = false;
                    self.lent = area.next_lent.take();
                }
            }
            if at_least == 0 && meter.exhausted() && self.dirty_cards > 0 {
                break;
            }
        }
        self.lent.is_none()
    }

    /// Shades the elements written since they were scanned.
    pub(crate) fn rescan(&self, marker: &Marker, cycle: u64) {
        for (area, _) in self.areas.iter().filter(|(area, _)| area.head.is_alive()) {
            area.enter_cycle(cycle);
            let from = area.dirty_from.get().min(area.len.get()) + usize::from(fault::is(Fault::MissesADirtyRoot));
            for index in from..area.len.get() {
                area.shade(index, marker);
            }
            area.dirty_from.set(area.len.get());
        }
    }

    #[cfg(grisaille_faults)]
    pub(crate) fn digest(&self, digest: &mut crate::space::digest::Digest<'_>) {
        let StackTable { areas, lent: _, dirty_cards, patience: Patience { found, in_vain } } = self;
        areas.digest(digest, |area, digest| area.digest(digest.last_look, digest));
        if digest.marking.is_some() {
            [*dirty_cards, *found, *in_vain as usize].into_iter().for_each(|number| digest.number(number));
        }
        // Lent cards are rescanned even if the stack's handle is gone.
        let listed = core::iter::successors(self.first_lent(), |area| {
            // SAFETY: as in `first_lent`.
            area.next_lent.get().map(|area| unsafe { area.as_ref() })
        });
        for area in listed {
            digest.number(areas.iter().position(|(other, _)| core::ptr::eq(&*other, area)).map_or(usize::MAX, |at| at));
            area.digest(true, digest);
        }
    }

    /// Calls `f` with each element of each stack, for the verifier.
    pub(crate) fn survey(&self, cycle: u64, last_look: bool, f: &mut dyn FnMut(Surveyed<'_>)) {
        let mut pointers = Vec::new();
        for (number, (area, waits)) in self.areas.iter().enumerate() {
            let alive = area.head.is_alive();
            if !alive && !last_look {
                continue;
            }
            let entered = area.cycle.get() == cycle;
            let lent = area.lent.borrow();
            for index in 0..area.len.get() {
                pointers.clear();
                // SAFETY: below `len`.
                unsafe { (area.trace)(area.at(index), &mut Tracer::listing(&mut pointers)) };
                let unscanned = waits && (!entered || index < area.watermark.get());
                let lent = entered && lent.has(index);
                f(Surveyed {
                    objects: &pointers,
                    place: [number, index],
                    unscanned: unscanned || lent,
                    dirty: entered && index >= area.dirty_from.get() && alive,
                    alive,
                });
            }
        }
    }
}
