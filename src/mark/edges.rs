//! The edges that tracing has found in this step and whose targets have not been looked at.
//!
//! Tracing only writes edges down. The mark loop takes the youngest, and an object that is reached and traced within one
//! step goes from white to black: its header is never written. Where that is worth it, the loop first asks for the two
//! words that it will look at (the target's bitmap word and its header), and looks [`DELAY`] edges later: a FIFO of
//! prefetches in front of the stack, after Cher, Hosking and Vitek, "Software prefetching for mark-sweep garbage
//! collection" (ASPLOS 2004), fed with edges and not with objects, after Garner, Blackburn and Frampton, "Effective
//! prefetch for mark-sweep garbage collection" (ISMM 2007).
//!
//! Between two steps there are no edges: what the loop leaves behind is shaded.

use core::cell::{Cell, UnsafeCell};
use core::ptr::null_mut;

use crate::memory::{self, NoMemory};
use crate::space::block::BlockPtr;
use crate::space::header::ObjectPtr;

/// Edges between the prefetch and the look.
const DELAY: usize = 16;

/// The top of a stack of edges.
pub(crate) type Top = *mut ObjectPtr;

/// The memory of a stack of edges. One stack is in it at a time: whoever [opens](EdgeRoom::open) it promises so.
pub(crate) struct EdgeRoom {
    edges: Box<[UnsafeCell<Option<ObjectPtr>>]>,
    /// At most as many as there are.
    room: Cell<usize>,
}

impl EdgeRoom {
    /// Room for so many. What does not fit is shaded at once.
    pub fn new(room: usize) -> Result<EdgeRoom, NoMemory> {
        let mut edges = memory::with_room(room)?;
        edges.extend((0..room).map(|_| UnsafeCell::new(None)));
        Ok(EdgeRoom { edges: edges.into(), room: Cell::new(room) })
    }

    /// Lets no more than so many be written down, for tests of the overflow path.
    pub fn limit(&self, room: usize) {
        self.room.set(room.min(self.edges.len()));
    }

    /// An empty stack in this room.
    ///
    /// # Safety
    /// The room must outlive the stack, and no other stack in it be used as long as this one is.
    pub unsafe fn open(&self) -> Edges {
        // SAFETY: passed on; below the base there is nothing.
        unsafe { self.reopen(self.base()) }
    }

    /// The stack in this room that has that top.
    ///
    /// # Safety
    /// As for [`open`](EdgeRoom::open). `top` must be of a stack in this room, and what lies below it have been pushed.
    #[inline(always)]
    pub unsafe fn reopen(&self, top: Top) -> Edges {
        // SAFETY: `room` is at most what there is.
        Edges { top, end: unsafe { self.base().add(self.room.get()) } }
    }

    /// The top of the empty stack.
    #[inline(always)]
    pub fn base(&self) -> Top {
        UnsafeCell::raw_get(self.edges.as_ptr()).cast()
    }

    /// How many lie below that top.
    pub fn len(&self, top: Top) -> usize {
        (top.addr() - self.base().addr()) / size_of::<ObjectPtr>()
    }

    /// Calls `f` with each edge below `top`, the oldest first, behind the prefetches.
    ///
    /// # Safety
    /// `top` must be of a stack in this room, and what lies below it have been pushed. `f` must push nothing in this room.
    pub unsafe fn each_prefetched(&self, top: Top, marked: usize, mut f: impl FnMut(ObjectPtr)) {
        let len = self.len(top);
        // SAFETY: `push` wrote them, and nobody writes here meanwhile: the caller's word.
        let edge = |at: usize| unsafe { self.base().add(at).read() };
        (0..len.min(DELAY)).for_each(|at| prefetch(edge(at), marked));
        for at in 0..len {
            if at + DELAY < len {
                prefetch(edge(at + DELAY), marked);
            }
            f(edge(at));
        }
    }

    /// Whether a stack with that top fills half of the room.
    #[inline(always)]
    pub fn is_half_full(&self, top: Top) -> bool {
        self.len(top) > self.room.get() / 2
    }
}

/// The youngest edge of a stack whose empty top is `base`.
///
/// # Safety
/// Both must be of one room, and nobody else's to use just now.
#[inline(always)]
pub(crate) unsafe fn youngest(base: Top, top: Top) -> Option<ObjectPtr> {
    // SAFETY: above the room's beginning, and written by `push`.
    (top != base).then(|| unsafe { top.sub(1).read() })
}

/// Takes it off.
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

/// Where edges are written down. Whoever traces an object has it in registers: through memory it would be what the mark
/// loop waits for.
pub(crate) struct Edges {
    /// At most `end`, which bounds an [`EdgeRoom`]. What lies between the room's base and this was pushed.
    top: Top,
    /// Null beside another top: the room is known to suffice.
    end: Top,
}

impl Edges {
    /// Takes none.
    pub const NONE: Edges = Edges { top: null_mut(), end: null_mut() };

    /// Where the next edge is written to.
    #[inline(always)]
    pub fn top(&self) -> Top {
        self.top
    }

    /// Goes on from another top.
    ///
    /// # Safety
    /// `top` must be of these edges: what lies below it was pushed, here or through a copy with the same end. Nothing is
    /// asked of it where these edges take none.
    #[inline(always)]
    pub unsafe fn set_top(&mut self, top: Top) {
        self.top = top;
    }

    /// The same, from another top on.
    ///
    /// # Safety
    /// As for [`set_top`](Edges::set_top); these edges must not be used while the new ones are.
    #[inline(always)]
    pub unsafe fn with_top(&self, top: Top) -> Edges {
        Edges { top, end: self.end }
    }

    /// Whether these edges have room for so many, at least one, if their top is `top`.
    #[inline(always)]
    pub fn has_room(&self, top: Top, edges: usize) -> bool {
        debug_assert!(edges > 0);
        // Edges that take none end where they begin, at null.
        top.wrapping_add(edges) <= self.end
    }

    /// Edges that do not look for room.
    ///
    /// # Safety
    /// `top` must be of edges that [have room](Edges::has_room) for all that will be pushed, which must be something.
    #[inline(always)]
    pub unsafe fn unchecked(top: Top) -> Edges {
        // SAFETY: edges that have room have a top.
        unsafe { core::hint::assert_unchecked(!top.is_null()) };
        Edges { top, end: null_mut() }
    }

    /// Writes an edge down. Returns false where there is no room.
    ///
    /// # Safety
    /// The room must be there, and used through no other edges. Of edges that do not look for room, no more may be pushed
    /// than [`unchecked`](Edges::unchecked)'s caller said.
    #[inline(always)]
    pub unsafe fn push(&mut self, object: ObjectPtr) -> bool {
        if self.top == self.end {
            return false;
        }
        // SAFETY: below `end`, in the room, or by the caller's word.
        unsafe {
            self.top.write(object);
            self.top = self.top.add(1);
        }
        true
    }
}

/// Edges whose targets were asked for, in the order in which that was done.
pub(crate) struct Prefetched {
    edges: [Option<ObjectPtr>; DELAY],
    /// Which of them wait. The loop works on a copy.
    pub waiting: InFlight,
}

/// A part of a ring.
#[derive(Clone, Copy)]
pub(crate) struct InFlight {
    first: usize,
    len: usize,
}

impl InFlight {
    pub const NONE: InFlight = InFlight { first: 0, len: 0 };

    /// The first, which there must be, waits no longer.
    #[inline(always)]
    pub fn take(&mut self) {
        self.first = (self.first + 1) % DELAY;
        self.len -= 1;
    }
}

impl Prefetched {
    pub const fn new() -> Prefetched {
        Prefetched { edges: [None; DELAY], waiting: InFlight::NONE }
    }

    /// Asks for what the youngest edges point to, as far as there is room, and takes the edge that was asked for longest
    /// ago.
    ///
    /// # Safety
    /// As for [`pop`].
    #[inline(always)]
    pub unsafe fn pop(&mut self, waiting: &mut InFlight, base: Top, top: &mut Top, marked: usize) -> Option<ObjectPtr> {
        // SAFETY: passed on.
        unsafe { self.fill(waiting, base, top, marked) };
        self.pop_waiting(waiting)
    }

    /// Asks for what the youngest edges point to, as far as there is room.
    ///
    /// # Safety
    /// As for [`pop`].
    #[inline(always)]
    pub unsafe fn fill(&mut self, waiting: &mut InFlight, base: Top, top: &mut Top, marked: usize) {
        while waiting.len < DELAY
            // SAFETY: passed on.
            && let Some(object) = unsafe { pop(base, top) }
        {
            prefetch(object, marked);
            self.edges[(waiting.first + waiting.len) % DELAY] = Some(object);
            waiting.len += 1;
        }
    }

    /// The edge that was asked for longest ago.
    #[inline(always)]
    pub fn first(&self, waiting: InFlight) -> Option<ObjectPtr> {
        if waiting.len > 0 { self.edges[waiting.first % DELAY] } else { None }
    }

    #[inline(always)]
    pub fn pop_waiting(&self, waiting: &mut InFlight) -> Option<ObjectPtr> {
        let first = self.first(*waiting)?;
        waiting.take();
        Some(first)
    }
}

/// Asks for the two words that marking will look at.
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
            _mm_prefetch::<_MM_HINT_T0>(object.payload().as_ptr().cast::<i8>().wrapping_sub(8));
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (object, marked);
}
