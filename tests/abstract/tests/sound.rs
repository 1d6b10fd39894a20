//! The sound policies, explored to the end at a bound that takes seconds. `cargo run --release -p grisaille-abstract`
//! has the full one.

use grisaille_abstract::bound::{Bound, SMALL};
use grisaille_abstract::column::sound;
use grisaille_abstract::search::{Goal, explore};

/// Nothing is lost, and every state on the way keeps the policy's tri-colour invariant.
fn is_sound(bound: Bound) {
    for named in sound() {
        let found = explore(&named.column, &bound, Goal::Invariant);
        assert!(found.lost.is_none() && found.broken.is_none(), "{named} at {bound}: {found:?}");
        assert!(found.states > found.initial && found.depth > 1, "{named} at {bound}: {found:?}");
    }
}

#[test]
fn with_two_objects() {
    is_sound(SMALL);
}

#[test]
fn with_two_slots_and_three_roots() {
    is_sound(Bound { slots: 2, areas: [2, 1], weak: false, guards: 0, cells: false, ..SMALL });
}

#[test]
fn with_three_objects() {
    is_sound(Bound { objects: 3, areas: [2, 0], weak: false, cells: false, ..SMALL });
}
