//! [`Log`] and [`Witness`]: which objects died, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use grisaille::{Budget, Heap};

use crate::machine::quiet::Bang;
use crate::shadow::Kind;

/// Bytes that a parcel owns.
const CARGO: usize = 5000;

/// Counts the drops of each object.
pub struct Log {
    drops: Box<[AtomicU8]>,
    /// Bytes outside the heap that were freed.
    freed: AtomicUsize,
    /// Panics of drops that run on the mutator's thread.
    bangs: AtomicUsize,
}

impl Log {
    pub fn new(objects: usize) -> Arc<Log> {
        let drops = (0..objects).map(|_| AtomicU8::new(0)).collect();
        Arc::new(Log { drops, freed: AtomicUsize::new(0), bangs: AtomicUsize::new(0) })
    }

    pub fn drops(&self, id: u32) -> u8 {
        self.drops[id as usize].load(Ordering::Acquire)
    }

    /// Takes back the drop of an object that never was one: a full heap gave its value back.
    pub fn undo(&self, id: u32) {
        self.drops[id as usize].fetch_sub(1, Ordering::Release);
    }

    /// Returns the bytes outside the heap that were freed since the last call.
    pub fn take_freed(&self) -> usize {
        self.freed.swap(0, Ordering::Relaxed)
    }

    pub fn bangs(&self) -> usize {
        self.bangs.load(Ordering::Relaxed)
    }
}

/// The actions of a drop beside counting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    Nothing,
    Panic,
    Enter,
    /// A value that a full heap gave back and that never was an object: its drop does not count.
    Refused,
}

/// A value that tells the log when it is dropped.
pub struct Witness {
    log: Arc<Log>,
    id: u32,
    act: Act,
    cargo: Box<[u8]>,
    on_mutators_thread: bool,
}

impl Witness {
    pub fn new(log: &Arc<Log>, kind: Kind, id: u32) -> Witness {
        let act = match kind {
            Kind::Grenade | Kind::Fuse => Act::Panic,
            Kind::Host => Act::Enter,
            _ => Act::Nothing,
        };
        let cargo = if kind == Kind::Parcel { vec![id as u8; CARGO].into() } else { Box::default() };
        Witness { log: log.clone(), id, act, cargo, on_mutators_thread: kind != Kind::Fuse }
    }

    /// Returns the bytes outside the heap that an object of this kind owns.
    pub fn cargo_of(kind: Kind) -> usize {
        if kind == Kind::Parcel { CARGO } else { 0 }
    }

    /// Marks the object as never made.
    pub fn refuse(&mut self) {
        self.act = Act::Refused;
    }

    /// Returns what is wrong with the object, or `None` when it is what it was.
    pub fn complaint(&self, kind: Kind) -> Option<String> {
        let mut intact = self.cargo.len() == Witness::cargo_of(kind);
        intact &= self.cargo.iter().all(|byte| *byte == self.id as u8);
        intact &= (self.act == Act::Panic) == matches!(kind, Kind::Grenade | Kind::Fuse);
        (!intact).then(|| "what it owns outside the heap has changed".into())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if self.act == Act::Refused {
            return;
        }
        self.log.drops[self.id as usize].fetch_add(1, Ordering::Release);
        self.log.freed.fetch_add(self.cargo.len(), Ordering::Relaxed);
        match self.act {
            // Whoever is panicking already means to report something else.
            Act::Panic if !std::thread::panicking() => {
                self.log.bangs.fetch_add(usize::from(self.on_mutators_thread), Ordering::Relaxed);
                // It does not go through the panic hook: nothing is printed.
                std::panic::resume_unwind(Box::new(Bang));
            }
            // The system refuses nothing to another heap.
            Act::Enter => drop(grisaille::fault::with_memory(0, 0, || {
                Heap::new().enter(|cx| {
                    let kept = cx.root(cx.alloc(u64::from(self.id)));
                    cx.step(Budget::work(1));
                    assert_eq!(*kept.get(cx), u64::from(self.id), "the heap of a drop");
                });
            })),
            _ => {}
        }
    }
}
