//! The search: breadth first, over packed states.

use hashbrown::HashSet;

use crate::bound::Bound;
use crate::column::Column;
use crate::state::State;
use crate::symmetry::{canonical, forget};
use crate::{collector, initial, invariant, mutator};

/// A move of either side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Move {
    /// A move of the mutator.
    Mutator(mutator::Move),
    /// A move of the collector.
    Collector(collector::Move),
}

/// Calls `f` with each move from the state, and the state after it.
pub fn successors(state: &State, column: &Column, bound: &Bound, mut f: impl FnMut(Move, State)) {
    // The collector's first: of two traces of one length, the one that ends earlier is found first.
    collector::moves(state, column, bound, |it| f(Move::Collector(it), collector::apply(state, it, column)));
    mutator::moves(state, column, bound, |it| f(Move::Mutator(it), mutator::apply(state, it, column, bound)));
}

/// The result of a search.
#[derive(Clone, Debug)]
pub struct Found {
    /// Number of states that differ, with the initial ones and without those in which liveness is decided.
    pub states: usize,
    /// Number of initial states.
    pub initial: usize,
    /// Number of transitions that were explored.
    pub transitions: usize,
    /// Number of moves from an initial state to the last state found.
    pub depth: usize,
    /// The packed states on a shortest way to a lost object, but for the last one.
    pub lost: Option<Vec<u64>>,
    /// The packed states on a shortest way to a state that breaks the invariant, but for the last one.
    pub broken: Option<Vec<u64>>,
}

/// The goal of a search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goal {
    /// The first lost object.
    Lost,
    /// The first lost object, or the first state that breaks the invariant.
    Invariant,
}

/// Explores all that can happen under the column within the bound, until the goal is met or nothing is left.
pub fn explore(column: &Column, bound: &Bound, goal: Goal) -> Found {
    explore_and_visit(column, bound, goal, |_, _, _| {})
}

/// Explores as [`explore`] does, and calls `visit` with each transition: a state, a move, and the state after it.
pub fn explore_and_visit(
    column: &Column,
    bound: &Bound,
    goal: Goal,
    mut visit: impl FnMut(&State, Move, &State),
) -> Found {
    let mut search = Search { seen: HashSet::new(), states: Vec::new(), parents: Vec::new() };
    initial::heaps(bound, |heap| search.add(&mut collector::start(heap, column), None, bound));
    let initial = search.states.len();
    let mut found = Found { states: 0, initial, transitions: 0, depth: 0, lost: None, broken: None };
    let (mut at, mut level_end) = (0, initial);
    while at < search.states.len() {
        if at == level_end {
            found.depth += 1;
            level_end = search.states.len();
        }
        let state = State::unpack(search.states[at]);
        if goal == Goal::Invariant && !invariant::holds(&state, column) {
            found.broken = Some(search.way_to(at));
            break;
        }
        let mut moves_of_the_collector = 0;
        successors(&state, column, bound, |it, mut next| {
            found.transitions += 1;
            visit(&state, it, &next);
            moves_of_the_collector += usize::from(matches!(it, Move::Collector(_)));
            if !next.ended {
                search.add(&mut next, Some(at), bound);
            } else if found.lost.is_none() && !invariant::lost(&next).is_empty() {
                found.lost = Some(search.way_to(at));
            }
        });
        assert!(moves_of_the_collector > 0, "the collector is stuck: {state:?}");
        if found.lost.is_some() {
            break;
        }
        at += 1;
    }
    found.states = search.states.len();
    found
}

struct Search {
    seen: HashSet<u64>,
    /// The states in the order in which they were found and are explored.
    states: Vec<u64>,
    /// For each state the one from which it was found; an initial one has itself.
    parents: Vec<u32>,
}

impl Search {
    fn add(&mut self, state: &mut State, parent: Option<usize>, bound: &Bound) {
        forget(state);
        let word = canonical(state, bound);
        if self.seen.insert(word) {
            let parent = parent.unwrap_or(self.states.len());
            self.states.push(word);
            self.parents.push(u32::try_from(parent).expect("fewer than 2^32 states"));
        }
    }

    fn way_to(&self, mut at: usize) -> Vec<u64> {
        let mut way = vec![self.states[at]];
        while self.parents[at] as usize != at {
            at = self.parents[at] as usize;
            way.push(self.states[at]);
        }
        way.reverse();
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bound::SMALL;
    use crate::column::{Order, TABLE, sound};
    use crate::state::Color;
    use grisaille::barrier::rules::WholeObject;

    #[test]
    fn colors_never_go_backwards() {
        for named in sound() {
            let mut regreyed = 0;
            explore_and_visit(&named.column, &SMALL, Goal::Lost, |before, it, after| {
                for object in before.objects().iter() {
                    let (old, new) = (before.colors[object], after.colors[object]);
                    let is_mutation = matches!(it, Move::Mutator(mutator::Move::Mutate(_)));
                    assert!(
                        old <= new || (old, new, is_mutation) == (Color::Black, Color::Grey, true),
                        "{named}: {it:?}"
                    );
                    regreyed += usize::from(new < old);
                }
            });
            let Column { rules, beside } = named.column;
            let greys_again = match rules.whole_object {
                WholeObject::GreyAgain => true,
                // Go's rules. Where nothing is traced before all roots are scanned, nothing is black in the window.
                WholeObject::ScanBefore if rules.window => beside.order == Order::Any,
                WholeObject::Nothing | WholeObject::ScanBefore => false,
            };
            assert_eq!(regreyed > 0, greys_again, "{named}");
        }
    }

    /// Without a mutator every order of the collector's moves ends, and what is marked then is what is reachable.
    #[test]
    fn an_empty_program_ends_and_keeps_what_is_reachable() {
        for named in TABLE {
            let mut seen = HashSet::new();
            let mut stack = Vec::new();
            initial::heaps(&SMALL, |heap| stack.push(collector::start(heap, &named.column)));
            let mut ends = 0;
            while let Some(state) = stack.pop() {
                let is_new = seen.insert(state.pack([0, 1, 2], &SMALL));
                if is_new && state.ended {
                    ends += 1;
                    for object in state.objects().iter() {
                        let is_marked = state.colors[object] == Color::Black;
                        assert_eq!(is_marked, state.rooted().has(object), "{named}: {state:?}");
                    }
                } else if is_new {
                    let before = stack.len();
                    collector::moves(&state, &named.column, &SMALL, |it| {
                        stack.push(collector::apply(&state, it, &named.column));
                    });
                    assert!(stack.len() > before, "{named}: stuck in {state:?}");
                }
            }
            assert!(ends > 0);
        }
    }

    #[test]
    fn a_stopped_world_lets_nobody_write() {
        explore_and_visit(&TABLE[0].column, &SMALL, Goal::Lost, |_, it, _| assert!(matches!(it, Move::Collector(_))));
    }

    #[test]
    fn words_are_states() {
        for named in TABLE {
            explore_and_visit(&named.column, &SMALL, Goal::Lost, |state, _, _| {
                let word = canonical(state, &SMALL);
                assert_eq!(State::unpack(word), *state, "a state of the search has its canonical names");
            });
        }
    }
}
