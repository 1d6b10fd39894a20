//! [`GuardianTable`]: the objects that guardians guard, and how the collector examines them.

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

// SAFETY: a `GuardianArea` begins with its head; `Guardian`'s methods check the heap's number, and all other accesses
// are the table's. `release` gives the list back, which holds addresses: no object is read.
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
    /// First the ready objects, which are roots. Then those reachable without this guardian, as far as is known.
    pub objects: Pieces<ObjectPtr>,
    /// Number of ready objects.
    ready: usize,
    /// The cycle to which `unscanned` refers.
    cycle: u64,
    /// Number of ready objects, from the first on, that still have to be scanned in this cycle.
    unscanned: usize,
    /// Number of the last ready objects that became ready in this cycle and are still to be shaded.
    fresh: usize,
}

impl State {
    /// Takes the last ready object.
    pub(crate) fn take(&mut self) -> Option<ObjectPtr> {
        self.ready = self.ready.checked_sub(1)?;
        self.unscanned = self.unscanned.min(self.ready);
        self.fresh = self.fresh.saturating_sub(1);
        // The last registered object takes its place. If the collector has examined any in this area, it has examined
        // that.
        Some(self.objects.swap_remove(self.ready))
    }
}

impl GuardianArea {
    pub(crate) fn new(head: Head, cycle: u64) -> GuardianArea {
        let state = State { objects: Pieces::new(), ready: 0, cycle, unscanned: 0, fresh: 0 };
        GuardianArea { head, state: RefCell::new(state) }
    }

    /// Scans the ready objects from the last on. Returns whether all are scanned.
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

    /// Makes white objects among the registered ones below `from` ready. Returns the `from` to go on with, if any of them
    /// is left to examine.
    fn find_white(&self, marker: &Marker, meter: &mut Meter, from: usize) -> Option<usize> {
        let mut state = self.state.borrow_mut();
        // Objects from `from` on have been examined, or were registered since. When the mutator takes a ready object,
        // one of them moves below `from`: it is examined once more.
        let mut at = from.min(state.objects.len());
        while at > state.ready {
            if marker.is_marked(*state.objects.get(at - 1)) {
                at -= 1;
            } else {
                // The first registered object comes here, and is examined next.
                let ready = state.ready;
                state.objects.swap(ready, at - 1);
                state.ready += 1;
                state.fresh += 1;
            }
            if meter.spend(size_of::<ObjectPtr>()) {
                break;
            }
        }
        (at > state.ready).then_some(at)
    }

    /// Shades the objects that `find_white` made ready. Returns whether all are shaded.
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

/// Progress of this cycle's examination of registered objects. Areas are taken from the last to the first: those with
/// numbers below `below` are still to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Examination {
    Due,
    /// White objects become ready, in the next area those below `from`.
    Moving {
        below: usize,
        from: usize,
    },
    /// Objects that became ready are shaded.
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
    pub(crate) fn new() -> GuardianTable {
        GuardianTable { areas: HandleTable::new(), examination: Examination::Due }
    }

    /// Makes all ready objects unscanned, and the examination of registered objects due. Constant time.
    pub(crate) fn start_scan(&mut self) {
        self.areas.start_scan();
        self.examination = Examination::Due;
    }

    /// Scans ready objects until the budget is used up. Returns whether all are scanned. Guardians whose handle is gone
    /// are freed: their objects are not part of any snapshot, since only the handle could reach them, and those taken
    /// from it while the heap's barriers are on were shaded.
    pub(crate) fn scan(&mut self, marker: &Marker, meter: &mut Meter, cycle: u64) -> bool {
        self.areas.scan(cycle, |area, alive| {
            if alive && !area.scan(marker, meter, cycle) {
                return Scanned::InPart;
            }
            if meter.spend(16) { Scanned::AndStops } else { Scanned::All }
        })
    }

    /// Returns whether [`examine`](GuardianTable::examine) has begun and not ended in this cycle.
    pub(crate) fn is_examining(&self) -> bool {
        !matches!(self.examination, Examination::Due | Examination::Done)
    }

    /// Finds the registered objects that nothing else keeps alive, once a cycle, makes them ready, and shades them.
    /// Returns whether that is done for this cycle.
    pub(crate) fn examine(&mut self, marker: &Marker, meter: &mut Meter) -> bool {
        // No area is freed meanwhile, so that numbers do not change.
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
                    Some((number, area)) => {
                        // A guardian whose handle is gone guards nothing.
                        let rest = if area.head.is_alive() { area.find_white(marker, meter, from) } else { None };
                        match rest {
                            Some(from) => Examination::Moving { below: number + 1, from },
                            None => Examination::Moving { below: number, from: usize::MAX },
                        }
                    }
                },
                Examination::Shading { below } => match self.areas.below(below) {
                    None => Examination::Done,
                    Some((number, area)) => {
                        let all = area.shade_fresh(marker, meter);
                        Examination::Shading { below: if all { number } else { number + 1 } }
                    }
                },
            };
            if meter.spend(16) && self.examination != Examination::Done {
                return false;
            }
        }
    }

    /// Calls `f` with each ready object, which is a root, and whether it is still to be scanned in this cycle.
    pub(crate) fn survey(&self, cycle: u64, f: &mut dyn FnMut(ObjectPtr, bool)) {
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
    pub(crate) fn each_registered(&self, f: &mut dyn FnMut(ObjectPtr)) {
        for (area, _) in self.areas.iter().filter(|(area, _)| area.head.is_alive()) {
            let state = area.state.borrow();
            (state.ready..state.objects.len()).for_each(|index| f(*state.objects.get(index)));
        }
    }
}
