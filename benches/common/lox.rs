//! Programs of the Lox interpreter in `examples/lox`.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

/// A program and its expected output.
#[derive(Clone, Copy)]
pub struct Program {
    pub name: &'static str,
    pub source: &'static str,
    pub expected: &'static str,
}

macro_rules! programs {
    ($($name:literal),*) => {
        [$(Program {
            name: $name,
            source: include_str!(concat!("../../examples/lox/programs/", $name, ".lox")),
            expected: include_str!(concat!("../../examples/lox/programs/", $name, ".expected")),
        }),*]
    };
}

pub const PROGRAMS: [Program; 12] = programs!(
    "binary_trees",
    "classes",
    "closures",
    "fields",
    "graph",
    "life",
    "long_list",
    "queue",
    "ring",
    "strings",
    "trees_small",
    "versions"
);

pub fn program(name: &str) -> Program {
    *PROGRAMS.iter().find(|program| program.name == name).expect("a program of the example")
}

/// A program's output, kept to be compared.
#[derive(Clone, Default)]
pub struct Output(Rc<RefCell<Vec<u8>>>);

impl Output {
    pub fn check(&self, program: Program) {
        assert!(*self.0.borrow() == program.expected.as_bytes(), "{} printed something else", program.name);
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
