//! [`Guardian`]: gives back objects that nothing else points to any more.
//!
//! # In the cycle
//!
//! When the grey set is empty for the first time in a cycle (and under `Insertion` the dirty roots are rescanned),
//! registered objects that are white are unreachable, but for guardians and weak pointers. The collector first
//! moves all of them to the *ready* lists of their guardians, whatever they point to: none is thought reachable
//! because another is. Then it shades them, and marking goes on with what they reach, ephemerons included. Both passes
//! are cut into bounded steps; under `Insertion` and `StopTheWorld` they are part of the pause.
//!
//! The passes run once a cycle. What is registered after them is held by the mutator, and whatever it holds then is
//! marked by the end of the cycle: under the policies with a snapshot because it was reachable when that was taken (when
//! the cycle began, or `Hybrid`'s window closed), was allocated since, or was shaded when a weak pointer, an ephemeron or
//! a guardian gave it out (or hangs on what was); the others do not let the mutator run after them. So when it is decided
//! what dies, every registered object is marked.
//!
//! What is registered and what is ready lie in one list, so that to move an object from one to the other takes no memory:
//! the collector has none to ask for. What is ready is a root area that the mutator writes in one way only, by taking its
//! last. While the heap's barriers
//! are on what it takes is shaded, which is more than the rule for roots of any policy asks. In `Hybrid`'s window they
//! are off, and what is taken is not lost: a root that it is written to shades it, and no object was traced.

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

/// A guardian keeps objects that are registered with it from being freed, and gives each back once it is found that
/// nothing else keeps it alive: so that a program can close, log or pool what it no longer uses. The program asks
/// when it suits it, and does with the object what it wants; no code runs inside the collector. (Dybvig, Bruggeman
/// and Eby, "Guardians in a generation-based garbage collector", PLDI 1993.)
///
/// An object comes back with all that it points to. Weak pointers to it hold until it is dropped for good. It may be
/// kept, and registered again. What is registered twice, or with two guardians, comes back twice. Objects come back
/// in no order: of two that point to each other both come back in the same cycle.
///
/// The handle may be kept anywhere and outlive [`Heap::enter`](crate::Heap::enter). When it is dropped, on whatever
/// thread, its objects are no longer guarded. What waits to be given back is a root: an object that itself leads to
/// the handle of its guardian never goes until somebody asks. `T` is the objects' type at `'static`, as for [`Stack`](crate::Stack).
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
    /// Invariant: objects go in through a shared handle.
    _objects: PhantomData<fn(*const T) -> *const T>,
}

impl<T: Trace> Guardian<T> {
    /// A guardian of no objects, in the heap that `cx` is in.
    ///
    /// ```
    /// # use grisaille::{Guardian, Heap};
    /// # Heap::new().enter(|cx| {
    /// let guardian: Guardian<String> = Guardian::new(cx);
    /// assert_eq!(guardian.guarded(cx), 0);
    /// # });
    /// ```
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
    /// [`HeapFull`].
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

    /// Registers an object: the object comes back from [`next`](Guardian::next) once nothing else keeps it alive. Amortized
    /// constant time; in each cycle the collector looks at every registered object.
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
    /// When `cx` is not of the heap that the guardian belongs to. When its list is to grow and the heap is full, as
    /// [`Mutator::alloc`] does.
    #[track_caller]
    pub fn register<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, object: Gc<'a, T::At<'a>>) {
        self.try_register(cx, object).unwrap_or_else(|full| full.panic());
    }

    /// Registers an object, unless the guardian's list is to grow and the heap is full.
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
    /// [`HeapFull`]: the object is not guarded.
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
            // It may still be white, where it was reached from a weak pointer, and is not to be taken for unreachable.
            c.marker.shade(object.object());
        }
        Ok(())
    }

    /// Gives back memory that the guardian does not need for the objects that it guards.
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

    /// An object that was registered and that, when the collector last looked, nothing else kept alive. From here on
    /// it is as any other, and no longer guarded.
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

    /// How many objects are registered and have not come back: those that [`next`](Guardian::next) would give
    /// included.
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
