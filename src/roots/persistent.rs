//! [`RootTable`]: the values behind persistent roots, and their scan.

use core::alloc::Layout;
use core::cell::{Cell, UnsafeCell};
use core::ptr::NonNull;

use super::Surveyed;
use super::table::{Area, Found, Handle, HandleTable, Head, Scanned};
use crate::barrier::rules::Rules;
use crate::mark::budget::{EDGE_COST, Meter};
use crate::mark::drain::RootScan;
use crate::mark::marker::Marker;
use crate::mark::tracer::Tracer;
use crate::memory::NoMemory;
use crate::trace::{Trace, restamp};

/// The part of a root that the collector knows.
#[repr(C)]
pub(crate) struct RootArea {
    pub head: Head,
    /// The last cycle in which the root was scanned, or need not be.
    pub scanned_in: Cell<u64>,
    /// Whether the root was written after it was scanned.
    pub dirty: Cell<bool>,
    /// Passes the pointers of the value to a tracer.
    trace: unsafe fn(NonNull<RootArea>, &mut Tracer<'_>),
}

/// A root with its value.
#[repr(C)]
struct RootCell<V> {
    area: RootArea,
    value: UnsafeCell<V>,
}

// SAFETY: a `RootArea` begins with its head; all else in it is touched only by methods that take a mutator of the heap
// whose number they have checked, and by the heap's table; it owns nothing.
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

/// Returns the address of the value in an area that was made for a `V`.
#[inline(always)]
pub(crate) fn value_of<V>(area: &Handle<RootArea>) -> *mut V {
    let cell = area.as_ptr().cast::<RootCell<V>>().as_ptr();
    // SAFETY: the area is the beginning of a `RootCell<V>`; only an address is computed.
    unsafe { UnsafeCell::raw_get(&raw const (*cell).value) }
}

/// The roots of one heap.
pub(crate) type RootTable = HandleTable<RootArea>;

/// Passes the pointers of a root to a tracer.
fn trace(root: Found<'_, RootArea>, tracer: &mut Tracer<'_>) {
    // SAFETY: the function is the root's own, made for its value's type.
    unsafe { (root.trace)(root.as_ptr(), tracer) };
}

impl RootTable {
    /// Returns the layout of a root with a `V`.
    pub(crate) fn layout<V: Trace>() -> Layout
    where
        V::At<'static>: Sized,
    {
        Layout::new::<RootCell<V::At<'static>>>()
    }

    /// Makes a root. `watched` holds the policy's rules while roots are watched.
    pub(crate) fn persist<V: Trace + Copy>(
        &mut self,
        value: V,
        heap: u64,
        watched: Option<(&Rules, &Marker)>,
        cycle: u64,
    ) -> Result<Handle<RootArea>, NoMemory>
    where
        V::At<'static>: Copy,
    {
        unsafe fn trace_value<V: Trace + Copy>(area: NonNull<RootArea>, tracer: &mut Tracer<'_>) {
            // SAFETY: the area is the beginning of a `RootCell<V>`. Only the heap's mutator calls this, outside `get`
            // and `set`.
            unsafe { *area.cast::<RootCell<V>>().as_ref().value.get() }.trace(tracer);
        }
        // SAFETY: the value is rooted from here on, for as long as the handle lives.
        let new = unsafe { restamp::<V>(value) };
        let make = |head| RootCell {
            // A root made during a cycle counts as scanned: its value is shaded below, or will be rescanned
            // (insertion).
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
        Ok(area)
    }

    /// Scans roots until the budget is used up. Returns whether all are scanned. Roots whose handle is gone are freed:
    /// with `last_look` after they were scanned once more, since they are part of a snapshot that is taken lazily.
    /// Under other rules their targets may have been freed in the cycle before.
    pub(crate) fn scan_roots(&mut self, marker: &Marker, meter: &mut Meter, cycle: u64, last_look: bool) -> bool {
        let mut scan = RootScan::new(marker);
        self.scan(cycle, |root, alive| {
            // The root counts as scanned only afterwards: its trace may panic.
            if alive || last_look {
                trace(root, scan.tracer());
            }
            root.scanned_in.set(cycle);
            root.dirty.set(false);
            if meter.spend(size_of::<usize>() + EDGE_COST) { Scanned::AndStops } else { Scanned::All }
        })
    }

    /// Shades the targets of roots that were written since they were scanned.
    pub(crate) fn rescan(&self, marker: &Marker) {
        for (root, _) in self.iter() {
            if root.dirty.get() && root.head.is_alive() {
                trace(root, &mut Tracer::shading(marker));
            }
            root.dirty.set(false);
        }
    }

    #[cfg(grisaille_faults)]
    pub(crate) fn digest_roots(&self, digest: &mut crate::space::digest::Digest<'_>) {
        let mut pointers = Vec::new();
        self.digest(digest, |root, digest| {
            let RootArea { head, scanned_in, dirty, trace: _ } = &*root;
            digest.flag(head.is_alive());
            // The values of the other roots are never read.
            if head.is_alive() || digest.last_look {
                pointers.clear();
                trace(root, &mut Tracer::listing(&mut pointers));
                digest.objects(&pointers);
            }
            if let Some(cycle) = digest.marking {
                let scanned = scanned_in.get() == cycle;
                digest.flag(scanned);
                // A root that is still to be scanned will not be dirty after that.
                digest.flag(scanned && dirty.get());
            }
        });
    }

    /// Calls `f` with each root, for the verifier.
    pub(crate) fn survey(&self, cycle: u64, last_look: bool, f: &mut dyn FnMut(Surveyed<'_>)) {
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
