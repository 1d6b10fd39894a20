//! Values of every shape live in the heap.

use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use grisaille::{Array, ArrayObject, Barrier, Gc, Heap, Lock, RefLock, Slot, Trace, Weak};

use crate::for_each_policy;
use crate::ledger::{Entry, Ledger};

#[derive(Trace)]
struct Nothing;

#[derive(Trace)]
struct MortalNothing(#[trace(skip)] std::marker::PhantomData<()>);

type Number<'gc> = Gc<'gc, u64>;

fn objects_without_size<B: Barrier>() {
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let units: Vec<_> = (0..10_000).map(|_| cx.root(cx.alloc(()))).collect();
        let (a, b) = (cx.root(cx.alloc(Nothing)), cx.root(cx.alloc(MortalNothing(std::marker::PhantomData))));
        let arrays = cx.root((cx.alloc_array(0, |i| i), cx.alloc_array(1 << 20, |_| ()), cx.alloc_str("")));
        for _ in 0..2 {
            cx.collect();
            let mut addresses: Vec<_> = units.iter().map(|unit| Gc::addr(unit.get(cx))).collect();
            addresses.extend([Gc::addr(a.get(cx)), Gc::addr(b.get(cx))]);
            addresses.sort_unstable();
            addresses.dedup();
            assert_eq!(addresses.len(), 10_002, "each is an object of its own");
            let (empty, units, text) = arrays.get(cx);
            assert_eq!((empty.len(), units.len(), text.as_str()), (0, 1 << 20, ""));
            assert!(empty.is_empty() && text.is_empty());
        }
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

/// Tuples of all lengths, with pointers at both ends and leaves between.
fn tuples<B: Barrier>() {
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let n = |number: u64| cx.alloc(number);
        let twelve =
            cx.root(cx.alloc((n(0), 1u8, n(2), 3u16, n(4), 'c', n(6), true, n(8), 9.5f32, "x".to_string(), n(11))));
        let three = cx.root((n(1), None::<Number<'_>>, Some(n(3))));
        let one = cx.root((n(1),));
        let nested = cx.root(((n(1), (n(2), n(3))), [n(4), n(5)]));
        for _ in 0..3 {
            cx.collect();
            for i in 0..100 {
                cx.alloc(i);
            }
            let t = twelve.get(cx);
            assert_eq!([*t.0, *t.2, *t.4, *t.6, *t.8, *t.11], [0, 2, 4, 6, 8, 11]);
            assert_eq!((t.1, t.3, t.5, t.7, t.9, t.10.as_str()), (1, 3, 'c', true, 9.5, "x"));
            let (a, b, c) = three.get(cx);
            assert_eq!((*a, b.is_none(), *c.unwrap()), (1, true, 3));
            assert_eq!(*one.get(cx).0, 1);
            let ((a, (b, c)), [d, e]) = nested.get(cx);
            assert_eq!([*a, *b, *c, *d, *e], [1, 2, 3, 4, 5]);
        }
    });
}

/// Collections of the standard library around pointers.
fn collections<B: Barrier>() {
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let n = |number: u64| cx.alloc(number);
        let all = cx.root((
            cx.alloc((0..100).map(n).collect::<Vec<_>>()),
            cx.alloc((0..100).map(n).collect::<VecDeque<_>>()),
            cx.alloc((0..100).map(n).collect::<LinkedList<_>>()),
            cx.alloc((0..100).map(n).collect::<Box<[_]>>()),
            cx.alloc((0..100).map(|i| (i, n(i))).collect::<HashMap<u64, _>>()),
            cx.alloc((0..100).map(|i| (i, n(i))).collect::<BTreeMap<u64, _>>()),
            cx.alloc(Box::new((n(1), Ok::<_, Number<'_>>(n(2)), Err::<u8, _>(n(3))))),
            cx.alloc(RefLock::new(vec![n(7)])),
            cx.alloc(Lock::new(Some(n(8)))),
        ));
        let leaves = cx.root(cx.alloc((
            HashSet::from([1u64, 2]),
            BinaryHeap::from([1u64, 2]),
            Arc::<str>::from("shared"),
            AtomicU64::new(5),
            String::from("text"),
        )));
        for round in 0..3 {
            cx.collect();
            let (vec, deque, list, boxed, map, tree, results, lock, cell) = all.get(cx);
            assert!(vec.iter().map(|n| **n).eq(0..100) && deque.iter().map(|n| **n).eq(0..100));
            assert!(list.iter().map(|n| **n).eq(0..100) && boxed.iter().map(|n| **n).eq(0..100));
            assert!((0..100).all(|i| *map[&i] == i && *tree[&i] == i));
            assert_eq!((*results.0, **results.1.as_ref().unwrap(), **results.2.as_ref().unwrap_err()), (1, 2, 3));
            assert_eq!((*lock.borrow()[round], *cell.get().unwrap()), (7 + round as u64, 8));
            RefLock::borrow_mut(lock, cx).push(cx.alloc(8 + round as u64));
            let leaves = leaves.get(cx);
            leaves.3.fetch_add(1, Relaxed);
            assert_eq!((leaves.0.len(), leaves.1.len(), &*leaves.2, leaves.4.as_str()), (2, 2, "shared", "text"));
            assert_eq!(leaves.3.load(Relaxed), 6 + round as u64);
        }
    });
}

/// Slots of values that are one word, and of those that are not.
fn slots<B: Barrier>() {
    #[derive(Clone, Copy, Trace)]
    enum Value<'gc> {
        Nil,
        Two(u8, Number<'gc>),
        Three(Number<'gc>, u8, Number<'gc>),
    }
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let wide = cx.root(cx.alloc(Slot::new(Value::Nil)));
        let word = cx.root(cx.alloc((Slot::new(None::<Number<'_>>), Slot::new(cx.alloc(1u64)))));
        let weak = cx.root(cx.alloc(Slot::new(Gc::downgrade(cx.alloc(1u64), cx))));
        for i in 0..200u64 {
            let n = |number| cx.alloc(number);
            wide.get(cx)
                .set(cx, if i % 2 == 0 { Value::Two(i as u8, n(i)) } else { Value::Three(n(i), i as u8, n(i + 1)) });
            word.get(cx).0.set(cx, (i % 3 == 0).then(|| n(i)));
            word.get(cx).1.set(cx, n(i));
            weak.get(cx).set(cx, Gc::downgrade(word.get(cx).1.get(), cx));
            cx.step(grisaille::Budget::work(1));
            match wide.get(cx).get() {
                Value::Nil => panic!("a write is lost"),
                Value::Two(tag, a) => assert_eq!((tag, *a), (i as u8, i)),
                Value::Three(a, tag, b) => assert_eq!((*a, tag, *b), (i, i as u8, i + 1)),
            }
            assert_eq!(word.get(cx).0.get().map(|n| *n), (i % 3 == 0).then_some(i));
            assert_eq!(*word.get(cx).1.get(), i);
            assert_eq!(*weak.get(cx).get().upgrade(cx).unwrap(), i);
        }
    });
}

/// Arrays of everything, with drop glue.
fn arrays<B: Barrier>() {
    #[derive(Trace)]
    struct Cell<'gc> {
        value: Slot<Option<Number<'gc>>>,
        words: Vec<u64>,
        #[trace(skip)]
        _entry: Entry,
    }
    let ledger = Ledger::default();
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let cells: Array<'_, Cell<'_>> = cx.alloc_array(300, |i| Cell {
            value: Slot::new(Some(cx.alloc(i as u64))),
            words: vec![i as u64; i % 7],
            _entry: ledger.born(),
        });
        let cells = cx.root(cells);
        let weak: Weak<'_, ArrayObject<Cell<'_>>> = Gc::downgrade(Array::as_gc(cells.get(cx)), cx);
        assert!(weak.upgrade(cx).is_some());
        for _ in 0..3 {
            cx.collect();
            for (i, cell) in cells.get(cx).as_slice().iter().enumerate() {
                assert_eq!(*cell.value.get().unwrap(), i as u64);
                assert_eq!(cell.words, vec![i as u64; i % 7]);
                cell.value.set(cx, Some(cx.alloc(i as u64)));
            }
        }
        assert_eq!(ledger.dead(), 0);
    });
    drop(heap);
    ledger.assert_all_died_once();
}

for_each_policy! {
    objects_without_size
    tuples
    collections
    slots
    arrays
}
