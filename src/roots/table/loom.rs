//! The exchange between a handle that is dropped on another thread and its heap, in every order that loom finds.
//!
//! [`Touched`] tells loom when a handle reads its area's head and when the heap gives the area up, and the same of
//! pages: loom reports two such accesses with no order between them. The command is in `cycle/sweeper/loom.rs`.
//!
//! Not checked: that the exchange must acquire where the heap is gone, so that the page's count is visible. loom orders
//! the writes of an atomic as it runs them.

use core::cell::Cell;

use super::*;
use crate::sync::model::{saw, scenes};
use crate::sync::thread::{self, ThreadId};
use crate::sync::watch::Touched;

std::thread_local! {
    /// Number of areas released.
    static RELEASED: Cell<usize> = const { Cell::new(0) };
    /// Number of pages freed.
    static FREED: Cell<usize> = const { Cell::new(0) };
    /// The thread of the heap.
    static MAIN: Cell<Option<ThreadId>> = const { Cell::new(None) };
}

#[repr(C)]
struct Plain {
    head: Head,
    /// The part that the mutator touches.
    inside: Touched,
}

// SAFETY: a `Plain` begins with its head, and has nothing to be dropped.
unsafe impl Area for Plain {
    fn head(&self) -> &Head {
        &self.head
    }

    fn is_scanned(&self, _: u64) -> bool {
        false
    }

    fn release(&self) -> usize {
        self.inside.writes();
        RELEASED.set(RELEASED.get() + 1);
        0
    }
}

fn begin() {
    RELEASED.set(0);
    FREED.set(0);
    MAIN.set(Some(thread::current().id()));
}

/// Counts a page that is freed.
pub(super) fn freed() {
    FREED.set(FREED.get() + 1);
    let by_the_heap = MAIN.get() == Some(thread::current().id());
    saw(if by_the_heap { "the page freed by the heap" } else { "the page freed by a handle" });
}

fn add(table: &mut HandleTable<Plain>) -> Handle<Plain> {
    // SAFETY: a `Plain` is the area itself, and nothing else points to it.
    let handle = unsafe { table.add(1, |head| Plain { head, inside: Touched::new() }) };
    handle.ok().expect("there is memory")
}

/// Asserts that `areas` areas were released, and `pages` pages freed.
fn assert_gone(areas: usize, pages: usize) {
    assert_eq!((RELEASED.get(), FREED.get()), (areas, pages), "areas released, pages freed");
}

scenes! {
    a_handle_dropped_while_the_heap_reaps None, ["the area is used again", "the handle was there"] {
        needs_release "no release" "Causality violation"
        needs_acquire "no acquire on load" "Causality violation"
    }
    a_handle_dropped_while_the_heap_scans None, ["scanned without its handle", "scanned with its handle"] {
        needs_release "no release" "Causality violation"
        needs_acquire "no acquire on load" "Causality violation"
    }
    a_handle_dropped_while_the_heap_is None, ["the page freed by a handle", "the page freed by the heap"] {
        needs_release "no release" "Causality violation"
        needs_a_fence "no fence" "Causality violation"
        needs_exchanges "an exchange in two steps" "areas released, pages freed"
    }
    two_handles_dropped_while_the_heap_is Some(3), ["the page freed by a handle", "the page freed by the heap"] {
        needs_release "no release" "Causality violation"
        needs_a_fence "no fence" "Causality violation"
        needs_exchanges "an exchange in two steps" "areas released, pages freed"
    }
}

/// Drops a handle while the heap reaps areas, and makes a new area.
fn a_handle_dropped_while_the_heap_reaps() {
    let mut table = HandleTable::new();
    // The other area keeps the page.
    let (kept, handle) = (add(&mut table), add(&mut table));
    let dropper = thread::spawn(move || drop(handle));
    table.reap_all();
    saw(if table.len() == 1 { "the area is used again" } else { "the handle was there" });
    let new = add(&mut table);
    dropper.join().unwrap();
    drop((kept, new));
    table.reap_all();
    assert_eq!(table.len(), 0);
    drop(table);
    assert_gone(3, 1);
}

/// Drops a handle while the heap scans the area, and frees it afterwards if its handle is gone.
fn a_handle_dropped_while_the_heap_scans() {
    let mut table = HandleTable::new();
    let (kept, handle) = (add(&mut table), add(&mut table));
    let dropper = thread::spawn(move || drop(handle));
    table.start_scan();
    assert!(table.scan(1, |area, alive| {
        area.inside.writes();
        saw(if alive { "scanned with its handle" } else { "scanned without its handle" });
        Scanned::All
    }));
    let new = add(&mut table);
    dropper.join().unwrap();
    drop((kept, new, table));
    assert_gone(3, 1);
}

/// Drops a handle while the heap is dropped: the last of them frees the page.
fn a_handle_dropped_while_the_heap_is() {
    let mut table = HandleTable::new();
    let handle = add(&mut table);
    let dropper = thread::spawn(move || drop(handle));
    drop(table);
    dropper.join().unwrap();
    assert_gone(1, 1);
}

/// Drops two handles, on two threads, while the heap is dropped.
fn two_handles_dropped_while_the_heap_is() {
    let mut table = HandleTable::new();
    let handles = [add(&mut table), add(&mut table)];
    let droppers = handles.map(|handle| thread::spawn(move || drop(handle)));
    drop(table);
    droppers.into_iter().for_each(|dropper| dropper.join().unwrap());
    assert_gone(2, 1);
}
