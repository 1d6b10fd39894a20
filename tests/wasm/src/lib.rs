//! Lox as a module of WebAssembly: runs a program under a policy, and hands out what it printed.
//!
//! The host writes the program's bytes to memory from [`room`], calls [`run`], and reads what was printed at
//! [`printed`].

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use grisaille::{Barrier, Check, Deletion, Heap, Hybrid, Insertion, RootsFirst, StopTheWorld, Sweep, Watermark};
use lox::machine::{Failure, Machine};

thread_local! {
    static PROGRAM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static PRINTED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static STATS: RefCell<[f64; 3]> = const { RefCell::new([0.0; 3]) };
}

/// What a program prints.
#[derive(Clone, Default)]
struct Printed(Rc<RefCell<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the address of room for a program of that many bytes.
// SAFETY: no other function of the module has this name.
#[unsafe(no_mangle)]
pub extern "C" fn room(bytes: usize) -> *mut u8 {
    PROGRAM.with_borrow_mut(|program| {
        *program = vec![0; bytes];
        program.as_mut_ptr()
    })
}

/// Runs the program under the policy of that number, under stress and with a check of the heap at each step if that is not 0.
/// Returns the exit code that Lox would have.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn run(policy: u32, stress: u32) -> u32 {
    match policy {
        0 => run_under::<RootsFirst>(stress != 0),
        1 => run_under::<Insertion>(stress != 0),
        2 => run_under::<Deletion>(stress != 0),
        3 => run_under::<Watermark>(stress != 0),
        4 => run_under::<Hybrid>(stress != 0),
        _ => run_under::<StopTheWorld>(stress != 0),
    }
}

/// Returns the address of what was printed.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn printed() -> *const u8 {
    PRINTED.with_borrow(|printed| printed.as_ptr())
}

/// Returns the number of bytes that were printed.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn printed_bytes() -> usize {
    PRINTED.with_borrow(Vec::len)
}

/// Returns a figure of the last run: 0 is the number of cycles, 1 the bytes that the heap held, 2 those that it used.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn figure(number: usize) -> f64 {
    STATS.with_borrow(|stats| stats.get(number).copied().unwrap_or(f64::NAN))
}

fn run_under<B: Barrier>(stress: bool) -> u32 {
    let printed = Printed::default();
    let check = if stress { Check::EverySteps(50) } else { Check::Off };
    let builder = Heap::builder().barrier::<B>().sweep(Sweep::Concurrent).stress(stress).check(check);
    let Ok(mut heap) = builder.build() else { return 70 };
    let program = PROGRAM.take();
    let code = heap.enter(|cx| {
        let mut machine = match Machine::new(cx, Box::new(printed.clone()), Box::new(printed.clone())) {
            Ok(machine) => machine,
            Err(_) => return 70,
        };
        match machine.interpret(cx, &program) {
            Ok(()) => 0,
            Err(Failure::Compile) => 65,
            Err(_) => 70,
        }
    });
    let stats = heap.stats();
    STATS.set([stats.cycles() as f64, stats.bytes_held() as f64, stats.bytes_used() as f64]);
    drop(heap);
    PRINTED.set(printed.0.take());
    code
}
