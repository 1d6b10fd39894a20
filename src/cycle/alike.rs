//! The mark loop among objects of one type.
//!
//! Where an edge leads tells much of where the next one will: lists, trees and graphs are made of one type, or of few. So
//! the loop in [`drain`](super::drain) hands an object that it has marked to a loop that was compiled for its type. As
//! long as edges lead to more of the same, size and mark bits are constants there, and tracing is no call. What is of
//! another type, or has a flag in its header, is left on the edges, to the loop that knows all types.

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::edges::{InFlight, Prefetched, Top, youngest};
use crate::space::bitmap;
use crate::space::block::BlockPtr;
use crate::space::header::{Came, ObjectPtr, Tally, TypeInfo};
use crate::trace::{InfoOf, Trace, Tracer};

/// Edges that what is traced in one call may lead to, so that the loop looks for room once: at most so many, or those of
/// two objects.
const EDGES_AT_ONCE: usize = 256;

/// Where a mark loop stands: what it works on, and what a panic in a trace leaves behind, so that the heap stays whole.
pub(crate) struct Standing<'m> {
    /// What objects pass their pointers to.
    pub tracer: Tracer<'m>,
    pub prefetched: Prefetched,
    /// The object that is being traced.
    pub current: Option<ObjectPtr>,
    /// What the run has counted up to that object.
    pub tally: Tally,
    /// The top of no edges.
    pub base: Top,
    /// Which of a block's bitmaps is `marked`.
    pub marked: usize,
}

/// What of it the loop has in registers. Where a trace may panic it is written down then; where none can, it never is.
struct InRegisters<'a, 'm, const PREFETCH: bool> {
    standing: &'a mut Standing<'m>,
    object: ObjectPtr,
    top: Top,
    tally: Tally,
    /// Not looked at without prefetches.
    waiting: InFlight,
}

impl<const PREFETCH: bool> InRegisters<'_, '_, PREFETCH> {
    /// The edge that is next.
    #[inline(always)]
    fn edge(&mut self, base: Top, marked: usize) -> Option<ObjectPtr> {
        let prefetched = &mut self.standing.prefetched;
        // SAFETY: the mark loop is the only one that uses the room.
        unsafe {
            if PREFETCH {
                prefetched.fill(&mut self.waiting, base, &mut self.top, marked);
                prefetched.first(self.waiting)
            } else {
                youngest(base, self.top)
            }
        }
    }

    /// Takes it off.
    #[inline(always)]
    fn take_edge(&mut self) {
        if PREFETCH {
            self.waiting.take();
        } else {
            // SAFETY: there is one.
            self.top = unsafe { self.top.sub(1) };
        }
    }

    /// The loop ends.
    #[inline(always)]
    fn end(self) -> Came {
        if PREFETCH {
            self.standing.prefetched.waiting = self.waiting;
        }
        let ended = ManuallyDrop::new(self);
        Came { top: ended.top, tally: ended.tally }
    }
}

impl<const PREFETCH: bool> Drop for InRegisters<'_, '_, PREFETCH> {
    fn drop(&mut self) {
        self.standing.current = Some(self.object);
        self.standing.tally = self.tally;
        self.standing.tracer.set_top(self.top);
        if PREFETCH {
            self.standing.prefetched.waiting = self.waiting;
        }
    }
}

/// Traces an object that is marked and booked, and marks, books and traces what it leads to, as long as the next edge leads
/// to an object of the same type and work is left. It may end sooner.
///
/// # Safety
/// `object` must be a live, complete `T` borrowed by nobody, `info` the one in its header, `standing` an exclusively
/// borrowed [`Standing`], and `top` of its edges. Marking must be going on, on this thread. A `T` must have a pointer, and
/// be of at most 64 granules.
pub(crate) unsafe fn mark_alike<T: Trace, const PREFETCH: bool>(
    object: ObjectPtr,
    info: &'static TypeInfo,
    standing: NonNull<()>,
    top: Top,
    tally: Tally,
) -> Came {
    let size = const { InfoOf::<T>::INFO.size };
    debug_assert!(size.marks != 0);
    // Objects traced behind the first.
    let more = const { EDGES_AT_ONCE / T::MAX_POINTERS };
    // SAFETY: the caller's word.
    let standing = unsafe { standing.cast::<Standing<'_>>().as_mut() };
    let (base, marked) = (standing.base, standing.marked);
    let waiting = if PREFETCH { standing.prefetched.waiting } else { InFlight::NONE };
    let mut at = InRegisters::<PREFETCH> { standing, object, top, tally, waiting };
    if !at.standing.tracer.has_room(top, (1 + more) * T::MAX_POINTERS) {
        // SAFETY: the caller's word.
        let traced = unsafe { (info.trace)(object, 0, NonNull::from(&mut at.standing.tracer).cast(), top) };
        at.top = traced.top;
        return at.end();
    }
    // Each takes as much off what is left.
    let enough = tally.left().saturating_sub(more as i32 * size.work()).max(0);
    // The word of mark bits that was looked at last, which the next object's bits are likely to be in: what this one
    // writes there the next one would otherwise wait for. Behind prefetches others come in between.
    let (mut word_at, mut marks) = (0, 0);
    loop {
        // SAFETY: the object is a live `T`: the first by the caller's word, the others by their headers.
        let value = unsafe { at.object.payload().cast::<T>().as_ref() };
        // SAFETY: there was room for as many objects as are traced here.
        at.top = unsafe { at.standing.tracer.trace_few(value, at.top) };
        if at.tally.left() <= enough {
            return at.end();
        }
        let next = loop {
            let Some(object) = at.edge(base, marked) else { return at.end() };
            let granule = object.granule();
            // SAFETY: marking runs on the mutator's thread, when every block is swept (I7); a leaf borrow.
            let words = unsafe { BlockPtr::of(object).bits(marked) };
            let word = &mut words[granule / 64];
            let here = core::ptr::from_mut(word).addr();
            if PREFETCH || here != word_at {
                (word_at, marks) = (here, *word);
            }
            if marks >> (granule % 64) & 1 != 0 {
                at.take_edge();
                continue;
            }
            if !object.header().is_just(info) {
                return at.end();
            }
            at.take_edge();
            if (granule % 64) as i32 <= size.last_start {
                marks |= size.marks << (granule % 64);
                *word = marks;
            } else {
                word_at = 0;
                bitmap::set_ones(words, granule, size.marks);
            }
            break object;
        };
        at.tally.book(&size);
        at.object = next;
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicUsize, Ordering};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use crate::{Budget, Check, Gc, Heap, Mutator, Trace, Tracer};

    /// More than a core's caches hold, or the loop would not choose.
    const NODES: usize = 60_000;

    #[derive(Clone, Copy, Trace)]
    enum Link<'gc> {
        Small(Gc<'gc, Small<'gc>>),
        Wide(Gc<'gc, Wide<'gc>>),
        Leaf(Gc<'gc, u64>),
    }

    #[derive(Trace)]
    struct Small<'gc> {
        links: [Option<Link<'gc>>; 2],
    }

    /// Of 10 granules: many of these do not lie within one word of mark bits.
    #[derive(Trace)]
    struct Wide<'gc> {
        links: [Option<Link<'gc>>; 3],
        number: [u64; 3],
    }

    /// A heap whose loop goes that way, and which has marked much before.
    fn with_large_heap(way: bool, f: impl FnOnce(&mut Mutator<'_>)) {
        let mut heap = Heap::builder().automatic(false).check(Check::SecondMark).build().unwrap();
        heap.enter(|cx| {
            cx.scope(|cx, _| {
                let _much = cx.root(cx.alloc_array(NODES, |i| cx.alloc([i as u64; 3])));
                cx.collect();
            });
            cx.collector().marker.prefetches.always.set(Some(way));
            f(cx);
        });
    }

    fn mark_to_the_end(cx: &mut Mutator<'_>, budget: Budget) -> usize {
        let mut panics = 0;
        loop {
            match catch_unwind(AssertUnwindSafe(|| cx.step(budget).cycle_ended)) {
                Ok(true) => return panics,
                Ok(false) => {}
                Err(_) => panics += 1,
            }
        }
    }

    #[test]
    fn whatever_the_types_that_follow_each_other_all_that_is_reachable_is_marked_once() {
        for (way, seed, budget) in [
            (false, 1u64, Budget::unlimited()),
            (true, 2, Budget::unlimited()),
            (false, 3, Budget::work(20_000)),
            (true, 4, Budget::work(20_000)),
            (true, 5, Budget::work(1)),
        ] {
            with_large_heap(way, |cx| {
                let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let mut below = |n: usize| {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    (random >> 33) as usize % n
                };
                // Each leads to some before it, mostly near; runs of one type and of several.
                let mut made: Vec<(Link<'_>, usize, Vec<usize>)> = Vec::new();
                for at in 0..NODES {
                    let mut links = [const { None }; 3];
                    let kind = if at / 1000 % 2 == 0 { at / 5000 % 3 } else { below(3) };
                    let len = [2, 3, 0][kind];
                    let mut to = Vec::new();
                    for link in &mut links[..len] {
                        if at > 0 && below(4) > 0 {
                            let near = if below(8) == 0 { at } else { at.min(3) };
                            let target = at - 1 - below(near);
                            to.push(target);
                            *link = Some(made[target].0);
                        }
                    }
                    let node = match kind {
                        0 => (Link::Small(cx.alloc(Small { links: [links[0], links[1]] })), 40),
                        1 => (Link::Wide(cx.alloc(Wide { links, number: [0; 3] })), 80),
                        _ => (Link::Leaf(cx.alloc(at as u64)), 16),
                    };
                    made.push((node.0, node.1, to));
                }
                let roots: Vec<usize> = (0..2000).map(|_| below(NODES)).collect();
                let _roots = roots.iter().map(|&at| cx.root(Some(made[at].0))).collect::<Vec<_>>();
                let (mut reached, mut todo) = (vec![false; NODES], roots);
                let (mut objects, mut bytes) = (0, 0);
                while let Some(at) = todo.pop() {
                    if !core::mem::replace(&mut reached[at], true) {
                        objects += 1;
                        bytes += made[at].1;
                        todo.extend(&made[at].2);
                    }
                }
                drop(made);
                let before = cx.stats().objects_marked;
                mark_to_the_end(cx, budget);
                assert_eq!((cx.stats().objects_marked - before, cx.stats().bytes_live), (objects, bytes as u64));
                cx.verify().unwrap();
            });
        }
    }

    static ARMED: AtomicUsize = AtomicUsize::new(0);

    struct Panics<'gc>([Option<Gc<'gc, Panics<'gc>>>; 2]);

    // SAFETY: passes its two pointers on, but for a panic; the fields are those at the other lifetime.
    unsafe impl<'gc> Trace for Panics<'gc> {
        type At<'a> = Panics<'a>;
        const MAX_POINTERS: usize = 2;
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.0[0].trace(tracer);
            // The trace that counts it down to zero.
            let armed = ARMED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |armed| armed.checked_sub(1));
            assert!(armed != Ok(1), "armed");
            self.0[1].trace(tracer);
        }
    }

    #[test]
    fn a_trace_that_panics_among_many_of_its_type_loses_none_and_none_is_counted_twice() {
        fn tree<'a>(cx: &'a Mutator<'_>, depth: usize) -> Gc<'a, Panics<'a>> {
            let children = [(); 2].map(|()| (depth > 0).then(|| tree(cx, depth - 1)));
            cx.alloc(Panics(children))
        }
        for way in [false, true] {
            for armed in [0, 1, 2, 3, 100, 129, 130, 9999] {
                with_large_heap(way, |cx| {
                    let _tree = cx.root(tree(cx, 14));
                    let before = cx.stats().objects_marked;
                    ARMED.store(armed, Ordering::Relaxed);
                    assert_eq!(mark_to_the_end(cx, Budget::unlimited()), usize::from(armed > 0));
                    assert_eq!(cx.stats().objects_marked - before, (2 << 14) - 1);
                    cx.verify().unwrap();
                });
            }
        }
    }
}
