//! Objects of every size: small ones, medium ones, those larger than a quarter of a block, a block, a chunk.

use grisaille::{Array, Barrier, Budget, Gc, Heap, Slot, Str, Trace};

use crate::SWEEPS;
use crate::for_each_policy;
use crate::ledger::{Entry, Ledger};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Sizes on both sides of each border, in bytes of an array with its header and length.
const SIZES: [usize; 17] = [
    24,
    504,
    512,
    520,
    4 * KIB,
    8 * KIB - 8,
    8 * KIB,
    8 * KIB + 8,
    12 * KIB,
    31 * KIB,
    32 * KIB - 8,
    32 * KIB,
    33 * KIB,
    100 * KIB,
    2 * MIB,
    2 * MIB + 8,
    5 * MIB,
];

fn words(bytes: usize) -> usize {
    (bytes - 16) / 8
}

/// Fills arrays with numbers, with others and garbage between them, and finds them whole after cycles.
fn every_size_survives_and_is_freed<B: Barrier>() {
    for sweep in SWEEPS {
        let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
        heap.enter(|cx| {
            cx.scope(|cx, _| {
                let make = |size: usize| cx.alloc_array(words(size), |i| Slot::new((i ^ size) as u64));
                let mut kept = Vec::new();
                for size in SIZES {
                    make(size);
                    kept.push(cx.root(make(size)));
                    cx.alloc(size);
                }
                for _ in 0..3 {
                    cx.collect();
                    for (size, array) in SIZES.into_iter().zip(&kept) {
                        let array = array.get(cx).as_slice();
                        assert_eq!(array.len(), words(size));
                        assert!(array.iter().enumerate().all(|(i, slot)| slot.get() == (i ^ size) as u64), "{size}");
                    }
                }
                let stats = cx.stats();
                assert_eq!(stats.objects_allocated(), 3 * SIZES.len() as u64);
                assert_eq!(stats.objects_freed(), 2 * SIZES.len() as u64);
                assert_eq!(stats.bytes_live() as usize, SIZES.iter().sum::<usize>());
            });
            cx.collect();
            assert_eq!(cx.stats().bytes_live(), 0);
            assert_eq!(cx.stats().objects_freed(), cx.stats().objects_allocated());
        });
    }
}

/// The memory of dead large objects is used again, whatever their sizes.
fn memory_of_large_objects_is_reused<B: Barrier>() {
    for sweep in SWEEPS {
        let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
        heap.enter(|cx| {
            for round in 0..60 {
                let size = [3 * MIB, 9 * KIB, MIB, 40 * KIB][round % 4];
                for _ in 0..4 {
                    let array = cx.alloc_array(words(size), |i| i);
                    assert_eq!(array.as_slice()[words(size) - 1], words(size) - 1);
                }
                let held = cx.stats().bytes_held();
                assert!(held <= 20 << 20, "round {round}: {held}");
                cx.collect();
                assert_eq!(cx.stats().bytes_used(), 0);
            }
        });
    }
}

type Element<'gc> = Slot<Option<Gc<'gc, Slot<u64>>>>;

/// Large arrays of pointers are traced in pieces, in the middle of which the mutator writes to them.
fn large_arrays_are_written_while_they_are_traced<B: Barrier>() {
    const LEN: usize = 3000;
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let array: Array<'_, Element<'_>> = cx.alloc_array(LEN, |_| Slot::new(None));
        let array = cx.root(array);
        for (i, slot) in array.get(cx).as_slice().iter().enumerate() {
            slot.set(cx, Some(cx.alloc(Slot::new(i as u64))));
        }
        let mut at = 0;
        while cx.stats().cycles() < 3 {
            // The elements change places: nobody dies, and the numbers stay a permutation.
            for _ in 0..7 {
                at = (at + 1237) % LEN;
                let elements = array.get(cx).as_slice();
                let (a, b) = (&elements[at], &elements[LEN - 1 - at]);
                let (x, y) = (a.get(), b.get());
                a.set(cx, y);
                b.set(cx, x);
            }
            cx.step(Budget::work(1));
        }
        let mut numbers: Vec<u64> = array.get(cx).as_slice().iter().map(|slot| slot.get().unwrap().get()).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..LEN as u64));
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

/// Large objects that are born in any phase live, with what they point to.
fn large_objects_are_born_in_any_phase<B: Barrier>() {
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let small = cx.root(cx.alloc(Slot::new(None::<Array<'_, Element<'_>>>)));
        let mut kept = Vec::new();
        while cx.stats().cycles() < 2 {
            for len in [100, 1100, 5000] {
                let number = cx.alloc(Slot::new(kept.len() as u64));
                let array = cx.alloc_array(len, |i| Slot::new((i % 10 == 0).then_some(number)));
                small.get(cx).set(cx, Some(array));
                kept.push(cx.root(array));
            }
            // Under insertion what is allocated has to be marked too: steps that grow catch up with it.
            cx.step(Budget::work((8 << 10) + kept.len() * 2048));
            cx.verify().unwrap();
        }
        for (number, array) in kept.iter().enumerate() {
            let array = array.get(cx).as_slice();
            assert!(array.iter().step_by(10).all(|slot| slot.get().unwrap().get() == number as u64), "{number}");
        }
        assert_eq!(cx.stats().objects_freed(), 0);
    });
}

for_each_policy! {
    large_objects_are_born_in_any_phase
    every_size_survives_and_is_freed
    memory_of_large_objects_is_reused
    large_arrays_are_written_while_they_are_traced
}

#[derive(Trace)]
struct Mortal {
    #[trace(skip)]
    _entry: Entry,
    weight: [u64; 3],
}

/// An array just above the border, after one just below it, with drop glue in the elements.
#[test]
fn arrays_with_drop_glue_of_every_size() {
    for sweep in SWEEPS {
        let ledger = Ledger::default();
        let mut heap = Heap::builder().sweep(sweep).automatic(false).build().unwrap();
        heap.enter(|cx| {
            cx.scope(|cx, _| {
                let make = |len| cx.alloc_array(len, |i| Mortal { _entry: ledger.born(), weight: [i as u64; 3] });
                let mut kept = Vec::new();
                for len in [0, 1, 10, 100, 150, 163, 164, 165, 200, 400, 600, 700, 3000, 70_000] {
                    kept.push(cx.root(make(len)));
                    make(len);
                }
                let count = cx.stats().objects_allocated();
                assert_eq!(count, 2 * kept.len() as u64);
                for _ in 0..3 {
                    cx.collect();
                    assert_eq!(ledger.dead(), ledger.count() / 2);
                    for array in &kept {
                        let array = array.get(cx).as_slice();
                        assert!(array.iter().enumerate().all(|(i, mortal)| mortal.weight == [i as u64; 3]));
                    }
                }
            });
            cx.collect();
            ledger.assert_all_died_once();
        });
    }
}

#[test]
fn long_strings_are_whole() {
    Heap::new().enter(|cx| {
        let texts: Vec<String> = SIZES.iter().map(|size| "grey ".repeat(size / 5)).collect();
        let kept: Vec<_> = texts.iter().map(|text| (cx.root(cx.alloc_str(text)), cx.root(cx.intern(text)))).collect();
        for _ in 0..2 {
            cx.collect();
            for (text, (plain, interned)) in texts.iter().zip(&kept) {
                assert_eq!(plain.get(cx).as_str(), text);
                assert!(Str::ptr_eq(interned.get(cx), cx.intern(text)));
            }
        }
    });
}

/// The maps of such a chunk alone would take gigabytes: nothing may be written to them before the chunk is there.
#[test]
fn an_array_larger_than_any_memory_is_refused_at_once() {
    Heap::new().enter(|cx| {
        for elements in [1 << 44, 1 << 47, 1 << 50, 1 << 56, usize::MAX] {
            assert!(cx.try_alloc_array(elements, |_| 0u64).is_err());
        }
        assert_eq!(cx.alloc_array(3, |n| n).len(), 3);
    });
}
