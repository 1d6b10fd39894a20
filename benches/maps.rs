//! Maps: lookups beside plain `hashbrown`, growth, and maps as work lists.
//!
//! | row | what is timed |
//! |---|---|
//! | `maps/hit/*`, `maps/miss/*`, `maps/insert/*` | lookups in random order, and insertions into an empty table, in a [`Map`] and in `hashbrown`'s |
//! | `maps/visit/*` | all entries; `sparse`: the three that are left of as many |
//! | `maps/work list/*` | all entries taken out from the front, by `pop` and by `iter().next()` and `remove` |
//!
//! Before the rows, the longest insertions of a map that grows to five million are printed, in the thread's processor
//! time.

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::Random;
use common::rows::{Pace, group};
use common::size;
use criterion::{Criterion, criterion_group, criterion_main};
use grisaille::{Gc, Heap, Map};
use hashbrown::HashMap;

type Numbers<'gc> = Gc<'gc, Map<'gc, u64, u64>>;

/// Returns the `n`-th key, a large number.
fn key(n: u64) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20
}

fn heap() -> Heap {
    Heap::builder().automatic(false).build().expect("a configuration that works")
}

#[cfg(unix)]
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(not(unix))]
fn thread_time() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

/// Prints the longest of so many insertions into one map.
fn longest_insertions(count: usize) {
    let mut times = vec![Duration::ZERO; count];
    heap().enter(|cx| {
        let map: Numbers<'_> = cx.alloc(Map::new());
        let mut last = thread_time();
        for (n, time) in (0..).zip(&mut times) {
            map.insert(cx, key(n), n);
            let now = thread_time();
            *time = now - last;
            last = now;
        }
        let bytes = cx.stats().bytes_external() as f64 / count as f64;
        times.sort_unstable();
        let longest = &times[count - 3..];
        println!(
            "maps: {count} insertions, the longest {longest:?}, of processor time; {bytes:.1} bytes an entry at the end"
        );
    });
}

fn rows(c: &mut Criterion) {
    longest_insertions(size(5_000_000, 10_000));
    for count in [size(100, 10), size(100_000, 100), size(1_000_000, 1000)] {
        let entries = count as u64;
        let order: Vec<u64> = {
            let mut random = Random::new();
            (0..count).map(|_| random.up_to(count) as u64).collect()
        };
        let legend = format!("{count} entries, words to words. elem: an entry.");
        let mut group = group(c, &format!("maps/{count}"), &legend, count, Pace::Short);
        let plain: HashMap<u64, u64> = (0..entries).map(|n| (key(n), n)).collect();
        group.bench_function("hit/hashbrown", |b| b.iter(|| order.iter().map(|n| plain[&key(*n)]).sum::<u64>()));
        group.bench_function("miss/hashbrown", |b| {
            b.iter(|| order.iter().filter(|n| plain.contains_key(&key(**n + entries))).count());
        });
        group.bench_function("insert/hashbrown", |b| {
            b.iter(|| (0..entries).map(|n| (key(n), n)).fold(HashMap::new(), insert))
        });
        heap().enter(|cx| {
            let map: Numbers<'_> = cx.alloc(Map::new());
            (0..entries).for_each(|n| assert!(map.insert(cx, key(n), n).is_none()));
            group.bench_function("hit/map", |b| {
                b.iter(|| order.iter().filter_map(|n| map.get(key(*n))).sum::<u64>());
            });
            group.bench_function("miss/map", |b| {
                b.iter(|| order.iter().filter(|n| map.contains_key(key(**n + entries))).count());
            });
            group.bench_function("visit/all", |b| b.iter(|| map.iter().map(|entry| entry.1).sum::<u64>()));
            map.retain(cx, |_, n| n < 3);
            group
                .bench_function("visit/sparse", |b| b.iter(|| map.iter().map(|entry| black_box(entry.1)).sum::<u64>()));
        });
        group.bench_function("insert/map", |b| {
            b.iter(|| {
                heap().enter(|cx| {
                    let map: Numbers<'_> = cx.alloc(Map::new());
                    (0..entries).for_each(|n| assert!(map.insert(cx, key(n), n).is_none()));
                });
            });
        });
        for pops in [true, false] {
            group.bench_function(if pops { "work list/pop" } else { "work list/first and remove" }, |b| {
                b.iter_custom(|times| (0..times).map(|_| work_list(entries, pops)).sum());
            });
        }
        group.finish();
    }
}

fn insert(mut map: HashMap<u64, u64>, (key, value): (u64, u64)) -> HashMap<u64, u64> {
    map.insert(key, value);
    map
}

/// Takes all entries out of a map, from the front.
fn work_list(entries: u64, pops: bool) -> Duration {
    heap().enter(|cx| {
        let map: Numbers<'_> = cx.alloc(Map::new());
        (0..entries).for_each(|n| assert!(map.insert(cx, key(n), n).is_none()));
        let start = Instant::now();
        if pops {
            while let Some(entry) = map.pop(cx) {
                black_box(entry);
            }
        } else {
            while let Some((key, _)) = map.iter().next() {
                black_box(map.remove(cx, key));
            }
        }
        let time = start.elapsed();
        assert!(map.is_empty());
        time
    })
}

criterion_group!(benches, rows);
criterion_main!(benches);
