//! A queue that churns behind a long list: all its nodes are soon garbage, in the order of allocation, and each cycle
//! has to mark the list.

use grisaille::{Barrier, Gc, Mutator, Rooted, Slot, Trace};

#[derive(Trace)]
pub struct Item<'gc> {
    next: Slot<Option<Gc<'gc, Item<'gc>>>>,
    number: usize,
}

#[derive(Trace)]
pub struct Queue<'gc> {
    front: Slot<Gc<'gc, Item<'gc>>>,
    back: Slot<Gc<'gc, Item<'gc>>>,
    _list: Gc<'gc, Item<'gc>>,
}

fn list<'a, B: Barrier>(cx: &'a Mutator<'_, B>, items: usize) -> (Gc<'a, Item<'a>>, Gc<'a, Item<'a>>) {
    let last = cx.alloc(Item { next: Slot::new(None), number: items - 1 });
    let mut first = last;
    for number in (0..items - 1).rev() {
        first = cx.alloc(Item { next: Slot::new(Some(first)), number });
    }
    (first, last)
}

/// Makes a queue of so many items, behind a list of so many.
pub fn queue<'a, B: Barrier>(cx: &'a Mutator<'_, B>, items: usize, behind: usize) -> Gc<'a, Queue<'a>> {
    let (list_behind, _) = list(cx, behind);
    let (front, back) = list(cx, items);
    cx.alloc(Queue { front: Slot::new(front), back: Slot::new(back), _list: list_behind })
}

/// Puts an item in and takes one out, with a safepoint, so many times.
pub fn churn<B: Barrier>(cx: &mut Mutator<'_, B>, queue: Rooted<'_, Gc<'_, Queue<'_>>>, steps: usize) {
    for _ in 0..steps {
        let queue = queue.get(cx);
        let back = queue.back.get();
        let item = cx.alloc(Item { next: Slot::new(None), number: back.number + 1 });
        back.next.set(cx, Some(item));
        queue.back.set(cx, item);
        let front = queue.front.get();
        let next = front.next.get().expect("the queue is never empty");
        assert_eq!(next.number, front.number + 1, "items come out in the order in which they came in");
        queue.front.set(cx, next);
        cx.safepoint();
    }
}
