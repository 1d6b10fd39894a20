//! The hand-overs between mutators and sweeper, in every order that loom finds.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p grisaille --lib --target-dir target/loom loom -- --nocapture
//! ```
//!
//! Each scene runs real [`Blocks`] with real objects, and the sweeper's real thread (a coroutine of loom's). loom
//! reports two accesses to a block without an order between them and a thread that sleeps for ever, [`watch`] an access
//! to memory that was freed; the scene counts the drops of each object, and names events that must have happened
//! in some order, so that no scene misses its purpose. Then each scene runs with weaker atomic operations
//! ([`WEAKNESSES`]), and must fail.
//!
//! loom runs two or three threads, which is all of them: a heap has one mutator, and there is one sweeper. Where "in
//! every order" took over a minute, the number of preemptions has a bound, which the test prints with the executions.
//! loom knows neither std's channel nor its `Arc`: replacements here do what the documentation of these promises.

use core::cell::RefCell;
use core::ptr::NonNull;

use super::super::blocks::Blocks;
use super::super::sweep::Sweep;
use super::super::sweeping::Swept;
use super::*;
use crate::mark::budget::{Budget, Meter};
use crate::space::alignment::Alignment;
use crate::space::arena::{Arena, testing};
use crate::space::bitmap;
use crate::space::block::FIRST_GRANULE;
use crate::space::geometry::{BLOCK_SIZE, GRANULE, PAGES};
use crate::space::header::{About, ObjectPtr, TypeInfo};
use crate::space::holes::Bump;
use crate::sync::model::{has_seen, is_weak, saw, scenes};
use crate::sync::mpsc::SLEEPS;
use crate::sync::watch;

// ---- objects

/// The granules of an object: its header and its [`Payload`].
const OBJECT_GRANULES: usize = 3;

static OBJECT: TypeInfo =
    TypeInfo { drop: Some(dropped), ..TypeInfo::sized::<Payload>(|| About::internal("an object of a scene")) };

/// The payload of an object: the object's number, and its role.
type Payload = [usize; 2];

/// Dies in the cycle.
const DEAD: usize = 0;
/// Lives until the heap is dropped.
const LIVING: usize = 1;
/// Added to the others: the object's drop panics.
const PANICS: usize = 2;

// loom's threads are coroutines of one thread, so they share these.
std::thread_local! {
    /// Number of drops of each object.
    static DROPS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

fn on_the_sweeper() -> bool {
    thread::current().name() == Some(NAME)
}

unsafe fn dropped(object: ObjectPtr) {
    // SAFETY: the object is a scene's, whose payload is a `Payload`.
    let [number, role] = unsafe { object.payload().cast::<Payload>().read() };
    DROPS.with_borrow_mut(|drops| drops[number] += 1);
    saw(match (role & LIVING, on_the_sweeper()) {
        (DEAD, false) => "the dead dropped by the mutator",
        (DEAD, true) => "the dead dropped by the sweeper",
        (_, false) => "the living dropped by the mutator",
        (_, true) => "the living dropped by the sweeper",
    });
    if role & PANICS != 0 {
        saw(if on_the_sweeper() { "a panic on the sweeper" } else { "a panic on the mutator" });
        // Without the panic hook, which would report each of a hundred thousand panics.
        std::panic::resume_unwind(Box::new("a drop panics"));
    }
}

/// Writes an object, and returns its number.
///
/// # Safety
/// The memory must be granules of the scene's own.
unsafe fn write(at: NonNull<u8>, role: usize) -> usize {
    let number = DROPS.with_borrow_mut(|drops| {
        drops.push(0);
        drops.len() - 1
    });
    // SAFETY: passed on.
    unsafe { ObjectPtr::write(at, &OBJECT).payload().cast::<Payload>().write([number, role]) };
    number
}

/// Fills a block with an object for each role. Returns the numbers of the dead and of the living.
fn fill(block: BlockPtr, roles: &[usize]) -> [Vec<usize>; 2] {
    let mut numbers = [Vec::new(), Vec::new()];
    for (index, &role) in roles.iter().enumerate() {
        let at = FIRST_GRANULE + index * OBJECT_GRANULES;
        // SAFETY: the block is empty, and the scene has just taken it (I7).
        unsafe {
            numbers[role & LIVING].push(write(block.at(at), role));
            bitmap::set_run(block.bits(0), at, OBJECT_GRANULES);
            if role & LIVING != 0 {
                bitmap::set_run(block.bits(1), at, OBJECT_GRANULES);
            }
        }
    }
    numbers
}

fn assert_dropped(objects: &[usize], times: usize) {
    for &number in objects {
        assert_eq!(DROPS.with_borrow(|drops| drops[number]), times, "drops of object {number}");
    }
}

// ---- the mutator

fn heap() -> Blocks {
    Blocks::new(usize::MAX).unwrap()
}

/// Makes a block with an object for each role, as it is when a sweep begins: bitmap 0 was `occupied`, 1 has the
/// survivors.
fn block(blocks: &mut Blocks, kind: Kind, roles: &[usize]) -> [Vec<usize>; 2] {
    let block = blocks.take(kind, 1, 0).unwrap();
    fill(block, roles)
}

/// Sweeps to the end, on this thread too if `take_part`, or on the sweeper's alone.
fn sweep_all(blocks: &mut Blocks, take_part: bool) {
    while blocks.sweep_some(&mut Meter::unlimited(), take_part) != Swept::All {
        saw("a wait");
        thread::yield_now();
    }
}

/// Starts a sweep of a scene's blocks, all of which were swept.
fn start_sweep(blocks: &mut Blocks, occupied: usize) {
    // SAFETY: scenes start a sweep when the last one is over and no hole is open, and have filled both bitmaps.
    unsafe { blocks.start_sweep(occupied, Sweep::Concurrent, true) };
}

/// Drops a heap as `Heap` does.
fn drop_heap(mut blocks: Blocks, occupied: usize) {
    // SAFETY: scenes use no object, and open no hole, when they drop their heap.
    unsafe { blocks.drop_everything(occupied) };
    drop(blocks);
}

/// Ends the sweeper's thread, and waits for it.
fn end() {
    if let Some(sweeper) = sweeper() {
        sweeper.close();
    }
    if let Some(name) = watch::FREED_BY.take() {
        saw(if name == NAME { "memory freed by the sweeper" } else { "memory freed by a mutator" });
    }
}

// ---- the model

/// Prepares each execution.
fn begin() {
    DROPS.take();
}

scenes! {
    every_state None, [
        "Unswept", "Sweeping", "Swept", "Abandoned", "the dead dropped by the mutator",
        "the dead dropped by the sweeper", "the living dropped by the sweeper"
    ] {
        needs_claims "claimed without looking" "Causality violation"
        needs_release "no release" "Causality violation"
        needs_acquire "no acquire on load" "Causality violation"
        needs_to_see_who_abandoned "published without looking" "drops of object 1"
        needs_to_see_what_is_swept "abandoned without looking" "drops of object 1"
    }
    a_cycle Some(6), ["the dead dropped by the mutator", "the dead dropped by the sweeper", "a wait"] {
        needs_claims "claimed without looking" "Causality violation"
        needs_exchanges "an exchange in two steps" "Causality violation"
        needs_release "no release" "Causality violation"
        needs_acquire "no acquire on load" "Causality violation"
        needs_publication "never published" "exceeded maximum number of branches"
    }
    allocation_meanwhile Some(5), ["room in a swept block", "no room", "a wait"] {
        needs_claims "claimed without looking" "Causality violation"
        needs_release "no release" "Causality violation"
        needs_acquire "no acquire on load" "Causality violation"
    }
    a_job_that_comes_late Some(5), ["memory freed by the sweeper", "memory freed by a mutator"] {
        needs_claims "claimed without looking" "Causality violation"
        needs_exchanges "an exchange in two steps" "Causality violation"
    }
    parked_and_woken Some(5), ["asleep before each job", "never asleep"] {
        needs_release "no release" "Causality violation"
    }
    a_heap_dropped_meanwhile None, [
        "the dead dropped by the mutator", "the dead dropped by the sweeper", "the living dropped by the mutator",
        "the living dropped by the sweeper", "memory freed by the sweeper", "memory freed by a mutator"
    ] {
        needs_claims "claimed without looking" "Causality violation"
        needs_exchanges "an exchange in two steps" ""
        needs_release "no release" "Causality violation"
        needs_acquire_of_what_failed "no acquire on failure" "Causality violation"
        needs_to_see_who_abandoned "published without looking" "drops of object"
        needs_to_see_what_is_swept "abandoned without looking" "drops of object"
        needs_abandonment "never abandoned" "Causality violation"
    }
    a_heap_dropped_half_swept Some(6), ["the living dropped by the sweeper", "the living dropped by the mutator"] {
        needs_abandonment "never abandoned" "Causality violation"
    }
    a_heap_dropped_on_another_thread None, ["memory freed by the sweeper", "memory freed by a mutator"] {
        needs_acquire_of_what_failed "no acquire on failure" "Causality violation"
    }
    the_last_share None, ["memory freed by the sweeper", "memory freed by a mutator"] {
        needs_a_share "no share of the memory" ""
    }
    two_heaps Some(3), ["the dead dropped by the mutator", "the dead dropped by the sweeper"] {
        needs_claims "claimed without looking" "Causality violation"
        needs_release "no release" "Causality violation"
    }
    one_heap_dropped_and_the_other_swept Some(5), ["the living dropped by the sweeper", "a wait"] {
        needs_abandonment "never abandoned" "Causality violation"
    }
    more_tasks_than_may_wait Some(4), [
        "the dead dropped by the mutator", "the dead dropped by the sweeper", "a wait"
    ] {
        needs_release "no release" "Causality violation"
    }
    drops_that_panic Some(6), ["a panic on the sweeper", "a panic on the mutator", "the living dropped by the sweeper"] {
        needs_to_see_who_abandoned "published without looking" "drops of object"
    }
}

// ---- the scenes

/// One block, and a mutator that meets it in each of its states.
fn every_state() {
    let mut arena = Arena::new(usize::MAX).unwrap();
    let block = testing::take(&mut arena, 1, Kind::BackgroundDrop, false, 0).unwrap();
    let [dead, living] = fill(block, &[DEAD, LIVING]);
    // SAFETY: a block of this arena, filled as a sweep finds it.
    let job = Arc::new(unsafe { Job::new(BlockList::from_iter([block]), 1, true, true, arena.memory()) });
    assert!(hand_over(&job));
    let state = job.state(0);
    saw(match state {
        State::Unswept => "Unswept",
        State::Sweeping => "Sweeping",
        State::Swept => "Swept",
        State::Abandoned | State::Inherited => unreachable!("nobody has"),
    });
    if state == State::Swept {
        // SAFETY: swept, and so the mutator's (I7).
        assert_eq!(unsafe { block.front() }.live.get(), 3);
    } else if let Some(claim) = job.claim(0) {
        claim.sweep();
    }
    // SAFETY: the scene does not use its objects.
    let abandoned = unsafe { job.abandon(0) };
    if abandoned {
        assert_eq!(job.state(0), State::Abandoned);
        saw("Abandoned");
    } else {
        assert_eq!(job.state(0), State::Swept);
        // SAFETY: swept, and so the mutator's (I7).
        assert_eq!(unsafe { block.front() }.live.get(), 3);
    }
    drop((arena, job));
    end();
    assert_dropped(&dead, 1);
    assert_dropped(&living, usize::from(abandoned));
}

/// Two blocks, one of them with drops, are swept by the thread that comes first.
fn a_cycle() {
    let mut blocks = heap();
    block(&mut blocks, Kind::Plain, &[DEAD, LIVING]);
    let [dead, living] = block(&mut blocks, Kind::BackgroundDrop, &[DEAD, DEAD, LIVING]);
    start_sweep(&mut blocks, 1);
    sweep_all(&mut blocks, true);
    // SAFETY: all are swept, and so the mutator's (I7).
    assert!(
        blocks.registry.iter().count() == 2
            && blocks.registry.iter().all(|block| unsafe { block.front() }.live.get() == 3)
    );
    assert_dropped(&dead, 1);
    assert_dropped(&living, 0);
    drop_heap(blocks, 1);
    end();
    assert_dropped(&dead, 1);
    assert_dropped(&living, 1);
}

/// The mutator allocates while its blocks are swept and the limit leaves no others: it takes free memory in them, and
/// drops nothing.
fn allocation_meanwhile() {
    // Less than a third block, and room for the lists of the two.
    let mut blocks = Blocks::new(3 * BLOCK_SIZE - 1).unwrap();
    block(&mut blocks, Kind::Plain, &[DEAD, LIVING]);
    let [dead, living] = block(&mut blocks, Kind::BackgroundDrop, &[DEAD, LIVING]);
    start_sweep(&mut blocks, 1);
    let bytes = OBJECT_GRANULES * GRANULE;
    let bump = Bump::new(Alignment::Eight);
    let mut new = Vec::new();
    for kind in [Kind::BackgroundDrop, Kind::Plain] {
        blocks.sweep_for(kind, 1);
        // SAFETY: offered blocks are swept, and the mutator's (I7); no other area has the block.
        if blocks.registry.offer(kind, 1, 8, |block| unsafe { bump.enter_block(block, 1, bytes) }) {
            // SAFETY: the bytes were just taken.
            new.push((kind, unsafe { write(bump.take(bytes).unwrap(), LIVING) }));
            bump.retire(1, 0);
            saw("room in a swept block");
        } else {
            assert!(blocks.take(kind, 1, 0).is_err());
            saw("no room");
        }
    }
    assert!(new.iter().any(|(kind, _)| *kind == Kind::Plain) || blocks.unregistered().count() != 0);
    sweep_all(&mut blocks, true);
    assert_dropped(&dead, 1);
    assert_dropped(&living, 0);
    drop_heap(blocks, 1);
    end();
    assert_dropped(&living, 1);
    for (kind, number) in new {
        assert_dropped(&[number], usize::from(kind == Kind::BackgroundDrop));
    }
}

/// The mutator sweeps all blocks, gives them back and uses them otherwise: a late sweeper touches none of them.
fn a_job_that_comes_late() {
    let mut blocks = heap();
    for _ in 0..2 {
        block(&mut blocks, Kind::Plain, &[DEAD]);
    }
    start_sweep(&mut blocks, 1);
    sweep_all(&mut blocks, true);
    assert_eq!(blocks.used(), 0);
    let run = blocks.take_large(2 * PAGES, Kind::Plain, 0).unwrap();
    // SAFETY: the scene's own run.
    let bits = || unsafe { run.bits(0) };
    bitmap::set_run(bits(), FIRST_GRANULE, 100);
    thread::yield_now();
    assert_eq!(bitmap::count(bits()), 100);
    drop_heap(blocks, 1);
    end();
}

/// The mutator leaves two cycles to the sweeper alone, which sleeps before, between and after them.
fn parked_and_woken() {
    SLEEPS.set(0);
    let mut blocks = heap();
    let mut objects = block(&mut blocks, Kind::BackgroundDrop, &[DEAD, LIVING]);
    for occupied in [1, 0] {
        start_sweep(&mut blocks, occupied);
        sweep_all(&mut blocks, false);
        // In the second cycle no object is marked.
        assert_dropped(&objects[0], 1);
        objects.reverse();
    }
    assert_eq!(blocks.used(), 0);
    assert!(!has_seen("the dead dropped by the mutator"));
    drop_heap(blocks, 0);
    end();
    match SLEEPS.get() {
        0 => saw("never asleep"),
        3 => saw("asleep before each job"),
        _ => {}
    }
}

/// A heap is dropped when its blocks have been handed over.
fn a_heap_dropped_meanwhile() {
    let mut blocks = heap();
    block(&mut blocks, Kind::Plain, &[DEAD, LIVING]);
    let objects = block(&mut blocks, Kind::BackgroundDrop, &[DEAD, LIVING]);
    let at_home = block(&mut blocks, Kind::Drop, &[DEAD, LIVING]);
    start_sweep(&mut blocks, 1);
    drop_heap(blocks, 1);
    end();
    for objects in [objects, at_home].as_flattened() {
        assert_dropped(objects, 1);
    }
}

/// A heap is dropped when the mutator has visited some of the blocks.
fn a_heap_dropped_half_swept() {
    let mut blocks = heap();
    let first = block(&mut blocks, Kind::BackgroundDrop, &[DEAD, LIVING]);
    let second = block(&mut blocks, Kind::BackgroundDrop, &[LIVING]);
    start_sweep(&mut blocks, 1);
    let _ = blocks.sweep_some(&mut Meter::new(Budget::work(1), crate::clock::Instant::now()), true);
    drop_heap(blocks, 1);
    end();
    for objects in [first, second].as_flattened() {
        assert_dropped(objects, 1);
    }
}

/// A heap goes to another thread while it is swept, and is dropped there.
fn a_heap_dropped_on_another_thread() {
    let mut blocks = heap();
    let objects = block(&mut blocks, Kind::BackgroundDrop, &[DEAD, LIVING]);
    start_sweep(&mut blocks, 1);
    let moved = Moved(blocks);
    thread::spawn(move || moved.drop_here()).join().unwrap();
    end();
    for objects in objects {
        assert_dropped(&objects, 1);
    }
}

struct Moved(Blocks);

// SAFETY: as a `Heap`, of which it is a part, may be sent.
unsafe impl Send for Moved {}

impl Moved {
    fn drop_here(self) {
        drop_heap(self.0, 1);
    }
}

/// The arena is dropped when its blocks have been handed over: the task has a share of the memory.
fn the_last_share() {
    let mut arena = Arena::new(usize::MAX).unwrap();
    let block = testing::take(&mut arena, 1, Kind::Plain, false, 0).unwrap();
    fill(block, &[DEAD, LIVING]);
    let forgotten = is_weak("no share of the memory");
    let memory = if forgotten { Arena::new(usize::MAX).unwrap().memory() } else { arena.memory() };
    // SAFETY: a block of this arena, filled as a sweep finds it; if it is not of that memory, the scene must fail.
    assert!(hand_over(&Arc::new(unsafe { Job::new(BlockList::from_iter([block]), 1, true, true, memory) })));
    drop(arena);
    end();
}

/// Two heaps on two threads have one sweeper.
fn two_heaps() {
    let run = || {
        let mut blocks = heap();
        let [dead, living] = block(&mut blocks, Kind::BackgroundDrop, &[DEAD, LIVING]);
        start_sweep(&mut blocks, 1);
        sweep_all(&mut blocks, true);
        assert_dropped(&dead, 1);
        assert_dropped(&living, 0);
        drop_heap(blocks, 1);
        assert_dropped(&living, 1);
    };
    assert!(takes_orders());
    let other = thread::spawn(run);
    run();
    other.join().unwrap();
    end();
}

/// One heap is dropped while the sweeper holds a block of it, and another heap's task waits.
fn one_heap_dropped_and_the_other_swept() {
    let mut first = heap();
    let mut second = heap();
    let objects = block(&mut first, Kind::BackgroundDrop, &[DEAD, LIVING]);
    let [dead, living] = block(&mut second, Kind::BackgroundDrop, &[DEAD, LIVING]);
    start_sweep(&mut first, 1);
    start_sweep(&mut second, 1);
    drop_heap(first, 1);
    sweep_all(&mut second, true);
    assert_dropped(&dead, 1);
    assert_dropped(&living, 0);
    drop_heap(second, 1);
    end();
    for objects in objects.iter().chain([&dead, &living]) {
        assert_dropped(objects, 1);
    }
}

/// Two heaps leave their tasks to the sweeper alone, of which one task may wait (here): what the sweeper is not given, the
/// mutator does not wait for.
fn more_tasks_than_may_wait() {
    let mut first = heap();
    let mut second = heap();
    let objects = [&mut first, &mut second].map(|heap| block(heap, Kind::BackgroundDrop, &[DEAD, LIVING]));
    start_sweep(&mut first, 1);
    start_sweep(&mut second, 1);
    sweep_all(&mut second, false);
    sweep_all(&mut first, false);
    for [dead, living] in &objects {
        assert_dropped(dead, 1);
        assert_dropped(living, 0);
    }
    drop_heap(first, 1);
    drop_heap(second, 1);
    end();
    for objects in objects.as_flattened() {
        assert_dropped(objects, 1);
    }
}

/// Drops of dead and of live objects panic, on whatever thread. The others are dropped all the same, and the sweeper
/// goes on to the next block.
fn drops_that_panic() {
    let mut blocks = heap();
    let roles = [DEAD, DEAD | PANICS, DEAD, LIVING, LIVING | PANICS, LIVING];
    let first = block(&mut blocks, Kind::BackgroundDrop, &roles);
    let second = block(&mut blocks, Kind::BackgroundDrop, &roles);
    start_sweep(&mut blocks, 1);
    drop_heap(blocks, 1);
    end();
    for objects in [first, second].as_flattened() {
        assert_dropped(objects, 1);
    }
}
