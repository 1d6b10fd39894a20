//! [`Weak`]: a pointer that does not keep its object alive.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

use super::gc::Gc;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;
use crate::mark::tracer::Tracer;
use crate::mark::{weak_cell::WeakCell, weak_type::WEAK_CELL};
use crate::space::block::Kind;
use crate::space::header::{ObjectPtr, object_bytes};
use crate::trace::Trace;
use crate::trace::private::Only;

/// A pointer that does not keep its object alive: [`upgrade`](Weak::upgrade) returns `None` once the object is gone.
///
/// A weak pointer points to a small cell in the heap, which the collector clears in the cycle that finds the object
/// dead. [`Gc::downgrade`] allocates the cell.
///
/// ```
/// use grisaille::{Gc, Heap};
///
/// Heap::new().enter(|cx| {
///     let number = cx.alloc(7);
///     let weak = cx.root(Gc::downgrade(number, cx));
///     assert_eq!(*weak.get(cx).upgrade(cx).unwrap(), 7);
///     cx.collect();
///     assert!(weak.get(cx).upgrade(cx).is_none());
/// });
/// ```
pub struct Weak<'gc, T: ?Sized> {
    cell: Gc<'gc, WeakCell>,
    _target: PhantomData<(&'gc (), *const T)>,
}

impl<T: ?Sized> Clone for Weak<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Weak<'_, T> {}

impl<T: ?Sized> Weak<'_, T> {
    /// Makes a weak pointer of its cell.
    ///
    /// # Safety
    /// `cell` must be that of a weak pointer to a `T`, live until the first safepoint after the lifetime began.
    #[inline(always)]
    pub(crate) unsafe fn from_cell(cell: ObjectPtr) -> Self {
        // SAFETY: passed on.
        Weak { cell: unsafe { Gc::from_object(cell) }, _target: PhantomData }
    }

    /// Returns the cell.
    #[cfg(target_pointer_width = "64")]
    #[inline(always)]
    pub(crate) fn cell(self) -> ObjectPtr {
        self.cell.object()
    }
}

impl<'gc, T: Trace> Gc<'gc, T> {
    /// Makes a weak pointer to the object. Allocates a cell of 24 bytes.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap};
    /// # Heap::new().enter(|cx| {
    /// let number = cx.alloc(1);
    /// assert!(Gc::downgrade(number, cx).upgrade(cx).is_some());
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full, as for [`Mutator::alloc`]: [`try_downgrade`](Gc::try_downgrade) returns an error instead.
    #[track_caller]
    pub fn downgrade<'a, B: Barrier>(this: Self, cx: &'a Mutator<'_, B>) -> Weak<'a, T::At<'a>>
    where
        'gc: 'a,
        T::At<'a>: Sized,
    {
        Gc::try_downgrade(this, cx).unwrap_or_else(|full| full.panic())
    }

    /// Makes a weak pointer to the object, unless the heap is full.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap};
    /// # Heap::new().enter(|cx| {
    /// let number = cx.alloc(1);
    /// assert!(Gc::try_downgrade(number, cx)?.upgrade(cx).is_some());
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full.
    pub fn try_downgrade<'a, B: Barrier>(
        this: Self,
        cx: &'a Mutator<'_, B>,
    ) -> Result<Weak<'a, T::At<'a>>, HeapFull<()>>
    where
        'gc: 'a,
        T::At<'a>: Sized,
    {
        let cell = WeakCell { target: Cell::new(Some(this.object())), next: Cell::new(None) };
        let object =
            cx.place(cell, &WEAK_CELL, Kind::Plain).map_err(|_| cx.full((), const { object_bytes::<WeakCell>() }))?;
        let collector = cx.collector();
        if collector.marking.get() {
            // The cell may be allocated black, and would not be traced then.
            collector.marker.found_weak_cell(object);
        }
        // SAFETY: just allocated as a WeakCell; no safepoint before `'a` ends.
        Ok(unsafe { Weak::from_cell(object) })
    }
}

impl<T: Trace> Weak<'_, T> {
    /// Returns the object, or `None` where it is gone.
    ///
    /// While the collector marks, this shades the object where the policy requires it; from the moment at which
    /// liveness is decided, the result for a dead object is `None`.
    ///
    /// To shade an object is to keep it: under [`RootsFirst`](crate::RootsFirst), [`Hybrid`](crate::Hybrid),
    /// [`Deletion`](crate::Deletion) and [`Watermark`](crate::Watermark) an object that is upgraded while the collector marks lives through that cycle,
    /// and an object that is upgraded again and again (in a list of observers that is walked at each tick) never dies.
    /// To ask only whether the object is still there, call [`is_alive`](Weak::is_alive). Where a part of the object is
    /// needed all the time, keep that part elsewhere (beside the weak pointer), and upgrade when there is something to
    /// do.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap};
    /// # Heap::new().enter(|cx| {
    /// let weak = Gc::downgrade(cx.alloc(1), cx);
    /// assert_eq!(weak.upgrade(cx).map(|number| *number), Some(1));
    /// # });
    /// ```
    pub fn upgrade<'a, B: Barrier>(self, cx: &'a Mutator<'_, B>) -> Option<Gc<'a, T::At<'a>>>
    where
        T::At<'a>: Sized,
    {
        let object = self.cell.target.get()?;
        if !cx.collector().may_upgrade::<B>(object) {
            return None;
        }
        // SAFETY: the cell was made from a `Gc<T>`; the collector clears the cell when the object dies, and
        // `may_upgrade` says that the object lives, which holds until the next safepoint.
        Some(unsafe { Gc::from_object(object) })
    }

    /// Returns whether the object is still there, without keeping it alive: no policy shades for this.
    ///
    /// While the collector marks, the result may be true for an object that dies in this cycle, until liveness is
    /// decided. False is final.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap};
    /// # Heap::new().enter(|cx| {
    /// let weak = cx.root(Gc::downgrade(cx.alloc(1), cx));
    /// assert!(weak.get(cx).is_alive(cx));
    /// cx.collect();
    /// assert!(!weak.get(cx).is_alive(cx));
    /// # });
    /// ```
    pub fn is_alive<B: Barrier>(self, cx: &Mutator<'_, B>) -> bool {
        self.cell.target.get().is_some_and(|object| cx.collector().is_alive(object))
    }

    /// Returns whether two weak pointers were made from pointers to the same object, or both objects are gone.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Weak};
    /// # Heap::new().enter(|cx| {
    /// let number = cx.alloc(1);
    /// assert!(Weak::ptr_eq(Gc::downgrade(number, cx), Gc::downgrade(number, cx)));
    /// # });
    /// ```
    pub fn ptr_eq(a: Self, b: Self) -> bool {
        a.cell.target.get() == b.cell.target.get()
    }
}

// SAFETY: the cell is passed on, as a strong pointer; the target is handled by the collector.
unsafe impl<T: ?Sized + Trace> Trace for Weak<'_, T> {
    type At<'a> = Weak<'a, T::At<'a>>;
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

impl<T: ?Sized> fmt::Debug for Weak<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cell.target.get() {
            Some(object) => write!(f, "Weak({:#x})", object.payload().as_ptr().addr()),
            None => f.write_str("Weak(gone)"),
        }
    }
}
