//! [`Root`]: a value that is rooted until its handle is dropped, on whatever thread.

use core::cell::{Cell, UnsafeCell};
use core::fmt;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::barrier::Barrier;
use crate::barrier::rules::{RootWrite, Rules};
use crate::cycle::drain::RootScan;
use crate::cycle::mark::Marker;
use crate::cycle::meter::{EDGE_COST, Meter};
use crate::mutator::Mutator;
use crate::roots::Surveyed;
use crate::trace::{Trace, Tracer, restamp};

/// A value that is rooted until the handle is dropped: it may outlive [`Heap::enter`](crate::Heap::enter), and be
/// sent to another thread.
///
/// [`Mutator::persist`] makes one. It belongs to its heap; a drop, on any thread, is one atomic store, and the
/// heap forgets the root in a later step.
///
/// ```
/// use grisaille::{Gc, Heap, Root};
///
/// let mut heap = Heap::new();
/// let root: Root<Gc<'static, String>> = heap.enter(|cx| cx.persist(cx.alloc("kept".to_string())));
/// heap.enter(|cx| {
///     cx.collect();
///     assert_eq!(*root.get(cx).as_ref(), "kept");
/// });
/// ```
///
/// An object must not own one: what it roots would not die before the object, and never where that leads back to it. The
/// derive refuses a `Root` (a [`Stack`](crate::Stack), a [`Guardian`](crate::Guardian)) in a skipped field, and in what
/// the field holds by value; it cannot see one behind a `Box`, an `Arc` or a closure's `dyn`, which leaks.
pub struct Root<V> {
    cell: Arc<RootCell<V>>,
}

pub(crate) struct RootCell<V> {
    heap: u64,
    alive: AtomicBool,
    /// The cycle in which it was last scanned, or is not to be.
    scanned_in: Cell<u64>,
    /// It was written after it was scanned.
    dirty: Cell<bool>,
    value: UnsafeCell<V>,
}

// SAFETY: everything but `alive` is touched by the heap's mutator only: `Root::get` and `set` take the `Mutator` of
// the heap whose id they check, and the table belongs to the heap. What the value points to is in the heap, which is
// `Send` with all in it. `V` is `Copy`, so dropping the cell on another thread runs no code of the user's.
unsafe impl<V> Send for RootCell<V> {}
// SAFETY: as above.
unsafe impl<V> Sync for RootCell<V> {}

impl<V> Drop for Root<V> {
    fn drop(&mut self) {
        self.cell.alive.store(false, Ordering::Release);
    }
}

impl<V: Trace + Copy> Root<V> {
    /// The value, until the next safepoint.
    ///
    /// # Panics
    /// When `cx` is not of the heap that the root belongs to.
    #[inline]
    #[track_caller]
    pub fn get<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>) -> V::At<'a>
    where
        V::At<'a>: Copy,
    {
        self.check(cx);
        // SAFETY: the mutator of the root's heap is the only one to touch the value, and this borrow ends here; the
        // value is rooted while the handle lives.
        unsafe { restamp(*self.cell.value.get()) }
    }

    /// Replaces the value.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// let root = cx.persist(cx.alloc(1));
    /// root.set(cx, cx.alloc(2));
    /// cx.collect();
    /// assert_eq!(*root.get(cx), 2);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When `cx` is not of the heap that the root belongs to.
    #[track_caller]
    pub fn set<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, value: V::At<'a>)
    where
        V::At<'a>: Copy,
    {
        self.check(cx);
        let collector = cx.collector();
        if const { V::NEEDS_TRACE && B::RULES.watches_roots() } && collector.watch_roots.get() {
            let marker = &collector.marker;
            collector.before_root_write::<B>(&value);
            if B::RULES.shades_old_root() && self.cell.scanned_in.get() != collector.cycle.get() {
                // SAFETY: as in `get`.
                unsafe { *self.cell.value.get() }.trace(&mut Tracer::shading(marker));
            }
            if B::RULES.root_write == RootWrite::NoteDirty {
                self.cell.dirty.set(true);
            }
        }
        // SAFETY: as in `get`; `V` and `V::At<'a>` are one type but for the lifetime, and the value is rooted from
        // here on.
        unsafe { self.cell.value.get().cast::<V::At<'a>>().write(value) };
    }

    #[inline]
    #[track_caller]
    fn check<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        assert!(self.cell.heap == cx.collector().id, "a Root was used with a heap that it does not belong to");
    }
}

/// Prints no value: a user's `Debug` must not see a value out of its time.
impl<V> fmt::Debug for Root<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Root { .. }")
    }
}

/// A root of any type, as the table holds it.
trait AnyRoot: Send + Sync {
    fn is_alive(&self) -> bool;
    fn scanned_in(&self) -> &Cell<u64>;
    fn dirty(&self) -> &Cell<bool>;
    fn trace(&self, tracer: &mut Tracer<'_>);
}

impl<V: Trace + Copy> AnyRoot for RootCell<V> {
    fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }
    fn scanned_in(&self) -> &Cell<u64> {
        &self.scanned_in
    }
    fn dirty(&self) -> &Cell<bool> {
        &self.dirty
    }
    fn trace(&self, tracer: &mut Tracer<'_>) {
        // SAFETY: only the heap's mutator calls this, and is not inside `get` or `set`.
        unsafe { *self.value.get() }.trace(tracer);
    }
}

/// The roots of one heap.
pub(crate) struct RootTable {
    entries: Vec<Arc<dyn AnyRoot>>,
    /// While roots are scanned: `[0, unscanned)` still has to be.
    unscanned: usize,
    /// The length at which the next new root looks for dead ones first.
    reap_at: usize,
}

impl RootTable {
    pub fn new() -> RootTable {
        RootTable { entries: Vec::new(), unscanned: 0, reap_at: 64 }
    }

    /// A new root. `marking`: a cycle is in progress, and the policy's rules apply.
    pub fn add<'x, V: Trace + Copy>(
        &mut self,
        value: V,
        heap: u64,
        watched: Option<(&Rules, &Marker)>,
        cycle: u64,
    ) -> Root<V::At<'static>>
    where
        V::At<'static>: Copy + 'x,
    {
        if let Some((rules, marker)) = watched
            && rules.shades_new_root()
        {
            value.trace(&mut Tracer::shading(marker));
        }
        if self.entries.len() >= self.reap_at && self.unscanned == 0 {
            self.reap();
        }
        // SAFETY: the value is rooted from here on, for as long as the handle lives.
        let value = unsafe { restamp::<V>(value) };
        let cell = Arc::new(RootCell {
            heap,
            alive: AtomicBool::new(true),
            // New areas are not scanned in the cycle they are born in: black, shaded above, or dirty.
            scanned_in: Cell::new(cycle),
            dirty: Cell::new(true),
            value: UnsafeCell::new(value),
        });
        let erased: Arc<dyn AnyRoot + '_> = cell.clone();
        // SAFETY: only the lifetime bound of the trait object changes; `V::At<'static>` outlives everything.
        self.entries.push(unsafe { core::mem::transmute::<Arc<dyn AnyRoot + '_>, Arc<dyn AnyRoot>>(erased) });
        Root { cell }
    }

    /// Forgets the dead.
    pub fn reap(&mut self) {
        self.entries.retain(|root| root.is_alive());
        self.reap_at = (self.entries.len() * 2).max(64);
    }

    /// All that lies here now has to be scanned. Constant time: a root is unscanned by not naming this cycle.
    pub fn start_scan(&mut self) {
        self.unscanned = self.entries.len();
    }

    /// Scans until the budget is used up; true: all is scanned. The dead are forgotten; `last_look`: after they have
    /// been scanned a last time, since they are part of a snapshot that is taken lazily. Under other rules what they
    /// point to may have been freed in the cycle before.
    pub fn scan(&mut self, marker: &Marker, meter: &mut Meter, cycle: u64, last_look: bool) -> bool {
        let mut scan = RootScan::new(marker);
        while self.unscanned > 0 {
            // It counts as scanned afterwards: its trace may panic.
            let index = self.unscanned - 1;
            let root = &self.entries[index];
            let alive = root.is_alive();
            if alive || last_look {
                root.trace(scan.tracer());
            }
            root.scanned_in().set(cycle);
            root.dirty().set(false);
            self.unscanned = index;
            if !alive {
                // What moves here from the end was scanned or is new.
                self.entries.swap_remove(self.unscanned);
            }
            if meter.spend(size_of::<usize>() + EDGE_COST) {
                break;
            }
        }
        self.unscanned == 0
    }

    pub fn is_scanned(&self) -> bool {
        self.unscanned == 0
    }

    /// Shades what was written since it was scanned.
    pub fn rescan(&self, marker: &Marker) {
        for root in &self.entries {
            if root.dirty().get() && root.is_alive() {
                root.trace(&mut Tracer::shading(marker));
            }
            root.dirty().set(false);
        }
    }

    #[cfg(feature = "unsound-policies")]
    pub fn digest(&self, digest: &mut crate::observe::digest::Digest<'_>) {
        let RootTable { entries, unscanned, reap_at } = self;
        debug_assert!(entries.len() < *reap_at, "who is forgotten when is not told here");
        let mut pointers = Vec::new();
        digest.number(entries.len());
        for root in entries {
            digest.flag(root.is_alive());
            // Nobody looks at what the others held.
            if root.is_alive() || digest.last_look {
                pointers.clear();
                root.trace(&mut Tracer::listing(&mut pointers));
                digest.objects(&pointers);
            }
            if let Some(cycle) = digest.marking {
                let scanned = root.scanned_in().get() == cycle;
                digest.flag(scanned);
                // What is still to be scanned is not dirty any more then.
                digest.flag(scanned && root.dirty().get());
            }
        }
        digest.number(*unscanned);
    }

    /// Calls `f` with each root, for the verifier.
    pub fn survey(&self, last_look: bool, f: &mut dyn FnMut(Surveyed<'_>)) {
        let mut pointers = Vec::new();
        for (index, root) in self.entries.iter().enumerate() {
            pointers.clear();
            let alive = root.is_alive();
            if alive || last_look {
                root.trace(&mut Tracer::listing(&mut pointers));
            }
            f(Surveyed {
                objects: &pointers,
                place: [0, index],
                unscanned: index < self.unscanned,
                dirty: root.dirty().get() && alive,
                alive,
            });
        }
    }
}
