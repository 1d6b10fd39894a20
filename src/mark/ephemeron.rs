//! Ephemerons as the marker knows them: those that wait for their keys, and those that have waited.
//!
//! They are linked through themselves, so that noting one needs next to no memory.

use core::cell::Cell;

use super::budget::Meter;
use crate::fault::{self, Fault};
use crate::memory::split::SplitTable;
use crate::space::geometry::GRANULE;
use crate::space::header::ObjectPtr;

/// What the marker knows of an ephemeron: it does not know the value's type.
#[repr(C)]
pub(crate) struct Head {
    /// None: it died.
    pub key: Cell<Option<ObjectPtr>>,
    /// The next that waits for the same key; the last one names itself. None: it does not wait.
    pub next: Cell<Option<ObjectPtr>>,
}

/// The head of an ephemeron.
///
/// # Safety
/// `object` must be an ephemeron's, its memory not swept.
pub(crate) unsafe fn head_of<'a>(object: ObjectPtr) -> &'a Head {
    // SAFETY: its payload is an EphemeronCell, which starts with the head (`repr(C)`).
    unsafe { object.payload().cast::<Head>().as_ref() }
}

/// Ephemerons that lie in a ring, linked through them, so that two rings become one in constant time.
#[derive(Default)]
struct Ring {
    /// Its `next` is the first.
    last: Cell<Option<ObjectPtr>>,
}

/// The next in the ring. None: it is in no ring.
fn next_of<'a>(ephemeron: ObjectPtr) -> &'a Cell<Option<ObjectPtr>> {
    // SAFETY: the marker passes ephemerons that it traces; nothing is swept while any is in a ring.
    &unsafe { head_of(ephemeron) }.next
}

impl Ring {
    /// Takes the first.
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

    /// Adds one that is in no ring, at the end.
    fn push(&self, ephemeron: ObjectPtr) {
        next_of(ephemeron).set(Some(ephemeron));
        self.join(ephemeron);
    }

    /// Adds the ring that ends with `last`.
    fn join(&self, last: ObjectPtr) {
        if let Some(own) = self.last.get() {
            // Their first ones change places.
            let first = next_of(own).replace(next_of(last).get());
            next_of(last).set(first);
        }
        self.last.set(Some(last));
    }
}

/// Ephemerons that wait for their key to be marked, and those that have waited.
pub(crate) struct Waiting {
    /// By key, the last of its ring.
    rings: SplitTable<(ObjectPtr, ObjectPtr)>,
    /// Those whose key was marked: they are grey.
    woken: Ring,
    /// Those that there was no memory to list by their key, and how many.
    unlisted: Ring,
    count: usize,
    /// So many of them were looked at in a row, and their keys were white, since the marker had marked so many objects.
    looked_at: usize,
    marked_then: usize,
    /// Those that are being cleared, and how far that has come with the last table.
    cleared: Ring,
    bucket: usize,
}

/// The hash of a key: it does not move, and nobody chooses its address.
fn hash_of((key, _): &(ObjectPtr, ObjectPtr)) -> u64 {
    let product = ((key.addr() / GRANULE) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ product >> 32
}

impl Waiting {
    pub fn new() -> Waiting {
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

    /// Adds an ephemeron to the ring of its key, unless it is in one. False: there is no memory for that, and it will be
    /// looked at again and again.
    pub fn add(&mut self, key: ObjectPtr, ephemeron: ObjectPtr) -> bool {
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

    /// Whether no key of those that are not listed can be marked but by what marks more than `marked` objects.
    pub fn is_settled(&self, marked: usize) -> bool {
        self.count == 0 || self.looked_at == self.count && self.marked_then == marked
    }

    /// Looks at those that are not listed, until the key of one is marked, which makes it grey. Slow, and takes no memory.
    pub fn settle(&mut self, marked: usize, is_marked: impl Fn(ObjectPtr) -> bool, meter: &mut Meter) {
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

    /// The key is marked: those that wait for it become grey. Constant time, however many they are.
    pub fn wake(&mut self, key: ObjectPtr) {
        if let Some((_, last)) = self.rings.remove(hash_of(&(key, key)), |(k, _)| *k == key) {
            self.woken.join(last);
            while fault::is(Fault::ForgetsEphemerons) && self.woken.pop().is_some() {}
        }
    }

    /// Whether none is grey.
    pub fn is_empty(&self) -> bool {
        self.woken.last.get().is_none()
    }

    /// Takes one that is grey.
    pub fn pop(&self) -> Option<ObjectPtr> {
        self.woken.pop()
    }

    /// Clears the ephemerons that still wait, now that it is decided what dies. True: all are done.
    pub fn clear(&mut self, meter: &mut Meter) -> bool {
        loop {
            if let Some(ephemeron) = self.cleared.pop() {
                // SAFETY: only ephemerons are in a ring, and their memory is not swept yet.
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

    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> usize {
        self.rings.bytes()
    }
}
