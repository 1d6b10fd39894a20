//! Pointers to objects of any type, and of any type with a trait.

use std::collections::HashSet;

use grisaille::{
    AnyGc, AnyObject, Array, ArrayObject, Barrier, Budget, DynGc, Gc, Heap, Identity, List, Lock, Map, Mutator,
    RefLock, Rooted, Slot, Str, StrObject, Trace, dyn_trait,
};

use crate::for_each_policy;
use crate::ledger::{Entry, Ledger};

for_each_policy! {
    objects_behind_any_pointer_survive
    each_type_is_told_from_the_others
    objects_behind_a_trait_survive
    objects_behind_a_trait_die
    stores_through_a_trait_are_seen
}

fn alive(ledger: &Ledger) -> usize {
    ledger.count() - ledger.dead()
}

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    next: Slot<Option<AnyGc<'gc>>>,
}

/// A chain of objects of seven types, each of which is reached through an `AnyGc` alone.
fn chain<'a, B: Barrier>(cx: &'a Mutator<'_, B>, entry: Entry) -> AnyGc<'a> {
    #[derive(Trace)]
    struct Last(#[trace(skip)] Entry);
    let last = AnyGc::from(cx.alloc(Last(entry)));
    let array = cx.alloc_array(3, |_| Slot::new(Some(last)));
    let lock = cx.alloc(Lock::new(AnyGc::from(array)));
    let list = cx.alloc(RefLock::new(vec![AnyGc::from(lock)]));
    let tuple = cx.alloc((1u8, AnyGc::from(list), AnyGc::from(cx.alloc_str("text"))));
    let map = cx.alloc(Map::new());
    map.insert(cx, Identity(AnyGc::from(tuple).as_gc()), AnyGc::from(tuple));
    let numbers = List::new();
    numbers.push(cx, AnyGc::from(map));
    let head = cx.alloc(Node { number: 7, next: Slot::new(Some(cx.alloc(numbers).into())) });
    head.into()
}

fn walk<'gc>(head: AnyGc<'gc>) {
    let head = head.downcast::<Node<'gc>>().unwrap();
    assert_eq!(head.number, 7);
    let list = head.next.get().unwrap().downcast::<List<'gc, AnyGc<'gc>>>().unwrap();
    let map = list.get(0).unwrap().downcast::<Map<'gc, Identity<'gc, AnyObject>, AnyGc<'gc>>>().unwrap();
    let (key, value) = map.iter().next().unwrap();
    assert_eq!(AnyGc::from(key.0), value);
    let tuple = value.downcast::<(u8, AnyGc<'gc>, AnyGc<'gc>)>().unwrap();
    assert_eq!(tuple.2.downcast_str().unwrap(), "text");
    let list = tuple.1.downcast::<RefLock<Vec<AnyGc<'gc>>>>().unwrap();
    let lock = list.borrow()[0].downcast::<Lock<AnyGc<'gc>>>().unwrap();
    let array = lock.get().downcast_array::<Slot<Option<AnyGc<'gc>>>>().unwrap();
    assert!(array.iter().all(|slot| slot.get() == array[0].get() && slot.get().is_some()));
}

fn objects_behind_any_pointer_survive<B: Barrier>() {
    for stress in [false, true] {
        let ledger = Ledger::default();
        let mut heap = Heap::builder().barrier::<B>().automatic(stress).stress(stress).build().unwrap();
        heap.enter(|cx| {
            let head = cx.root(chain(cx, ledger.born()));
            let held = cx.root_cell(None::<AnyGc<'_>>);
            for round in 0..200 {
                // Moved along, at each point of a cycle.
                let next = head.get(cx).downcast::<Node<'_>>().unwrap().next.get();
                held.set(cx, next);
                if round % 3 == 0 {
                    head.get(cx).downcast::<Node<'_>>().unwrap().next.set(cx, None);
                }
                if stress {
                    cx.safepoint()
                } else {
                    _ = cx.step(Budget::work(1))
                }
                let next = held.get(cx);
                head.get(cx).downcast::<Node<'_>>().unwrap().next.set(cx, next);
                held.set(cx, None);
                walk(head.get(cx));
                _ = chain(cx, ledger.born());
            }
            cx.verify().unwrap();
            cx.collect();
            cx.collect();
            walk(head.get(cx));
            assert_eq!(alive(&ledger), 1, "all others died");
        });
        drop(heap);
        assert_eq!(alive(&ledger), 0);
    }
}

/// Types that look alike: the same size, the same name of another module, another parameter.
fn each_type_is_told_from_the_others<B: Barrier>() {
    mod other {
        #[derive(grisaille::Trace)]
        pub(super) struct Node<'gc> {
            pub number: u64,
            pub next: grisaille::Slot<Option<grisaille::AnyGc<'gc>>>,
        }
    }
    #[derive(Trace)]
    struct Of<T>(#[trace(skip)] std::marker::PhantomData<T>)
    where
        T: Send + Unpin + 'static;

    heap::<B>().enter(|cx| {
        let none = || Slot::new(None::<AnyGc<'_>>);
        let all: [AnyGc<'_>; 16] = [
            cx.alloc(1u64).into(),
            cx.alloc(1i64).into(),
            cx.alloc([1u64]).into(),
            cx.alloc((1u64,)).into(),
            cx.alloc(Slot::new(1u64)).into(),
            cx.alloc(Lock::new(1u64)).into(),
            cx.alloc(()).into(),
            cx.alloc(Of::<u8>(std::marker::PhantomData)).into(),
            cx.alloc(Of::<fn(&'static u8)>(std::marker::PhantomData)).into(),
            cx.alloc(Of::<for<'x> fn(&'x u8)>(std::marker::PhantomData)).into(),
            cx.alloc(Node { number: 1, next: none() }).into(),
            cx.alloc(other::Node { number: 1, next: none() }).into(),
            cx.alloc_str("text").into(),
            cx.alloc_array(1, |_| 1u64).into(),
            cx.alloc_array(1, |_| 1i64).into(),
            cx.alloc(cx.alloc(1u64)).into(),
        ];
        let tells = |object: AnyGc<'_>| {
            [
                object.is::<u64>(),
                object.is::<i64>(),
                object.is::<[u64; 1]>(),
                object.is::<(u64,)>(),
                object.is::<Slot<u64>>(),
                object.is::<Lock<u64>>(),
                object.is::<()>(),
                object.is::<Of<u8>>(),
                object.is::<Of<fn(&'static u8)>>(),
                object.is::<Of<for<'x> fn(&'x u8)>>(),
                object.is::<Node<'static>>(),
                object.is::<other::Node<'_>>(),
                object.is::<StrObject>(),
                object.is::<ArrayObject<u64>>(),
                object.is::<ArrayObject<i64>>(),
                object.is::<Gc<'static, u64>>(),
            ]
        };
        for (number, object) in all.into_iter().enumerate() {
            assert_eq!(tells(object), std::array::from_fn(|other| other == number), "{object:?}");
            // Pointers of other types lead to the same object, and do not change what it is.
            assert!(!object.is::<AnyObject>() && !AnyGc::from(object.as_gc()).is::<AnyObject>());
            assert_eq!(AnyGc::from(object.as_gc()), object);
            assert_eq!(object.downcast_array::<u64>().is_some(), number == 13);
            assert_eq!(object.downcast_str().is_some(), number == 12);
        }
        let addresses: HashSet<AnyGc<'_>> = all.into_iter().chain(all).collect();
        assert_eq!(addresses.len(), 16);
        assert_eq!(all[12].type_name(), "grisaille::Str");
        let covariant: Array<'_, Str<'_>> = cx.alloc_array(1, |_| cx.alloc_str("x"));
        assert_eq!(AnyGc::from(covariant).downcast_array::<Str<'_>>().unwrap()[0], "x");
    });
}

// ---- traits

trait Shape {
    fn area(&self) -> u64;
    fn name(&self) -> String {
        format!("a shape of {}", self.area())
    }
}
dyn_trait!(Shape);

trait Methods<'gc> {
    fn next(&self) -> Option<Object<'gc>>;
    fn set<B: Barrier>(&self, _: &'gc Mutator<'_, B>)
    where
        Self: Sized,
    {
    }
}
dyn_trait!(for<'x> Methods<'x>);

type Object<'gc> = DynGc<'gc, dyn Methods<'static>>;

#[derive(Trace)]
struct Square {
    side: u64,
    #[trace(skip)]
    _entry: Entry,
}

#[derive(Trace)]
struct Union<'gc> {
    parts: Vec<DynGc<'gc, dyn Shape>>,
    label: Str<'gc>,
    #[trace(skip)]
    _entry: Entry,
}

impl Shape for Square {
    fn area(&self) -> u64 {
        self.side * self.side
    }
}

impl Shape for Union<'_> {
    fn area(&self) -> u64 {
        self.parts.iter().map(|part| part.area()).sum()
    }
    fn name(&self) -> String {
        self.label.to_string()
    }
}

impl Shape for u64 {
    fn area(&self) -> u64 {
        *self
    }
}

fn heap<B: Barrier>() -> Heap<B> {
    Heap::builder().barrier::<B>().automatic(false).build().unwrap()
}

/// Objects that are reached through a `DynGc` alone: with pointers and drop glue, and without.
fn objects_behind_a_trait_survive<B: Barrier>() {
    for stress in [false, true] {
        let ledger = Ledger::default();
        let mut heap = Heap::builder().barrier::<B>().automatic(stress).stress(stress).build().unwrap();
        heap.enter(|cx| {
            fn union<'s, B: Barrier>(
                cx: &Mutator<'s, B>,
                ledger: &Ledger,
            ) -> Rooted<'s, Gc<'s, Slot<DynGc<'s, dyn Shape>>>> {
                let square = cx.alloc_dyn(Square { side: 3, _entry: ledger.born() });
                let parts = vec![square, cx.alloc_dyn(5u64), square];
                let inner = Union { parts, label: cx.alloc_str("inner"), _entry: ledger.born() };
                let parts = vec![cx.alloc_dyn(inner), square];
                let outer = Union { parts, label: cx.alloc_str("outer"), _entry: ledger.born() };
                cx.root(cx.alloc(Slot::new(cx.alloc_dyn::<dyn Shape, _>(outer))))
            }
            let held = union(cx, &ledger);
            assert_eq!(size_of_val(&held.get(cx).get()), 8);
            cx.scope(|cx, _| _ = union(cx, &ledger));
            for _ in 0..300 {
                if stress {
                    cx.safepoint()
                } else {
                    _ = cx.step(Budget::work(1))
                }
                let shape = held.get(cx).get();
                assert_eq!((shape.area(), shape.name().as_str()), (32, "outer"));
                let union = DynGc::downcast::<Union<'_>>(shape).unwrap();
                assert_eq!((union.parts[0].name(), union.parts[1].name()), ("inner".into(), "a shape of 9".into()));
                held.get(cx).set(cx, shape);
            }
            cx.verify().unwrap();
            cx.collect();
            assert_eq!(alive(&ledger), 3);
            assert_eq!(held.get(cx).get().area(), 32);
        });
    }
}

fn objects_behind_a_trait_die<B: Barrier>() {
    let ledger = Ledger::default();
    heap::<B>().enter(|cx| {
        let weak = {
            let shape: DynGc<'_, dyn Shape> = cx.alloc_dyn(Square { side: 2, _entry: ledger.born() });
            cx.root(Gc::downgrade(DynGc::as_gc(shape), cx))
        };
        let strong = cx.root(DynGc::from(weak.get(cx).upgrade(cx).unwrap()));
        let ephemeron = cx.root(cx.alloc_ephemeron(DynGc::as_gc(strong.get(cx)), strong.get(cx)));
        cx.collect();
        assert_eq!(ephemeron.get(cx).value(cx).unwrap().area(), 4);
        let any = cx.root_cell(AnyGc::from(strong.get(cx)));
        assert_eq!(any.get(cx).downcast_dyn::<dyn Shape>().unwrap().area(), 4);
        assert!(any.get(cx).downcast_dyn::<dyn Methods<'static>>().is_none());
        assert!(any.get(cx).is::<Square>());
        assert!(AnyGc::from(cx.alloc(4u64)).downcast_dyn::<dyn Shape>().is_none(), "not allocated for the trait");
        assert_eq!(alive(&ledger), 1);
    });
    heap::<B>().enter(|cx| {
        let weak = cx.scope(|cx, out| {
            let shape: DynGc<'_, dyn Shape> = cx.alloc_dyn(Square { side: 2, _entry: ledger.born() });
            out.keep(cx, Gc::downgrade(DynGc::as_gc(shape), cx))
        });
        cx.collect();
        cx.collect();
        assert!(weak.get(cx).upgrade(cx).is_none());
        assert_eq!(alive(&ledger), 0);
    });
}

/// A trait that names the heap's lifetime: what a method stores is seen through every pointer, and survives.
fn stores_through_a_trait_are_seen<B: Barrier>() {
    #[derive(Trace)]
    struct Cell<'gc>(Slot<Option<Object<'gc>>>, u64);

    impl<'gc> Methods<'gc> for Cell<'gc> {
        fn next(&self) -> Option<Object<'gc>> {
            self.0.get()
        }
        fn set<B: Barrier>(&self, cx: &'gc Mutator<'_, B>) {
            self.0.set(cx, Some(cx.alloc_dyn(Cell(Slot::new(None), self.1 + 1))));
        }
    }
    for steps in 0..60 {
        heap::<B>().enter(|cx| {
            let first = cx.root(cx.alloc_dyn::<dyn Methods<'static>, _>(Cell(Slot::new(None), 0)));
            for _ in 0..steps {
                cx.step(Budget::work(1));
            }
            for _ in 0..3 {
                let (long, mut last) = (first.get(cx), first.get(cx));
                while let Some(next) = last.next() {
                    last = next;
                }
                DynGc::downcast::<Cell<'_>>(last).unwrap().set(cx);
                assert!(long.next().is_some());
                cx.step(Budget::work(1));
            }
            cx.verify().unwrap();
            cx.collect();
            let mut numbers = Vec::new();
            let mut at = Some(first.get(cx));
            while let Some(cell) = at {
                numbers.push(DynGc::downcast::<Cell<'_>>(cell).unwrap().1);
                at = cell.next();
            }
            assert_eq!(numbers, [0, 1, 2, 3]);
        });
    }
}
