//! The store beside a plain table.

use std::collections::HashMap;

use super::*;
use crate::kit::key::sealed::Key as _;

/// Entries, in the order in which they are visited.
fn all(store: &Store<u64, u64>) -> Vec<(u64, u64)> {
    let (mut position, mut all) = (0, Vec::new());
    while let Some((at, entry)) = store.next(position) {
        assert!(at >= position);
        all.push(*entry);
        position = at + 1;
    }
    all
}

fn insert(store: &mut Store<u64, u64>, key: u64, value: u64) {
    let hash = key.hash_key();
    if !store.has_room(hash) {
        assert!(store.make_room(hash).is_ok());
    }
    store.insert(hash, (key, value));
}

/// The notes are what the tables say, and the sums what the parts say.
fn check(store: &Store<u64, u64>) {
    let mut len = 0;
    for number in 0..store.tables() {
        let look = store.table(number).unwrap();
        let buckets = look.table.num_buckets();
        assert!(buckets <= TINY || look.used.is_some_and(|used| !used.is_none()), "{buckets} buckets without a note");
        let plain = Look { used: None, ..store.table(number).unwrap() };
        let mut at = 0;
        while let Some(next) = plain.next(at) {
            assert_eq!(look.next(at), Some(next));
            at = next + 1;
        }
        assert_eq!(look.next(at), None);
        if let Some(rest) = store.split() {
            let first = rest.next_filled(number);
            assert_eq!(first == Some(number), !look.table.is_empty());
        }
        len += look.table.len();
    }
    assert_eq!(store.len(), len);
    if let Some(rest) = store.split() {
        assert_eq!(rest.bytes, rest.parts.iter().map(Part::bytes).sum());
    }
}

#[test]
fn random_operations() {
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut below = move |n: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % n
    };
    for keys in [20, 300, 4000, 30_000] {
        let (mut store, mut model) = (Store::new(), HashMap::new());
        for round in 0..if cfg!(miri) { 2000 } else { 100_000 } {
            let key = below(keys);
            let hash = key.hash_key();
            // It grows and falls.
            let removes = if round / 20_000 % 2 == 0 { 2 } else { 6 };
            if below(8) < removes {
                assert_eq!(store.remove(hash, &key), model.remove(&key).map(|value| (key, value)));
            } else if let Some(entry) = store.find_mut(hash, &key) {
                assert_eq!(model.insert(key, round), Some(core::mem::replace(&mut entry.1, round)));
            } else {
                insert(&mut store, key, round);
                assert_eq!(model.insert(key, round), None);
            }
            if below(5000) == 0 {
                match below(3) {
                    0 => store.shrink_to_fit(),
                    1 => assert!(store.reserve(below(3 * keys) as usize).is_ok()),
                    _ => {
                        for _ in 0..below(keys / 2) {
                            let Some((at, &entry)) = store.next(0) else { break };
                            assert_eq!(store.remove_at(at), Some(entry));
                            assert_eq!(model.remove(&entry.0), Some(entry.1));
                        }
                    }
                }
                check(&store);
                assert_eq!(all(&store).into_iter().collect::<HashMap<_, _>>(), model);
            }
        }
        check(&store);
        assert_eq!(all(&store).len(), model.len());
        assert!(model.iter().all(|(key, value)| store.find(key.hash_key(), key) == Some(&(*key, *value))));
    }
}

/// No insertion moves more than the entries of a part: all others keep their positions.
#[test]
fn growth_moves_little() {
    let count = if cfg!(miri) { 4000 } else { 40_000 };
    let mut store = Store::new();
    let mut most = 0;
    for key in 0..count {
        let hash = key.hash_key();
        if store.has_room(hash) {
            store.insert(hash, (key, key));
            continue;
        }
        let places = |store: &Store<u64, u64>| {
            let (mut position, mut places) = (0, HashMap::new());
            while let Some((at, entry)) = store.next(position) {
                places.insert(entry.0, at);
                position = at + 1;
            }
            places
        };
        let before = places(&store);
        insert(&mut store, key, key);
        let after = places(&store);
        most = most.max(before.iter().filter(|(key, at)| after[key] != **at).count());
    }
    assert!(store.tables() > count as usize / 1000 && most <= PART, "{most} moved, {} tables", store.tables());
    check(&store);
    let bytes = store.bytes();
    store.shrink_to_fit();
    check(&store);
    assert!(store.bytes() <= bytes && all(&store).len() == count as usize);
    for key in 10..count {
        assert!(store.remove(key.hash_key(), &key).is_some());
    }
    store.shrink_to_fit();
    check(&store);
    assert!(store.bytes() < 1000 && all(&store).len() == 10);
}

/// Who made room need not make it again.
#[test]
fn what_was_reserved_suffices() {
    for count in [10, 1000, 1800, 5000, if cfg!(miri) { 6000 } else { 60_000 }] {
        let mut store = Store::<u64, u64>::new();
        insert(&mut store, u64::MAX, 0);
        assert!(store.growth_for(count) >= table_bytes::<(u64, u64)>(count) - store.bytes());
        assert!(store.reserve(count).is_ok());
        let bytes = store.bytes();
        for key in 0..count as u64 {
            assert!(store.has_room(key.hash_key()), "{count} {key}");
            store.insert(key.hash_key(), (key, key));
        }
        assert_eq!(store.bytes(), bytes);
        check(&store);
    }
}

/// Each part comes from the one that its entries were in, and goes back there.
#[test]
fn a_part_splits_one_other() {
    for parts in 1..200 {
        for hash in (0..1000u64).map(|n| n.hash_key()) {
            let (before, after) = (part_of(hash, parts), part_of(hash, parts + 1));
            assert!(before < parts && (after == before || (after == parts && before == splits(parts))));
        }
    }
}

#[test]
fn positions_and_places() {
    for place_ in [(0, 0), (0, 5), (3, 0), (70_000, 2047)] {
        assert_eq!(place(position(place_.0, place_.1)), place_);
    }
}
