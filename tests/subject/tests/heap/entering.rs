//! At most one heap is entered on a thread, and no pointer is used with a heap that it does not belong to.

use std::panic::{AssertUnwindSafe, catch_unwind};

use grisaille::{Barrier, Gc, Heap, Mutator, Persistent, Stack};

use crate::for_each_policy;

#[test]
#[should_panic(expected = "another heap is entered on this thread: a heap inside a heap goes through Mutator::suspend")]
fn a_second_heap_is_refused() {
    let mut second = Heap::new();
    Heap::new().enter(|_| second.enter(|_| ()));
}

#[test]
fn a_refused_heap_is_whole_and_so_is_the_one_around_it() {
    let (mut first, mut second) = (Heap::new(), Heap::new());
    first.enter(|cx| {
        let local = cx.root(cx.alloc(1));
        assert!(catch_unwind(AssertUnwindSafe(|| second.enter(|_| ()))).is_err());
        cx.collect();
        assert_eq!(*local.get(cx), 1);
    });
    second.enter(|cx| assert_eq!(*cx.alloc(2), 2));
}

#[test]
fn suspend_makes_room_for_another_heap() {
    Heap::new().enter(|cx| {
        let local = cx.root(cx.alloc(1));
        let sum = cx.suspend(|| {
            Heap::new().enter(|cx| {
                let two = cx.root(cx.alloc(2));
                let three = cx.suspend(|| Heap::new().enter(|cx| *cx.alloc(3)));
                cx.collect();
                *two.get(cx) + three
            })
        });
        cx.collect();
        assert_eq!(*local.get(cx) + sum, 6);
    });
}

#[test]
#[should_panic(expected = "another heap is entered")]
fn after_suspend_the_heap_is_active_again() {
    Heap::new().enter(|cx| {
        cx.suspend(|| ());
        Heap::new().enter(|_| ());
    });
}

#[test]
fn a_panic_in_a_region_ends_it() {
    let mut heap = Heap::builder().automatic(false).build().unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        heap.enter(|cx| {
            _ = cx.root(cx.alloc(1));
            cx.scope(|cx, out| {
                _ = out.keep(cx, cx.alloc(2));
                cx.suspend(|| panic!("in the middle"));
            });
        });
    }));
    assert_eq!(*panicked.unwrap_err().downcast::<&str>().unwrap(), "in the middle");
    Heap::new().enter(|_| ());
    heap.enter(|cx| {
        cx.collect();
        assert_eq!(cx.stats().objects_freed(), 2, "no local outlives its region");
        assert_eq!(*cx.alloc(3), 3);
    });
}

#[test]
fn a_panic_in_a_scope_ends_the_scope_only() {
    Heap::builder().automatic(false).build().unwrap().enter(|cx| {
        let kept = cx.root(cx.alloc(1));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            cx.scope(|cx, _| {
                _ = cx.root(cx.alloc(2));
                panic!("in a scope");
            });
        }));
        assert!(panicked.is_err());
        cx.collect();
        assert_eq!((*kept.get(cx), cx.stats().objects_freed()), (1, 1));
        let after = cx.scope(|cx, out| out.keep(cx, cx.alloc(3)));
        cx.collect();
        assert_eq!((*kept.get(cx), *after.get(cx)), (1, 3));
    });
}

/// Each of many values that leave a scope lives on in the surrounding one, and no longer than that.
fn what_leaves_a_scope_lives_as_long_as_the_next_one<B: Barrier>() {
    fn live_after_a_collection<B: Barrier>(cx: &mut Mutator<'_, B>) -> u64 {
        cx.collect();
        cx.verify().unwrap();
        cx.stats().objects_allocated() - cx.stats().objects_freed()
    }
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        for kept in [0, 1, 2, 3] {
            let before = live_after_a_collection(cx);
            let first = cx.scope(|cx, out| {
                // Leaves this scope, and is no business of the inner one.
                let first = out.keep(cx, cx.alloc(100));
                let numbers = cx.scope(|cx, out| {
                    _ = cx.root(cx.alloc(200));
                    (0..kept).map(|number| out.keep(cx, cx.alloc(number))).collect::<Vec<_>>()
                });
                assert_eq!(live_after_a_collection(cx), before + 1 + kept);
                assert!(numbers.iter().map(|number| *number.get(cx)).eq(0..kept));
                first
            });
            assert_eq!(live_after_a_collection(cx), before + 1);
            assert_eq!(*first.get(cx), 100);
        }
    });
}

for_each_policy! {
    what_leaves_a_scope_lives_as_long_as_the_next_one
}

#[test]
#[should_panic(expected = "a Persistent was used with a heap that it does not belong to")]
fn a_root_of_another_heap_is_refused() {
    let root: Persistent<Gc<'static, i32>> = Heap::new().enter(|cx| cx.persist(cx.alloc(1)));
    Heap::new().enter(|cx| *root.get(cx));
}

#[test]
#[should_panic(expected = "a Persistent was used with a heap that it does not belong to")]
fn a_root_of_another_heap_is_not_set() {
    let root: Persistent<Gc<'static, i32>> = Heap::new().enter(|cx| cx.persist(cx.alloc(1)));
    Heap::new().enter(|cx| root.set(cx, cx.alloc(2)));
}

#[test]
#[should_panic(expected = "a Stack was opened with a heap that it does not belong to")]
fn a_stack_of_another_heap_is_refused() {
    let mut stack: Stack<Gc<'static, i32>> = Heap::new().enter(|cx| Stack::new(cx));
    Heap::new().enter(|cx| stack.open(cx).push(cx, cx.alloc(1)));
}

/// A heap's identity is no address: the next heap in the same memory is another one.
#[test]
fn a_root_of_a_dropped_heap_is_refused_by_the_next() {
    for _ in 0..100 {
        let root: Persistent<Gc<'static, i32>> = Heap::new().enter(|cx| cx.persist(cx.alloc(1)));
        assert!(catch_unwind(AssertUnwindSafe(|| Heap::new().enter(|cx| *root.get(cx)))).is_err());
    }
}

#[test]
fn roots_and_stacks_outlive_regions_and_heaps() {
    let mut heap = Heap::new();
    let (root, mut stack) = heap.enter(|cx| {
        let mut stack: Stack<Gc<'static, i32>> = Stack::with_capacity(cx, 4);
        stack.open(cx).push(cx, cx.alloc(2));
        (cx.persist(cx.alloc(1)), stack)
    });
    heap.enter(|cx| {
        cx.collect();
        assert_eq!(*root.get(cx) + *stack.open(cx).top(cx, 0), 3);
        root.set(cx, cx.alloc(10));
        cx.collect();
        assert_eq!(*root.get(cx), 10);
    });
    drop(heap);
    drop((root, stack));
}

#[test]
fn dropped_roots_and_stacks_keep_nothing() {
    let mut heap = Heap::builder().automatic(false).build().unwrap();
    heap.enter(|cx| {
        for _ in 0..1000 {
            drop(cx.persist(cx.alloc(1)));
            let mut stack: Stack<Gc<'static, i32>> = Stack::new(cx);
            stack.open(cx).push(cx, cx.alloc(2));
        }
        cx.collect();
        assert_eq!(cx.stats().objects_freed(), 2000);
    });
}
