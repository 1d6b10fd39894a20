//! Functions of the host that live in the heap.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use grisaille::{Barrier, Check, Gc, Heap, Mutator, Native, Rooted, Slot, Trace};

use crate::for_each_policy;

for_each_policy! {
    a_function_may_collect_what_called_it
    what_a_function_captures_lives_as_long_as_it
}

#[derive(Clone, Copy, Trace)]
struct Captured<'gc>(Gc<'gc, u64>, Gc<'gc, Slot<Option<Gc<'gc, u64>>>>);

type Function<B> =
    dyn for<'s, 'a> Fn(&mut Mutator<'s, B>, Rooted<'a, Captured<'a>>, u64) -> Rooted<'s, Gc<'s, u64>> + Send;

fn stressed<B: Barrier>() -> Heap<B> {
    Heap::builder().barrier::<B>().stress(true).check(Check::EveryStep).build().unwrap()
}

fn captured<'a, B: Barrier>(cx: &'a Mutator<'_, B>, number: u64) -> Captured<'a> {
    Captured(cx.alloc(number), cx.alloc(Slot::new(None)))
}

/// A value that tells when its function is dropped.
struct Told(Arc<AtomicUsize>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// The object that holds the function has its only other pointer removed in the middle of the call.
fn a_function_may_collect_what_called_it<B: Barrier>() {
    let dropped = Arc::new(AtomicUsize::new(0));
    stressed::<B>().enter(|cx| {
        let holder = cx.root(cx.alloc(Slot::new(None::<Gc<'_, Native<Function<B>, Captured<'_>>>>)));
        let told = Told(dropped.clone());
        let function: Box<Function<B>> = Box::new(move |cx, captured, number| {
            for _ in 0..20 {
                captured.get(cx).1.set(cx, Some(cx.alloc(number)));
                cx.safepoint();
            }
            cx.collect();
            let _ = &told;
            let Captured(own, last) = captured.get(cx);
            cx.root(cx.alloc(*own + *last.get().unwrap()))
        });
        holder.get(cx).set(cx, Some(cx.alloc(Native::new(function, captured(cx, 40)))));
        let result = cx.scope_rooted::<Rooted<'_, Gc<'_, u64>>>(|cx| {
            let native = cx.root(holder.get(cx).get().unwrap());
            holder.get(cx).set(cx, None);
            cx.collect();
            (native.function())(cx, native.captured(), 2)
        });
        assert_eq!(*result.get(cx), 42);
        assert_eq!(dropped.load(Relaxed), 0);
        cx.collect();
        cx.collect();
        assert_eq!(dropped.load(Relaxed), 1, "the function is dropped with its object, once");
    });
}

fn what_a_function_captures_lives_as_long_as_it<B: Barrier>() {
    stressed::<B>().enter(|cx| {
        let function: Box<Function<B>> = Box::new(|cx, captured, number| {
            let sum = *captured.get(cx).0 + number;
            cx.root(cx.alloc(sum))
        });
        let native = cx.root(cx.alloc(Native::new(function, captured(cx, 1))));
        for turn in 0..30 {
            cx.safepoint();
            let sum = cx.scope_rooted::<Rooted<'_, Gc<'_, u64>>>(|cx| (native.function())(cx, native.captured(), turn));
            assert_eq!(*sum.get(cx), 1 + turn);
        }
        cx.collect();
        assert_eq!(*native.get(cx).captured().0, 1);
        cx.verify().unwrap();
    });
}
