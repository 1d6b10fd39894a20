//! [`PerProcess`]: what the threads of a process share, and a forked child does not.

use core::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::memory;

/// A value that is made on first need, once for each process. A forked child makes one of its own: of its parent's threads it
/// has the one that forked, so a lock that another had is never released there, and a message never received.
///
/// There is no lock here, which might have been taken when the process was forked. Two threads that are in need at once
/// both make a value, and one of the two is dropped. What the parent made is not: that might wait for one of its threads.
pub(crate) struct PerProcess<T> {
    made: AtomicPtr<Made<T>>,
    make: fn() -> Option<T>,
}

struct Made<T> {
    process: u32,
    value: T,
}

impl<T: Send + Sync + 'static> PerProcess<T> {
    pub const fn new(make: fn() -> Option<T>) -> PerProcess<T> {
        PerProcess { made: AtomicPtr::new(null_mut()), make }
    }

    /// The value of this process, if it could be made now or before: what fails is tried again. A system call, and what
    /// making it takes.
    pub fn get(&'static self) -> Option<&'static T> {
        self.of(std::process::id())
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
