//! Safe programs that tried to break the heap, and are harmless. Those that must not compile are in `tests/ui`.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use grisaille::{
    AnyGc, Barrier, Budget, Coerce, Deletion, DynGc, DynTrait, Gc, Heap, Hybrid, Insertion, Mutator, Persistent, Ref,
    RefLock, RefMut, RootsFirst, Slot, Stack, StackView, StopTheWorld, Sweep, Trace, Watermark, dyn_trait,
};

/// Runs a generic attack on each policy.
macro_rules! on_each_policy {
    ($attack:ident) => {
        $attack::<Insertion>();
        $attack::<Deletion>();
        $attack::<RootsFirst>();
        $attack::<Hybrid>();
        $attack::<Watermark>();
        $attack::<StopTheWorld>();
    };
}

fn heap<B: Barrier>() -> Heap<B> {
    Heap::builder().barrier::<B>().automatic(false).build().unwrap()
}

/// A value whose drop counts.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

// ---- handles on other threads

#[test]
fn handles_are_dropped_on_one_thread_while_the_heap_is_scanned_on_another() {
    fn attack<B: Barrier>() {
        let mut heap = heap::<B>();
        let stop = AtomicBool::new(false);
        let (sender, handles) =
            std::sync::mpsc::sync_channel::<(Persistent<Gc<'static, u64>>, Stack<Gc<'static, u64>>)>(64);
        thread::scope(|threads| {
            threads.spawn(|| handles.into_iter().for_each(drop));
            heap.enter(|cx| {
                let kept = cx.persist(cx.alloc(7u64));
                for i in 0..3000 {
                    let mut stack = Stack::new(cx);
                    stack.open(cx).push(cx, cx.alloc(i));
                    sender.send((cx.persist(cx.alloc(i)), stack)).unwrap();
                    cx.step(Budget::work(40));
                    assert_eq!(*kept.get(cx), 7);
                }
                drop(sender);
                stop.store(true, Ordering::Relaxed);
            });
        });
        heap.enter(|cx| {
            cx.collect();
            assert!(cx.stats().objects_allocated() - cx.stats().objects_freed() <= 1);
        });
    }
    on_each_policy!(attack);
}

#[test]
fn handles_outlive_their_heap_on_another_thread() {
    let (root, stack) = Heap::new().enter(|cx| {
        let mut stack: Stack<Gc<'static, u64>> = Stack::new(cx);
        stack.open(cx).push(cx, cx.alloc(1));
        (cx.persist(cx.alloc(1u64)), stack)
    });
    thread::spawn(move || drop((root, stack))).join().unwrap();
}

// ---- guards that are forgotten

#[test]
fn a_view_is_forgotten() {
    fn attack<B: Barrier>() {
        heap::<B>().enter(|cx| {
            let mut stack: Stack<Gc<'static, u64>> = Stack::new(cx);
            for i in 0..40 {
                let mut view = stack.open(cx);
                view.push(cx, cx.alloc(i));
                view.cells(cx, 0..1)[0].set(cx.alloc(0));
                #[allow(
                    clippy::forget_non_drop,
                    reason = "it has no state that a drop could settle: that is the point"
                )]
                mem::forget(view);
                cx.step(Budget::work(1));
            }
            cx.collect();
            let view = stack.open(cx);
            assert!((0..40).all(|i| *view.at(cx, i) == i as u64), "length and notes are the stack's, not the view's");
        });
    }
    on_each_policy!(attack);
}

#[test]
fn a_borrow_is_forgotten() {
    fn attack<B: Barrier>() {
        heap::<B>().enter(|cx| {
            let list = cx.root(cx.alloc(RefLock::new(vec![cx.alloc(1u64)])));
            cx.step(Budget::work(1));
            let mut guard = RefLock::borrow_mut(list.get(cx), cx);
            guard.push(cx.alloc(2));
            mem::forget(guard);
            cx.collect();
            assert!(list.get(cx).try_borrow().is_err() && RefLock::try_borrow_mut(list.get(cx), cx).is_err());
            assert!(catch_unwind(AssertUnwindSafe(|| drop(list.get(cx).borrow()))).is_err());
            cx.collect();

            let shared = cx.root(cx.alloc(RefLock::new(vec![cx.alloc(3u64)])));
            mem::forget(shared.get(cx).borrow());
            cx.collect();
            assert_eq!(*shared.get(cx).borrow()[0], 3);
            assert!(RefLock::try_borrow_mut(shared.get(cx), cx).is_err(), "borrowed for ever, and nothing worse");
        });
    }
    on_each_policy!(attack);
}

/// A guard that is passed by value ends in the middle of the call, and what was copied out of it is not written after that.
/// (`tests/hostile` has both at each level of optimization.)
#[test]
fn a_guard_ends_before_the_call_that_it_was_passed_to() {
    #[inline(never)]
    fn sum(numbers: &[u64; 8]) -> u64 {
        numbers.iter().sum()
    }
    #[inline(never)]
    fn exclusive<'a>(guard: RefMut<'a, [u64; 8]>, lock: Gc<'a, RefLock<[u64; 8]>>, cx: &'a Mutator<'_>) -> u64 {
        let copy = *guard;
        drop(guard);
        RefLock::borrow_mut(lock, cx)[1] = 100;
        sum(&copy)
    }
    #[inline(never)]
    fn shared<'a>(guard: Ref<'a, [u64; 8]>, lock: Gc<'a, RefLock<[u64; 8]>>, cx: &'a Mutator<'_>) -> u64 {
        let copy = *guard;
        drop(guard);
        RefLock::borrow_mut(lock, cx)[1] = 1000;
        sum(&copy)
    }
    heap::<RootsFirst>().enter(|cx| {
        let lock = cx.alloc(RefLock::new([1u64; 8]));
        assert_eq!(exclusive(RefLock::borrow_mut(lock, cx), lock, cx), 8);
        assert_eq!(shared(lock.borrow(), lock, cx), 107);
    });
}

/// A guard of a part holds the whole, and its end is the end of the borrow: also where the closure that chooses the part
/// panics, and where the part is forgotten.
#[test]
fn a_guard_of_a_part_borrows_the_whole() {
    heap::<RootsFirst>().enter(|cx| {
        let pair = cx.root(cx.alloc(RefLock::new((vec![cx.alloc(1u64)], 2u64))));
        let lock = pair.get(cx);
        let is_free = || RefLock::try_borrow_mut(lock, cx).is_ok();
        let first = Ref::map(Ref::map(lock.borrow(), |pair| &pair.0), |list| &*list[0]);
        let second = lock.borrow();
        assert_eq!((*first, second.1), (1, 2));
        drop(second);
        assert!(!is_free());
        drop(first);
        assert!(is_free());

        let panics = |guard| Ref::map(guard, |_: &(Vec<_>, u64)| -> &u64 { panic!("no part") });
        assert!(catch_unwind(AssertUnwindSafe(|| drop(panics(lock.borrow())))).is_err());
        assert!(is_free());
        let panics = |guard| RefMut::map(guard, |_: &mut (Vec<_>, u64)| -> &mut u64 { panic!("no part") });
        assert!(catch_unwind(AssertUnwindSafe(|| drop(panics(RefLock::borrow_mut(lock, cx))))).is_err());
        assert!(is_free());

        let mut list = RefMut::map(RefLock::borrow_mut(lock, cx), |pair| pair.0.as_mut_slice());
        list[0] = cx.alloc(3);
        assert!(lock.try_borrow().is_err());
        mem::forget(list);
        cx.collect();
        assert!(pair.get(cx).try_borrow().is_err(), "borrowed for ever, and nothing worse");
    });
}

/// As `a_guard_ends_before_the_call_that_it_was_passed_to`, of a part.
#[test]
fn a_guard_of_a_part_ends_before_the_call_that_it_was_passed_to() {
    #[inline(never)]
    fn sum(numbers: &[u64; 8]) -> u64 {
        numbers.iter().sum()
    }
    #[inline(never)]
    fn exclusive<'a>(guard: RefMut<'a, [u64; 8]>, lock: Gc<'a, RefLock<(u64, [u64; 8])>>, cx: &'a Mutator<'_>) -> u64 {
        let copy = *guard;
        drop(guard);
        RefLock::borrow_mut(lock, cx).1[1] = 100;
        sum(&copy)
    }
    heap::<RootsFirst>().enter(|cx| {
        let lock = cx.alloc(RefLock::new((0u64, [1u64; 8])));
        assert_eq!(exclusive(RefMut::map(RefLock::borrow_mut(lock, cx), |pair| &mut pair.1), lock, cx), 8);
        assert_eq!(lock.borrow().1[1], 100);
    });
}

#[test]
fn a_guard_survives_the_panic_that_it_is_in() {
    heap::<RootsFirst>().enter(|cx| {
        let list = cx.root(cx.alloc(RefLock::new(vec![1u64])));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut guard = RefLock::borrow_mut(list.get(cx), cx);
            guard.push(2);
            panic!("while it is borrowed");
        }));
        assert!(panicked.is_err());
        assert_eq!(*list.get(cx).borrow(), [1, 2]);
    });
}

#[test]
fn a_handle_is_forgotten() {
    heap::<RootsFirst>().enter(|cx| {
        let mut stack: Stack<Gc<'static, u64>> = Stack::new(cx);
        stack.open(cx).push(cx, cx.alloc(1));
        mem::forget(stack);
        mem::forget(cx.persist(cx.alloc(2)));
        cx.collect();
        assert_eq!(cx.stats().objects_freed(), 0, "leaked, not freed");
    });
}

#[test]
fn a_heap_is_forgotten() {
    let root = {
        let mut heap = heap::<RootsFirst>();
        let root = heap.enter(|cx| cx.persist(cx.alloc(1)));
        mem::forget(heap);
        root
    };
    drop(root);
    Heap::new().enter(|cx| cx.collect());
}

// ---- code of the user's that runs where it is least expected

/// A value whose drop enters a heap, allocates, collects, and enters another heap from there.
struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        let sum = Heap::new().enter(|cx| {
            let one = cx.root(cx.alloc(1));
            cx.collect();
            *one.get(cx) + cx.suspend(|| Heap::new().enter(|cx| *cx.alloc(2)))
        });
        assert_eq!(sum, 3);
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Trace)]
struct Own<'gc> {
    next: Option<Gc<'gc, Own<'gc>>>,
    #[trace(skip)]
    _busy: Busy,
}

#[derive(Trace)]
#[trace(drop = "background")]
struct Anywhere {
    weight: [u64; 40],
    #[trace(skip)]
    _busy: Busy,
}

#[test]
fn drops_enter_other_heaps() {
    fn attack<B: Barrier>() {
        for sweep in [Sweep::Concurrent, Sweep::Lazy, Sweep::Eager] {
            let drops = Arc::new(AtomicUsize::new(0));
            let mut heap = Heap::builder().barrier::<B>().sweep(sweep).automatic(false).build().unwrap();
            heap.enter(|cx| {
                let mut kept = cx.alloc(Own { next: None, _busy: Busy(drops.clone()) });
                for i in 0..20 {
                    kept = cx.alloc(Own { next: Some(kept), _busy: Busy(drops.clone()) });
                    cx.alloc(Own { next: Some(kept), _busy: Busy(drops.clone()) });
                    assert_eq!(cx.alloc(Anywhere { weight: [i; 40], _busy: Busy(drops.clone()) }).weight[39], i);
                }
                let kept = cx.root(kept);
                while !cx.step(Budget::work(1)).cycle_ended {}
                assert_eq!(drops.load(Ordering::Relaxed), 40);
                assert!(kept.get(cx).next.is_some());
            });
            drop(heap);
            assert_eq!(drops.load(Ordering::Relaxed), 61);
        }
    }
    on_each_policy!(attack);
}

#[test]
fn a_heap_is_dropped_inside_another() {
    let drops = Arc::new(AtomicUsize::new(0));
    let mut inner = heap::<RootsFirst>();
    inner.enter(|cx| {
        cx.alloc(Own { next: None, _busy: Busy(drops.clone()) });
    });
    heap::<RootsFirst>().enter(|cx| {
        let kept = cx.root(cx.alloc(1));
        drop(inner);
        assert_eq!(drops.load(Ordering::Relaxed), 1, "its drops run as if no heap were active");
        cx.collect();
        assert_eq!(*kept.get(cx), 1);
    });
}

/// A heap is `Send + 'static`, so it may live in another one's object.
#[test]
fn a_heap_lives_in_a_heap() {
    #[derive(Trace)]
    struct Nested {
        #[trace(skip)]
        heap: RefCell<Heap>,
        #[trace(skip)]
        root: Box<Persistent<Gc<'static, (Own<'static>, u64)>>>,
    }
    fn nest(drops: &Arc<AtomicUsize>) -> Nested {
        let mut heap = heap::<RootsFirst>();
        let root = heap.enter(|cx| cx.persist(cx.alloc((Own { next: None, _busy: Busy(drops.clone()) }, 5u64))));
        Nested { heap: RefCell::new(heap), root: root.into() }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let mut outer = heap::<RootsFirst>();
    outer.enter(|cx| {
        let (first, second) = cx.suspend({
            let drops = drops.clone();
            move || (nest(&drops), nest(&drops))
        });
        cx.alloc(first);
        let second = cx.root(cx.alloc(second));
        cx.collect();
        assert_eq!(drops.load(Ordering::Relaxed), 1, "the inner heap died with its object");
        let refused = catch_unwind(AssertUnwindSafe(|| second.get(cx).heap.borrow_mut().enter(|_| ())));
        assert!(refused.is_err(), "a heap inside a heap goes through suspend, however it got there");
        assert_eq!(format!("{:?}", second.get(cx).root), "Persistent { .. }");
    });
    drop(outer);
    assert_eq!(drops.load(Ordering::Relaxed), 2);
}

/// Handles of a heap in its own objects: cycles through a root leak until the heap is dropped; other cycles are freed.
#[test]
fn objects_hold_handles_of_their_own_heap() {
    #[derive(Trace)]
    struct Holder {
        #[trace(skip)]
        root: std::sync::Mutex<Option<Box<Persistent<Gc<'static, Holder>>>>>,
        #[trace(skip)]
        stack: Box<Stack<Gc<'static, Counter>>>,
    }
    #[derive(Trace)]
    struct Counter(#[trace(skip)] Counted);

    fn attack<B: Barrier>() {
        let drops = Arc::new(AtomicUsize::new(0));
        let mut heap = heap::<B>();
        heap.enter(|cx| {
            let holder = |cx: &Mutator<'_, B>| {
                let mut stack = Stack::new(cx);
                stack.open(cx).push(cx, cx.alloc(Counter(Counted(drops.clone()))));
                Holder { root: None.into(), stack: stack.into() }
            };
            let own = cx.alloc(holder(cx));
            *own.root.lock().unwrap() = Some(cx.persist(own).into());
            cx.alloc(holder(cx));
            for _ in 0..3 {
                cx.collect();
            }
            // The second holder died, then its stack, then what lay on that.
            assert_eq!(drops.load(Ordering::Relaxed), 1);
        });
        drop(heap);
        assert_eq!(drops.load(Ordering::Relaxed), 2);
    }
    on_each_policy!(attack);
}

thread_local! {
    static OF_THE_THREAD: RefCell<Heap> = RefCell::new(Heap::new());
}

#[test]
fn a_heap_in_a_thread_local_is_dropped_with_its_thread() {
    let drops = Arc::new(AtomicUsize::new(0));
    thread::spawn({
        let drops = drops.clone();
        move || {
            OF_THE_THREAD.with_borrow_mut(|heap| {
                heap.enter(|cx| {
                    cx.alloc(Own { next: None, _busy: Busy(drops) });
                });
            });
        }
    })
    .join()
    .unwrap();
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

/// A drop that uses the thread's own heap, which other code of the thread uses too.
#[test]
fn drops_use_the_threads_heap() {
    struct User;
    impl Drop for User {
        fn drop(&mut self) {
            OF_THE_THREAD.with_borrow_mut(|heap| heap.enter(|cx| assert_eq!(*cx.alloc(1), 1)));
        }
    }
    #[derive(Trace)]
    struct Object(#[trace(skip)] User);
    heap::<RootsFirst>().enter(|cx| {
        let object = cx.alloc(Object(User));
        let User = &object.0;
        cx.collect();
        assert_eq!(cx.stats().objects_freed(), 1);
    });
}

struct Grenade(Arc<AtomicUsize>);

impl Drop for Grenade {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("a drop panics");
    }
}

#[derive(Trace)]
struct Armed(#[trace(skip)] Grenade);

/// Panics in drops, while the heap is dropped because of a panic.
#[test]
fn a_heap_is_dropped_while_a_panic_goes_by() {
    let drops = Arc::new(AtomicUsize::new(0));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut heap = heap::<RootsFirst>();
        heap.enter(|cx| {
            for _ in 0..3 {
                cx.alloc(Armed(Grenade(drops.clone())));
            }
            panic!("the first one");
        })
    }));
    let panicked: Result<(), _> = panicked;
    assert_eq!(*panicked.unwrap_err().downcast::<&str>().unwrap(), "the first one");
    assert_eq!(drops.load(Ordering::Relaxed), 3);
    Heap::new().enter(|cx| assert_eq!(*cx.alloc(1), 1));
}

// ---- values out of their time

/// A value whose `Debug` must not be called by a handle: the value may be freed, or another heap be entered.
#[derive(Clone, Copy, Trace)]
struct Shy<'gc>(Option<Gc<'gc, u64>>);

impl fmt::Debug for Shy<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a handle called Debug")
    }
}

#[test]
fn handles_print_no_value() {
    let mut heap = heap::<RootsFirst>();
    let (root, stack) = heap.enter(|cx| {
        let local = cx.root(Shy(Some(cx.alloc(1))));
        assert_eq!(format!("{local:?}"), "Rooted { .. }");
        let mut stack: Stack<Shy<'static>> = Stack::new(cx);
        let mut view = stack.open(cx);
        view.push(cx, local.get(cx));
        assert!(format!("{view:?}").starts_with("StackView"));
        let object = cx.alloc(local.get(cx));
        assert!(format!("{object:?}").starts_with("Gc(0x"), "an address: following pointers need not end");
        assert!(format!("{:?}", Gc::downgrade(object, cx)).starts_with("Weak(0x"));
        assert!(!format!("{cx:?}").is_empty());
        (cx.persist(local.get(cx)), stack)
    });
    assert_eq!(format!("{root:?} {stack:?}"), "Persistent { .. } Stack { .. }");
    assert!(format!("{heap:?}").contains("roots-first"));
}

/// Values with padding and with two fields are no words.
#[test]
fn enums_of_two_fields_in_a_slot() {
    #[derive(Clone, Copy, PartialEq, Debug, Trace)]
    enum Padded {
        A(u8, u32),
        B(u16),
        C,
    }
    #[derive(Clone, Copy, Trace)]
    enum Mixed<'gc> {
        Pointer(u8, Gc<'gc, u64>),
        Pair(u32, u8),
        Nothing,
    }
    fn attack<B: Barrier>() {
        heap::<B>().enter(|cx| {
            let padded = cx.root(cx.alloc(Slot::new(Padded::C)));
            let optional = cx.root(cx.alloc(Slot::new(None::<Padded>)));
            let mixed = cx.root(cx.alloc(Slot::new(Mixed::Nothing)));
            for i in 0..100u32 {
                for value in [Padded::A(i as u8, i), Padded::B(i as u16), Padded::C] {
                    padded.get(cx).set(cx, value);
                    optional.get(cx).set(cx, Some(value));
                    assert_eq!((padded.get(cx).get(), optional.get(cx).get()), (value, Some(value)));
                }
                mixed.get(cx).set(cx, Mixed::Pair(i, 1));
                cx.step(Budget::work(1));
                assert!(matches!(mixed.get(cx).get(), Mixed::Pair(n, 1) if n == i));
                mixed.get(cx).set(cx, Mixed::Pointer(2, cx.alloc(u64::from(i))));
                cx.step(Budget::work(1));
                assert!(matches!(mixed.get(cx).get(), Mixed::Pointer(2, n) if *n == u64::from(i)));
            }
        });
    }
    on_each_policy!(attack);
}

// ---- stacks at their edges

type View<'v, 's> = StackView<'v, 's, Gc<'static, u64>>;

#[test]
fn stacks_are_checked() {
    heap::<RootsFirst>().enter(|cx| {
        let mut stack: Stack<Gc<'static, u64>> = Stack::new(cx);
        let mut view = stack.open(cx);
        assert!(view.pop(cx).is_none() && view.get(cx, 0).is_none() && view.is_empty());
        view.push(cx, cx.alloc(1));
        view.truncate(cx, 5);
        assert_eq!((view.len(), view.cells(cx, 1..1).len()), (1, 0));
        let attacks: [fn(&mut View<'_, '_>, &Mutator<'_>); 8] = [
            |view, cx| _ = view.at(cx, 1),
            |view, cx| _ = view.at(cx, usize::MAX),
            |view, cx| _ = view.top(cx, 1),
            |view, cx| _ = view.top(cx, usize::MAX),
            |view, cx| view.set(cx, 1, cx.alloc(2)),
            |view, cx| _ = view.cells(cx, 0..2),
            #[allow(clippy::reversed_empty_ranges)]
            |view, cx| _ = view.cells(cx, 1..0),
            |view, cx| _ = view.cells(cx, 0..usize::MAX),
        ];
        for attack in attacks {
            assert!(catch_unwind(AssertUnwindSafe(|| attack(&mut view, cx))).is_err());
        }
        assert_eq!(*view.pop(cx).unwrap(), 1);
        let impossible = catch_unwind(AssertUnwindSafe(|| Stack::<u64>::with_capacity(cx, usize::MAX)));
        assert!(impossible.is_err());
        cx.collect();
    });
}

#[test]
fn stacks_of_nothing_and_of_much() {
    fn attack<B: Barrier>() {
        heap::<B>().enter(|cx| {
            let mut nothings: Stack<()> = Stack::new(cx);
            let mut wide: Stack<([u64; 20], Option<Gc<'static, u64>>)> = Stack::new(cx);
            let (mut nothings, mut wide) = (nothings.open(cx), wide.open(cx));
            for i in 0..300 {
                nothings.push(cx, ());
                wide.push(cx, ([i; 20], (i % 2 == 0).then(|| cx.alloc(i))));
                cx.step(Budget::work(1));
            }
            cx.collect();
            assert_eq!(nothings.cells(cx, 0..300).len(), 300);
            for i in (0..300).rev() {
                let (words, pointer) = wide.pop(cx).unwrap();
                assert_eq!(
                    (nothings.pop(cx), words, pointer.map(|n| *n)),
                    (Some(()), [i; 20], (i % 2 == 0).then_some(i))
                );
            }
        });
    }
    on_each_policy!(attack);
}

// ---- pointers to objects of any type

/// Views that a program writes by hand are safe functions: they lead elsewhere, run code, or panic, and do no harm.
#[test]
fn views_are_written_by_hand() {
    struct Text;
    impl DynTrait for Text {
        type At<'a> = str;
    }
    impl<'a> Coerce<'a, String> for Text {
        fn coerce(object: &'a String) -> &'a str {
            object
        }
    }
    impl<'a> Coerce<'a, Gc<'a, String>> for Text {
        fn coerce(object: &'a Gc<'a, String>) -> &'a str {
            Gc::as_ref(*object).as_str()
        }
    }
    impl<'a> Coerce<'a, u64> for Text {
        fn coerce(_: &'a u64) -> &'a str {
            "of no object"
        }
    }
    impl<'a> Coerce<'a, char> for Text {
        fn coerce(_: &'a char) -> &'a str {
            Heap::new().enter(|_| "not where another heap is entered")
        }
    }
    fn attack<B: Barrier>() {
        let mut heap = Heap::builder().barrier::<B>().stress(true).build().unwrap();
        heap.enter(|cx| {
            let text = cx.root(cx.alloc("a text that lies on the heap".to_string()));
            let all: [DynGc<'_, Text>; 4] =
                [cx.alloc_dyn("owned".to_string()), cx.alloc_dyn(text.get(cx)), cx.alloc_dyn(7u64), cx.alloc_dyn('x')];
            let all = cx.root(all);
            for _ in 0..20 {
                cx.safepoint();
                let [owned, pointed, none, entered] = all.get(cx);
                assert_eq!((&*owned, &*pointed, &*none), ("owned", text.get(cx).as_str(), "of no object"));
                assert!(catch_unwind(AssertUnwindSafe(|| entered.len())).is_err());
            }
        });
    }
    on_each_policy!(attack);
}

/// The same type is a `Shape` and is not, for two traits of one name; and an object of one is none of the other.
#[test]
fn traits_of_one_name_are_two() {
    mod other {
        pub(super) trait Shape {
            fn pair(&self) -> (u64, u64);
        }
        grisaille::dyn_trait!(Shape);
        impl Shape for u64 {
            fn pair(&self) -> (u64, u64) {
                (*self, *self)
            }
        }
    }
    trait Shape {
        fn name(&self) -> String;
    }
    dyn_trait!(Shape);
    dyn_trait!(Shape + Send);
    impl Shape for u64 {
        fn name(&self) -> String {
            self.to_string()
        }
    }
    heap::<RootsFirst>().enter(|cx| {
        let mine = AnyGc::from(cx.alloc_dyn::<dyn Shape, _>(7u64));
        let others = AnyGc::from(cx.alloc_dyn::<dyn other::Shape, _>(7u64));
        let sent = AnyGc::from(cx.alloc_dyn::<dyn Shape + Send, _>(7u64));
        assert_eq!(mine.downcast_dyn::<dyn Shape>().unwrap().name(), "7");
        assert_eq!(others.downcast_dyn::<dyn other::Shape>().unwrap().pair(), (7, 7));
        assert_eq!(sent.downcast_dyn::<dyn Shape + Send>().unwrap().name(), "7");
        assert!(mine.downcast_dyn::<dyn other::Shape>().is_none() && mine.downcast_dyn::<dyn Shape + Send>().is_none());
        assert!(others.downcast_dyn::<dyn Shape>().is_none() && sent.downcast_dyn::<dyn Shape>().is_none());
        assert!([mine, others, sent].iter().all(|object| object.is::<u64>() && object.type_name() == "u64"));
        assert!(AnyGc::from(mine.as_gc()).downcast_dyn::<dyn Shape>().is_some());
        assert!(format!("{:?}", mine.downcast_dyn::<dyn Shape>().unwrap()).starts_with("DynGc(0x"));
    });
}

/// An object that was shortened to another lifetime, or coerced to a supertype, is still what it was allocated as.
#[test]
fn what_an_object_was_allocated_as_does_not_change() {
    #[derive(Trace)]
    struct Call<F: Send + Unpin + 'static>(#[trace(skip)] F);
    type OfAny = for<'x> fn(&'x str) -> &'x str;
    type OfStatic = fn(&'static str) -> &'static str;
    fn shortened<'a>(any: AnyGc<'a>, _: &'a str) -> Option<Gc<'a, Slot<Gc<'a, u64>>>> {
        any.downcast()
    }
    heap::<RootsFirst>().enter(|cx| {
        let any: Call<OfAny> = Call(|text| text);
        let any = cx.alloc(any);
        let one: Gc<'_, Call<OfStatic>> = any;
        assert!(AnyGc::from(one).downcast::<Call<OfStatic>>().is_none());
        let any = AnyGc::from(one).downcast::<Call<OfAny>>().unwrap();
        assert_eq!((any.0)(&String::from("short")), "short");

        let slot = cx.alloc(Slot::new(cx.alloc(1u64)));
        let text = String::from("on the stack");
        let other = shortened(slot.into(), &text).unwrap();
        other.set(cx, cx.alloc(2));
        assert_eq!(*slot.get(), 2);
    });
}

// ---- numbers at their edges

#[test]
fn budgets_and_accounts_at_their_edges() {
    let mut heap = Heap::builder().growth(0.05).floor(0).build().unwrap();
    heap.enter(|cx| {
        let kept = cx.root(cx.alloc(1));
        while !cx.step(Budget::work(0)).cycle_ended {}
        while !cx.step(Budget::work(usize::MAX)).cycle_ended {}
        for delta in [isize::MIN, isize::MAX, isize::MAX, isize::MAX, -1, isize::MIN, isize::MIN] {
            cx.adjust_external(delta);
            for _ in 0..100 {
                cx.alloc(1);
                cx.safepoint();
            }
        }
        cx.collect();
        assert_eq!(*kept.get(cx), 1);
    });
}

#[test]
fn the_way_to_sweep_changes_in_the_middle_of_a_cycle() {
    let drops = Arc::new(AtomicUsize::new(0));
    let mut heap = heap::<RootsFirst>();
    let mut born = 0;
    for round in 0..60 {
        heap.set_sweep([Sweep::Concurrent, Sweep::Lazy, Sweep::Eager][round % 3]);
        heap.enter(|cx| {
            for i in 0..2000 {
                cx.alloc([i as u64; 20]);
            }
            #[derive(Trace)]
            struct Counter(#[trace(skip)] Counted);
            assert!(Arc::strong_count(&cx.alloc(Counter(Counted(drops.clone()))).0.0) > 1);
            born += 1;
            cx.step(Budget::work(round * 500));
        });
    }
    drop(heap);
    assert_eq!(drops.load(Ordering::Relaxed), born);
}
