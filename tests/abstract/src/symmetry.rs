//! States that differ in nothing that matters are one: objects are renamed, and what nobody can reach is forgotten.

use crate::bound::Bound;
use crate::state::{Color, OBJECTS, Object, Set, State, Status};

/// All orders of three objects.
const ORDERS: [[Object; OBJECTS]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// The least word among those of all states that differ from this one by names only.
pub fn canonical(state: &State, bound: &Bound) -> u64 {
    let looks: [u32; OBJECTS] = core::array::from_fn(|object| look(state, object));
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

/// Something of the object that no renaming changes.
fn look(state: &State, object: Object) -> u32 {
    let mut look = u32::from(state.weak == Some(object));
    look = look << 1 | u32::from(state.held.has(object));
    look = look << 1 | u32::from(state.guarded.has(object));
    for status in [Status::Scanned, Status::Unscanned, Status::Dirty, Status::Ghost] {
        let roots = state.roots.iter().filter(|root| root.value == Some(object) && root.status == status);
        look = look << 2 | roots.count() as u32;
    }
    let parents = state.slots.iter().flatten().filter(|&&slot| slot == Some(object)).count() as u32;
    let children = state.slots[object].iter().flatten().count() as u32;
    let itself = state.slots[object].iter().filter(|&&slot| slot == Some(object)).count() as u32;
    (state.colors[object] as u32) << 24 | look << 7 | parents << 4 | children << 2 | itself
}

/// Forgets what makes no difference any more: objects that neither the mutator nor the collector will come to, and
/// pointers by which the collector would come to nothing white.
pub fn forget(state: &mut State) {
    let mut known = state.held;
    if let Some(object) = state.weak {
        known.insert(object);
    }
    let known = state.close(known, |_| true);
    // The collector follows pointers out of grey objects into white ones.
    let mut ahead = Set::default();
    for object in state.objects().filter(|&object| state.colors[object] == Color::Grey) {
        ahead.insert(object);
    }
    for root in state.roots {
        if state.is_white(root.value) {
            ahead.insert(root.value.expect("white, so an object"));
        }
    }
    let ahead = state.close(ahead, |color| color == Color::White);
    for root in &mut state.roots {
        if root.status == Status::Ghost && !root.value.is_some_and(|object| state.colors[object] == Color::White) {
            root.value = None;
        }
        if root.status == Status::Dirty && root.value.is_none() && !root.cell {
            root.status = Status::Scanned;
        }
    }
    for object in state.objects().filter(|&object| !known.has(object)) {
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
