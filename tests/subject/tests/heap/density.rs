//! The memory that objects take beside their own bytes.

use grisaille::{Heap, Mutator};

use crate::SWEEPS;

const KIB: usize = 1024;

/// From 4 to 256 KiB, in steps of a fortieth, and on both sides of each number of pages.
fn sizes() -> Vec<usize> {
    let steps = core::iter::successors(Some(4 * KIB + 8), |size| Some((size + size / 40).next_multiple_of(8)));
    let near = (2..=64).flat_map(|pages| {
        // Headers of 16 bytes, and what stands in front of a block.
        [0, 8, 16, 24, 1088, 1096].into_iter().flat_map(move |less| [pages * 4096 - less, pages * 4096 + less])
    });
    steps.take_while(|size| *size <= 256 * KIB).chain(near).collect()
}

/// A heap holds a part of a chunk more, however little is in it.
const CHUNK: u64 = 2 << 20;

/// What `allocate` takes for `bytes` of objects, of which none dies: blocks that are used, and memory that is held.
fn taken(bytes: usize, allocate: impl FnOnce(&Mutator<'_>)) -> (f64, f64) {
    let heap = Heap::builder().automatic(false).build();
    heap.unwrap().enter(|cx| {
        allocate(cx);
        let (bytes_used, bytes_held) = (cx.stats().bytes_used(), cx.stats().bytes_held());
        (bytes_used as f64 / bytes as f64, bytes_held.saturating_sub(CHUNK) as f64 / bytes as f64)
    })
}

#[track_caller]
fn check(what: &str, (used, held): (f64, f64)) {
    assert!(used <= 1.25 && held <= 1.25, "{what}: {used:.3} x used, {held:.3} x held");
}

#[test]
fn objects_of_every_size_take_a_quarter_more_at_the_most() {
    let text = "x".repeat(300 * KIB);
    for size in sizes() {
        let count = (4 << 20) / size;
        let all = |cx: &Mutator<'_>| (0..count).for_each(|_| _ = cx.alloc_str(&text[..size - 16]));
        check(&format!("strings in {size} bytes"), taken(count * size, all));
    }
}

#[test]
fn so_do_arrays_and_objects_with_drop_glue() {
    for size in [4104, 6344, 7928, 8180, 8184, 9000, 10568, 15848, 16384, 19400, 31688, 33000, 65536, 100_000] {
        let (len, count) = (size / 8 - 2, (4 << 20) / size);
        let arrays = |cx: &Mutator<'_>| (0..count).for_each(|_| _ = cx.alloc_array(len, |at| at));
        check(&format!("arrays in {size} bytes"), taken(count * size, arrays));
        let dropped = |cx: &Mutator<'_>| (0..count).for_each(|_| _ = cx.alloc_array(size / 24, |_| String::new()));
        check(&format!("arrays of strings in {size} bytes"), taken(count * size, dropped));
    }
    let fixed = |cx: &Mutator<'_>| (0..500).for_each(|_| _ = cx.alloc([1u64; 1025]));
    check("objects of a fixed size", taken(500 * 8208, fixed));
}

/// Returns a fixed sequence of numbers below `end`.
fn numbers(end: usize) -> impl FnMut() -> usize {
    let mut state = 1u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % end
    }
}

#[test]
fn and_of_mixed_sizes() {
    let text = "x".repeat(70 * KIB);
    for most in [8 * KIB, 20 * KIB, 64 * KIB] {
        let mut next = numbers(most);
        let sizes: Vec<_> = (0..1000).map(|_| 4 * KIB + 8 + next() / 8 * 8).collect();
        let all = |cx: &Mutator<'_>| sizes.iter().for_each(|size| _ = cx.alloc_str(&text[..size - 16]));
        check(&format!("up to {most} more"), taken(sizes.iter().sum(), all));
    }
}

/// The memory of those that die is taken again, also behind the first block of a run.
#[test]
fn big_objects_take_the_place_of_dead_ones() {
    for sweep in SWEEPS {
        for size in [5000, 9000, 16_000, 20_000, 33_000] {
            let heap = Heap::builder().automatic(false).sweep(sweep).build();
            heap.unwrap().enter(|cx| {
                let text = "x".repeat(size - 16);
                let mut kept: Vec<_> = (0..400).map(|_| cx.persist(cx.alloc_str(&text))).collect();
                let used = cx.stats().bytes_used();
                let mut next = numbers(2);
                for _ in 0..6 {
                    kept.retain(|_| next() == 0);
                    cx.collect();
                    cx.verify().unwrap();
                    kept.extend((kept.len()..400).map(|_| cx.persist(cx.alloc_str(&text))));
                    cx.verify().unwrap();
                    assert!(kept.iter().all(|string| string.get(cx).as_str() == text));
                }
                let now = cx.stats().bytes_used();
                assert!(now <= used + used / 8, "{sweep:?}, {size} bytes: {used} -> {now}");
            });
        }
    }
}
