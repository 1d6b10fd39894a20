//! The policies that are measured, and the control.

use std::fmt;

use clap::ValueEnum;
use grisaille::{Barrier, Deletion, Hybrid, Insertion, RootsFirst, StopTheWorld, Watermark};

use crate::session::{Plan, Samples, collected, control};
use crate::timeline::Run;

/// A policy of the heap, or the control.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub enum Policy {
    /// Dijkstra's barrier; roots that were written are scanned again in a pause at the end.
    Insertion,
    /// Yuasa's barrier; all roots are scanned in a pause at the start.
    Deletion,
    /// Yuasa's barrier, once the roots are scanned.
    RootsFirst,
    /// Go's barrier.
    Hybrid,
    /// Yuasa's barrier; roots are scanned when they are about to change.
    Watermark,
    /// No barrier; marking is one pause.
    StopTheWorld,
    /// The same program on a heap that does not collect.
    Control,
}

impl Policy {
    /// All, in the order of the tables.
    pub const ALL: [Policy; 7] = [
        Policy::Insertion,
        Policy::Deletion,
        Policy::RootsFirst,
        Policy::Hybrid,
        Policy::Watermark,
        Policy::StopTheWorld,
        Policy::Control,
    ];

    /// Returns the name in tables and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Policy::Insertion => Insertion::NAME,
            Policy::Deletion => Deletion::NAME,
            Policy::RootsFirst => RootsFirst::NAME,
            Policy::Hybrid => Hybrid::NAME,
            Policy::Watermark => Watermark::NAME,
            Policy::StopTheWorld => StopTheWorld::NAME,
            Policy::Control => "control",
        }
    }

    /// Returns the policy of that name.
    pub fn named(name: &str) -> Option<Policy> {
        Policy::ALL.into_iter().find(|policy| policy.name() == name)
    }

    /// Runs the program with stacks of the given depths; passes on the samples at each.
    pub fn run(self, plan: &Plan, depths: &[usize], samples: &mut Samples, seen: impl FnMut(usize, Vec<Run>)) {
        match self {
            Policy::Insertion => collected::<Insertion>(plan, depths, samples, seen),
            Policy::Deletion => collected::<Deletion>(plan, depths, samples, seen),
            Policy::RootsFirst => collected::<RootsFirst>(plan, depths, samples, seen),
            Policy::Hybrid => collected::<Hybrid>(plan, depths, samples, seen),
            Policy::Watermark => collected::<Watermark>(plan, depths, samples, seen),
            Policy::StopTheWorld => collected::<StopTheWorld>(plan, depths, samples, seen),
            Policy::Control => control(plan, depths, samples, seen),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
