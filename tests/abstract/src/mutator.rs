//! The moves of the mutator, each with the barrier that the column asks for.

use grisaille::barrier::rules::{Birth, RootWrite, ShadeNew, WholeObject};

use crate::bound::Bound;
use crate::column::{Column, Destroyed, NewArea, Window};
use crate::state::{Color, Object, Pointer, Root, SLOTS, Set, State, Status};

/// One thing that the mutator does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Move {
    /// A slot of an object is written.
    SetSlot(Object, usize, Pointer),
    /// A root is written; where there was none, it is pushed.
    SetRoot(usize, Pointer),
    /// A root is handed out as a cell, to be written by no rule until the collector's next move.
    OpenCell(usize),
    /// Such a root is written.
    SetCell(usize, Pointer),
    /// A root is popped.
    Pop(usize),
    /// An area is made, its first root with a value.
    MakeArea(usize, Pointer),
    /// An area is destroyed.
    DestroyArea(usize),
    /// An object is allocated, with initial pointers.
    Allocate(Object, [Pointer; SLOTS]),
    /// A mutation of a whole object begins; it lasts until the collector's next move.
    Mutate(Object),
    /// A slot of an object that is being mutated as a whole is written: no barrier.
    SetGuarded(Object, usize, Pointer),
    /// The weak pointer is made to point to an object.
    Downgrade(Object),
    /// The weak pointer becomes a strong one, in a register.
    Upgrade,
    /// A root is copied to another from outside, by no rule.
    CopyRoot(usize, usize),
}

/// Calls `f` with each move that the mutator has.
pub fn moves(state: &State, column: &Column, bound: &Bound, mut f: impl FnMut(Move)) {
    if state.ended || !column.rules.incremental {
        return;
    }
    let pointers = || core::iter::once(None).chain(state.held.iter().map(Some));
    for area in bound.all_areas() {
        let roots = bound.roots_of(area);
        if state.areas[area] {
            for root in roots.clone() {
                pointers().for_each(|value| f(Move::SetRoot(root, value)));
                if state.roots[root] != Root::NONE {
                    f(Move::Pop(root));
                }
                if state.roots[root].cell {
                    pointers().for_each(|value| f(Move::SetCell(root, value)));
                } else if bound.cells {
                    f(Move::OpenCell(root));
                }
            }
            f(Move::DestroyArea(area));
        } else if roots.clone().all(|root| state.roots[root].status != Status::Ghost) {
            pointers().for_each(|value| f(Move::MakeArea(area, value)));
        }
    }
    for object in state.held.iter() {
        for slot in 0..bound.slots {
            pointers().for_each(|value| f(Move::SetSlot(object, slot, value)));
            if state.guarded.has(object) {
                pointers().for_each(|value| f(Move::SetGuarded(object, slot, value)));
            }
        }
        if !state.guarded.has(object) && state.guarded.iter().count() < bound.guards {
            f(Move::Mutate(object));
        }
        if bound.weak && state.weak != Some(object) {
            f(Move::Downgrade(object));
        }
    }
    if let Some(object) = (0..bound.objects).find(|&object| state.colors[object] == Color::Absent) {
        for first in pointers() {
            if bound.slots == 1 {
                f(Move::Allocate(object, [first, None]));
            } else {
                // The slots are alike.
                pointers()
                    .filter(|second| *second <= first)
                    .for_each(|second| f(Move::Allocate(object, [first, second])));
            }
        }
    }
    if state.weak.is_some() {
        f(Move::Upgrade);
    }
    if column.beside.roots_copied_unshaded && is_window_open(state, column) {
        for from in (0..bound.roots()).filter(|&from| state.roots[from].value.is_some()) {
            for to in (0..bound.roots()).filter(|&to| to != from && state.areas[bound.area_of(to)]) {
                f(Move::CopyRoot(from, to));
            }
        }
    }
}

/// Returns whether the window is open.
pub fn is_window_open(state: &State, column: &Column) -> bool {
    match column.beside.window {
        Window::Flag => state.window,
        Window::Derived => column.rules.has_window() && state.has_unscanned(),
    }
}

/// Returns the state after the move.
pub fn apply(state: &State, it: Move, column: &Column, bound: &Bound) -> State {
    let Column { rules, beside } = column;
    let window = is_window_open(state, column);
    let heap_is_watched = !(window && rules.traces_after_window());
    let mut after = *state;
    match it {
        Move::SetSlot(object, slot, new) => {
            if rules.shade_old && heap_is_watched && !(window && beside.old_waits) {
                after.shade(state.slots[object][slot]);
            }
            if match rules.shade_new {
                ShadeNew::Never => false,
                ShadeNew::InWindow => window,
                ShadeNew::Always => heap_is_watched,
            } {
                after.shade(new);
            }
            after.slots[object][slot] = new;
        }
        Move::SetRoot(root, new) => {
            let Root { value: old, status, .. } = state.roots[root];
            if rules.root_write == RootWrite::NoteDirty && status == Status::Scanned {
                after.roots[root].status = Status::Dirty;
            }
            if rules.shades_new_root() && window {
                after.shade(new);
            }
            if rules.shades_old_root() && status == Status::Unscanned {
                after.shade(old);
            }
            after.roots[root].value = new;
        }
        Move::OpenCell(root) => {
            let Root { value: old, status, .. } = state.roots[root];
            if rules.root_write == RootWrite::NoteDirty && status == Status::Scanned {
                after.roots[root].status = Status::Dirty;
            }
            if rules.shades_old_root() && status == Status::Unscanned {
                after.shade(old);
            }
            // What will be written is not known yet: the root is scanned again before the window closes.
            if rules.shades_new_root() && window && beside.cells_are_scanned_again {
                after.roots[root].status = Status::Unscanned;
            }
            after.roots[root].cell = true;
        }
        Move::SetCell(root, value) => after.roots[root].value = value,
        Move::Pop(root) => {
            let Root { value: old, status, .. } = state.roots[root];
            if rules.shades_popped_root() && status == Status::Unscanned {
                after.shade(old);
            }
            after.roots[root] = Root::NONE;
        }
        Move::MakeArea(area, value) => {
            after.areas[area] = true;
            let first = bound.roots_of(area).start;
            after.roots[first].value = value;
            match beside.new_area {
                NewArea::Black => {}
                NewArea::Dirty => after.roots[first].status = Status::Dirty,
                NewArea::ScannedInWindow if window => {
                    bound.roots_of(area).for_each(|root| after.roots[root].status = Status::Unscanned);
                }
                NewArea::ShadedInWindow if window => after.shade(value),
                NewArea::ScannedInWindow | NewArea::ShadedInWindow => {}
            }
        }
        Move::DestroyArea(area) => {
            after.areas[area] = false;
            for root in bound.roots_of(area) {
                let Root { value: old, status, .. } = state.roots[root];
                after.roots[root] = Root::NONE;
                if rules.takes_snapshot_lazily() && status == Status::Unscanned {
                    match beside.destroyed {
                        Destroyed::Shaded => after.shade(old),
                        Destroyed::LastLook => {
                            after.roots[root] = Root { value: old, status: Status::Ghost, cell: false }
                        }
                        Destroyed::Forgotten => {}
                    }
                }
            }
        }
        Move::Allocate(object, slots) => {
            after.colors[object] = match rules.birth {
                Birth::White => Color::White,
                Birth::Black if rules.only_in_tests.black_in_window => Color::Black,
                Birth::Black if !heap_is_watched || window && beside.white_in_window => Color::White,
                Birth::Black if window => Color::Grey,
                Birth::Black => Color::Black,
            };
            after.slots[object] = slots;
            after.held.insert(object);
        }
        Move::Mutate(object) => {
            if heap_is_watched {
                mutate(&mut after, object, rules.whole_object, window);
            }
            after.guarded.insert(object);
        }
        Move::SetGuarded(object, slot, new) => after.slots[object][slot] = new,
        Move::Downgrade(object) => after.weak = Some(object),
        Move::Upgrade => {
            if rules.upgrade_shades && heap_is_watched {
                after.shade(state.weak);
            }
            after.held = after.held.and(state.close(Set::of(state.weak), |_| true));
        }
        Move::CopyRoot(from, to) => after.roots[to].value = state.roots[from].value,
    }
    after
}

/// The barrier of a mutation of a whole object, all of it up front.
fn mutate(state: &mut State, object: Object, rule: WholeObject, window: bool) {
    let color = state.colors[object];
    let (scans_before, greys_again) = match rule {
        WholeObject::Nothing => (false, false),
        WholeObject::GreyAgain => (false, true),
        WholeObject::ScanBefore => (true, false),
        WholeObject::GreyAgainInWindow => (!window, window),
    };
    if scans_before && color != Color::Black {
        state.shade_children(object);
        state.colors[object] = Color::Black;
    }
    // A white object is traced when it is reached, after the mutation.
    if greys_again && color != Color::White {
        state.colors[object] = Color::Grey;
    }
}
