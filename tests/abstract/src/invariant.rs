//! What must hold: nothing reachable is white at the end, and before it the policy's tri-colour invariant.

use grisaille::barrier::rules::ShadeNew;

use crate::column::{Column, Order};
use crate::mutator::is_window_open;
use crate::state::{Color, Set, State, Status};

/// Returns the objects that will be freed although the roots lead to them.
pub fn lost(state: &State) -> Set {
    if state.ended { Set::of(state.rooted().iter().filter(|&it| state.is_white(Some(it)))) } else { Set::default() }
}

/// Returns whether the state keeps the invariant of the column, as `Heap::verify` reads it.
///
/// *Found* is what marking would find if the mutator stopped now: what is marked, and what grey objects and unscanned
/// roots lead to through white objects. Roots that no scan will come to, and black objects that the mutator can reach,
/// must hold what is found (the weak invariant); where, or while, all that is stored is shaded, black objects must hold
/// what is marked (the strong one). Where the heap has no barrier in the window, and nothing is traced in it, nothing
/// is black there.
pub fn holds(state: &State, column: &Column) -> bool {
    let Column { rules, beside } = column;
    if state.ended || !rules.incremental {
        return true;
    }
    let (grey, black) = (state.of_color(Color::Grey), state.of_color(Color::Black));
    if state.window && beside.order == Order::RootsFirst && rules.traces_after_window() && !black.is_empty() {
        return false;
    }
    let (mut ahead, mut behind) = (grey, Set::default());
    for root in state.roots {
        if let Some(object) = root.value {
            match root.status {
                Status::Unscanned | Status::Ghost => _ = ahead.insert(object),
                Status::Dirty if rules.rescan_dirty_roots => {}
                Status::Scanned | Status::Dirty => _ = behind.insert(object),
            }
        }
    }
    let marked = grey.and(black);
    let found = marked.and(state.close(ahead, |color| color == Color::White));
    let children = black.iter().filter(|&it| state.held.has(it)).flat_map(|it| state.slots[it]).flatten();
    let strong = match rules.shade_new {
        ShadeNew::Never => false,
        ShadeNew::InWindow => is_window_open(state, column),
        ShadeNew::Always => true,
    };
    let must_be = if strong { marked } else { found };
    Set::of(children).but(must_be).is_empty() && behind.but(found).is_empty()
}
