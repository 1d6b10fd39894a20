//! The names of the phases.

use core::fmt;

/// Where a heap stands in its cycle. It changes in a step only: at a safepoint of the mutator's.
///
/// ```
/// use grisaille::{Budget, Heap, Phase};
///
/// let mut heap = Heap::builder().automatic(false).build().unwrap();
/// heap.enter(|cx| {
///     let _list = cx.root((cx.alloc(1), cx.alloc(2)));
///     assert_eq!(cx.phase(), Phase::Idle);
///     cx.step(Budget::work(1));
///     assert_ne!(cx.phase(), Phase::Idle);
///     cx.step(Budget::unlimited());
///     assert_eq!(cx.phase(), Phase::Idle);
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// Allocation only; the barriers are off.
    #[default]
    Idle,
    /// A cycle was asked for; what the last one left unswept is swept first.
    SweepTermination,
    /// The roots are scanned, then the grey set is traced, in steps; the barriers are on.
    Mark,
    /// The grey set is empty: the policy's last act, what guardians give back, and the decision what dies.
    MarkTermination,
    /// Weak cells, ephemerons and tables forget what dies, in steps; the barriers are off, new objects live.
    Weak,
    /// Blocks are swept, on the sweeper's thread or the mutator's.
    Sweep,
    /// Empty chunks age, and those that lay empty for some cycles go back to the system.
    Release,
}

/// How many phases there are.
pub(crate) const PHASES: usize = 7;

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Idle => "idle",
            Phase::SweepTermination => "sweep termination",
            Phase::Mark => "mark",
            Phase::MarkTermination => "mark termination",
            Phase::Weak => "weak",
            Phase::Sweep => "sweep",
            Phase::Release => "release",
        })
    }
}
