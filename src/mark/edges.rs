//! The local mark stack: edges (pointers to objects) that tracing has found in this step and whose targets were not
//! visited yet.
//!
//! Tracing only pushes edges. The mark loop pops the youngest, and an object that is reached and traced within one step
//! goes from white to black: its header is never written. Where that pays, the loop first prefetches the two words that
//! it will read (the target's bitmap word and its header), and visits the target [`DELAY`] edges later: a FIFO of
//! prefetches in front of the stack, after Cher, Hosking and Vitek, "Software prefetching for mark-sweep garbage
//! collection" (ASPLOS 2004), fed with edges and not with objects, after Garner, Blackburn and Frampton, "Effective
//! prefetch for mark-sweep garbage collection" (ISMM 2007).
//!
//! Between two steps there are no edges: the loop shades those that are left.

use core::cell::{Cell, UnsafeCell};
use core::ptr::null_mut;

use crate::memory::{self, NoMemory};
#[cfg(all(target_arch = "x86_64", not(miri)))]
use crate::space::block::BlockPtr;
#[cfg(all(target_arch = "x86_64", not(miri)))]
use crate::space::header::HEADER_SIZE;
use crate::space::header::ObjectPtr;

/// Number of edges between a prefetch and the visit.
const DELAY: usize = 16;

/// The top of a stack of edges.
pub(crate) type Top = *mut ObjectPtr;

/// The memory of a stack of edges. It holds one stack at a time, as the caller of [`open`](EdgeRoom::open) promises.
pub(crate) struct EdgeRoom {
    edges: Box<[UnsafeCell<Option<ObjectPtr>>]>,
    /// Number of edges that may be pushed, at most the length of `edges`.
    room: Cell<usize>,
}

impl EdgeRoom {
    /// Makes room for that many edges. Targets of edges that do not fit are shaded at once.
    pub(crate) fn new(room: usize) -> Result<EdgeRoom, NoMemory> {
        let mut edges = memory::with_room(room)?;
        edges.extend((0..room).map(|_| UnsafeCell::new(None)));
        Ok(EdgeRoom { edges: edges.into(), room: Cell::new(room) })
    }

    /// Limits the number of edges that may be pushed, for tests of the overflow path.
    pub(crate) fn limit(&self, room: usize) {
        self.room.set(room.min(self.edges.len()));
    }

    /// Opens an empty stack in this room.
    ///
    /// # Safety
    /// The room must outlive the stack, and no other stack in it be used as long as this one is.
    pub(crate) unsafe fn open(&self) -> Edges {
        // SAFETY: passed on; below the base there is nothing.
        unsafe { self.reopen(self.base()) }
    }

    /// Returns the stack in this room that has the given top.
    ///
    /// # Safety
    /// As for [`open`](EdgeRoom::open). `top` must be of a stack in this room, and all edges below it pushed.
    #[inline(always)]
    pub(crate) unsafe fn reopen(&self, top: Top) -> Edges {
        // SAFETY: `room` is at most what there is.
        Edges { top, end: unsafe { self.base().add(self.room.get()) } }
    }

    /// Returns the top of the empty stack.
    #[inline(always)]
    pub(crate) fn base(&self) -> Top {
        UnsafeCell::raw_get(self.edges.as_ptr()).cast()
    }

    /// Returns the number of edges below `top`.
    pub(crate) fn len(&self, top: Top) -> usize {
        (top.addr() - self.base().addr()) / size_of::<ObjectPtr>()
    }

    /// Calls `f` with each edge below `top`, the oldest first, after prefetching its target.
    ///
    /// # Safety
    /// `top` must be of a stack in this room, and all edges below it pushed. `f` must push nothing in this room.
    pub(crate) unsafe fn each_prefetched(&self, top: Top, marked: usize, mut f: impl FnMut(ObjectPtr)) {
        let len = self.len(top);
        // SAFETY: `push` wrote the edges below `top`, and nothing is pushed meanwhile: the caller's promise.
        let edge = |at: usize| unsafe { self.base().add(at).read() };
        (0..len.min(DELAY)).for_each(|at| prefetch(edge(at), marked));
        for at in 0..len {
            if at + DELAY < len {
                prefetch(edge(at + DELAY), marked);
            }
            f(edge(at));
        }
    }

    /// Returns whether a stack with that top fills half of the room.
    #[inline(always)]
    pub(crate) fn is_half_full(&self, top: Top) -> bool {
        self.len(top) > self.room.get() / 2
    }
}

/// Returns the youngest edge of a stack whose empty top is `base`.
///
/// # Safety
/// `base` and `top` must be of one stack, which is not used otherwise during the call.
#[inline(always)]
pub(crate) unsafe fn youngest(base: Top, top: Top) -> Option<ObjectPtr> {
    // SAFETY: above the room's beginning, and written by `push`.
    (top != base).then(|| unsafe { top.sub(1).read() })
}

/// Pops the youngest edge.
///
/// # Safety
/// As for [`youngest`].
#[inline(always)]
pub(crate) unsafe fn pop(base: Top, top: &mut Top) -> Option<ObjectPtr> {
    // SAFETY: passed on; where there is an edge the top is above the room's beginning.
    unsafe {
        let object = youngest(base, *top)?;
        *top = top.sub(1);
        Some(object)
    }
}

/// A stack to push edges on. It is passed by value and lives in registers: in memory it would be what the mark loop
/// waits for.
///
/// | `top` | `end` | a push |
/// |---|---|---|
/// | in an [`EdgeRoom`] | the end of that room | compares the two, and fails where they are equal |
/// | in an [`EdgeRoom`] | null | always succeeds: the maker promised that there is room ([`Edges::unchecked`]) |
/// | null | null | always fails: there is no room ([`Edges::NONE`]) |
pub(crate) struct Edges {
    /// Where the next edge is pushed. All edges between the base of the room and `top` were pushed.
    top: Top,
    end: Top,
}

impl Edges {
    /// A stack without room.
    pub(crate) const NONE: Edges = Edges { top: null_mut(), end: null_mut() };

    /// Returns where the next edge is pushed.
    #[inline(always)]
    pub(crate) fn top(&self) -> Top {
        self.top
    }

    /// Sets the top.
    ///
    /// # Safety
    /// `top` must be of this stack: all edges below it were pushed, here or through a copy with the same end. For a
    /// stack without room any `top` will do.
    #[inline(always)]
    pub(crate) unsafe fn set_top(&mut self, top: Top) {
        self.top = top;
    }

    /// Returns a copy with another top.
    ///
    /// # Safety
    /// As for [`set_top`](Edges::set_top); `self` must not be used while the copy is.
    #[inline(always)]
    pub(crate) unsafe fn with_top(&self, top: Top) -> Edges {
        Edges { top, end: self.end }
    }

    /// Returns whether the stack has room for that many edges, at least one, if its top is `top`.
    #[inline(always)]
    pub(crate) fn has_room(&self, top: Top, edges: usize) -> bool {
        debug_assert!(edges > 0);
        // A stack without room begins and ends at null.
        top.wrapping_add(edges) <= self.end
    }

    /// Returns a stack that does not check for room.
    ///
    /// # Safety
    /// `top` must be of a stack that [has room](Edges::has_room) for all that will be pushed, which must be something.
    #[inline(always)]
    pub(crate) unsafe fn unchecked(top: Top) -> Edges {
        // SAFETY: a stack that has room has a top that is not null.
        unsafe { core::hint::assert_unchecked(!top.is_null()) };
        Edges { top, end: null_mut() }
    }

    /// Pushes an edge. Returns false when there is no room.
    ///
    /// # Safety
    /// The room must exist, and be used through no other stack. On an [`unchecked`](Edges::unchecked) stack no more may
    /// be pushed than its maker promised.
    #[inline(always)]
    pub(crate) unsafe fn push(&mut self, object: ObjectPtr) -> bool {
        if self.top == self.end {
            return false;
        }
        // SAFETY: `top` is below `end`, in the room, or has room by the caller's promise.
        unsafe {
            self.top.write(object);
            self.top = self.top.add(1);
        }
        true
    }

    /// Pushes an edge if there is one, without a branch: the place above the top is written in any case. Returns false when
    /// there is no room for one.
    ///
    /// # Safety
    /// As for [`push`](Edges::push), and on an [`unchecked`](Edges::unchecked) stack as if there were an edge.
    #[inline(always)]
    pub(crate) unsafe fn push_if_some(&mut self, object: Option<ObjectPtr>) -> bool {
        if self.top == self.end {
            return false;
        }
        // SAFETY: as in `push`. The entries of a room are of this type.
        unsafe {
            self.top.cast::<Option<ObjectPtr>>().write(object);
            self.top = self.top.add(usize::from(object.is_some()));
        }
        true
    }
}

/// A ring of edges whose targets were prefetched, in the order of the prefetches.
pub(crate) struct Prefetched {
    edges: [Option<ObjectPtr>; DELAY],
    /// The part of the ring that is waiting to be visited. The loop works on a copy.
    pub waiting: InFlight,
}

/// The part of the ring [`Prefetched`] whose edges wait to be visited.
#[derive(Clone, Copy)]
pub(crate) struct InFlight {
    first: usize,
    len: usize,
}

impl InFlight {
    pub(crate) const NONE: InFlight = InFlight { first: 0, len: 0 };

    /// Removes the first waiting edge, which must exist.
    #[inline(always)]
    pub(crate) fn take(&mut self) {
        self.first = (self.first + 1) % DELAY;
        self.len -= 1;
    }
}

impl Prefetched {
    pub(crate) const fn new() -> Prefetched {
        Prefetched { edges: [None; DELAY], waiting: InFlight::NONE }
    }

    /// Prefetches the targets of the youngest edges, as far as the ring has room, and takes the edge that waited
    /// longest.
    ///
    /// # Safety
    /// As for [`pop`].
    #[inline(always)]
    pub(crate) unsafe fn pop(
        &mut self,
        waiting: &mut InFlight,
        base: Top,
        top: &mut Top,
        marked: usize,
    ) -> Option<ObjectPtr> {
        // SAFETY: passed on.
        unsafe { self.fill(waiting, base, top, marked) };
        self.pop_waiting(waiting)
    }

    /// Prefetches the targets of the youngest edges, as far as the ring has room.
    ///
    /// # Safety
    /// As for [`pop`].
    #[inline(always)]
    pub(crate) unsafe fn fill(&mut self, waiting: &mut InFlight, base: Top, top: &mut Top, marked: usize) {
        while waiting.len < DELAY
            // SAFETY: passed on.
            && let Some(object) = unsafe { pop(base, top) }
        {
            prefetch(object, marked);
            self.edges[(waiting.first + waiting.len) % DELAY] = Some(object);
            waiting.len += 1;
        }
    }

    /// Returns the edge that waited longest.
    #[inline(always)]
    pub(crate) fn first(&self, waiting: InFlight) -> Option<ObjectPtr> {
        if waiting.len > 0 { self.edges[waiting.first % DELAY] } else { None }
    }

    #[inline(always)]
    pub(crate) fn pop_waiting(&self, waiting: &mut InFlight) -> Option<ObjectPtr> {
        let first = self.first(*waiting)?;
        waiting.take();
        Some(first)
    }
}

/// Bytes from an object's header to what is prefetched besides: the next cache line for half the objects of 48 bytes, and the
/// same line again for most smaller ones. See `docs/experiments.md`, "Objects of many types".
#[cfg(all(target_arch = "x86_64", not(miri)))]
const REACH: usize = 40;

/// Prefetches what marking will read of an object: its bitmap word, its header, and the fields `REACH` bytes on.
#[inline(always)]
pub(crate) fn prefetch(object: ObjectPtr, marked: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let block = BlockPtr::of(object);
        // SAFETY: only an address is computed; a prefetch has no effect on memory.
        let word = unsafe { block.bits_word(marked, object.granule() / 64) };
        // SAFETY: as above.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(word.cast());
            let header = object.payload().as_ptr().cast::<i8>().wrapping_sub(HEADER_SIZE);
            _mm_prefetch::<_MM_HINT_T0>(header);
            _mm_prefetch::<_MM_HINT_T0>(header.wrapping_add(REACH));
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (object, marked);
}
