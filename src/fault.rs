//! Fault injection: breaks parts of the collector for the tests that must find each fault.
//!
//! Without `cfg(grisaille_faults)`, which only the package in `tests/subject` sets, nothing of this is in the program.
//! (It is no cargo feature: features unify across a program's crates, and this one makes the API unsound.)

/// A part of the collector that is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(dead_code, reason = "made by tests only")]
pub enum Fault {
    /// The last object of the grey set is taken for white, and freed.
    FreesAGreyObject,
    /// The rescan of dirty roots leaves out the first root of each area.
    MissesADirtyRoot,
    /// A full mark stack forgets what it has no room for.
    ForgetsOnOverflow,
    /// A hole is retired, and what was allocated in it since the last step is not recorded.
    RetiresWithoutRecording,
    /// A hole for objects that are aligned to 16 begins wherever it begins.
    ForgetsAlignment,
    /// A premarked hole is retired, and its unused tail stays marked.
    LeavesTailMarked,
    /// Dead objects are dropped twice.
    DropsTwice,
    /// Marking ends while an array is scanned in part.
    ForgetsPieces,
    /// A weak pointer is not cleared when its object dies.
    KeepsWeakCells,
    /// An ephemeron that waits for its key is forgotten when the key is marked.
    ForgetsEphemerons,
    /// Asking whether an object is alive keeps it alive.
    AskingShades,
    /// Bytes outside the heap stay counted when their owner is dropped.
    OwnersKeepTheirCount,
    /// A forked child waits for the sweeper's thread of its parent.
    LostSweepersAreWaitedFor,
    /// What the lost thread had in hand is nobody's in the child.
    OrphansAreGivenUp,
    /// The child drops the dead of what the lost thread had in hand, as if none of them had been.
    OrphansAreDroppedAgain,
    /// The new value of a rooted cell is not shaded.
    CellHidesNewRoot,
    /// The old value of a rooted cell that is still to be scanned is not shaded.
    CellHidesOldRoot,
    /// A rooted cell that is written is not noted as dirty.
    CellIsNotDirty,
    /// The result of a scope is not shaded.
    ResultHidesNewRoot,
    /// A map's table that is rehashed in the middle of its scan is scanned on from there.
    MapIgnoresRehash,
    /// A map that is left with fewer parts does not say that it moved.
    MapShrinksUnseen,
    /// A part of a map whose entries are split does not say that it moved.
    MapSplitsUnseen,
    /// The last entry of a part that is split is lost.
    MapLosesAnEntry,
    /// Giving a map a new key runs no barrier.
    MapInsertsUnseen,
    /// Giving a map's key another value runs no barrier.
    MapReplacesUnseen,
    /// Taking an entry out of a map runs no barrier.
    MapRemovesUnseen,
    /// Moving values to other places of a list runs no barrier.
    ListMovesUnseen,
    /// Pushing to a list runs no barrier.
    ListPushesUnseen,
    /// Popping from a list, and cutting it, run no barrier.
    ListDropsUnseen,
    /// A fiber that is still to be scanned gives its values away, and nothing keeps them for the scan.
    FiberResumesUnscanned,
    /// Values that come from a fiber to a stack are no writes to a root.
    FiberArrivesUnseen,
    /// Values that go from roots that are still to be scanned to a fiber are not scanned there.
    FiberHidesUnscannedRoots,
    /// A black fiber that is suspended again does not become grey.
    FiberStaysBlack,
    /// Values that come on top of others in a fiber run no barrier.
    FiberAddsUnseen,
    /// The keys of a map are not traced.
    MapForgetsKeys,
    /// A pointer in a packed word is not traced.
    PackedWordsAreNotTraced,
    /// A pointer to any object is not traced.
    AnyPointersAreNotTraced,
    /// A pointer to any object says that the object is of whatever type is asked for.
    AnyIsOfEveryType,
    /// A pointer to an object that is seen by a trait is not traced.
    DynPointersAreNotTraced,
    /// What a function of the host has captured is not traced.
    NativesForgetCaptures,
    /// The object of a key that is an identity is not traced.
    IdentitiesAreNotTraced,
    /// A weak map does not forget the entries of dead keys.
    WeakMapKeepsTheDead,
    /// A weak map that looks for entries of dead keys forgets those of living ones too.
    WeakMapForgetsTheLiving,
    /// An ephemeron keeps its key alive.
    EphemeronsKeepKeys,
}

#[cfg(grisaille_faults)]
mod broken {
    use crate::fault::Fault;
    use core::cell::Cell;

    thread_local! {
        static FAULT: Cell<Option<Fault>> = const { Cell::new(None) };
    }

    /// Runs `f` with a part of the collector broken, on this thread.
    ///
    /// # Safety
    /// Heaps that are used meanwhile lose objects, drop them twice, or hand out their memory again: `f` must know of each
    /// object that it is still there before it touches it, and must not drop such a heap.
    pub unsafe fn with<R>(fault: Option<Fault>, f: impl FnOnce() -> R) -> R {
        struct Mend(Option<Fault>);
        impl Drop for Mend {
            fn drop(&mut self) {
                FAULT.set(self.0);
            }
        }
        let _mend = Mend(FAULT.replace(fault));
        f()
    }

    /// Returns what is broken on this thread.
    pub fn current() -> Option<Fault> {
        FAULT.get()
    }

    thread_local! {
        /// How many of the next requests for memory are granted, and then how many refused; all after them are granted.
        static REQUESTS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
        static REFUSED: Cell<u64> = const { Cell::new(0) };
    }

    /// Runs `f` with refused requests for memory: of those that the heaps of this thread make, the first `granted` are
    /// granted, the next `refused` are refused, and all others are granted. Returns also how many were refused.
    pub fn with_memory<R>(granted: u64, refused: u64, f: impl FnOnce() -> R) -> (R, u64) {
        struct Mend((u64, u64), u64);
        impl Drop for Mend {
            fn drop(&mut self) {
                REQUESTS.set(self.0);
                REFUSED.set(self.1);
            }
        }
        let _mend = Mend(REQUESTS.replace((granted, refused)), REFUSED.replace(0));
        let result = f();
        (result, REFUSED.get())
    }

    /// Returns whether the next request for memory is granted.
    pub(crate) fn grants_memory() -> bool {
        match REQUESTS.get() {
            (_, 0) => return true,
            (0, refused) => {
                REQUESTS.set((0, refused - 1));
                REFUSED.set(REFUSED.get() + 1);
                return false;
            }
            (granted, refused) => REQUESTS.set((granted - 1, refused)),
        }
        true
    }
}

#[cfg(grisaille_faults)]
pub(crate) use broken::grants_memory;
#[cfg(grisaille_faults)]
pub use broken::{current, with, with_memory};

/// Returns true: no request is refused.
#[cfg(not(grisaille_faults))]
#[inline(always)]
pub(crate) const fn grants_memory() -> bool {
    true
}

/// Returns whether this part is broken.
#[cfg(grisaille_faults)]
pub(crate) fn is(fault: Fault) -> bool {
    broken::current() == Some(fault)
}

/// Returns false: no part is broken.
#[cfg(not(grisaille_faults))]
#[inline(always)]
pub(crate) const fn is(_: Fault) -> bool {
    false
}
