//! The verifier finds what is wrong: each test breaks a heap by hand.

use std::time::Duration;

use super::*;
use crate::barrier::{Insertion, RootsFirst};
use crate::heap::Heap;
use crate::mark::budget::Budget;
use crate::mark::tracer::Tracer;
use crate::pointer::gc::Gc;
use crate::pointer::slot::Slot;
use crate::space::arena::testing::take;
use crate::space::bitmap;
use crate::space::block::BlockPtr;
use crate::space::geometry::{BLOCK_SIZE, GRANULE, WORDS};
use crate::trace::Trace;
use crate::trace::layout::InfoOf;

struct Link<'gc> {
    next: Slot<Option<Gc<'gc, Link<'gc>>>>,
}

// SAFETY: as the derive has it, which names the crate from outside.
unsafe impl Trace for Link<'_> {
    type At<'a> = Link<'a>;
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.next.trace(tracer);
    }
}

fn link<'a, B: Barrier>(cx: &'a Mutator<'_, B>, next: Option<Gc<'a, Link<'a>>>) -> Gc<'a, Link<'a>> {
    cx.alloc(Link { next: Slot::new(next) })
}

/// Runs `spoil` on a heap in which local 0 leads through one link to another. Returns what the verifier says.
fn spoilt<B: Barrier>(spoil: impl for<'a> FnOnce(&'a Mutator<'_, B>, Gc<'a, Link<'a>>)) -> String {
    let mut heap = Heap::builder().barrier::<B>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let first = cx.root(link(cx, Some(link(cx, None))));
        cx.collect();
        assert_eq!(cx.verify(), Ok(()));
        spoil(cx, first.get(cx));
        cx.verify().unwrap_err().to_string()
    })
}

/// The bits of an object's block.
fn bits<'x>(object: ObjectPtr, which: usize) -> &'x mut [u64; WORDS] {
    // SAFETY: nothing is being swept (I7); the tests use one at a time.
    unsafe { BlockPtr::of(object).bits(which) }
}

#[test]
fn what_was_freed_is_named_with_the_way_to_it() {
    let error = spoilt::<RootsFirst>(|cx, first| {
        let second = first.next.get().unwrap().object();
        bitmap::clear_run(bits(second, cx.collector().marker.occupied()), second.granule(), second.granules());
        // The accounts are made to agree, so that the dangling pointer is what is found.
        let block = BlockPtr::of(second);
        // SAFETY: nothing is being swept (I7).
        let live = unsafe { &block.front().live };
        live.set(live.get() - second.granules() as u32);
        cx.collector().blocks.borrow_mut().registry.recount_offered();
        let (c, bytes) = (&cx.collector().counters, second.granules() * GRANULE);
        c.objects_freed.set(c.objects_freed.get() + 1);
        cx.collector().pacer.marking_ended(cx.stats().bytes_live as usize - bytes, 0, 0, Duration::ZERO);
    });
    assert!(error.contains("where no object is"), "{error}");
    assert!(error.contains("path: local 0 -> ") && error.contains("Link"), "{error}");
}

#[test]
fn bitmaps_that_disagree_with_headers_are_found() {
    let part = spoilt::<RootsFirst>(|cx, first| {
        let (object, block) = (first.object(), BlockPtr::of(first.object()));
        bitmap::clear_run(bits(object, cx.collector().marker.occupied()), object.granule() + 1, 1);
        // SAFETY: nothing is being swept (I7).
        let live = unsafe { &block.front().live };
        live.set(live.get() - 1);
    });
    assert!(part.contains("allocated in part"), "{part}");
    let mark = spoilt::<RootsFirst>(|cx, first| {
        bitmap::set_run(bits(first.object(), cx.collector().marker.marked()), 4000, 1);
    });
    assert!(mark.contains("marks where no object is"), "{mark}");
}

#[test]
fn a_payload_that_is_not_aligned_is_found() {
    let error = spoilt::<RootsFirst>(|cx, _| {
        let mut object = cx.alloc([0u64; 3]).object();
        if !object.granule().is_multiple_of(2) {
            cx.alloc(());
            object = cx.alloc([0u64; 3]).object();
        }
        // SAFETY: as large as an object with a `u128`, any of which is valid.
        unsafe { object.become_type(const { &InfoOf::<u128>::INFO }) };
    });
    assert!(error.contains("is not aligned"), "{error}");
}

#[test]
fn the_accounts_are_recounted() {
    let used = spoilt::<RootsFirst>(|cx, _| cx.collector().blocks.borrow_mut().registry.arena.used += BLOCK_SIZE);
    assert!(used.contains("the arena says"), "{used}");
    let freed = spoilt::<RootsFirst>(|cx, _| cx.collector().counters.objects_freed.set(1));
    assert!(freed.contains("the books say"), "{freed}");
}

#[test]
fn each_grey_object_is_queued_once() {
    let flag = spoilt::<RootsFirst>(|_, first| first.object().set_queued(true));
    assert!(flag.contains("says that it is queued, and is not"), "{flag}");
    let mut heap = Heap::builder().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let first = cx.root(link(cx, None));
        while cx.collector().marker.queued_objects().is_empty() {
            cx.step(Budget::work(1));
        }
        assert_eq!(cx.verify(), Ok(()));
        cx.collector().marker.queue_again(first.get(cx).object());
        assert!(cx.verify().unwrap_err().what().contains("queued twice"));
    });
}

/// Writes without a barrier.
fn smuggle<B: Barrier>(cx: &Mutator<'_, B>, write: impl FnOnce()) {
    let marking = &cx.collector().marking;
    let on = marking.replace(false);
    write();
    marking.set(on);
}

#[test]
fn a_black_object_that_hides_a_white_one_is_found() {
    let mut heap = Heap::builder().barrier::<Insertion>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let first = cx.root(link(cx, None));
        while cx.color(first.get(cx)) != crate::Color::Black {
            cx.step(Budget::work(1));
        }
        let black = first.get(cx);
        smuggle(cx, || black.next.set(cx, Some(link(cx, None))));
        let error = cx.verify().unwrap_err().to_string();
        assert!(error.contains("a black ") && error.contains("leads to a white "), "{error}");
        assert!(error.contains("path: local 0 -> "), "{error}");
    });
}

/// Regression: the verifier took a grey object for one whose pointers are all still to be followed.
#[test]
fn the_scanned_part_of_a_grey_array_counts_as_black() {
    let mut heap = Heap::builder().barrier::<Insertion>().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let array = cx.root(cx.alloc_array(600, |_| Slot::new(None::<Gc<'_, Link<'_>>>)));
        while !cx.collector().marker.queued_objects().iter().any(|(_, piece)| *piece != 0) {
            cx.step(Budget::work(1));
        }
        assert_eq!(cx.verify(), Ok(()));
        smuggle(cx, || array.get(cx).as_slice()[599].set(cx, Some(link(cx, None))));
        assert_eq!(cx.verify(), Ok(()), "the last element is still to be scanned");
        smuggle(cx, || array.get(cx).as_slice()[0].set(cx, Some(link(cx, None))));
        let error = cx.verify().unwrap_err().to_string();
        assert!(error.contains("leads to a white "), "{error}");
    });
}

#[test]
fn an_ephemeron_with_a_marked_key_and_a_lost_value_is_found() {
    let mut heap = Heap::builder().automatic(false).build().unwrap();
    heap.enter(|cx| {
        let key = cx.root(link(cx, None));
        let ephemeron = cx.root(cx.alloc_ephemeron(key.get(cx), None::<Gc<'_, Link<'_>>>));
        while cx.phase() != Phase::Mark || cx.collector().window.get() || !cx.collector().marker.is_empty() {
            cx.step(Budget::work(1));
        }
        assert_eq!(cx.verify(), Ok(()));
        // Allocated white, as if the policy said so: nothing leads there but the ephemeron's value.
        cx.collector().retire_holes();
        let white = link(cx, None);
        smuggle(cx, || assert!(ephemeron.get(cx).set(cx, Some(white))));
        let error = cx.verify().unwrap_err().to_string();
        assert!(error.contains("that marking will not find"), "{error}");
    });
}

#[test]
fn the_second_mark_reaches_what_the_first_did_not() {
    let mut heap = Heap::builder().automatic(false).check(Check::SecondMark).build().unwrap();
    heap.enter(|cx| {
        let first = cx.root(link(cx, None));
        while cx.phase() != Phase::Mark || cx.color(first.get(cx)) != crate::Color::Black {
            cx.step(Budget::work(1));
        }
        cx.collector().retire_holes();
        let white = link(cx, None);
        smuggle(cx, || first.get(cx).next.set(cx, Some(white)));
        let panic = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
            while cx.phase() != Phase::Idle {
                cx.step(Budget::work(1));
            }
        }));
        let text = *panic.unwrap_err().downcast::<String>().unwrap();
        assert!(text.contains("the second mark reaches ") && text.contains("path: local 0 -> "), "{text}");
    });
}

#[test]
fn blocks_that_are_not_where_their_state_says_are_found() {
    let twice = spoilt::<RootsFirst>(|cx, first| {
        let mut blocks = cx.collector().blocks.borrow_mut();
        for _ in 0..2 {
            // SAFETY: a swept block; that it is registered already is what the verifier is to find.
            unsafe { blocks.registry.register(BlockPtr::of(first.object())) };
        }
    });
    assert!(twice.contains("listed twice"), "{twice}");
    let free = spoilt::<RootsFirst>(|cx, _| {
        let mut blocks = cx.collector().blocks.borrow_mut();
        take(&mut blocks.registry.arena, 1, crate::space::block::Kind::Plain, false, 0).unwrap();
        blocks.registry.arena.used -= BLOCK_SIZE;
    });
    assert!(free.contains("does not agree with the blocks that are taken"), "{free}");
    let offered = spoilt::<RootsFirst>(|cx, _| {
        let mut blocks = cx.collector().blocks.borrow_mut();
        let other = take(&mut blocks.registry.arena, 1, crate::space::block::Kind::Plain, false, 0).unwrap();
        blocks.registry.arena.used -= BLOCK_SIZE;
        blocks.registry.offer_for_tests(other);
    });
    assert!(offered.contains("offered for allocation"), "{offered}");
}

#[test]
fn a_heap_looks_at_itself_as_often_as_it_is_told() {
    for (check, every) in [(Check::EveryStep, 1), (Check::EverySteps(1), 1), (Check::EverySteps(7), 7)] {
        let mut heap = Heap::builder().automatic(false).check(check).build().unwrap();
        heap.enter(|cx| {
            // Too many steps for a panic that is not asked for to come by chance.
            let _kept = cx.root(cx.alloc_array(10_000, |_| Slot::new(None::<Gc<'_, u64>>)));
            for _ in 0..7 {
                cx.step(Budget::work(1));
            }
            cx.collector().counters.objects_freed.set(1); // the accounts are wrong from here on
            let mut steps = 0;
            while std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| cx.step(Budget::work(1)))).is_ok() {
                steps += 1;
            }
            assert_eq!(steps + 1, every, "{check:?}");
            cx.collector().counters.objects_freed.set(0);
        });
    }
    let mut heap = Heap::builder().automatic(false).check(Check::EverySteps(0)).build().unwrap();
    heap.enter(|cx| {
        let _kept = cx.root(cx.alloc_array(10_000, |_| Slot::new(None::<Gc<'_, u64>>)));
        cx.collector().counters.objects_freed.set(1);
        for _ in 0..20 {
            cx.step(Budget::work(1));
        }
        cx.collector().counters.objects_freed.set(0);
    });
}
