//! [`GuardianTable`]: what guardians guard, and how the collector looks at it.

use core::cell::RefCell;

use super::table::{Area, HandleTable, Head, Scanned};
use crate::mark::budget::Meter;
use crate::mark::marker::Marker;
use crate::memory::pieces::Pieces;
use crate::space::header::ObjectPtr;

#[repr(C)]
pub(crate) struct GuardianArea {
    pub head: Head,
    pub state: RefCell<State>,
}

// SAFETY: it begins with its head; `Guardian`'s methods check the heap's number, and all else is the table's. Its list is
// given back by `release`, and holds addresses: no object is looked at.
unsafe impl Area for GuardianArea {
    fn head(&self) -> &Head {
        &self.head
    }

    fn is_scanned(&self, cycle: u64) -> bool {
        let state = self.state.borrow();
        state.cycle == cycle && state.unscanned == 0
    }

    fn release(&self) -> usize {
        core::mem::replace(&mut self.state.borrow_mut().objects, Pieces::new()).bytes()
    }
}

pub(crate) struct State {
    /// First those that are ready: roots. Then those that are reachable without this guardian, as far as is known.
    pub objects: Pieces<ObjectPtr>,
    /// How many are ready.
    ready: usize,
    /// The cycle that `unscanned` belongs to.
    cycle: u64,
    /// While roots are scanned: of those that are ready the first so many still have to be.
    unscanned: usize,
    /// How many at the end of those that are ready became so in this cycle and are still to be shaded.
    fresh: usize,
}

impl State {
    /// Takes the last of those that are ready.
    pub fn take(&mut self) -> Option<ObjectPtr> {
        self.ready = self.ready.checked_sub(1)?;
        self.unscanned = self.unscanned.min(self.ready);
        self.fresh = self.fresh.saturating_sub(1);
        // A registered one takes its place: the last, which the collector has looked at if it has come so far.
        Some(self.objects.swap_remove(self.ready))
    }
}

impl GuardianArea {
    pub fn new(head: Head, cycle: u64) -> GuardianArea {
        let state = State { objects: Pieces::new(), ready: 0, cycle, unscanned: 0, fresh: 0 };
        GuardianArea { head, state: RefCell::new(state) }
    }

    /// Scans what is ready from its end; true: all is scanned.
    fn scan(&self, marker: &Marker, meter: &mut Meter, cycle: u64) -> bool {
        let mut state = self.state.borrow_mut();
        if state.cycle != cycle {
            state.cycle = cycle;
            state.unscanned = state.ready;
        }
        while state.unscanned > 0 {
            state.unscanned -= 1;
            marker.shade(*state.objects.get(state.unscanned));
            if meter.spend(size_of::<ObjectPtr>()) {
                break;
            }
        }
        state.unscanned == 0
    }

    /// Moves white objects from the registered ones before `from` to those that are ready. Returns where to go on, 0 for
    /// nowhere.
    fn look(&self, marker: &Marker, meter: &mut Meter, from: usize) -> usize {
        let mut state = self.state.borrow_mut();
        // Those from `from` on have been looked at, or were registered since. What the mutator takes meanwhile puts one of
        // them in front of it: it is looked at once more.
        let mut at = from.min(state.objects.len());
        while at > state.ready {
            if marker.is_marked(*state.objects.get(at - 1)) {
                at -= 1;
            } else {
                // The first registered one comes here, and is looked at next.
                let ready = state.ready;
                state.objects.swap(ready, at - 1);
                state.ready += 1;
                state.fresh += 1;
            }
            if meter.spend(size_of::<ObjectPtr>()) {
                break;
            }
        }
        if at > state.ready { at } else { 0 }
    }

    /// Shades what `look` moved. True: all of it.
    fn shade_fresh(&self, marker: &Marker, meter: &mut Meter) -> bool {
        let mut state = self.state.borrow_mut();
        while state.fresh > 0 {
            marker.shade(*state.objects.get(state.ready - state.fresh));
            state.fresh -= 1;
            if meter.spend(size_of::<ObjectPtr>()) {
                break;
            }
        }
        state.fresh == 0
    }
}

/// How far this cycle's look at registered objects has come. Areas are taken from the last to the first: those before
/// number `below` are still to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Examination {
    Due,
    /// White objects are moved, in the next area those before `from`.
    Moving {
        below: usize,
        from: usize,
    },
    /// What was moved is shaded.
    Shading {
        below: usize,
    },
    Done,
}

/// The guardians of one heap.
pub(crate) struct GuardianTable {
    pub areas: HandleTable<GuardianArea>,
    examination: Examination,
}

impl GuardianTable {
    pub fn new() -> GuardianTable {
        GuardianTable { areas: HandleTable::new(), examination: Examination::Due }
    }

    /// All that is ready has to be scanned, and all registered objects looked at. Constant time.
    pub fn start_scan(&mut self) {
        self.areas.start_scan();
        self.examination = Examination::Due;
    }

    /// Scans until the budget is used up; true: all is scanned. Guardians whose handle is gone are forgotten: what they
    /// guarded is not part of any snapshot, since only the handle could reach it, and what was taken from it while the
    /// heap's barriers are on was shaded.
    pub fn scan(&mut self, marker: &Marker, meter: &mut Meter, cycle: u64) -> bool {
        self.areas.scan(cycle, |area, alive| {
            if alive && !area.scan(marker, meter, cycle) {
                return Scanned::InPart;
            }
            if meter.spend(16) { Scanned::AndStops } else { Scanned::All }
        })
    }

    /// Whether `examine` has begun and not ended.
    pub fn is_examining(&self) -> bool {
        !matches!(self.examination, Examination::Due | Examination::Done)
    }

    /// Finds the registered objects that nothing else keeps alive, once a cycle: makes them ready, and shades them.
    /// True: that is done for this cycle.
    pub fn examine(&mut self, marker: &Marker, meter: &mut Meter) -> bool {
        // No area is forgotten meanwhile, lest numbers change.
        self.areas.keep_all(true);
        loop {
            self.examination = match self.examination {
                Examination::Done => {
                    self.areas.keep_all(false);
                    return true;
                }
                Examination::Due if self.areas.len() == 0 => Examination::Done,
                Examination::Due => Examination::Moving { below: usize::MAX, from: usize::MAX },
                Examination::Moving { below, from } => match self.areas.below(below) {
                    None => Examination::Shading { below: usize::MAX },
                    Some(number) => {
                        let area = self.areas.at(number);
                        // What a guardian holds whose handle is gone is not guarded.
                        match if area.head.is_alive() { area.look(marker, meter, from) } else { 0 } {
                            0 => Examination::Moving { below: number, from: usize::MAX },
                            from => Examination::Moving { below: number + 1, from },
                        }
                    }
                },
                Examination::Shading { below } => match self.areas.below(below) {
                    None => Examination::Done,
                    Some(number) => {
                        let all = self.areas.at(number).shade_fresh(marker, meter);
                        Examination::Shading { below: if all { number } else { number + 1 } }
                    }
                },
            };
            if meter.spend(16) && self.examination != Examination::Done {
                return false;
            }
        }
    }

    /// Calls `f` with each object that is ready, and whether a scan of cycle `cycle` will come to it: roots.
    pub fn survey(&self, cycle: u64, f: &mut dyn FnMut(ObjectPtr, bool)) {
        for (area, waits) in self.areas.iter().filter(|(area, _)| area.head.is_alive()) {
            let state = area.state.borrow();
            for index in 0..state.ready {
                let unscanned = waits && (state.cycle != cycle || index < state.unscanned);
                let fresh = index >= state.ready - state.fresh;
                f(*state.objects.get(index), unscanned || fresh);
            }
        }
    }

    /// Calls `f` with each registered object that is not ready.
    pub fn each_registered(&self, f: &mut dyn FnMut(ObjectPtr)) {
        for (area, _) in self.areas.iter().filter(|(area, _)| area.head.is_alive()) {
            let state = area.state.borrow();
            (state.ready..state.objects.len()).for_each(|index| f(*state.objects.get(index)));
        }
    }
}
