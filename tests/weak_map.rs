//! [`WeakMap`] and [`WeakSet`] under every policy: what keys and values live for, addresses that are used again, and how
//! many dead entries there are at most.

use std::collections::{HashMap, HashSet};

use grisaille::{
    Barrier, Budget, Deletion, Gc, Heap, Hybrid, Insertion, List, Persistent, RootsFirst, Slot, StopTheWorld, Trace,
    Watermark, WeakMap, WeakSet,
};

/// A key, and a value that may lead back to its key.
#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    canary: u64,
    other: Slot<Option<Gc<'gc, Node<'gc>>>>,
}

type Nodes<'gc> = WeakMap<'gc, Node<'gc>, Gc<'gc, Node<'gc>>>;

macro_rules! each_policy {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[test]
        fn $name() {
            check::$name::<Insertion>();
            check::$name::<Deletion>();
            check::$name::<RootsFirst>();
            check::$name::<Hybrid>();
            check::$name::<Watermark>();
            check::$name::<StopTheWorld>();
        }
    };
}

fn heap<B: Barrier>() -> Heap<B> {
    Heap::builder().automatic(false).stress(true).barrier::<B>().build().unwrap()
}

mod check {
    use super::*;

    fn node<'a, B: Barrier>(cx: &'a grisaille::Mutator<'_, B>, number: u64) -> Gc<'a, Node<'a>> {
        cx.alloc(Node { number, canary: !number, other: Slot::new(None) })
    }

    #[track_caller]
    fn intact(node: Gc<'_, Node<'_>>, number: u64) {
        assert_eq!((node.number, node.canary), (number, !number), "freed, or another object");
    }

    /// Keys that are rooted here and there have their values, which only the map holds; all others are forgotten.
    pub(super) fn random_operations<B: Barrier>() {
        heap::<B>().enter(|cx| {
            let map = cx.root(cx.alloc(Nodes::new()));
            let mut kept: Vec<Persistent<Gc<'static, Node<'static>>>> = Vec::new();
            // The values by the numbers of the keys that are kept.
            let mut model: HashMap<u64, u64> = HashMap::new();
            let mut random = 0x9e37_79b9_7f4a_7c15u64;
            for round in 0..6000u64 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                {
                    let map = map.get(cx);
                    let nth = (random >> 8) as usize % kept.len().max(1);
                    match random % 8 {
                        0..=2 => {
                            let (key, value) = (node(cx, round), node(cx, 2 * round));
                            value.other.set(cx, Some(key));
                            assert!(map.insert(cx, key, value).is_none());
                            if kept.len() < 60 {
                                kept.push(cx.persist(key));
                                model.insert(round, 2 * round);
                            }
                        }
                        3 if !kept.is_empty() => {
                            let key = kept[nth].get(cx);
                            let old = map.insert(cx, key, node(cx, 3 * round));
                            assert_eq!(old.map(|old| old.number), model.insert(key.number, 3 * round));
                        }
                        4 if !kept.is_empty() => {
                            let key = kept[nth].get(cx);
                            let old = map.remove(cx, key);
                            assert_eq!(old.map(|old| old.number), model.remove(&key.number));
                            assert!(!map.contains_key(cx, key));
                        }
                        5 if !kept.is_empty() => {
                            let key = kept.swap_remove(nth);
                            model.remove(&key.get(cx).number);
                        }
                        6 if round % 64 == 6 => map.purge(cx),
                        _ => {
                            for key in &kept {
                                let key = key.get(cx);
                                let value = map.get(cx, key);
                                assert_eq!(value.map(|value| value.number), model.get(&key.number).copied());
                                value.inspect(|value| intact(*value, value.number));
                            }
                        }
                    }
                }
                for _ in 0..random >> 61 {
                    cx.step(Budget::work(1));
                }
            }
            cx.collect();
            cx.collect();
            let map = map.get(cx);
            let found: HashMap<u64, u64> = map.iter(cx).map(|(key, value)| (key.number, value.number)).collect();
            assert_eq!(found, model);
            map.purge(cx);
            assert_eq!(map.len_with_dead(), model.len());
        });
    }

    /// A new object with the address of a dead key has no value, and may be a key.
    pub(super) fn addresses_used_again<B: Barrier>() {
        heap::<B>().enter(|cx| {
            let map = cx.root(cx.alloc(Nodes::new()));
            let mut addresses = HashSet::new();
            let mut again = 0;
            for turn in 0..20 {
                for n in 0..300 {
                    let (key, map) = (node(cx, n), map.get(cx));
                    again += usize::from(!addresses.insert(Gc::addr(key)));
                    assert!(map.get(cx, key).is_none() && !map.contains_key(cx, key));
                    if turn % 2 == 0 {
                        assert!(map.remove(cx, key).is_none());
                    }
                    assert!(map.insert(cx, key, node(cx, n + 1)).is_none());
                    intact(map.get(cx, key).unwrap(), n + 1);
                }
                cx.collect();
            }
            assert!(again > 1000, "only {again} addresses were used again");
        });
    }

    /// However many keys come and go, the map has not many more entries than there are live keys and keys of a cycle.
    pub(super) fn dead_entries_are_few<B: Barrier>() {
        heap::<B>().enter(|cx| {
            let set = cx.root(cx.alloc(WeakSet::<'_, Node<'_>>::new()));
            let kept: Vec<_> = (0..100).map(|n| cx.persist(node(cx, n))).collect();
            for key in &kept {
                set.get(cx).insert(cx, key.get(cx));
            }
            let filling = cx.root(cx.alloc(List::<Gc<'_, Node<'_>>>::new()));
            let mut most = 0;
            for n in 0..20_000 {
                set.get(cx).insert(cx, node(cx, n));
                if n % 200 == 0 {
                    cx.collect();
                    // What fills the memory of dead keys, so that the next have other addresses.
                    (0..200).for_each(|n| filling.get(cx).push(cx, node(cx, n)));
                }
                most = most.max(set.get(cx).len_with_dead());
            }
            // 100 that live and 200 of a cycle; those of the cycle before are found while as many come.
            assert!(most <= 700, "{most} entries");
            let set = set.get(cx);
            assert!(kept.iter().all(|key| set.contains(cx, key.get(cx))));
            assert!(!set.insert(cx, kept[0].get(cx)) && set.remove(cx, kept[0].get(cx)));
            assert!(!set.remove(cx, kept[0].get(cx)));
        });
    }

    /// A value that leads back to its key, and a chain of such, die with the key; what `retain` keeps stays.
    pub(super) fn values_die_with_their_keys<B: Barrier>() {
        heap::<B>().enter(|cx| {
            let map = cx.root(cx.alloc(Nodes::new()));
            let first = cx.persist(node(cx, 0));
            {
                // The value of each is the key of the next.
                let (map, mut key) = (map.get(cx), first.get(cx));
                for n in 1..100 {
                    let value = node(cx, n);
                    value.other.set(cx, Some(key));
                    map.insert(cx, key, value);
                    key = value;
                }
            }
            cx.collect();
            assert_eq!(map.get(cx).iter(cx).count(), 99);
            map.get(cx).retain(cx, |key, value| {
                intact(value, key.number + 1);
                key.number != 50
            });
            cx.collect();
            assert_eq!(map.get(cx).iter(cx).count(), 50, "what only the entry of 50 led to");
            drop(first);
            let freed = cx.stats().objects_freed();
            cx.collect();
            assert_eq!(map.get(cx).iter(cx).count(), 0);
            assert!(cx.stats().objects_freed() - freed >= 51);
        });
    }
}

each_policy!(random_operations);
each_policy!(addresses_used_again);
each_policy!(dead_entries_are_few);
each_policy!(values_die_with_their_keys);
