//! Every small program: all sequences of operations up to a bound, on the real collector.

mod key;
mod menu;

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::machine::Failure;
use crate::op::{Config, Op, Program};
use crate::subject::Subject;

/// How far a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Operations of a program.
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
    /// All programs of up to so many operations.
    pub const fn of(depth: usize) -> Bound {
        Bound { depth, objects: 3, slots: 1, locals: 2, scopes: 1, roots: 1, stacks: 2, height: 2, weaks: 1 }
    }
}

/// A program that fails.
#[derive(Clone, Debug)]
pub struct Found {
    /// Programs that were run until then, this one included.
    pub programs: u64,
    /// The program, with what the search does after each at its end.
    pub program: Program,
    /// Operations of it that the search came to.
    pub depth: usize,
    /// What went wrong.
    pub failure: Failure,
}

/// What a search came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Programs that were run.
    pub programs: u64,
    /// States that they came to.
    pub states: u64,
    /// Programs and states of each length, from none on.
    pub lengths: Vec<(u64, u64)>,
    /// The first program that fails: one of the shortest.
    pub found: Option<Found>,
}

/// A program: the one that is shorter by an operation, by number, and that operation.
#[derive(Clone, Copy)]
struct Node {
    parent: u32,
    op: Op,
}

/// The number of the program of no operations.
const EMPTY: u32 = u32::MAX;

/// A program that came to a new state.
struct Reached {
    node: Node,
    /// What goes on from there.
    menu: Vec<Op>,
}

/// Known states, in as many parts as keep threads out of each other's way.
struct Known([Mutex<HashSet<u128, BuildHasherDefault<key::Half>>>; Known::PARTS]);

impl Known {
    const PARTS: usize = 64;

    fn insert(&self, key: u128) -> bool {
        self.0[(key >> 64) as usize % Known::PARTS].lock().expect("no thread panics with it").insert(key)
    }
}

/// Runs every program up to the bound, the shorter ones first, until one fails. On one thread the order is the same
/// each time; what is counted is the same on several, unless one fails.
pub fn search(subject: &Subject, bound: Bound, threads: usize) -> Outcome {
    let known = Known(std::array::from_fn(|_| Mutex::default()));
    let mut nodes: Vec<Node> = Vec::new();
    let mut outcome = Outcome::default();
    // The programs of the last length that came to new states: their number, and what goes on from there.
    let mut frontier: Vec<(u32, Vec<Op>)> = Vec::new();
    for depth in 0..=bound.depth {
        let level = Level {
            subject,
            bound: &bound,
            depth,
            known: &known,
            nodes: &nodes,
            frontier: &frontier,
            next: AtomicUsize::new(0),
            programs: AtomicU64::new(0),
            found: Mutex::new(None),
        };
        let reached: Vec<Vec<Reached>> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| level.run())).collect();
            let own = level.run();
            others.into_iter().map(|thread| thread.join().expect("failures are caught")).chain([own]).collect()
        });
        let (programs, found) = (level.programs.into_inner(), level.found.into_inner().expect("no thread panicked"));
        let states = reached.iter().map(Vec::len).sum::<usize>() as u64;
        outcome.lengths.push((programs, states));
        if let Some((program, failure)) = found {
            outcome.found = Some(Found::new(subject, program, failure, depth, outcome.programs + programs));
        }
        outcome.programs += programs;
        outcome.states += states;
        if outcome.found.is_some() {
            break;
        }
        frontier.clear();
        for Reached { node, menu } in reached.into_iter().flatten() {
            if depth == 0 {
                frontier.push((EMPTY, menu));
            } else {
                frontier.push((nodes.len() as u32, menu));
                nodes.push(node);
            }
        }
    }
    outcome
}

/// All programs of one length.
struct Level<'l> {
    subject: &'l Subject,
    bound: &'l Bound,
    depth: usize,
    known: &'l Known,
    nodes: &'l [Node],
    frontier: &'l [(u32, Vec<Op>)],
    /// The next of the frontier that nobody has taken.
    next: AtomicUsize,
    programs: AtomicU64,
    found: Mutex<Option<(Program, Failure)>>,
}

impl Level<'_> {
    /// Takes states of the frontier, and runs the programs that go on from them.
    fn run(&self) -> Vec<Reached> {
        let mut reached = Vec::new();
        let mut program = Program { config: Config { ending: 3, ..Config::default() }, ops: Vec::new() };
        if self.depth == 0 {
            if self.next.fetch_add(1, Relaxed) == 0 {
                self.probe(&program, Node { parent: EMPTY, op: Op::Forget }, &mut reached);
            }
            return reached;
        }
        while let Some((parent, menu)) = self.frontier.get(self.next.fetch_add(1, Relaxed)) {
            program.ops.clear();
            let mut at = *parent;
            while at != EMPTY {
                let node = self.nodes[at as usize];
                program.ops.push(node.op);
                at = node.parent;
            }
            program.ops.reverse();
            for &op in menu {
                program.ops.push(op);
                if !self.probe(&program, Node { parent: *parent, op }, &mut reached) {
                    // The others stop at their next state.
                    self.next.store(self.frontier.len(), Relaxed);
                    return reached;
                }
                program.ops.pop();
            }
        }
        reached
    }

    /// Runs one program. False: it fails.
    fn probe(&self, program: &Program, node: Node, reached: &mut Vec<Reached>) -> bool {
        self.programs.fetch_add(1, Relaxed);
        let result = self.subject.probe(program, &mut |view| {
            let new = self.known.insert(key::key(view));
            if new {
                let is_last = self.depth == self.bound.depth;
                let menu = if is_last { Vec::new() } else { menu::menu(view, self.bound) };
                reached.push(Reached { node, menu });
            }
            new
        });
        match result {
            Ok(()) => true,
            Err(failure) => {
                *self.found.lock().expect("no thread panics with it") = Some((program.clone(), failure));
                false
            }
        }
    }
}

impl Found {
    fn new(subject: &Subject, program: Program, failure: Failure, depth: usize, programs: u64) -> Found {
        let _ = subject;
        Found { programs, program, depth, failure }
    }
}
