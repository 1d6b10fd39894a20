//! Maps states that differ in nothing that matters to one: objects are renamed, and what is unreachable is forgotten.

use crate::bound::Bound;
use crate::state::{Color, OBJECTS, Object, Set, State, Status};

/// All orders of three objects.
const ORDERS: [[Object; OBJECTS]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// The least word among those of all states that differ from this one by names only.
pub fn canonical(state: &State, bound: &Bound) -> u64 {
    let looks = looks(state);
    ORDERS
        .iter()
        // Objects that look different have their places: only the order of equal ones is tried out.
        .filter(|order| looks[order[0]] <= looks[order[1]] && looks[order[1]] <= looks[order[2]])
        .map(|order| {
            let mut names = [0; OBJECTS];
            for (name, &object) in order.iter().enumerate() {
                names[object] = name;
            }
            state.pack(names, bound)
        })
        .min()
        .expect("some order is ascending")
}

/// Of each object something that no renaming changes: its colour, and from where and how often it is pointed to.
fn looks(state: &State) -> [u32; OBJECTS] {
    let mut looks = state.colors.map(|color| (color as u32) << 24);
    for (object, slots) in state.slots.iter().enumerate() {
        for &child in slots.iter().flatten() {
            looks[object] += 1 << if child == object { 0 } else { 2 };
            looks[child] += 1 << 4;
        }
        looks[object] += u32::from(state.held.has(object)) << 7;
        looks[object] += u32::from(state.guarded.has(object)) << 8;
    }
    for root in &state.roots {
        if let Some(object) = root.value {
            looks[object] += 1 << (9 + 2 * root.status as u32);
        }
    }
    if let Some(object) = state.weak {
        looks[object] += 1 << 17;
    }
    looks
}

/// Forgets what makes no difference any more: objects that neither the mutator nor the collector will come to, and
/// pointers by which the collector would come to nothing white.
pub fn forget(state: &mut State) {
    for at in 0..state.roots.len() {
        if state.roots[at].status == Status::Ghost && !state.is_white(state.roots[at].value) {
            state.roots[at].value = None;
        }
    }
    // What is held is closed already.
    let mut known = state.held;
    if state.weak.is_some_and(|object| known.insert(object)) {
        known = state.close(known, |_| true);
    }
    let unknown = state.objects().but(known);
    if unknown.is_empty() {
        return;
    }
    // The collector follows pointers out of grey objects into white ones.
    let roots = state.roots.iter().filter_map(|root| root.value).filter(|&object| state.is_white(Some(object)));
    let ahead = state.close(state.of_color(Color::Grey).and(Set::of(roots)), |color| color == Color::White);
    for object in unknown.iter() {
        for slot in 0..state.slots[object].len() {
            if !state.is_white(state.slots[object][slot]) {
                state.slots[object][slot] = None;
            }
        }
        if !ahead.has(object) {
            state.colors[object] = Color::Absent;
            state.slots[object] = Default::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::bound::{Bound, SMALL};
    use crate::column::{broken, sound};
    use crate::mutator::Move::Allocate;
    use crate::search::{Goal, Move, explore_and_visit, successors};

    const BOUND: Bound = Bound { cells: false, ..SMALL };

    /// The states after each move, named and forgotten as a search does.
    fn after(state: &State, column: &crate::column::Column, allocations: bool) -> HashSet<u64> {
        let mut after = HashSet::new();
        successors(state, column, &BOUND, |it, mut next| {
            if allocations || !matches!(it, Move::Mutator(Allocate(..))) {
                forget(&mut next);
                after.insert(canonical(&next, &BOUND));
            }
        });
        after
    }

    /// Whatever could happen can happen after it was forgotten, and nothing else can, but that there is room for more
    /// allocations.
    #[test]
    fn what_is_forgotten_makes_no_difference() {
        let columns = sound().into_iter().chain(broken().into_iter().map(|it| it.named));
        for named in columns {
            let mut seen = HashSet::new();
            explore_and_visit(&named.column, &BOUND, Goal::Lost, |_, _, state| {
                let mut forgotten = *state;
                forget(&mut forgotten);
                if forgotten != *state && seen.insert(state.pack([0, 1, 2], &BOUND)) {
                    let [before, now] = [state, &forgotten].map(|state| after(state, &named.column, false));
                    assert_eq!(before, now, "{named}: {state:?}");
                    let [before, now] = [state, &forgotten].map(|state| after(state, &named.column, true));
                    assert!(before.is_subset(&now), "{named}: {state:?}");
                }
            });
            // While the world stands, nothing becomes unreachable.
            assert_eq!(seen.is_empty(), !named.column.rules.incremental, "{named}");
        }
    }

    #[test]
    fn names_make_no_difference() {
        let all = sound();
        explore_and_visit(&all[1].column, &BOUND, Goal::Lost, |_, _, state| {
            for names in ORDERS {
                let renamed = State::unpack(state.pack(names, &BOUND));
                assert_eq!(canonical(&renamed, &BOUND), canonical(state, &BOUND), "{state:?}");
            }
        });
    }
}
