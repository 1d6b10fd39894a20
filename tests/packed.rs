//! Packed words: what was packed comes back, and the collector finds the pointers, under every policy.

use grisaille::{
    AnyGc, Array, Barrier, Budget, Deletion, DynGc, Gc, Heap, Hybrid, Insertion, List, Mutator, Pack, Packed,
    RootsFirst, Slot, StopTheWorld, Str, Sweep, Trace, Watermark, Weak, dyn_trait,
};
use proptest::prelude::*;

/// Every type that a variant may hold.
#[derive(Clone, Copy, Debug, PartialEq, Trace, Pack)]
enum Any<'gc> {
    Nil,
    I8(i8),
    I16(i16),
    I32(i32),
    Node(Gc<'gc, i64>),
    U8(u8),
    U16(u16),
    U32(u32),
    Text(Str<'gc>),
    Double(f64),
    Bool { truth: bool },
    Char(char),
    Array(Array<'gc, u8>),
    Unit(()),
    Absent,
}

/// Packs and unpacks, by a word and by a slot.
fn back(any: Any<'_>) -> Any<'_> {
    let slot = Slot::new(Packed::from(any));
    let optional = Slot::new(Some(Packed::new(any)));
    let back = Packed::new(any).unpack();
    assert_eq!(format!("{:?}", slot.unpack()), format!("{back:?}"));
    assert_eq!(format!("{:?}", optional.get().unwrap()), format!("{back:?}"));
    assert!(Packed::ptr_eq(slot.get(), Packed::new(back)));
    back
}

/// Packs a double, and returns the bits that come back.
fn bits_back(bits: u64) -> u64 {
    match back(Any::Double(f64::from_bits(bits))) {
        Any::Double(double) => double.to_bits(),
        other => panic!("{bits:#x} came back as {other:?}"),
    }
}

/// Each bit pattern that is no NaN comes back as it is, and each NaN as one.
fn check_bits(bits: u64) {
    let expected = if f64::from_bits(bits).is_nan() { 0x7ff8_0000_0000_0000 } else { bits };
    assert_eq!(bits_back(bits), expected, "{bits:#x}");
}

fn simple() -> impl Strategy<Value = Any<'static>> {
    prop_oneof![
        Just(Any::Nil),
        Just(Any::Absent),
        Just(Any::Unit(())),
        any::<i8>().prop_map(Any::I8),
        any::<i16>().prop_map(Any::I16),
        any::<i32>().prop_map(Any::I32),
        any::<u8>().prop_map(Any::U8),
        any::<u16>().prop_map(Any::U16),
        any::<u32>().prop_map(Any::U32),
        any::<bool>().prop_map(|truth| Any::Bool { truth }),
        any::<char>().prop_map(Any::Char),
        any::<f64>().prop_map(Any::Double),
    ]
}

proptest! {
    #[test]
    fn any_bits(bits: u64) {
        check_bits(bits);
    }

    /// The exponent is all ones, so that all but the infinities are NaNs.
    #[test]
    fn any_nan(bits: u64) {
        check_bits(bits | f64::INFINITY.to_bits());
    }

    #[test]
    fn any_value(any in simple()) {
        prop_assert_eq!(back(any), any);
    }

    /// Words are the same where the values are.
    #[test]
    fn different_values_have_different_words(a in simple(), b in simple()) {
        let zeros = matches!((a, b), (Any::Double(a), Any::Double(b)) if a.to_bits() != b.to_bits());
        prop_assert_eq!(Packed::ptr_eq(a.into(), b.into()), a == b && !zeros);
    }

    #[test]
    fn any_pointers(number: i64, text in ".{0,20}", bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        Heap::new().enter(|cx| {
            let (node, string) = (cx.alloc(number), cx.alloc_str(&text));
            let array = cx.alloc_array(bytes.len(), |i| bytes[i]);
            assert!(matches!(back(Any::Node(node)), Any::Node(same) if Gc::ptr_eq(node, same) && *same == number));
            assert!(matches!(back(Any::Text(string)), Any::Text(same) if Str::addr(string) == Str::addr(same)));
            assert!(matches!(back(Any::Array(array)), Any::Array(same) if *same == bytes[..]));
        });
    }
}

#[test]
fn doubles_at_the_edges() {
    let edges = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        f64::MIN,
        f64::MAX,
        f64::MIN_POSITIVE,
        -f64::MIN_POSITIVE,
        f64::EPSILON,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        -f64::NAN,
    ];
    for bits in edges.map(f64::to_bits) {
        (0..=3).for_each(|distance| {
            check_bits(bits.wrapping_add(distance));
            check_bits(bits.wrapping_sub(distance));
        });
    }
    // Each pattern of the upper 16 bits, with the least and the greatest of the others.
    for upper in 0..=u64::from(u16::MAX) {
        [0, 1, (1 << 47) + 5, (1 << 48) - 1].into_iter().for_each(|lower| check_bits(upper << 48 | lower));
    }
}

#[test]
fn every_small_value() {
    for n in 0..=u16::MAX {
        assert_eq!(back(Any::U16(n)), Any::U16(n));
        assert_eq!(back(Any::I16(n.cast_signed())), Any::I16(n.cast_signed()));
    }
    for n in 0..=u8::MAX {
        assert_eq!(back(Any::U8(n)), Any::U8(n));
        assert_eq!(back(Any::I8(n.cast_signed())), Any::I8(n.cast_signed()));
    }
    for n in [i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX] {
        assert_eq!(back(Any::I32(n)), Any::I32(n));
        assert_eq!(back(Any::U32(n.cast_unsigned())), Any::U32(n.cast_unsigned()));
    }
    for c in char::MIN..=char::MAX {
        assert_eq!(back(Any::Char(c)), Any::Char(c));
    }
    for any in [Any::Nil, Any::Absent, Any::Unit(()), Any::Bool { truth: true }, Any::Bool { truth: false }] {
        assert_eq!(back(any), any);
    }
}

#[test]
fn one_word() {
    assert_eq!(size_of::<Packed<Any<'_>>>(), 8);
    assert_eq!(size_of::<Option<Packed<Any<'_>>>>(), 8);
    assert_eq!(size_of::<Slot<Option<Packed<Any<'_>>>>>(), 8);
}

/// As many pointers as there are tags.
#[derive(Clone, Copy, Trace, Pack)]
#[rustfmt::skip]
enum Many<'gc> {
    P0(Gc<'gc, u64>), P1(Gc<'gc, u64>), P2(Gc<'gc, u64>), P3(Gc<'gc, u64>), P4(Gc<'gc, u64>),
    P5(Gc<'gc, u64>), P6(Gc<'gc, u64>), P7(Gc<'gc, u64>), P8(Gc<'gc, u64>), P9(Gc<'gc, u64>),
    P10(Gc<'gc, u64>), P11(Gc<'gc, u64>), P12(Gc<'gc, u64>), P13(Gc<'gc, u64>), P14(Gc<'gc, u64>),
    Double(f64), Integer(i32),
}

#[test]
fn each_tag_survives_a_collection() {
    use Many::*;
    const TAGS: usize = 15;
    fn make(tag: usize, number: Gc<'_, u64>) -> Many<'_> {
        [P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12, P13, P14][tag](number)
    }
    let mut heap = Heap::builder().stress(true).build().unwrap();
    heap.enter(|cx| {
        let held = cx.root(cx.alloc_array(TAGS, |i| Slot::new(Packed::new(make(i, cx.alloc(1000 + i as u64))))));
        cx.collect();
        assert_eq!(cx.stats().objects_freed(), 0);
        cx.verify().unwrap();
        for (i, slot) in held.get(cx).iter().enumerate() {
            let (tag, number) = match slot.unpack() {
                P0(n) => (0, n),
                P1(n) => (1, n),
                P2(n) => (2, n),
                P3(n) => (3, n),
                P4(n) => (4, n),
                P5(n) => (5, n),
                P6(n) => (6, n),
                P7(n) => (7, n),
                P8(n) => (8, n),
                P9(n) => (9, n),
                P10(n) => (10, n),
                P11(n) => (11, n),
                P12(n) => (12, n),
                P13(n) => (13, n),
                P14(n) => (14, n),
                Double(_) | Integer(_) => panic!("a pointer was packed"),
            };
            assert_eq!((tag, *number), (i, 1000 + i as u64));
            // What is no pointer is not followed.
            slot.pack(cx, if i % 2 == 0 { Double(f64::NEG_INFINITY) } else { Integer(-1) });
        }
        cx.collect();
        assert_eq!(cx.stats().objects_freed(), TAGS as u64);
    });
}

/// As many variants as there may be; with the comma a type is written as it is.
macro_rules! letters {
    ($($letter:ident)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Trace, Pack)]
        enum Letters { $($letter),* }
        const LETTERS: &[Letters] = &[$(Letters::$letter),*];
    };
}
letters! {
    A0 A1 A2 A3 A4 A5 A6 A7 B0 B1 B2 B3 B4 B5 B6 B7 C0 C1 C2 C3 C4 C5 C6 C7 D0 D1 D2 D3 D4 D5 D6 D7
    E0 E1 E2 E3 E4 E5 E6 E7 F0 F1 F2 F3 F4 F5 F6 F7 G0 G1 G2 G3 G4 G5 G6 G7 H0 H1 H2 H3 H4 H5 H6 H7
}

#[test]
fn sixty_four_variants() {
    assert_eq!(LETTERS.len(), 64);
    for (i, &a) in LETTERS.iter().enumerate() {
        assert_eq!(Packed::new(a).unpack(), a);
        for (j, &b) in LETTERS.iter().enumerate() {
            assert_eq!(Packed::ptr_eq(a.into(), b.into()), i == j);
        }
    }
}

/// A value that a list is made of.
#[derive(Clone, Copy, Trace, Pack)]
enum Value<'gc> {
    Number(f64),
    Pair(Gc<'gc, Pair<'gc>>),
    Text(Str<'gc>),
    Row(Array<'gc, Slot<Packed<Value<'gc>>>>),
    Maybe(Weak<'gc, Pair<'gc>>),
    Small(i32),
    Nil,
}

#[derive(Trace)]
struct Pair<'gc> {
    canary: u64,
    car: Slot<Packed<Value<'gc>>>,
    cdr: Slot<Packed<Value<'gc>>>,
}

fn pair<'a, B: Barrier>(cx: &'a Mutator<'_, B>, car: Value<'a>, cdr: Value<'a>) -> Gc<'a, Pair<'a>> {
    cx.alloc(Pair { canary: 0xca9a97, car: Slot::new(car.into()), cdr: Slot::new(cdr.into()) })
}

/// Adds up what can be reached, and looks at each canary.
fn total(value: Value<'_>) -> f64 {
    match value {
        Value::Number(number) => number,
        Value::Small(number) => number.into(),
        Value::Nil => 0.0,
        Value::Text(text) => text.parse().unwrap(),
        Value::Row(row) => row.iter().map(|slot| total(slot.unpack())).sum(),
        Value::Maybe(_) => 0.0,
        Value::Pair(pair) => {
            assert_eq!(pair.canary, 0xca9a97, "freed, or another object");
            total(pair.car.unpack()) + total(pair.cdr.unpack())
        }
    }
}

/// A heap that collects only when it is told to, and overwrites what it frees.
fn heap<B: Barrier>() -> Heap<B> {
    Heap::builder().automatic(false).stress(true).sweep(Sweep::Lazy).barrier::<B>().build().unwrap()
}

/// Moves the only pointer to a list from one place to another, after each number of steps of a cycle.
fn a_move_while_marking<B: Barrier>() {
    for steps in 0.. {
        let ended = heap::<B>().enter(|cx| {
            let made = {
                let row = cx.alloc_array(200, |i| Slot::new(Packed::new(Value::Text(cx.alloc_str(&i.to_string())))));
                let weak = Gc::downgrade(pair(cx, Value::Small(3), Value::Nil), cx);
                let list = pair(cx, Value::Row(row), Value::Pair(pair(cx, Value::Maybe(weak), Value::Number(0.5))));
                pair(cx, Value::Nil, Value::Pair(list))
            };
            let root = cx.root(made);
            let loose = cx.root_cell(Packed::new(Value::Nil));
            let mut ended = false;
            for _ in 0..steps {
                ended |= cx.step(Budget::work(1)).cycle_ended;
            }
            // From the slot to a root, then to the other slot, over what was there.
            let root_now = root.get(cx);
            loose.set(cx, root_now.cdr.get());
            root_now.cdr.pack(cx, Value::Small(1));
            cx.verify().unwrap();
            cx.step(Budget::work(1));
            let root_now = root.get(cx);
            root_now.car.set(cx, loose.get(cx));
            loose.set(cx, Value::Nil.into());
            while !cx.step(Budget::work(1)).cycle_ended {
                cx.verify().unwrap();
            }
            cx.collect();
            cx.verify().unwrap();
            assert_eq!(total(Value::Pair(root.get(cx))), 199.0 * 100.0 + 1.5);
            let Value::Pair(list) = root.get(cx).car.unpack() else { panic!("the list is lost") };
            let Value::Pair(last) = list.cdr.unpack() else { panic!("the rest is lost") };
            let Value::Maybe(weak) = last.car.unpack() else { panic!("the weak pointer is lost") };
            assert!(weak.upgrade(cx).is_none(), "only a weak pointer leads to it");
            ended
        });
        if ended {
            return;
        }
    }
}

/// Objects that only packed words of a list, of a stack or of a map lead to.
fn a_program_under_stress<B: Barrier>() {
    let mut heap = Heap::builder().stress(true).floor(0).barrier::<B>().build().unwrap();
    heap.enter(|cx| {
        let list = cx.alloc(List::<'_, Packed<Value<'_>>>::new());
        let list = cx.root(list);
        let kept = cx.root_cell(Packed::new(Value::Nil));
        let mut expected = 0.0;
        for turn in 0..400 {
            let value = match turn % 4 {
                0 => Value::Number(turn.into()),
                1 => Value::Text(cx.alloc_str(&turn.to_string())),
                2 => Value::Pair(pair(cx, Value::Small(turn), kept.get(cx).unpack())),
                _ => Value::Row(cx.alloc_array(3, |_| Slot::new(Packed::new(Value::Small(turn))))),
            };
            match turn % 4 {
                2 => kept.set(cx, value.into()),
                three => {
                    expected += f64::from(turn) * if three == 3 { 3.0 } else { 1.0 };
                    list.get(cx).push(cx, value.into());
                }
            }
            cx.safepoint();
            if turn % 50 == 0 {
                cx.verify().unwrap();
            }
        }
        let sum: f64 = list.get(cx).iter().map(|packed| total(packed.unpack())).sum();
        assert_eq!(sum, expected);
        assert_eq!(total(kept.get(cx).unpack()), (0..400).filter(|turn| turn % 4 == 2).sum::<i32>().into());
    });
}

trait Counts {
    fn count(&self) -> u64;
}
dyn_trait!(Counts);

impl Counts for u64 {
    fn count(&self) -> u64 {
        *self
    }
}

/// Pointers to objects of any type, and by a trait, beside one of a type of its own.
#[derive(Clone, Copy, Trace, Pack)]
enum Open<'gc> {
    Nothing,
    Any(AnyGc<'gc>),
    Counts(DynGc<'gc, dyn Counts>),
    Number(Gc<'gc, u64>),
}

fn pointers_of_open_types<B: Barrier>() {
    heap::<B>().enter(|cx| {
        let nothing = Packed::new(Open::Nothing);
        let slots = cx.root(cx.alloc([(); 3].map(|()| Slot::new(nothing))));
        {
            let (number, slots) = (cx.alloc(7u64), slots.get(cx));
            slots[0].pack(cx, Open::Any(number.into()));
            slots[1].pack(cx, Open::Counts(cx.alloc_dyn(8u64)));
            slots[2].pack(cx, Open::Any(cx.alloc_str("nine").into()));
            assert!(matches!(slots[0].unpack(), Open::Any(any) if any.downcast() == Some(number)));
            assert!(!Packed::ptr_eq(slots[0].get(), Packed::new(Open::Number(number))));
        }
        cx.collect();
        cx.verify().unwrap();
        // The number, the object that counts, the text, and the three slots.
        assert_eq!(cx.stats().objects_allocated() - cx.stats().objects_freed(), 4);
        let [number, counts, text] = slots.get(cx).as_ref().each_ref().map(|slot| slot.unpack());
        let Open::Any(number) = number else { panic!("another variant") };
        assert_eq!(number.downcast::<u64>().map(|number| *number), Some(7));
        let Open::Counts(counts) = counts else { panic!("another variant") };
        assert_eq!(counts.count(), 8);
        let Open::Any(text) = text else { panic!("another variant") };
        assert_eq!(text.downcast_str().unwrap(), "nine");
    });
}

/// A test for each policy.
macro_rules! each_policy {
    ($($name:ident)*) => {$(
        mod $name {
            use super::*;
            #[test]
            fn insertion() { super::$name::<Insertion>() }
            #[test]
            fn deletion() { super::$name::<Deletion>() }
            #[test]
            fn roots_first() { super::$name::<RootsFirst>() }
            #[test]
            fn hybrid() { super::$name::<Hybrid>() }
            #[test]
            fn watermark() { super::$name::<Watermark>() }
            #[test]
            fn stop_the_world() { super::$name::<StopTheWorld>() }
        }
    )*};
}

each_policy! { a_move_while_marking a_program_under_stress pointers_of_open_types }
