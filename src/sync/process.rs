//! [`PerProcess`]: a value that the threads of a process share, and a forked child does not.

use core::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::memory;

/// A value that is made on first need, once for each process. A forked child makes its own: it has only the thread that
/// forked, so a lock that another thread held is never released there, and a message to another thread never received.
///
/// There is no lock here, since one might be held at the fork. Two threads that need the value at once both make one,
/// and one of the two is dropped. The parent's value is never dropped: that might wait for one of its threads.
pub(crate) struct PerProcess<T> {
    made: AtomicPtr<Made<T>>,
    make: fn() -> Option<T>,
}

struct Made<T> {
    process: u32,
    value: T,
}

impl<T: Send + Sync + 'static> PerProcess<T> {
    pub(crate) const fn new(make: fn() -> Option<T>) -> PerProcess<T> {
        PerProcess { made: AtomicPtr::new(null_mut()), make }
    }

    /// Returns this process's value, made now if need be, or `None` if making it fails, which is tried again next time.
    /// Costs a system call, and what making the value takes.
    pub(crate) fn get(&'static self) -> Option<&'static T> {
        self.of(super::process_id())
    }

    fn of(&'static self, process: u32) -> Option<&'static T> {
        loop {
            let found = self.made.load(Ordering::Acquire);
            // SAFETY: null, or published below when it was complete; what was published is never dropped.
            if let Some(made) = unsafe { found.as_ref() }
                && made.process == process
            {
                return Some(&made.value);
            }
            let made = Box::into_raw(memory::boxed(Made { process, value: (self.make)()? }).ok()?);
            if self.made.compare_exchange(found, made, Ordering::AcqRel, Ordering::Acquire).is_err() {
                // SAFETY: made just now, and not published.
                drop(unsafe { Box::from_raw(made) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PerProcess;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn each_process_has_a_value_of_its_own() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        static NUMBER: PerProcess<usize> = PerProcess::new(|| Some(MADE.fetch_add(1, Ordering::Relaxed)));
        assert_eq!([7, 7, 8, 8, 8, 9].map(|process| *NUMBER.of(process).unwrap()), [0, 0, 1, 1, 1, 2]);
        assert_eq!(NUMBER.get(), NUMBER.get());
        assert_eq!(MADE.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn what_cannot_be_made_is_tried_again() {
        static TRIED: AtomicUsize = AtomicUsize::new(0);
        static THIRD: PerProcess<usize> =
            PerProcess::new(|| Some(TRIED.fetch_add(1, Ordering::Relaxed)).filter(|&tried| tried == 2));
        assert_eq!([7; 5].map(|process| THIRD.of(process).copied()), [None, None, Some(2), Some(2), Some(2)]);
    }
}
