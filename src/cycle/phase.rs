//! The names of the phases.

use core::fmt;

/// The phase of a heap's cycle. It changes in a step only: at a safepoint of the mutator.
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
    /// A cycle begins: blocks that the last one left unswept are swept first.
    SweepTermination,
    /// The roots are scanned, then the grey set is traced, in steps; the barriers are on.
    Mark,
    /// The grey set is empty: dirty roots are rescanned (insertion), guardians take their objects, and liveness is
    /// decided.
    MarkTermination,
    /// Dead objects are removed from weak cells, ephemerons and tables, in steps; the barriers are off, new objects are
    /// black.
    Weak,
    /// Blocks are swept, on the sweeper's thread or the mutator's.
    Sweep,
    /// Empty chunks age, and those that were empty for some cycles are decommitted.
    Release,
}

/// Number of phases.
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
