//! Lists whose users' functions (of `retain`, of a comparison, of an iterator) panic, or use the list meanwhile; and what
//! is out of bounds.

use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};

use grisaille::{Gc, Heap, List, Mutator};

type Numbers<'gc> = Gc<'gc, List<'gc, u64>>;

fn list<'gc>(cx: &'gc Mutator<'_>, numbers: impl IntoIterator<Item = u64>) -> Numbers<'gc> {
    let list = cx.alloc(List::new());
    list.extend(cx, numbers);
    list
}

#[track_caller]
fn panics<R>(f: impl FnOnce() -> R) {
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err(), "no panic");
}

#[track_caller]
fn holds(list: Numbers<'_>, numbers: impl IntoIterator<Item = u64>) {
    assert_eq!(list.iter().collect::<Vec<_>>(), numbers.into_iter().collect::<Vec<_>>());
}

#[test]
fn retain_keeps_what_it_has_not_asked_for() {
    Heap::new().enter(|cx| {
        let list = list(cx, 0..10);
        panics(|| {
            list.retain(cx, |n| {
                assert!(n < 6, "enough");
                n % 2 == 1
            })
        });
        holds(list, [1, 3, 5, 6, 7, 8, 9]);
    });
}

#[test]
fn retain_is_reentrant() {
    Heap::new().enter(|cx| {
        // What is added stays, and is not asked for, also where the list moves to another buffer.
        let more = list(cx, 0..4);
        more.retain(cx, |n| {
            (0..10).for_each(|m| more.push(cx, 100 * n + m));
            n == 2
        });
        holds(more, [2].into_iter().chain((0..4).flat_map(|n| (0..10).map(move |m| 100 * n + m))));
        // What is removed from the end is gone, and is not asked for.
        let less = list(cx, 0..10);
        less.retain(cx, |n| {
            less.pop(cx);
            n % 2 == 0
        });
        holds(less, [0, 2, 4]);
        // All of it is removed, and other values come.
        let other = list(cx, 0..10);
        other.retain(cx, |n| {
            if n == 5 {
                other.clear(cx);
                other.extend(cx, 20..23);
            }
            true
        });
        holds(other, 20..23);
        // Each is asked for what it is by then.
        let set = list(cx, 0..5);
        set.retain(cx, |n| {
            if n == 1 {
                set.set(cx, 3, 30);
            }
            set.set(cx, n as usize % 5, n + 100);
            n != 0 && n != 30
        });
        // (The fourth, by then 30, has written to the first place.)
        holds(set, [130, 102, 104]);
    });
}

#[test]
fn a_drain_removes_what_there_is_when_it_is_dropped() {
    Heap::new().enter(|cx| {
        let drained = list(cx, 0..10);
        let mut drain = drained.drain(cx, 2..=5);
        assert_eq!((drain.next(), drain.next_back(), drain.size_hint()), (Some(2), Some(5), (0, Some(2))));
        holds(drained, 0..10);
        drop(drain);
        holds(drained, [0, 1, 6, 7, 8, 9]);
        std::mem::forget(drained.drain(cx, ..));
        holds(drained, [0, 1, 6, 7, 8, 9]);
        // It becomes shorter, and longer, meanwhile.
        let mut drain = drained.drain(cx, 1..);
        assert_eq!(drain.next(), Some(1));
        drained.truncate(cx, 2);
        assert_eq!((drain.next(), drain.next()), (None, None));
        drop(drain);
        holds(drained, [0]);
        drained.drain(cx, ..).for_each(|n| (0..9).for_each(|m| drained.push(cx, n + m)));
        holds(drained, 0..9);
        panics(|| drained.drain(cx, 3..6).for_each(|n| assert!(n < 4, "enough")));
        holds(drained, [0, 1, 2, 6, 7, 8]);
    });
}

#[test]
#[allow(clippy::reversed_empty_ranges, reason = "that is what is refused")]
fn what_is_out_of_bounds_is_refused() {
    use std::ops::Bound::{Excluded, Included};
    Heap::new().enter(|cx| {
        let empty = list(cx, []);
        panics(|| empty.remove(cx, 0));
        panics(|| empty.swap_remove(cx, 0));
        panics(|| empty.insert(cx, 1, 7));
        panics(|| empty.swap(cx, 0, 0));
        empty.reverse(cx);
        empty.sort_by(cx, |_, _| panic!("nothing to compare"));
        assert!(empty.drain(cx, ..).next().is_none() && empty.first().is_none() && empty.last().is_none());
        let three = list(cx, 0..3);
        panics(|| three.remove(cx, 3));
        panics(|| three.swap_remove(cx, 3));
        panics(|| three.insert(cx, 4, 7));
        panics(|| three.swap(cx, 0, 3));
        panics(|| drop(three.drain(cx, 2..1)));
        panics(|| drop(three.drain(cx, ..4)));
        panics(|| drop(three.drain(cx, 4..)));
        panics(|| drop(three.drain(cx, ..=usize::MAX)));
        panics(|| drop(three.drain(cx, (Excluded(usize::MAX), Included(3)))));
        holds(three, 0..3);
        assert_eq!(three.drain(cx, (Excluded(0), Included(2))).count(), 2);
        three.insert(cx, 1, 7);
        holds(three, [0, 7]);
        assert_eq!((three.swap_remove(cx, 0), three.remove(cx, 0), three.len()), (0, 7, 0));
    });
}

#[test]
fn a_sort_is_stable_and_survives_its_comparison() {
    Heap::new().enter(|cx| {
        let numbers: Vec<u64> = (0..2000).map(|n| n * 7919 % 1009).collect();
        let sorted = list(cx, numbers.clone());
        sorted.sort_by_key(cx, |n| n % 10);
        let mut expected = numbers.clone();
        expected.sort_by_key(|n| n % 10);
        holds(sorted, expected);
        // The comparison panics: nothing has happened.
        let whole = list(cx, numbers.clone());
        let bytes = cx.stats().bytes_external();
        let mut left = 500;
        panics(|| {
            whole.sort_by(cx, |a, b| {
                left -= 1;
                assert!(left > 0, "enough");
                a.cmp(&b)
            })
        });
        holds(whole, numbers.clone());
        assert_eq!(cx.stats().bytes_external(), bytes, "the copy is still counted");
        // The comparison uses the list.
        let used = list(cx, (0..100).rev());
        let mut turns = 0;
        used.sort_by(cx, |a, b| {
            turns += 1;
            match turns {
                1..10 => used.push(cx, 1000 + turns),
                10 => used.set(cx, 50, 7),
                11 => assert_eq!(used.get(99), Some(0), "written back too soon"),
                12 => used.shrink_to_fit(cx),
                _ => {}
            }
            a.cmp(&b)
        });
        holds(used, (0..100).chain(1001..1010));
        let cut = list(cx, (0..100).rev());
        cut.sort_by(cx, |a, b| {
            cut.truncate(cx, 10);
            a.cmp(&b)
        });
        holds(cut, 0..10);
        let cleared = list(cx, (0..100).rev());
        cleared.sort_by(cx, |a, b| {
            cleared.clear(cx);
            a.cmp(&b)
        });
        assert!(cleared.is_empty());
        // An order that is none: a panic or any order, and each value once.
        let chaos = list(cx, 0..100);
        let mut turn = 0u64;
        let _any = catch_unwind(AssertUnwindSafe(|| {
            chaos.sort_by(cx, |_, _| {
                turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if turn >> 63 == 0 { Ordering::Less } else { Ordering::Greater }
            })
        }));
        chaos.sort_by(cx, |a, b| a.cmp(&b));
        holds(chaos, 0..100);
    });
}

/// A sort takes no more memory than the limit leaves.
#[test]
fn a_sort_is_refused_where_there_is_no_room() {
    Heap::builder().limit(1 << 20).automatic(false).build().unwrap().enter(|cx| {
        let full = list(cx, []);
        full.reserve(cx, 45_000);
        full.extend(cx, (0..45_000).rev());
        // 350 KiB for the values, and twice as much for these with their places.
        assert!(full.try_sort_by(cx, |_, _| unreachable!()).is_err());
        holds(full, (0..45_000).rev());
        full.truncate(cx, 1000);
        full.try_sort_by(cx, |a, b| a.cmp(&b)).unwrap();
        holds(full, 44_000..45_000);
    });
}

#[test]
fn a_panic_of_an_iterator_leaves_what_was_added() {
    Heap::new().enter(|cx| {
        let extended = list(cx, 0..3);
        panics(|| extended.extend(cx, (3..10).inspect(|n| assert!(*n < 6, "enough"))));
        holds(extended, 0..6);
        // An iterator over the list itself: the values that there were.
        extended.extend(cx, extended.iter());
        holds(extended, (0..6).chain(0..6));
    });
}
