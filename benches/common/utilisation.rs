//! Computes the mutator's utilisation from the interruptions of a run.

/// A stretch of the run's processor time in which the mutator did not work.
#[derive(Clone, Copy, Debug)]
pub struct Interruption {
    /// When it ended, since the start of the run.
    pub end: u64,
    /// How long it took.
    pub time: u64,
}

/// Minimum mutator utilisation: over all windows of that length within the run, the least share that is not
/// interruptions (Cheng and Blelloch, "A parallel, real-time garbage collector", PLDI 2001). Where the run is shorter
/// than the window, the run is the window.
///
/// A worst window begins with an interruption (moved to where one begins, it loses nothing), or ends with the run, so
/// only those are looked at. Where in its batch an interruption lies is not known; it is taken to lie at the end.
pub fn utilisation(interruptions: &[Interruption], total: u64, window: u64) -> f64 {
    let window = window.min(total);
    if window == 0 {
        return 1.0;
    }
    let mut sums = Vec::with_capacity(interruptions.len() + 1);
    let mut sum = 0;
    sums.push(0);
    for interruption in interruptions {
        sum += interruption.time;
        sums.push(sum);
    }
    // Interrupted time up to a moment.
    let until = |moment: u64| {
        let ended = interruptions.partition_point(|i| i.end <= moment);
        let part = interruptions.get(ended).map_or(0, |i| moment.saturating_sub(i.end - i.time));
        sums[ended] + part
    };
    let worst = interruptions
        .iter()
        .map(|i| (i.end - i.time).min(total - window))
        .map(|start| until(start + window) - until(start))
        .max()
        .unwrap_or(0);
    1.0 - worst as f64 / window as f64
}
