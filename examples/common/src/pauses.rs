//! The lengths of the collector's interruptions, as percentiles.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use grisaille::{Event, Moment, Observer};
use hdrhistogram::Histogram;

/// The lengths of interruptions, in nanoseconds with two digits. Clones share the same.
#[derive(Clone)]
pub struct Pauses(Arc<Mutex<Histogram<u64>>>);

impl Pauses {
    /// Makes a record in which nothing is noted.
    pub fn new() -> Pauses {
        Pauses(Arc::new(Mutex::new(Histogram::new(2).expect("two digits can be had"))))
    }
}

impl Default for Pauses {
    fn default() -> Self {
        Pauses::new()
    }
}

impl Observer for Pauses {
    fn event(&mut self, _: &Moment, event: Event) {
        if let Event::Paused(time) = event {
            let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            self.0.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(nanoseconds);
        }
    }
}

/// Rows below those of `Stats`.
impl fmt::Display for Pauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for percent in [50.0, 90.0, 99.0, 99.9] {
            let time = pauses.value_at_quantile(percent / 100.0) as f64 / 1000.0;
            writeln!(f, "{:<24}{:>16}", format!("pauses, {percent} %"), format!("{time:.1} us"))?;
        }
        Ok(())
    }
}
