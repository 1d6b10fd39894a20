//! Every small program, up to a bound that takes seconds. `cargo run -p grisaille-oracle -- small` goes further.

// The library with parts that can be broken, by the name that the derive's output has.
extern crate grisaille_subject as grisaille;

use grisaille::Barrier;
use grisaille_oracle::small::{Bound, search};
use grisaille_oracle::{Subject, Watch};

#[path = "support/policies.rs"]
mod policies;
use policies::for_each_policy;

for_each_policy! {
    every_program_of_three_operations_runs_well
}

fn every_program_of_three_operations_runs_well<B: Barrier>() {
    let subject = Subject::by_name(<B as Barrier>::NAME).expect("a policy");
    for slots in [1, 2] {
        let outcome = search(&subject, Bound::new(3, slots), 1);
        let (programs, states) = (outcome.programs, outcome.states);
        println!("{}, {slots} slots: {programs} programs came to {states} states", subject.name);
        if let Some(found) = outcome.found {
            panic!("{}\n  {}", subject.replay(&found.program, Watch::Verifier), found.failure.what);
        }
        assert!(states > 1000, "the search has not gone far");
    }
}

/// Broken policies that lose something within three operations and some steps. The others take four or five: the
/// command's `--broken` finds them.
const SOON: [&str; 4] = [
    "no barrier",
    "insertion without the rescan",
    "insertion with scan-before in place of grey-again",
    "roots-first with white allocation",
];

#[test]
fn broken_policies_are_found() {
    for name in SOON {
        let subject = Subject::by_name(name).expect("a broken policy");
        let found = search(&subject, Bound::new(3, 1), 1).found;
        let found = found.unwrap_or_else(|| panic!("{name} loses objects, and no small program saw it"));
        println!("{name}: found by program {}, of {} operations", found.programs, found.depth);
        assert!(subject.run(&found.program, Watch::Verifier).is_err(), "{}", found.program);
    }
}
