//! How a type is described to the collector: its [`TypeInfo`], the kind of block its objects live in, and the thread
//! that drops them.
//!
//! Objects of a sized type `T` are traced so (those whose length word tells the size have functions of their own, in
//! `kit`):
//!
//! ```text
//! the mark loop, a barrier, the verifier      the mark loop of T: `mark_alike`
//!     | TypeInfo::trace                           |  (room for all that it traces)
//! trace_sized                                     |
//!     |- few pointers, room for them all ------> Tracer::trace_few -> T::trace   pushes without a check
//!     |- few, and no room: trace_without_room -+
//!     |- many, or no bound known --------------+> trace_any -> trace_with -> T::trace   checks each push
//! ```
//!
//! "Few" is at most [`FEW`], by `Trace::MAX_POINTERS`. "Room" is that of the tracer's edges
//! ([`Edges`](crate::mark::edges::Edges)); a pointer without room goes to the tracer's sink, out of line.

use core::any::type_name;
use core::marker::PhantomData;
use core::mem::needs_drop;
use core::ptr::NonNull;

use super::private::FieldNames;
use super::{DropOn, Trace, alike};
use crate::mark::edges::Top;
use crate::mark::tracer::{Tracer, trace_with};
use crate::space::block::Kind;
use crate::space::header::{About, ObjectPtr, TraceResult, TypeInfo};

/// Returns the kind of block that values of `T` live in.
pub(crate) const fn kind_of<T: Trace>() -> Kind {
    if !needs_drop::<T>() {
        Kind::Plain
    } else {
        match T::DROP {
            DropOn::Mutator => Kind::Drop,
            DropOn::Sweeper => Kind::BackgroundDrop,
        }
    }
}

/// Returns where a `T` is dropped that is part of another value: one without drop glue may be dropped by any thread.
pub(crate) const fn drop_on<T: Trace>() -> DropOn {
    if needs_drop::<T>() { T::DROP } else { DropOn::Sweeper }
}

/// Returns where a value with these two parts is dropped.
pub(crate) const fn drop_on_both<T: Trace, U: Trace>() -> DropOn {
    match (drop_on::<T>(), drop_on::<U>()) {
        (DropOn::Sweeper, DropOn::Sweeper) => DropOn::Sweeper,
        _ => DropOn::Mutator,
    }
}

/// Types of at most so many pointers are traced without a check of the room for each.
const FEW: usize = 64;

/// Returns whether `T` has few pointers, and some: a type without pointers may be traced where there are no edges at
/// all.
pub(crate) const fn has_few<T: Trace>() -> bool {
    0 < T::MAX_POINTERS && T::MAX_POINTERS <= FEW
}

/// Describes a type. Types that differ in the heap's lifetime alone are one; two others never are: `At` replaces that
/// lifetime and nothing else (`Trace`'s contract).
pub(crate) fn about<T: Trace>() -> About {
    About { fields: Some(name_fields::<T>), ..About::of::<T::At<'static>>(type_name::<T>()) }
}

/// Names the fields of an object.
///
/// # Safety
/// [`NameFields`](crate::space::header::NameFields)'s, for an object in whose payload a `T` lies.
unsafe fn name_fields<T: Trace>(object: ObjectPtr, named: &mut dyn FnMut(usize, &'static str)) {
    // SAFETY: `NameFields`: a `T`, which is complete, and which nobody writes.
    let value = unsafe { object.payload().cast::<T>().as_ref() };
    let mut pointers = Vec::new();
    value.__trace_fields(&mut Tracer::listing(&mut pointers), &mut FieldNames(named));
}

/// Carries the `TypeInfo` of sized objects.
pub(crate) struct InfoOf<T>(PhantomData<T>);

impl<T: Trace> InfoOf<T> {
    pub(crate) const INFO: TypeInfo = {
        let info = TypeInfo::sized::<T>(about::<T>)
            .traced_if(T::NEEDS_TRACE, trace_sized::<T>)
            .dropped_if(needs_drop::<T>(), drop_sized::<T>);
        if T::NEEDS_TRACE && has_few::<T>() && info.size.has_mark_bits() {
            TypeInfo { mark_alike: Some([alike::mark_alike::<T, false>, alike::mark_alike::<T, true>]), ..info }
        } else {
            info
        }
    };
}

/// # Safety
/// [`TypeInfo::trace`]'s.
unsafe fn trace_sized<T: Trace>(object: ObjectPtr, _: usize, erased: NonNull<()>, top: Top) -> TraceResult {
    // SAFETY: `TypeInfo::trace`: the header names `InfoOf<T>`, so the payload is a `T`; it is complete.
    let value = unsafe { object.payload().cast::<T>().as_ref() };
    if const { has_few::<T>() } {
        // SAFETY: `TypeInfo::trace`: a tracer that is ours until the end of the call.
        let tracer = unsafe { &*erased.cast::<Tracer<'_>>().as_ptr() };
        if tracer.has_room(top, T::MAX_POINTERS) {
            // SAFETY: the top is of its edges, and there is room for as many pointers as a `T` can have.
            return TraceResult { next: 0, top: unsafe { tracer.trace_few(value, top) } };
        }
        // SAFETY: passed on.
        return unsafe { trace_without_room::<T>(object, erased, top) };
    }
    // SAFETY: passed on.
    unsafe { trace_any::<T>(object, erased, top) }
}

/// Out of line, so that the usual path saves no registers for this one.
///
/// # Safety
/// [`TypeInfo::trace`]'s.
#[cold]
#[inline(never)]
unsafe fn trace_without_room<T: Trace>(object: ObjectPtr, erased: NonNull<()>, top: Top) -> TraceResult {
    // SAFETY: passed on.
    unsafe { trace_any::<T>(object, erased, top) }
}

/// # Safety
/// [`TypeInfo::trace`]'s.
#[inline(always)]
unsafe fn trace_any<T: Trace>(object: ObjectPtr, erased: NonNull<()>, top: Top) -> TraceResult {
    // SAFETY: `TypeInfo::trace`: the header names `InfoOf<T>`, so the payload is a `T`; it is complete.
    let value = unsafe { object.payload().cast::<T>().as_ref() };
    // SAFETY: `TypeInfo::trace`: a tracer that is ours until the end of the call, and a top of its edges.
    unsafe {
        trace_with(erased, top, |tracer| {
            value.trace(tracer);
            0
        })
    }
}

/// # Safety
/// [`TypeInfo::drop`]'s.
unsafe fn drop_sized<T>(object: ObjectPtr) {
    // SAFETY: `TypeInfo::drop`: the header names `InfoOf<T>`, so the payload is a `T`; it is complete, was not dropped, and is
    // used by nobody.
    unsafe { object.payload().cast::<T>().drop_in_place() };
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;

    use crate::mark::pointer_list::PointerList;
    use crate::mark::tracer::Tracer;
    use crate::space::header::ObjectPtr;
    use crate::{Array, Budget, Check, Gc, Heap, Slot, Trace};

    /// Enums of at most one pointer: traced without a jump.
    #[derive(Clone, Copy, Trace)]
    enum Value<'gc> {
        Nil,
        Number(f64),
        Maybe(Option<Gc<'gc, u64>>),
        Leaf(Gc<'gc, u64>),
        Array(Array<'gc, u64>),
        Inner(Plain<'gc>),
    }

    /// One whose pointers lie elsewhere.
    #[derive(Clone, Copy, Trace)]
    enum Plain<'gc> {
        Flag(#[trace(skip)] bool),
        Leaf(Gc<'gc, u64>),
    }

    /// No pointer: takes no room, and must not be written for.
    #[derive(Clone, Copy, Trace)]
    enum Leaf {
        No,
        Number(f64),
    }

    #[derive(Trace)]
    struct Object<'gc> {
        first: Gc<'gc, u64>,
        leaf: Slot<Leaf>,
        value: Slot<Value<'gc>>,
        last: Slot<Leaf>,
    }

    /// The room of the edges is exactly used up at some lengths: what is traced without a check must check once.
    #[test]
    fn each_variant_of_an_enum_is_traced_wherever_the_room_ends() {
        for cap in (1..=24).chain([usize::MAX]) {
            let mut heap = Heap::builder().automatic(false).check(Check::SecondMark).build().unwrap();
            heap.enter(|cx| {
                cx.collector().marker.set_cap(cap);
                let value = |n: usize| match n % 8 {
                    0 => Value::Nil,
                    1 => Value::Number(n as f64),
                    2 => Value::Maybe(None),
                    3 => Value::Maybe(Some(cx.alloc(n as u64))),
                    4 => Value::Leaf(cx.alloc(n as u64)),
                    5 => Value::Array(cx.alloc_array(2, |_| n as u64)),
                    6 => Value::Inner(Plain::Flag(n % 16 < 8)),
                    _ => Value::Inner(Plain::Leaf(cx.alloc(n as u64))),
                };
                let arrays = cx.root(cx.alloc_array(200, |at| {
                    cx.alloc_array(at % 20, |n| cx.alloc_array(1 + n % 4, |k| Slot::new(value(at + n + k))))
                }));
                let objects = cx.root(cx.alloc_array(200, |n| {
                    let leaf = || Slot::new(if n % 2 == 0 { Leaf::No } else { Leaf::Number(n as f64) });
                    cx.alloc(Object {
                        first: cx.alloc(n as u64),
                        leaf: leaf(),
                        value: Slot::new(value(n)),
                        last: leaf(),
                    })
                }));
                for budget in [Budget::unlimited(), Budget::work(100)] {
                    while !cx.step(budget).cycle_ended {}
                    cx.verify().unwrap();
                }
                // What was freed would be used for these.
                for _ in 0..10_000 {
                    let _garbage = cx.alloc(u64::MAX);
                }
                let is = |value: Value<'_>, n: usize| match value {
                    Value::Nil => n.is_multiple_of(8),
                    Value::Number(number) => n % 8 == 1 && number == n as f64,
                    Value::Maybe(None) => n % 8 == 2,
                    Value::Maybe(Some(leaf)) => n % 8 == 3 && *leaf == n as u64,
                    Value::Leaf(leaf) => n % 8 == 4 && *leaf == n as u64,
                    Value::Array(array) => n % 8 == 5 && *array == [n as u64; 2],
                    Value::Inner(Plain::Flag(flag)) => n % 8 == 6 && flag == (n % 16 < 8),
                    Value::Inner(Plain::Leaf(leaf)) => n % 8 == 7 && *leaf == n as u64,
                };
                for (at, array) in arrays.get(cx).iter().enumerate() {
                    assert_eq!(array.len(), at % 20);
                    for (n, values) in array.iter().enumerate() {
                        assert!(values.iter().enumerate().all(|(k, value)| is(value.get(), at + n + k)));
                    }
                }
                for (n, object) in objects.get(cx).iter().enumerate() {
                    assert!(*object.first == n as u64 && is(object.value.get(), n));
                    assert!(match (object.leaf.get(), object.last.get()) {
                        (Leaf::No, Leaf::No) => n % 2 == 0,
                        (Leaf::Number(a), Leaf::Number(b)) => a == n as f64 && b == a,
                        _ => false,
                    });
                }
            });
        }
    }

    /// Two pointers, by an impl that says nothing of them but what it must.
    #[derive(Clone, Copy)]
    struct Two<'gc>(Gc<'gc, u64>, Gc<'gc, u64>);

    // SAFETY: passes both pointers on; `At` replaces the one lifetime.
    unsafe impl Trace for Two<'_> {
        type At<'a> = Two<'a>;
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0.trace(tracer);
            self.1.trace(tracer);
        }
    }

    #[derive(Clone, Copy, Trace)]
    enum Generic<T, U> {
        None,
        First(T),
        Second(Option<U>),
        #[allow(dead_code)]
        Never(Infallible),
    }

    #[derive(Clone, Copy, Trace)]
    enum Empty {}

    /// Returns the pointers that `trace` passes on, and how many words were stored for them.
    fn pointers<T: Trace>(value: &T, mark: ObjectPtr) -> (Vec<ObjectPtr>, usize) {
        let mut listed = Vec::new();
        value.trace(&mut Tracer::listing(&mut listed));
        let (list, mut places) = (PointerList::new(), [Some(mark); 8]);
        // SAFETY: there is room for 8 pointers, and no value of the tests has more.
        let mut tracer = unsafe { Tracer::rooting_at(&list, places.as_mut_ptr().cast()) };
        value.trace(&mut tracer);
        let count = (tracer.top().addr() - places.as_ptr().addr()) / size_of::<ObjectPtr>();
        assert!(places[..count].iter().copied().eq(listed.iter().copied().map(Some)));
        (listed, places.iter().rposition(|&place| place != Some(mark)).map_or(0, |last| last + 1))
    }

    #[test]
    fn no_more_words_are_stored_for_a_value_than_its_type_has_pointers() {
        const { assert!(<Value<'_> as Trace>::AT_MOST_ONE && <Value<'_> as Trace>::MAX_POINTERS == 1) };
        const { assert!(<Leaf as Trace>::AT_MOST_ONE && <Leaf as Trace>::MAX_POINTERS == 0) };
        const { assert!(<Empty as Trace>::AT_MOST_ONE && <Empty as Trace>::MAX_POINTERS == 0) };
        Heap::new().enter(|cx| {
            let [mark, a, b] = [0, 1, 2].map(|n| cx.alloc(n as u64));
            let of = |value: Object<'_>| {
                let (pointers, stored) = pointers(&value, mark.object());
                assert!(stored <= <Object<'_> as Trace>::MAX_POINTERS, "a word was stored beyond the room");
                pointers
            };
            for leaf in [Leaf::No, Leaf::Number(0.5)] {
                let object =
                    |value| Object { first: a, leaf: Slot::new(leaf), value: Slot::new(value), last: Slot::new(leaf) };
                assert_eq!(of(object(Value::Nil)), [a.object()]);
                assert_eq!(of(object(Value::Maybe(None))), [a.object()]);
                assert_eq!(of(object(Value::Maybe(Some(b)))), [a.object(), b.object()]);
                assert_eq!(of(object(Value::Inner(Plain::Flag(true)))), [a.object()]);
                assert_eq!(of(object(Value::Inner(Plain::Leaf(b)))), [a.object(), b.object()]);
            }
        });
    }

    #[test]
    fn an_enum_has_one_pointer_at_the_most_only_where_each_of_its_parts_does() {
        const { assert!(<Generic<Value<'_>, Gc<'_, u64>> as Trace>::AT_MOST_ONE) };
        const { assert!(!<Generic<Two<'_>, Empty> as Trace>::AT_MOST_ONE) };
        const { assert!(!<Generic<Empty, Generic<u8, Two<'_>>> as Trace>::AT_MOST_ONE) };
        Heap::new().enter(|cx| {
            let [mark, a, b] = [0, 1, 2].map(|n| cx.alloc(n as u64));
            let both = [a.object(), b.object()];
            assert_eq!(pointers(&Generic::<_, Empty>::First(Two(a, b)), mark.object()), (both.to_vec(), 2));
            let inner = Generic::<u8, _>::Second(Some(Two(a, b)));
            assert_eq!(pointers(&Generic::<Empty, _>::Second(Some(inner)), mark.object()), (both.to_vec(), 2));
            assert_eq!(pointers(&Generic::<Empty, Two<'_>>::None, mark.object()), (vec![], 0));
            let inner = Generic::<Gc<'_, u64>, Value<'_>>::Second(Some(Value::Leaf(b)));
            assert_eq!(pointers(&Generic::<Value<'_>, _>::Second(Some(inner)), mark.object()), (vec![b.object()], 1));
        });
    }
}
