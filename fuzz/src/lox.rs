//! Runs of a Lox program on every kind of heap: all of them must do the same.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Mutex;
use std::{panic, process};

use arbitrary::{Arbitrary, Unstructured};
use grisaille::{Barrier, Check, Deletion, Heap, Hybrid, Insertion, RootsFirst, StopTheWorld, Sweep, Watermark};
use lox::machine::{Failure, Machine};

use crate::grammar;

/// A Lox program, and how many entries the mark stack may have: 0 for as many as it needs.
pub struct Source {
    text: String,
    mark_stack: u8,
}

impl Source {
    /// The program that some bytes stand for.
    pub fn from_bytes(bytes: &[u8]) -> Source {
        let (&mark_stack, rest) = bytes.split_first().unwrap_or((&0, &[]));
        Source { text: grammar::program(rest), mark_stack: if mark_stack % 8 < 4 { mark_stack % 8 } else { 0 } }
    }

    /// Runs the program on heaps of every policy, with each mode of sweeping under stress, and as usual. Panics if two
    /// runs differ, or a heap is not in order in one or after it.
    pub fn run_everywhere(&self) -> End {
        *CURRENT.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = self.text.clone();
        let expected = self.run::<StopTheWorld>(Sweep::Eager, false);
        for (policy, run) in POLICIES {
            for sweep in [Sweep::Concurrent, Sweep::Lazy, Sweep::Eager] {
                for stress in [true, false] {
                    // Without stress these programs are too short to tell one mode of sweeping from another.
                    if !stress && sweep != Sweep::Concurrent {
                        continue;
                    }
                    let outcome = run(self, sweep, stress);
                    if outcome != expected {
                        let name = if stress { ", under stress" } else { "" };
                        panic!("{policy}, {sweep:?}{name}:\n{outcome}but stop-the-world, eager:\n{expected}");
                    }
                }
            }
        }
        expected.end
    }

    fn run<B: Barrier>(&self, sweep: Sweep, stress: bool) -> Outcome {
        // What marking loses is seldom missed by the program itself.
        let builder = Heap::builder().barrier::<B>().sweep(sweep).stress(stress).floor(0).growth(0.05);
        let mut heap = builder.check(Check::SecondMark).build().expect("there is no limit");
        if self.mark_stack > 0 {
            heap.set_mark_stack_cap(self.mark_stack.into());
        }
        let (out, errors) = (Printed::default(), Printed::default());
        let end = heap.enter(|cx| {
            let machine = Machine::new(cx, Box::new(out.clone()), Box::new(errors.clone()));
            let mut machine = machine.expect("there is no limit");
            assert!(machine.extend(cx).is_ok(), "there is no limit");
            match machine.interpret(cx, self.text.as_bytes()) {
                Ok(()) => End::Well,
                Err(Failure::Runtime { .. }) => End::RuntimeError,
                Err(Failure::Compile) => End::CompileError,
                Err(Failure::Output(error)) => panic!("a vector cannot be written to: {error}"),
            }
        });
        if let Err(error) = heap.verify() {
            panic!("{}, {sweep:?}, stress: {stress}: {error}", <B as Barrier>::NAME);
        }
        Outcome { end, out: out.text(), errors: errors.text() }
    }
}

type Run = fn(&Source, Sweep, bool) -> Outcome;

const POLICIES: [(&str, Run); 6] = [
    (<Insertion as Barrier>::NAME, Source::run::<Insertion>),
    (<Deletion as Barrier>::NAME, Source::run::<Deletion>),
    (<RootsFirst as Barrier>::NAME, Source::run::<RootsFirst>),
    (<Hybrid as Barrier>::NAME, Source::run::<Hybrid>),
    (<Watermark as Barrier>::NAME, Source::run::<Watermark>),
    (<StopTheWorld as Barrier>::NAME, Source::run::<StopTheWorld>),
];

impl<'a> Arbitrary<'a> for Source {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Source> {
        Ok(Source::from_bytes(bytes.bytes(bytes.len())?))
    }
}

/// What `cargo fuzz fmt` prints.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It ran to its end.
    Well,
    /// It was stopped by an error.
    RuntimeError,
    /// It was refused.
    CompileError,
}

#[derive(PartialEq, Eq)]
struct Outcome {
    end: End,
    out: String,
    errors: String,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}\n--- out\n{}--- errors\n{}---", self.end, self.out, self.errors)
    }
}

/// A place to print to, which can be read afterwards.
#[derive(Clone, Default)]
struct Printed(Rc<RefCell<Vec<u8>>>);

impl Printed {
    /// The text, but for what may differ: of two nans, the processor keeps the sign of the first operand, and which
    /// that is the compiler may choose.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).replace("-nan", "nan")
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The program under way.
static CURRENT: Mutex<String> = Mutex::new(String::new());

/// From now on a panic, on whatever thread, shows the program and ends the process.
pub fn show_program_at_panic() {
    drop(panic::take_hook());
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        tell(panic);
        if let Ok(text) = CURRENT.try_lock() {
            eprintln!("the program:\n{text}");
        }
        process::abort();
    }));
}
