//! Planted uses after free: a policy without a barrier loses an object, and the program goes on with it through the
//! safe API. Each program runs in a process of its own, which AddressSanitizer or memcheck must end with a report;
//! under a sound policy the same program must run to its end without one.
//!
//! `.ci/sanitize planted` runs both. Without `cfg(grisaille_poison)` this file is empty: the programs' undefined
//! behaviour would go unseen.
#![cfg(any(grisaille_poison = "asan", grisaille_poison = "valgrind"))]

// The library with parts that can be broken, by the name that the derive's output has.
extern crate grisaille_subject as grisaille;

use std::env;
use std::hint::black_box;
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, Sender, channel};

use grisaille::barrier::rules::{Birth, Policy, RootWrite, Roots, Rules, ShadeNew, WholeObject, Window};
use grisaille::{Barrier, Budget, Gc, Heap, HeapBuilder, Mutator, Phase, Rooted, RootsFirst, Slot, Sweep, Trace};

enum NoBarrier {}

// SAFETY: unsound on purpose. Only processes that are watched look at what it loses.
unsafe impl Policy for NoBarrier {
    const RULES: Rules = Rules {
        roots: Roots::InOnePauseAtTheStart,
        window: Window::Never,
        shade_old: false,
        shade_new: ShadeNew::Never,
        birth: Birth::Black,
        root_write: RootWrite::Nothing,
        whole_object: WholeObject::Nothing,
        ..<RootsFirst as Policy>::RULES
    };
}

impl Barrier for NoBarrier {
    const NAME: &'static str = "no barrier";
}

// ---- the watched processes

/// The program that a process runs, of the two.
const VARIABLE: &str = "GRISAILLE_PLANTED";

#[derive(Clone, Copy, Debug)]
enum Access {
    Read,
    Write,
}

/// The report's words for the access, and the exit code that goes with a report.
fn report(access: Access) -> ([&'static str; 2], i32) {
    if cfg!(grisaille_poison = "asan") {
        let access = match access {
            Access::Read => "READ of size 8",
            Access::Write => "WRITE of size 8",
        };
        (["AddressSanitizer: use-after-poison", access], 1)
    } else {
        let access = match access {
            Access::Read => "Invalid read of size 8",
            Access::Write => "Invalid write of size 8",
        };
        (["Memcheck, a memory error detector", access], MEMCHECK_FOUND)
    }
}

/// The test harness itself ends with other codes.
const MEMCHECK_FOUND: i32 = 77;

/// Runs the test of that name in a process of its own.
fn run(test: &str, policy: &str) -> Output {
    let this = env::current_exe().expect("a test knows where it is");
    // With both there is AddressSanitizer's runtime in the binary, which memcheck cannot run.
    let mut command = if cfg!(grisaille_poison = "asan") {
        Command::new(this)
    } else {
        let mut command = Command::new("valgrind");
        command.arg(format!("--error-exitcode={MEMCHECK_FOUND}")).arg(this);
        command
    };
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(VARIABLE, policy);
    command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"))
}

/// The test of that name is this very call: in a watched process it runs one of the programs, elsewhere it has both
/// watched.
fn is_caught(test: &str, access: Access, broken: fn(), sound: fn()) {
    match env::var(VARIABLE).as_deref() {
        Ok("broken") => return broken(),
        Ok("sound") => return sound(),
        _ => {}
    }
    let output = run(test, "sound");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "under a sound policy:\n{stderr}");
    let output = run(test, "broken");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let (says, code) = report(access);
    assert_eq!(output.status.code(), Some(code), "without a barrier:\n{stderr}");
    for text in says {
        assert!(stderr.contains(text), "no {text:?} in\n{stderr}");
    }
}

/// Makes a test of a program that is generic in its policy.
macro_rules! is_caught {
    ($($test:ident: $access:ident)*) => {$(
        #[test]
        fn $test() {
            is_caught(stringify!($test), Access::$access, programs::$test::<NoBarrier>, programs::$test::<RootsFirst>);
        }
    )*};
}

is_caught! {
    read_of_what_the_mutator_swept: Read
    write_to_what_the_mutator_swept: Write
    read_of_what_the_sweeper_swept: Read
    read_deep_in_a_large_object: Read
    read_between_objects_that_live: Read
    marking_of_what_was_lost_a_cycle_ago: Read
}

// ---- the programs

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<Option<Gc<'gc, Node<'gc>>>>,
    large: Slot<Option<Gc<'gc, Large>>>,
    number: Slot<u64>,
}

type NodeAt<'gc> = Gc<'gc, Node<'gc>>;
/// The length of an array of more than a block.
type Large = [u64; 6000];

fn node<'a, B: Barrier>(cx: &'a Mutator<'_, B>, number: u64) -> NodeAt<'a> {
    cx.alloc(Node { next: Slot::new(None), large: Slot::new(None), number: Slot::new(number) })
}

fn heap<B: Barrier>(configure: impl FnOnce(HeapBuilder<B>) -> HeapBuilder<B>) -> Heap<B> {
    configure(Heap::builder().barrier::<B>().automatic(false).sweep(Sweep::Lazy)).build().unwrap()
}

/// Starts marking and scans the first roots; nothing is traced yet. Without a barrier, what is moved now from an object
/// to a new root stays white, and dies at the end of the cycle.
fn start_marking<B: Barrier>(cx: &mut Mutator<'_, B>) {
    while cx.phase() != Phase::Mark {
        cx.step(Budget::work(1));
    }
}

fn finish<B: Barrier>(cx: &mut Mutator<'_, B>) {
    while !cx.step(Budget::unlimited()).cycle_ended {}
}

/// Moves the second node of a list from the first to a root.
fn take_second<'s, B: Barrier>(cx: &Mutator<'s, B>, first: Rooted<'_, NodeAt<'_>>) -> Rooted<'s, NodeAt<'s>> {
    let first = first.get(cx);
    let second = first.next.get().expect("nothing was collected yet");
    first.next.set(cx, None);
    cx.root(second)
}

/// A node that was lost in the cycle that has just ended.
fn lose<'s, B: Barrier>(cx: &mut Mutator<'s, B>) -> Rooted<'s, NodeAt<'s>> {
    let first = cx.root(node(cx, 1));
    first.get(cx).next.set(cx, Some(node(cx, 2)));
    start_marking(cx);
    let lost = take_second(cx, first);
    finish(cx);
    lost
}

/// A value that tells on which thread it is dropped.
struct Bell(Sender<Option<String>>);

impl Drop for Bell {
    fn drop(&mut self) {
        let _ = self.0.send(std::thread::current().name().map(String::from));
    }
}

#[derive(Trace)]
#[trace(drop = "background")]
struct Ringing {
    #[trace(skip)]
    _bell: Bell,
}

/// Makes a heap that the sweeper's thread sweeps: under stress, small heaps are handed over too.
fn swept_by_the_sweeper<B: Barrier>() -> Heap<B> {
    heap(|b| b.sweep(Sweep::Concurrent).stress(true))
}

/// Blocks for the mutator's own steps, which may sweep the first of a cycle.
fn alloc_some_garbage<B: Barrier>(cx: &Mutator<'_, B>) {
    for _ in 0..4000 {
        cx.alloc([0u64; 32]);
    }
}

/// Hangs a bell into the last block of the heap.
fn hang_a_bell<B: Barrier>(cx: &Mutator<'_, B>) -> Receiver<Option<String>> {
    let (bell, rings) = channel();
    cx.alloc(Ringing { _bell: Bell(bell) });
    rings
}

/// Marks to the end, and leaves the blocks to the sweeper. It takes them in the order in which they were made, and
/// rings the bell in the last.
fn wait_for_the_sweeper<B: Barrier>(cx: &mut Mutator<'_, B>, rings: &Receiver<Option<String>>) {
    while cx.phase() != Phase::Sweep {
        cx.step(Budget::work(1));
    }
    assert_eq!(rings.recv().expect("the bell is dropped once").as_deref(), Some("grisaille-sweeper"));
}

mod programs {
    use super::*;

    pub fn read_of_what_the_mutator_swept<B: Barrier>() {
        heap::<B>(|b| b).enter(|cx| {
            let lost = lose(cx);
            black_box(lost.get(cx).number.get());
        });
    }

    pub fn write_to_what_the_mutator_swept<B: Barrier>() {
        heap::<B>(|b| b).enter(|cx| {
            let lost = lose(cx);
            lost.get(cx).number.set(cx, 3);
        });
    }

    pub fn read_of_what_the_sweeper_swept<B: Barrier>() {
        swept_by_the_sweeper::<B>().enter(|cx| {
            alloc_some_garbage(cx);
            let first = cx.root(node(cx, 1));
            first.get(cx).next.set(cx, Some(node(cx, 2)));
            let rings = hang_a_bell(cx);
            start_marking(cx);
            let lost = take_second(cx, first);
            wait_for_the_sweeper(cx, &rings);
            black_box(lost.get(cx).number.get());
        });
    }

    pub fn read_deep_in_a_large_object<B: Barrier>() {
        swept_by_the_sweeper::<B>().enter(|cx| {
            alloc_some_garbage(cx);
            let first = cx.root(node(cx, 1));
            first.get(cx).large.set(cx, Some(cx.alloc([7; 6000])));
            let rings = hang_a_bell(cx);
            start_marking(cx);
            let large = first.get(cx).large.get().expect("nothing was collected yet");
            first.get(cx).large.set(cx, None);
            let large = cx.root(large);
            wait_for_the_sweeper(cx, &rings);
            black_box(large.get(cx)[5999]);
        });
    }

    pub fn read_between_objects_that_live<B: Barrier>() {
        heap::<B>(|b| b).enter(|cx| {
            let first = cx.root(node(cx, 1));
            first.get(cx).next.set(cx, Some(node(cx, 2)));
            let _behind = cx.root(node(cx, 3));
            start_marking(cx);
            let lost = take_second(cx, first);
            finish(cx);
            black_box(lost.get(cx).number.get());
        });
    }

    pub fn marking_of_what_was_lost_a_cycle_ago<B: Barrier>() {
        heap::<B>(|b| b).enter(|cx| {
            let _lost = lose(cx);
            finish(cx);
        });
    }
}
