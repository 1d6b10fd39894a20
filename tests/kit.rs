//! The collections under every policy, with the collector stepped by hand between any two operations.

use std::collections::HashMap;

use grisaille::{
    Array, Barrier, Budget, Deletion, Ephemeron, Gc, Guardian, Heap, Hybrid, Identity, Insertion, List, Map, Mutator,
    RootsFirst, Slot, StopTheWorld, Str, StrObject, Sweep, Tagged, Trace, Untagged, Watermark,
};

/// Makes a test for each policy.
macro_rules! each_policy {
    ($($(#[$doc:meta])* fn $name:ident<$b:ident>() $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;
            fn check<$b: Barrier>() $body
            #[test]
            fn insertion() { check::<Insertion>() }
            #[test]
            fn deletion() { check::<Deletion>() }
            #[test]
            fn roots_first() { check::<RootsFirst>() }
            #[test]
            fn hybrid() { check::<Hybrid>() }
            #[test]
            fn watermark() { check::<Watermark>() }
            #[test]
            fn stop_the_world() { check::<StopTheWorld>() }
        }
    )*};
}

/// Makes a heap that collects only when it is told to, and overwrites the memory that it frees.
fn heap<B: Barrier>() -> Heap<B> {
    Heap::builder().automatic(false).stress(true).sweep(Sweep::Lazy).barrier::<B>().build().unwrap()
}

/// Makes such a heap; where the seed says so, its mark stack overflows all the time.
fn heap_for<B: Barrier>(seed: u64) -> Heap<B> {
    let mut heap = heap();
    if seed.is_multiple_of(3) {
        heap.set_mark_stack_cap(2);
    }
    heap
}

/// Does one elementary piece of the collector's work.
fn step<B: Barrier>(cx: &mut Mutator<'_, B>) {
    cx.step(Budget::work(1));
}

/// Steps to the end of the cycle.
fn finish<B: Barrier>(cx: &mut Mutator<'_, B>) {
    while !cx.step(Budget::work(1)).cycle_ended {}
}

/// Runs `f` for each number of steps into a cycle, each in a fresh heap, until that is more than a cycle has.
fn at_each_step<B: Barrier>(mut f: impl FnMut(&mut Mutator<'_, B>, &dyn Fn(&mut Mutator<'_, B>) -> bool)) {
    for steps in 0.. {
        let ended = std::cell::Cell::new(false);
        let advance = |cx: &mut Mutator<'_, B>| {
            for _ in 0..steps {
                if cx.step(Budget::work(1)).cycle_ended {
                    ended.set(true);
                    return true;
                }
            }
            false
        };
        heap::<B>().enter(|cx| f(cx, &advance));
        if ended.get() {
            return;
        }
    }
}

/// Random numbers that are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// An object with a canary and a field.
#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    canary: u64,
    next: Slot<Option<Gc<'gc, Node<'gc>>>>,
}

fn node<'a, B: Barrier>(cx: &'a Mutator<'_, B>, number: u64) -> Gc<'a, Node<'a>> {
    cx.alloc(Node { number, canary: !number, next: Slot::new(None) })
}

/// Returns whether the node is alive and what it was.
#[track_caller]
fn intact(node: Gc<'_, Node<'_>>, number: u64) {
    assert_eq!((node.number, node.canary), (number, !number), "freed, or another object");
}

mod map {
    use super::*;

    type Names<'gc> = Map<'gc, Str<'gc>, Gc<'gc, Node<'gc>>>;
    type Numbers<'gc> = Map<'gc, u64, Gc<'gc, Node<'gc>>>;

    each_policy! {
        /// Nodes and names that only the map holds survive, whatever is done to the map between two steps.
        fn random_operations<B>() {
            for seed in 1..=6 {
                let mut random = Random(0x9e37_79b9_7f4a_7c15 >> seed);
                let mut model: HashMap<String, u64> = HashMap::new();
                heap_for::<B>(seed).enter(|cx| {
                    let map = cx.alloc(Map::<'_, _, Gc<'_, Node<'_>>>::new());
                    let map = cx.root::<Gc<'_, Names<'_>>>(map);
                    let keys = if seed % 2 == 0 { 30 } else { 2000 };
                    // One begins with as many as a table holds: it has parts soon.
                    for n in 0..if seed == 5 { 7100 } else { 0 } {
                        let (text, number) = (format!("p{n}"), 1_000_000 + n);
                        map.get(cx).insert(cx, cx.intern(&text), node(cx, number));
                        model.insert(text, number);
                    }
                    for round in 0..4000u64 {
                        let text = format!("k{}", random.below(keys));
                        {
                            let map = map.get(cx);
                            let old = match random.below(8) {
                                0 => {
                                    let old = map.remove(cx, cx.intern(&text));
                                    assert_eq!(old.map(|n| n.number), model.remove(&text));
                                    old
                                }
                                1 => {
                                    // A value moves from one key to another, through a register only.
                                    let from = format!("k{}", random.below(keys));
                                    let moved = map.remove(cx, cx.intern(&from));
                                    if let Some(node) = moved {
                                        model.insert(text.clone(), model[&from]);
                                        if from != text {
                                            model.remove(&from);
                                        }
                                        map.insert(cx, cx.alloc_str(&text), node);
                                    }
                                    moved
                                }
                                2 => map.replace(cx, cx.intern(&text), node(cx, round)).inspect(|old| {
                                    assert_eq!(model.insert(text.clone(), round), Some(old.number));
                                }),
                                3 if round % 64 == 3 => {
                                    map.shrink_to_fit(cx);
                                    None
                                }
                                3 if round % 512 == 4 => {
                                    map.clear(cx);
                                    model.clear();
                                    None
                                }
                                3 if round % 16 == 5 => map.pop(cx).map(|(name, node)| {
                                    assert_eq!(model.remove(name.as_str()), Some(node.number));
                                    node
                                }),
                                3 if round % 256 == 6 => {
                                    // Some values change their keys, and some go.
                                    let mut last = None;
                                    map.retain(cx, |name, node| {
                                        assert_eq!(model[name.as_str()], node.number);
                                        if let Some((name, old)) = last.take().filter(|_| node.number % 2 == 0) {
                                            map.replace(cx, name, node);
                                            model.insert(name.as_str().to_owned(), node.number);
                                            intact(old, old.number);
                                        }
                                        let keeps = node.number % 16 != 0;
                                        if keeps {
                                            last = Some((name, node));
                                        } else {
                                            model.remove(name.as_str());
                                        }
                                        keeps
                                    });
                                    None
                                }
                                3 if round % 512 == 7 => {
                                    let mut drain = map.drain(cx);
                                    for (name, node) in drain.by_ref().take(20) {
                                        assert_eq!(model.remove(name.as_str()), Some(node.number));
                                    }
                                    std::mem::forget(drain);
                                    None
                                }
                                _ => {
                                    let old = map.insert(cx, cx.intern(&text), node(cx, round));
                                    assert_eq!(old.map(|n| n.number), model.insert(text, round));
                                    old
                                }
                            };
                            if let Some(old) = old {
                                intact(old, old.number);
                            }
                        }
                        for _ in 0..random.below(4) {
                            step(cx);
                        }
                        if round % 97 == 0 {
                            let map = map.get(cx);
                            assert_eq!(map.len(), model.len());
                            for (name, node) in map.iter() {
                                intact(node, model[name.as_str()]);
                            }
                        }
                    }
                    cx.collect();
                    let map = map.get(cx);
                    assert_eq!(map.iter().count(), model.len());
                    for (name, number) in &model {
                        intact(map.get(cx.intern(name)).unwrap(), *number);
                    }
                });
            }
        }

        /// A map that is rehashed in the middle of its scan, at every possible step, loses nothing.
        fn moves_in_mid_scan<B>() {
            for how in 0..3 {
                at_each_step::<B>(|cx, advance| {
                    let map = cx.alloc(Map::new());
                    let map = cx.root::<Gc<'_, Numbers<'_>>>(map);
                    let count: u64 = 448;
                    for n in 0..count {
                        map.get(cx).insert(cx, n, node(cx, n));
                    }
                    if how == 2 {
                        for n in 100..count {
                            map.get(cx).remove(cx, n);
                        }
                    }
                    advance(cx);
                    let mut kept = if how == 2 { 100 } else { count };
                    match how {
                        0 => {
                            map.get(cx).insert(cx, kept, node(cx, kept));
                            kept += 1;
                        }
                        1 => map.get(cx).try_reserve(cx, 5000).unwrap(),
                        _ => map.get(cx).shrink_to_fit(cx),
                    }
                    finish(cx);
                    let map = map.get(cx);
                    assert_eq!(map.len() as u64, kept);
                    (0..kept).for_each(|n| intact(map.get(n).unwrap(), n));
                });
            }
        }

        /// A map that gets one part more in the middle of its scan, or one fewer, loses nothing.
        fn parts_in_mid_scan<B>() {
            for (how, before) in [(0, 7168), (1, 7500), (1, 15_000)] {
                let mut steps = 0;
                loop {
                    let ended = heap::<B>().enter(|cx| {
                        let map = cx.alloc(Map::new());
                        let map = cx.root::<Gc<'_, Numbers<'_>>>(map);
                        for n in 0..before {
                            map.get(cx).insert(cx, n, node(cx, n));
                        }
                        let mut kept = before;
                        if how == 1 {
                            kept = before * 3 / 5;
                            for n in kept..before {
                                map.get(cx).remove(cx, n);
                            }
                        }
                        let ended = (0..steps).any(|_| cx.step(Budget::work(8000)).cycle_ended);
                        if how == 0 {
                            map.get(cx).insert(cx, before, node(cx, before));
                            kept += 1;
                        } else {
                            map.get(cx).shrink_to_fit(cx);
                        }
                        cx.verify().unwrap();
                        finish(cx);
                        (0..kept).for_each(|n| intact(map.get(cx).get(n).unwrap(), n));
                        ended
                    });
                    if ended {
                        break;
                    }
                    steps += 1;
                }
                assert!(steps > 20 || B::NAME == StopTheWorld::NAME, "{steps} steps");
            }
        }

        /// Entries are taken out of one map, by `pop`, `drain` or `retain`, and go to another, at every possible step.
        fn entries_go_to_another_map<B>() {
            for how in 0..3 {
                for first in [true, false] {
                    at_each_step::<B>(|cx, advance| {
                        let maps = [cx.alloc(Map::new()), cx.alloc(Map::new())];
                        let [a, b] = maps.map(|map| cx.root::<Gc<'_, Numbers<'_>>>(map));
                        // Which of them is scanned first.
                        let (from, to) = if first { (a, b) } else { (b, a) };
                        for n in 0..300 {
                            from.get(cx).insert(cx, n, node(cx, n));
                            to.get(cx).insert(cx, 1000 + n, node(cx, 1000 + n));
                        }
                        advance(cx);
                        {
                            let (from, to) = (from.get(cx), to.get(cx));
                            match how {
                                0 => {
                                    while from.len() > 100 {
                                        let (n, node) = from.pop(cx).unwrap();
                                        to.insert(cx, n, node);
                                    }
                                }
                                1 => from.drain(cx).take(200).for_each(|(n, node)| {
                                    to.insert(cx, n, node);
                                }),
                                _ => from.retain(cx, |n, node| {
                                    to.insert(cx, n, node);
                                    n >= 200
                                }),
                            }
                        }
                        finish(cx);
                        let (from, to) = (from.get(cx), to.get(cx));
                        (0..300).for_each(|n| intact(to.get(1000 + n).unwrap(), 1000 + n));
                        from.iter().chain(to.iter()).for_each(|(n, node)| intact(node, n));
                        assert_eq!((from.len(), to.len()), [(100, 500), (0, 500), (100, 600)][how]);
                    });
                }
            }
        }

        /// The only pointer to a node moves from an unscanned bucket to a scanned one, at every possible step.
        fn an_entry_moves_between_buckets<B>() {
            at_each_step::<B>(|cx, advance| {
                let map = cx.alloc(Map::new());
                let map = cx.root::<Gc<'_, Numbers<'_>>>(map);
                for n in 0..400 {
                    map.get(cx).insert(cx, n, node(cx, n));
                }
                advance(cx);
                {
                    let map = map.get(cx);
                    for n in (0..400).step_by(2) {
                        let (a, b) = (map.get(n).unwrap(), map.remove(cx, n + 1).unwrap());
                        map.insert(cx, n, b);
                        map.insert(cx, n + 1, a);
                    }
                }
                finish(cx);
                let map = map.get(cx);
                (0..400).for_each(|n| intact(map.get(n).unwrap(), n ^ 1));
            });
        }

        /// Keys and values that a map no longer holds are freed, and so is a map that nothing holds.
        fn garbage_is_freed<B>() {
            heap::<B>().enter(|cx| {
                let map = cx.alloc(Map::new());
                let map = cx.root::<Gc<'_, Numbers<'_>>>(map);
                for n in 0..1000 {
                    map.get(cx).insert(cx, n, node(cx, n));
                }
                cx.collect();
                let before = cx.stats();
                for n in 0..500 {
                    map.get(cx).remove(cx, n);
                }
                map.get(cx).insert(cx, 500, node(cx, 500));
                cx.collect();
                assert_eq!(cx.stats().objects_freed() - before.objects_freed(), 501);
            });
        }

        /// A key is kept alive by its entry, and found by another string of the same text.
        fn keys_are_kept<B>() {
            heap::<B>().enter(|cx| {
                let map = cx.alloc(Map::new());
                let map = cx.root::<Gc<'_, Map<'_, Str<'_>, u64>>>(map);
                for n in 0..300 {
                    map.get(cx).insert(cx, cx.intern(&format!("{n}")), n);
                    step(cx);
                }
                cx.collect();
                assert_eq!(cx.interned_count(), 300);
                for n in 0..300 {
                    assert_eq!(map.get(cx).get(cx.alloc_str(&format!("{n}"))), Some(n));
                }
            });
        }
    }

    /// The table's memory counts while it is there, however the object is swept.
    #[test]
    fn memory_is_accounted_for() {
        for sweep in [Sweep::Concurrent, Sweep::Lazy, Sweep::Eager] {
            let mut heap = Heap::builder().sweep(sweep).automatic(false).build().unwrap();
            heap.enter(|cx| {
                for _ in 0..20_000 {
                    let map: Gc<'_, Map<'_, u64, u64>> = cx.alloc(Map::new());
                    for n in 0..10 {
                        map.insert(cx, n, n);
                    }
                }
                let full = cx.stats().bytes_external();
                assert!(full >= 20_000 * 10 * 16, "{full}");
                let kept: Gc<'_, Map<'_, u64, u64>> = cx.alloc(Map::new());
                kept.insert(cx, 1, 1);
                let one = cx.stats().bytes_external() - full;
                let _kept = cx.root(kept);
                cx.collect();
                assert_eq!(cx.stats().bytes_external(), one);
            });
        }
    }

    /// The memory of a map of many parts counts while it is there, whatever becomes of the map.
    #[test]
    fn parts_are_accounted_for() {
        let mut heap = Heap::builder().automatic(false).build().unwrap();
        heap.enter(|cx| {
            let map = cx.alloc(Map::new());
            let map = cx.root::<Gc<'_, Map<'_, u64, u64>>>(map);
            let external = |cx: &Mutator<'_, _>| cx.stats().bytes_external();
            for n in 0..30_000 {
                map.get(cx).insert(cx, n, n);
            }
            let full = external(cx);
            assert!((30_000 * 17..30_000 * 64).contains(&full), "{full}");
            for n in 0..29_000 {
                map.get(cx).remove(cx, n);
            }
            assert_eq!(external(cx), full);
            map.get(cx).shrink_to_fit(cx);
            let shrunk = external(cx);
            assert!(shrunk < 1000 * 64, "{shrunk}");
            map.get(cx).try_reserve(cx, 100_000).unwrap();
            assert!(external(cx) > full);
            map.get(cx).clear(cx);
            assert_eq!(external(cx), 0);
            let lost: Gc<'_, Map<'_, u64, u64>> = cx.alloc(Map::new());
            for n in 0..30_000 {
                lost.insert(cx, n, n);
            }
            assert_eq!(external(cx), full);
            cx.collect();
            assert_eq!(external(cx), 0);
        });
    }

    /// At the limit an insertion is refused and the map is what it was, whether a table or a part is to be made.
    #[test]
    fn a_map_that_cannot_grow_is_what_it_was() {
        for limit in [300_000, 1_000_000, 3_000_000] {
            let mut heap = Heap::builder().automatic(false).limit(limit).build().unwrap();
            heap.enter(|cx| {
                let map: Gc<'_, Map<'_, u64, u64>> = cx.alloc(Map::new());
                let full = (0..).find(|n| map.try_insert(cx, *n, *n).is_err()).unwrap();
                assert_eq!((map.len() as u64, map.iter().count() as u64), (full, full));
                assert!(map.try_reserve(cx, 1 << 20).is_err());
                assert!((0..full).all(|n| map.get(n) == Some(n)) && !map.contains_key(full));
                assert!(cx.stats().bytes_external() <= limit as u64);
                assert!((0..full).all(|n| map.remove(cx, n) == Some(n)) && map.is_empty());
            });
        }
    }

    /// A work list may be of any length; values taken from its front are not visited again.
    #[test]
    fn a_map_is_a_work_list() {
        let count = if cfg!(miri) { 3000 } else { 200_000u64 };
        Heap::new().enter(|cx| {
            let map: Gc<'_, Map<'_, u64, ()>> = cx.alloc(Map::new());
            for n in 0..count {
                map.insert(cx, n, ());
            }
            let mut sum = 0;
            while let Some((n, ())) = map.iter().next() {
                map.remove(cx, n);
                sum += n;
            }
            assert_eq!((sum, map.pop(cx)), (count * (count - 1) / 2, None));
        });
    }

    /// Entries inserted while a map is drained are taken out too; a drain that is forgotten leaves the rest.
    #[test]
    fn drains_may_be_forgotten_and_fed() {
        Heap::new().enter(|cx| {
            let map: Gc<'_, Map<'_, u64, u64>> = cx.alloc(Map::new());
            map.insert(cx, 40, 0);
            let sum: u64 = map
                .drain(cx)
                .map(|(n, _)| {
                    if n > 0 {
                        map.insert(cx, n - 1, 0);
                    }
                    n
                })
                .sum();
            assert_eq!((sum, map.len()), (820, 0));
            for n in 0..100 {
                map.insert(cx, n, n);
            }
            let mut drain = map.drain(cx);
            assert!(drain.next().is_some());
            std::mem::forget(drain);
            assert_eq!(map.len(), 99);
            drop(map.drain(cx));
            assert!(map.is_empty());
        });
    }

    /// Changes that `keep` makes to the map are kept, and after a panic in `keep` the entries that it did not see are
    /// left.
    #[test]
    fn retain_is_reentrant() {
        Heap::new().enter(|cx| {
            let map: Gc<'_, Map<'_, u64, u64>> = cx.alloc(Map::new());
            map.try_reserve(cx, 2000).unwrap();
            for n in 0..100 {
                map.insert(cx, n, n);
            }
            map.retain(cx, |n, _| {
                // Removed by hand, given another value, and put in anew.
                map.remove(cx, n);
                if n % 2 == 0 {
                    map.insert(cx, n, 1000 + n);
                }
                n % 4 != 0
            });
            assert!((0..100).all(|n| map.get(n) == (n % 4 == 2).then_some(1000 + n)));
            let mut first = true;
            map.retain(cx, |_, _| {
                if std::mem::take(&mut first) {
                    map.clear(cx);
                    for n in 0..3000 {
                        map.insert(cx, n, n);
                    }
                }
                true
            });
            assert_eq!(map.len(), 3000);
            let mut asked = 0;
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                map.retain(cx, |_, _| {
                    asked += 1;
                    assert!(asked < 10, "enough");
                    false
                });
            }));
            assert!(caught.is_err());
            assert_eq!((map.len(), map.iter().count()), (2991, 2991));
        });
    }

    /// Dead tables are not taken for live bytes: the heap's goal does not run away.
    #[test]
    fn garbage_tables_do_not_raise_the_goal() {
        let mut heap = Heap::builder().floor(1 << 20).build().unwrap();
        heap.enter(|cx| {
            let mut most = 0;
            for _ in 0..40_000 {
                let map: Gc<'_, Map<'_, u64, u64>> = cx.alloc(Map::new());
                for n in 0..100 {
                    map.insert(cx, n, n);
                }
                cx.safepoint();
                most = most.max(cx.stats().bytes_external());
            }
            assert!(cx.stats().cycles() > 10);
            assert!(most < 32 << 20, "{most} bytes of tables, nearly all of them garbage");
        });
    }

    /// A heap whose limit is reached by garbage tables is not full.
    #[test]
    fn garbage_tables_do_not_fill_the_heap() {
        let mut heap = Heap::builder().limit(4 << 20).build().unwrap();
        heap.enter(|cx| {
            for _ in 0..10_000 {
                let map: Gc<'_, Map<'_, u64, u64>> = cx.alloc(Map::new());
                if (0..100).any(|n| map.try_insert(cx, n, n).is_err()) {
                    cx.collect();
                }
                cx.safepoint();
            }
            let map: Gc<'_, Map<'_, u64, u64>> = cx.alloc(Map::new());
            assert_eq!(map.try_insert(cx, 1, 1), Ok(None));
        });
    }

    /// A panic in `update`, and a map that is used inside of it.
    #[test]
    fn update_is_reentrant() {
        Heap::new().enter(|cx| {
            let map: Gc<'_, Map<'_, (bool, char), i64>> = cx.alloc(Map::new());
            let got = map.update(cx, (true, 'a'), |old| {
                assert_eq!(old, None);
                for n in 0..100 {
                    map.insert(cx, (false, char::from(n)), 1);
                }
                map.update(cx, (true, 'a'), |_| 5) + 1
            });
            assert_eq!((got, map.get((true, 'a')), map.len()), (6, Some(6), 101));
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                map.update(cx, (true, 'b'), |_| panic!("no value"));
            }));
            assert!(caught.is_err() && !map.contains_key((true, 'b')));
        });
    }

    #[test]
    fn identity_is_by_object() {
        Heap::new().enter(|cx| {
            let map: Gc<'_, Map<'_, Option<Identity<'_, StrObject>>, i64>> = cx.alloc(Map::new());
            let (a, b) = (Str::as_gc(cx.alloc_str("x")), Str::as_gc(cx.alloc_str("x")));
            map.insert(cx, Some(Identity(a)), 1);
            map.insert(cx, None, 2);
            assert_eq!([Some(a), Some(b), None].map(|key| map.get(key.map(Identity))), [Some(1), None, Some(2)]);
        });
    }
}

mod ephemeron {
    use super::*;

    type Link<'gc> = Gc<'gc, Node<'gc>>;
    type Pair<'gc> = Ephemeron<'gc, Node<'gc>, Link<'gc>>;
    type Pairs<'gc> = Array<'gc, Slot<Option<Pair<'gc>>>>;
    type Links<'gc> = Array<'gc, Slot<Option<Link<'gc>>>>;

    /// Makes a chain of ephemerons: the value of each is the key of the next. They lie in an order against the chain,
    /// or mixed.
    fn chain<'a, B: Barrier>(cx: &'a Mutator<'_, B>, count: usize, mixed: bool) -> (Pairs<'a>, Link<'a>) {
        let pairs: Pairs<'_> = cx.alloc_array(count, |_| Slot::new(None));
        let first = node(cx, 0);
        let mut key = first;
        for n in 0..count {
            let value = node(cx, n as u64 + 1);
            let at = if mixed { n * 7919 % count } else { count - 1 - n };
            pairs.as_slice()[at].set(cx, Some(cx.alloc_ephemeron(key, value)));
            key = value;
        }
        (pairs, first)
    }

    each_policy! {
        fn a_chain_lives_by_its_first_key<B>() {
            for (count, mixed) in [(1, false), (60, false), (97, true)] {
                heap::<B>().enter(|cx| {
                    let pairs = cx.scope(|cx, out| {
                        let (pairs, first) = chain(cx, count, mixed);
                        let (pairs, _first) = (out.keep(cx, pairs), cx.root(first));
                        for _ in 0..2 {
                            finish(cx);
                            for pair in pairs.get(cx).as_slice() {
                                let pair = pair.get().unwrap();
                                let key = pair.key(cx).unwrap();
                                intact(key, key.number);
                                intact(pair.value(cx).unwrap(), key.number + 1);
                            }
                        }
                        pairs
                    });
                    cx.collect();
                    for pair in pairs.get(cx).as_slice() {
                        let pair = pair.get().unwrap();
                        assert!(pair.key(cx).is_none() && pair.value(cx).is_none());
                        assert!(!pair.set(cx, node(cx, 5)));
                    }
                    assert!(cx.stats().objects_freed() as usize > count);
                });
            }
        }

        /// Twice the chain takes twice the work, in whatever order the ephemerons lie.
        fn marking_is_linear<B>() {
            let work = |count| {
                heap::<B>().enter(|cx| {
                    let (pairs, first) = chain(cx, count, false);
                    let _roots = cx.root((pairs, first));
                    let mut work = 0;
                    loop {
                        let progress = cx.step(Budget::work(1 << 12));
                        work += progress.work;
                        if progress.cycle_ended {
                            return work;
                        }
                    }
                })
            };
            let (one, two) = (work(4_000), work(8_000));
            assert!(two < one * 5 / 2, "{one} {two}");
        }

        /// Two ephemerons, of which each has the other's key as its value.
        fn cycles<B>() {
            heap::<B>().enter(|cx| {
                let (ab, ba) = cx.scope(|cx, out| {
                    let (a, b) = (node(cx, 1), node(cx, 2));
                    let (a, b) = (cx.root(a), cx.root(b));
                    let ab = out.keep(cx, cx.alloc_ephemeron(a.get(cx), b.get(cx)));
                    let ba = out.keep(cx, cx.alloc_ephemeron(b.get(cx), a.get(cx)));
                    let aa = cx.root(cx.alloc_ephemeron(a.get(cx), a.get(cx)));
                    for _ in 0..3 {
                        finish(cx);
                        intact(ab.get(cx).value(cx).unwrap(), 2);
                        intact(ba.get(cx).value(cx).unwrap(), 1);
                        intact(aa.get(cx).value(cx).unwrap(), 1);
                    }
                    (ab, ba)
                });
                cx.collect();
                assert!(ab.get(cx).value(cx).is_none() && ba.get(cx).value(cx).is_none());
            });
        }

        /// Many ephemerons with one key, some of them dead, and a key that is marked before they are reached.
        fn many_on_one_key<B>() {
            at_each_step::<B>(|cx, advance| {
                let key = cx.root(node(cx, 0));
                let pairs: Pairs<'_> =
                    cx.alloc_array(20, |n| Slot::new(Some(cx.alloc_ephemeron(key.get(cx), node(cx, n as u64)))));
                let pairs = cx.root(pairs);
                advance(cx);
                pairs.get(cx).as_slice()[3].set(cx, None);
                pairs.get(cx).as_slice()[4].set(cx, Some(cx.alloc_ephemeron(key.get(cx), node(cx, 40))));
                finish(cx);
                for (n, pair) in pairs.get(cx).as_slice().iter().enumerate().filter(|(n, _)| *n != 3) {
                    intact(pair.get().unwrap().value(cx).unwrap(), if n == 4 { 40 } else { n as u64 });
                }
            });
        }

        /// A value that is read and kept while its key is about to die; a key likewise.
        fn what_is_read_lives<B>() {
            for keep_key in [false, true] {
                at_each_step::<B>(|cx, advance| {
                    let pair = cx.root(cx.alloc_ephemeron(node(cx, 1), node(cx, 2)));
                    pair.get(cx).value(cx).unwrap().next.set(cx, Some(node(cx, 3)));
                    let holder = cx.root(node(cx, 0));
                    advance(cx);
                    let kept = if keep_key { pair.get(cx).key(cx) } else { pair.get(cx).value(cx) };
                    holder.get(cx).next.set(cx, kept);
                    let kept = kept.is_some();
                    for _ in 0..2 {
                        finish(cx);
                        let number = if keep_key { 1 } else { 2 };
                        assert_eq!(holder.get(cx).next.get().is_some(), kept);
                        if let Some(node) = holder.get(cx).next.get() {
                            intact(node, number);
                        }
                        if keep_key && kept {
                            intact(pair.get(cx).value(cx).unwrap(), 2);
                        }
                        if let Some(value) = pair.get(cx).value(cx) {
                            intact(value.next.get().unwrap(), 3);
                        }
                    }
                    cx.collect();
                    assert_eq!(pair.get(cx).key(cx).is_some(), keep_key && kept);
                });
            }
        }

        /// An ephemeron that is allocated while the collector marks, with a key that is about to die.
        fn new_while_marking<B>() {
            for drop_key in [false, true] {
                at_each_step::<B>(|cx, advance| {
                    let old = cx.root(cx.alloc_ephemeron(node(cx, 1), node(cx, 2)));
                    let holder = cx.root(node(cx, 0));
                    advance(cx);
                    let key = old.get(cx).key(cx);
                    let new = key.map(|key| cx.root(cx.alloc_ephemeron(key, node(cx, 9))));
                    if !drop_key {
                        holder.get(cx).next.set(cx, key);
                    }
                    finish(cx);
                    if let Some(new) = new {
                        if !drop_key {
                            intact(new.get(cx).key(cx).unwrap(), 1);
                        }
                        if let Some(value) = new.get(cx).value(cx) {
                            intact(value, 9);
                        }
                        cx.collect();
                        cx.collect();
                        assert_eq!(new.get(cx).value(cx).is_some(), !drop_key);
                    }
                });
            }
        }

        /// The value is replaced while the collector marks.
        fn set_while_marking<B>() {
            at_each_step::<B>(|cx, advance| {
                let key = cx.root(node(cx, 1));
                let pair = cx.root(cx.alloc_ephemeron(key.get(cx), node(cx, 2)));
                let other = cx.root(cx.alloc_ephemeron(key.get(cx), node(cx, 3)));
                advance(cx);
                {
                    // The values change places, through registers.
                    let (a, b) = (pair.get(cx).value(cx).unwrap(), other.get(cx).value(cx).unwrap());
                    assert!(pair.get(cx).set(cx, b) && other.get(cx).set(cx, a));
                }
                finish(cx);
                intact(pair.get(cx).value(cx).unwrap(), 3);
                intact(other.get(cx).value(cx).unwrap(), 2);
            });
        }

        /// Random graphs against a model that knows what should live.
        fn random_operations<B>() {
            for seed in 1..=4 {
                let mut random = Random(0x9e37_79b9_7f4a_7c15 >> seed);
                // The model: what nodes point to, what slots hold, and the pairs as (key, value).
                let mut next: HashMap<u64, Option<u64>> = HashMap::new();
                let (mut slots, mut pairs) = ([None::<u64>; 8], [None::<(u64, u64)>; 12]);
                heap_for::<B>(seed).enter(|cx| {
                    let heap_slots: Links<'_> = cx.alloc_array(8, |_| Slot::new(None));
                    let heap_slots = cx.root(heap_slots);
                    let heap_pairs: Pairs<'_> = cx.alloc_array(12, |_| Slot::new(None));
                    let heap_pairs = cx.root(heap_pairs);
                    for round in 0..6000u64 {
                        let (a, b, p) = (random.below(8), random.below(8), random.below(12));
                        {
                            let links = heap_slots.get(cx).as_slice();
                            let pair_slots = heap_pairs.get(cx).as_slice();
                            let (at_a, at_b) = (links[a].get(), links[b].get());
                            assert_eq!(at_a.map(|n| n.number), slots[a]);
                            match (random.below(8), at_a, at_b) {
                                (0, ..) => {
                                    links[a].set(cx, Some(node(cx, round)));
                                    slots[a] = Some(round);
                                    next.insert(round, None);
                                }
                                (1, ..) => {
                                    links[a].set(cx, None);
                                    slots[a] = None;
                                }
                                (2, Some(from), to) => {
                                    from.next.set(cx, to);
                                    next.insert(from.number, slots[b]);
                                }
                                (3, Some(from), _) => {
                                    links[b].set(cx, from.next.get());
                                    slots[b] = next[&from.number];
                                }
                                (4, Some(key), Some(value)) => {
                                    pair_slots[p].set(cx, Some(cx.alloc_ephemeron(key, value)));
                                    pairs[p] = Some((key.number, value.number));
                                }
                                (5, ..) => {
                                    if let Some(key) = pair_slots[p].get().and_then(|pair| pair.key(cx)) {
                                        intact(key, pairs[p].unwrap().0);
                                        links[a].set(cx, Some(key));
                                        slots[a] = Some(key.number);
                                    }
                                }
                                (6, ..) => {
                                    if let Some(value) = pair_slots[p].get().and_then(|pair| pair.value(cx)) {
                                        intact(value, pairs[p].unwrap().1);
                                        links[a].set(cx, Some(value));
                                        slots[a] = Some(value.number);
                                    }
                                }
                                (7, Some(value), _) => {
                                    if let Some(pair) = pair_slots[p].get()
                                        && pair.set(cx, value)
                                    {
                                        pairs[p].as_mut().unwrap().1 = value.number;
                                    }
                                }
                                _ => {}
                            }
                        }
                        for _ in 0..random.below(5) {
                            step(cx);
                        }
                        if round % 16 == 0 {
                            cx.verify().unwrap();
                        }
                        if round % 128 == 0 {
                            cx.collect();
                            let mut live: Vec<u64> = slots.iter().flatten().copied().collect();
                            let mut at = 0;
                            loop {
                                while at < live.len() {
                                    live.extend(next[&live[at]].filter(|n| !live.contains(n)));
                                    at += 1;
                                }
                                let mut more = pairs.iter().flatten();
                                let more = more.find(|(key, value)| live.contains(key) && !live.contains(value));
                                let Some((_, value)) = more else { break };
                                live.push(*value);
                            }
                            for (pair, model) in heap_pairs.get(cx).as_slice().iter().zip(&mut pairs) {
                                let value = pair.get().and_then(|pair| pair.value(cx));
                                *model = model.filter(|(key, _)| live.contains(key));
                                assert_eq!(value.map(|n| n.number), model.map(|(_, value)| value));
                                value.inspect(|n| intact(*n, n.number));
                            }
                        }
                    }
                });
            }
        }
    }
}

mod guardian {
    use super::*;

    type Nodes = Guardian<Node<'static>>;

    /// Three nodes in a circle, the first of which is returned.
    fn circle<'a, B: Barrier>(cx: &'a Mutator<'_, B>, number: u64) -> Gc<'a, Node<'a>> {
        let nodes = [0, 1, 2].map(|n| node(cx, number + n));
        (0..3).for_each(|n| nodes[n].next.set(cx, Some(nodes[(n + 1) % 3])));
        nodes[0]
    }

    fn intact_circle(first: Gc<'_, Node<'_>>, number: u64) {
        let mut at = first;
        for n in [0, 1, 2, 0] {
            intact(at, number + n);
            at = at.next.get().unwrap();
        }
    }

    each_policy! {
        /// An object comes back when nothing else keeps it alive, and not before; with all it points to; once.
        fn comes_back_when_dropped<B>() {
            at_each_step::<B>(|cx, advance| {
                let guardian = Nodes::new(cx);
                let holder = cx.root(node(cx, 0));
                holder.get(cx).next.set(cx, Some(circle(cx, 1)));
                guardian.register(cx, holder.get(cx).next.get().unwrap());
                finish(cx);
                assert!(guardian.next(cx).is_none());
                advance(cx);
                holder.get(cx).next.set(cx, None);
                finish(cx);
                cx.collect();
                cx.verify().unwrap();
                assert_eq!(guardian.guarded(cx), 1);
                let freed = cx.stats().objects_freed();
                {
                    let back = guardian.next(cx).unwrap();
                    intact_circle(back, 1);
                    holder.get(cx).next.set(cx, Some(back));
                }
                assert!(guardian.next(cx).is_none());
                cx.collect();
                intact_circle(holder.get(cx).next.get().unwrap(), 1);
                holder.get(cx).next.set(cx, None);
                cx.collect();
                assert!(guardian.next(cx).is_none());
                assert_eq!(cx.stats().objects_freed() - freed, 3);
            });
        }

        /// Objects that reach each other come back together, and in both guardians.
        fn all_at_once<B>() {
            heap::<B>().enter(|cx| {
                let (one, other) = (Nodes::new(cx), Nodes::new(cx));
                let first = circle(cx, 1);
                let second = first.next.get().unwrap();
                let third = second.next.get().unwrap();
                [first, second, third].into_iter().for_each(|node| one.register(cx, node));
                other.register(cx, second);
                other.register(cx, second);
                finish(cx);
                let mut numbers: Vec<u64> = std::iter::from_fn(|| one.next(cx).map(|node| node.number)).collect();
                numbers.sort_unstable();
                assert_eq!(numbers, [1, 2, 3]);
                for _ in 0..2 {
                    intact_circle(other.next(cx).unwrap().next.get().unwrap().next.get().unwrap(), 1);
                }
                assert!(other.next(cx).is_none());
            });
        }

        /// An object that waits in the queue is alive, at whatever step of a later cycle it is taken and wherever it is
        /// put.
        fn taken_while_marking<B>() {
            at_each_step::<B>(|cx, advance| {
                let guardian = Nodes::new(cx);
                let holder = cx.root(node(cx, 0));
                (0..4).for_each(|n| guardian.register(cx, circle(cx, 10 * n)));
                cx.collect();
                advance(cx);
                {
                    let (a, b) = (guardian.next(cx).unwrap(), guardian.next(cx).unwrap());
                    intact_circle(a, a.number);
                    holder.get(cx).next.set(cx, Some(a));
                    a.next.get().unwrap().next.get().unwrap().next.set(cx, Some(b));
                }
                let c = cx.root(guardian.next(cx).unwrap());
                finish(cx);
                cx.verify().unwrap();
                let a = holder.get(cx).next.get().unwrap();
                let third = a.next.get().unwrap().next.get().unwrap();
                intact(third, a.number + 2);
                let b = third.next.get().unwrap();
                intact_circle(b, b.number);
                intact_circle(c.get(cx), c.get(cx).number);
                let d = guardian.next(cx).unwrap();
                intact_circle(d, d.number);
                assert!(guardian.next(cx).is_none());
            });
        }

        /// An object that is registered at any step, and dropped at once, comes back in this cycle or the next.
        fn registered_while_marking<B>() {
            for fresh in [false, true] {
                at_each_step::<B>(|cx, advance| {
                    let guardian = Nodes::new(cx);
                    let holder = cx.root(node(cx, 0));
                    holder.get(cx).next.set(cx, Some(circle(cx, 1)));
                    advance(cx);
                    {
                        let old = holder.get(cx).next.get().unwrap();
                        let inner = old.next.get().unwrap().next.get().unwrap().next.get().unwrap();
                        guardian.register(cx, if fresh { circle(cx, 1) } else { inner });
                        holder.get(cx).next.set(cx, None);
                    }
                    finish(cx);
                    cx.verify().unwrap();
                    cx.collect();
                    intact_circle(guardian.next(cx).unwrap(), 1);
                });
            }
        }

        /// The target of a weak pointer, registered while the collector examines registered objects, is held.
        fn registered_when_looked_at<B>() {
            at_each_step::<B>(|cx, advance| {
                let (one, other) = (Nodes::new(cx), Nodes::new(cx));
                (0..4).for_each(|n| other.register(cx, node(cx, n)));
                let holder = cx.root(node(cx, 0));
                let weak = cx.root(Gc::downgrade(circle(cx, 1), cx));
                advance(cx);
                if let Some(node) = weak.get(cx).upgrade(cx) {
                    one.register(cx, node.next.get().unwrap());
                    holder.get(cx).next.set(cx, Some(node));
                }
                finish(cx);
                assert!(one.next(cx).is_none());
                holder.get(cx).next.get().inspect(|node| intact_circle(*node, 1));
            });
        }

        /// Weak pointers hold until the guardian lets go; ephemerons too.
        fn weak_pointers_hold<B>() {
            at_each_step::<B>(|cx, advance| {
                let guardian = Nodes::new(cx);
                let (weak, pair) = {
                    let key = circle(cx, 1);
                    guardian.register(cx, key);
                    (cx.root(Gc::downgrade(key, cx)), cx.root(cx.alloc_ephemeron(key, circle(cx, 10))))
                };
                advance(cx);
                finish(cx);
                for _ in 0..2 {
                    intact_circle(weak.get(cx).upgrade(cx).unwrap(), 1);
                    intact_circle(pair.get(cx).key(cx).unwrap(), 1);
                    intact_circle(pair.get(cx).value(cx).unwrap(), 10);
                    cx.collect();
                }
                intact_circle(guardian.next(cx).unwrap(), 1);
                cx.collect();
                assert!(weak.get(cx).upgrade(cx).is_none() && pair.get(cx).value(cx).is_none());
            });
        }

        /// The value of an ephemeron whose key is guarded is itself a key, guarded by another.
        fn through_ephemerons<B>() {
            heap::<B>().enter(|cx| {
                let guardian = Nodes::new(cx);
                let (ab, bc) = {
                    let (a, b, c) = (circle(cx, 1), circle(cx, 11), circle(cx, 21));
                    guardian.register(cx, a);
                    (cx.root(cx.alloc_ephemeron(a, b)), cx.root(cx.alloc_ephemeron(b, c)))
                };
                cx.collect();
                intact_circle(ab.get(cx).value(cx).unwrap(), 11);
                intact_circle(bc.get(cx).value(cx).unwrap(), 21);
                guardian.next(cx).unwrap();
                cx.collect();
                assert!(ab.get(cx).value(cx).is_none() && bc.get(cx).value(cx).is_none());
            });
        }

        /// A handle that is dropped, at whatever step and on another thread, guards nothing.
        fn dropped_handle<B>() {
            at_each_step::<B>(|cx, advance| {
                let (guardian, idle) = (Nodes::new(cx), Nodes::new(cx));
                guardian.register(cx, circle(cx, 1));
                cx.collect();
                guardian.register(cx, circle(cx, 11));
                idle.register(cx, circle(cx, 21));
                advance(cx);
                std::thread::spawn(move || drop(guardian)).join().unwrap();
                finish(cx);
                cx.collect();
                cx.verify().unwrap();
                intact_circle(idle.next(cx).unwrap(), 21);
                cx.collect();
                assert_eq!(cx.stats().bytes_live(), 0);
            });
        }

        fn random_operations<B>() {
            for seed in 1..=4 {
                let mut random = Random(0x9e37_79b9_7f4a_7c15 >> seed);
                heap_for::<B>(seed).enter(|cx| {
                    let slots: Array<'_, Slot<Option<Gc<'_, Node<'_>>>>> = cx.alloc_array(8, |_| Slot::new(None));
                    let slots = cx.root(slots);
                    let mut guardians: Vec<Nodes> = (0..3).map(|_| Nodes::new(cx)).collect();
                    let (mut registered, mut back) = (0, 0);
                    for round in 0..6000u64 {
                        {
                            let slots = slots.get(cx).as_slice();
                            let (a, b) = (&slots[random.below(8)], &slots[random.below(8)]);
                            let guardian = random.below(3);
                            match (random.below(7), a.get()) {
                                (0, _) => a.set(cx, Some(node(cx, round))),
                                (1, _) => a.set(cx, None),
                                (2, Some(from)) => from.next.set(cx, b.get()),
                                (3, Some(from)) => b.set(cx, from.next.get()),
                                (4, Some(node)) => {
                                    guardians[guardian].register(cx, node);
                                    registered += 1;
                                }
                                (5, _) => {
                                    if let Some(node) = guardians[guardian].next(cx) {
                                        intact(node, node.number);
                                        a.set(cx, Some(node));
                                        back += 1;
                                    }
                                }
                                (6, _) if round % 64 == 0 => {
                                    registered -= guardians[guardian].guarded(cx);
                                    guardians[guardian] = Nodes::new(cx);
                                }
                                _ => {}
                            }
                            if let Some(node) = b.get() {
                                intact(node, node.number);
                                node.next.get().inspect(|next| intact(*next, next.number));
                            }
                        }
                        for _ in 0..random.below(5) {
                            step(cx);
                        }
                        if round % 16 == 0 {
                            cx.verify().unwrap();
                        }
                    }
                    slots.get(cx).as_slice().iter().for_each(|slot| slot.set(cx, None));
                    // What waits in one guardian's queue keeps what it points to from others.
                    while guardians.iter().any(|guardian| guardian.guarded(cx) > 0) {
                        let before = back;
                        cx.collect();
                        for guardian in &guardians {
                            while let Some(node) = guardian.next(cx) {
                                intact(node, node.number);
                                back += 1;
                            }
                        }
                        assert!(back > before, "something is guarded and does not come back");
                    }
                    assert_eq!(back, registered);
                });
            }
        }
    }

    #[test]
    #[should_panic(expected = "does not belong")]
    fn another_heap() {
        let mut heap = Heap::new();
        let guardian = heap.enter(|cx| Nodes::new(cx));
        Heap::new().enter(|cx| guardian.register(cx, node(cx, 1)));
    }

    #[test]
    fn outlives_its_heap() {
        fn send<T: Send>(value: T) -> T {
            value
        }
        let mut heap = Heap::new();
        let guardian = send(heap.enter(|cx| {
            let guardian = Nodes::new(cx);
            guardian.register(cx, node(cx, 1));
            cx.collect();
            guardian
        }));
        drop(heap);
        drop(guardian);
    }
}

mod list {
    use super::*;

    type Nodes<'gc> = List<'gc, Gc<'gc, Node<'gc>>>;

    each_policy! {
        /// Values that only the list holds survive, whatever is done to it between two steps.
        fn random_operations<B>() {
            for seed in 1..=6 {
                let mut random = Random(0x9e37_79b9_7f4a_7c15 >> seed);
                let mut model: Vec<u64> = Vec::new();
                heap_for::<B>(seed).enter(|cx| {
                    let list = cx.root(cx.alloc(Nodes::new()));
                    let size = if seed % 2 == 0 { 20 } else { 1500 };
                    for round in 0..5000 {
                        {
                            let list = list.get(cx);
                            let (a, b) = (random.below(size), random.below(size));
                            match random.below(16) {
                                0..=3 => {
                                    list.push(cx, node(cx, round));
                                    model.push(round);
                                }
                                4 => assert_eq!(list.pop(cx).map(|node| node.number), model.pop()),
                                5 if a < model.len() && b < model.len() => {
                                    let (at_a, at_b) = (list.get(a).unwrap(), list.get(b).unwrap());
                                    list.set(cx, a, at_b);
                                    list.set(cx, b, at_a);
                                    model.swap(a, b);
                                }
                                6 if !model.is_empty() => {
                                    // The last moves to the front, through a register only.
                                    let last = list.pop(cx).unwrap();
                                    model.pop();
                                    list.push(cx, last);
                                    model.push(last.number);
                                }
                                7 if round % 8 == 0 => {
                                    list.truncate(cx, a);
                                    model.truncate(a);
                                }
                                8 if round % 200 == 0 => {
                                    list.clear(cx);
                                    model.clear();
                                }
                                9 if round % 8 == 0 => list.try_reserve(cx, a).unwrap(),
                                9 if round % 8 == 1 => list.try_shrink_to_fit(cx).unwrap(),
                                10..=11 if a <= model.len() => {
                                    list.insert(cx, a, node(cx, round));
                                    model.insert(a, round);
                                }
                                // What is taken out goes in elsewhere, through a register only.
                                12 if a < model.len() => {
                                    let node = list.remove(cx, a);
                                    assert_eq!(node.number, model.remove(a));
                                    let at = b.min(model.len());
                                    list.insert(cx, at, node);
                                    model.insert(at, node.number);
                                }
                                13 if a < model.len() => {
                                    let node = list.swap_remove(cx, a);
                                    assert_eq!(node.number, model.swap_remove(a));
                                    list.push(cx, node);
                                    model.push(node.number);
                                }
                                14 if round % 16 == 2 => {
                                    list.retain(cx, |node| node.number % 5 != 0 || node.number % 7 == 0);
                                    model.retain(|number| number % 5 != 0 || number % 7 == 0);
                                }
                                14 if round % 16 == 3 && a < b && b <= model.len() && b - a < 100 => {
                                    let taken: Vec<_> = list.drain(cx, a..b).rev().collect();
                                    model.drain(a..b).rev().zip(&taken).for_each(|(n, node)| intact(*node, n));
                                    list.extend(cx, taken.iter().copied());
                                    model.extend(taken.iter().map(|node| node.number));
                                }
                                15 if round % 16 == 4 => {
                                    list.sort_by(cx, |a, b| (a.number % 64).cmp(&(b.number % 64)));
                                    model.sort_by_key(|number| number % 64);
                                }
                                15 if round % 16 == 5 => {
                                    list.reverse(cx);
                                    model.reverse();
                                }
                                _ => {}
                            }
                        }
                        for _ in 0..random.below(4) {
                            step(cx);
                        }
                        if round % 61 == 0 {
                            let list = list.get(cx);
                            assert_eq!(list.len(), model.len());
                            list.iter().zip(&model).for_each(|(node, number)| intact(node, *number));
                        }
                        if round % 256 == 0 {
                            cx.verify().unwrap();
                        }
                    }
                    cx.collect();
                    list.get(cx).iter().zip(&model).for_each(|(node, number)| intact(node, *number));
                });
            }
        }

        /// Values change places and the list moves to another buffer, at every possible step of its scan.
        fn changes_in_mid_scan<B>() {
            for how in 0..9 {
                at_each_step::<B>(|cx, advance| {
                    let list = cx.root(cx.alloc(Nodes::new()));
                    let holder = cx.root(node(cx, 0));
                    for n in 0..512 {
                        list.get(cx).push(cx, node(cx, n));
                    }
                    advance(cx);
                    {
                        let list = list.get(cx);
                        match how {
                            0 => list.push(cx, node(cx, 512)),
                            1 => (0..256).for_each(|n| {
                                let (a, b) = (list.get(n).unwrap(), list.get(511 - n).unwrap());
                                list.set(cx, n, b);
                                list.set(cx, 511 - n, a);
                            }),
                            2 => {
                                // A stack that shrinks far and grows again with the same values.
                                let last: Vec<_> = std::iter::from_fn(|| list.pop(cx)).collect();
                                last.into_iter().for_each(|node| list.push(cx, node));
                            }
                            3 => {
                                holder.get(cx).next.set(cx, list.get(511));
                                list.truncate(cx, 3);
                            }
                            4 => {
                                list.truncate(cx, 300);
                                list.try_shrink_to_fit(cx).unwrap();
                            }
                            5 => holder.get(cx).next.set(cx, Some(list.remove(cx, 0))),
                            6 => list.insert(cx, 0, node(cx, 1000)),
                            7 => list.retain(cx, |node| node.number >= 200),
                            _ => list.sort_by_key(cx, |node| core::cmp::Reverse(node.number)),
                        }
                    }
                    finish(cx);
                    let list = list.get(cx);
                    for (at, node) in list.iter().enumerate() {
                        let n = at as u64;
                        let number = match how {
                            1 | 2 | 8 => 511 - n,
                            5 => n + 1,
                            6 if n == 0 => 1000,
                            6 => n - 1,
                            7 => n + 200,
                            _ => n,
                        };
                        intact(node, number);
                    }
                    assert_eq!(list.len(), [513, 512, 512, 3, 300, 511, 513, 312, 512][how]);
                    if how == 3 || how == 5 {
                        intact(holder.get(cx).next.get().unwrap(), if how == 3 { 511 } else { 0 });
                    }
                });
            }
        }

        fn garbage_is_freed<B>() {
            heap::<B>().enter(|cx| {
                let list = cx.root(cx.alloc(Nodes::new()));
                (0..1000).for_each(|n| list.get(cx).push(cx, node(cx, n)));
                cx.collect();
                let freed = cx.stats().objects_freed();
                list.get(cx).truncate(cx, 400);
                cx.collect();
                assert_eq!(cx.stats().objects_freed() - freed, 600);
                list.get(cx).clear(cx);
                cx.collect();
                assert_eq!(cx.stats().objects_freed() - freed, 1001);
            });
        }
    }

    /// Values of any size, and of none; a slice that is kept over a push.
    #[test]
    fn elements_of_all_sizes() {
        fn check<V>(value: V)
        where
            for<'a> V: Trace<At<'a> = V> + Copy + PartialEq + 'static,
        {
            Heap::new().enter(|cx| {
                let list = cx.root(cx.alloc(List::<'_, V>::new()));
                for n in 0..3000 {
                    list.get(cx).push(cx, value);
                    if n % 100 == 0 {
                        cx.collect();
                    }
                }
                assert!(list.get(cx).iter().rev().all(|v| v == value));
                assert_eq!(list.get(cx).len(), 3000);
            });
        }
        check(());
        check(7u8);
        check([1u8, 2, 3]);
        check((1u64, 2u8));
        check([5u64; 9]);
        Heap::new().enter(|cx| {
            let list: Gc<'_, List<'_, i32>> = cx.alloc(List::new());
            (0..4).for_each(|n| list.push(cx, n));
            let slice = list.as_slice();
            list.push(cx, 4);
            slice[0].set(cx, 100);
            assert_eq!((list.get(0), slice[0].get(), slice.len()), (Some(0), 100, 4));
            assert!(list.try_reserve(cx, usize::MAX / 2).is_err() && list.try_reserve(cx, usize::MAX).is_err());
        });
    }
}

mod tagged {
    use super::*;

    type Value<'gc> = Tagged<'gc, Cell<'gc>>;

    #[derive(Trace)]
    struct Cell<'gc> {
        number: u64,
        next: Slot<Value<'gc>>,
    }

    each_policy! {
        /// A list of tagged words, relinked while it is marked.
        fn relinked_while_marking<B>() {
            at_each_step::<B>(|cx, advance| {
                let list = (0..60).fold(Value::constant(3), |next, number| {
                    cx.alloc(Cell { number, next: Slot::new(next) }).into()
                });
                let list = cx.root(cx.alloc(Slot::new(list)));
                advance(cx);
                {
                    // Reversed in place.
                    let (mut back, mut at) = (Value::constant(3), list.get(cx).get());
                    while let Untagged::Object(cell) = at.get() {
                        at = cell.next.get();
                        cell.next.set(cx, back);
                        back = cell.into();
                    }
                    list.get(cx).set(cx, back);
                }
                finish(cx);
                let mut at = list.get(cx).get();
                for number in 0..60 {
                    let cell = at.as_object().unwrap();
                    assert_eq!(cell.number, number);
                    at = cell.next.get();
                }
                assert_eq!((at.as_constant(), at.as_integer()), (Some(3), None));
            });
        }
    }

    #[test]
    fn keys_of_maps() {
        Heap::new().enter(|cx| {
            let map: Gc<'_, Map<'_, Value<'_>, u32>> = cx.alloc(Map::new());
            let object: Value<'_> = cx.alloc(Cell { number: 1, next: Slot::new(Value::constant(1)) }).into();
            let keys = [object, Value::constant(1), Value::integer(1).unwrap()];
            for n in 0..3 {
                map.insert(cx, keys[n as usize], n);
            }
            assert_eq!(keys.map(|key| map.get(key)), [Some(0), Some(1), Some(2)]);
            assert_eq!(format!("{:?} {:?}", keys[1], keys[2]), "Constant(1) Integer(1)");
        });
    }
}

/// Every collection as a field of a derived type.
#[derive(Trace)]
struct Everything<'gc> {
    map: Gc<'gc, Map<'gc, Str<'gc>, Tagged<'gc, Everything<'gc>>>>,
    by_identity: Slot<Option<Identity<'gc, Everything<'gc>>>>,
    pair: Slot<Option<Ephemeron<'gc, Everything<'gc>, Tagged<'gc, Everything<'gc>>>>>,
    list: List<'gc, Tagged<'gc, Everything<'gc>>>,
    nested: List<'gc, Gc<'gc, List<'gc, u8>>>,
    #[trace(skip)]
    guardian: Box<Guardian<Everything<'static>>>,
}

#[test]
fn fields_of_derived_types() {
    let mut heap = heap::<RootsFirst>();
    heap.enter(|cx| {
        let all = cx.root(cx.alloc(Everything {
            map: cx.alloc(Map::new()),
            by_identity: Slot::new(None),
            pair: Slot::new(None),
            list: List::new(),
            nested: List::default(),
            guardian: Guardian::new(cx).into(),
        }));
        for n in 0..50 {
            {
                let all = all.get(cx);
                all.map.insert(cx, cx.alloc_str(&format!("{n}")), all.into());
                all.by_identity.set(cx, Some(Identity(all)));
                all.pair.set(cx, Some(cx.alloc_ephemeron(all, all.into())));
                all.list.push(cx, Tagged::integer(n).unwrap());
                all.nested.push(cx, cx.alloc(List::new()));
                all.nested.iter().for_each(|list| list.push(cx, n as u8));
                all.guardian.register(cx, all);
            }
            step(cx);
        }
        cx.collect();
        let all = all.get(cx);
        assert_eq!((all.map.len(), all.list.len(), all.nested.get(3).unwrap().len()), (50, 50, 47));
        assert!(all.pair.get().unwrap().key(cx).is_some_and(|key| Gc::ptr_eq(key, all)));
        assert_eq!((all.guardian.guarded(cx), all.guardian.next(cx).is_some()), (50, false));
    });
    // Unreachable, but for a guardian in the object itself: it comes back to nobody, and is freed with the heap.
    heap.enter(|cx| cx.collect());
}
