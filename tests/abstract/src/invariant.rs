//! What must hold: nothing reachable is white at the end, and before it the policy's tri-colour invariant.

use grisaille::barrier::rules::New;

use crate::column::Column;
use crate::state::{Color, Set, State, Status};

/// Objects that will be freed although the roots lead to them.
pub fn lost(state: &State) -> Set {
    let mut lost = Set::default();
    if state.ended {
        for object in state.rooted().iter().filter(|&object| state.colors[object] == Color::White) {
            lost.insert(object);
        }
    }
    lost
}

/// Whether the state keeps the invariant of the column, as `Heap::verify` reads it.
///
/// *Found* is what marking would find if the mutator stopped now: what is marked, and what grey objects and unscanned
/// roots lead to through white objects. Roots that are scanned and not dirty, and black objects that the mutator can
/// reach, must hold what is found (the weak invariant); where all that is stored is shaded at any time, black objects
/// must hold what is marked (the strong one).
pub fn holds(state: &State, column: &Column) -> bool {
    if state.ended || !column.rules.incremental {
        return true;
    }
    let mut found = Set::default();
    for object in state.objects().filter(|&object| state.colors[object] != Color::White) {
        found.insert(object);
    }
    let marked = found;
    let mut grey = Set::default();
    for object in state.objects().filter(|&object| state.colors[object] == Color::Grey) {
        grey.insert(object);
    }
    for root in state.roots.iter().filter(|root| matches!(root.status, Status::Unscanned | Status::Ghost)) {
        root.value.into_iter().for_each(|object| _ = grey.insert(object));
    }
    found.0 |= state.close(grey, |color| color == Color::White).0;
    let strong = column.rules.shade_new == New::Shade;
    let of_objects = if strong { marked } else { found };
    let blacks = state.held.iter().filter(|&object| state.colors[object] == Color::Black);
    blacks.flat_map(|object| state.slots[object]).flatten().all(|child| of_objects.has(child))
        && state
            .roots
            .iter()
            .filter(|root| root.status == Status::Scanned)
            .filter_map(|root| root.value)
            .all(|object| found.has(object))
}
