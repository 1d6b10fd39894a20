//! [`RootTable`]: the values behind persistent roots, and how they are scanned.

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

/// What the collector knows of a root.
#[repr(C)]
pub(crate) struct RootArea {
    pub head: Head,
    /// The cycle in which it was last scanned, or is not to be.
    pub scanned_in: Cell<u64>,
    /// It was written after it was scanned.
    pub dirty: Cell<bool>,
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

/// The place of the value in an area that was made for a `V`. Computes an address only.
#[inline(always)]
pub(crate) fn value_of<V>(area: &Handle<RootArea>) -> *mut V {
    let cell = area.as_ptr().cast::<RootCell<V>>().as_ptr();
    // SAFETY: the area is the beginning of such a cell; only an address is computed.
    unsafe { UnsafeCell::raw_get(&raw const (*cell).value) }
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
    ) -> Result<Handle<RootArea>, NoMemory>
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
        Ok(area)
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
    pub fn digest_roots(&self, digest: &mut crate::space::digest::Digest<'_>) {
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
