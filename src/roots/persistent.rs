//! [`Persistent`]: a value that is rooted until its handle is dropped, on whatever thread.

use core::alloc::Layout;
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::barrier::Barrier;
use crate::barrier::rules::{RootWrite, Rules};
use crate::cycle::drain::RootScan;
use crate::cycle::mark::Marker;
use crate::cycle::meter::{EDGE_COST, Meter};
use crate::memory::NoMemory;
use crate::mutator::Mutator;
use crate::roots::Surveyed;
use crate::roots::table::{Area, Found, Handle, HandleTable, Head, Scanned};
use crate::trace::{Trace, Tracer, restamp};

/// A value that is rooted until the handle is dropped: it may outlive [`Heap::enter`](crate::Heap::enter), and be
/// sent to another thread.
///
/// [`Mutator::persist`] makes one. It belongs to its heap; a drop, on any thread, is one atomic exchange, and the
/// heap forgets the root in a later step.
///
/// ```
/// use grisaille::{Gc, Heap, Persistent};
///
/// let mut heap = Heap::new();
/// let root: Persistent<Gc<'static, String>> = heap.enter(|cx| cx.persist(cx.alloc("kept".to_string())));
/// heap.enter(|cx| {
///     cx.collect();
///     assert_eq!(*root.get(cx).as_ref(), "kept");
/// });
/// ```
///
/// An object must not own one: what it roots would not die before the object, and never where that leads back to it. The
/// derive refuses a `Persistent` (a [`Stack`](crate::Stack), a [`Guardian`](crate::Guardian)) in a skipped field, and in what
/// the field holds by value; it cannot see one behind a `Box`, an `Arc` or a closure's `dyn`, which leaks.
pub struct Persistent<V> {
    area: Handle<RootArea>,
    /// Invariant: values go in through a shared handle.
    _value: PhantomData<Cell<V>>,
}

// SAFETY: the value is touched by the heap's mutator only: `Persistent::get` and `set` take the `Mutator` of the heap whose
// number they check. What it points to is in the heap, which is `Send` with all in it. `V` is `Copy`: no code of the user's
// runs when it goes.
unsafe impl<V> Send for Persistent<V> {}
// SAFETY: as above.
unsafe impl<V> Sync for Persistent<V> {}

/// What the collector knows of a root.
#[repr(C)]
pub(crate) struct RootArea {
    head: Head,
    /// The cycle in which it was last scanned, or is not to be.
    scanned_in: Cell<u64>,
    /// It was written after it was scanned.
    dirty: Cell<bool>,
    /// Passes the pointers of the value on.
    trace: unsafe fn(NonNull<RootArea>, &mut Tracer<'_>),
}

/// A root with its value.
#[repr(C)]
struct RootCell<V> {
    area: RootArea,
    value: UnsafeCell<V>,
}

// SAFETY: it begins with its head; but for the head it is touched by what takes a mutator of the heap whose number it has
// checked, and by the heap's table; it owns nothing.
unsafe impl Area for RootArea {
    fn head(&self) -> &Head {
        &self.head
    }
    fn is_scanned(&self, cycle: u64) -> bool {
        self.scanned_in.get() == cycle
    }
    fn release(&self) -> usize {
        0
    }
}

impl<V> Persistent<V> {
    #[inline(always)]
    fn value(&self) -> *mut V {
        let cell = self.area.as_ptr().cast::<RootCell<V>>().as_ptr();
        // SAFETY: the area is the beginning of such a cell; only an address is computed.
        unsafe { UnsafeCell::raw_get(&raw const (*cell).value) }
    }
}

impl<V: Trace + Copy> Persistent<V> {
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
        unsafe { restamp(*self.value()) }
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
            if B::RULES.shades_old_root() && self.area.scanned_in.get() != collector.cycle.get() {
                // SAFETY: as in `get`.
                unsafe { *self.value() }.trace(&mut Tracer::shading(marker));
            }
            if B::RULES.root_write == RootWrite::NoteDirty {
                self.area.dirty.set(true);
            }
        }
        // SAFETY: as in `get`; `V` and `V::At<'a>` are one type but for the lifetime, and the value is rooted from
        // here on.
        unsafe { self.value().cast::<V::At<'a>>().write(value) };
    }

    #[inline]
    #[track_caller]
    fn check<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        assert!(
            self.area.head.heap == cx.collector().id,
            "a Persistent was used with a heap that it does not belong to"
        );
    }
}

/// Prints no value: a user's `Debug` must not see a value out of its time.
impl<V> fmt::Debug for Persistent<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Persistent { .. }")
    }
}

/// The roots of one heap.
pub(crate) type RootTable = HandleTable<RootArea>;

/// Passes the pointers of a root on.
fn trace(root: Found<'_, RootArea>, tracer: &mut Tracer<'_>) {
    // SAFETY: the function is the root's own.
    unsafe { (root.trace)(root.as_ptr(), tracer) };
}

impl RootTable {
    /// The layout of a root with that value.
    pub fn layout<V: Trace>() -> Layout
    where
        V::At<'static>: Sized,
    {
        Layout::new::<RootCell<V::At<'static>>>()
    }

    /// A new root. `watched`: roots are, and the policy's rules apply.
    pub fn persist<V: Trace + Copy>(
        &mut self,
        value: V,
        heap: u64,
        watched: Option<(&Rules, &Marker)>,
        cycle: u64,
    ) -> Result<Persistent<V::At<'static>>, NoMemory>
    where
        V::At<'static>: Copy,
    {
        unsafe fn trace_value<V: Trace + Copy>(area: NonNull<RootArea>, tracer: &mut Tracer<'_>) {
            // SAFETY: the area is the beginning of such a cell. Only the heap's mutator calls this, and is not inside `get`
            // or `set`.
            unsafe { *area.cast::<RootCell<V>>().as_ref().value.get() }.trace(tracer);
        }
        // SAFETY: the value is rooted from here on, for as long as the handle lives.
        let new = unsafe { restamp::<V>(value) };
        let make = |head| RootCell {
            // New areas are not scanned in the cycle they are born in: black, shaded below, or dirty.
            area: RootArea {
                head,
                scanned_in: Cell::new(cycle),
                dirty: Cell::new(true),
                trace: trace_value::<V::At<'static>>,
            },
            value: UnsafeCell::new(new),
        };
        // SAFETY: the cell begins with a root area.
        let area = unsafe { self.add(heap, make) }?;
        if let Some((rules, marker)) = watched
            && rules.shades_new_root()
        {
            value.trace(&mut Tracer::shading(marker));
        }
        Ok(Persistent { area, _value: PhantomData })
    }

    /// Scans until the budget is used up; true: all is scanned. The dead are forgotten; `last_look`: after they have
    /// been scanned a last time, since they are part of a snapshot that is taken lazily. Under other rules what they
    /// point to may have been freed in the cycle before.
    pub fn scan_roots(&mut self, marker: &Marker, meter: &mut Meter, cycle: u64, last_look: bool) -> bool {
        let mut scan = RootScan::new(marker);
        self.scan(cycle, |root, alive| {
            // It counts as scanned afterwards: its trace may panic.
            if alive || last_look {
                trace(root, scan.tracer());
            }
            root.scanned_in.set(cycle);
            root.dirty.set(false);
            if meter.spend(size_of::<usize>() + EDGE_COST) { Scanned::AndStops } else { Scanned::All }
        })
    }

    /// Shades what was written since it was scanned.
    pub fn rescan(&self, marker: &Marker) {
        for (root, _) in self.iter() {
            if root.dirty.get() && root.head.is_alive() {
                trace(root, &mut Tracer::shading(marker));
            }
            root.dirty.set(false);
        }
    }

    #[cfg(grisaille_faults)]
    pub fn digest_roots(&self, digest: &mut crate::observe::digest::Digest<'_>) {
        let mut pointers = Vec::new();
        self.digest(digest, |root, digest| {
            let RootArea { head, scanned_in, dirty, trace: _ } = &*root;
            digest.flag(head.is_alive());
            // Nobody looks at what the others held.
            if head.is_alive() || digest.last_look {
                pointers.clear();
                trace(root, &mut Tracer::listing(&mut pointers));
                digest.objects(&pointers);
            }
            if let Some(cycle) = digest.marking {
                let scanned = scanned_in.get() == cycle;
                digest.flag(scanned);
                // What is still to be scanned is not dirty any more then.
                digest.flag(scanned && dirty.get());
            }
        });
    }

    /// Calls `f` with each root, for the verifier.
    pub fn survey(&self, cycle: u64, last_look: bool, f: &mut dyn FnMut(Surveyed<'_>)) {
        let mut pointers = Vec::new();
        for (index, (root, unscanned)) in self.iter().enumerate() {
            pointers.clear();
            let alive = root.head.is_alive();
            if alive || last_look {
                trace(root, &mut Tracer::listing(&mut pointers));
            }
            f(Surveyed {
                objects: &pointers,
                place: [0, index],
                unscanned: unscanned && !root.is_scanned(cycle),
                dirty: root.dirty.get() && alive,
                alive,
            });
        }
    }
}
