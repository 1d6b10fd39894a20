//! The heap's limit: an error as a value, not a panic, and nothing is lost by it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use grisaille::{
    Array, Barrier, ConfigError, Gc, Heap, HeapBuilder, HeapFull, Mutator, RootsFirst, Slot, Stack, Sweep, Trace,
};

use crate::SWEEPS;
use crate::for_each_policy;

#[derive(Trace)]
struct Link<'gc> {
    next: Option<Gc<'gc, Link<'gc>>>,
    number: usize,
    text: Box<str>,
}

fn limited<B: Barrier>(sweep: Sweep, limit: usize) -> Heap<B> {
    Heap::builder().barrier::<B>().sweep(sweep).limit(limit).automatic(false).build().unwrap()
}

/// Full, the value comes back; with something freed and collected, there is room again; and so on.
fn full_and_free_again<B: Barrier>() {
    for sweep in SWEEPS {
        limited::<B>(sweep, 1 << 20).enter(|cx| {
            for _ in 0..3 {
                cx.scope(|cx, _| {
                    let mut list: Option<Gc<'_, Link<'_>>> = None;
                    let mut count = 0;
                    let full = loop {
                        match cx.try_alloc(Link { next: list, number: count, text: "text".into() }) {
                            Ok(link) => list = Some(link),
                            Err(full) => break full.into_inner(),
                        }
                        count += 1;
                    };
                    assert_eq!((full.number, &*full.text), (count, "text"), "the value is not lost");
                    assert!(count > (1 << 20) / 50, "only {count} objects fit");
                    drop(full);
                    let kept = cx.root(list.unwrap());
                    cx.collect();
                    assert!(cx.try_alloc([0u64; 512]).is_err(), "all of it is alive");
                    let mut at = Some(kept.get(cx));
                    while let Some(link) = at {
                        count -= 1;
                        assert_eq!(link.number, count);
                        at = link.next;
                    }
                    assert_eq!(count, 0);
                });
                cx.collect();
                assert_eq!(cx.stats().bytes_live(), 0);
                assert!(cx.try_alloc([0u64; 512]).is_ok(), "{sweep:?}");
                cx.collect(); // its block is not to be there in the next round
            }
        });
    }
}

/// A heap in which all lives is full, and recovers.
fn a_heap_that_is_always_full_says_so<B: Barrier>() {
    let mut heap = Heap::builder().barrier::<B>().limit(1 << 20).build().unwrap();
    heap.enter(|cx| {
        cx.scope(|cx, _| {
            let (mut failed, mut kept) = (false, 0);
            for _ in 0..100_000 {
                match cx.try_alloc([1u64; 7]) {
                    Ok(object) => {
                        _ = cx.root(object);
                        kept += 1;
                    }
                    Err(full) => {
                        assert_eq!(full.0, [1; 7]);
                        failed = true;
                        break;
                    }
                }
                cx.safepoint();
            }
            assert!(failed && kept > (1 << 20) / 64 / 2, "{kept} objects were kept");
        });
        cx.collect();
        assert!(cx.try_alloc([1u64; 7]).is_ok());
    });
}

/// Under a limit garbage is collected by safepoints in time: it is no reason to be full.
fn garbage_does_not_fill_a_heap<B: Barrier>() {
    for sweep in SWEEPS {
        let mut heap = Heap::builder().barrier::<B>().sweep(sweep).limit(2 << 20).build().unwrap();
        heap.enter(|cx| {
            let kept = cx.root(cx.alloc(Slot::new(None::<Gc<'_, [u64; 8]>>)));
            for round in 0..200_000u64 {
                match cx.try_alloc([round; 8]) {
                    Ok(object) => kept.get(cx).set(cx, Some(object)),
                    Err(full) => panic!("refused: {full}"),
                }
                cx.safepoint();
            }
            assert!(cx.stats().bytes_held() <= 2 << 20);
            assert!(cx.stats().cycles() > 5);
        });
    }
}

/// Objects of one size, and what lives of them: the stack that keeps them is part of it, what its list may grow by, and the
/// rest of the last block.
fn kept<B: Barrier, const WORDS: usize>(cx: &Mutator<'_, B>, bytes: usize) -> Stack<Gc<'static, [u64; WORDS]>> {
    let count = (bytes - (32 << 10)) / (WORDS * 8 + 8 + 8 + 1);
    let mut stack = Stack::with_capacity(cx, count);
    let mut view = stack.open(cx);
    (0..count).for_each(|number| view.push(cx, cx.alloc([number as u64; WORDS])));
    stack
}

/// Garbage beside what lives, in bursts of an eighth of what a limit has in reserve and of all of it: refused allocations of
/// 40 bursts, and how many failed at once after a safepoint.
fn refused<B: Barrier, const WORDS: usize>(limit: usize, percent: usize, burst: usize) -> (usize, usize) {
    Heap::builder().barrier::<B>().limit(limit).build().unwrap().enter(|cx| {
        let _kept = kept::<B, WORDS>(cx, limit / 100 * percent);
        let (mut refused, mut at_once) = (0, 0);
        for _ in 0..limit * 2 / burst {
            for number in 0..burst / (WORDS * 8 + 8) {
                if cx.try_alloc([number as u64; WORDS]).is_err() {
                    refused += 1;
                    at_once += usize::from(number == 0);
                    break;
                }
            }
            cx.safepoint();
        }
        assert!(cx.stats().bytes_live() <= limit as u64);
        (refused, at_once)
    })
}

/// Bursts of 64 KiB, 256 KiB and 1 MiB at 50 % of 64 MiB: 1.4, 25 and 72 % were refused, up to 723 safepoints in a row.
fn garbage_is_no_reason_to_refuse<B: Barrier>() {
    let limit = 4 << 20;
    for percent in [50, 80] {
        for burst in [limit / 128, limit / 16] {
            assert_eq!(refused::<B, 5>(limit, percent, burst), (0, 0), "{percent} %, bursts of {burst}");
            assert_eq!(
                refused::<B, 63>(limit, percent, burst),
                (0, 0),
                "{percent} %, bursts of {burst}, larger objects"
            );
        }
    }
    assert_eq!(refused::<B, 5>(limit, 92, limit / 128), (0, 0));
}

/// What lives is a reason, where a burst is larger than what it leaves. The next safepoint makes room for a part of it again.
fn a_burst_that_is_larger_than_what_is_left_is_refused_in_part<B: Barrier>() {
    let limit = 4 << 20;
    let (refused, at_once) = refused::<B, 5>(limit, 92, limit / 8);
    assert!(refused > 0 && at_once == 0, "{refused} bursts were refused in part, {at_once} as a whole");
}

/// From there on the heap says that it is full, and does not spend the time on cycles that bring nothing.
fn a_heap_that_is_nearly_full_does_not_collect_all_the_time<B: Barrier>() {
    let limit = 4 << 20;
    Heap::builder().barrier::<B>().limit(limit).build().unwrap().enter(|cx| {
        let _kept = kept::<B, 63>(cx, limit / 100 * 95);
        cx.collect();
        let cycles = cx.stats().cycles();
        let refused = (0u64..1 << 15).filter(|&number| {
            let refused = cx.try_alloc([number; 5]).is_err();
            cx.safepoint();
            refused
        });
        assert!(refused.count() > 0, "each refusal was answered with a cycle");
        // What the mutator lets go of is found all the same, in half of the time.
        while cx.stats().cycles() == cycles {
            _ = cx.try_alloc([0u64; 5]);
            cx.safepoint();
        }
    });
}

for_each_policy! {
    full_and_free_again
    garbage_is_no_reason_to_refuse
    a_burst_that_is_larger_than_what_is_left_is_refused_in_part
    a_heap_that_is_nearly_full_does_not_collect_all_the_time
    a_heap_that_is_always_full_says_so
    garbage_does_not_fill_a_heap
}

#[test]
fn huge_arrays_and_strings_are_refused() {
    let text = "x".repeat(2 << 20);
    limited::<RootsFirst>(Sweep::Lazy, 1 << 20).enter(|cx| {
        for len in [usize::MAX, usize::MAX / 2, usize::MAX / 8, isize::MAX as usize, 1 << 60, 1 << 40, 1 << 17] {
            let mut called = false;
            let refused = cx.try_alloc_array(len, |_| {
                called = true;
                0u64
            });
            assert!(refused.is_err());
            assert!(!called);
        }
        assert!(cx.try_alloc_str(&text).is_err());
        assert!(cx.try_intern(&text).is_err());
        assert_eq!(cx.interned_count(), 0, "a string that was refused is not in the table");
        assert!(cx.try_alloc_array(1 << 10, |_| 0u64).is_ok());
        assert_eq!(cx.try_alloc_str(&text[..1000]).unwrap().len(), 1000);
    });
    // Without a limit the address space is one.
    Heap::new().enter(|cx| {
        for len in [usize::MAX, isize::MAX as usize, isize::MAX as usize / 8, 1 << 58] {
            assert!(cx.try_alloc_array(len, |_| 0u64).is_err());
        }
        let nothings: Array<'_, ()> = cx.alloc_array(usize::MAX >> 1, |_| ()).to_owned();
        assert_eq!(nothings.len(), usize::MAX >> 1);
    });
}

#[test]
fn large_objects_count_against_the_limit_and_come_back() {
    for sweep in SWEEPS {
        limited::<RootsFirst>(sweep, 8 << 20).enter(|cx| {
            for _ in 0..20 {
                cx.scope(|cx, _| {
                    let first = cx.root(cx.alloc_array(4 << 17, |i| i as u64));
                    assert!(cx.try_alloc_array(5 << 17, |_| 0u64).is_err(), "4 MiB of 8 are taken");
                    assert_eq!(first.get(cx).as_slice()[4 << 16], 4 << 16);
                });
                cx.collect();
            }
        });
    }
}

#[test]
fn external_bytes_count_against_the_limit() {
    limited::<RootsFirst>(Sweep::Lazy, 1 << 20).enter(|cx| {
        assert!(cx.try_alloc([0u64; 4]).is_ok());
        cx.adjust_external(2 << 20);
        assert!(cx.try_alloc([0u64; 512]).is_err(), "no further block");
        cx.adjust_external(-(2 << 20));
        assert!(cx.try_alloc([0u64; 512]).is_ok());
    });
}

/// The payload was a text, so nobody could tell a full heap from a bug.
#[test]
fn alloc_panics_with_the_value_that_try_alloc_answers() {
    let mut heap = limited::<RootsFirst>(Sweep::Lazy, 1 << 20);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        heap.enter(|cx| {
            loop {
                cx.alloc([0u64; 100]);
            }
        })
    }));
    let full = *panic.unwrap_err().downcast::<HeapFull<()>>().unwrap();
    assert_eq!((full.limit(), full.live(), full.requested()), (Some(1 << 20), 0, 808));
    assert!(full.to_string().starts_with("the heap is full"), "{full}");
    heap.enter(|cx| {
        cx.collect();
        assert!(cx.try_alloc([0u64; 100]).is_ok(), "the heap is whole");
    });
}

#[test]
fn what_cannot_be_is_refused() {
    let limit = HeapBuilder::<RootsFirst>::MIN_LIMIT;
    assert!(Heap::builder().limit(limit).build().is_ok());
    assert_eq!(Heap::builder().limit(limit - 1).build().unwrap_err(), ConfigError::Limit(limit - 1));
    for growth in [0.0, -1.0, 0.049, 1000.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(Heap::builder().growth(growth).build(), Err(ConfigError::Growth(_))), "{growth}");
    }
    for growth in [0.05, 1000.0] {
        assert!(Heap::builder().growth(growth).build().is_ok());
    }
}
