//! Memory is taken from the system late, and given back.

use std::sync::atomic::{AtomicIsize, Ordering};

use grisaille::{Barrier, Budget, Heap, Mutator, Slot, Sweep, Trace};

use crate::SWEEPS;

/// Runs a whole cycle, as safepoints do.
fn cycle<B: Barrier>(cx: &mut Mutator<'_, B>) {
    while !cx.step(Budget::unlimited()).cycle_ended {
        std::thread::yield_now();
    }
}

#[test]
fn memory_goes_back_after_some_empty_cycles() {
    for sweep in SWEEPS {
        let mut heap = Heap::builder().sweep(sweep).automatic(false).build().unwrap();
        heap.enter(|cx| {
            for _ in 0..1 << 19 {
                cx.alloc([1u64; 7]);
            }
            let full = cx.stats().bytes_held();
            assert!(full >= 32 << 20);
            cycle(cx);
            assert_eq!(cx.stats().bytes_returned(), 0, "not at once: it may be wanted again");
            for _ in 0..6 {
                cycle(cx);
            }
            let stats = cx.stats();
            assert!(stats.bytes_held() <= 4 << 20, "{stats}");
            assert!(stats.bytes_returned() >= full - (4 << 20), "{stats}");
            // And it comes again.
            let kept: Vec<_> = (0..1 << 17).map(|i| cx.root(cx.alloc([i as u64; 7]))).collect();
            cx.collect();
            assert!(kept.iter().enumerate().all(|(i, object)| *object.get(cx) == [i as u64; 7]));
        });
    }
}

/// An idle program stayed at its peak, and `collect` gave back at the third call.
#[test]
fn collections_and_idle_time_give_memory_back_at_once() {
    for sweep in SWEEPS {
        Heap::builder().sweep(sweep).build().unwrap().enter(|cx| {
            for idle in [false, true] {
                cx.scope(|cx, _| {
                    for i in 0..1 << 18 {
                        _ = cx.root(cx.alloc([i as u64; 7]));
                    }
                });
                assert!(cx.stats().bytes_held() >= 16 << 20);
                cx.alloc(1i64);
                if idle {
                    while !cx.idle(Budget::work(1 << 10)) {
                        std::thread::yield_now();
                    }
                } else {
                    cx.collect();
                }
                let stats = cx.stats();
                assert!(stats.bytes_held() <= 1 << 20, "{sweep:?}, {idle}\n{stats}");
                let steps = stats.steps();
                assert!(!idle || cx.idle(Budget::unlimited()) && cx.stats().steps() == steps, "nothing is left to do");
            }
        });
    }
}

#[test]
fn a_heap_in_use_keeps_its_memory() {
    let mut heap = Heap::builder().automatic(false).build().unwrap();
    heap.enter(|cx| {
        for _ in 0..8 {
            for _ in 0..1 << 16 {
                cx.alloc([1u64; 7]);
            }
            cycle(cx);
        }
        assert_eq!(cx.stats().bytes_returned(), 0, "garbage of each cycle goes where the last one's was");
        assert!(cx.stats().bytes_held() <= 16 << 20);
    });
}

#[test]
fn a_thousand_small_heaps_are_cheap() {
    let mut heaps: Vec<Heap> = (0..1000).map(|_| Heap::new()).collect();
    assert!(heaps.iter().all(|heap| heap.stats().bytes_held() == 0), "nothing before the first object");
    let roots: Vec<_> = heaps
        .iter_mut()
        .enumerate()
        .map(|(number, heap)| {
            heap.enter(|cx| {
                cx.alloc(String::from("with drop glue"));
                cx.persist(cx.alloc(Slot::new(number)))
            })
        })
        .collect();
    let held: u64 = heaps.iter().map(|heap| heap.stats().bytes_held()).sum();
    assert!(held <= 1000 * (128 << 10), "{} KiB a heap", held >> 20);
    for (number, (heap, root)) in heaps.iter_mut().zip(&roots).enumerate() {
        heap.enter(|cx| {
            cx.collect();
            assert_eq!(root.get(cx).get(), number);
        });
    }
}

#[test]
fn a_fragmented_heap_fills_its_holes() {
    for sweep in SWEEPS {
        let mut heap = Heap::builder().sweep(sweep).automatic(false).build().unwrap();
        heap.enter(|cx| {
            // Every second object dies: no block is empty.
            let kept: Vec<_> = (0..50_000u64)
                .map(|i| {
                    cx.alloc([i; 3]);
                    cx.root(cx.alloc([i; 3]))
                })
                .collect();
            cx.collect();
            let used = cx.stats().bytes_used();
            for i in 0..45_000u64 {
                cx.alloc([i; 3]);
            }
            assert!(cx.stats().bytes_used() <= used + used / 8, "{sweep:?}: {used} -> {}", cx.stats().bytes_used());
            assert!(kept.iter().enumerate().all(|(i, object)| *object.get(cx) == [i as u64; 3]));
        });
    }
}

#[test]
fn safepoints_keep_a_heap_of_garbage_small() {
    for sweep in SWEEPS {
        let mut heap = Heap::builder().sweep(sweep).floor(1 << 20).build().unwrap();
        heap.enter(|cx| {
            for i in 0..2_000_000u64 {
                cx.alloc([i; 3]);
                cx.safepoint();
            }
        });
        let stats = heap.stats();
        assert!(stats.cycles() >= 10 && stats.bytes_held() <= 8 << 20, "{sweep:?}\n{stats}");
    }
}

#[test]
fn without_automatic_no_safepoint_collects() {
    let mut heap = Heap::builder().automatic(false).sweep(Sweep::Lazy).floor(0).build().unwrap();
    heap.enter(|cx| {
        for i in 0..200_000u64 {
            cx.alloc([i; 15]);
            cx.safepoint();
        }
        cx.adjust_external(1 << 30);
        cx.safepoint();
    });
    let stats = heap.stats();
    assert_eq!((stats.cycles(), stats.steps(), stats.objects_freed()), (0, 0, 0));
    assert_eq!(heap.phase(), grisaille::Phase::Idle);
}

static DEAD: AtomicIsize = AtomicIsize::new(0);

/// A buffer outside the heap, which the program reports by hand.
struct Buffer(usize);

impl Drop for Buffer {
    fn drop(&mut self) {
        DEAD.fetch_sub(self.0 as isize, Ordering::Relaxed);
    }
}

#[derive(Trace)]
#[trace(drop = "background")]
struct Swept {
    #[trace(skip)]
    _buffer: Buffer,
}

#[derive(Trace)]
struct Dropped {
    #[trace(skip)]
    _buffer: Buffer,
}

/// Garbage of 64 KiB a piece outside: 3, 6, 12 .. 1003 MiB were outside after ten cycles, though nothing lived.
#[test]
fn garbage_outside_does_not_let_the_goal_grow() {
    const BYTES: usize = 1 << 16;
    let floor = 4 << 20;
    for (late, background) in [(1, false), (1, true), (8, false), (8, true)] {
        for sweep in SWEEPS {
            DEAD.store(0, Ordering::Relaxed);
            Heap::builder().floor(floor).sweep(sweep).build().unwrap().enter(|cx| {
                let mut peak = 0;
                for number in 0..1500 {
                    if background {
                        cx.alloc(Swept { _buffer: Buffer(BYTES) });
                    } else {
                        cx.alloc(Dropped { _buffer: Buffer(BYTES) });
                    }
                    cx.adjust_external(BYTES as isize);
                    if number % late == 0 {
                        cx.adjust_external(DEAD.swap(0, Ordering::Relaxed));
                    }
                    peak = peak.max(cx.stats().bytes_external() as usize);
                    cx.safepoint();
                }
                assert!(cx.stats().cycles() > 10, "{sweep:?}");
                let bound = floor + floor / 10 + (late + 1) * BYTES;
                assert!(peak <= bound, "{peak} bytes outside, where {bound} is the bound: {sweep:?}, {late}");
            });
        }
    }
}

/// Whether the system takes memory back.
const RELEASES: bool = cfg!(all(any(target_os = "linux", target_os = "android"), not(miri)));

#[test]
fn one_survivor_in_two_mebibytes_does_not_keep_them() {
    for sweep in SWEEPS {
        let mut heap = Heap::builder().sweep(sweep).automatic(false).build().unwrap();
        heap.enter(|cx| {
            let mut kept = Vec::new();
            for i in 0..48 * (2 << 20) / 64 {
                let object = cx.alloc([i as u64; 7]);
                if i % ((2 << 20) / 64) == 0 {
                    kept.push(cx.root(object));
                }
            }
            let full = cx.stats().bytes_held();
            assert!(full >= 96 << 20);
            for _ in 0..10 {
                cx.collect();
                cx.verify().unwrap();
            }
            let stats = cx.stats();
            assert!(!RELEASES || stats.bytes_held() <= 2 * stats.bytes_used() + (16 << 20), "{sweep:?}\n{stats}");
            // What went back is used again, beside what stayed.
            for i in 0..40 * (2 << 20) / 64 {
                cx.alloc([i as u64; 7]);
            }
            cx.verify().unwrap();
            assert!(cx.stats().bytes_held() <= full + (4 << 20), "{sweep:?}\n{}", cx.stats());
            assert!(kept.iter().all(|object| object.get(cx)[0] % ((2 << 20) / 64) == 0));
        });
    }
}

#[test]
fn no_more_is_held_than_the_limit_allows() {
    let limit = 32 << 20;
    for sweep in SWEEPS {
        let mut heap = Heap::builder().sweep(sweep).limit(limit).build().unwrap();
        heap.enter(|cx| {
            let mut kept = std::collections::VecDeque::new();
            let (mut held, mut refused) = (0, 0);
            // Sizes that grow, and do not fit where the last ones were.
            for round in 0..3000usize {
                match cx.try_alloc_array(400 + round * 20, |at| at as u64) {
                    Ok(array) => kept.push_back(cx.persist(array)),
                    Err(_) => refused += 1,
                }
                while kept.len() > 24 {
                    kept.remove(kept.len() / 2 * (round % 2));
                }
                held = held.max(cx.stats().bytes_held());
                cx.safepoint();
            }
            assert!(refused < 3000 && (!RELEASES || held <= limit as u64), "{sweep:?}: {held}\n{}", cx.stats());
            cx.verify().unwrap();
        });
    }
}
