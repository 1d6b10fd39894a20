//! The sweeper's thread where it is held up: a drop waits for the mutator, or the process was forked.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use grisaille::{Array, Budget, Gc, Heap, Mutator, Phase, Trace};

/// Serializes the tests: a process has one sweeper, and each test holds it up.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Ends the process if a test does not end, since a failure here is a thread that waits for ever. A test that fails
/// opens its gate, so that the others find the sweeper.
struct Watchdog(Arc<AtomicBool>, Arc<Gate>);

impl Watchdog {
    fn new(gate: &Arc<Gate>) -> Watchdog {
        let ended = Arc::new(AtomicBool::new(false));
        let watched = ended.clone();
        thread::spawn(move || {
            for _ in 0..1200 {
                thread::sleep(Duration::from_millis(50));
                if watched.load(SeqCst) {
                    return;
                }
            }
            eprintln!("a test waits for ever");
            std::process::abort();
        });
        Watchdog(ended, gate.clone())
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
        self.1.open.store(true, SeqCst);
    }
}

/// Holds up the sweeper's thread in a drop.
#[derive(Default)]
struct Gate {
    begun: AtomicUsize,
    ended: AtomicUsize,
    open: AtomicBool,
}

impl Gate {
    /// Waits until the sweeper's thread is at the gate.
    fn wait_for_the_sweeper(&self) {
        while self.begun.load(SeqCst) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn counts(&self) -> (usize, usize) {
        (self.begun.load(SeqCst), self.ended.load(SeqCst))
    }
}

struct AtGate(Arc<Gate>);

impl Drop for AtGate {
    fn drop(&mut self) {
        self.0.begun.fetch_add(1, SeqCst);
        let on_the_sweeper = thread::current().name() == Some("grisaille-sweeper");
        while on_the_sweeper && !self.0.open.load(SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        self.0.ended.fetch_add(1, SeqCst);
    }
}

#[derive(Trace)]
#[trace(drop = "background")]
struct Entry {
    number: u64,
    #[trace(skip)]
    _gate: Option<AtGate>,
}

type Entries<'gc> = Array<'gc, Gc<'gc, Entry>>;

fn entries<'a>(cx: &'a Mutator<'_>, count: u64, gate: &Arc<Gate>) -> Entries<'a> {
    let entry = |number, gate| cx.alloc(Entry { number, _gate: gate });
    // Blocks that the mutator may sweep first. Their objects live.
    let plain = cx.alloc_array(100_000, |at| at);
    assert_eq!(plain.as_slice()[1], 1);
    cx.alloc_array(count as usize, |at| {
        if at as u64 == count / 2 {
            // The object that dies.
            entry(0, Some(AtGate(gate.clone())));
        }
        entry(at as u64, None)
    })
}

fn assert_whole(entries: Entries<'_>) {
    assert!(entries.as_slice().iter().enumerate().all(|(at, entry)| entry.number == at as u64));
}

/// Brings the sweeper's thread to the gate in the middle of a block.
fn hold_the_sweeper_up(cx: &mut Mutator<'_>, gate: &Gate) {
    let sweeps = |cx: &Mutator<'_>| cx.phase() == Phase::Sweep;
    while !sweeps(cx) {
        cx.step(Budget::work(1));
    }
    gate.wait_for_the_sweeper();
    assert_eq!(gate.counts(), (1, 0));
    assert!(sweeps(cx));
}

#[test]
fn collect_returns_though_a_drop_on_the_sweeper_waits_for_its_thread() {
    let (_alone, gate) = (alone(), Arc::<Gate>::default());
    let _watchdog = Watchdog::new(&gate);
    let mut heap = Heap::builder().automatic(false).stress(true).build().unwrap();
    heap.enter(|cx| {
        let kept = cx.root(entries(cx, 10, &gate));
        hold_the_sweeper_up(cx, &gate);
        let cycles = cx.stats().cycles();
        cx.collect();
        assert_eq!((cx.stats().collections_cut_short(), cx.stats().cycles()), (1, cycles));
        cx.verify().unwrap();
        // The call may be repeated, and others may allocate meanwhile.
        let open = Arc::new(Gate { open: AtomicBool::new(true), ..Gate::default() });
        let more = cx.root(entries(cx, 10, &open));
        cx.step(Budget::unlimited());
        cx.collect();
        assert_eq!((cx.stats().collections_cut_short(), gate.counts()), (2, (1, 0)));
        gate.open.store(true, SeqCst);
        cx.collect();
        assert_eq!((cx.stats().collections_cut_short(), gate.counts()), (2, (1, 1)));
        assert_eq!((cx.stats().cycles(), open.counts()), (cycles + 2, (1, 1)));
        cx.verify().unwrap();
        assert_whole(kept.get(cx));
        assert_whole(more.get(cx));
    });
}

#[test]
fn a_heap_can_be_dropped_though_a_drop_on_the_sweeper_waits_for_its_thread() {
    let (_alone, gate) = (alone(), Arc::<Gate>::default());
    let _watchdog = Watchdog::new(&gate);
    let mut heap = Heap::builder().automatic(false).stress(true).build().unwrap();
    heap.enter(|cx| {
        entries(cx, 10, &gate);
        hold_the_sweeper_up(cx, &gate);
    });
    drop(heap);
    assert_eq!(gate.counts(), (1, 0));
    gate.open.store(true, SeqCst);
    while gate.counts() != (1, 1) {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn heaps_go_on_though_no_more_tasks_may_wait_for_the_sweeper() {
    let (_alone, gate) = (alone(), Arc::<Gate>::default());
    let _watchdog = Watchdog::new(&gate);
    let mut held_up = Heap::builder().automatic(false).stress(true).build().unwrap();
    held_up.enter(|cx| {
        entries(cx, 10, &gate);
        hold_the_sweeper_up(cx, &gate);
    });
    let open = Arc::new(Gate { open: AtomicBool::new(true), ..Gate::default() });
    let mut heap = Heap::builder().automatic(false).stress(true).build().unwrap();
    heap.enter(|cx| {
        let kept = cx.root(entries(cx, 10, &open));
        cx.collect();
        // Each collection hands over a task or two, and the sweeper's thread takes none.
        for round in 2..=200 {
            entries(cx, 10, &open);
            cx.collect();
            assert_eq!(open.counts(), (round, round));
        }
        cx.verify().unwrap();
        assert_whole(kept.get(cx));
    });
    drop((held_up, heap));
    assert_eq!(gate.counts(), (1, 0));
    gate.open.store(true, SeqCst);
    while gate.counts() != (1, 1) {
        thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(all(unix, not(miri)))]
mod forked {
    use super::*;

    /// Runs `f` in a forked child, which must come to its end.
    fn in_a_child(f: impl FnOnce()) {
        // SAFETY: the child runs `f` on its one thread and ends without running what the parent left to be run. glibc's
        // allocator may be used in it.
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        if child == 0 {
            // SAFETY: no pointer is involved.
            unsafe { libc::alarm(30) };
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
            // SAFETY: as above.
            unsafe { libc::_exit(if result.is_ok() { 0 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: a child of this process, and a place for its status.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert!(!libc::WIFSIGNALED(status), "the child was ended by signal {}", libc::WTERMSIG(status));
        assert_eq!(libc::WEXITSTATUS(status), 0, "the child panicked");
    }

    /// The child goes on with the heap: by safepoints, or by a collection at once.
    fn goes_on(stress: bool, at_safepoints: bool) {
        let (_alone, gate) = (alone(), Arc::<Gate>::default());
        let _watchdog = Watchdog::new(&gate);
        // Some blocks are not swept yet at the fork.
        let count = 20_000;
        let mut heap = Heap::builder().stress(stress).build().unwrap();
        heap.enter(|cx| {
            let kept = cx.root(entries(cx, count, &gate));
            hold_the_sweeper_up(cx, &gate);
            in_a_child(|| {
                let cycles = cx.stats().cycles();
                if at_safepoints {
                    while cx.stats().cycles() < cycles + 3 {
                        cx.alloc([0u64; 8]);
                        cx.safepoint();
                    }
                } else {
                    cx.collect();
                    assert_eq!((cx.stats().cycles(), cx.stats().collections_cut_short()), (cycles + 2, 0));
                }
                cx.verify().unwrap();
                assert_whole(kept.get(cx));
                assert_eq!(gate.counts(), (1, 0), "what the thread was at is nobody's to finish");
                // The holes of its block are used again, and what dies in them is dropped, on either thread.
                let gates = Arc::<Gate>::default();
                gates.open.store(true, SeqCst);
                for round in 1..=3 {
                    entries(cx, count, &gates);
                    cx.collect();
                    cx.verify().unwrap();
                    assert_eq!(gates.counts(), (round, round));
                }
                assert_whole(kept.get(cx));
            });
            gate.open.store(true, SeqCst);
            cx.collect();
            assert_eq!(gate.counts(), (1, 1));
            assert_whole(kept.get(cx));
        });
    }

    #[test]
    fn a_child_goes_on_though_the_sweeper_had_a_block() {
        for stress in [false, true] {
            goes_on(stress, false);
            goes_on(stress, true);
        }
    }

    #[test]
    fn a_child_can_drop_its_heap_though_the_sweeper_had_a_block() {
        let (_alone, gate) = (alone(), Arc::<Gate>::default());
        let _watchdog = Watchdog::new(&gate);
        let kept = Arc::<Gate>::default();
        kept.open.store(true, SeqCst);
        let mut heap = Some(Heap::builder().automatic(false).stress(true).build().unwrap());
        heap.as_mut().unwrap().enter(|cx| {
            // The object lives in the block that the sweeper's thread is sweeping.
            let _kept = cx.root(cx.alloc(Entry { number: 0, _gate: Some(AtGate(kept.clone())) }));
            let _entries = cx.root(entries(cx, 10, &gate));
            hold_the_sweeper_up(cx, &gate);
        });
        in_a_child(|| {
            drop(heap.take());
            assert_eq!((gate.counts(), kept.counts()), ((1, 0), (1, 1)));
        });
        gate.open.store(true, SeqCst);
        drop(heap);
    }
}
