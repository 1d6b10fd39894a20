//! A record of objects: which were made, and how often each was dropped.

use std::sync::Arc;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// The deaths of each entry, by number.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Vec<u32>>>);

/// A value that enters its death when it is dropped. An object holds it in a skipped field.
pub struct Entry(Ledger, usize);

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.0.lock().unwrap()[self.1] += 1;
    }
}

impl Ledger {
    pub fn born(&self) -> Entry {
        let mut deaths = self.0.lock().unwrap();
        deaths.push(0);
        Entry(self.clone(), deaths.len() - 1)
    }

    /// Returns the number of entries that have died at least once.
    pub fn dead(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|&&deaths| deaths > 0).count()
    }

    /// Returns the number of entries.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    #[track_caller]
    pub fn assert_nobody_died_twice(&self) {
        let deaths = self.0.lock().unwrap();
        assert!(deaths.iter().all(|&deaths| deaths <= 1), "dropped twice: {deaths:?}");
    }

    /// Waits for the sweeper's thread, where that drops the last objects.
    #[track_caller]
    pub fn assert_all_died_once(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while self.dead() < self.count() && Instant::now() < end {
            thread::yield_now();
        }
        assert_eq!(self.dead(), self.count(), "some were never dropped");
        self.assert_nobody_died_twice();
    }
}
