//! Every heap that marking may begin with.

use crate::bound::Bound;
use crate::state::{Color, OBJECTS, Pointer, Root, State, Status};

/// Calls `f` with every initial heap within the bound, smaller ones first: any number of white objects, any pointers
/// in their slots, in the roots of the areas that exist, and in the weak pointer.
pub fn heaps(bound: &Bound, mut f: impl FnMut(State)) {
    for objects in 0..=bound.objects {
        for areas in [[true, false], [true, true], [false, true], [false, false]] {
            if areas[1] && bound.areas[1] == 0 {
                continue;
            }
            let mut state = State::empty();
            state.areas = areas;
            state.colors[..objects].fill(Color::White);
            let mut places = Vec::new();
            for area in bound.all_areas().filter(|&area| areas[area]) {
                for root in bound.roots_of(area) {
                    state.roots[root] = Root { value: None, status: Status::Unscanned };
                    places.push(Place::Root(root));
                }
            }
            for object in 0..objects {
                places.extend((0..bound.slots).map(|slot| Place::Slot(object, slot)));
            }
            if bound.weak {
                places.push(Place::Weak);
            }
            fill(&mut state, objects, &places, &mut f);
        }
    }
}

/// Where a pointer can be.
#[derive(Clone, Copy)]
enum Place {
    Root(usize),
    Slot(usize, usize),
    Weak,
}

fn fill(state: &mut State, objects: usize, places: &[Place], f: &mut impl FnMut(State)) {
    debug_assert!(objects <= OBJECTS);
    let Some((&place, others)) = places.split_last() else { return f(*state) };
    for pointer in core::iter::once(None).chain((0..objects).map(Some)) {
        set(state, place, pointer);
        fill(state, objects, others, f);
    }
}

fn set(state: &mut State, place: Place, pointer: Pointer) {
    match place {
        Place::Root(root) => state.roots[root].value = pointer,
        Place::Slot(object, slot) => state.slots[object][slot] = pointer,
        Place::Weak => state.weak = pointer,
    }
}
