//! Writes through `StackView::cells` while the roots are scanned are found, in bounded steps.

use grisaille::{Barrier, Budget, Check, Gc, Heap, Phase, Stack};

use crate::for_each_policy;

const SLOTS: usize = 1000;

/// Every value on the stack changes its place between any two steps, so that a step may scan any of them.
fn what_moves_through_cells_is_found<B: Barrier>() {
    for (budget, width) in [(1, SLOTS), (1, 70), (2000, SLOTS), (1 << 20, 30)] {
        let check = if budget == 1 { Check::SecondMark } else { Check::EveryStep };
        let mut heap = Heap::builder().barrier::<B>().automatic(false).check(check).build().unwrap();
        heap.enter(|cx| {
            let mut stack: Stack<Gc<'static, usize>> = Stack::new(cx);
            let mut view = stack.open(cx);
            for number in 0..SLOTS {
                view.push(cx, cx.alloc(number));
            }
            for _ in 0..2 {
                let mut at = 0;
                while !cx.step(Budget::work(budget)).cycle_ended {
                    // The range wanders, and the values in it change places.
                    at = (at + width / 2 + 7) % (SLOTS - width + 1);
                    let cells = view.cells(cx, at..at + width);
                    for low in 0..width / 2 {
                        cells[low].swap(&cells[width - 1 - low]);
                    }
                }
                let mut seen = [false; SLOTS];
                (0..SLOTS).for_each(|slot| seen[*view.at(cx, slot)] = true);
                assert!(seen.iter().all(|seen| *seen), "budget {budget}, {width} cells");
            }
            assert_eq!(cx.stats().objects_freed(), 0);
        });
    }
}

/// The cells of a large stack are not rescanned in one step.
#[test]
fn cells_are_rescanned_in_pieces() {
    let mut heap = Heap::builder().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let mut stack: Stack<Gc<'static, usize>> = Stack::new(cx);
        let mut view = stack.open(cx);
        for number in 0..100_000 {
            view.push(cx, cx.alloc(number));
        }
        cx.step(Budget::work(1));
        assert_eq!(cx.phase(), Phase::Mark);
        view.cells(cx, 0..100_000);
        loop {
            let step = cx.step(Budget::work(10_000));
            assert!(step.work < 20_000, "{step:?}");
            if step.cycle_ended {
                break;
            }
        }
        assert_eq!(cx.stats().objects_marked(), 100_000);
    });
}

for_each_policy! {
    what_moves_through_cells_is_found
}
