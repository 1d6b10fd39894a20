//! Every small program: all sequences of operations up to a bound, on the real collector.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use crate::machine::{Failure, View};
use crate::op::{Config, Op, Program};
use crate::shadow::{Kind, Shade};
use crate::subject::Subject;

/// How far a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Operations of a program.
    pub depth: usize,
    /// Objects in the heap at a time.
    pub objects: usize,
    /// Slots of each that are used.
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
    /// All programs of so many operations.
    pub const fn of(depth: usize) -> Bound {
        Bound { depth, objects: 3, slots: 1, locals: 2, scopes: 1, roots: 1, stacks: 2, height: 2, weaks: 1 }
    }
}

/// A program that loses something.
#[derive(Clone, Debug)]
pub struct Found {
    /// The program.
    pub program: Program,
    /// What went wrong.
    pub failure: Failure,
}

/// What a search came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Programs that were run, the one that was found included.
    pub programs: u64,
    /// States that they came to.
    pub states: u64,
    /// The same by length: programs, states.
    pub lengths: Vec<(u64, u64)>,
    /// The first program that fails.
    pub found: Option<Found>,
}

/// A program: one that is shorter by an operation, by number, and that operation.
#[derive(Clone, Copy)]
struct Node {
    parent: u32,
    op: Op,
}

/// Runs every program up to the bound, the shorter ones first, until one fails.
pub fn search(subject: &Subject, bound: Bound) -> Outcome {
    let mut known: HashSet<u128, BuildHasherDefault<Fold>> = HashSet::default();
    let mut nodes: Vec<Node> = Vec::new();
    let mut outcome = Outcome::default();
    let mut program = Program { config: Config { ending: 3, ..Config::default() }, ops: Vec::new() };
    // The programs of the last length that came to a new state, with the operations that go on from there.
    let mut frontier: Vec<(u32, Vec<Op>)> = Vec::new();
    for depth in 0..=bound.depth {
        let before = (outcome.programs, outcome.states);
        let mut next = Vec::new();
        let first = [(u32::MAX, vec![Op::Forget])];
        for (parent, menu) in if depth == 0 { first.as_slice() } else { &frontier } {
            program.ops.clear();
            let mut at = *parent;
            while let Some(node) = nodes.get(at as usize) {
                program.ops.insert(0, node.op);
                at = node.parent;
            }
            for &op in menu {
                if depth > 0 {
                    program.ops.push(op);
                }
                outcome.programs += 1;
                let mut menu = None;
                let result = subject.probe(&program, &mut |view| {
                    let new = known.insert(key(&view));
                    if new {
                        menu = Some(if depth < bound.depth { self::menu(&view, &bound) } else { Vec::new() });
                    }
                    new
                });
                if let Err(failure) = result {
                    outcome.lengths.push((outcome.programs - before.0, outcome.states - before.1));
                    outcome.found = Some(Found { program, failure });
                    return outcome;
                }
                if let Some(menu) = menu {
                    outcome.states += 1;
                    if depth < bound.depth {
                        if depth > 0 {
                            nodes.push(Node { parent: *parent, op });
                        }
                        next.push((nodes.len().wrapping_sub(1) as u32, menu));
                    }
                }
                if depth > 0 {
                    program.ops.pop();
                }
            }
        }
        outcome.lengths.push((outcome.programs - before.0, outcome.states - before.1));
        frontier = next;
    }
    outcome
}

/// The operations that do something in this state, and something else than each other.
fn menu(view: &View<'_>, bound: &Bound) -> Vec<Op> {
    let mut menu = vec![Op::Step { work: 0 }];
    // The objects at hand, each by its first operand.
    let mut names: Vec<(u32, u8)> = Vec::new();
    for (at, &shade) in view.operands.iter().enumerate() {
        if let Some(id) = shade
            && view.shadow.objects[id as usize].kind != Kind::Weak
            && names.iter().all(|(other, _)| *other != id)
        {
            names.push((id, operand(at)));
        }
    }
    let value_of = |shade: Shade| move |(id, _): &&(u32, u8)| shade != Some(*id);
    let is_in_register = |shade: Shade| view.registers.contains(&shade);
    if view.objects < bound.objects {
        for kind in [Kind::Guarded, Kind::Bag] {
            let kind = kind.number();
            menu.push(Op::Alloc { kind, a: NIL, b: NIL });
            menu.extend(names.iter().map(|&(_, a)| Op::Alloc { kind, a, b: NIL }));
        }
    }
    for &(to, name) in &names {
        for slot in 0..bound.slots {
            let holds = view.shadow.get(to, slot);
            let slot = slot as u8;
            if holds.is_some() {
                if !is_in_register(holds) {
                    menu.push(Op::Get { from: name, slot });
                }
                menu.push(Op::Set { to: name, slot, value: NIL });
            }
            let values = names.iter().filter(value_of(holds));
            menu.extend(values.map(|&(_, value)| Op::Set { to: name, slot, value }));
        }
        if view.locals.len() + view.kept.iter().map(Vec::len).sum::<usize>() < bound.locals {
            menu.push(Op::Root { value: name });
            if view.kept.last().is_some() {
                menu.push(Op::Keep { value: name });
            }
        }
        if view.roots.len() < bound.roots {
            menu.push(Op::Persist { value: name });
        }
        if view.cells.len() < bound.weaks && view.shadow.objects[to as usize].kind == Kind::Guarded {
            menu.push(Op::Weaken { from: name });
        }
    }
    for (root, &holds) in view.roots.iter().enumerate() {
        let root = root as u8;
        menu.push(Op::DropRoot { root });
        menu.extend(names.iter().filter(value_of(holds)).map(|&(_, value)| Op::SetRoot { root, value }));
    }
    if view.stacks.len() < bound.stacks {
        menu.push(Op::NewStack);
    }
    for (stack, values) in view.stacks.iter().enumerate() {
        let stack = stack as u8;
        menu.push(Op::DropStack { stack });
        if !values.is_empty() {
            menu.push(Op::Pop { stack });
            menu.push(Op::Truncate { stack, len: 0 });
        }
        if values.len() < bound.height {
            menu.extend(names.iter().map(|&(_, value)| Op::Push { stack, value }));
        }
        for (index, &holds) in values.iter().enumerate() {
            let index = index as u8;
            menu.extend(names.iter().filter(value_of(holds)).map(|&(_, value)| Op::SetStack { stack, index, value }));
        }
    }
    if view.kept.len() < bound.scopes {
        menu.push(Op::Scope);
    }
    if !view.kept.is_empty() {
        menu.push(Op::EndScope);
    }
    for (nth, cell) in view.cells.iter().enumerate() {
        let target = cell.map(|cell| view.shadow.objects[cell as usize].target);
        if !is_in_register(target) {
            menu.push(Op::Upgrade { nth: nth as u8, to: NIL, slot: 0 });
        }
    }
    menu
}

/// The operand that is nil.
const NIL: u8 = 0;

/// The operand that names a value by its place among those at hand.
fn operand(at: usize) -> u8 {
    (5 * at + 2).try_into().expect("few values are at hand")
}

/// What decides whether all is well, and what may become of it: the heap's digest, and what the program knows.
fn key(view: &View<'_>) -> u128 {
    let mut key = Key::new();
    for &word in view.digest {
        key.word(word);
    }
    // The shadow graph, its objects numbered as they are met.
    let mut met: Vec<u32> = Vec::new();
    let number = |met: &mut Vec<u32>, shade: Shade| {
        shade.map_or(0, |id| {
            1 + met.iter().position(|other| *other == id).unwrap_or_else(|| {
                met.push(id);
                met.len() - 1
            }) as u64
        })
    };
    key.word(view.outer_locals as u64);
    let kept = view.kept.iter().map(Vec::as_slice);
    let lists = [view.locals, &view.roots, &view.cells, &view.registers];
    for list in lists.into_iter().chain(view.stacks.iter().copied()).chain(kept) {
        key.word(list.len() as u64 + 1000);
        for &shade in list {
            key.word(number(&mut met, shade));
        }
    }
    key.word(view.stacks.len() as u64 + 1000);
    for cell in view.cells.iter().flatten() {
        // What only a weak pointer leads to may be had again.
        let target = view.shadow.objects[*cell as usize].target;
        let gone = view.shadow.objects[target as usize].gone;
        key.word(if gone { 0 } else { number(&mut met, Some(target)) });
    }
    let mut at = 0;
    while at < met.len() {
        let object = &view.shadow.objects[met[at] as usize];
        key.word(object.kind.number().into());
        for shade in object.slots {
            key.word(number(&mut met, shade));
        }
        at += 1;
    }
    key.finish()
}

/// Folds words to 128 bits.
struct Key([u64; 2]);

impl Key {
    fn new() -> Key {
        Key([0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344])
    }

    fn word(&mut self, word: u64) {
        const ODD: [u64; 2] = [0xa409_3822_299f_31d1, 0x082e_fa98_ec4e_6c89];
        for (lane, odd) in self.0.iter_mut().zip(ODD) {
            let product = u128::from((*lane ^ word).wrapping_add(odd)) * u128::from(odd.rotate_left(17) | 1);
            *lane = product as u64 ^ (product >> 64) as u64 ^ lane.rotate_left(23);
        }
    }

    fn finish(self) -> u128 {
        u128::from(self.0[0]) << 64 | u128::from(self.0[1])
    }
}

/// The hash of a key: half of it.
#[derive(Default)]
struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}
