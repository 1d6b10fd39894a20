//! Payloads of types that ask for 16 bytes of alignment.

use grisaille::{Array, Barrier, Check, Gc, Heap, List, Lock, Map, Mutator, Rooted, Slot, Trace};
use proptest::prelude::*;

use crate::ledger::{Entry, Ledger};
use crate::{SWEEPS, for_each_policy};

/// A pointer among numbers that are aligned to 16.
#[derive(Clone, Copy, Trace)]
struct Wide<'gc> {
    number: u128,
    next: Option<Gc<'gc, u64>>,
}

#[derive(Trace)]
#[repr(align(16))]
struct Aligned<'gc, const WORDS: usize> {
    words: [u64; WORDS],
    next: Slot<Option<Gc<'gc, u64>>>,
}

#[derive(Trace)]
#[repr(align(16))]
struct Entered {
    number: u64,
    #[trace(skip)]
    _entry: Entry,
}

#[derive(Trace)]
struct Beside {
    #[trace(skip)]
    _entry: Entry,
}

#[track_caller]
fn aligned<T>(at: &T) {
    assert!(std::ptr::from_ref(at).is_aligned(), "{:p} of {}", at, std::any::type_name::<T>());
}

/// One object of each shape that can hold such a value, all of which hold `n`.
#[derive(Clone, Copy, Trace)]
struct All<'gc> {
    bare: Gc<'gc, u128>,
    wide: Gc<'gc, Wide<'gc>>,
    small: Gc<'gc, Aligned<'gc, 1>>,
    medium: Gc<'gc, Aligned<'gc, 100>>,
    big: Gc<'gc, Aligned<'gc, 700>>,
    large: Gc<'gc, Aligned<'gc, 5000>>,
    lock: Gc<'gc, Lock<u128>>,
    slot: Gc<'gc, Slot<Wide<'gc>>>,
    array: Array<'gc, u128>,
    slots: Array<'gc, Slot<Wide<'gc>>>,
    nothing: Array<'gc, u128>,
    list: Gc<'gc, List<'gc, Wide<'gc>>>,
    map: Gc<'gc, Map<'gc, u64, u128>>,
}

impl<'gc> All<'gc> {
    fn new<B: Barrier>(cx: &'gc Mutator<'_, B>, n: u64, len: usize) -> All<'gc> {
        let wide = || Wide { number: n.into(), next: Some(cx.alloc(n)) };
        let list = cx.alloc(List::new());
        (0..len).for_each(|_| list.push(cx, wide()));
        let map = cx.alloc(Map::new());
        map.insert(cx, n, n.into());
        All {
            bare: cx.alloc(n.into()),
            wide: cx.alloc(wide()),
            small: cx.alloc(Aligned { words: [n], next: Slot::new(Some(cx.alloc(n))) }),
            medium: cx.alloc(Aligned { words: [n; 100], next: Slot::new(Some(cx.alloc(n))) }),
            big: cx.alloc(Aligned { words: [n; 700], next: Slot::new(Some(cx.alloc(n))) }),
            large: cx.alloc(Aligned { words: [n; 5000], next: Slot::new(Some(cx.alloc(n))) }),
            lock: cx.alloc(Lock::new(n.into())),
            slot: cx.alloc(Slot::new(wide())),
            array: cx.alloc_array(len, |_| n.into()),
            slots: cx.alloc_array(len, |_| Slot::new(wide())),
            nothing: cx.alloc_array(0, |_| 0),
            list,
            map,
        }
    }

    fn check(self, n: u64) {
        let holds = |wide: Wide<'_>| assert_eq!((wide.number, wide.next.map(|n| *n)), (n.into(), Some(n)));
        aligned(self.bare.as_ref());
        assert_eq!(*self.bare, n.into());
        aligned(self.wide.as_ref());
        holds(*self.wide);
        fn words<const WORDS: usize>(object: Gc<'_, Aligned<'_, WORDS>>, n: u64) {
            aligned(object.as_ref());
            assert!(object.words == [n; WORDS] && object.next.get().is_some_and(|next| *next == n));
        }
        words(self.small, n);
        words(self.medium, n);
        words(self.big, n);
        words(self.large, n);
        aligned(self.lock.as_ref());
        assert_eq!(self.lock.get(), n.into());
        aligned(self.slot.as_ref());
        holds(self.slot.get());
        self.array.iter().for_each(|number| {
            aligned(number);
            assert_eq!(*number, n.into());
        });
        self.slots.iter().chain(self.list.as_slice()).for_each(|slot| {
            aligned(slot);
            holds(slot.get());
        });
        assert!(self.nothing.is_empty() && self.nothing.as_ptr().is_aligned());
        assert_eq!((self.slots.len(), self.list.len()), (self.array.len(), self.array.len()));
        assert_eq!(self.map.get(n), Some(n.into()));
    }
}

/// All, an array of the other alignment, and all before them.
type Kept<'gc> = (All<'gc>, Array<'gc, usize>, Gc<'gc, (Option<All<'gc>>, Array<'gc, usize>)>);

/// Objects of either alignment come and go, so that holes of all sizes begin at any granule.
fn fragmented<B: Barrier>() {
    for sweep in SWEEPS {
        let heap = Heap::builder().barrier::<B>().sweep(sweep).stress(true).check(Check::EveryStep).build();
        heap.unwrap().enter(|cx| {
            let kept = cx.root_cell(None::<Kept<'_>>);
            for n in 0..40 {
                let all = All::new(cx, n, n as usize * 7 % 30);
                let plain = cx.alloc_array(n as usize % 5, |i| i);
                let before = kept.get(cx).map(|(all, ..): Kept<'_>| all);
                kept.set(cx, Some((all, plain, cx.alloc((before, plain)))));
                for _ in 0..n % 3 {
                    cx.alloc(1u8);
                    cx.alloc(1u128);
                }
                cx.safepoint();
                let (all, plain, before): Kept<'_> = kept.get(cx).unwrap();
                all.check(n);
                assert!(plain.iter().copied().eq(0..n as usize % 5));
                if let Some(all) = before.0 {
                    all.check(n - 1);
                }
            }
        });
    }
}

/// What dies is dropped once, on the mutator's thread, and memory of either alignment is used for the other.
fn drops<B: Barrier>() {
    for sweep in SWEEPS {
        let ledger = Ledger::default();
        let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
        heap.enter(|cx| {
            for round in 0..10 {
                cx.scope(|cx, _| {
                    let kept: Vec<Rooted<'_, Gc<'_, Entered>>> = (0..500)
                        .map(|number| {
                            cx.alloc(Entered { number, _entry: ledger.born() });
                            cx.alloc(Beside { _entry: ledger.born() });
                            cx.root(cx.alloc(Entered { number, _entry: ledger.born() }))
                        })
                        .collect();
                    cx.collect();
                    cx.verify().unwrap();
                    for (number, object) in kept.iter().enumerate() {
                        aligned(object.get(cx).as_ref());
                        assert_eq!(object.get(cx).number, number as u64);
                    }
                });
                cx.collect();
                assert!(cx.stats().bytes_used() < 256 << 10, "round {round}: {} bytes", cx.stats().bytes_used());
            }
        });
        drop(heap);
        ledger.assert_all_died_once();
    }
}

for_each_policy!(fragmented drops);

/// What a program of [`placed`] allocates: an array of so many elements.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Bytes(usize),
    Words(usize),
    Wide(usize),
    Mortal(usize),
}

fn shape() -> impl Strategy<Value = Shape> {
    let len = prop_oneof![20 => 0..8usize, 4 => 0..100usize, 1 => 0..2500usize];
    (0..4, len).prop_map(|(shape, len)| match shape {
        0 => Shape::Bytes(len),
        1 => Shape::Words(len),
        2 => Shape::Wide(len),
        _ => Shape::Mortal(len),
    })
}

#[derive(Clone, Copy, Trace)]
enum Placed<'gc> {
    Bytes(Array<'gc, u8>),
    Words(Array<'gc, u64>),
    Wide(Array<'gc, u128>),
    Mortal(Array<'gc, (u128, Box<u128>)>),
}

type AllPlaced<'gc> = Gc<'gc, List<'gc, (u8, Placed<'gc>)>>;

fn intact(all: AllPlaced<'_>) {
    all.iter().for_each(|(number, placed)| placed.check(number));
}

impl Placed<'_> {
    fn check(self, n: u8) {
        match self {
            Placed::Bytes(array) => assert!(array.iter().all(|byte| *byte == n)),
            Placed::Words(array) => assert!(array.iter().all(|word| *word == n.into())),
            Placed::Wide(array) => array.iter().for_each(|wide| {
                aligned(wide);
                assert_eq!(*wide, n.into());
            }),
            Placed::Mortal(array) => array.iter().for_each(|pair| {
                aligned(pair);
                assert_eq!((pair.0, *pair.1), (n.into(), n.into()));
            }),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Arrays of any length and alignment, of which those that a bit names are kept until the next turn.
    #[test]
    fn placed(turns in prop::collection::vec((prop::collection::vec(shape(), 1..60), any::<u64>()), 1..8), sweep in 0..3usize) {
        let heap = Heap::builder().sweep(SWEEPS[sweep]).automatic(false).check(Check::EveryStep).build();
        heap.unwrap().enter(|cx| {
            let kept = cx.root_cell(None::<AllPlaced<'_>>);
            for (shapes, keep) in &turns {
                let all = cx.alloc(List::new());
                for (n, shape) in shapes.iter().enumerate() {
                    let number = n as u8;
                    let placed = match *shape {
                        Shape::Bytes(len) => Placed::Bytes(cx.alloc_array(len, |_| number)),
                        Shape::Words(len) => Placed::Words(cx.alloc_array(len, |_| number.into())),
                        Shape::Wide(len) => Placed::Wide(cx.alloc_array(len, |_| number.into())),
                        Shape::Mortal(len) => {
                            Placed::Mortal(cx.alloc_array(len, |_| (u128::from(number), Box::new(u128::from(number)))))
                        }
                    };
                    if keep >> n & 1 != 0 {
                        all.push(cx, (number, placed));
                    }
                }
                kept.get(cx).map(intact);
                kept.set(cx, Some(all));
                cx.step(grisaille::Budget::work(2000));
                kept.get(cx).map(intact);
                cx.collect();
                kept.get(cx).map(intact);
            }
        });
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn vectors_of_the_processor() {
    use core::arch::x86_64::{__m128, __m128i};
    // SAFETY: as many numbers as the vector has, and any are valid.
    let vector = |number: f32| unsafe { core::mem::transmute::<[f32; 4], __m128>([number; 4]) };
    // SAFETY: as above.
    let zero = unsafe { core::mem::transmute::<u128, __m128i>(0) };
    Heap::new().enter(|cx| {
        let one = cx.root(cx.alloc(vector(1.0)));
        let zeros: Array<'_, __m128i> = cx.alloc_array(9, |_| zero);
        zeros.iter().for_each(aligned);
        cx.collect();
        let one = one.get(cx);
        aligned(one.as_ref());
        // SAFETY: as above.
        assert_eq!(unsafe { core::mem::transmute::<__m128, [f32; 4]>(*one) }, [1.0; 4]);
    });
}
