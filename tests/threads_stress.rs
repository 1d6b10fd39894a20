//! Real threads: heaps that are used, passed on, swept and dropped at the same time, with background drops, some of
//! which panic.
//!
//! `cargo test` does a fixed amount of this. For minutes, with AddressSanitizer:
//!
//! ```text
//! GRISAILLE_STRESS_SECONDS=180 RUSTFLAGS=-Zsanitizer=address cargo +nightly test --target x86_64-unknown-linux-gnu \
//!     --target-dir target/asan --test threads_stress -- --nocapture
//! ```
//!
//! ThreadSanitizer says nothing useful here: std lacks its instrumentation, so it reports the channel, the locks and
//! the fence in `Arc`'s drop as races (87 reports in one run, none between two touches of a live block).

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use grisaille::{
    Array, Barrier, Budget, Deletion, Gc, Heap, Hybrid, Insertion, Persistent, Phase, RootsFirst, Slot, StopTheWorld,
    Sweep, Trace, Watermark,
};

const THREADS: u64 = 4;
/// The work of each thread in `cargo test`.
const TURNS: usize = 150;
/// The number of objects with an entry that a heap may allocate.
const ENTRIES: usize = 1 << 16;
const CHAINS: usize = 64;
const CANARY: u64 = 0x6772_6973_6169_6c6c;

/// An error that was found in a drop, through which no panic gets.
static DROPPED_TWICE: AtomicBool = AtomicBool::new(false);

/// Drops that ran on the sweeper's thread, and how many of them panicked.
static DROPPED_THERE: AtomicUsize = AtomicUsize::new(0);
static PANICKED_THERE: AtomicUsize = AtomicUsize::new(0);

/// The ledger of a heap: which objects were made, and how often each was dropped. No lock: it should order nothing
/// between the threads.
struct Ledger {
    born: AtomicUsize,
    died: AtomicUsize,
    deaths: Box<[AtomicU8]>,
}

struct Entry {
    ledger: Arc<Ledger>,
    number: usize,
    panics: bool,
}

impl Ledger {
    fn new() -> Arc<Ledger> {
        let deaths = (0..ENTRIES).map(|_| AtomicU8::new(0)).collect();
        Arc::new(Ledger { born: AtomicUsize::new(0), died: AtomicUsize::new(0), deaths })
    }

    fn is_full(&self) -> bool {
        self.born.load(Relaxed) >= ENTRIES - 1
    }

    fn is_closed(&self) -> bool {
        self.born.load(Relaxed) == self.died.load(Relaxed)
    }

    /// One heap is on one thread at a time: `born` is not counted by two at once.
    fn born(self: &Arc<Ledger>, panics: bool) -> Entry {
        Entry { ledger: self.clone(), number: self.born.fetch_add(1, Relaxed), panics }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.ledger.deaths[self.number].fetch_add(1, Relaxed) != 0 {
            DROPPED_TWICE.store(true, Relaxed);
        }
        self.ledger.died.fetch_add(1, Relaxed);
        if thread::current().name() == Some("grisaille-sweeper") {
            DROPPED_THERE.fetch_add(1, Relaxed);
            PANICKED_THERE.fetch_add(usize::from(self.panics), Relaxed);
            if self.number.is_multiple_of(16) {
                // So that heaps are dropped while the sweeper is sweeping a block.
                thread::yield_now();
            }
        }
        if self.panics {
            // Without the hook, which would print each.
            resume_unwind(Box::new("a drop panics"));
        }
    }
}

/// An object that may be dropped on any thread.
#[derive(Trace)]
#[trace(drop = "background")]
struct Node<'gc> {
    next: Slot<Option<Gc<'gc, Node<'gc>>>>,
    across: Slot<Option<Gc<'gc, Node<'gc>>>>,
    canary: u64,
    #[trace(skip)]
    _entry: Entry,
}

/// An object that is dropped on the mutator's thread.
#[derive(Trace)]
struct Own<'gc> {
    node: Slot<Option<Gc<'gc, Node<'gc>>>>,
    #[trace(skip)]
    _entry: Entry,
}

type Chains<'gc> = Array<'gc, Slot<Option<Gc<'gc, Node<'gc>>>>>;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// A heap that goes from thread to thread.
struct Traveller<B: Barrier> {
    heap: Heap<B>,
    chains: Persistent<Chains<'static>>,
    ledger: Arc<Ledger>,
}

trait Travels: Send {
    /// Does some work. Returns false when the ledger is full.
    fn turn(&mut self, random: &mut Random) -> bool;
    fn phase(&self) -> Phase;
    fn ledger(&self) -> Arc<Ledger>;
}

impl<B: Barrier> Traveller<B> {
    fn set_out(random: &mut Random) -> Box<dyn Travels> {
        // Under stress every job is handed over, and freed memory is overwritten.
        let stress = random.below(2) == 0;
        let heap = Heap::builder().barrier::<B>().sweep(Sweep::Concurrent).stress(stress).floor(256 << 10);
        let mut heap = heap.automatic(random.below(4) != 0).build().unwrap();
        let chains = heap.enter(|cx| cx.persist(cx.alloc_array(CHAINS, |_| Slot::new(None::<Gc<'_, Node<'_>>>))));
        Box::new(Traveller { heap, chains, ledger: Ledger::new() })
    }
}

impl<B: Barrier> Travels for Traveller<B> {
    fn turn(&mut self, random: &mut Random) -> bool {
        let Traveller { heap, chains, ledger } = self;
        heap.enter(|cx| {
            let chains = cx.root(chains.get(cx));
            for _ in 0..4000 {
                if ledger.is_full() {
                    break;
                }
                let (this, other) = (random.below(CHAINS), random.below(CHAINS));
                let slots = chains.get(cx).as_slice();
                match random.below(32) {
                    0..16 => {
                        let (next, across) = (Slot::new(slots[this].get()), Slot::new(slots[other].get()));
                        let entry = ledger.born(random.below(64) == 0);
                        let node = cx.alloc(Node { next, across, canary: CANARY, _entry: entry });
                        slots[this].set(cx, Some(node));
                    }
                    16..18 => {
                        let node = Slot::new(slots[this].get());
                        let own = cx.alloc(Own { node, _entry: ledger.born(false) });
                        assert!(own.node.get().is_none_or(|node| node.canary == CANARY));
                    }
                    18..22 => _ = cx.alloc([random.0; 9]),
                    22 => _ = cx.alloc_array(random.below(5000), |_| random.0),
                    23 => slots[this].set(cx, None),
                    24 => {
                        // A long chain is cut after a while, and the part that is cut off hangs elsewhere for a time.
                        let mut at = slots[this].get();
                        for _ in 0..random.below(60) {
                            at = at.and_then(|node| {
                                assert_eq!(node.canary, CANARY);
                                node.next.get()
                            });
                        }
                        if let Some(node) = at {
                            slots[other].set(cx, node.next.get());
                            node.next.set(cx, None);
                            node.across.set(cx, None);
                        }
                    }
                    25 => _ = cx.step(Budget::work(random.below(4 << 10))),
                    _ => cx.safepoint(),
                }
            }
            if random.below(8) == 0 {
                while !matches!(cx.phase(), Phase::Sweep | Phase::Idle) {
                    cx.step(Budget::work(256));
                }
            }
        });
        if random.below(4) == 0 {
            heap.verify().unwrap();
        }
        !ledger.is_full()
    }

    fn phase(&self) -> Phase {
        self.heap.phase()
    }

    fn ledger(&self) -> Arc<Ledger> {
        self.ledger.clone()
    }
}

/// The state that the threads share.
#[derive(Default)]
struct World {
    waiting: Mutex<Vec<Box<dyn Travels>>>,
    /// Of heaps that are gone: the sweeper may have drops of them to run.
    ledgers: Mutex<Vec<Arc<Ledger>>>,
    /// Heaps dropped in each phase.
    dropped: Mutex<BTreeMap<Phase, usize>>,
}

impl World {
    fn live(&self, thread: u64, goes_on: impl Fn(usize) -> bool) {
        let mut random = Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(thread + 1));
        let mut turns = 0;
        while goes_on(turns) {
            turns += 1;
            let waiting = self.waiting.lock().unwrap().pop().filter(|_| random.below(8) != 0);
            let mut heap = waiting.unwrap_or_else(|| match random.below(6) {
                0 => Traveller::<Insertion>::set_out(&mut random),
                1 => Traveller::<Deletion>::set_out(&mut random),
                2 => Traveller::<RootsFirst>::set_out(&mut random),
                3 => Traveller::<Hybrid>::set_out(&mut random),
                4 => Traveller::<Watermark>::set_out(&mut random),
                _ => Traveller::<StopTheWorld>::set_out(&mut random),
            });
            let goes_on = heap.turn(&mut random);
            if goes_on && random.below(4) != 0 {
                self.waiting.lock().unwrap().push(heap);
            } else {
                self.end(heap);
            }
        }
    }

    fn end(&self, heap: Box<dyn Travels>) {
        *self.dropped.lock().unwrap().entry(heap.phase()).or_default() += 1;
        let ledger = heap.ledger();
        drop(heap);
        let mut ledgers = self.ledgers.lock().unwrap();
        ledgers.push(ledger);
        ledgers.retain(|ledger| !ledger.is_closed());
    }
}

#[test]
fn heaps_are_swept_passed_on_and_dropped_at_once() {
    let seconds = std::env::var("GRISAILLE_STRESS_SECONDS").ok().map(|s| s.parse().expect("a number of seconds"));
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let goes_on = |turns| end.map_or(turns < TURNS, |end| Instant::now() < end);
    let world = World::default();
    thread::scope(|threads| {
        for thread in 0..THREADS {
            let world = &world;
            threads.spawn(move || world.live(thread, goes_on));
        }
    });
    let World { waiting, .. } = &world;
    for heap in core::mem::take(&mut *waiting.lock().unwrap()) {
        world.end(heap);
    }
    // The sweeper finishes the jobs that it has. Its speed is not asserted: only a job that never ends fails.
    let patience = Instant::now() + Duration::from_secs(60);
    while !world.ledgers.lock().unwrap().iter().all(|ledger| ledger.is_closed()) {
        assert!(Instant::now() < patience, "some were never dropped");
        thread::yield_now();
    }
    assert!(!DROPPED_TWICE.load(Relaxed), "some were dropped twice");
    let dropped = world.dropped.into_inner().unwrap();
    println!("heaps dropped in each phase: {dropped:?}");
    println!("drops on the sweeper's thread: {DROPPED_THERE:?}, of which {PANICKED_THERE:?} panicked");
    assert!(dropped.contains_key(&Phase::Sweep) && dropped.contains_key(&Phase::Idle));
}
