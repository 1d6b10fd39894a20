//! Owners: the bytes counted outside the heap are those that its objects hold there, and garbage that holds many is
//! collected in time. And `is_alive`, which does not keep its object alive.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use grisaille::{
    Barrier, Deletion, Edit, External, Gc, Heap, Hybrid, Insertion, List, Mutator, Owned, Phase, RefLock, Rooted,
    RootsFirst, StopTheWorld, Sweep, Trace, Watermark, Weak,
};

/// Runs a test under each policy.
macro_rules! each_policy {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            checks::$name::<Insertion>();
            checks::$name::<Deletion>();
            checks::$name::<RootsFirst>();
            checks::$name::<Hybrid>();
            checks::$name::<Watermark>();
            checks::$name::<StopTheWorld>();
        }
    )*};
}

each_policy! {
    garbage_strings_are_collected_in_time
    what_is_counted_is_what_lives
    who_asks_does_not_keep_alive
    the_answer_is_final_once_it_is_no
}

const SWEEPS: [Sweep; 3] = [Sweep::Concurrent, Sweep::Lazy, Sweep::Eager];

/// An object that is dropped on the mutator's thread.
#[derive(Trace)]
struct Slow {
    #[trace(skip)]
    chars: RefCell<Owned<Vec<char>>>,
}

/// An object that may be dropped on the sweeper's thread.
#[derive(Trace)]
#[trace(drop = "background")]
struct Background {
    #[trace(skip)]
    chars: Mutex<Owned<Vec<char>>>,
}

/// An object with pointers.
#[derive(Trace)]
struct Node<'gc> {
    children: Owned<Vec<Gc<'gc, u64>>>,
    names: Owned<HashMap<u64, Gc<'gc, u64>>>,
}

fn external<B: Barrier>(cx: &Mutator<'_, B>) -> usize {
    cx.stats().bytes_external() as usize
}

mod checks {
    use super::*;

    /// Strings of 100,000 characters, made one by one, that nothing keeps: 400,000 bytes each, 1.2 GB together. Between
    /// two safepoints one is made.
    pub fn garbage_strings_are_collected_in_time<B: Barrier>() {
        const LEN: usize = 100_000;
        let makers: [fn(&Mutator<'_, B>); 4] = [
            |cx| _ = cx.alloc(cx.own(Vec::<char>::with_capacity(LEN))),
            |cx| _ = cx.alloc(Slow { chars: RefCell::new(cx.own(Vec::with_capacity(LEN))) }),
            |cx| _ = cx.alloc(Background { chars: Mutex::new(cx.own(Vec::with_capacity(LEN))) }),
            // The string grows after its owner is made.
            |cx| {
                let text = cx.alloc(RefLock::new(cx.own(Vec::<char>::new())));
                RefLock::borrow_mut(text, cx).edit(cx).reserve_exact(LEN);
            },
        ];
        for (sweep, make) in SWEEPS.into_iter().flat_map(|sweep| makers.map(|make| (sweep, make))) {
            const FLOOR: usize = 16 << 20;
            let mut heap = Heap::builder().barrier::<B>().sweep(sweep).floor(FLOOR).build().unwrap();
            heap.enter(|cx| {
                let mut most = 0;
                for _ in 0..3_000 {
                    make(cx);
                    most = most.max(external(cx));
                    cx.safepoint();
                }
                // Nothing lives, so the goal is the heap's minimum.
                let bound = FLOOR + FLOOR / 10 + 4 * LEN;
                assert!(most <= bound, "{} {sweep:?}: {most} bytes, bound {bound}", <B as Barrier>::NAME);
                cx.collect();
                assert_eq!(external(cx), 0);
            });
        }
    }

    /// Owners of all sorts, half of which are kept.
    pub fn what_is_counted_is_what_lives<B: Barrier>() {
        for sweep in SWEEPS {
            let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
            heap.enter(|cx| {
                let nodes: Vec<Rooted<'_, Gc<'_, RefLock<Node<'_>>>>> = (0..40)
                    .map(|n| {
                        let node = Node { children: cx.own(Vec::new()), names: cx.own(HashMap::new()) };
                        let node = cx.alloc(RefLock::new(node));
                        let garbage = Node { children: cx.own(vec![cx.alloc(n)]), names: cx.own(HashMap::new()) };
                        cx.alloc(RefLock::new(garbage));
                        cx.alloc(Slow { chars: RefCell::new(cx.own(vec!['a'; 10])) });
                        cx.alloc(Background { chars: Mutex::new(cx.own(vec!['a'; 10])) });
                        cx.alloc(cx.own(n.to_string()));
                        cx.root(node)
                    })
                    .collect();
                let mut expected = 0;
                for round in 0..5 {
                    expected = 0;
                    for (n, node) in nodes.iter().enumerate() {
                        let number = cx.alloc(n as u64);
                        let mut node = RefLock::borrow_mut(node.get(cx), cx);
                        let Node { children, names } = &mut *node;
                        children.edit(cx).push(number);
                        let mut edit = names.edit(cx);
                        edit.insert(round, number);
                        if n % 3 == 0 {
                            edit.shrink_to_fit();
                        }
                        drop(edit);
                        assert_eq!(children.counted(), children.capacity() * size_of::<Gc<'_, u64>>());
                        assert_eq!(names.counted(), names.bytes_external());
                        expected += children.counted() + names.counted();
                    }
                    cx.collect();
                    assert_eq!(external(cx), expected, "{} {sweep:?}", <B as Barrier>::NAME);
                }
                // Their pointers were traced.
                let is_whole = |(n, node): (usize, &Rooted<'_, Gc<'_, RefLock<Node<'_>>>>)| {
                    let node = Gc::as_ref(node.get(cx)).borrow();
                    node.children.iter().chain(node.names.values()).all(|child| **child == n as u64)
                };
                assert!(nodes.iter().enumerate().all(is_whole));
                assert!(expected > 0);
            });
            heap.enter(|cx| cx.collect());
            assert_eq!(heap.stats().bytes_external(), 0);
        }
    }

    /// The weak observers that each tick asks, and that nothing else holds.
    fn polled<B: Barrier>(ask: impl for<'a> Fn(&'a Mutator<'_, B>, Weak<'a, u64>) -> bool) -> usize {
        let mut heap = Heap::builder().barrier::<B>().build().unwrap();
        heap.enter(|cx| {
            let observers = cx.root(cx.alloc(List::<Weak<'_, u64>>::new()));
            for n in 0..1000u64 {
                observers.get(cx).push(cx, Gc::downgrade(cx.alloc(n), cx));
            }
            let mut alive = 0;
            while cx.stats().cycles() < 4 {
                alive = observers.get(cx).iter().filter(|weak| ask(cx, *weak)).count();
                for n in 0..50u64 {
                    cx.alloc([n; 100]);
                }
                cx.safepoint();
            }
            alive
        })
    }

    pub fn who_asks_does_not_keep_alive<B: Barrier>() {
        assert_eq!(polled::<B>(|cx, weak| weak.is_alive(cx)), 0, "{}", <B as Barrier>::NAME);
        // What the documentation of `upgrade` says of polling.
        let keeps = ["deletion", "roots-first", "hybrid", "watermark"].contains(&<B as Barrier>::NAME);
        let expected = if keeps { 1000 } else { 0 };
        assert_eq!(polled::<B>(|cx, weak| weak.upgrade(cx).is_some()), expected, "{}", <B as Barrier>::NAME);
    }

    /// Asks after each piece of a cycle: weak pointer and ephemeron say yes up to some moment, and no from then on, as
    /// `upgrade` does.
    pub fn the_answer_is_final_once_it_is_no<B: Barrier>() {
        let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
        heap.enter(|cx| {
            let live = cx.root(cx.alloc(1u64));
            let dead = cx.alloc(2u64);
            let weak = cx.root([Gc::downgrade(live.get(cx), cx), Gc::downgrade(dead, cx)]);
            let ephemerons = [cx.alloc_ephemeron(live.get(cx), 1u64), cx.alloc_ephemeron(dead, 2u64)];
            let ephemerons = cx.root(ephemerons);
            let (mut was_alive, mut ended) = (true, false);
            while !ended {
                ended = cx.step(grisaille::Budget::work(1)).cycle_ended;
                let [lives, dies] = weak.get(cx);
                let [keyed, unkeyed] = ephemerons.get(cx);
                assert!(lives.is_alive(cx) && keyed.is_alive(cx));
                let is_alive = dies.is_alive(cx);
                assert!(was_alive || !is_alive, "it rose from the dead");
                assert_eq!(is_alive, unkeyed.is_alive(cx));
                was_alive = is_alive;
                if !is_alive {
                    assert!(dies.upgrade(cx).is_none() && unkeyed.key(cx).is_none());
                } else {
                    assert!(!matches!(cx.phase(), Phase::Weak | Phase::Sweep | Phase::Release), "{:?}", cx.phase());
                }
            }
            assert!(!was_alive);
        });
    }
}

/// An owner is counted in the heap that it is in, whichever thread made it.
#[test]
fn owners_move() {
    let (mut a, mut b) = (Heap::new(), Heap::new());
    let owner = a.enter(|cx| cx.own(vec![0u8; 100]));
    assert_eq!(a.stats().bytes_external(), 100);
    let kept = b.enter(|cx| {
        let object = cx.alloc(RefLock::new(owner));
        assert_eq!(external(cx), 0);
        RefLock::borrow_mut(object, cx).edit(cx).reserve_exact(200);
        assert_eq!(external(cx), 300);
        cx.persist(object)
    });
    assert_eq!((a.stats().bytes_external(), b.stats().bytes_external()), (0, 300));
    drop(kept);
    b.enter(|cx| cx.collect());
    assert_eq!(b.stats().bytes_external(), 0);

    // To another thread, and dropped there.
    let owner = a.enter(|cx| cx.own(String::from("text")));
    std::thread::spawn(move || assert_eq!(&*owner, "text")).join().unwrap();
    assert_eq!(a.stats().bytes_external(), 0);

    // Its heap is gone when it is dropped.
    let owner = a.enter(|cx| cx.own(String::from("text")));
    drop(a);
    assert_eq!(owner.counted(), 4);
    drop(owner);
}

#[test]
fn owners_are_swapped_replaced_forgotten() {
    Heap::new().enter(|cx| {
        let (mut a, mut b) = (cx.own(vec![0u8; 10]), cx.own(vec![0u8; 20]));
        std::mem::swap(&mut a, &mut b);
        assert_eq!((a.counted(), b.counted(), external(cx)), (20, 10, 30));
        std::mem::swap(&mut *a.edit(cx), &mut *b.edit(cx));
        assert_eq!((a.counted(), b.counted(), external(cx)), (10, 20, 30));
        a = cx.own(vec![0u8; 5]);
        assert_eq!(external(cx), 25);
        assert_eq!(b.replace(cx, Vec::new()).len(), 20);
        assert_eq!(external(cx), 5);
        assert_eq!(std::mem::take(&mut *a.edit(cx)).len(), 5);
        assert_eq!(external(cx), 0);

        // A guard that is forgotten leaves the count as it was, and the next edit corrects it.
        std::mem::forget::<Edit<'_, Vec<u8>>>({
            let mut edit = a.edit(cx);
            edit.reserve_exact(7);
            edit
        });
        assert_eq!(a.counted(), 0);
        drop(a.edit(cx));
        assert_eq!((a.counted(), external(cx)), (7, 7));

        // What a panic leaves is counted.
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut edit = a.edit(cx);
            edit.reserve_exact(50);
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(panicked.is_err());
        assert_eq!((a.counted(), external(cx)), (50, 50));

        // An owner that is forgotten leaks as it was counted.
        std::mem::forget(a);
        cx.collect();
        assert_eq!(external(cx), 50);
    });
}

/// At the limit a value comes back whole, and what grew beyond it makes the next owner be refused.
#[test]
fn the_limit_counts_what_is_owned() {
    let mut heap = Heap::builder().limit(4 << 20).build().unwrap();
    heap.enter(|cx| {
        let kept = cx.root(cx.alloc(RefLock::new(cx.own(vec![1u8; 3 << 20]))));
        let full = cx.try_own(vec![2u8; 3 << 20]).unwrap_err();
        assert_eq!((full.0[0], full.0.len(), full.requested()), (2, 3 << 20, 3 << 20));
        assert_eq!(external(cx), 3 << 20);
        RefLock::borrow_mut(kept.get(cx), cx).edit(cx).reserve_exact(6 << 20);
        assert!(cx.try_own(vec![2u8; 1]).is_err());
        // What holds nothing needs no room.
        assert!(cx.try_own(String::new()).is_ok());
        *RefLock::borrow_mut(kept.get(cx), cx).edit(cx) = Vec::new();
        cx.safepoint();
        assert!(cx.try_own(full.0).is_ok());
    });
}

/// Garbage is no reason to refuse: 1,000 strings of a sixteenth of the limit.
#[test]
fn garbage_strings_do_not_fill_the_heap() {
    for sweep in SWEEPS {
        let mut heap = Heap::builder().sweep(sweep).limit(16 << 20).build().unwrap();
        heap.enter(|cx| {
            for n in 0..1_000 {
                let text = cx.try_own(vec![0u8; 1 << 20]).unwrap_or_else(|full| panic!("{sweep:?}, {n}: {full:?}"));
                cx.try_alloc(text).unwrap();
                cx.safepoint();
            }
        });
    }
}

/// A wrong measure affects the pace only: sums stay far from where they overflow.
#[test]
fn absurd_measures_do_no_harm() {
    struct Liar(usize);
    impl External for Liar {
        fn bytes_external(&self) -> usize {
            self.0
        }
    }
    let mut heap = Heap::builder().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let mut owners: Vec<Owned<Liar>> = (0..4).map(|n| cx.own(Liar(usize::MAX - n))).collect();
        let kept = cx.root(cx.alloc(7));
        cx.adjust_external(isize::MAX);
        cx.collect();
        owners.iter_mut().for_each(|owner| owner.edit(cx).0 = 1);
        cx.adjust_external(-(1 << 50));
        cx.collect();
        owners.clear();
        cx.collect();
        assert_eq!((external(cx), *kept.get(cx)), (0, 7));
    });
}

/// The collections of the standard library, as fields and payloads.
#[test]
fn what_can_be_owned() {
    Heap::new().enter(|cx| {
        let number = cx.alloc(1);
        let map = cx.alloc(RefLock::new(cx.own(BTreeMap::<u64, Gc<'_, i32>>::new())));
        RefLock::borrow_mut(map, cx).edit(cx).insert(1, number);
        assert!(external(cx) >= 16);
        let pair = cx.alloc(cx.own((String::with_capacity(10), Some(vec![0u8; 20]))));
        assert_eq!(pair.counted(), 30);
        assert_eq!(format!("{:?} {}", cx.own(vec![1]), cx.own(String::from("text"))), "[1] text");
    });
}
