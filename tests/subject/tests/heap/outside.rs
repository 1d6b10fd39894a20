//! Memory outside of blocks: the limit bounds it, it is counted and given back, and where the system has none the heap
//! goes on.

use std::collections::HashMap;

use grisaille::{
    Budget, ConfigError, Ephemeron, Gc, Guardian, Heap, HeapFull, Map, Mutator, Persistent, Phase, Stack, Weak, fault,
};

const LIMIT: usize = 1 << 20;

fn limited() -> Heap {
    Heap::builder().limit(LIMIT).automatic(false).build().unwrap()
}

/// Returns the bytes that the limit bounds: blocks, and all that is outside.
fn taken(cx: &Mutator<'_>) -> usize {
    let stats = cx.stats();
    (stats.bytes_used() + stats.bytes_outside()) as usize
}

/// Returns the limit that a refusal tells of, and the bytes asked for.
fn shortage<T>(full: HeapFull<T>) -> (Option<usize>, usize) {
    (full.limit(), full.requested())
}

/// Takes memory until the heap is full: at least `bytes` each time.
fn fills(name: &str, bytes: usize, take: impl FnMut(&Mutator<'_>, usize) -> Result<(), (Option<usize>, usize)>) {
    fills_up_to(LIMIT, name, bytes, take);
}

/// Takes memory until the heap is full, where so many bytes may be taken.
fn fills_up_to(
    most: usize,
    name: &str,
    bytes: usize,
    mut take: impl FnMut(&Mutator<'_>, usize) -> Result<(), (Option<usize>, usize)>,
) {
    limited().enter(|cx| {
        let mut times = 0;
        let (limit, requested) = loop {
            match take(cx, times) {
                Ok(()) => times += 1,
                Err(shortage) => break shortage,
            }
            assert!(taken(cx) <= most, "{name}: {} bytes are taken after {times} times", taken(cx));
            assert!(times * bytes <= most, "{name}: {times} times {bytes} bytes were had");
        };
        assert!(limit == Some(LIMIT) && requested > 0, "{name}");
        assert!(times * bytes * 8 > LIMIT, "{name}: no more than {times} times {bytes} bytes were had");
        cx.verify().unwrap();
    });
}

#[test]
fn the_limit_bounds_what_keeps_objects_alive() {
    let mut roots: Vec<Persistent<u64>> = Vec::new();
    fills("roots", 40, |cx, _| cx.try_persist(7u64).map(|root| roots.push(root)).map_err(shortage));
    // They count beyond a quarter of the limit.
    fills_up_to(LIMIT + LIMIT / 4, "locals", 8, |cx, _| cx.try_root(cx.intern("one")).map(drop).map_err(shortage));
    let mut stacks: Vec<Stack<u64>> = Vec::new();
    fills("stacks", 64, |cx, _| Stack::try_new(cx).map(|stack| stacks.push(stack)).map_err(shortage));
    let mut guardians: Vec<Guardian<u64>> = Vec::new();
    fills("guardians", 64, |cx, _| Guardian::try_new(cx).map(|made| guardians.push(made)).map_err(shortage));
}

#[test]
fn the_limit_bounds_weak_tables() {
    fills("interned strings", 40, |cx, n| cx.try_intern(&format!("{n:08}")).map(drop).map_err(shortage));
    fills("weak pointers", 40, |cx, n| {
        let number = cx.try_alloc(n).map_err(shortage)?;
        Gc::try_downgrade(number, cx).map(drop).map_err(shortage)
    });
}

#[test]
fn the_limit_bounds_a_stack_and_its_memory_comes_back() {
    limited().enter(|cx| {
        let mut stack: Stack<u64> = Stack::try_new(cx).unwrap();
        let mut view = stack.open(cx);
        let full = loop {
            if let Err(full) = view.try_push(cx, 7) {
                break full;
            }
        };
        assert_eq!((full.limit(), full.into_inner()), (Some(LIMIT), 7));
        assert!(view.len() * 8 <= LIMIT && view.len() * 8 > LIMIT / 4 * 3, "{} values", view.len());
        assert!(taken(cx) <= LIMIT);
        // What is there can be used, and given back.
        assert_eq!(view.pop(cx), Some(7));
        view.truncate(cx, 3);
        view.shrink_to_fit(cx);
        assert!(cx.stats().bytes_outside() < 4096);
        assert!(Stack::<u64>::try_with_capacity(cx, LIMIT / 8).is_err());
        assert!(Stack::<u64>::try_with_capacity(cx, LIMIT / 16).is_ok());
        assert!(Stack::<u64>::try_with_capacity(cx, usize::MAX).is_err());
        cx.collect();
        assert!(cx.stats().bytes_outside() < 4096, "the memory of stacks whose handle is gone comes back");
    });
}

#[test]
fn the_limit_bounds_a_guardian_and_its_memory_comes_back() {
    limited().enter(|cx| {
        let guardian: Guardian<u64> = Guardian::try_new(cx).unwrap();
        let number = cx.root(cx.alloc(7u64));
        while guardian.try_register(cx, number.get(cx)).is_ok() {
            assert!(taken(cx) <= LIMIT);
        }
        assert!(guardian.guarded(cx) * 8 > LIMIT / 2);
        let outside = cx.stats().bytes_outside();
        drop(guardian);
        cx.collect();
        assert!(cx.stats().bytes_outside() + LIMIT as u64 / 2 < outside);
    });
}

#[test]
fn what_is_infallible_says_that_the_heap_is_full() {
    type Operation = fn(&Mutator<'_>) -> Box<dyn std::any::Any>;
    let operations: [Operation; 6] = [
        |cx| Box::new(cx.persist(7)),
        |cx| Box::new(Stack::<u64>::with_capacity(cx, 1)),
        |cx| Box::new(Guardian::<u64>::new(cx)),
        |cx| {
            let mut stack: Stack<u64> = Stack::new(cx);
            let mut view = stack.open(cx);
            (0..LIMIT).for_each(|_| view.push(cx, 7));
            Box::new(())
        },
        |cx| {
            let guardian: Guardian<u64> = Guardian::new(cx);
            let number = cx.alloc(7u64);
            (0..LIMIT).for_each(|_| guardian.register(cx, number));
            Box::new(())
        },
        |cx| {
            let text = format!("{}", cx.interned_count());
            cx.intern(&text);
            Box::new(())
        },
    ];
    for operation in operations {
        let mut held = Vec::new();
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            limited().enter(|cx| (0..LIMIT).for_each(|_| held.push(operation(cx))));
        }));
        let payload = panic.expect_err("the limit was not seen");
        let full = payload.downcast_ref::<HeapFull<()>>().expect("another panic");
        assert_eq!(full.limit(), Some(LIMIT));
    }
}

#[test]
fn lists_of_blocks_and_maps_of_chunks_count() {
    Heap::builder().automatic(false).build().unwrap().enter(|cx| {
        let before = cx.stats().bytes_outside();
        (0..2048).for_each(|_| _ = cx.alloc([0u8; 20_000]));
        let grown = cx.stats().bytes_outside() - before;
        // An entry of 16 bytes for each run of two blocks, in which three of these lie, and lists that grow by half at the most.
        assert!((2048 / 3 * 16..2048 * 32).contains(&grown), "{grown} bytes");
    });
}

#[test]
fn numbers_of_what_keeps_objects_alive() {
    Heap::new().enter(|cx| {
        let roots: Vec<Persistent<u64>> = (0..10u64).map(|n| cx.persist(n)).collect();
        let stacks: Vec<Stack<u64>> = (0..3).map(|_| Stack::new(cx)).collect();
        let guardian: Guardian<u64> = Guardian::new(cx);
        _ = cx.root(cx.alloc(1));
        let stats = cx.stats();
        assert_eq!([stats.rooted(), stats.persistents(), stats.stacks(), stats.guardians()], [1, 10, 3, 1]);
        assert!(stats.bytes_outside() > 10 * 8);
        drop((roots, stacks, guardian));
        cx.collect();
        let stats = cx.stats();
        assert_eq!([stats.persistents(), stats.stacks(), stats.guardians()], [0, 0, 0]);
    });
}

#[test]
fn a_heap_for_which_there_is_no_memory_is_an_error() {
    let mut granted = 0;
    loop {
        let (built, refused) = fault::with_memory(granted, 1, || Heap::builder().build());
        if refused == 0 {
            assert!(built.is_ok());
            break;
        }
        assert_eq!(built.unwrap_err(), ConfigError::NoMemory, "{granted} requests were granted");
        let panic = fault::with_memory(granted, 1, || std::panic::catch_unwind(Heap::new)).0.unwrap_err();
        assert!(panic.downcast_ref::<String>().is_some_and(|text| text.contains("no memory")), "{granted}");
        granted += 1;
    }
    // The collector, two areas of edges, two stacks of objects, and what is shared: memory, job, count.
    assert_eq!(granted, 8, "requests that can be refused");
}

/// Runs a cycle of the smallest steps.
fn cycle(cx: &mut Mutator<'_>) {
    while !cx.step(Budget::work(1)).cycle_ended {}
}

#[test]
fn ephemerons_that_there_is_no_memory_to_list_wait_all_the_same() {
    Heap::builder().automatic(false).build().unwrap().enter(|cx| {
        // A chain: the key of each is the value of the one before. And as many whose keys die.
        let mut chain: Stack<Ephemeron<'static, u64, Gc<'static, u64>>> = Stack::new(cx);
        let mut chain = chain.open(cx);
        let mut dying: Stack<Ephemeron<'static, u64, Gc<'static, u64>>> = Stack::new(cx);
        let mut dying = dying.open(cx);
        let first = cx.root(cx.alloc(0u64));
        let mut key = first.get(cx);
        for n in 1..50 {
            let value = cx.alloc(n);
            chain.push(cx, cx.alloc_ephemeron(key, value));
            let dead = cx.alloc(n);
            dying.push(cx, cx.alloc_ephemeron(dead, dead));
            key = value;
        }
        fault::with_memory(0, u64::MAX, || {
            for _ in 0..3 {
                cycle(cx);
                for at in 0..49 {
                    assert_eq!(chain.at(cx, at).value(cx).map(|value| *value), Some(at as u64 + 1));
                    assert!(dying.at(cx, at).value(cx).is_none());
                }
                cx.verify().unwrap();
            }
        });
    });
}

#[test]
fn many_ephemerons_of_one_key_are_woken_in_small_steps() {
    Heap::builder().automatic(false).build().unwrap().enter(|cx| {
        let mut stack: Stack<Ephemeron<'static, u64, Gc<'static, u64>>> = Stack::new(cx);
        let mut view = stack.open(cx);
        // Locals are scanned first: the key is marked last of all, as an object that hangs on the oldest stack.
        let mut oldest: Stack<Gc<'static, (u64, u64)>> = Stack::new(cx);
        let key = cx.root(cx.alloc(0u64));
        for n in 0..20_000 {
            view.push(cx, cx.alloc_ephemeron(key.get(cx), cx.alloc(n)));
        }
        oldest.open(cx).push(cx, cx.alloc((1, 2)));
        let mut most = 0;
        loop {
            let progress = cx.step(Budget::work(1000));
            most = most.max(progress.work);
            if progress.cycle_ended {
                break;
            }
        }
        assert!(most < 20_000, "a step did {most} bytes of work");
        assert!((0..20_000).all(|at| view.at(cx, at).value(cx).is_some_and(|value| *value == at as u64)));
    });
}

#[test]
fn a_cycle_needs_no_memory() {
    Heap::builder().automatic(false).build().unwrap().enter(|cx| {
        let mut weak: Stack<Weak<'static, String>> = Stack::new(cx);
        let mut weak = weak.open(cx);
        let kept = cx.root(cx.alloc("kept".to_string()));
        for n in 0..5000 {
            weak.push(cx, Gc::downgrade(kept.get(cx), cx));
            weak.push(cx, Gc::downgrade(cx.alloc(n.to_string()), cx));
        }
        let ((), refused) = fault::with_memory(0, u64::MAX, || {
            for _ in 0..3 {
                cx.collect();
                assert_eq!(cx.phase(), Phase::Idle);
                cx.verify().unwrap();
            }
        });
        assert!(refused > 0, "nothing was asked for");
        for at in 0..5000 {
            assert!(weak.at(cx, 2 * at).upgrade(cx).is_some() && weak.at(cx, 2 * at + 1).upgrade(cx).is_none());
        }
        assert_eq!(cx.stats().bytes_live() as usize, 32 + 10_000 * 24);
    });
}

/// For each n, the n-th request for memory is refused, and some after it: an operation of a map is an error or slower, and the
/// map has what a map of `std` has.
#[test]
fn maps_do_without_memory() {
    for refused in [1, 4] {
        for granted in 0.. {
            let met = maps_with(granted, refused);
            if met == 0 {
                assert!(granted > 30, "only {granted} requests");
                break;
            }
        }
    }
}

/// Grows a map, lets it fall, and so on, without some requests for memory. Returns how many were refused.
fn maps_with(granted: u64, refused: u64) -> u64 {
    Heap::builder().automatic(false).build().unwrap().enter(|cx| {
        let map = cx.alloc(Map::new());
        let map = cx.root::<Gc<'_, Map<'_, u64, u64>>>(map);
        let mut model = HashMap::new();
        let ((), met) = fault::with_memory(granted, refused, || {
            for (round, count) in [(0, 40), (1, 200), (2, 20_000), (3, 100), (4, 9000)] {
                let map = map.get(cx);
                for n in (0..count).map(|n| n * 7 % count) {
                    match map.try_insert(cx, n, round) {
                        Ok(old) => assert_eq!(old, model.insert(n, round)),
                        Err(full) => {
                            assert_eq!(full.0, round);
                            assert!(!map.contains_key(n) && !model.contains_key(&n));
                        }
                    }
                    assert_eq!(map.len(), model.len());
                }
                same(&map, &model);
                match round {
                    0 | 3 => drop(map.try_reserve(cx, 300)),
                    1 => drop(map.try_reserve(cx, 9000)),
                    2 => {
                        map.retain(cx, |n, _| n % 3 == 0);
                        model.retain(|n, _| n % 3 == 0);
                        map.shrink_to_fit(cx);
                    }
                    _ => {
                        while model.len() > 10 {
                            let (n, value) = map.pop(cx).unwrap();
                            assert_eq!(model.remove(&n), Some(value));
                        }
                        map.shrink_to_fit(cx);
                    }
                }
                same(&map, &model);
                cx.verify().unwrap();
            }
        });
        let map = map.get(cx);
        assert!((0..9000).all(|n| map.insert(cx, n, n) == model.insert(n, n)));
        same(&map, &model);
        map.clear(cx);
        assert_eq!(cx.stats().bytes_external(), 0);
        met
    })
}

fn same(map: &Map<'_, u64, u64>, model: &HashMap<u64, u64>) {
    assert_eq!(map.len(), model.len());
    assert!(map.iter().all(|(n, value)| model.get(&n) == Some(&value)));
    assert_eq!(map.iter().count(), model.len());
    assert!(model.iter().all(|(n, value)| map.get(*n) == Some(*value)));
}
