//! Areas that are made, dropped and scanned in many orders.

use core::cell::Cell;
use core::sync::atomic::AtomicUsize;
use std::sync::Arc;

use super::*;

/// An area that counts those not released.
#[repr(C)]
struct Counted {
    head: Head,
    scanned_in: Cell<u64>,
    number: usize,
    there: Arc<AtomicUsize>,
    released: Cell<bool>,
}

// SAFETY: a `Counted` begins with its head; tests use areas on one thread only, but for drops; `release` drops the
// `Arc`.
unsafe impl Area for Counted {
    fn head(&self) -> &Head {
        &self.head
    }
    fn is_scanned(&self, cycle: u64) -> bool {
        self.scanned_in.get() == cycle
    }
    fn release(&self) -> usize {
        assert!(!self.released.replace(true), "it is released once");
        self.there.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: nobody uses it after this.
        unsafe { core::ptr::read(&self.there) };
        0
    }
}

#[repr(C)]
struct Larger<const N: usize>(Counted, [u8; N]);

fn add(table: &mut HandleTable<Counted>, number: usize, there: &Arc<AtomicUsize>) -> Handle<Counted> {
    there.fetch_add(1, Ordering::Relaxed);
    let make =
        |head| Counted { head, scanned_in: Cell::new(0), number, there: there.clone(), released: Cell::new(false) };
    // SAFETY: each begins with a `Counted`.
    unsafe {
        match number % 3 {
            0 => table.add(1, make),
            1 => table.add(1, |head| Larger::<100>(make(head), [0; 100])),
            _ => table.add(1, |head| Larger::<9000>(make(head), [0; 9000])),
        }
    }
    .unwrap()
}

#[test]
fn areas_are_there_until_their_handle_goes() {
    let there = Arc::new(AtomicUsize::new(0));
    let mut table = HandleTable::new();
    let mut handles: Vec<_> = (0..500).map(|number| add(&mut table, number, &there)).collect();
    assert_eq!((table.len(), there.load(Ordering::Relaxed)), (500, 500));
    // In mixed order.
    for at in (0..250).map(|n| n * 7 % (500 - n)) {
        handles.swap_remove(at);
    }
    assert!(handles.iter().all(|handle| handle.head().is_alive()));
    table.reap_all();
    assert_eq!((table.len(), there.load(Ordering::Relaxed)), (250, 250));
    let listed: Vec<usize> = table.iter().map(|(area, _)| area.number).collect();
    let mut kept: Vec<usize> = handles.iter().map(|handle| handle.number).collect();
    kept.sort_unstable();
    assert_eq!(listed.len(), 250);
    assert!(listed.iter().all(|number| kept.binary_search(number).is_ok()));
    // The freed cells are used again.
    let pages = table.pages.len();
    handles.extend((0..100).map(|number| add(&mut table, number * 3, &there)));
    assert!(table.pages.len() <= pages + 2);
    handles.clear();
    table.reap_all();
    assert_eq!((table.len(), table.bytes, there.load(Ordering::Relaxed)), (0, 0, 0));
}

#[test]
fn a_handle_may_outlive_its_table_on_another_thread() {
    let there = Arc::new(AtomicUsize::new(0));
    for order in 0..3 {
        let mut table = HandleTable::new();
        let mut handles: Vec<_> = (0..200).map(|number| add(&mut table, number, &there)).collect();
        let half = handles.split_off(100);
        match order {
            0 => {
                drop(table);
                drop((handles, half));
            }
            1 => {
                drop(half);
                drop(table);
                drop(handles);
            }
            _ => {
                let other = std::thread::spawn(move || drop(half));
                drop(table);
                drop(handles);
                other.join().unwrap();
            }
        }
        assert_eq!(there.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn those_who_are_dead_do_not_pile_up_and_none_takes_long() {
    let there = Arc::new(AtomicUsize::new(0));
    let mut table = HandleTable::new();
    let _kept: Vec<_> = (0..300).map(|_| add(&mut table, 0, &there)).collect();
    for _ in 0..10_000 {
        let before = there.load(Ordering::Relaxed);
        drop(add(&mut table, 0, &there));
        assert!(there.load(Ordering::Relaxed) + CELLS > before, "one page at a time is reaped");
        assert!(table.len() < 700, "{} areas, and 300 live", table.len());
    }
}

#[test]
fn a_scan_comes_to_each_once_and_stops_when_it_is_told() {
    let there = Arc::new(AtomicUsize::new(0));
    let mut table = HandleTable::new();
    let mut handles: Vec<_> = (0..400).map(|number| add(&mut table, number, &there)).collect();
    for cycle in 1..4 {
        table.start_scan();
        let mut seen = Vec::new();
        let (mut dead, mut new, mut calls) = (0, 0, 0);
        loop {
            let all = table.scan(cycle, |area, alive| {
                calls += 1;
                assert!(area.number < 1000, "a new one is not scanned");
                seen.push(area.number);
                dead += usize::from(!alive);
                area.scanned_in.set(cycle);
                if calls % 5 == 0 { Scanned::AndStops } else { Scanned::All }
            });
            if all {
                break;
            }
            assert_eq!(calls % 5, 0);
            // Between two steps some areas are made, and some dropped.
            let handle = add(&mut table, 1000 + new, &there);
            handle.scanned_in.set(cycle);
            handles.push(handle);
            new += 1;
            handles.swap_remove(new * 31 % handles.len());
        }
        assert!(table.is_scanned());
        let calls = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), calls, "none is scanned twice");
        assert!(dead > 0);
        handles.retain(|handle| handle.number < 1000);
        table.reap_all();
        assert_eq!(table.len(), handles.len());
    }
}
