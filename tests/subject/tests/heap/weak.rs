//! Weak pointers and the table of interned strings.

use grisaille::{Barrier, Budget, Gc, Heap, Phase, Slot, Str, Trace};

use crate::SWEEPS;
use crate::for_each_policy;

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<Option<Gc<'gc, Node<'gc>>>>,
    number: u64,
}

/// In every phase: an object that is held can be upgraded; one that is not is gone after two cycles, and once it is
/// gone it does not come back.
fn upgrades_tell_the_truth<B: Barrier>() {
    for sweep in SWEEPS {
        for budget in [1, 100, 1 << 20] {
            let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
            heap.enter(|cx| {
                let held = cx.root(cx.alloc(Node { next: Slot::new(None), number: 7 }));
                let weak = cx.root(Gc::downgrade(held.get(cx), cx));
                let dying = cx.root(Gc::downgrade(cx.alloc(Node { next: Slot::new(None), number: 8 }), cx));
                let of_nothing_else = cx.alloc(Slot::new(Gc::downgrade(cx.alloc(9u64), cx)));
                let inside = cx.root(of_nothing_else);
                let mut gone = false;
                while cx.stats().cycles() < 3 {
                    assert_eq!(weak.get(cx).upgrade(cx).unwrap().number, 7, "{}", cx.phase());
                    // Looked at in some cycles only: an upgrade keeps it for one more.
                    if cx.stats().cycles() == 2 {
                        gone |= dying.get(cx).upgrade(cx).is_none();
                        assert_eq!(gone, dying.get(cx).upgrade(cx).is_none());
                    }
                    cx.step(Budget::work(budget));
                }
                assert!(dying.get(cx).upgrade(cx).is_none());
                assert!(inside.get(cx).get().upgrade(cx).is_none());
                assert!(Gc::ptr_eq(weak.get(cx).upgrade(cx).unwrap(), held.get(cx)));
            });
        }
    }
}

/// Once it is decided what dies, an upgrade answers `None`, also before the cell is cleared; and a strong pointer that
/// came from an upgrade before keeps the object whole.
fn an_upgrade_keeps_or_refuses<B: Barrier>() {
    for pieces in 0..60 {
        let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
        heap.enter(|cx| {
            let weak: Vec<_> = (0..8)
                .map(|number| {
                    let child = cx.alloc(Node { next: Slot::new(None), number: number + 100 });
                    cx.root(Gc::downgrade(cx.alloc(Node { next: Slot::new(Some(child)), number }), cx))
                })
                .collect();
            for _ in 0..pieces {
                cx.step(Budget::work(1));
            }
            let late = matches!(cx.phase(), Phase::Weak | Phase::Sweep | Phase::Release) || cx.stats().cycles() > 0;
            let strong: Vec<_> = weak.iter().map(|weak| weak.get(cx).upgrade(cx).map(|node| cx.root(node))).collect();
            assert!(strong.iter().all(|node| node.is_none() == late), "{pieces}: {}", cx.phase());
            for _ in 0..2 {
                cx.collect();
                for (number, node) in strong.iter().enumerate() {
                    if let Some(node) = node {
                        let node = node.get(cx);
                        assert_eq!(
                            (node.number, node.next.get().unwrap().number),
                            (number as u64, number as u64 + 100)
                        );
                    }
                }
            }
        });
    }
}

/// Cells made in any phase work as those made before, and many cells of one object too.
fn cells_are_made_in_any_phase<B: Barrier>() {
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let held = cx.root(cx.alloc(1u64));
        let mut cells = Vec::new();
        while cx.stats().cycles() < 2 {
            cells.push((cx.root(Gc::downgrade(held.get(cx), cx)), cx.root(Gc::downgrade(cx.alloc(2u64), cx))));
            cx.step(Budget::work(1));
            assert!(cells.iter().all(|(weak, _)| weak.get(cx).upgrade(cx).is_some_and(|held| *held == 1)));
        }
        cx.collect();
        cx.collect();
        for (weak, dying) in cells {
            assert_eq!(*weak.get(cx).upgrade(cx).unwrap(), 1);
            assert!(dying.get(cx).upgrade(cx).is_none());
        }
    });
}

/// Strings that nobody holds leave the table; those that are held are found in every phase, as the same object.
fn the_intern_table_is_weak<B: Barrier>() {
    for sweep in SWEEPS {
        for budget in [1, 64, 1 << 20] {
            let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
            heap.enter(|cx| {
                let held: Vec<_> = (0..50).map(|i| cx.root(cx.intern(&format!("held {i}")))).collect();
                let mut round = 0;
                while cx.stats().cycles() < 4 {
                    round += 1;
                    for i in 0..4 {
                        // New in each round; some return while they are dying.
                        let text = format!("brief {}", (round + i) % 97);
                        let brief = cx.intern(&text);
                        assert_eq!(brief.as_str(), text);
                        assert!(Str::ptr_eq(brief, cx.intern(&text)));
                    }
                    let i = round % 50;
                    assert!(Str::ptr_eq(held[i].get(cx), cx.intern(&format!("held {i}"))), "{}", cx.phase());
                    cx.step(Budget::work(budget));
                }
                cx.collect();
                assert_eq!(cx.interned_count(), 50, "{sweep:?} {budget}");
                cx.collect();
                for (i, held) in held.iter().enumerate() {
                    assert_eq!(held.get(cx).as_str(), format!("held {i}"));
                    assert!(Str::ptr_eq(held.get(cx), cx.intern(&format!("held {i}"))));
                }
            });
        }
    }
}

/// The table grows and shrinks, also between the steps that sweep it.
fn a_large_intern_table<B: Barrier>() {
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        for round in 0..3 {
            cx.scope(|cx, _| {
                let held: Vec<_> = (0..3000).step_by(3).map(|i| cx.root(cx.intern(&format!("{round} {i}")))).collect();
                let mut i = 0;
                while !cx.step(Budget::work(200)).cycle_ended {
                    for _ in 0..20 {
                        i += 1;
                        cx.intern(&format!("{round} {}", i % 3000));
                    }
                }
                for (held, i) in held.iter().zip((0..3000).step_by(3)) {
                    assert_eq!(held.get(cx).as_str(), format!("{round} {i}"));
                    assert!(Str::ptr_eq(held.get(cx), cx.intern(&format!("{round} {i}"))));
                }
            });
        }
        cx.collect();
        assert_eq!(cx.interned_count(), 0);
    });
}

for_each_policy! {
    upgrades_tell_the_truth
    an_upgrade_keeps_or_refuses
    cells_are_made_in_any_phase
    the_intern_table_is_weak
    a_large_intern_table
}
