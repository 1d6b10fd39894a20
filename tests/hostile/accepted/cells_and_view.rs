//! Prints: 1 100 2
//!
//! What else is passed by value and leads to memory that changes during the call: a stack's view and its cells, a
//! list's elements while it grows, an iterator of a map that is written.
#![forbid(unsafe_code)]

use std::cell::Cell;

use grisaille::{Gc, Heap, List, Map, MapIter, Mutator, Slot, Stack, StackView};

#[inline(never)]
fn read(number: &u64) -> u64 {
    *number
}

#[inline(never)]
fn view(mut view: StackView<'_, '_, u64>, cx: &Mutator<'_>) -> u64 {
    let before = view.at(cx, 0);
    let cells: &[Cell<u64>] = view.cells(cx, 0..1);
    cells[0].set(100);
    (0..1000).for_each(|n| view.push(cx, n));
    read(&before)
}

#[inline(never)]
fn elements<'gc>(elements: &'gc [Slot<u64>], list: &List<'gc, u64>, cx: &'gc Mutator<'_>) -> u64 {
    elements[0].set(cx, 100);
    let after = list.get(0).unwrap_or(0);
    (0..1000).for_each(|n| list.push(cx, n));
    list.set(cx, 0, 7);
    read(&after)
}

#[inline(never)]
fn entries<'gc>(mut entries: MapIter<'gc, bool, u64>, map: Gc<'gc, Map<'gc, bool, u64>>, cx: &'gc Mutator<'_>) -> u64 {
    map.insert(cx, true, 2);
    entries.next().map_or(0, |(_, number)| number)
}

fn main() {
    Heap::new().enter(|cx| {
        let mut stack: Stack<u64> = Stack::new(cx);
        stack.open(cx).push(cx, 1);
        let list = cx.alloc(List::<u64>::new());
        list.push(cx, 1);
        let map = cx.alloc(Map::<'_, bool, u64>::new());
        map.insert(cx, true, 1);
        println!(
            "{} {} {}",
            view(stack.open(cx), cx),
            elements(list.as_slice(), &list, cx),
            entries(map.iter(), map, cx)
        );
    });
}
