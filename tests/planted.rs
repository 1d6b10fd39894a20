//! Uses after free, planted: a policy without a barrier loses an object, and the program goes on with it through the
//! safe API. Each program runs in a process of its own, which AddressSanitizer (feature `asan`) or memcheck (feature
//! `valgrind`) must end with a report; under a sound policy the same program must run to its end without one.
//!
//! `.ci/sanitize planted` runs both. Without the features there is nothing here: what the programs do would be undefined
//! behaviour that nobody watches.
#![cfg(any(feature = "asan", feature = "valgrind"))]

use std::env;
use std::hint::black_box;
use std::process::{Command, Output};
use std::sync::mpsc::{Sender, channel};

use grisaille::barrier::rules::{Birth, New, Policy, RootWrite, Roots, Rules, WholeObject};
use grisaille::{Array, Barrier, Budget, Gc, Heap, HeapBuilder, Hybrid, Local, Mutator, Phase, Slot, Sweep, Trace};

enum NoBarrier {}

// SAFETY: unsound on purpose. Only processes that are watched look at what it loses.
unsafe impl Policy for NoBarrier {
    const POLICY: &'static str = "no barrier";
    const RULES: Rules = Rules {
        roots: Roots::InOnePauseAtTheStart,
        window: false,
        shade_old: false,
        shade_new: New::Leave,
        birth: Birth::Black,
        root_write: RootWrite::Nothing,
        whole_object: WholeObject::Nothing,
        ..<Hybrid as Policy>::RULES
    };
}

// ---- the watched processes

/// Which of the two programs a process is to run.
const VARIABLE: &str = "GRISAILLE_PLANTED";

#[derive(Clone, Copy, Debug)]
enum Access {
    Read,
    Write,
}

/// What the report says of the access, and the exit code that goes with a report.
fn report(access: Access) -> ([&'static str; 2], i32) {
    if cfg!(feature = "asan") {
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
    // With both features there is AddressSanitizer's runtime in the binary, which memcheck cannot run.
    let mut command = if cfg!(feature = "asan") {
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

/// A test of a program that is generic in its policy.
macro_rules! is_caught {
    ($($test:ident: $access:ident)*) => {$(
        #[test]
        fn $test() {
            is_caught(stringify!($test), Access::$access, programs::$test::<NoBarrier>, programs::$test::<Hybrid>);
        }
    )*};
}

is_caught! {
    read_of_what_the_mutator_swept: Read
    write_to_what_the_mutator_swept: Write
    read_of_what_the_sweeper_swept: Read
    read_of_a_large_object: Read
    read_beside_objects_that_live: Read
    marking_of_what_was_lost_a_cycle_ago: Read
}

// ---- the programs

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<Option<Gc<'gc, Node<'gc>>>>,
    words: Slot<Option<Gc<'gc, Array<u64>>>>,
    number: Slot<u64>,
}

type NodeAt<'gc> = Gc<'gc, Node<'gc>>;

fn node<'a, B: Barrier>(cx: &'a Mutator<'_, B>, number: u64) -> NodeAt<'a> {
    cx.alloc(Node { next: Slot::new(None), words: Slot::new(None), number: Slot::new(number) })
}

fn heap<B: Barrier>(configure: impl FnOnce(HeapBuilder<B>) -> HeapBuilder<B>) -> Heap<B> {
    configure(Heap::builder().barrier::<B>().automatic(false).sweep(Sweep::Lazy)).build().unwrap()
}

/// Moves the second node of a list from the first, which has not been traced, to a local, when the locals have been
/// scanned: without a barrier it stays white, and dies at the end of the cycle.
fn hide<'s, B: Barrier>(cx: &mut Mutator<'s, B>, first: Local<'_, NodeAt<'_>>) -> Local<'s, NodeAt<'s>> {
    while cx.phase() != Phase::Mark {
        cx.step(Budget::work(1));
    }
    let first = first.get(cx);
    let second = first.next.get().expect("nothing was collected yet");
    first.next.set(cx, None);
    cx.root(second)
}

fn finish<B: Barrier>(cx: &mut Mutator<'_, B>) {
    while !cx.step(Budget::unlimited()).cycle_ended {}
}

/// Two nodes, the second of which is hidden; the cycle has ended.
fn lose<'s, B: Barrier>(cx: &mut Mutator<'s, B>) -> Local<'s, NodeAt<'s>> {
    let first = cx.root(node(cx, 1));
    first.get(cx).next.set(cx, Some(node(cx, 2)));
    let lost = hide(cx, first);
    finish(cx);
    lost
}

/// Tells on which thread it is dropped.
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
        // Under stress small heaps are handed over too.
        heap::<B>(|b| b.sweep(Sweep::Concurrent).stress(true)).enter(|cx| {
            // The mutator's own step may sweep a block: one of these.
            for _ in 0..4000 {
                cx.alloc([0u64; 32]);
            }
            let first = cx.root(node(cx, 1));
            first.get(cx).next.set(cx, Some(node(cx, 2)));
            let (bell, rings) = channel();
            cx.alloc(Ringing { _bell: Bell(bell) });
            let lost = hide(cx, first);
            while cx.phase() != Phase::Sweep {
                cx.step(Budget::work(1));
            }
            // The sweeper takes blocks in the order in which they were made: the bell is in the last.
            assert_eq!(rings.recv().unwrap().as_deref(), Some("grisaille-sweeper"));
            black_box(lost.get(cx).number.get());
        });
    }

    pub fn read_of_a_large_object<B: Barrier>() {
        heap::<B>(|b| b).enter(|cx| {
            let first = cx.root(node(cx, 1));
            let words = cx.alloc_array(100_000, |at| at as u64);
            first.get(cx).words.set(cx, Some(words));
            while cx.phase() != Phase::Mark {
                cx.step(Budget::work(1));
            }
            let words = first.get(cx).words.get().unwrap();
            first.get(cx).words.set(cx, None);
            let words = cx.root(words);
            finish(cx);
            black_box(words.get(cx).as_slice()[99_999]);
        });
    }

    pub fn read_beside_objects_that_live<B: Barrier>() {
        heap::<B>(|b| b).enter(|cx| {
            let _before = cx.root(node(cx, 0));
            let first = cx.root(node(cx, 1));
            let second = node(cx, 2);
            first.get(cx).next.set(cx, Some(second));
            let _behind = cx.root(node(cx, 3));
            let lost = hide(cx, first);
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
