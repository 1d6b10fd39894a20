//! The type-specialized mark loop: among objects of one type.
//!
//! Lists, trees and graphs are made of one type, or of few, so an edge often leads to the type that the edge before led
//! to. The loop in [`drain`](crate::mark::drain) hands the second object of a type in a row to a loop compiled for that
//! type. In this loop size and mark bits are constants, and tracing is no call. Objects of another type, or with a flag
//! in the header, are left on the edges for the general loop.
//!
//! A type is identified by the address of its [`TypeInfo`]. The compiler may make several: one for each codegen unit
//! that allocates the type. Objects with two of them are objects of two types here.

use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::Trace;
use crate::mark::drain::LoopState;
use crate::mark::edges::{InFlight, Top, youngest};
use crate::space::block::BlockPtr;
use crate::space::geometry::GRANULE;
use crate::space::header::{AlikeResult, ObjectPtr, TypeInfo, object_bytes};
use crate::space::tally::{MarkTally, ObjectSize};

/// The most edges that one call stores for the objects behind its first, so that the loop checks for room once.
const EDGES_AT_ONCE: usize = 512;

/// The part of [`LoopState`] that the loop keeps in registers, written back only where a trace panics.
struct InRegisters<'a, 'm, const PREFETCH: bool> {
    state: &'a mut LoopState<'m>,
    object: ObjectPtr,
    top: Top,
    /// The number of objects that may still be marked.
    left: usize,
    /// The tally when `left` is 0.
    at_the_end: MarkTally,
    size: &'static ObjectSize,
    /// Unused without prefetches.
    waiting: InFlight,
}

impl<const PREFETCH: bool> InRegisters<'_, '_, PREFETCH> {
    /// Returns the next edge.
    ///
    /// # Safety
    /// `base` must be that of the edges which `top` is of.
    #[inline(always)]
    unsafe fn edge(&mut self, base: Top, marked: usize) -> Option<ObjectPtr> {
        let prefetched = &mut self.state.prefetched;
        // SAFETY: passed on; the mark loop is the only one that uses the room.
        unsafe {
            if PREFETCH {
                prefetched.fill(&mut self.waiting, base, &mut self.top, marked);
                prefetched.first(self.waiting)
            } else {
                youngest(base, self.top)
            }
        }
    }

    /// Takes the next edge off the edges.
    ///
    /// # Safety
    /// [`edge`](InRegisters::edge) must have returned an edge that was not taken off since.
    #[inline(always)]
    unsafe fn take_edge(&mut self) {
        if PREFETCH {
            self.waiting.take();
        } else {
            // SAFETY: there is one: passed on.
            self.top = unsafe { self.top.sub(1) };
        }
    }

    /// Returns the tally now: all objects cost the same, so it is counted back from the end.
    fn tally(&self) -> MarkTally {
        self.at_the_end.without(self.size, self.left)
    }

    /// Ends the loop.
    #[inline(always)]
    fn end(self) -> AlikeResult {
        if PREFETCH {
            self.state.prefetched.waiting = self.waiting;
        }
        let ended = ManuallyDrop::new(self);
        AlikeResult { top: ended.top, tally: ended.tally() }
    }
}

impl<const PREFETCH: bool> Drop for InRegisters<'_, '_, PREFETCH> {
    fn drop(&mut self) {
        self.state.current = Some(self.object);
        self.state.tally = self.tally();
        // SAFETY: the top is of the mark loop's edges.
        unsafe { self.state.tracer.set_top(self.top) };
        if PREFETCH {
            self.state.prefetched.waiting = self.waiting;
        }
    }
}

/// Traces an object that is marked and booked; then marks, books and traces what the object leads to, as long as the
/// next edge leads to an object of the same type and work is left. May end sooner.
///
/// # Safety
/// [`TypeInfo::mark_alike`]'s.
pub(crate) unsafe fn mark_alike<T: Trace, const PREFETCH: bool>(
    object: ObjectPtr,
    info: &'static TypeInfo,
    state: NonNull<()>,
    top: Top,
    tally: MarkTally,
) -> AlikeResult {
    let size = const { &ObjectSize::of_bytes(object_bytes::<T>()) };
    debug_assert!(size.has_mark_bits());
    // The number of objects traced behind the first.
    let more = const { EDGES_AT_ONCE / T::MAX_POINTERS };
    // SAFETY: `TypeInfo::mark_alike`: the mark loop's `LoopState`, ours until the end of the call.
    let state = unsafe { state.cast::<LoopState<'_>>().as_mut() };
    let (base, marked) = (state.base, state.marked);
    let waiting = if PREFETCH { state.prefetched.waiting } else { InFlight::NONE };
    // As many objects as there is work left for.
    let left = (tally.left().max(0) as usize).div_ceil(size.work() as usize).min(more);
    let at_the_end = tally.with(size, left);
    let mut at = InRegisters::<PREFETCH> { state, object, top, left, at_the_end, size, waiting };
    if !at.state.tracer.has_room(top, (1 + more) * T::MAX_POINTERS) {
        // SAFETY: `TypeInfo::trace`, which `TypeInfo::mark_alike` promises too: the tracer is that of the mark loop.
        let traced = unsafe { (info.trace)(object, 0, NonNull::from(&mut at.state.tracer).cast(), top) };
        at.top = traced.top;
        return at.end();
    }
    let mut word = MarkWord::NONE;
    loop {
        // SAFETY: the object is a live `T` that nobody writes: the first by `TypeInfo::mark_alike`, the others since an edge
        // leads to a header (I3) that names the same `TypeInfo`, and the mutator stands at a safepoint.
        let value = unsafe { at.object.payload().cast::<T>().as_ref() };
        // SAFETY: the top is of the loop's edges, and there was room for as many objects as are traced here.
        at.top = unsafe { at.state.tracer.trace_few(value, at.top) };
        if at.left == 0 {
            return at.end();
        }
        // Edges to marked objects are skipped; an edge to an object that is not just a `T` ends the loop.
        at.object = loop {
            // SAFETY: the base is that of the mark loop's edges.
            let Some(object) = (unsafe { at.edge(base, marked) }) else { return at.end() };
            // SAFETY: marking runs on the mutator's thread, when every block is swept (I7), and makes no other reference
            // to the bitmap before the word is read again.
            let bit = unsafe { word.read::<PREFETCH>(object, marked) };
            if word.has(bit) {
                rare();
                // SAFETY: the edge was returned above.
                unsafe { at.take_edge() };
                continue;
            }
            if !object.header().is_just(info) {
                rare();
                return at.end();
            }
            // SAFETY: the edge was returned above.
            unsafe { at.take_edge() };
            // SAFETY: the word was read for this object, and `size` is its size.
            unsafe { word.set(bit, size) };
            break object;
        };
        at.left -= 1;
    }
}

/// The word of mark bits that was read last, kept in registers: the next object's bits are likely to be in it, and a read
/// would wait for the write before.
struct MarkWord {
    /// Number of the word among all words of mark bits, if memory were one block.
    number: usize,
    at: *mut u64,
    bits: u64,
}

impl MarkWord {
    /// No word: no object has the number 0.
    const NONE: MarkWord = MarkWord { number: 0, at: core::ptr::null_mut(), bits: 0 };

    /// Reads the word in which the object's mark bits begin, if that is not this word. Returns the first of them. With
    /// prefetches the word is read in any case, since objects of other blocks come in between.
    ///
    /// # Safety
    /// The object's block must be the caller's (I7), and no other reference to the bitmap be used until the next call.
    #[inline(always)]
    unsafe fn read<const PREFETCH: bool>(&mut self, object: ObjectPtr, marked: usize) -> usize {
        let granule = object.addr() / GRANULE;
        let (number, bit) = (granule / 64, granule % 64);
        if PREFETCH || number != self.number {
            self.number = number;
            // SAFETY: the block is the caller's: the caller's promise.
            let words = unsafe { BlockPtr::of(object).bits(marked) };
            // SAFETY: a block has as many words as 64ths of its granules.
            self.at = unsafe { words.as_mut_ptr().add(object.granule() / 64) };
            // SAFETY: borrowed just now.
            self.bits = unsafe { self.at.read() };
        }
        bit
    }

    #[inline(always)]
    fn has(&self, bit: usize) -> bool {
        self.bits >> bit & 1 != 0
    }

    /// Sets the mark bits of an object that begin at `bit`, here and where they go on in the next word.
    ///
    /// # Safety
    /// The word must have been [read](MarkWord::read) for this object, and `size` be its size.
    #[inline(always)]
    unsafe fn set(&mut self, bit: usize, size: &ObjectSize) {
        self.bits |= size.mark_bits() << bit;
        // SAFETY: no other reference is in use: the promise at `read`.
        unsafe { self.at.write(self.bits) };
        if !size.is_within_word(bit) {
            rare();
            // SAFETY: as above, and an object does not leave its block (I3), so where its bits leave a word there is
            // another.
            unsafe { *self.at.add(1) |= size.mark_bits() >> (64 - bit) };
        }
    }
}

/// Tells the compiler which branch is seldom taken.
#[cold]
#[inline(always)]
fn rare() {}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicUsize, Ordering};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use crate::space::geometry::{GRANULE, GRANULES};
    use crate::{Budget, Check, Gc, Heap, Mutator, Slot, Trace, Tracer};

    /// More objects than a core's caches hold: only then does the loop choose between its two ways.
    const NODES: usize = 60_000;

    #[derive(Clone, Copy, Trace)]
    enum Link<'gc> {
        Small(Gc<'gc, Small<'gc>>),
        Wide(Gc<'gc, Wide<'gc>>),
        Twin(Gc<'gc, Twin<'gc>>),
        Leaf(Gc<'gc, u64>),
    }

    #[derive(Trace)]
    struct Small<'gc> {
        links: [Option<Link<'gc>>; 2],
    }

    /// Of 10 granules: the mark bits of many such objects do not lie within one word.
    #[derive(Trace)]
    struct Wide<'gc> {
        links: [Option<Link<'gc>>; 3],
        number: [u64; 3],
    }

    /// As large as `Small`, and of another type.
    #[derive(Trace)]
    struct Twin<'gc> {
        number: [u64; 2],
        link: Option<Link<'gc>>,
    }

    /// Makes a heap whose loop is set to `way`, and which has marked much before.
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

    /// Marks to the end. Returns how many steps panicked.
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
                // Each object leads to some before it, mostly near; runs of one type and of several.
                let mut made: Vec<(Link<'_>, usize, Vec<usize>)> = Vec::new();
                for at in 0..NODES {
                    let mut links = [const { None }; 3];
                    let kind = if at / 1000 % 2 == 0 { at / 5000 % 4 } else { below(4) };
                    let len = [2, 3, 1, 0][kind];
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
                        2 => (Link::Twin(cx.alloc(Twin { number: [u64::MAX; 2], link: links[0] })), 40),
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
                assert_eq!(mark_to_the_end(cx, budget), 0);
                assert_eq!((cx.stats().objects_marked - before, cx.stats().bytes_live), (objects, bytes as u64));
                cx.verify().unwrap();
            });
        }
    }

    /// An object of 2 granules and `FILL` more.
    struct Padded<'gc, const FILL: usize> {
        next: Slot<Option<Gc<'gc, Padded<'gc, FILL>>>>,
        _fill: [u64; FILL],
    }

    // SAFETY: passes its one pointer on; all else are numbers.
    unsafe impl<const FILL: usize> Trace for Padded<'_, FILL> {
        type At<'a> = Padded<'a, FILL>;
        const MAX_POINTERS: usize = 1;
        fn trace(&self, tracer: &mut Tracer<'_>) {
            self.next.trace(tracer);
        }
    }

    /// Makes a ring of objects of that size, in an order that leads from block to block; some have the last granule of
    /// their blocks.
    fn ring_of_padded<const FILL: usize>(cx: &mut Mutator<'_>, budget: Budget) {
        const STRIDE: usize = 7;
        let granules = FILL + 2;
        cx.scope(|cx, _| {
            let (mut ring, mut at_ends) = (Vec::new(), 0);
            while at_ends < 4 || ring.len() % STRIDE == 0 {
                let node = cx.alloc(Padded::<FILL> { next: Slot::new(None), _fill: [0; FILL] });
                assert_eq!(node.object().granules(), granules);
                ring.push(node);
                assert!(ring.len() < 1 << 16, "no object has the last granule of its block");
                let left = GRANULES - node.object().granule() - granules;
                at_ends += usize::from(left == 0);
                // What is left when the next object has the last granules.
                match left.wrapping_sub(granules) {
                    1 => _ = cx.alloc(()),
                    beside @ 2.. if beside < granules => _ = cx.alloc_str(&"x".repeat((beside - 2) * GRANULE)),
                    _ => {}
                }
            }
            for (at, node) in ring.iter().enumerate() {
                node.next.set(cx, Some(ring[(at + STRIDE) % ring.len()]));
            }
            let nodes = ring.len() as u64;
            let _ring = cx.root(ring[0]);
            drop(ring);
            let before = cx.stats().objects_marked;
            assert_eq!(mark_to_the_end(cx, budget), 0);
            assert_eq!(cx.stats().objects_marked - before, nodes);
            assert_eq!(cx.stats().bytes_live, nodes * (granules * GRANULE) as u64);
            cx.verify().unwrap();
        });
    }

    #[test]
    fn objects_of_each_size_are_marked_whole_up_to_the_end_of_their_blocks() {
        for way in [false, true] {
            for budget in [Budget::unlimited(), Budget::work(20_000), Budget::work(1)] {
                with_large_heap(way, |cx| {
                    ring_of_padded::<0>(cx, budget);
                    ring_of_padded::<1>(cx, budget);
                    ring_of_padded::<5>(cx, budget);
                    ring_of_padded::<14>(cx, budget);
                    ring_of_padded::<31>(cx, budget);
                    ring_of_padded::<60>(cx, budget);
                    ring_of_padded::<61>(cx, budget);
                    ring_of_padded::<62>(cx, budget);
                });
            }
        }
    }

    /// The most pointers that a type of the loop has.
    #[derive(Trace)]
    struct Fan<'gc>([Option<Gc<'gc, Fan<'gc>>>; 63]);

    #[test]
    fn objects_of_many_pointers_fill_the_room_for_edges_and_no_more() {
        const DEPTH: usize = 50;
        const BESIDE: usize = 250;
        for way in [false, true] {
            with_large_heap(way, |cx| {
                let mut fan = cx.alloc(Fan([None; 63]));
                for depth in 0..DEPTH {
                    // The edge to follow is the youngest, so the others stay; now and then some come before it, so that
                    // a run of the mark loop begins where there is still room, and would end where there is none.
                    let mut links = [(); 63].map(|()| Some(cx.alloc(Fan([None; 63]))));
                    links[if depth % 25 == 0 { 50 } else { 62 }] = Some(fan);
                    fan = cx.alloc(Fan(links));
                }
                // Part of the room is used before the first of these.
                let fans = cx.alloc_array(BESIDE + 1, |at| if at < BESIDE { cx.alloc(Fan([None; 63])) } else { fan });
                let _fans = cx.root(fans);
                let before = cx.stats().objects_marked;
                assert_eq!(mark_to_the_end(cx, Budget::unlimited()), 0);
                assert_eq!(cx.stats().objects_marked - before, (1 + BESIDE + 1 + DEPTH * 63) as u64);
                cx.verify().unwrap();
            });
        }
    }

    #[derive(Trace)]
    struct Key<'gc>(Option<Gc<'gc, Key<'gc>>>);

    #[test]
    fn keys_among_many_of_their_type_wake_those_that_wait() {
        for way in [false, true] {
            with_large_heap(way, |cx| {
                let mut keys = vec![cx.alloc(Key(None))];
                (1..1000).for_each(|_| keys.push(cx.alloc(Key(keys.last().copied()))));
                let last = cx.root(keys[999]);
                // TraceResult first.
                let waiting = cx.alloc_array(1000, |at| cx.alloc_ephemeron(keys[at], cx.alloc(at)));
                let waiting = cx.root(waiting);
                assert_eq!(mark_to_the_end(cx, Budget::unlimited()), 0);
                let values = waiting.get(cx).as_slice().iter().map(|waits| waits.value(cx).map(|value| *value));
                assert!(values.eq((0..1000).map(Some)), "a key was marked, and what waits for it not woken");
                assert!(last.get(cx).0.is_some());
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
