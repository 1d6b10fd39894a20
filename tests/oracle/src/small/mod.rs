//! Every small program: all sequences of operations up to a bound, on the real collector, which is stepped by one unit
//! of work, any number of times, between any two of them.
//!
//! [`search`] goes breadth first, by the number of operations; steps of the collector do not count. It runs each
//! program from a fresh heap, and adds steps for as long as they lead to a new state: these are the longer programs
//! that end in steps. The verifier and the walk with the shadow graph check each state on the way. At the end of the
//! run a full collection must free what is unreachable and nothing else, and the heap is dropped; the drops and the
//! canaries check that.
//!
//! A program that reaches a known state is not continued. A state's `key` holds all that decides what follows, whatever
//! the operations: of the collector (`src/observe/digest.rs` says why that is all), and of what the program can reach.
//! So both programs go on in the same way, with the same verdict. A test runs all programs without this, up to a lesser
//! length, and reaches the same states. Keys are folded to 128 bits: among 10^8 states two have the same key with a
//! probability below 10^-22.
//!
//! [`Bound`] and `menu` have the parts of programs: objects with slots and objects that are mutated as a whole, all
//! with a canary and a drop that is recorded; locals and a scope, a root, two stacks, a weak pointer, each made and
//! destroyed.

pub(crate) mod checks;
mod key;
mod menu;

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::machine::{Failure, Watch};
use crate::op::Op;
use crate::program::{Config, Program};
use crate::subject::Subject;

/// The bounds of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Operations of a program, besides steps of the collector, of which there may be any number.
    pub depth: usize,
    /// Objects in the heap at a time, dead ones that are not swept yet included.
    pub objects: usize,
    /// Slots of each that are used: 1 or 2.
    pub slots: usize,
    /// Locals, of all scopes.
    pub locals: usize,
    /// Scopes, one in the other.
    pub scopes: usize,
    /// Handles of roots.
    pub roots: usize,
    /// Handles of stacks.
    pub stacks: usize,
    /// Values on a stack.
    pub height: usize,
    /// Weak pointers.
    pub weaks: usize,
}

impl Bound {
    /// Makes the bounds for all programs of up to so many operations.
    pub const fn new(depth: usize, slots: usize) -> Bound {
        Bound { depth, objects: 3, slots, locals: 2, scopes: 1, roots: 1, stacks: 2, height: 2, weaks: 1 }
    }
}

/// A program that fails.
#[derive(Clone, Debug)]
pub struct Found {
    /// Programs that were run until then, this one included.
    pub programs: u64,
    /// Operations of it, besides steps of the collector.
    pub depth: usize,
    /// The program, and what the search does after it.
    pub program: Program,
    /// A description of the failure.
    pub failure: Failure,
}

/// The result of a search.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Programs that were run.
    pub programs: u64,
    /// States that they came to.
    pub states: u64,
    /// Operations of the longest program, steps included.
    pub longest: usize,
    /// Programs and states by the number of operations, from none on.
    pub levels: Vec<(u64, u64)>,
    /// The first program that fails: one of fewest operations.
    pub found: Option<Found>,
}

/// Runs every program up to the bound, those of fewer operations first, until one fails. On one thread the order is the
/// same each time; what is counted is the same on several, unless one fails.
pub fn search(subject: &Subject, bound: Bound, threads: usize) -> Outcome {
    let mut search = Search::new(subject, bound, threads);
    search.run();
    search.outcome
}

/// A program: one of fewer operations, by number, an operation that follows, and how many steps.
#[derive(Clone, Copy)]
struct Node {
    parent: u32,
    op: Option<Op>,
    steps: u16,
}

/// Stands for the parent of programs of no operations.
const NONE: u32 = u32::MAX;

/// A program that came to a new state, and what goes on from there.
struct Reached {
    node: Node,
    menu: Vec<Op>,
}

struct Search<'s> {
    subject: &'s Subject,
    bound: Bound,
    threads: usize,
    known: Known,
    /// The programs that came to new states, each after the one that it goes on from.
    nodes: Vec<Node>,
    outcome: Outcome,
}

impl<'s> Search<'s> {
    fn new(subject: &'s Subject, bound: Bound, threads: usize) -> Self {
        let known = Known(std::array::from_fn(|_| Mutex::default()));
        Search { subject, bound, threads, known, nodes: Vec::new(), outcome: Outcome::default() }
    }

    fn run(&mut self) {
        let mut level = vec![(NONE, vec![None])];
        for depth in 0..=self.bound.depth {
            let reached = self.extend(depth, &level);
            if self.outcome.found.is_some() {
                break;
            }
            level.clear();
            for Reached { node, menu } in reached {
                level.push((self.nodes.len() as u32, menu.into_iter().map(Some).collect()));
                self.nodes.push(node);
            }
        }
    }

    /// Runs all programs that go on from some by one operation, which makes it `depth`, and by steps.
    fn extend(&mut self, depth: usize, from: &[(u32, Vec<Option<Op>>)]) -> Vec<Reached> {
        let round = Round {
            search: self,
            depth,
            from,
            next: AtomicUsize::new(0),
            programs: AtomicU64::new(0),
            longest: AtomicUsize::new(0),
            found: Mutex::new(None),
        };
        let reached: Vec<Reached> = std::thread::scope(|scope| {
            let helpers = self.threads.min(from.len() / 16 + 1) - 1;
            let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(|| round.run())).collect();
            let mut reached = round.run();
            for helper in helpers {
                reached.append(&mut helper.join().expect("what fails is caught"));
            }
            reached
        });
        let (programs, longest) = (round.programs.into_inner(), round.longest.into_inner());
        let found = round.found.into_inner().expect("nobody panics with it");
        let outcome = &mut self.outcome;
        if outcome.levels.len() == depth {
            outcome.levels.push((0, 0));
        }
        outcome.levels[depth].0 += programs;
        outcome.levels[depth].1 += reached.len() as u64;
        outcome.programs += programs;
        outcome.states += reached.len() as u64;
        outcome.longest = outcome.longest.max(longest);
        if let Some((program, failure)) = found {
            let program = pasteable(self.subject, program);
            outcome.found = Some(Found { programs: outcome.programs, depth, program, failure });
        }
        reached
    }
}

/// Programs that are longer than others by one operation.
struct Round<'r> {
    search: &'r Search<'r>,
    depth: usize,
    from: &'r [(u32, Vec<Option<Op>>)],
    /// The next one that nobody has taken.
    next: AtomicUsize,
    programs: AtomicU64,
    longest: AtomicUsize,
    found: Mutex<Option<(Program, Failure)>>,
}

impl Round<'_> {
    /// Takes programs, and runs what goes on from them. Returns those that came to new states.
    fn run(&self) -> Vec<Reached> {
        let mut reached = Vec::new();
        while let Some((parent, menu)) = self.from.get(self.next.fetch_add(1, Relaxed)) {
            let mut program = self.search.program(*parent);
            let shorter = program.ops.len();
            for &op in menu {
                program.ops.extend(op);
                self.probe(&program, Node { parent: *parent, op, steps: 0 }, &mut reached);
                program.ops.truncate(shorter);
            }
        }
        reached
    }

    /// Runs a program, and with it those that go on from it by steps.
    fn probe(&self, program: &Program, mut node: Node, reached: &mut Vec<Reached>) {
        if self.found.lock().expect("nobody panics with it").is_some() {
            return;
        }
        let mut steps = 0;
        let result = self.search.subject.probe(program, &mut |view| {
            let new = self.search.known.insert(key::key(view));
            if new {
                let is_last = self.depth == self.search.bound.depth;
                let menu = if is_last { Vec::new() } else { menu::menu(view, &self.search.bound) };
                reached.push(Reached { node, menu });
                node.steps += 1;
            }
            steps += 1;
            new
        });
        self.programs.fetch_add(steps, Relaxed);
        let steps = steps as usize - 1;
        self.longest.fetch_max(program.ops.len() + steps, Relaxed);
        if let Err(failure) = result {
            let mut program = program.clone();
            program.ops.extend(vec![STEP; steps]);
            self.found.lock().expect("nobody panics with it").get_or_insert((program, failure));
        }
    }
}

/// One unit of work.
const STEP: Op = Op::Step { work: 0 };

/// Swept on the mutator's thread, stepped by hand; the heap is dropped as it is.
const CONFIG: Config = Config { sweep: 0, mode: 0, queue: 0, ending: 3, limit: 0 };

impl Search<'_> {
    /// A program by its number.
    fn program(&self, number: u32) -> Program {
        let mut ops = Vec::new();
        let mut at = number;
        while at != NONE {
            let Node { parent, op, steps } = self.nodes[at as usize];
            ops.extend(vec![STEP; steps.into()]);
            ops.extend(op);
            at = parent;
        }
        ops.reverse();
        Program { config: CONFIG, ops }
    }
}

/// The program as everybody else runs it: with the collection at its end, where it takes that to fail.
fn pasteable(subject: &Subject, program: Program) -> Program {
    let ways = [(3, None), (0, None), (3, Some(Op::Collect))];
    let ways = ways.map(|(ending, last)| {
        let mut way = program.clone();
        way.config.ending = ending;
        way.ops.extend(last);
        way
    });
    ways.into_iter().find(|way| subject.run(way, Watch::Verifier).is_err()).unwrap_or(program)
}

/// Known states, in so many parts that threads seldom meet.
struct Known([Mutex<HashSet<u128, BuildHasherDefault<key::Half>>>; Known::PARTS]);

impl Known {
    const PARTS: usize = 64;

    fn insert(&self, key: u128) -> bool {
        let part = (key >> 64) as usize % Known::PARTS;
        self.0[part].lock().expect("nobody panics with it").insert(key)
    }
}
