//! Drop glue runs once for each object, on whichever thread, and whenever the heap is dropped.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use grisaille::{Barrier, Budget, Gc, Heap, Lock, Phase, RefLock, Slot, Sweep, Trace};

use crate::SWEEPS;
use crate::for_each_policy;
use crate::ledger::{Entry, Ledger};

/// A value that is dropped on the mutator's thread.
#[derive(Trace)]
struct Own<'gc> {
    next: Slot<Option<Gc<'gc, Own<'gc>>>>,
    #[trace(skip)]
    _entry: Entry,
}

/// A value that may be dropped on any thread.
#[derive(Trace)]
#[trace(drop = "background")]
struct Anywhere<'gc> {
    next: Slot<Option<Gc<'gc, Anywhere<'gc>>>>,
    weight: [u64; 12],
    #[trace(skip)]
    _entry: Entry,
}

/// Makes objects of each kind, in a list each: every third object is garbage at once.
fn populate<'a, B: Barrier>(
    cx: &'a grisaille::Mutator<'_, B>,
    ledger: &Ledger,
    count: usize,
) -> (Gc<'a, Own<'a>>, Gc<'a, Anywhere<'a>>) {
    let own = |next| cx.alloc(Own { next: Slot::new(next), _entry: ledger.born() });
    let anywhere = |next| cx.alloc(Anywhere { next: Slot::new(next), weight: [7; 12], _entry: ledger.born() });
    let (mut a, mut b) = (own(None), anywhere(None));
    for i in 1..count {
        if i % 3 == 0 {
            own(Some(a));
            anywhere(Some(b));
        } else {
            a = own(Some(a));
            b = anywhere(Some(b));
        }
    }
    (a, b)
}

fn everything_is_dropped_with_the_heap<B: Barrier>() {
    for sweep in SWEEPS {
        let ledger = Ledger::default();
        let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
        heap.enter(|cx| {
            let kept = cx.root(populate(cx, &ledger, 1000));
            let list = cx.alloc(RefLock::new(vec![ledger_box(&ledger)]));
            RefLock::borrow_mut(list, cx).push(ledger_box(&ledger));
            cx.collect();
            assert!(kept.get(cx).0.next.get().is_some());
            populate(cx, &ledger, 10);
        });
        let dead = ledger.dead();
        assert!(dead > 300 && dead < ledger.count());
        drop(heap);
        ledger.assert_all_died_once();
    }
}

/// A value with drop glue and without pointers.
fn ledger_box(ledger: &Ledger) -> Boxed {
    Boxed { _entry: Box::new(ledger.born()) }
}

#[derive(Trace)]
struct Boxed {
    #[trace(skip)]
    _entry: Box<Entry>,
}

/// The dead of each cycle are dropped in it, and the living are not.
fn the_dead_are_dropped_in_their_cycle<B: Barrier>() {
    for sweep in SWEEPS {
        let ledger = Ledger::default();
        let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
        heap.enter(|cx| {
            let mut before = 0;
            for _ in 0..5 {
                cx.scope(|cx, _| {
                    let kept = cx.root(populate(cx, &ledger, 600));
                    cx.collect();
                    assert_eq!(ledger.dead(), before + 2 * 199);
                    assert_eq!(kept.get(cx).1.weight, [7; 12]);
                });
                cx.collect();
                before = ledger.count();
                assert_eq!(ledger.dead(), before);
            }
        });
        drop(heap);
        ledger.assert_all_died_once();
    }
}

/// The heap is dropped after each number of steps, so in each phase; objects are born in each phase too.
fn a_heap_may_be_dropped_in_the_middle_of_a_cycle<B: Barrier>() {
    for sweep in SWEEPS {
        let mut seen = Vec::new();
        for steps in 0.. {
            let ledger = Ledger::default();
            let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
            let ended = heap.enter(|cx| {
                // Enough blocks to be handed to the sweeper's thread.
                let kept = cx.root(populate(cx, &ledger, 4000));
                (0..steps).any(|_| {
                    kept.get(cx).0.next.set(cx, None);
                    populate(cx, &ledger, 2);
                    cx.step(Budget::work(64 << 10)).cycle_ended
                })
            });
            seen.push(heap.phase());
            drop(heap);
            ledger.assert_all_died_once();
            if ended {
                break;
            }
        }
        assert!(seen.contains(&Phase::Idle) && seen.contains(&Phase::Sweep) || sweep == Sweep::Eager, "{seen:?}");
        assert!(seen.contains(&Phase::Mark) || B::NAME == "stop-the-world");
    }
}

/// A small heap is dropped after each number of the smallest steps: also between the drops of one block.
fn a_small_heap_may_be_dropped_after_any_piece<B: Barrier>() {
    for pieces in 0.. {
        let ledger = Ledger::default();
        let mut heap = Heap::builder().barrier::<B>().sweep(Sweep::Lazy).automatic(false).build().unwrap();
        let ended = heap.enter(|cx| {
            let _kept = cx.root(populate(cx, &ledger, 12));
            cx.alloc_array(2000, |_| Boxed { _entry: Box::new(ledger.born()) });
            (0..pieces).any(|_| cx.step(Budget::work(1)).cycle_ended)
        });
        ledger.assert_nobody_died_twice();
        drop(heap);
        ledger.assert_all_died_once();
        if ended {
            break;
        }
    }
}

/// The value of a lock is dropped when it is replaced, and not again.
fn values_of_locks_are_dropped_once<B: Barrier>() {
    let ledger = Ledger::default();
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let lock = cx.root(cx.alloc(Lock::new(ledger_box(&ledger))));
        while !cx.step(Budget::work(1)).cycle_ended {
            let before = ledger.dead();
            Lock::set(lock.get(cx), cx, ledger_box(&ledger));
            assert_eq!(ledger.dead(), before + 1);
            drop(Lock::replace(lock.get(cx), cx, ledger_box(&ledger)));
            assert_eq!(ledger.dead(), before + 2);
        }
    });
    drop(heap);
    ledger.assert_all_died_once();
}

for_each_policy! {
    everything_is_dropped_with_the_heap
    the_dead_are_dropped_in_their_cycle
    a_heap_may_be_dropped_in_the_middle_of_a_cycle
    a_small_heap_may_be_dropped_after_any_piece
    values_of_locks_are_dropped_once
}

#[derive(Trace)]
struct Grenade {
    #[trace(skip)]
    _pin: Pin,
    #[trace(skip)]
    _entry: Entry,
}

struct Pin(bool);

impl Drop for Pin {
    fn drop(&mut self) {
        assert!(!self.0, "a drop panics");
    }
}

/// A panic in a drop goes through the step to whoever asked for it. The object and the others are dropped once.
#[test]
fn a_panic_in_a_drop_leaves_the_heap_whole() {
    let ledger = Ledger::default();
    let mut heap = Heap::builder().sweep(Sweep::Lazy).automatic(false).build().unwrap();
    let grenade = |armed| Grenade { _pin: Pin(armed), _entry: ledger.born() };
    heap.enter(|cx| {
        let kept = cx.root(cx.alloc(grenade(false)));
        for i in 0..100 {
            cx.alloc(grenade(i % 10 == 5));
        }
        let mut panics = 0;
        for _ in 0..30 {
            if catch_unwind(AssertUnwindSafe(|| cx.collect())).is_err() {
                panics += 1;
            }
            assert_eq!(*cx.alloc(1), 1, "allocation goes on");
        }
        assert_eq!((panics, ledger.dead()), (10, 100));
        ledger.assert_nobody_died_twice();
        assert!(!kept.get(cx)._pin.0);
        for i in 0..20 {
            cx.alloc(grenade(i % 10 == 5));
        }
    });
    // Here nobody could catch it: the panics are reported and go no further.
    drop(heap);
    ledger.assert_all_died_once();
}

/// The elements that an array's closure had made are dropped when it panics; the heap goes on.
#[test]
fn a_panic_while_an_array_is_made_leaves_the_heap_whole() {
    for len in [10usize, 300, 3000, 100_000] {
        let ledger = Ledger::default();
        let mut heap = Heap::builder().automatic(false).build().unwrap();
        heap.enter(|cx| {
            for _ in 0..3 {
                let panicked = catch_unwind(AssertUnwindSafe(|| {
                    cx.alloc_array(len, |i| {
                        assert!(i < len / 2, "half of it is there");
                        ledger_box(&ledger)
                    });
                }));
                assert!(panicked.is_err());
                assert_eq!(ledger.dead(), ledger.count());
                cx.step(Budget::work(1));
            }
            let whole = cx.root(cx.alloc_array(len, |_| ledger_box(&ledger)));
            let dead = ledger.dead();
            for _ in 0..3 {
                cx.collect();
                cx.alloc_array(len, |i| i);
            }
            assert_eq!((whole.get(cx).len(), ledger.dead()), (len, dead));
        });
        drop(heap);
        ledger.assert_all_died_once();
    }
}

/// The closure of an array may allocate: also other arrays of the same kind, and panic in the middle of those.
#[test]
fn an_array_may_be_made_while_another_is() {
    let ledger = Ledger::default();
    let mut heap = Heap::builder().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let outer = cx.alloc_array(20, |i| {
            let inner = cx.alloc_array(i * 100, |j| (i * j, ledger_box(&ledger)));
            let _ = catch_unwind(AssertUnwindSafe(|| cx.alloc_array::<u64>(i, |_| panic!("nothing is made"))));
            inner
        });
        let outer = cx.root(outer);
        cx.collect();
        for (i, inner) in outer.get(cx).as_slice().iter().enumerate() {
            assert!(inner.as_slice().iter().enumerate().all(|(j, (number, _))| *number == i * j));
        }
        assert_eq!(ledger.dead(), 0);
    });
    drop(heap);
    ledger.assert_all_died_once();
}

thread_local! {
    static DROPS_HERE: Cell<usize> = const { Cell::new(0) };
}

#[derive(Trace)]
struct Homely {
    #[trace(skip)]
    _drop: Here,
}

struct Here;

impl Drop for Here {
    fn drop(&mut self) {
        DROPS_HERE.set(DROPS_HERE.get() + 1);
    }
}

/// Without `drop = "background"` no other thread drops anything, however the heap is swept.
#[test]
fn drops_stay_on_the_mutators_thread() {
    for sweep in SWEEPS {
        DROPS_HERE.set(0);
        let mut heap = Heap::builder().sweep(sweep).automatic(false).build().unwrap();
        heap.enter(|cx| {
            for _ in 0..50_000 {
                cx.alloc(Homely { _drop: Here });
                cx.alloc([0u64; 8]);
            }
            cx.collect();
            assert_eq!(DROPS_HERE.get(), 50_000);
            cx.alloc(Homely { _drop: Here });
        });
        drop(heap);
        assert_eq!(DROPS_HERE.get(), 50_001);
    }
}
