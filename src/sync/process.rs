//! [`PerProcess`]: what the threads of a process share, and a forked child does not.

use core::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A value that is made on first need, once for each process. A forked child makes one of its own: of its parent's threads it
/// has the one that forked, so a lock that another had is never released there, and a message never received.
///
/// There is no lock here, which might have been taken when the process was forked. Two threads that are in need at once
/// both make a value, and one of the two is dropped. What the parent made is not: that might wait for one of its threads.
pub(crate) struct PerProcess<T> {
    made: AtomicPtr<Made<T>>,
    make: fn() -> T,
}

struct Made<T> {
    process: u32,
    value: T,
}

impl<T: Send + Sync + 'static> PerProcess<T> {
    pub const fn new(make: fn() -> T) -> PerProcess<T> {
        PerProcess { made: AtomicPtr::new(null_mut()), make }
    }

    /// The value of this process. A system call, and what making it takes.
    pub fn get(&'static self) -> &'static T {
        self.of(std::process::id())
    }

    fn of(&'static self, process: u32) -> &'static T {
        loop {
            let found = self.made.load(Ordering::Acquire);
            // SAFETY: null, or published below when it was complete; what was published is never dropped.
            if let Some(made) = unsafe { found.as_ref() }
                && made.process == process
            {
                return &made.value;
            }
            let made = Box::into_raw(Box::new(Made { process, value: (self.make)() }));
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
        static NUMBER: PerProcess<usize> = PerProcess::new(|| MADE.fetch_add(1, Ordering::Relaxed));
        assert_eq!([7, 7, 8, 8, 8, 9].map(|process| *NUMBER.of(process)), [0, 0, 1, 1, 1, 2]);
        assert_eq!(NUMBER.get(), NUMBER.get());
        assert_eq!(MADE.load(Ordering::Relaxed), 4);
    }
}
