//! [`Ephemeron`]: a value that lives only as long as its key.
//!
//! # How marking treats them
//!
//! Tracing an ephemeron whose key is marked traces its value. Where the key is not marked (yet), the ephemeron *waits*:
//! it is linked into a ring that the marker finds by the key, and a flag is set in the key's header. When something
//! marks the key (the mark loop, a barrier, an upgrade, a guardian), it sees the flag, and all ephemerons of the key's
//! ring become grey again at once; traced once more, they find their key marked. So the work is linear however the
//! ephemerons depend on each other, nothing recurses, and the end of marking needs no pass of its own: when the grey
//! set is empty, the keys of all ephemerons that still wait are dead. Phase `Weak` clears these.
//!
//! For the policies an ephemeron is an object with one field: writing the value runs the barrier of `slot.set`, whether
//! the key is marked or not. Reading key or value makes a strong pointer of a weak one, and shades as
//! [`Weak::upgrade`](crate::Weak::upgrade) does: otherwise a value that is read while its key is still white, and is
//! stored in a black object, would be lost when the key dies.

use core::any::type_name;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::fault::{self, Fault};
use crate::full::HeapFull;
use crate::mark::edges::Top;
use crate::mark::ephemeron::Head;
use crate::mark::tracer::{Tracer, trace_with};
use crate::pointer::gc::Gc;
use crate::pointer::slot::Slot;
use crate::space::block::Kind;
use crate::space::header::object_bytes;
use crate::space::header::{About, ObjectPtr, TraceResult, TypeInfo};
use crate::trace::private::Only;
use crate::trace::{Trace, restamp};

/// A key and a value: the value is kept alive only while the key and the ephemeron itself are alive, also where the
/// value points to the key. The key is not kept alive. (Hayes, "Ephemerons: a new finalization mechanism", OOPSLA
/// 1997.)
///
/// Use it for weak tables, caches, and properties of objects that the objects do not know of. An ephemeron points to an
/// object in the heap, which [`Mutator::alloc_ephemeron`] allocates. The collector clears key and value in the cycle
/// that finds the key dead.
///
/// Marking takes time in proportion to the number of ephemerons and to what they keep, whatever depends on what; all
/// ephemerons that wait for one key are handled in the step that marks the key.
///
/// ```
/// use grisaille::{Gc, Heap};
///
/// Heap::new().enter(|cx| {
///     let key = cx.root(cx.alloc("key".to_string()));
///     let ephemeron = cx.root(cx.alloc_ephemeron(key.get(cx), cx.alloc(7)));
///     cx.collect();
///     assert_eq!(ephemeron.get(cx).value(cx).map(|value| *value), Some(7));
/// });
/// ```
///
/// A value that points to its own key dies with the key, where a [`Weak`](crate::Weak) key and a strong value would
/// leak:
///
/// ```
/// # use grisaille::Heap;
/// # Heap::new().enter(|cx| {
/// let ephemeron = cx.scope(|cx, out| {
///     let key = cx.alloc("key".to_string());
///     out.keep(cx, cx.alloc_ephemeron(key, key))
/// });
/// cx.collect();
/// assert!(ephemeron.get(cx).value(cx).is_none());
/// # });
/// ```
pub struct Ephemeron<'gc, K: ?Sized, V> {
    cell: Gc<'gc, EphemeronCell<V>>,
    _key: PhantomData<(&'gc (), *const K)>,
}

/// The object behind an ephemeron.
#[repr(C)]
struct EphemeronCell<V> {
    head: Head,
    /// The value; when the key is gone, the last value, which is not read any more.
    value: Slot<V>,
}

struct InfoOfEphemeron<V>(PhantomData<V>);

impl<V: Trace + Copy> InfoOfEphemeron<V> {
    const INFO: TypeInfo =
        TypeInfo::sized::<EphemeronCell<V>>(|| About::internal(type_name::<Ephemeron<'static, (), V>>()))
            .traced_if(true, trace_ephemeron::<V>);
}

/// Traces an ephemeron.
///
/// # Safety
/// As for [`TypeInfo::trace`].
unsafe fn trace_ephemeron<V: Trace + Copy>(object: ObjectPtr, _: usize, erased: NonNull<()>, top: Top) -> TraceResult {
    // SAFETY: `TypeInfo::trace`: the header names `InfoOfEphemeron<V>`, so the payload is an ephemeron's; it is complete.
    let cell = unsafe { object.payload().cast::<EphemeronCell<V>>().as_ref() };
    // SAFETY: `TypeInfo::trace`: a tracer that is exclusive until the end of the call, and a top of its edges.
    unsafe {
        trace_with(erased, top, |tracer| {
            look_at(object, cell, tracer);
            0
        })
    }
}

/// Passes key and value to the tracer, if the key is alive.
fn look_at<V: Trace + Copy>(object: ObjectPtr, cell: &EphemeronCell<V>, tracer: &mut Tracer<'_>) {
    if let (Some(key), Some(told)) = (cell.head.key.get(), tracer.ephemeral()) {
        let mut values = Vec::new();
        cell.value.get().trace(&mut Tracer::listing(&mut values));
        *told = Some((key, values));
        return;
    }
    // Tracers that list strong pointers see neither: neither is strong by itself.
    if let (Some(key), Some(marker)) = (cell.head.key.get(), tracer.marker()) {
        if marker.is_marked(key) {
            cell.value.get().trace(tracer);
        } else {
            if fault::is(Fault::EphemeronsKeepKeys) {
                tracer.visit(key);
            }
            marker.wait_for_key(key, object);
        }
    }
}

impl<B: Barrier> Mutator<'_, B> {
    /// Allocates an [`Ephemeron`]: an object of 24 bytes and the value.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// let key = cx.alloc(1);
    /// assert_eq!(cx.alloc_ephemeron(key, 2).value(cx), Some(2));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full: [`try_alloc_ephemeron`](Mutator::try_alloc_ephemeron) returns an error instead.
    #[track_caller]
    pub fn alloc_ephemeron<'a, K, V>(&'a self, key: Gc<'_, K>, value: V) -> Ephemeron<'a, K::At<'a>, V>
    where
        K: ?Sized + Trace,
        V: Trace<At<'a> = V> + Copy,
    {
        self.try_alloc_ephemeron(key, value).unwrap_or_else(|full| full.panic())
    }

    /// Allocates an [`Ephemeron`], or gives the value back when the heap is full.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// let key = cx.alloc(1);
    /// assert_eq!(cx.try_alloc_ephemeron(key, 2).unwrap().value(cx), Some(2));
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    pub fn try_alloc_ephemeron<'a, K, V>(
        &'a self,
        key: Gc<'_, K>,
        value: V,
    ) -> Result<Ephemeron<'a, K::At<'a>, V>, HeapFull<V>>
    where
        K: ?Sized + Trace,
        V: Trace<At<'a> = V> + Copy,
    {
        let ephemeron = self.place_ephemeron(key, value)?;
        Ok(Ephemeron { cell: ephemeron.cell, _key: PhantomData })
    }

    /// Allocates an ephemeron for a collection, whose own type says what lifetime the value has.
    pub(crate) fn place_ephemeron<'a, K: ?Sized, V: Trace + Copy>(
        &'a self,
        key: Gc<'_, K>,
        value: V,
    ) -> Result<Ephemeron<'a, K, V>, HeapFull<V>> {
        let head = Head { key: Cell::new(Some(key.object())), next: Cell::new(None) };
        let cell = EphemeronCell { head, value: Slot::new(value) };
        let object = match self.place(cell, const { &InfoOfEphemeron::<V>::INFO }, Kind::Plain) {
            Ok(object) => object,
            Err(_) => return Err(self.full(value, const { object_bytes::<EphemeronCell<V>>() })),
        };
        // An ephemeron that is allocated white is traced when marking reaches it. One that is allocated black is not,
        // and need not be: under the policies that allocate black, whatever the mutator holds is marked by the end of
        // the cycle, so this cycle will not find the key dead, and the value is treated as the first pointers of any
        // black object are.
        //
        // SAFETY: just allocated as an ephemeron; no safepoint before `'a` ends.
        Ok(Ephemeron { cell: unsafe { Gc::from_object(object) }, _key: PhantomData })
    }
}

impl<K: ?Sized, V> Clone for Ephemeron<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: ?Sized, V> Copy for Ephemeron<'_, K, V> {}

impl<'gc, K: ?Sized, V> Ephemeron<'gc, K, V> {
    fn cell(self) -> &'gc EphemeronCell<V> {
        Gc::as_ref(self.cell)
    }

    /// Returns whether two pointers point to the same ephemeron.
    ///
    /// ```
    /// # use grisaille::{Ephemeron, Heap};
    /// # Heap::new().enter(|cx| {
    /// let key = cx.alloc(1);
    /// let (a, b) = (cx.alloc_ephemeron(key, 0), cx.alloc_ephemeron(key, 0));
    /// assert!(Ephemeron::ptr_eq(a, a) && !Ephemeron::ptr_eq(a, b));
    /// # });
    /// ```
    pub fn ptr_eq(a: Self, b: Self) -> bool {
        Gc::ptr_eq(a.cell, b.cell)
    }
}

impl<K: Trace, V: Trace + Copy> Ephemeron<'_, K, V> {
    /// Returns the key, or `None` where it is gone. Shades the key as [`Weak::upgrade`](crate::Weak::upgrade) does.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// let ephemeron = cx.alloc_ephemeron(cx.alloc(1), 2);
    /// assert_eq!(ephemeron.key(cx).map(|key| *key), Some(1));
    /// # });
    /// ```
    pub fn key<'a, B: Barrier>(self, cx: &'a Mutator<'_, B>) -> Option<Gc<'a, K::At<'a>>>
    where
        K::At<'a>: Sized,
    {
        let key = self.cell().head.key.get()?;
        // SAFETY: the ephemeron was made with a `Gc<K>`; the collector clears it when the key dies, and `may_upgrade`
        // says that the key lives, which holds until the next safepoint.
        cx.collector().may_upgrade::<B>(key).then(|| unsafe { Gc::from_object(key) })
    }

    /// Returns whether the key is still there, without keeping the key or the value alive: see
    /// [`Weak::is_alive`](crate::Weak::is_alive).
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// let ephemeron = cx.root(cx.alloc_ephemeron(cx.alloc(1), 2i32));
    /// assert!(ephemeron.get(cx).is_alive(cx));
    /// cx.collect();
    /// assert!(!ephemeron.get(cx).is_alive(cx));
    /// # });
    /// ```
    pub fn is_alive<B: Barrier>(self, cx: &Mutator<'_, B>) -> bool {
        self.cell().head.key.get().is_some_and(|key| cx.collector().is_alive(key))
    }

    /// Returns the value, or `None` where the key is gone. While the collector marks, this shades the value where the
    /// policy requires it; from the moment at which liveness is decided, the result for a dead key is `None`. The key
    /// is not shaded: reading the value again and again keeps the key only where the value points to it.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// let ephemeron = cx.alloc_ephemeron(cx.alloc(1), 2);
    /// assert_eq!(ephemeron.value(cx), Some(2));
    /// # });
    /// ```
    pub fn value<'a, B: Barrier>(self, cx: &'a Mutator<'_, B>) -> Option<V::At<'a>>
    where
        V::At<'a>: Copy,
    {
        let (cell, c) = (self.cell(), cx.collector());
        if !c.may_find(cell.head.key.get()?) {
            return None;
        }
        let value = cell.value.get();
        if const { V::NEEDS_TRACE && B::RULES.upgrade_shades } && c.marking.get() {
            value.trace(&mut Tracer::shading(&c.marker));
        }
        // SAFETY: the key lives, and with it the value, until the next safepoint.
        Some(unsafe { restamp(value) })
    }

    /// Replaces the value, as [`Slot::set`] does. Returns false when the key is gone, and stores nothing then.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// let ephemeron = cx.alloc_ephemeron(cx.alloc(1), 2);
    /// assert!(ephemeron.set(cx, 3));
    /// assert_eq!(ephemeron.value(cx), Some(3));
    /// # });
    /// ```
    pub fn set<B: Barrier>(self, cx: &Mutator<'_, B>, value: V) -> bool {
        let cell = self.cell();
        // When the key is gone the old value is gone too, and no barrier may read it.
        let lives = cell.head.key.get().is_some_and(|key| cx.collector().may_find(key));
        if lives {
            cell.value.set(cx, value);
        }
        lives
    }
}

// SAFETY: the object is passed on, as a strong pointer; key and value are handled by the collector.
unsafe impl<K: ?Sized + Trace, V: Trace> Trace for Ephemeron<'_, K, V>
where
    for<'a> V::At<'a>: Sized,
{
    type At<'a> = Ephemeron<'a, K::At<'a>, V::At<'a>>;
    const ATOMIC_WORD: bool = true;
    const MAX_POINTERS: usize = 1;
    const AT_MOST_ONE: bool = true;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.visit(self.cell.object());
    }
    #[inline(always)]
    fn __only(&self) -> Only {
        Only::some(self.cell.object())
    }
}

impl<K: ?Sized, V> fmt::Debug for Ephemeron<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cell().head.key.get() {
            Some(key) => write!(f, "Ephemeron({:#x})", key.payload().as_ptr().addr()),
            None => f.write_str("Ephemeron(gone)"),
        }
    }
}
