//! Mark-stack overflow: what does not fit is found again, and marking never fails for want of memory.

use grisaille::{Array, Barrier, Budget, Gc, Heap, Mutator, Slot, Trace};

use crate::SWEEPS;
use crate::for_each_policy;
use crate::ledger::{Entry, Ledger};

#[derive(Trace)]
struct Tree<'gc> {
    children: Array<'gc, Slot<Option<Gc<'gc, Tree<'gc>>>>>,
    #[trace(skip)]
    _entry: Option<Entry>,
}

/// A tree in which many are grey at once. Every second node has drop glue to run.
fn tree<'a, B: Barrier>(cx: &'a Mutator<'_, B>, ledger: &Ledger, depth: usize, width: usize) -> Gc<'a, Tree<'a>> {
    let children = cx.alloc_array(if depth == 0 { 0 } else { width }, |i| {
        let child = tree(cx, ledger, depth - 1, width);
        if i % 3 == 0 {
            cx.alloc(0u64); // garbage between them
        }
        Slot::new(Some(child))
    });
    cx.alloc(Tree { children, _entry: Some(ledger.born()) })
}

fn count(tree: Gc<'_, Tree<'_>>) -> usize {
    1 + tree.children.as_slice().iter().map(|child| child.get().map_or(0, count)).sum::<usize>()
}

/// Every object is found, whatever the steps and whatever the mutator does meanwhile.
fn a_full_mark_stack_loses_nothing<B: Barrier>() {
    for (cap, budget) in [(8, 1), (8, 500), (8, 1 << 16), (1, 100), (3, 1 << 30), (100, 1)] {
        let ledger = Ledger::default();
        let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
        heap.set_mark_stack_cap(cap);
        heap.enter(|cx| {
            let root = cx.root(tree(cx, &ledger, 3, 12));
            let all = ledger.count();
            assert_eq!(count(root.get(cx)), all);
            for round in 0..3 {
                let mut at = round;
                while !cx.step(Budget::work(budget)).cycle_ended {
                    // Two subtrees change places, in whatever colours.
                    at += 5;
                    let top = root.get(cx).children.as_slice();
                    let (a, b) = (&top[at % 12], &top[(at * 7 + 1) % 12]);
                    let (x, y) = (a.get(), b.get());
                    a.set(cx, y);
                    b.set(cx, x);
                }
                assert_eq!((ledger.dead(), count(root.get(cx))), (0, all), "cap {cap}, budget {budget}");
            }
            // What is cut off is gone, and nothing else.
            for child in &root.get(cx).children.as_slice()[..6] {
                child.set(cx, None);
            }
            cx.collect();
            assert_eq!(count(root.get(cx)), all - ledger.dead());
            assert_eq!(ledger.dead(), (all - 1) / 2);
        });
        drop(heap);
        ledger.assert_all_died_once();
    }
}

/// Weak pointers, locks, strings and large arrays are among the objects that overflow.
fn a_full_mark_stack_loses_no_kind_of_object<B: Barrier>() {
    for sweep in SWEEPS {
        let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
        heap.set_mark_stack_cap(2);
        heap.enter(|cx| {
            let objects = cx.alloc_array(500, |i| {
                let text = cx.alloc_str(&format!("{i}"));
                let number = cx.alloc(i as u64);
                (text, number, Gc::downgrade(number, cx), cx.alloc_array(i * 10, |j| Slot::new(cx.alloc(j as u64))))
            });
            let objects = cx.root(objects);
            for _ in 0..2 {
                cx.collect();
                for (i, (text, number, weak, array)) in objects.get(cx).as_slice().iter().enumerate() {
                    assert_eq!((text.as_str(), **number), (&*format!("{i}"), i as u64));
                    assert!(Gc::ptr_eq(weak.upgrade(cx).unwrap(), *number));
                    assert!(array.as_slice().iter().enumerate().all(|(j, slot)| *slot.get() == j as u64));
                }
            }
            assert_eq!(cx.stats().objects_freed(), 0);
        });
    }
}

for_each_policy! {
    a_full_mark_stack_loses_nothing
    a_full_mark_stack_loses_no_kind_of_object
}

/// A list of a million objects: nothing recurses.
#[test]
fn nothing_recurses() {
    #[derive(Trace)]
    struct Link<'gc> {
        next: Option<Gc<'gc, Link<'gc>>>,
        #[trace(skip)]
        _text: Option<Box<u8>>,
    }
    let mut heap = Heap::builder().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let mut list = cx.alloc(Link { next: None, _text: None });
        for i in 0..1_000_000 {
            list = cx.alloc(Link { next: Some(list), _text: (i % 100 == 0).then(|| Box::new(1)) });
        }
        let kept = cx.root(list);
        cx.collect();
        let (mut at, mut len) = (kept.get(cx), 0);
        while let Some(next) = at.next {
            (at, len) = (next, len + 1);
        }
        assert_eq!(len, 1_000_000);
    });
    drop(heap);
}
