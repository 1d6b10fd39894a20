//! The language: what a program may do with a heap.
#![allow(missing_docs, reason = "each operation's sentence says what its fields are")]

use std::fmt;

/// One operation. Fields are indices, taken modulo what there is at that moment; what makes no sense is skipped.
///
/// An *operand* names a value that the program can get at: nil, a register, a local, a root, an element of a stack,
/// in this order, or what such a value leads to; one number in five names nil, one the newest register. Results go to the next of four registers, round and round. Registers
/// hold unrooted pointers: they die at each operation that may collect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Clears the registers.
    Forget,
    /// Allocates an object of some kind, with two operands in its slots.
    Alloc { kind: u8, a: u8, b: u8 },
    /// Allocates an object and puts it in front of what a slot of an operand holds; where that is nil, roots it.
    Grow { kind: u8, to: u8, slot: u8 },
    /// Reads a slot of an operand.
    Get { from: u8, slot: u8 },
    /// Reads a slot of an operand and clears it.
    Take { from: u8, slot: u8 },
    /// Writes an operand to a slot of another.
    Set { to: u8, slot: u8, value: u8 },
    /// Mutates the `nth` object of those that are mutated as a whole: rotates its slots, and puts a value in.
    Whole { nth: u8, value: u8 },
    /// Roots an operand in the current scope.
    Root { value: u8 },
    /// Makes an operand leave the current scope.
    Keep { value: u8 },
    /// Makes a root of an operand.
    Persist { value: u8 },
    /// Replaces the value of a root.
    SetRoot { root: u8, value: u8 },
    /// Drops the handle of a root; its value goes to a register first.
    DropRoot { root: u8 },
    /// Makes a stack.
    NewStack,
    /// Pushes an operand.
    Push { stack: u8, value: u8 },
    /// Pops a value.
    Pop { stack: u8 },
    /// Replaces an element.
    SetStack { stack: u8, index: u8, value: u8 },
    /// Shortens a stack.
    Truncate { stack: u8, len: u8 },
    /// Takes a window of a stack, writes an operand to its first cell and swaps that with its last.
    Window { stack: u8, from: u8, value: u8 },
    /// Moves the last value of one stack to another, or to a local.
    Move { from: u8, to: u8 },
    /// Drops the handle of a stack.
    DropStack { stack: u8 },
    /// Makes a weak pointer to an operand, or to new garbage where that is nil, and a root of it.
    Weaken { from: u8 },
    /// Upgrades the `nth` weak pointer that a register, local, root or stack holds; writes what it gets to the slot of
    /// an operand.
    Upgrade { nth: u8, to: u8, slot: u8 },
    /// Interns one of four strings.
    Intern { text: u8 },
    /// Allocates garbage: so many blocks that a sweep of them is handed to the sweeper's thread.
    Churn { blocks: u8 },
    /// A step of the collector.
    Step { work: u8 },
    /// A safepoint: does something in automatic and stress modes.
    Safepoint,
    /// Steps to the start of the next marking; skipped while marking.
    Begin,
    /// Steps to the end of the cycle.
    Finish,
    /// A full collection.
    Collect,
    /// Opens a scope.
    Scope,
    /// Ends it.
    EndScope,
    /// Leaves the heap and enters it again, with another mode of sweeping: all scopes end.
    Region { sweep: u8 },
    /// Uses another heap meanwhile.
    Suspend,
}

/// How an operation is made of three bytes, and how often it should occur among 256.
type Row = (u32, fn(u8, u8, u8) -> Op);

/// The first row is the simplest: shrinking goes up this table.
const ROWS: &[Row] = &[
    (1, |_, _, _| Op::Forget),
    (60, |_, work, _| Op::Step { work }),
    (14, |kind, a, b| Op::Alloc { kind, a, b }),
    (40, |kind, to, slot| Op::Grow { kind, to, slot }),
    (24, |slot, to, value| Op::Set { to, slot, value }),
    (16, |slot, from, _| Op::Get { from, slot }),
    (16, |slot, from, _| Op::Take { from, slot }),
    (12, |_, stack, value| Op::Push { stack, value }),
    (12, |_, stack, _| Op::Pop { stack }),
    (10, |_, value, _| Op::Root { value }),
    (10, |_, nth, value| Op::Whole { nth, value }),
    (5, |_, value, _| Op::Persist { value }),
    (6, |_, root, value| Op::SetRoot { root, value }),
    (3, |_, root, _| Op::DropRoot { root }),
    (5, |_, _, _| Op::NewStack),
    (4, |index, stack, value| Op::SetStack { stack, index, value }),
    (2, |len, stack, _| Op::Truncate { stack, len }),
    (4, |from, stack, value| Op::Window { stack, from, value }),
    (12, |_, from, to| Op::Move { from, to }),
    (3, |_, stack, _| Op::DropStack { stack }),
    (7, |_, from, _| Op::Weaken { from }),
    (10, |slot, nth, to| Op::Upgrade { nth, to, slot }),
    (3, |text, _, _| Op::Intern { text }),
    (4, |_, _, _| Op::Safepoint),
    (12, |_, _, _| Op::Begin),
    (4, |_, _, _| Op::Finish),
    (1, |_, _, _| Op::Collect),
    (6, |_, _, _| Op::Scope),
    (5, |_, _, _| Op::EndScope),
    (4, |_, value, _| Op::Keep { value }),
    (1, |sweep, _, _| Op::Region { sweep }),
    (1, |blocks, _, _| Op::Churn { blocks }),
    (1, |_, _, _| Op::Suspend),
];

impl Op {
    /// The operation that four bytes stand for: the first selects one, by the table's frequencies.
    pub fn new([select, a, b, c]: [u8; 4]) -> Op {
        let total: u32 = ROWS.iter().map(|row| row.0).sum();
        let mut at = u32::from(select) * total / 256;
        for (weight, make) in ROWS {
            if at < *weight {
                return make(a, b, c);
            }
            at -= weight;
        }
        Op::Forget
    }

    /// Whether the collector may run in it, so that registers die.
    pub fn collects(self) -> bool {
        matches!(
            self,
            Op::Step { .. }
                | Op::Safepoint
                | Op::Begin
                | Op::Finish
                | Op::Collect
                | Op::Scope
                | Op::EndScope
                | Op::Region { .. }
                | Op::Suspend
        )
    }
}

/// What a program runs on. Every number means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Config {
    /// Lazy, eager or concurrent sweeping, to begin with.
    pub sweep: u8,
    /// Stepped by hand; the same with freed memory overwritten; automatic; stress.
    pub mode: u8,
    /// Entries of the mark stack: many, or so few that it overflows.
    pub queue: u8,
    /// At the end the heap is collected and compared exactly; or it is dropped as it is.
    pub ending: u8,
}

/// A program and what it runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub config: Config,
    pub ops: Vec<Op>,
}

impl Program {
    /// The program that some bytes stand for, for fuzzers.
    pub fn from_bytes(bytes: &[u8]) -> Program {
        let (head, rest) = bytes.split_at(bytes.len().min(4));
        let head: [u8; 4] = core::array::from_fn(|at| head.get(at).copied().unwrap_or(0));
        let [sweep, mode, queue, ending] = head;
        let ops = rest.chunks_exact(4).map(|op| Op::new(op.try_into().expect("four"))).collect();
        Program { config: Config { sweep, mode, queue, ending }, ops }
    }
}

impl Program {
    /// Leaves out whatever is not needed for the program to fail, operation by operation.
    pub fn minimize(mut self, fails: impl Fn(&Program) -> bool) -> Program {
        loop {
            let before = self.ops.len();
            for at in (0..before).rev() {
                let op = self.ops.remove(at);
                if !fails(&self) {
                    self.ops.insert(at, op);
                }
            }
            if self.ops.len() == before {
                return self;
            }
        }
    }
}

/// As Rust, to be pasted into a test.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Program {{\n    config: {:?},\n    ops: vec![", self.config)?;
        for op in &self.ops {
            writeln!(f, "        Op::{op:?},")?;
        }
        write!(f, "    ],\n}}")
    }
}
