//! [`Guardian`]: gives back objects that nothing else points to any more.
//!
//! # In the cycle
//!
//! When the grey set is empty for the first time in a cycle (and under `Insertion` the dirty roots are rescanned),
//! registered objects that are white are unreachable, but for guardians and weak pointers. The collector first
//! moves all of them to the *ready* queues of their guardians, whatever they point to: none is thought reachable
//! because another is. Then it shades them, and marking goes on with what they reach, ephemerons included. Both passes
//! are cut into bounded steps; under `Insertion` and `StopTheWorld` they are part of the pause.
//!
//! The passes run once a cycle. What is registered after them is held by the mutator, and whatever it holds then is
//! marked by the end of the cycle: under the policies with a snapshot because it was reachable when that was taken (when
//! the cycle began, or `Hybrid`'s window closed), was allocated since, or was shaded when a weak pointer, an ephemeron or
//! a guardian gave it out (or hangs on what was); the others do not let the mutator run after them. So when it is decided
//! what dies, every registered object is marked.
//!
//! A ready queue is a root area that the mutator writes in one way only, by taking its front. While the heap's barriers
//! are on what it takes is shaded, which is more than the rule for roots of any policy asks. In `Hybrid`'s window they
//! are off, and what is taken is not lost: a root that it is written to shades it, and no object was traced.

use core::cell::RefCell;
use core::fmt;
use core::marker::PhantomData;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::barrier::Barrier;
use crate::cycle::mark::Marker;
use crate::cycle::meter::Meter;
use crate::mutator::Mutator;
use crate::pointer::gc::Gc;
use crate::space::header::ObjectPtr;
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
///     assert_eq!(*port.name.as_ref(), "stdout");
/// });
/// ```
pub struct Guardian<T: ?Sized> {
    area: Arc<GuardianArea>,
    /// Invariant: objects go in through a shared handle.
    _objects: PhantomData<fn(*const T) -> *const T>,
}

pub(crate) struct GuardianArea {
    heap: u64,
    alive: AtomicBool,
    state: RefCell<State>,
}

// SAFETY: everything but `alive` is touched by the heap's mutator only: `Guardian`'s methods take the `Mutator` of the
// heap whose id they check, and the table belongs to the heap. The lists hold addresses: dropping them on another
// thread looks at no object.
unsafe impl Send for GuardianArea {}
// SAFETY: as above.
unsafe impl Sync for GuardianArea {}

struct State {
    /// Objects that are reachable without this guardian, as far as is known. Not roots.
    registered: Vec<ObjectPtr>,
    /// Objects that are not: roots.
    ready: VecDeque<ObjectPtr>,
    /// The cycle that `unscanned` belongs to.
    cycle: u64,
    /// While roots are scanned: `ready[..unscanned]` still has to be.
    unscanned: usize,
    /// How many at the end of `ready` were put there in this cycle and are still to be shaded.
    fresh: usize,
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
        let c = cx.collector();
        let state =
            State { registered: Vec::new(), ready: VecDeque::new(), cycle: c.cycle.get(), unscanned: 0, fresh: 0 };
        let area = Arc::new(GuardianArea { heap: c.id, alive: AtomicBool::new(true), state: RefCell::new(state) });
        c.guardians.borrow_mut().add(area.clone());
        Guardian { area, _objects: PhantomData }
    }

    /// Registers an object: it comes back from [`next`](Guardian::next) once nothing else keeps it alive. Amortized
    /// constant time; in each cycle the collector looks at every registered object.
    ///
    /// # Panics
    /// When `cx` is not of the heap that the guardian belongs to.
    #[track_caller]
    pub fn register<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, object: Gc<'a, T::At<'a>>) {
        self.check(cx);
        let c = cx.collector();
        self.area.state.borrow_mut().registered.push(object.object());
        if c.guardians.borrow().is_examining() {
            // It may still be white, where it was reached from a weak pointer, and is not to be taken for unreachable.
            c.marker.shade(object.object());
        }
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
            let mut state = self.area.state.borrow_mut();
            let object = state.ready.pop_front()?;
            state.unscanned = state.unscanned.saturating_sub(1);
            state.fresh = state.fresh.min(state.ready.len());
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
        let state = self.area.state.borrow();
        state.registered.len() + state.ready.len()
    }

    #[inline]
    #[track_caller]
    fn check<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        assert!(self.area.heap == cx.collector().id, "a Guardian was used with a heap that it does not belong to");
    }
}

impl<T: ?Sized> Drop for Guardian<T> {
    fn drop(&mut self) {
        self.area.alive.store(false, Ordering::Release);
    }
}

impl<T: ?Sized> fmt::Debug for Guardian<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guardian { .. }")
    }
}

impl GuardianArea {
    fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }

    /// Scans the ready queue from its end; true: all is scanned.
    fn scan(&self, marker: &Marker, meter: &mut Meter, cycle: u64) -> bool {
        let mut state = self.state.borrow_mut();
        if state.cycle != cycle {
            state.cycle = cycle;
            state.unscanned = state.ready.len();
        }
        while state.unscanned > 0 {
            state.unscanned -= 1;
            marker.shade(state.ready[state.unscanned]);
            if meter.spend(size_of::<ObjectPtr>()) {
                break;
            }
        }
        state.unscanned == 0
    }

    /// Moves white objects from `registered[..from]` to the ready queue. Returns where to go on, 0 for nowhere.
    fn look(&self, marker: &Marker, meter: &mut Meter, from: usize) -> usize {
        let mut state = self.state.borrow_mut();
        // Registered objects only ever become more between two steps: at the end, beyond `from`.
        let mut at = from.min(state.registered.len());
        while at > 0 {
            at -= 1;
            if !marker.is_marked(state.registered[at]) {
                let object = state.registered.swap_remove(at);
                state.ready.push_back(object);
                state.fresh += 1;
            }
            if meter.spend(size_of::<ObjectPtr>()) {
                break;
            }
        }
        at
    }

    /// Shades what `look` moved. True: all of it.
    fn shade_fresh(&self, marker: &Marker, meter: &mut Meter) -> bool {
        let mut state = self.state.borrow_mut();
        while state.fresh > 0 {
            let at = state.ready.len() - state.fresh;
            marker.shade(state.ready[at]);
            state.fresh -= 1;
            if meter.spend(size_of::<ObjectPtr>()) {
                break;
            }
        }
        state.fresh == 0
    }
}

/// How far this cycle's look at registered objects has come. Areas are taken from the last to the first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Examination {
    Due,
    /// White objects are moved: the area, and where to go on in it.
    Moving {
        area: usize,
        from: usize,
    },
    /// What was moved is shaded.
    Shading {
        area: usize,
    },
    Done,
}

/// The guardians of one heap.
pub(crate) struct GuardianTable {
    areas: Vec<Arc<GuardianArea>>,
    /// While roots are scanned: `[0, unscanned)` still has to be.
    unscanned: usize,
    examination: Examination,
    reap_at: usize,
}

impl GuardianTable {
    pub fn new() -> GuardianTable {
        GuardianTable { areas: Vec::new(), unscanned: 0, examination: Examination::Due, reap_at: 64 }
    }

    fn add(&mut self, area: Arc<GuardianArea>) {
        if self.areas.len() >= self.reap_at {
            self.reap();
        }
        self.areas.push(area);
    }

    /// Forgets those whose handle is gone, unless they are being looked at. What they guarded is not part of any
    /// snapshot: only the handle could reach it, and what was taken from it while the heap's barriers are on was shaded.
    pub fn reap(&mut self) {
        if self.unscanned == 0 && !self.is_examining() {
            self.areas.retain(|area| area.is_alive());
            self.reap_at = (self.areas.len() * 2).max(64);
        }
    }

    /// All ready queues have to be scanned, and all registered objects looked at. Constant time.
    pub fn start_scan(&mut self) {
        self.unscanned = self.areas.len();
        self.examination = Examination::Due;
    }

    /// Scans until the budget is used up; true: all is scanned.
    pub fn scan(&mut self, marker: &Marker, meter: &mut Meter, cycle: u64) -> bool {
        while self.unscanned > 0 {
            let index = self.unscanned - 1;
            if !self.areas[index].is_alive() {
                // What moves here from the end was scanned or is new.
                self.areas.swap_remove(index);
            } else if !self.areas[index].scan(marker, meter, cycle) {
                return false;
            }
            self.unscanned = index;
            if meter.spend(16) {
                break;
            }
        }
        self.unscanned == 0
    }

    pub fn is_scanned(&self) -> bool {
        self.unscanned == 0
    }

    /// Whether `examine` has begun and not ended.
    pub fn is_examining(&self) -> bool {
        !matches!(self.examination, Examination::Due | Examination::Done)
    }

    /// Finds the registered objects that nothing else keeps alive, once a cycle: makes them ready, and shades them.
    /// True: that is done for this cycle.
    pub fn examine(&mut self, marker: &Marker, meter: &mut Meter) -> bool {
        loop {
            self.examination = match self.examination {
                Examination::Done => return true,
                Examination::Due if self.areas.is_empty() => Examination::Done,
                Examination::Due => Examination::Moving { area: self.areas.len(), from: usize::MAX },
                Examination::Moving { area: 0, .. } => Examination::Shading { area: self.areas.len() },
                Examination::Moving { area, from } => {
                    // What a guardian holds whose handle is gone is not guarded.
                    let guards = self.areas[area - 1].is_alive();
                    match if guards { self.areas[area - 1].look(marker, meter, from) } else { 0 } {
                        0 => Examination::Moving { area: area - 1, from: usize::MAX },
                        from => Examination::Moving { area, from },
                    }
                }
                Examination::Shading { area: 0 } => Examination::Done,
                Examination::Shading { area } => {
                    let all = self.areas[area - 1].shade_fresh(marker, meter);
                    Examination::Shading { area: if all { area - 1 } else { area } }
                }
            };
            if meter.spend(16) && self.examination != Examination::Done {
                return false;
            }
        }
    }

    /// Calls `f` with each object that is ready, and whether a scan of cycle `cycle` will come to it: roots.
    pub fn survey(&self, cycle: u64, f: &mut dyn FnMut(ObjectPtr, bool)) {
        for (number, area) in self.areas.iter().enumerate().filter(|(_, area)| area.is_alive()) {
            let state = area.state.borrow();
            for (index, object) in state.ready.iter().enumerate() {
                let unscanned = number < self.unscanned && (state.cycle != cycle || index < state.unscanned);
                let fresh = index >= state.ready.len() - state.fresh;
                f(*object, unscanned || fresh);
            }
        }
    }

    /// Calls `f` with each registered object that is not ready.
    pub fn each_registered(&self, f: &mut dyn FnMut(ObjectPtr)) {
        for area in self.areas.iter().filter(|area| area.is_alive()) {
            area.state.borrow().registered.iter().for_each(|object| f(*object));
        }
    }
}
