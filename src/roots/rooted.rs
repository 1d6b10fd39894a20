//! [`Rooted`]: a value that is rooted for as long as its scope.

use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;

use crate::barrier::Barrier;
use crate::barrier::rules::Rules;
use crate::cycle::drain::RootScan;
use crate::cycle::mark::Marker;
use crate::cycle::meter::{EDGE_COST, Meter};
use crate::fault::{self, Fault};
use crate::memory::{NoMemory, reserve_exact};
use crate::mutator::Mutator;
use crate::space::header::ObjectPtr;
use crate::trace::{Trace, restamp};

/// Entries of an area's first memory.
const FIRST: usize = 16;

/// A value that is rooted for as long as the scope it was rooted in: `Copy`, and free to read.
///
/// [`Mutator::root`] makes one. What it points to lives on until the scope ends, through every safepoint;
/// [`get`](Rooted::get) gives the value back for use until the next one.
///
/// ```
/// use grisaille::{Gc, Heap, Rooted, Mutator};
///
/// fn twice<'s>(cx: &mut Mutator<'s>, number: Rooted<'_, Gc<'_, i64>>) -> Rooted<'s, Gc<'s, i64>> {
///     cx.safepoint();
///     let twice = cx.alloc(*number.get(cx) * 2);
///     cx.root(twice)
/// }
/// Heap::new().enter(|cx| {
///     let three = cx.root(cx.alloc(3i64));
///     let six = twice(cx, three);
///     cx.collect();
///     assert_eq!((*three.get(cx), *six.get(cx)), (3, 6));
/// });
/// ```
pub struct Rooted<'s, V> {
    value: V,
    _scope: PhantomData<&'s *mut ()>,
}

impl<V: Copy> Clone for Rooted<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: Copy> Copy for Rooted<'_, V> {}

impl<'s, V: Trace + Copy> Rooted<'s, V> {
    /// # Safety
    /// What `value` points to must be rooted for `'s`.
    #[inline(always)]
    pub(crate) unsafe fn new(value: V) -> Self {
        Rooted { value, _scope: PhantomData }
    }

    /// The value, until the next safepoint. Costs nothing: the heap does not move objects.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let one = cx.root(cx.alloc(1));
    /// assert_eq!(*one.get(cx), 1);
    /// # });
    /// ```
    #[inline(always)]
    pub fn get<'a, B: Barrier>(self, _cx: &'a Mutator<'_, B>) -> V::At<'a>
    where
        V::At<'a>: Copy,
    {
        // SAFETY: the value is rooted while the scope lives; a Rooted is used in its own heap only, since one heap is
        // entered at a time and `suspend` lets no Rooted in.
        unsafe { restamp(self.value) }
    }
}

/// Prints no value: a user's `Debug` must not see a value out of its time.
impl<V> fmt::Debug for Rooted<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rooted { .. }")
    }
}

/// A stack of pointers that are roots: the shadow stack of locals, and what leaves scopes.
pub(crate) struct PointerArea {
    entries: UnsafeCell<Vec<ObjectPtr>>,
    /// How many pointers a value had that there was no room for.
    missing: Cell<usize>,
    /// While roots are scanned: `[0, unscanned)` still has to be.
    unscanned: Cell<usize>,
    /// While dirty roots are noted: `[dirty_from, len)` has to be scanned again.
    dirty_from: Cell<usize>,
}

impl PointerArea {
    pub fn new() -> PointerArea {
        PointerArea {
            entries: UnsafeCell::new(Vec::new()),
            missing: Cell::new(0),
            unscanned: Cell::new(0),
            dirty_from: Cell::new(0),
        }
    }

    /// # Safety
    /// Not while another reference to the entries is live: callers keep it within a leaf expression, in which no
    /// user code runs.
    #[allow(clippy::mut_from_ref)]
    unsafe fn entries(&self) -> &mut Vec<ObjectPtr> {
        // SAFETY: the caller's word.
        unsafe { &mut *self.entries.get() }
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        // SAFETY: a leaf expression.
        unsafe { self.entries() }.len()
    }

    /// Whether there is room for so many more.
    #[inline(always)]
    pub fn has_room(&self, more: usize) -> bool {
        // SAFETY: a leaf expression.
        let entries = unsafe { self.entries() };
        entries.len() + more <= entries.capacity()
    }

    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> usize {
        // SAFETY: a leaf expression.
        unsafe { self.entries() }.capacity() * size_of::<ObjectPtr>()
    }

    /// To how many entries it grows when so many more are to fit: twice as many, and as few as possible.
    pub fn growth(&self, more: usize) -> [usize; 2] {
        [more.max(self.len()).max(FIRST), more.max(self.len() / 16)]
    }

    /// Makes room for so many more.
    pub fn make_room(&self, more: usize) -> Result<(), NoMemory> {
        // SAFETY: no user code runs here.
        reserve_exact(unsafe { self.entries() }, more)
    }

    /// Pushes a pointer of a value, if there is room. A policy that shades what is written to roots has done so. (Insertion
    /// needs no note: what is above `dirty_from` is dirty by its place.)
    #[inline(always)]
    pub fn take(&self, object: ObjectPtr) {
        // SAFETY: a leaf expression.
        let entries = unsafe { self.entries() };
        if entries.len() < entries.capacity() {
            entries.push(object);
        } else {
            self.missing.set(self.missing.get() + 1);
        }
    }

    /// How many pointers were not taken since this was asked last.
    #[inline(always)]
    pub fn take_missing(&self) -> usize {
        self.missing.replace(0)
    }

    /// Pushes a pointer, for which there should be room.
    #[inline(always)]
    pub fn push(&self, object: ObjectPtr) {
        debug_assert!(self.has_room(1), "room was to be made when it was kept");
        // SAFETY: a leaf expression.
        unsafe { self.entries() }.push(object);
    }

    /// Drops all above `len`, when no root is watched.
    #[inline(always)]
    pub fn truncate(&self, len: usize) {
        // SAFETY: a leaf expression.
        unsafe { self.entries() }.truncate(len);
    }

    /// Moves all from `from` on to the top of another area, when no root is watched.
    #[inline(always)]
    pub fn move_to(&self, other: &PointerArea, from: usize) {
        debug_assert!(!core::ptr::eq(self, other));
        // SAFETY: no user code runs here, and the areas are two: what leaves scopes, and the shadow stack.
        let (entries, others) = unsafe { (self.entries(), other.entries()) };
        let count = entries.len().saturating_sub(from);
        debug_assert!(others.capacity() - others.len() >= count, "room was to be made when they were kept");
        if count == 1 {
            // As usual, and not a loop of one round.
            others.push(entries[from]);
            entries.truncate(from);
        } else if count > 1 {
            others.extend(entries.drain(from..));
        }
    }

    /// The rule for the end of a scope.
    #[cold]
    pub fn truncate_watched(&self, len: usize, rules: &Rules, marker: &Marker) {
        if rules.shades_popped_root() {
            for at in len..self.unscanned.get().min(self.len()) {
                // SAFETY: a leaf expression; shading reads no area.
                marker.shade(unsafe { self.entries() }[at]);
            }
        }
        self.unscanned.set(self.unscanned.get().min(len));
        self.dirty_from.set(self.dirty_from.get().min(len));
        self.truncate(len);
    }

    /// The entry at an index below `len`.
    pub fn at(&self, index: usize) -> ObjectPtr {
        // SAFETY: a leaf expression.
        let entries = unsafe { self.entries() };
        entries[index]
    }

    /// All that lies here now has to be scanned. Constant time.
    pub fn start_scan(&self) {
        self.unscanned.set(self.len());
        self.dirty_from.set(self.len());
    }

    /// Scans from the top down until the budget is used up; true: all is scanned.
    pub fn scan(&self, marker: &Marker, meter: &mut Meter) -> bool {
        let mut at = self.unscanned.get().min(self.len());
        let mut scan = RootScan::new(marker);
        while at > 0 {
            at -= 1;
            // SAFETY: a leaf expression.
            scan.tracer().visit(unsafe { self.entries() }[at]);
            if meter.spend(size_of::<ObjectPtr>() + EDGE_COST) {
                break;
            }
        }
        self.unscanned.set(at);
        at == 0
    }

    pub fn is_scanned(&self) -> bool {
        self.unscanned.get() == 0
    }

    /// Shades what was written since it was scanned.
    pub fn rescan(&self, marker: &Marker) {
        let from = self.dirty_from.get().min(self.len());
        for at in from + usize::from(fault::is(Fault::MissesADirtyRoot))..self.len() {
            // SAFETY: a leaf expression.
            marker.shade(unsafe { self.entries() }[at]);
        }
        self.dirty_from.set(self.len());
    }

    #[cfg(grisaille_faults)]
    pub fn digest(&self, digest: &mut crate::observe::digest::Digest<'_>) {
        let PointerArea { entries: _, missing: _, unscanned, dirty_from } = self;
        digest.number(self.len());
        (0..self.len()).for_each(|at| digest.object(self.at(at)));
        if digest.marking.is_some() {
            digest.number(unscanned.get());
            digest.number(dirty_from.get());
        }
    }

    /// What a verifier asks: calls `f` with each root, whether a scan of this cycle will come to it, and whether a
    /// rescan would.
    pub fn survey(&self, f: &mut dyn FnMut(ObjectPtr, bool, bool)) {
        for at in 0..self.len() {
            f(self.at(at), at < self.unscanned.get(), at >= self.dirty_from.get());
        }
    }
}
