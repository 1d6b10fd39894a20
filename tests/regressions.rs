//! Each bug that was found in the collector, as the smallest program that shows it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use grisaille::{
    Barrier, Budget, Check, Deletion, Gc, Heap, Hybrid, Insertion, Lock, Mutator, Phase, RootsFirst, Slot, Stack,
    StopTheWorld, Sweep, Trace, Watermark,
};

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<Option<Gc<'gc, Node<'gc>>>>,
}

std::thread_local! {
    /// The number of traces of a [`Panics`] on this thread until one panics; 0 for never.
    static ARMED: Cell<usize> = const { Cell::new(0) };
}

#[derive(Clone, Copy)]
struct Panics<'gc>(Gc<'gc, i64>);

// SAFETY: passes its pointer on, but for a panic; the field is that at the other lifetime.
unsafe impl<'gc> Trace for Panics<'gc> {
    type At<'a> = Panics<'a>;
    fn trace(&self, tracer: &mut grisaille::Tracer<'_>) {
        // The trace that counts it down to zero.
        let armed = ARMED.get();
        ARMED.set(armed.saturating_sub(1));
        assert!(armed != 1, "armed");
        self.0.trace(tracer);
    }
}

/// At the limit nothing moved the sizes that safepoints read: the heap stayed full though all was dead.
#[test]
fn a_full_heap_recovers_at_safepoints() {
    fn check<B: Barrier>() {
        let mut heap = Heap::builder().barrier::<B>().limit(1 << 20).build().unwrap();
        heap.enter(|cx| {
            let mut failures = 0;
            for _ in 0..10_000 {
                failures += usize::from(cx.try_alloc([0u8; 9000]).is_err());
                cx.safepoint();
            }
            assert!(failures < 5_000, "{failures} of 10000 allocations failed, with nothing alive");
        });
    }
    check::<grisaille::RootsFirst>();
    check::<Insertion>();
    check::<StopTheWorld>();
}

/// The same with small objects that the mutator releases only when the heap is full.
#[test]
fn an_exhausted_heap_finds_out_that_the_mutator_let_go() {
    let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    heap.enter(|cx| {
        for _ in 0..3 {
            cx.scope(|cx, _| {
                let mut stack: Stack<Gc<'static, Node<'static>>> = Stack::new(cx);
                let mut view = stack.open(cx);
                while let Ok(node) = cx.try_alloc(Node { next: Slot::new(None) }) {
                    view.push(cx, node);
                    cx.safepoint();
                }
            });
            let mut tries = 0;
            while cx.try_alloc(Node { next: Slot::new(None) }).is_err() {
                tries += 1;
                assert!(tries < 1_000_000, "the heap stays full");
                cx.safepoint();
            }
        }
    });
}

/// Sums over external bytes overflowed in the middle of the flip, and rooted objects were freed by the next cycle.
#[test]
fn absurd_external_bytes_do_not_break_a_cycle() {
    let mut heap = Heap::new();
    heap.enter(|cx| {
        for _ in 0..3 {
            cx.adjust_external(isize::MAX);
        }
        let kept = cx.root(cx.alloc(7));
        cx.collect();
        cx.collect();
        assert_eq!(*kept.get(cx), 7);
        assert_eq!(cx.phase(), Phase::Idle);
    });
}

struct EntersAHeap;
static ENTERED: AtomicUsize = AtomicUsize::new(0);

impl Drop for EntersAHeap {
    fn drop(&mut self) {
        if catch_unwind(|| Heap::new().enter(|cx| *cx.alloc(1))).is_ok() {
            ENTERED.fetch_add(1, Relaxed);
        }
    }
}

#[derive(Trace)]
#[trace(drop = "background")]
struct Background {
    #[trace(skip)]
    _guard: EntersAHeap,
}

/// Drop code of background types ran inside `alloc`, and in an active session when the mutator swept.
#[test]
fn background_drops_run_as_if_suspended_and_never_in_alloc() {
    let mut heap = Heap::builder().sweep(Sweep::Lazy).automatic(false).build().unwrap();
    heap.enter(|cx| {
        for _ in 0..5_000 {
            cx.alloc(Background { _guard: EntersAHeap });
        }
        while cx.phase() != Phase::Sweep {
            cx.step(Budget::work(1));
        }
        for _ in 0..20_000 {
            cx.alloc([0u64; 4]);
        }
        assert_eq!(ENTERED.load(Relaxed), 0, "a drop ran inside an allocation");
        cx.step(Budget::unlimited());
        assert_eq!(ENTERED.load(Relaxed), 5_000, "some drop could not enter a heap");
    });
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload of a panic panics");
    }
}

struct Throws;

impl Drop for Throws {
    fn drop(&mut self) {
        std::panic::panic_any(Bomb);
    }
}

#[derive(Trace)]
#[trace(drop = "background")]
struct BackgroundThrows<'gc> {
    next: Slot<Option<Gc<'gc, Node<'gc>>>>,
    #[trace(skip)]
    _throws: Option<Throws>,
}

/// A payload whose own drop panics left the sweep of a block half done: the block was lost, its old bits passed for
/// marks, and what only its objects pointed to was freed.
#[test]
fn a_panic_payload_that_panics_loses_no_block() {
    let mut heap = Heap::builder().sweep(Sweep::Lazy).automatic(false).build().unwrap();
    heap.enter(|cx| {
        let keeper = cx.root(cx.alloc(BackgroundThrows { next: Slot::new(None), _throws: None }));
        cx.alloc(BackgroundThrows { next: Slot::new(None), _throws: Some(Throws) });
        let _ = catch_unwind(AssertUnwindSafe(|| cx.collect()));
        keeper.get(cx).next.set(cx, Some(cx.alloc(Node { next: Slot::new(None) })));
        let weak = cx.root(Gc::downgrade(keeper.get(cx).next.get().unwrap(), cx));
        cx.collect();
        cx.collect();
        assert!(weak.get(cx).upgrade(cx).is_some(), "what a surviving object points to was freed");
    });
}

/// Under insertion a root that was made and dropped while marking was scanned a last time in the next cycle, when what
/// it pointed to had been freed.
#[test]
fn dead_roots_are_not_read_in_the_next_cycle() {
    let mut heap = Heap::builder().barrier::<Insertion>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let _busy = cx.root(cx.alloc(Node { next: Slot::new(None) }));
        for round in 0..3 {
            while cx.phase() != Phase::Mark {
                cx.step(Budget::work(1));
            }
            drop(cx.persist(cx.alloc(Node { next: Slot::new(None) })));
            let mut stack: Stack<Gc<'static, Node<'static>>> = Stack::new(cx);
            stack.open(cx).push(cx, cx.alloc(Node { next: Slot::new(None) }));
            drop(stack);
            while !cx.step(Budget::unlimited()).cycle_ended {}
            let freed = cx.stats().objects_freed();
            assert_eq!(freed, 2 * (round + 1), "a dead root kept its object");
            heap_is_sound(cx);
        }
    });
}

fn heap_is_sound<B: Barrier>(cx: &mut grisaille::Mutator<'_, B>) {
    if let Err(error) = cx.verify() {
        panic!("{error}");
    }
}

/// At the limit, failed allocations of medium objects threw the blocks away that had holes for small ones.
#[test]
fn failed_medium_allocations_leave_the_holes_to_small_objects() {
    let small_objects_that_fit = |failures: usize| {
        let mut heap = Heap::builder().limit(4 << 20).automatic(false).sweep(Sweep::Lazy).build().unwrap();
        heap.enter(|cx| {
            let mut number = 0;
            while let Ok(object) = cx.try_alloc([0u64; 12]) {
                number += 1;
                if number % 5 == 0 {
                    let _ = cx.root(object);
                }
            }
            cx.collect();
            for _ in 0..failures {
                assert!(cx.try_alloc([0u64; 900]).is_err());
            }
            std::iter::from_fn(|| cx.try_alloc([0u64; 12]).ok()).count()
        })
    };
    assert_eq!(small_objects_that_fit(1000), small_objects_that_fit(0));
}

/// The trigger counted objects and the limit blocks: with nothing alive, `alloc` ran into the limit before a cycle began.
#[test]
fn blocks_near_the_limit_start_a_cycle() {
    let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    heap.enter(|cx| {
        for _ in 0..10_000 {
            cx.alloc([0u8; 9000]);
            cx.safepoint();
        }
    });
}

/// Under insertion what is allocated has to be marked as well, and marking never caught up.
#[test]
fn insertion_ends_its_cycles_while_the_program_allocates_and_links() {
    let mut heap = Heap::builder().barrier::<Insertion>().floor(1 << 18).build().unwrap();
    heap.enter(|cx| {
        let list = cx.root(cx.alloc(Node { next: Slot::new(None) }));
        for number in 0..400_000 {
            let node = cx.alloc(Node { next: Slot::new(list.get(cx).next.get()) });
            list.get(cx).next.set(cx, if number % 1000 == 0 { None } else { Some(node) });
            cx.safepoint();
        }
        assert!(cx.stats().cycles() > 5, "{}", cx.stats());
        assert!(cx.stats().bytes_held() < 8 << 20, "{}", cx.stats());
    });
}

/// A type whose pointers are in an array of length zero has to be traced, and passes no pointer on. Where there was no
/// room for edges at all, the path without a check for room was taken.
#[test]
fn a_type_with_an_array_of_no_pointers_is_traced() {
    #[derive(Trace)]
    struct Links<'gc, const N: usize> {
        links: [Slot<Option<Gc<'gc, Links<'gc, N>>>>; N],
    }
    let mut heap = Heap::builder().automatic(false).check(Check::SecondMark).build().unwrap();
    heap.enter(|cx| {
        let leaf = cx.root(cx.alloc(Links::<'_, 0> { links: [] }));
        let lock = cx.root(cx.alloc(Lock::new([None::<Gc<'_, i64>>; 0])));
        while cx.phase() != Phase::Mark {
            cx.step(Budget::work(1));
        }
        Lock::set(lock.get(cx), cx, []);
        cx.collect();
        assert!(leaf.get(cx).links.is_empty());
        cx.verify().unwrap();
    });
}

/// Objects that were marked in a step whose next trace panicked were counted twice, or not at all.
#[test]
fn what_a_panicking_trace_leaves_is_counted_once() {
    let marked = [0, 1, 2, 3].map(|armed| {
        let mut heap = Heap::builder().automatic(false).build().unwrap();
        heap.enter(|cx| {
            let _array = cx.root(cx.alloc_array(100, |i| cx.alloc(i as i64)));
            // Of the grey set, traced one after the other; and by an edge.
            let _panics = [1, 2].map(|n| cx.root(cx.alloc(Panics(cx.alloc(n)))));
            let _edge = cx.root(cx.alloc(Slot::new(cx.alloc(Panics(cx.alloc(3))))));
            ARMED.set(armed);
            let mut step = || catch_unwind(AssertUnwindSafe(|| cx.step(Budget::unlimited()).cycle_ended));
            while !step().unwrap_or(false) {}
            (cx.stats().objects_marked(), cx.stats().bytes_live())
        })
    });
    assert_eq!(marked, [marked[0]; 4]);
}

/// Near the limit the collector stood still for half of the time, also while each allocation failed: 375 thousand of ten
/// million did here.
#[test]
fn who_cannot_allocate_is_not_left_time_to() {
    let mut heap = Heap::builder().limit(8 << 20).sweep(Sweep::Lazy).build().unwrap();
    heap.enter(|cx| {
        let _live = cx.root(cx.alloc_array(6 << 10, |_| cx.alloc([0u64; 125])));
        cx.collect();
        let mut failures = 0;
        for _ in 0..10_000_000 {
            failures += usize::from(cx.try_alloc([0u64; 5]).is_err());
            cx.safepoint();
        }
        assert!(failures < 100_000, "{failures}");
    });
}

/// A root whose trace panicked counted as scanned, and what it held was freed.
#[test]
fn a_root_whose_trace_panics_is_scanned_again() {
    /// Returns false when the trace panicked. Other panics go on.
    fn ends(f: impl FnOnce()) -> bool {
        let panic = catch_unwind(AssertUnwindSafe(f)).err();
        panic.is_none_or(|panic| if panic.is::<&str>() { false } else { resume_unwind(panic) })
    }
    fn run<B: Barrier>(collect: impl Fn(&mut Mutator<'_, B>)) {
        for armed in 1..12 {
            let mut heap = Heap::builder().barrier::<B>().automatic(false).check(Check::SecondMark).build().unwrap();
            heap.enter(|cx| {
                let roots = [1, 2, 3].map(|n| cx.persist(Panics(cx.alloc(n))));
                let mut stack: Stack<Panics<'static>> = Stack::with_capacity(cx, 4);
                let mut open = stack.open(cx);
                for n in 4..7 {
                    open.push(cx, Panics(cx.alloc(n)));
                }
                // Writes to scanned roots, and through cells, while roots are scanned.
                while cx.phase() != Phase::Mark {
                    cx.step(Budget::work(1));
                }
                ARMED.set(armed);
                for _ in 0..4 {
                    ends(|| _ = cx.step(Budget::work(1)));
                    let fresh = Panics(cx.alloc(3));
                    ends(|| roots[2].set(cx, fresh));
                    let fresh = Panics(cx.alloc(6));
                    ends(|| open.cells(cx, 2..3)[0].set(fresh));
                }
                assert!((0..2).any(|_| ends(|| collect(cx))), "one trace panics");
                assert_eq!(roots.each_ref().map(|root| *root.get(cx).0), [1, 2, 3]);
                assert_eq!([0, 1, 2].map(|at| *open.at(cx, at).0), [4, 5, 6]);
            });
        }
    }
    run::<Insertion>(|cx| cx.collect());
    run::<RootsFirst>(|cx| cx.collect());
    run::<Hybrid>(|cx| cx.collect());
    run::<Watermark>(|cx| cx.collect());
}

/// Roots all that the heap has room for, and reaches so many safepoints with it.
fn fill<B: Barrier>(cx: &mut Mutator<'_, B>, safepoints: usize) {
    while cx.try_alloc([1u64; 60]).is_ok_and(|object| cx.try_root(object).is_ok()) {}
    for _ in 0..safepoints {
        cx.safepoint();
        let _refused = cx.try_alloc([1u64; 600]);
    }
}

/// What a session rooted is garbage in the next, whether or not a cycle has just found that all of it lives.
fn session_after_a_full_one<B: Barrier>() {
    for sweep in [Sweep::Concurrent, Sweep::Lazy, Sweep::Eager] {
        for safepoints in 0..5 {
            let mut heap = Heap::builder().barrier::<B>().sweep(sweep).limit(1 << 20).build().unwrap();
            for round in 0..3 {
                heap.enter(|cx| fill(cx, safepoints));
                heap.enter(|cx| {
                    for _ in 0..100 {
                        assert!(cx.try_alloc([1u64; 600]).is_ok(), "{sweep:?}, {safepoints} safepoints, round {round}");
                    }
                });
            }
        }
        // What is kept beyond the session is not garbage.
        let mut heap = Heap::builder().barrier::<B>().sweep(sweep).limit(1 << 20).build().unwrap();
        let kept = heap.enter(|cx| {
            let kept = cx.persist(cx.alloc_array(120_000, |_| 1u64));
            fill(cx, 0);
            kept
        });
        heap.enter(|cx| {
            assert!(kept.get(cx).iter().all(|word| *word == 1));
            assert!(cx.try_alloc_array(60_000, |_| 1u64).is_err());
        });
    }
}

/// Where nothing is collected but by the embedder, a session begins with nothing.
#[test]
fn a_session_collects_nothing_where_only_the_embedder_collects() {
    let mut heap = Heap::builder().limit(1 << 20).automatic(false).build().unwrap();
    heap.enter(|cx| fill(cx, 0));
    heap.enter(|cx| assert!(cx.try_alloc([1u64; 6000]).is_err()));
    assert_eq!(heap.stats().cycles(), 0);
    heap.enter(|cx| {
        cx.collect();
        assert!(cx.try_alloc([1u64; 6000]).is_ok());
    });
}

/// After a session that had filled the heap, allocations of the next one were refused, though what the first had rooted was
/// garbage, until it had collected or passed several safepoints.
#[test]
fn a_session_after_a_full_one_has_room() {
    session_after_a_full_one::<RootsFirst>();
    session_after_a_full_one::<Hybrid>();
    session_after_a_full_one::<Insertion>();
    session_after_a_full_one::<Deletion>();
    session_after_a_full_one::<Watermark>();
    session_after_a_full_one::<StopTheWorld>();
}
