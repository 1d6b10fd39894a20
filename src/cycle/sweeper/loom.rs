//! The hand-overs between mutators and sweeper, in every order that loom finds.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --lib --target-dir target/loom loom -- --nocapture
//! ```
//!
//! Each scene runs real [`Blocks`] with real objects, and the sweeper's real thread (a coroutine of loom's). loom
//! reports two touches of a block without an order between them, a touch of memory that has gone back, a thread that
//! sleeps for ever; the scene counts the drops of each object. Then the same scene runs on worse machines
//! ([`Fault`]), where it must fail.

use core::cell::RefCell;
use core::ops::ControlFlow;
use std::collections::BTreeSet;
use std::sync::Arc as Shared;
use std::sync::atomic::{AtomicUsize as Count, Ordering::Relaxed};

use super::super::blocks::{Blocks, Sweep};
use super::super::meter::Meter;
use super::*;
use crate::space::bitmap;
use crate::space::block::FIRST_GRANULE;
use crate::space::header::{ObjectPtr, TypeInfo, trace_nothing};
use crate::sync::{Fault, set_fault};

// ---- objects

const OBJECT_GRANULES: usize = 3;

static OBJECT: TypeInfo = TypeInfo {
    granules: OBJECT_GRANULES as u32,
    element: 0,
    prefix: 0,
    needs_trace: false,
    trace: trace_nothing,
    drop: Some(dropped),
    name: || "an object of a scene",
};

/// The payload: its number, and whether its drop panics.
type Payload = [usize; 2];

// loom's threads are coroutines of one thread: these are theirs together.
std::thread_local! {
    /// For each object how often it was dropped.
    static DROPS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    /// What happened in some execution.
    static SEEN: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

fn saw(what: &'static str) {
    SEEN.with_borrow_mut(|seen| seen.insert(what));
}

fn on_the_sweeper() -> bool {
    thread::current().name() == Some(NAME)
}

unsafe fn dropped(object: ObjectPtr) {
    // SAFETY: the payload of a scene's object.
    let [number, panics] = unsafe { object.payload().cast::<Payload>().read() };
    DROPS.with_borrow_mut(|drops| drops[number] += 1);
    saw(if on_the_sweeper() { "a drop on the sweeper" } else { "a drop on the mutator" });
    if panics == 1 {
        // Without the hook, which would report each of a hundred thousand panics.
        std::panic::resume_unwind(Box::new("a drop panics"));
    }
}

/// Fills a block with objects: first some that die in this cycle, then some that live. Returns their numbers. One of
/// the dead panics when it is dropped, if that is wished.
fn fill(block: BlockPtr, occupied: usize, dead: usize, living: usize, grenade: Option<usize>) -> core::ops::Range<usize> {
    let first = DROPS.with_borrow(Vec::len);
    for index in 0..dead + living {
        let at = FIRST_GRANULE + index * OBJECT_GRANULES;
        // SAFETY: a block that the scene has just taken: granules of it that nothing lies in.
        unsafe {
            let object = ObjectPtr::write(block.at(at), &OBJECT);
            let payload: Payload = [first + index, usize::from(grenade == Some(index))];
            object.payload().cast::<Payload>().write(payload);
            bitmap::set_run(block.bits(1 - occupied), at, OBJECT_GRANULES);
            if index >= dead {
                bitmap::set_run(block.bits(occupied), at, OBJECT_GRANULES);
            }
        }
    }
    DROPS.with_borrow_mut(|drops| drops.resize(first + dead + living, 0));
    first..first + dead + living
}

fn assert_dropped(objects: impl IntoIterator<Item = usize>, times: usize) {
    for number in objects {
        assert_eq!(DROPS.with_borrow(|drops| drops[number]), times, "drops of object {number}");
    }
}

// ---- the mutator

fn heap() -> Blocks {
    Blocks::new(usize::MAX)
}

/// Sweeps to the end, with the sweeper's help.
fn sweep_all(blocks: &mut Blocks) {
    while blocks.sweep_some(&mut Meter::unlimited(), true) != ControlFlow::Continue(true) {
        saw("a block in other hands");
        thread::yield_now();
    }
}

/// Drops a heap as `Heap` does.
fn drop_heap(mut blocks: Blocks, occupied: usize) {
    blocks.drop_everything(occupied);
}

/// Ends the sweeper's thread, and waits for it.
fn end() {
    if let Some(sweeper) = sweeper() {
        sweeper.close();
    }
}

// ---- the model

/// Runs a scene in every order with at most so many preemptions. All that is named must have happened in some.
fn explore(name: &str, preemptions: usize, scene: fn(), wanted: &[&str]) {
    let fault = std::env::var(FAULT).unwrap_or_default();
    set_fault(FAULTS.iter().find(|(name, _)| *name == fault).map_or(Fault::None, |(_, fault)| *fault));
    let executions = Shared::new(Count::new(0));
    let count = executions.clone();
    let mut model = ::loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 10_000;
    let start = std::time::Instant::now();
    model.check(move || {
        count.fetch_add(1, Relaxed);
        DROPS.take();
        scene();
    });
    let executions = executions.load(Relaxed);
    println!("{name}: {executions} executions, up to {preemptions} preemptions, {:.1?}", start.elapsed());
    for what in wanted {
        assert!(SEEN.with_borrow(|seen| seen.contains(what)), "never seen: {what}");
    }
}

/// Names a fault to a child process.
const FAULT: &str = "GRISAILLE_FAULT";

const FAULTS: [(&str, Fault); 9] = [
    ("no release", Fault::NoRelease),
    ("no acquire on load", Fault::NoAcquireOnLoad),
    ("no acquire on failure", Fault::NoAcquireOnFailure),
    ("an exchange in two steps", Fault::TwoSteps),
    ("claimed without looking", Fault::Blind(State::Unswept as u8, State::Sweeping as u8)),
    ("published without looking", Fault::Blind(State::Sweeping as u8, State::Swept as u8)),
    ("abandoned without looking", Fault::Blind(State::Sweeping as u8, State::Abandoned as u8)),
    ("never published", Fault::Refused(State::Sweeping as u8, State::Swept as u8)),
    ("never abandoned", Fault::Refused(State::Sweeping as u8, State::Abandoned as u8)),
];

/// Runs a scene on a worse machine, in a process of its own: a model that has failed cannot be unwound, and code that
/// runs on such a machine may do anything. It must fail, and complain of this.
fn fails(scene: &str, fault: &str, complaint: &str) {
    assert!(FAULTS.iter().any(|(name, _)| *name == fault));
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([&format!("cycle::sweeper::loom::{scene}::holds"), "--exact", "--nocapture"])
        .env(FAULT, fault)
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    let said = said.lines().find(|line| !line.is_empty() && !line.starts_with("thread '")).unwrap_or_default();
    println!("{scene}, {fault}: {said}");
    assert!(!child.status.success(), "not seen");
    assert!(said.contains(complaint), "it failed otherwise");
}

/// A scene as a test, and one for each fault with which it must fail, with a part of the complaint.
macro_rules! scenes {
    ($($scene:ident($preemptions:literal) sees $seen:tt { $($fault_name:ident $fault:literal $text:literal)* })*) => {$(
        mod $scene {
            use super::*;

            #[test]
            fn holds() {
                explore(stringify!($scene), $preemptions, super::$scene, &$seen);
            }

            $(
                #[test]
                fn $fault_name() {
                    fails(stringify!($scene), $fault, $text);
                }
            )*
        }
    )*};
}

scenes! {
    a_cycle(2) sees ["a drop on the sweeper", "a drop on the mutator", "a block in other hands"] {
        needs_release "no release" "Causality violation"
        needs_acquire "no acquire on load" "Causality violation"
        needs_exchanges "an exchange in two steps" "Causality violation"
        needs_claims "claimed without looking" "Causality violation"
    }
}

/// Two blocks, one of them with drops, are swept by whoever comes first.
fn a_cycle() {
    let mut blocks = heap();
    let plain = blocks.take(Kind::Plain, 0).unwrap();
    fill(plain, 1, 1, 1, None);
    let drops = blocks.take(Kind::BackgroundDrop, 0).unwrap();
    let objects = fill(drops, 1, 2, 1, None);
    blocks.start_sweep(1, Sweep::Concurrent, true);
    sweep_all(&mut blocks);
    assert_eq!((plain.live.get(), drops.live.get()), (3, 3));
    assert_dropped(objects.clone().take(2), 1);
    assert_dropped(objects.clone().skip(2), 0);
    drop_heap(blocks, 1);
    end();
    assert_dropped(objects, 1);
}
