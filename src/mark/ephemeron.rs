//! Ephemerons as the marker knows them: those whose keys are white, and those whose keys were marked since.
//!
//! Both are linked through the ephemerons themselves, so that registering one needs next to no memory.

use core::cell::Cell;

use super::budget::Meter;
use crate::fault::{self, Fault};
use crate::memory::split::SplitTable;
use crate::space::geometry::GRANULE;
use crate::space::header::ObjectPtr;

/// The part of an ephemeron that the marker knows: it does not know the value's type.
#[repr(C)]
pub(crate) struct Head {
    /// `None` when the key has died.
    pub key: Cell<Option<ObjectPtr>>,
    /// The next ephemeron of the same ring; the last one names the first. `None` if this one is in no ring.
    pub next: Cell<Option<ObjectPtr>>,
}

/// Returns the head of an ephemeron.
///
/// # Safety
/// `object` must be an ephemeron's, its memory not swept.
pub(crate) unsafe fn head_of<'a>(object: ObjectPtr) -> &'a Head {
    // SAFETY: the payload of an ephemeron is an `EphemeronCell`, which starts with the head (`repr(C)`).
    unsafe { object.payload().cast::<Head>().as_ref() }
}

/// A ring of ephemerons, linked through them, so that two rings can be joined in constant time.
#[derive(Default)]
struct Ring {
    /// The last ephemeron, whose `next` is the first.
    last: Cell<Option<ObjectPtr>>,
}

/// Returns the link to the next ephemeron of the ring: `None` if the ephemeron is in no ring.
fn next_of<'a>(ephemeron: ObjectPtr) -> &'a Cell<Option<ObjectPtr>> {
    // SAFETY: the marker passes ephemerons that it traces, and none is swept while it is in a ring.
    &unsafe { head_of(ephemeron) }.next
}

impl Ring {
    /// Takes the first ephemeron.
    fn pop(&self) -> Option<ObjectPtr> {
        let last = self.last.get()?;
        let first = next_of(last).get()?;
        let second = next_of(first).take();
        if first == last {
            self.last.set(None);
        } else {
            next_of(last).set(second);
        }
        Some(first)
    }

    /// Appends an ephemeron that is in no ring.
    fn push(&self, ephemeron: ObjectPtr) {
        next_of(ephemeron).set(Some(ephemeron));
        self.join(ephemeron);
    }

    /// Adds the ring that ends with `last`.
    fn join(&self, last: ObjectPtr) {
        if let Some(own) = self.last.get() {
            // The two rings exchange their first ephemerons.
            let first = next_of(own).replace(next_of(last).get());
            next_of(last).set(first);
        }
        self.last.set(Some(last));
    }
}

/// Ephemerons that wait for their key to be marked, and those whose key was.
pub(crate) struct Waiting {
    /// The last ephemeron of each key's ring.
    rings: SplitTable<(ObjectPtr, ObjectPtr)>,
    /// The ephemerons whose key was marked: they are grey.
    woken: Ring,
    /// The ephemerons that there was no memory to list by key, and their number.
    unlisted: Ring,
    count: usize,
    /// Number of unlisted ephemerons in a row whose keys were seen white when the marker had marked `marked_then`
    /// objects.
    looked_at: usize,
    marked_then: usize,
    /// The ephemerons being cleared, and the bucket that clearing has reached in the last table.
    cleared: Ring,
    bucket: usize,
}

/// Returns the hash of a key, by its address: a key does not move, and nobody chooses its address.
fn hash_of((key, _): &(ObjectPtr, ObjectPtr)) -> u64 {
    let product = ((key.addr() / GRANULE) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ product >> 32
}

impl Waiting {
    pub(crate) fn new() -> Waiting {
        Waiting {
            rings: SplitTable::new(),
            woken: Ring::default(),
            unlisted: Ring::default(),
            count: 0,
            looked_at: 0,
            marked_then: 0,
            cleared: Ring::default(),
            bucket: 0,
        }
    }

    /// Adds an ephemeron to the ring of its key, unless it is in one. Returns false when there is no memory for that:
    /// then [`settle`](Waiting::settle) checks its key again and again.
    pub(crate) fn add(&mut self, key: ObjectPtr, ephemeron: ObjectPtr) -> bool {
        let next = next_of(ephemeron);
        if next.get().is_some() {
            return true;
        }
        let hash = hash_of(&(key, ephemeron));
        if let Some(&(_, last)) = self.rings.find(hash, |(k, _)| *k == key) {
            next.set(next_of(last).replace(Some(ephemeron)));
            return true;
        }
        if self.rings.insert(hash, (key, ephemeron), hash_of).is_err() {
            self.unlisted.push(ephemeron);
            self.count += 1;
            self.looked_at = 0;
            return false;
        }
        next.set(Some(ephemeron));
        true
    }

    /// Returns whether the key of each unlisted ephemeron was white when `marked` objects were marked: only marking
    /// more objects can change that.
    pub(crate) fn is_settled(&self, marked: usize) -> bool {
        self.count == 0 || self.looked_at == self.count && self.marked_then == marked
    }

    /// Visits the unlisted ephemerons until the key of one is marked, which makes that one grey. Slow, but needs no
    /// memory.
    pub(crate) fn settle(&mut self, marked: usize, is_marked: impl Fn(ObjectPtr) -> bool, meter: &mut Meter) {
        if self.marked_then != marked {
            (self.marked_then, self.looked_at) = (marked, 0);
        }
        while self.looked_at < self.count
            && let Some(ephemeron) = self.unlisted.pop()
        {
            // SAFETY: as in `next_of`.
            let key = unsafe { head_of(ephemeron) }.key.get();
            if key.is_none_or(&is_marked) {
                self.woken.push(ephemeron);
                self.count -= 1;
                self.looked_at = 0;
                return;
            }
            self.unlisted.push(ephemeron);
            self.looked_at += 1;
            if meter.spend(32) {
                return;
            }
        }
    }

    /// Makes the ephemerons that wait for a marked key grey. Constant time, however many they are.
    pub(crate) fn wake(&mut self, key: ObjectPtr) {
        if let Some((_, last)) = self.rings.remove(hash_of(&(key, key)), |(k, _)| *k == key) {
            self.woken.join(last);
            while fault::is(Fault::ForgetsEphemerons) && self.woken.pop().is_some() {}
        }
    }

    /// Returns whether no ephemeron is grey.
    pub(crate) fn is_empty(&self) -> bool {
        self.woken.last.get().is_none()
    }

    /// Takes a grey ephemeron.
    pub(crate) fn pop(&self) -> Option<ObjectPtr> {
        self.woken.pop()
    }

    /// Clears the ephemerons that still wait, once liveness is decided. Returns true when all are cleared.
    pub(crate) fn clear(&mut self, meter: &mut Meter) -> bool {
        loop {
            if let Some(ephemeron) = self.cleared.pop() {
                // SAFETY: only ephemerons are in a ring, and their memory is not swept before it is empty.
                unsafe { head_of(ephemeron) }.key.set(None);
            } else if let Some(last) = self.unlisted.last.take() {
                self.cleared.join(last);
                self.count = 0;
            } else if let Some((_, last)) = self.rings.take_any(&mut self.bucket) {
                self.cleared.join(last);
            } else {
                return true;
            }
            if meter.spend(16) {
                return false;
            }
        }
    }

    /// Returns the bytes of memory that the tables take.
    pub(crate) fn bytes(&self) -> usize {
        self.rings.bytes()
    }
}
