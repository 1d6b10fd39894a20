//! Roots that can be set, and scopes that have a result.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use grisaille::{
    Barrier, Budget, Gc, Heap, HeapBuilder, HeapFull, Mutator, Persistent, Rooted, RootedCell, Slot, Trace, Tracer,
};

use crate::for_each_policy;

for_each_policy! {
    a_loop_that_sets_a_cell_has_one_root
    a_cell_keeps_the_value_that_it_has_now
    a_cell_of_an_outer_scope_takes_a_value_out
    a_value_of_several_pointers_keeps_all_of_them
    a_result_outlives_its_scope
    a_scope_that_panics_has_no_result
    a_trace_that_panics_in_set_changes_nothing
}

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    next: Slot<Option<Gc<'gc, Node<'gc>>>>,
}

fn node<'a, B: Barrier>(cx: &'a Mutator<'_, B>, number: u64) -> Gc<'a, Node<'a>> {
    cx.alloc(Node { number, next: Slot::new(None) })
}

/// Makes a heap that collects often.
fn small<B: Barrier>() -> Heap<B> {
    Heap::builder().barrier::<B>().floor(0).growth(0.1).build().unwrap()
}

fn a_loop_that_sets_a_cell_has_one_root<B: Barrier>() {
    small::<B>().enter(|cx| {
        let newest = cx.root_cell(node(cx, 0));
        for number in 1..200_000 {
            let node = node(cx, number);
            // The last ten stay alive.
            node.next.set(cx, (number % 10 > 0).then(|| newest.get(cx)));
            newest.set(cx, node);
            cx.safepoint();
        }
        assert_eq!(cx.stats().rooted(), 1);
        assert!(cx.stats().cycles() > 0);
        let mut at = Some(newest.get(cx));
        for number in (199_990..200_000).rev() {
            let node = at.unwrap();
            assert_eq!(node.number, number);
            at = node.next.get();
        }
        assert!(at.is_none());
    });
}

/// At each point of a cycle, in turn.
fn a_cell_keeps_the_value_that_it_has_now<B: Barrier>() {
    for steps in 0..60 {
        let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
        heap.enter(|cx| {
            let cell = cx.root_cell(Some(node(cx, 1)));
            let other = cx.root_cell(None::<Gc<'_, Node<'_>>>);
            for _ in 0..steps {
                cx.step(Budget::work(1));
            }
            // The value moves to the other cell, and a new one comes in its place.
            other.set(cx, cell.get(cx));
            cell.set(cx, None);
            cx.verify().unwrap();
            cell.set(cx, Some(node(cx, 2)));
            while !cx.step(Budget::work(1)).cycle_ended {
                cx.verify().unwrap();
            }
            cx.collect();
            assert_eq!(other.get(cx).unwrap().number, 1);
            assert_eq!(cell.get(cx).unwrap().number, 2);
            assert_eq!(cx.stats().objects_allocated() - cx.stats().objects_freed(), 2);
            cell.set(cx, None);
            other.set(cx, None);
            cx.collect();
            assert_eq!(cx.stats().bytes_live(), 0, "nil keeps nothing alive");
        });
    }
}

fn a_cell_of_an_outer_scope_takes_a_value_out<B: Barrier>() {
    fn deep<'s, B: Barrier>(cx: &mut Mutator<'s, B>, depth: u64, last: &RootedCell<'_, Gc<'_, Node<'_>>>) {
        cx.scope(|cx, _| {
            if depth > 0 {
                _ = cx.root(node(cx, depth));
                deep(cx, depth - 1, last);
            }
            let node = node(cx, depth);
            node.next.set(cx, Some(last.get(cx)));
            last.set(cx, node);
            cx.safepoint();
        });
    }
    small::<B>().enter(|cx| {
        let last = cx.root_cell(node(cx, 99));
        deep(cx, 20, &last);
        cx.collect();
        let mut numbers = Vec::new();
        let mut at = Some(last.get(cx));
        while let Some(node) = at {
            numbers.push(node.number);
            at = node.next.get();
        }
        assert_eq!(numbers, (0..=20).rev().chain([99]).collect::<Vec<_>>());
    });
}

fn a_value_of_several_pointers_keeps_all_of_them<B: Barrier>() {
    #[derive(Clone, Copy, Trace)]
    enum Several<'gc> {
        None,
        One(Gc<'gc, u64>),
        Three([Gc<'gc, u64>; 3]),
    }
    small::<B>().enter(|cx| {
        let cell = cx.root_cell(Several::None);
        let behind = cx.root(cx.alloc(7u64));
        for number in 0..1000u64 {
            match number % 3 {
                0 => cell.set(cx, Several::Three([number, number + 1, number + 2].map(|number| cx.alloc(number)))),
                1 => cell.set(cx, Several::One(cx.alloc(number))),
                _ => cell.set(cx, Several::None),
            }
            cx.collect();
            match cell.get(cx) {
                Several::Three(all) => assert_eq!(all.map(|one| *one), [number, number + 1, number + 2]),
                Several::One(one) => assert_eq!(*one, number),
                Several::None => assert_eq!(cx.stats().objects_allocated() - cx.stats().objects_freed(), 1),
            }
            assert_eq!(*behind.get(cx), 7);
        }
    });
}

fn a_result_outlives_its_scope<B: Barrier>() {
    #[derive(Debug)]
    enum Error {
        Thrown(Persistent<Gc<'static, u64>>),
        TooDeep,
    }
    fn sum<'s, B: Barrier>(cx: &mut Mutator<'s, B>, depth: u64) -> Result<Rooted<'s, Gc<'s, u64>>, Error> {
        cx.scope_value(|cx| {
            let own = cx.root(cx.alloc(depth));
            cx.collect();
            match depth {
                0 => Ok(own.get(cx)),
                13 => Err(Error::Thrown(cx.persist(own.get(cx)))),
                20.. => Err(Error::TooDeep),
                _ => {
                    let rest = sum(cx, depth - 1)?;
                    let (own, rest) = cx.get((own, rest));
                    Ok(cx.alloc(*own + *rest))
                }
            }
        })
    }
    small::<B>().enter(|cx| {
        let (ten, three) = (sum(cx, 10).unwrap(), sum(cx, 3).unwrap());
        cx.collect();
        assert_eq!(cx.get([ten, three]).map(|sum| *sum), [55, 6]);
        assert_eq!(cx.stats().rooted(), 2);
        let Error::Thrown(thrown) = sum(cx, 15).unwrap_err() else { panic!("13 is thrown") };
        assert!(matches!(sum(cx, 40), Err(Error::TooDeep)));
        cx.collect();
        assert_eq!(*thrown.get(cx), 13);
        let twice: Result<Rooted<'_, Gc<'_, u64>>, Error> = cx.scope_rooted(|cx| {
            let sum = sum(cx, 4)?;
            cx.collect();
            Ok(cx.root(cx.alloc(2 * *sum.get(cx))))
        });
        cx.collect();
        assert_eq!(*twice.unwrap().get(cx), 20);
        let both: (Option<Rooted<'_, Gc<'_, u64>>>, usize) = cx.scope_value(|cx| (Some(cx.alloc(1u64)), 2));
        cx.collect();
        assert_eq!((*both.0.unwrap().get(cx), both.1), (1, 2));
    });
}

fn a_scope_that_panics_has_no_result<B: Barrier>() {
    small::<B>().enter(|cx| {
        let outer = cx.root(cx.alloc(1u64));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _: Rooted<'_, Gc<'_, u64>> = cx.scope_value(|cx| {
                _ = cx.root(cx.alloc(2u64));
                panic!("on purpose")
            });
        }));
        assert!(panicked.is_err());
        assert_eq!(cx.stats().rooted(), 1);
        cx.collect();
        assert_eq!(*outer.get(cx), 1);
        assert_eq!(cx.stats().objects_allocated() - cx.stats().objects_freed(), 1);
    });
}

thread_local! {
    static PANICS: Cell<bool> = const { Cell::new(false) };
}

/// A value whose trace panics when it has passed one of its pointers on, if it is told to.
#[derive(Clone, Copy)]
struct Panics<'gc>(Gc<'gc, u64>, Gc<'gc, u64>);

// SAFETY: passes both pointers on unless it panics, and `At` replaces the one lifetime.
unsafe impl Trace for Panics<'_> {
    type At<'a> = Panics<'a>;
    const MAX_POINTERS: usize = 2;
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
        assert!(!PANICS.get(), "a trace panics");
        self.1.trace(tracer);
    }
}

fn a_trace_that_panics_in_set_changes_nothing<B: Barrier>() {
    small::<B>().enter(|cx| {
        let cell = cx.root_cell(Panics(cx.alloc(1), cx.alloc(2)));
        PANICS.set(true);
        let set = catch_unwind(AssertUnwindSafe(|| cell.set(cx, Panics(cx.alloc(3), cx.alloc(4)))));
        PANICS.set(false);
        assert!(set.is_err());
        cx.collect();
        let Panics(one, two) = cell.get(cx);
        assert_eq!((*one, *two), (1, 2));
        cx.verify().unwrap();
    });
}

/// A value whose type has no bound on its pointers, as an impl by hand has that does not say more.
#[test]
fn a_result_without_a_bound_on_its_pointers_is_rooted() {
    #[derive(Clone, Copy)]
    struct Boundless<'gc>([Gc<'gc, u64>; 3]);
    // SAFETY: passes all pointers on, and `At` replaces the one lifetime.
    unsafe impl Trace for Boundless<'_> {
        type At<'a> = Boundless<'a>;
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
        }
    }
    Heap::new().enter(|cx| {
        let result: (Rooted<'_, Boundless<'_>>, Rooted<'_, Boundless<'_>>) =
            cx.scope_value(|cx| (Boundless([1, 2, 3].map(|n| cx.alloc(n))), Boundless([4, 5, 6].map(|n| cx.alloc(n)))));
        cx.collect();
        assert_eq!(cx.stats().rooted(), 6);
        let (first, second) = cx.get(result);
        assert_eq!(first.0.into_iter().chain(second.0).map(|n| *n).sum::<u64>(), 21);
    });
}

#[test]
fn under_stress_a_scope_that_roots_without_end_says_where() {
    let mut heap = Heap::builder().stress(true).build().unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        heap.enter(|cx| {
            // Deep recursion is no such scope.
            fn deep(cx: &mut Mutator<'_>, depth: u32) {
                cx.scope(|cx, _| {
                    _ = cx.root(cx.alloc(0u32));
                    if depth > 0 {
                        deep(cx, depth - 1);
                    }
                });
            }
            deep(cx, 3000);
            loop {
                _ = cx.root(cx.alloc(0u32));
            }
        })
    }));
    let message = *panicked.unwrap_err().downcast::<String>().unwrap();
    assert!(message.starts_with("one scope has rooted 65536 pointers"), "{message}");
}

#[test]
fn a_result_for_which_there_is_no_room_is_refused_before_the_scope_runs() {
    let mut heap = Heap::builder().limit(HeapBuilder::<grisaille::RootsFirst>::MIN_LIMIT).build().unwrap();
    heap.enter(|cx| {
        let value = cx.root(cx.alloc(0u64));
        while cx.try_root(value.get(cx)).is_ok() {}
        let mut ran = false;
        let result: Result<Rooted<'_, Gc<'_, u64>>, HeapFull<()>> = cx.try_scope_value(|cx| {
            ran = true;
            value.get(cx)
        });
        assert!(result.is_err() && !ran);
        assert_eq!(cx.try_root_cell(value.get(cx)).map(|_| ()).map_err(|full| *full.0), Err(0));
    });
}
