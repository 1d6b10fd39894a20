//! [`Program`]: operations, and the configuration that they run with.
#![allow(missing_docs, reason = "the sentences say what there is")]

use std::fmt;

use crate::Watch;
use crate::op::Op;

/// The configuration of a program. Every number means something.
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
    /// The heap's limit: none, or one that a program can reach.
    pub limit: u8,
}

/// A program and what it runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub config: Config,
    pub ops: Vec<Op>,
}

impl Program {
    /// Returns the program that some bytes stand for, for fuzzers: five for the configuration, each four for an
    /// operation.
    pub fn from_bytes(bytes: &[u8]) -> Program {
        let (head, rest) = bytes.split_at(bytes.len().min(5));
        let head: [u8; 5] = core::array::from_fn(|at| head.get(at).copied().unwrap_or(0));
        let [sweep, mode, queue, ending, limit] = head;
        let ops = rest.chunks_exact(4).map(|op| Op::new(op.try_into().expect("four"))).collect();
        Program { config: Config { sweep, mode, queue, ending, limit }, ops }
    }

    /// Returns whether the program plays the sweeper's thread.
    pub(crate) fn plays_the_sweeper(&self) -> bool {
        self.ops.iter().any(|op| matches!(op, Op::Fork { .. }))
    }

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

    /// Returns a test that runs the program on a subject, to be pasted into tests/subject/tests/operations.rs.
    pub fn to_test(&self, subject: &str, watch: Watch) -> String {
        let program = self.to_string().replace('\n', "\n    ");
        format!(
            "#[test]\nfn pasted() {{\n    let program = {program};\n    let subject = Subject::by_name({subject:?}).unwrap();\n    \
             subject.run(&program, Watch::{watch:?}).unwrap();\n}}\n"
        )
    }
}

/// Prints the program as a Rust expression.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Program {{\n    config: {:?},\n    ops: vec![", self.config)?;
        for op in &self.ops {
            writeln!(f, "        Op::{op:?},")?;
        }
        write!(f, "    ],\n}}")
    }
}
