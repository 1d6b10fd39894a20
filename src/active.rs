//! Which heap is entered on this thread: at most one.
//!
//! So a live `Gc<'a, _>` always belongs to the one active heap, and no pointer needs a second lifetime.

use core::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

crate::sync::thread_local! {
    /// The id of the active heap, or 0.
    static ACTIVE: Cell<u64> = const { Cell::new(0) };
    /// How many sessions (entered or suspended) of this thread are open.
    static DEPTH: Cell<u64> = const { Cell::new(0) };
}

/// Returns a fresh heap id. It is no address, since addresses come again.
pub(crate) fn fresh_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// An open session, in which heap `id` is active, or none if `id` is 0. Ends when dropped, also on unwinding.
pub(crate) struct Session {
    before: u64,
    id: u64,
    depth: u64,
}

impl Session {
    /// Opens a session in which heap `id` is active.
    ///
    /// # Panics
    /// When a heap is active already.
    #[track_caller]
    pub(crate) fn enter(id: u64) -> Session {
        assert!(
            ACTIVE.get() == 0,
            "another heap is entered on this thread: a heap inside a heap goes through Mutator::suspend"
        );
        Session::open(id)
    }

    /// Opens a session in which no heap is active.
    pub(crate) fn suspend() -> Session {
        Session::open(0)
    }

    fn open(id: u64) -> Session {
        let depth = DEPTH.get() + 1;
        DEPTH.set(depth);
        Session { before: ACTIVE.replace(id), id, depth }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The sessions of a thread nest. Where they do not (a stackful coroutine left one half done), pointers of one
        // heap may be used in another, and a panic could be caught. So the process is aborted.
        if DEPTH.get() != self.depth || ACTIVE.get() != self.id {
            std::process::abort();
        }
        DEPTH.set(self.depth - 1);
        ACTIVE.set(self.before);
    }
}
