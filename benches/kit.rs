//! What an interpreter is made of, beside its plain twins.
//!
//! | row | what is timed |
//! |---|---|
//! | `list/get/*`, `list/iterate/*` | the elements of a [`List`] of numbers in random order and in theirs, beside a `Vec` of `Cell`s |
//! | `list/push/*` | pushes to a list that was emptied and has room, beside a `Vec` |
//! | `values/read/*`, `values/write/*` | slots with an interpreter's values of three types in turn: an enum of 16 bytes, and the same packed in a word |
//! | `fibers/switch, * values/*` | two coroutines take turns on one stack, each with so many values of an interpreter: by a [`Fiber`], by a `Vec` each whose values are copied, and by swapping two `Vec`s, which copies nothing |
//! | `calls/*` | calls of a closure: a [`Native`] that is rooted, and a `Box` |
//! | `list/extend/*`, `list/retain/*`, `list/sort/*` | as many numbers added at once to an empty list, beside a `Vec`; the same, and half of them kept; the same, and sorted |
//! | `map/get or insert/*`, `map/retain/*` | as many keys, each twice, by `get_or_insert_with`, beside `hashbrown`'s `entry`; keys added at once, and half of them kept |
//! | `any/*` | objects of three types, asked for two of them and read: an [`AnyGc`], an `Rc<dyn Any>`, an enum of pointers |
//! | `dyn/*` | a method of a trait, of objects of three types: a [`DynGc`], a `Box<dyn Trait>`, an `Rc<dyn Trait>`. (gc-arena's: `benches/peers`.) |
//! | `weak map/get/*`, `weak map/insert/*` | what is known of an object beside it: a [`WeakMap`], and `hashbrown` by the object's address |

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

mod common;

use std::any::Any;
use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

use common::rows::{Pace, group};
use common::{Random, size};
use criterion::{Criterion, criterion_group, criterion_main};
use grisaille::{
    AnyGc, Array, DynGc, Fiber, Gc, Heap, List, Map, Mutator, Native, Pack, Packed, Slot, Stack, Trace, WeakMap,
    dyn_trait,
};
use hashbrown::HashMap;

#[derive(Clone, Copy, Trace, Pack)]
enum Value<'gc> {
    Number(f64),
    Pair(Gc<'gc, f64>),
    Small(i32),
    Nil,
}

fn weight(value: Value<'_>) -> f64 {
    match value {
        Value::Number(number) => number,
        Value::Pair(number) => *number,
        Value::Small(number) => number.into(),
        Value::Nil => 0.0,
    }
}

type Function = dyn Fn(&mut Mutator<'_>, u64) -> u64 + Send;

fn lists(criterion: &mut Criterion) {
    let count = size(1000, 10);
    let mut random = Random::new();
    let order: Vec<usize> = (0..count).map(|_| random.up_to(count)).collect();
    Heap::new().enter(|cx| {
        let mut group = group(criterion, "list", "A thousand numbers. elem: an element.", count, Pace::Short);
        let vec: Vec<Cell<u64>> = (0..count as u64).map(Cell::new).collect();
        let list = cx.alloc(List::<u64>::new());
        list.extend(cx, 0..count as u64);
        let (vec, list) = (black_box(&vec), black_box(list));
        group.bench_function("get/vec", |b| b.iter(|| order.iter().map(|at| vec[*at].get()).sum::<u64>()));
        group.bench_function("get/list", |b| b.iter(|| order.iter().map(|at| list[*at].get()).sum::<u64>()));
        group.bench_function("iterate/vec", |b| b.iter(|| vec.iter().map(Cell::get).sum::<u64>()));
        group.bench_function("iterate/list", |b| b.iter(|| list.iter().sum::<u64>()));
        let mut grown: Vec<u64> = Vec::with_capacity(count);
        group.bench_function("push/vec", |b| {
            b.iter(|| {
                grown.clear();
                (0..count as u64).for_each(|n| black_box(&mut grown).push(n));
            });
        });
        group.bench_function("push/list", |b| {
            b.iter(|| {
                list.truncate(cx, 0);
                (0..count as u64).for_each(|n| black_box(list).push(cx, n));
            });
        });
        group.finish();
    });
}

fn values(criterion: &mut Criterion) {
    let count = size(1000, 10);
    Heap::new().enter(|cx| {
        let mut group = group(criterion, "values", "A thousand slots. elem: a slot.", count, Pace::Short);
        let value = |at: usize| match at % 3 {
            0 => Value::Number(at as f64),
            1 => Value::Pair(cx.alloc(at as f64)),
            _ => Value::Small(at as i32),
        };
        let values: Vec<Value<'_>> = (0..count).map(value).chain([Value::Nil]).collect();
        let wide: Array<'_, Slot<Value<'_>>> = cx.alloc_array(count, |at| Slot::new(values[at]));
        let packed: Array<'_, Slot<Packed<Value<'_>>>> = cx.alloc_array(count, |at| Slot::new(values[at].into()));
        let (wide, packed) = (black_box(wide), black_box(packed));
        group.bench_function("read/enum", |b| b.iter(|| wide.iter().map(|slot| weight(slot.get())).sum::<f64>()));
        group
            .bench_function("read/packed", |b| b.iter(|| packed.iter().map(|slot| weight(slot.unpack())).sum::<f64>()));
        group.bench_function("write/enum", |b| {
            b.iter(|| wide.iter().zip(&values).for_each(|(slot, value)| slot.set(cx, *value)));
        });
        group.bench_function("write/packed", |b| {
            b.iter(|| packed.iter().zip(&values).for_each(|(slot, value)| slot.pack(cx, *value)));
        });
        group.finish();
    });
}

fn fibers(criterion: &mut Criterion) {
    Heap::new().enter(|cx| {
        let mut group =
            group(criterion, "fibers", "elem: a switch, of one off the stack and one onto it.", 2, Pace::Short);
        for depth in [10, 1000] {
            let row = |how: &str| format!("switch, {depth} values/{how}");
            let mut stack: Stack<Value<'static>> = Stack::new(cx);
            let mut view = stack.open(cx);
            (0..depth).for_each(|n| view.push(cx, Value::Small(n)));
            let fibers = [(); 2].map(|()| cx.alloc(Fiber::<Value<'_>>::new()));
            (0..depth).for_each(|n| fibers[1].push(cx, Value::Small(n)));
            group.bench_function(row("fiber"), |b| {
                b.iter(|| {
                    for [off, on] in [fibers, [fibers[1], fibers[0]]] {
                        view.suspend(cx, black_box(&*off), 0);
                        view.resume(cx, black_box(&*on));
                    }
                });
            });
            let small = |n| Value::Small(n);
            let mut running: Vec<Value<'_>> = (0..depth).map(small).collect();
            let mut others: [Vec<Value<'_>>; 2] = [Vec::new(), running.clone()];
            group.bench_function(row("vec, copied"), |b| {
                b.iter(|| {
                    for [off, on] in [[0, 1], [1, 0]] {
                        let others = black_box(&mut others);
                        others[off].extend_from_slice(&running);
                        running.clear();
                        running.extend_from_slice(&others[on]);
                        others[on].clear();
                    }
                });
            });
            group.bench_function(row("vec, swapped"), |b| {
                b.iter(|| {
                    for [off, on] in [[0, 1], [1, 0]] {
                        let others = black_box(&mut others);
                        core::mem::swap(&mut running, &mut others[off]);
                        core::mem::swap(black_box(&mut running), &mut others[on]);
                    }
                });
            });
        }
        group.finish();
    });
}

fn calls(criterion: &mut Criterion) {
    Heap::new().enter(|cx| {
        let mut group = group(criterion, "calls", "elem: a call.", 1, Pace::Short);
        let boxed: Box<Function> = Box::new(|cx, n| n + u64::from(cx.safepoint_due()));
        let same: Box<Function> = Box::new(|cx, n| n + u64::from(cx.safepoint_due()));
        let native = cx.root(cx.alloc(Native::new(same, ())));
        let boxed = black_box(boxed);
        group.bench_function("box", |b| b.iter(|| boxed(cx, black_box(1))));
        group.bench_function("native", |b| b.iter(|| (black_box(native).function())(cx, black_box(1))));
        group.finish();
    });
}

/// Numbers in random order, some of them twice.
fn numbers(count: usize) -> Vec<u64> {
    let mut random = Random::new();
    (0..count).map(|_| random.up_to(count) as u64).collect()
}

fn whole_lists(criterion: &mut Criterion) {
    let count = size(1000, 10);
    let numbers = numbers(count);
    Heap::new().enter(|cx| {
        let mut group = group(criterion, "list", "A thousand numbers. elem: an element.", count, Pace::Short);
        let list = cx.root(cx.alloc(List::<u64>::new()));
        let mut vec: Vec<u64> = Vec::new();
        group.bench_function("extend/vec", |b| {
            b.iter(|| {
                vec.clear();
                black_box(&mut vec).extend(numbers.iter().copied());
            });
        });
        group.bench_function("extend/list", |b| {
            b.iter(|| {
                let list = black_box(list.get(cx));
                list.truncate(cx, 0);
                list.extend(cx, numbers.iter().copied());
            });
        });
        group.bench_function("retain/vec", |b| {
            b.iter(|| {
                vec.clear();
                black_box(&mut vec).extend(numbers.iter().copied());
                black_box(&mut vec).retain(|n| n % 2 == 0);
            });
        });
        group.bench_function("retain/list", |b| {
            b.iter(|| {
                let list = black_box(list.get(cx));
                list.truncate(cx, 0);
                list.extend(cx, numbers.iter().copied());
                list.retain(cx, |n| n % 2 == 0);
            });
        });
        group.bench_function("sort/vec", |b| {
            b.iter(|| {
                vec.clear();
                vec.extend(numbers.iter().copied());
                black_box(&mut vec).sort_by(Ord::cmp);
            });
        });
        group.bench_function("sort/list", |b| {
            b.iter(|| {
                {
                    let list = black_box(list.get(cx));
                    list.truncate(cx, 0);
                    list.extend(cx, numbers.iter().copied());
                    list.sort_by(cx, |a, b| a.cmp(&b));
                }
                cx.safepoint();
            });
        });
        assert_eq!(*vec, *list.get(cx).iter().collect::<Vec<_>>(), "the two are not the same");
        group.finish();
    });
}

fn whole_maps(criterion: &mut Criterion) {
    let count = size(1000, 10);
    let numbers = numbers(count);
    Heap::new().enter(|cx| {
        let mut group = group(criterion, "map", "A thousand keys. elem: a key.", count, Pace::Short);
        let map = cx.root(cx.alloc(Map::<u64, u64>::new()));
        let mut plain: HashMap<u64, u64> = HashMap::new();
        group.bench_function("get or insert/hashbrown", |b| {
            b.iter(|| {
                plain.clear();
                numbers.iter().map(|n| *plain.entry(*n).or_insert_with(|| n + 1)).sum::<u64>()
            });
        });
        group.bench_function("get or insert/map", |b| {
            b.iter(|| {
                let map = black_box(map.get(cx));
                map.drain(cx).for_each(drop);
                numbers.iter().map(|n| map.get_or_insert_with(cx, *n, || n + 1)).sum::<u64>()
            });
        });
        group.bench_function("retain/hashbrown", |b| {
            b.iter(|| {
                plain.extend(numbers.iter().map(|n| (*n, *n)));
                black_box(&mut plain).retain(|n, _| n % 2 == 0);
            });
        });
        group.bench_function("retain/map", |b| {
            b.iter(|| {
                let map = black_box(map.get(cx));
                map.extend(cx, numbers.iter().map(|n| (*n, *n)));
                map.retain(cx, |n, _| n % 2 == 0);
            });
        });
        assert_eq!(plain.len(), map.get(cx).len(), "the two are not the same");
        group.finish();
    });
}

/// What is known of an object of any type.
fn weight_of_any(object: AnyGc<'_>) -> f64 {
    if let Some(number) = object.downcast::<f64>() {
        *number
    } else if let Some(number) = object.downcast::<i64>() {
        *number as f64
    } else {
        0.0
    }
}

fn weight_of_dyn_any(object: &dyn Any) -> f64 {
    if let Some(number) = object.downcast_ref::<f64>() {
        *number
    } else if let Some(number) = object.downcast_ref::<i64>() {
        *number as f64
    } else {
        0.0
    }
}

#[derive(Clone, Copy, Trace)]
enum Known<'gc> {
    Double(Gc<'gc, f64>),
    Integer(Gc<'gc, i64>),
    Byte(Gc<'gc, u8>),
}

fn any_of(object: Known<'_>) -> AnyGc<'_> {
    match object {
        Known::Double(object) => object.into(),
        Known::Integer(object) => object.into(),
        Known::Byte(object) => object.into(),
    }
}

fn any(criterion: &mut Criterion) {
    let count = size(1000, 10);
    Heap::new().enter(|cx| {
        let mut group =
            group(criterion, "any", "A thousand objects of three types. elem: an object.", count, Pace::Short);
        let rcs: Vec<Rc<dyn Any>> = (0..count)
            .map(|at| -> Rc<dyn Any> {
                match at % 3 {
                    0 => Rc::new(at as f64),
                    1 => Rc::new(at as i64),
                    _ => Rc::new(at as u8),
                }
            })
            .collect();
        let known: Vec<Known<'_>> = (0..count)
            .map(|at| match at % 3 {
                0 => Known::Double(cx.alloc(at as f64)),
                1 => Known::Integer(cx.alloc(at as i64)),
                _ => Known::Byte(cx.alloc(at as u8)),
            })
            .collect();
        let any: Vec<AnyGc<'_>> = known.iter().map(|object| any_of(*object)).collect();
        let weight = |object: &Known<'_>| match object {
            Known::Double(number) => **number,
            Known::Integer(number) => **number as f64,
            Known::Byte(_) => 0.0,
        };
        let (rcs, any, known) = (black_box(&rcs), black_box(&any), black_box(&known));
        let sum = rcs.iter().map(|object| weight_of_dyn_any(&**object)).sum::<f64>();
        assert_eq!(sum, any.iter().map(|object| weight_of_any(*object)).sum::<f64>(), "the two are not the same");
        group.bench_function("rc", |b| b.iter(|| rcs.iter().map(|object| weight_of_dyn_any(&**object)).sum::<f64>()));
        group.bench_function("any_gc", |b| b.iter(|| any.iter().map(|object| weight_of_any(*object)).sum::<f64>()));
        group.bench_function("enum", |b| b.iter(|| known.iter().map(weight).sum::<f64>()));
        group.finish();
    });
}

trait Shape {
    fn area(&self) -> f64;
}
dyn_trait!(Shape);

#[derive(Trace)]
struct Circle(f64);
#[derive(Trace)]
struct Square(f64);
#[derive(Trace)]
struct Rectangle(f64, f64);

impl Shape for Circle {
    fn area(&self) -> f64 {
        3.0 * self.0 * self.0
    }
}
impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
}
impl Shape for Rectangle {
    fn area(&self) -> f64 {
        self.0 * self.1
    }
}

fn trait_objects(criterion: &mut Criterion) {
    let count = size(1000, 10);
    Heap::new().enter(|cx| {
        let mut group = group(criterion, "dyn", "A thousand objects of three types. elem: a call.", count, Pace::Short);
        let side = |at: usize| at as f64;
        let boxes: Vec<Box<dyn Shape>> = (0..count)
            .map(|at| -> Box<dyn Shape> {
                match at % 3 {
                    0 => Box::new(Circle(side(at))),
                    1 => Box::new(Square(side(at))),
                    _ => Box::new(Rectangle(side(at), 2.0)),
                }
            })
            .collect();
        let rcs: Vec<Rc<dyn Shape>> = (0..count)
            .map(|at| -> Rc<dyn Shape> {
                match at % 3 {
                    0 => Rc::new(Circle(side(at))),
                    1 => Rc::new(Square(side(at))),
                    _ => Rc::new(Rectangle(side(at), 2.0)),
                }
            })
            .collect();
        let objects: Vec<DynGc<'_, dyn Shape>> = (0..count)
            .map(|at| match at % 3 {
                0 => cx.alloc_dyn(Circle(side(at))),
                1 => cx.alloc_dyn(Square(side(at))),
                _ => cx.alloc_dyn(Rectangle(side(at), 2.0)),
            })
            .collect();
        let (boxes, rcs, objects) = (black_box(&boxes), black_box(&rcs), black_box(&objects));
        let sum = boxes.iter().map(|shape| shape.area()).sum::<f64>();
        assert_eq!(sum, objects.iter().map(|shape| shape.area()).sum::<f64>(), "the two are not the same");
        group.bench_function("box", |b| b.iter(|| boxes.iter().map(|shape| shape.area()).sum::<f64>()));
        group.bench_function("rc", |b| b.iter(|| rcs.iter().map(|shape| shape.area()).sum::<f64>()));
        group.bench_function("dyn_gc", |b| b.iter(|| objects.iter().map(|shape| shape.area()).sum::<f64>()));
        group.finish();
    });
}

fn weak_maps(criterion: &mut Criterion) {
    let count = size(1000, 10);
    let mut random = Random::new();
    let order: Vec<usize> = (0..count).map(|_| random.up_to(count)).collect();
    Heap::new().enter(|cx| {
        let mut group = group(criterion, "weak map", "A thousand objects. elem: an object.", count, Pace::Short);
        let keys = cx.root({
            let keys: Vec<Gc<'_, u64>> = (0..count as u64).map(|n| cx.alloc(n)).collect();
            cx.alloc_array(count, |at| keys[at])
        });
        let map = cx.root(cx.alloc(WeakMap::<'_, u64, u64>::new()));
        let mut plain: HashMap<usize, u64> = HashMap::new();
        group.bench_function("insert/hashbrown", |b| {
            b.iter(|| {
                plain.clear();
                keys.get(cx).iter().for_each(|key| _ = black_box(&mut plain).insert(Gc::addr(*key), **key));
            });
        });
        group.bench_function("insert/weak map", |b| {
            b.iter(|| {
                {
                    let map = black_box(map.get(cx));
                    map.retain(cx, |_, _| false);
                    keys.get(cx).iter().for_each(|key| _ = map.insert(cx, *key, **key));
                }
                cx.safepoint();
            });
        });
        let (keys, map) = (keys.get(cx), black_box(map.get(cx)));
        let get = |at: usize| map.get(cx, keys[at]);
        assert!(
            order.iter().all(|at| get(*at) == plain.get(&Gc::addr(keys[*at])).copied()),
            "the two are not the same"
        );
        group.bench_function("get/hashbrown", |b| {
            b.iter(|| order.iter().filter_map(|at| plain.get(&Gc::addr(keys[*at]))).sum::<u64>());
        });
        group.bench_function("get/weak map", |b| b.iter(|| order.iter().filter_map(|at| get(*at)).sum::<u64>()));
        group.finish();
    });
}

criterion_group!(benches, lists, whole_lists, whole_maps, values, fibers, calls, any, trait_objects, weak_maps);
criterion_main!(benches);
