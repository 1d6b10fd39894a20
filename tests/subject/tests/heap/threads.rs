//! Many heaps on many threads, one sweeper; heaps, roots and stacks that change threads.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::thread;

use grisaille::{Barrier, Budget, Gc, Heap, Persistent, Phase, RootsFirst, Slot, Stack, Sweep, Trace};

use crate::for_each_policy;
use crate::ledger::{Entry, Ledger};

#[derive(Trace)]
#[trace(drop = "background")]
struct Node<'gc> {
    next: Slot<Option<Gc<'gc, Node<'gc>>>>,
    number: u64,
    #[trace(skip)]
    _entry: Option<Entry>,
}

/// Churns: keeps the last `KEPT` of a queue, and some garbage beside.
fn churn<B: Barrier>(heap: &mut Heap<B>, ledger: &Ledger, rounds: u64) {
    const KEPT: u64 = 500;
    heap.enter(|cx| {
        let new = |number, entry| cx.alloc(Node { next: Slot::new(None), number, _entry: entry });
        let (head, tail) = (cx.root(cx.alloc(Slot::new(new(0, None)))), cx.root(cx.alloc(Slot::new(new(0, None)))));
        head.get(cx).set(cx, tail.get(cx).get());
        for number in 1..rounds {
            let new =
                cx.alloc(Node { next: Slot::new(None), number, _entry: (number % 16 == 0).then(|| ledger.born()) });
            tail.get(cx).get().next.set(cx, Some(new));
            tail.get(cx).set(cx, new);
            if number >= KEPT {
                let first = head.get(cx).get();
                head.get(cx).set(cx, first.next.get().unwrap());
            }
            cx.alloc([number; 9]);
            cx.safepoint();
        }
        let (mut at, mut len) = (head.get(cx).get(), 1);
        while let Some(next) = at.next.get() {
            assert_eq!(next.number, at.number + 1);
            (at, len) = (next, len + 1);
        }
        assert_eq!((at.number, len), (rounds - 1, KEPT));
    });
}

fn many_heaps_share_one_sweeper<B: Barrier>() {
    let ledger = Ledger::default();
    // Of all together: where the sweeper's thread gets no time, one heap may wait for a block that it has in hand.
    let cycles = AtomicU64::new(0);
    thread::scope(|threads| {
        for _ in 0..6 {
            threads.spawn(|| {
                for _ in 0..2 {
                    let mut heap =
                        Heap::builder().barrier::<B>().sweep(Sweep::Concurrent).floor(1 << 20).build().unwrap();
                    churn(&mut heap, &ledger, 60_000);
                    cycles.fetch_add(heap.stats().cycles(), Relaxed);
                }
            });
        }
    });
    ledger.assert_all_died_once();
    assert!(cycles.into_inner() > 12);
}

for_each_policy! {
    many_heaps_share_one_sweeper
}

/// A heap goes from thread to thread in whatever phase it is, with its roots and stacks.
#[test]
fn heaps_change_threads_in_the_middle_of_a_cycle() {
    let mut heap = Heap::builder().floor(256 << 10).build().unwrap();
    let (mut root, mut stack): (Persistent<Gc<'static, Slot<u64>>>, Stack<Gc<'static, u64>>) =
        heap.enter(|cx| (cx.persist(cx.alloc(Slot::new(0u64))), Stack::new(cx)));
    let mut phases = Vec::new();
    for round in 0..60u64 {
        let moved = thread::spawn(move || {
            heap.enter(|cx| {
                let mut view = stack.open(cx);
                view.push(cx, cx.alloc(round));
                for i in 0..500 + 37 * round {
                    cx.alloc([i; 5]);
                    cx.safepoint();
                }
                cx.step(Budget::work(1 + 97 * round as usize));
                let number = root.get(cx);
                number.set(cx, number.get() + 1);
                assert!((0..view.len()).all(|at| *view.at(cx, at) == at as u64));
            });
            (heap, root, stack)
        });
        (heap, root, stack) = moved.join().unwrap();
        phases.push(heap.phase());
        heap.enter(|cx| assert_eq!(root.get(cx).get(), round + 1));
    }
    phases.sort_unstable();
    phases.dedup();
    assert!(phases.len() > 2, "{phases:?}");
    // Heap first, handles later, on other threads.
    thread::spawn(move || drop(heap)).join().unwrap();
    thread::spawn(move || drop((root, stack))).join().unwrap();
}

/// A heap is dropped on another thread while the sweeper has blocks of it.
#[test]
fn heaps_are_dropped_on_another_thread_while_they_are_swept() {
    let ledger = Ledger::default();
    let (sender, heaps) = channel::<Heap<RootsFirst>>();
    let dropper = thread::spawn(move || heaps.into_iter().for_each(drop));
    for round in 0..40 {
        let mut heap = Heap::builder().automatic(false).build().unwrap();
        heap.enter(|cx| {
            let kept = cx.root(cx.alloc(Slot::new(None::<Gc<'_, Node<'_>>>)));
            for number in 0..8000 {
                let node = cx.alloc(Node { next: Slot::new(None), number, _entry: Some(ledger.born()) });
                if number % 2 == 0 {
                    node.next.set(cx, kept.get(cx).get());
                    kept.get(cx).set(cx, Some(node));
                }
            }
            while cx.phase() != Phase::Sweep {
                cx.step(Budget::work(1 << 8)); // small: a large step may be through with the sweep
            }
            for _ in 0..round % 5 {
                cx.step(Budget::work(1));
            }
        });
        sender.send(heap).unwrap();
    }
    drop(sender);
    dropper.join().unwrap();
    ledger.assert_all_died_once();
}
