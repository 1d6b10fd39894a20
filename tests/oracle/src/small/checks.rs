//! Tests that a key holds all that decides the future of a state.

use std::collections::{HashMap, HashSet};

use super::{Bound, CONFIG, STEP, Search, key, menu, search};
use crate::machine::Watch;
use crate::op::{Op, Program};
use crate::subject::{self, Subject};

/// The state that a program comes to, and what may come next. The steps that follow it are programs of their own here.
fn state(subject: &Subject, bound: &Bound, ops: &[Op]) -> (u128, Vec<Op>) {
    let program = Program { config: CONFIG, ops: ops.to_vec() };
    let mut state = None;
    let result = subject.probe(&program, &mut |view| {
        state = Some((key::key(view), menu::menu(view, bound)));
        false
    });
    assert!(result.is_ok(), "{program} {result:?}");
    state.expect("every program comes to a state")
}

/// Two programs that come to one state come to the same states by their next operation. All programs are tried that go
/// on from the search's first levels, with every step; and all that end in a state that is known.
pub fn from_one_state_there_is_one_future() {
    for subject in subject::SOUND {
        let bound = Bound::new(0, 2);
        let successors = |ops: &[Op]| -> HashSet<u128> {
            let menu = state(subject, &bound, ops).1;
            menu.into_iter().chain([STEP]).map(|op| state(subject, &bound, &[ops, &[op]].concat()).0).collect()
        };
        let mut known: HashMap<u128, Vec<Op>> = HashMap::new();
        let mut level: Vec<Vec<Op>> = vec![Vec::new()];
        let mut compared = 0;
        for _ in 0..3 {
            let mut next = Vec::new();
            for mut ops in level {
                loop {
                    let (key, menu) = state(subject, &bound, &ops);
                    if let Some(first) = known.get(&key) {
                        compared += 1;
                        assert_eq!(successors(first), successors(&ops), "{}: {first:?} and {ops:?}", subject.name);
                        break;
                    }
                    known.insert(key, ops.clone());
                    next.extend(menu.into_iter().map(|op| [&ops[..], &[op]].concat()));
                    ops.push(STEP);
                }
            }
            level = next;
        }
        println!("{}: {} states, {compared} programs came to a known one", subject.name, known.len());
    }
}

/// The states that programs of up to so many operations come to, steps included. Unless `prunes`, every program is
/// extended.
fn states(subject: &Subject, bound: &Bound, length: usize, prunes: bool) -> HashSet<u128> {
    let mut known = HashSet::new();
    let mut programs = vec![Vec::new()];
    for _ in 0..=length {
        let mut next = Vec::new();
        for ops in programs {
            let (key, menu) = state(subject, bound, &ops);
            if known.insert(key) || !prunes {
                next.extend(menu.into_iter().chain([STEP]).map(|op| [&ops[..], &[op]].concat()));
            }
        }
        programs = next;
    }
    known
}

/// A search that extends every program comes to the same states.
pub fn what_is_not_extended_leads_to_nothing_new() {
    for subject in subject::SOUND {
        let bound = Bound::new(0, 2);
        assert_eq!(states(subject, &bound, 4, true), states(subject, &bound, 4, false), "{}", subject.name);
    }
}

/// The search runs steps together with the program that they go on from: that comes to the same.
pub fn steps_in_one_run_are_steps() {
    for subject in subject::SOUND {
        let bound = Bound::new(2, 1);
        let mut search = Search::new(subject, bound, 1);
        search.run();
        let programs = (0..search.nodes.len()).map(|number| search.program(number as u32));
        let states: HashSet<u128> = programs.map(|program| state(subject, &bound, &program.ops).0).collect();
        assert_eq!(states.len() as u64, search.outcome.states, "{}", subject.name);
    }
}

/// The program that a search finds fails in the usual interpreter too.
pub fn what_is_found_fails_for_others_too() {
    for name in ["no barrier", "watermark without the shade on pop"] {
        let subject = Subject::by_name(name).expect("a broken policy");
        let found = search(&subject, Bound::new(4, 1), 1).found.expect(name);
        assert!(subject.run(&found.program, Watch::Verifier).is_err(), "{name}: {}", found.program);
    }
}
