//! Keys of types of one's own, by `#[derive(Key)]`.

use std::collections::{HashMap, HashSet};

use grisaille::{Gc, Heap, Identity, Key, Map, Slot, Str, Tagged, Trace};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Trace, Key)]
enum Shape {
    Nothing,
    Point,
    Length(u32),
    Depth(u32),
    Square { side: u32, filled: bool },
    Box([i16; 3], Option<char>),
}

#[derive(Clone, Copy, Trace, Key)]
struct Symbol<'gc>(Str<'gc>);

#[derive(Clone, Copy, Trace, Key)]
struct Method<'gc> {
    class: Identity<'gc, Class<'gc>>,
    name: Symbol<'gc>,
}

#[derive(Trace)]
struct Class<'gc> {
    name: Slot<Symbol<'gc>>,
}

#[derive(Clone, Copy, Trace, Key)]
struct Two<A, B>(A, B);

/// Says of all that they are equal, by code of its own.
#[derive(Clone, Copy, Trace, Key)]
struct Liar(u32);

impl PartialEq for Liar {
    fn eq(&self, _: &Self) -> bool {
        panic!("a map asked a user's code");
    }
}

fn shape(n: u32) -> Shape {
    match n % 8 {
        0 if n.is_multiple_of(16) => Shape::Nothing,
        0 => Shape::Point,
        1 | 2 => Shape::Length(n / 8),
        3 => Shape::Depth(n / 8),
        4 | 5 => Shape::Square { side: n / 16, filled: n.is_multiple_of(2) },
        _ => Shape::Box([(n / 8 % 5) as i16, (n / 40) as i16, -1], char::from_u32(n % 3)),
    }
}

/// A map by structure does what std's does with the derived `Eq` and `Hash`.
#[test]
fn keys_go_by_their_structure() {
    let mut model = HashMap::new();
    Heap::new().enter(|cx| {
        let map = cx.root(cx.alloc(Map::<'_, Shape, u32>::new()));
        let mut random = 1u32;
        for round in 0..20_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = shape(random >> 20);
            let map = map.get(cx);
            if random.is_multiple_of(4) {
                assert_eq!(map.remove(cx, key), model.remove(&key));
            } else {
                assert_eq!(map.insert(cx, key, round), model.insert(key, round));
            }
            cx.safepoint();
        }
        let map = map.get(cx);
        assert_eq!(map.iter().collect::<HashMap<_, _>>(), model);
        assert_eq!(map.keys().collect::<HashSet<_>>().len(), map.values().count());
    });
}

/// What differs has another hash, most often: the number of hashes is counted, of keys that are alike.
#[test]
fn hashes_differ() {
    let shapes: HashSet<Shape> = (0..40_000).map(shape).collect();
    let hashes: HashSet<u64> = shapes.iter().map(Key::hash_key).collect();
    assert!(shapes.len() > 15_000 && hashes.len() + 5 > shapes.len(), "{} of {}", hashes.len(), shapes.len());
    let low: HashSet<u64> = hashes.iter().map(|hash| hash % 65_536).collect();
    assert!(low.len() > 10_000, "{} in the lower bits", low.len());
    assert_ne!(Shape::Length(7).hash_key(), Shape::Depth(7).hash_key());
    assert_ne!(Two(1u32, 2u32).hash_key(), Two(2u32, 1u32).hash_key());
    assert_eq!(Two(1u32, 'x').hash_key(), Two(1u32, 'x').hash_key());
}

/// The parts of a key are kept by the map alone: texts are found by other objects with the same text.
#[test]
fn parts_of_keys_are_traced() {
    Heap::builder().automatic(false).stress(true).build().unwrap().enter(|cx| {
        let class = cx.root(cx.alloc(Class { name: Slot::new(Symbol(cx.alloc_str("A"))) }));
        let map = cx.root(cx.alloc(Map::<'_, Method<'_>, i64>::new()));
        let other = cx.root(cx.alloc(Map::<'_, Method<'_>, i64>::new()));
        for n in 0..100 {
            let class = class.get(cx);
            let method = Method { class: class.into(), name: Symbol(cx.alloc_str(&format!("m{n}"))) };
            map.get(cx).insert(cx, method, n);
            // Only the map holds this class.
            let lost = cx.alloc(Class { name: Slot::new(Symbol(cx.alloc_str("B"))) });
            other.get(cx).insert(cx, Method { class: lost.into(), ..method }, n);
        }
        cx.collect();
        let class = class.get(cx);
        for n in 0..100 {
            let name = Symbol(cx.alloc_str(&format!("m{n}")));
            assert_eq!(map.get(cx).get(Method { class: class.into(), name }), Some(n));
            assert_eq!(other.get(cx).get(Method { class: class.into(), name }), None);
        }
        for (key, n) in other.get(cx).iter() {
            assert_eq!((key.class.0.name.get().0.as_str(), key.name.0.as_str()), ("B", format!("m{n}").as_str()));
        }
    });
}

/// `PartialEq` of the type plays no part, and no code of users runs inside of a map.
#[test]
fn equality_of_the_type_plays_no_part() {
    Heap::new().enter(|cx| {
        let map = cx.alloc(Map::<'_, Liar, u32>::new());
        map.extend(cx, (0..1000).map(|n| (Liar(n), n)));
        assert_eq!((map.len(), map.get(Liar(999)), map.get(Liar(1000))), (1000, Some(999), None));
    });
}

#[test]
fn parameters_and_words_are_keys() {
    Heap::new().enter(|cx| {
        type Word<'gc> = Tagged<'gc, Class<'gc>>;
        let class = cx.alloc(Class { name: Slot::new(Symbol(cx.intern("A"))) });
        let map: Gc<'_, Map<'_, Two<Word<'_>, Option<()>>, u8>> = cx.alloc(Map::new());
        map.insert(cx, Two(Tagged::object(class), None), 1);
        map.insert(cx, Two(Tagged::object(class), Some(())), 2);
        map.insert(cx, Two(Tagged::integer(3).unwrap(), None), 3);
        assert_eq!(map.get(Two(class.into(), Some(()))), Some(2));
        assert_eq!(map.get(Two(Tagged::integer(3).unwrap(), None)), Some(3));
        assert_eq!(map.len(), 3);
    });
}

/// What `f` does to the map meanwhile is done, and the value that it makes is the last word.
#[test]
fn get_or_insert_with_is_reentrant() {
    Heap::new().enter(|cx| {
        fn fibonacci<'gc>(cx: &'gc grisaille::Mutator<'_>, memo: Gc<'gc, Map<'gc, u64, u64>>, n: u64) -> u64 {
            memo.get_or_insert_with(cx, n, || match n {
                0 | 1 => n,
                n => fibonacci(cx, memo, n - 1) + fibonacci(cx, memo, n - 2),
            })
        }
        let memo = cx.alloc(Map::new());
        assert_eq!(fibonacci(cx, memo, 80), 23_416_728_348_467_685);
        assert_eq!(memo.len(), 81);
        let same = memo.get_or_insert_with(cx, 100, || {
            memo.clear(cx);
            memo.insert(cx, 100, 1);
            2
        });
        assert_eq!((same, memo.get(100), memo.len()), (2, Some(2), 1));
        assert_eq!(memo.get_or_insert_with(cx, 100, || panic!("it has a value")), 2);
    });
}
