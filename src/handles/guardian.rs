//! [`Guardian`]: returns objects that nothing else points to any more.
//!
//! # In the cycle
//!
//! When the grey set is empty for the first time in a cycle (and under `Insertion` the dirty roots are rescanned),
//! registered objects that are white are reachable only from guardians and weak pointers. The collector first moves all
//! of them to the *ready* lists of their guardians, whatever they point to: no object is taken for reachable because
//! another registered one points to it. Then the collector shades them, and marking goes on with what they reach,
//! ephemerons included. Both passes are cut into bounded steps; under `Insertion` and `StopTheWorld` they are part of
//! the pause.
//!
//! The passes run once a cycle. An object that is registered after them is held by the mutator, and whatever the
//! mutator holds then is marked by the end of the cycle. Under the policies with a snapshot the object was reachable
//! when the snapshot was taken (when the cycle began, or the root-scanning window of `RootsFirst` or `Hybrid` closed),
//! was allocated since, or was shaded when a weak pointer, an ephemeron or a guardian returned it (or is reachable
//! from such an object); the other policies do not let the mutator run after the passes. So every registered object is
//! marked when liveness is decided.
//!
//! Registered and ready objects lie in one list, so that moving an object from one state to the other takes no memory:
//! the collector has none to ask for. The ready objects are a root area, which the mutator writes in one way only: it
//! takes the last object. While the heap's barriers are on, that object is shaded, which is more than the root rule of
//! any policy requires. In `RootsFirst`'s root-scanning window the barriers are off, and the object is not lost: a root to
//! which it is written shades it, and no object has been traced.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;
use crate::pointer::gc::Gc;
use crate::roots::guardian::GuardianArea;
use crate::roots::table::Handle;
use crate::trace::Trace;

/// A guardian keeps objects that are registered with it from being freed, and returns each once the collector finds
/// that nothing else keeps it alive: so that a program can close, log or pool what it no longer uses. The program calls
/// [`next`](Guardian::next) when it suits, and does with the object what it wants; no code of the program runs inside
/// the collector. (Dybvig, Bruggeman and Eby, "Guardians in a generation-based garbage collector", PLDI 1993.)
///
/// An object comes back with all that it points to. Weak pointers to the object hold until the object is dropped for
/// good. The object may be kept, and registered again. An object that is registered twice, or with two guardians, comes
/// back twice. Objects come back in no order: of two objects that point to each other, both come back in the same
/// cycle.
///
/// The handle may be kept anywhere and outlive [`Heap::enter`](crate::Heap::enter). When the handle is dropped, on any
/// thread, its objects are no longer guarded. Objects that wait to be returned are roots: if a guarded object owns its
/// guardian's handle, it is only freed after [`next`](Guardian::next) has returned it. `T` is the objects' type at
/// `'static`, as for [`Stack`](crate::Stack).
///
/// ```
/// use grisaille::{Gc, Guardian, Heap, Trace};
///
/// #[derive(Trace)]
/// struct Port<'gc> {
///     name: Gc<'gc, String>,
/// }
///
/// Heap::new().enter(|cx| {
///     let guardian: Guardian<Port<'static>> = Guardian::new(cx);
///     let port = cx.alloc(Port { name: cx.alloc("stdout".to_string()) });
///     guardian.register(cx, port);
///     assert!(guardian.next(cx).is_none());
///     cx.collect();
///     let port = guardian.next(cx).unwrap(); // nothing else pointed to it
///     assert_eq!(port.name.as_str(), "stdout");
/// });
/// ```
#[must_use = "objects are guarded until the handle is dropped"]
pub struct Guardian<T: ?Sized> {
    area: Handle<GuardianArea>,
    /// Invariant: objects are written through a shared handle.
    _objects: PhantomData<fn(*const T) -> *const T>,
}

impl<T: Trace> Guardian<T> {
    /// Makes a guardian of no objects, in the heap that `cx` is in.
    ///
    /// ```
    /// # use grisaille::{Guardian, Heap};
    /// # Heap::new().enter(|cx| {
    /// let guardian: Guardian<String> = Guardian::new(cx);
    /// assert_eq!(guardian.guarded(cx), 0);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full, as for [`Mutator::alloc`]: [`try_new`](Guardian::try_new) returns an error instead.
    pub fn new<B: Barrier>(cx: &Mutator<'_, B>) -> Self
    where
        T: 'static,
    {
        Self::try_new(cx).unwrap_or_else(|full| full.panic())
    }

    /// Makes a guardian of no objects, unless the heap is full.
    ///
    /// ```
    /// # use grisaille::{Guardian, Heap};
    /// # Heap::new().enter(|cx| {
    /// let guardian: Guardian<String> = Guardian::try_new(cx)?;
    /// assert_eq!(guardian.guarded(cx), 0);
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full.
    pub fn try_new<B: Barrier>(cx: &Mutator<'_, B>) -> Result<Self, HeapFull<()>>
    where
        T: 'static,
    {
        let c = cx.collector();
        let wanted = c.roots.guardians.borrow().areas.wanted(Layout::new::<GuardianArea>());
        if !c.has_room_outside(wanted) {
            return Err(cx.full((), wanted));
        }
        let make = |head| GuardianArea::new(head, c.cycle.get());
        let mut guardians = c.roots.guardians.borrow_mut();
        // SAFETY: it is a guardian's area.
        let area = unsafe { guardians.areas.add(c.id, make) }.map_err(|_| cx.full((), wanted))?;
        Ok(Guardian { area, _objects: PhantomData })
    }

    /// Registers an object, which comes back from [`next`](Guardian::next) once nothing else keeps it alive. Amortized
    /// constant time; in each cycle the collector examines every registered object.
    ///
    /// ```
    /// # use grisaille::{Guardian, Heap};
    /// # Heap::new().enter(|cx| {
    /// let guardian: Guardian<i64> = Guardian::new(cx);
    /// guardian.register(cx, cx.alloc(1));
    /// cx.collect();
    /// assert_eq!(*guardian.next(cx).unwrap(), 1);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When `cx` is not of the heap that the guardian belongs to. When the guardian's list must grow and the heap is
    /// full, as for [`Mutator::alloc`]: [`try_register`](Guardian::try_register) returns an error instead.
    #[track_caller]
    pub fn register<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, object: Gc<'a, T::At<'a>>) {
        self.try_register(cx, object).unwrap_or_else(|full| full.panic());
    }

    /// Registers an object, unless the guardian's list must grow and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Guardian, Heap};
    /// # Heap::new().enter(|cx| {
    /// let guardian: Guardian<i64> = Guardian::new(cx);
    /// guardian.try_register(cx, cx.alloc(1))?;
    /// assert_eq!(guardian.guarded(cx), 1);
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full: the object is not guarded.
    ///
    /// # Panics
    /// When `cx` is not of the heap that the guardian belongs to.
    #[track_caller]
    pub fn try_register<'a, B: Barrier>(
        &self,
        cx: &'a Mutator<'_, B>,
        object: Gc<'a, T::At<'a>>,
    ) -> Result<(), HeapFull<()>> {
        self.check(cx);
        let c = cx.collector();
        let objects = &mut self.area.state.borrow_mut().objects;
        let (held, wanted) = (objects.bytes(), objects.wanted());
        if wanted > 0 && !c.has_room_outside(wanted) {
            return Err(cx.full((), wanted));
        }
        let result = objects.push(object.object());
        let mut guardians = c.roots.guardians.borrow_mut();
        if wanted > 0 {
            guardians.areas.owns(objects.bytes(), held);
        }
        result.map_err(|_| cx.full((), wanted))?;
        if guardians.is_examining() {
            // The object may still be white, where it was reached through a weak pointer, and must not be taken for
            // unreachable.
            c.marker.shade(object.object());
        }
        Ok(())
    }

    /// Frees memory that the guardian does not need for the objects that it guards.
    ///
    /// ```
    /// # use grisaille::{Guardian, Heap};
    /// # Heap::new().enter(|cx| {
    /// let guardian: Guardian<i64> = Guardian::new(cx);
    /// (0..100_000).for_each(|n| guardian.register(cx, cx.alloc(n)));
    /// cx.collect();
    /// while guardian.next(cx).is_some() {}
    /// guardian.shrink_to_fit(cx);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When `cx` is not of the heap that the guardian belongs to.
    #[track_caller]
    pub fn shrink_to_fit<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        self.check(cx);
        let objects = &mut self.area.state.borrow_mut().objects;
        let held = objects.bytes();
        objects.shrink_to_fit();
        cx.collector().roots.guardians.borrow_mut().areas.owns(objects.bytes(), held);
    }

    /// Returns a registered object that nothing else kept alive when the collector last examined it, or `None` where
    /// there is none. The object is no longer guarded. Constant time.
    ///
    /// ```
    /// # use grisaille::{Guardian, Heap};
    /// # Heap::new().enter(|cx| {
    /// let guardian: Guardian<i64> = Guardian::new(cx);
    /// (1..4).for_each(|n| guardian.register(cx, cx.alloc(n)));
    /// cx.collect();
    /// let mut sum = 0;
    /// while let Some(number) = guardian.next(cx) {
    ///     sum += *number;
    /// }
    /// assert_eq!(sum, 6);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When `cx` is not of the heap that the guardian belongs to.
    #[track_caller]
    pub fn next<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>) -> Option<Gc<'a, T::At<'a>>>
    where
        T::At<'a>: Sized,
    {
        self.check(cx);
        let c = cx.collector();
        let object = {
            let state = &mut *self.area.state.borrow_mut();
            let held = state.objects.bytes();
            let object = state.take()?;
            let left = state.objects.bytes();
            if left != held {
                c.roots.guardians.borrow_mut().areas.owns(left, held);
            }
            object
        };
        if c.marking.get() {
            c.marker.shade(object);
        }
        // SAFETY: registered as a `Gc<T>`; alive as a root until now, and until the next safepoint.
        Some(unsafe { Gc::from_object(object) })
    }

    /// Returns how many objects are registered and have not come back, including those that [`next`](Guardian::next)
    /// would return.
    ///
    /// ```
    /// # use grisaille::{Guardian, Heap};
    /// # Heap::new().enter(|cx| {
    /// let guardian: Guardian<i64> = Guardian::new(cx);
    /// guardian.register(cx, cx.alloc(1));
    /// assert_eq!(guardian.guarded(cx), 1);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When `cx` is not of the heap that the guardian belongs to.
    #[track_caller]
    pub fn guarded<B: Barrier>(&self, cx: &Mutator<'_, B>) -> usize {
        self.check(cx);
        self.area.state.borrow().objects.len()
    }

    /// Returns whether the guardian belongs to the heap that `cx` is in. Its other methods panic where it does not.
    ///
    /// ```
    /// # use grisaille::{Guardian, Heap};
    /// # Heap::new().enter(|cx| {
    /// let guardian: Guardian<i64> = Guardian::new(cx);
    /// assert!(guardian.belongs_to(cx));
    /// # });
    /// ```
    #[inline]
    pub fn belongs_to<B: Barrier>(&self, cx: &Mutator<'_, B>) -> bool {
        self.area.head.heap == cx.collector().id
    }

    #[inline]
    #[track_caller]
    fn check<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        assert!(self.area.head.heap == cx.collector().id, "a Guardian was used with a heap that it does not belong to");
    }
}

impl<T: ?Sized> fmt::Debug for Guardian<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guardian { .. }")
    }
}
