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
                    state.roots[root] = Root { status: Status::Unscanned, ..Root::NONE };
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::bound::SMALL;
    use crate::symmetry::canonical;

    /// Each pointer is nil or one of the objects.
    #[test]
    fn there_are_as_many_heaps_as_combinatorics_says() {
        for (slots, areas) in [(1, [1, 1]), (2, [1, 1]), (1, [2, 1]), (1, [3, 0])] {
            let bound = Bound { objects: 3, slots, areas, ..SMALL };
            let mut counted = 0;
            let mut distinct = HashSet::new();
            heaps(&bound, |heap| {
                counted += 1;
                distinct.insert(format!("{heap:?}"));
            });
            let of_areas = |objects: usize| {
                let of_area = |roots: usize| 1 + if roots > 0 { (objects + 1).pow(roots as u32) } else { 0 };
                of_area(areas[0]) * of_area(areas[1])
            };
            let expected: usize = (0..=3)
                .map(|objects| of_areas(objects) * (objects + 1).pow((objects * slots) as u32) * (objects + 1))
                .sum();
            assert_eq!((counted, distinct.len()), (expected, expected), "{bound}");
        }
    }

    /// Objects with one slot each, and nothing else: the partial functions on a set, up to the names of its members.
    #[test]
    fn renaming_leaves_as_many_heaps_as_there_are_partial_functions() {
        let bound = Bound { objects: 3, areas: [0, 0], weak: false, ..SMALL };
        let mut of_size = [const { Vec::new() }; 4];
        heaps(&bound, |heap| {
            if heap.areas == [false, false] {
                of_size[heap.objects().iter().count()].push(canonical(&heap, &bound));
            }
        });
        assert_eq!(of_size.each_ref().map(Vec::len), [1, 2, 9, 64]);
        assert_eq!(of_size.map(|heaps| HashSet::<u64>::from_iter(heaps).len()), [1, 2, 6, 16]);
    }
}
