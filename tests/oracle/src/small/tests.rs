//! Does leaving known states alone leave anything out?

use std::collections::HashSet;

use super::{Bound, CONFIG, STEP, key, menu};
use crate::op::{Op, Program};
use crate::subject::{self, Subject};

/// The states that programs of up to so many operations come to, steps included. Without pruning every program is
/// extended.
fn states(subject: &Subject, bound: &Bound, length: usize, prunes: bool) -> HashSet<u128> {
    let mut known = HashSet::new();
    let mut programs = vec![Vec::new()];
    for length in 0..=length {
        let mut next = Vec::new();
        for ops in programs {
            let program = Program { config: CONFIG, ops };
            let mut more = Vec::new();
            let result = subject.probe(&program, &mut |view| {
                let new = known.insert(key::key(view));
                if new || !prunes {
                    more = menu::menu(view, bound);
                    more.push(STEP);
                }
                new
            });
            assert!(result.is_ok(), "{program} {result:?}");
            if program.ops.len() == length {
                next.extend(more.into_iter().map(|op| [&program.ops[..], &[op]].concat()));
            }
        }
        programs = next;
    }
    known
}

#[test]
fn known_states_lead_to_nothing_new() {
    for subject in subject::SOUND {
        let bound = Bound::new(usize::MAX, 2);
        let (pruned, all) = (states(subject, &bound, 4, true), states(subject, &bound, 4, false));
        assert_eq!(pruned.len(), all.len(), "{}", subject.name);
        assert_eq!(pruned, all, "{}", subject.name);
    }
    let _: Vec<Op> = Vec::new();
}
