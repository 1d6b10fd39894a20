//! On what programs are run: the five policies, and heaps that are broken on purpose.
//!
//! The broken ones live here, beside the tests, so that everyone can see that the tests see them: whatever detector
//! there is has to find each of them.

use grisaille::barrier::rules::{Birth, New, Policy, RootWrite, Roots, Rules, WholeObject};
use grisaille::{Barrier, Deletion, Hybrid, Insertion, StopTheWorld, Watermark};

use crate::machine::{self, Failure, Probe, Watch};
use crate::op::Program;

/// A kind of heap: a policy, sound or not.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The policy's name.
    pub name: &'static str,
    run: fn(&Program, Watch) -> Result<(), Failure>,
    replay: fn(&Program, Watch) -> String,
    probe: fn(&Program, &mut Probe<'_>) -> Result<(), Failure>,
}

impl Subject {
    const fn new<B: Barrier>() -> Subject {
        Subject {
            name: <B as Barrier>::NAME,
            run: machine::run::<B>,
            replay: machine::replay::<B>,
            probe: machine::probe::<B>,
        }
    }

    /// Runs a program that was run but for its last operation, and shows what it comes to.
    pub(crate) fn probe(&self, program: &Program, probe: &mut Probe<'_>) -> Result<(), Failure> {
        (self.probe)(program, probe)
    }

    /// Runs a program. A panic is a failure too.
    ///
    /// # Errors
    /// What went wrong, and at which operation.
    pub fn run(&self, program: &Program, watch: Watch) -> Result<(), Failure> {
        (self.run)(program, watch)
    }

    /// Runs a program, and tells what each operation did.
    pub fn replay(&self, program: &Program, watch: Watch) -> String {
        (self.replay)(program, watch)
    }

    /// What the failing program does, when all that it does not need is left out.
    pub fn shortest(&self, program: Program, watch: Watch) -> String {
        self.replay(&program.minimize(|program| self.run(program, watch).is_err()), watch)
    }

    /// The subject of that name, sound or broken.
    pub fn by_name(name: &str) -> Option<Subject> {
        SOUND.iter().chain(BROKEN).find(|subject| subject.name == name).copied()
    }
}

/// The policies that lose nothing.
pub const SOUND: &[Subject] = &[
    Subject::new::<Insertion>(),
    Subject::new::<Deletion>(),
    Subject::new::<Hybrid>(),
    Subject::new::<Watermark>(),
    Subject::new::<StopTheWorld>(),
];

macro_rules! broken_policies {
    ($($text:literal $name:ident: $base:ident { $($rule:ident: $value:expr),* $(,)? })*) => {
        $(
            enum $name {}

            // SAFETY: unsound. The oracle looks before anything lost is touched.
            unsafe impl Policy for $name {
                const POLICY: &'static str = $text;
                const RULES: Rules = Rules { $($rule: $value,)* ..<$base as Policy>::RULES };
            }
        )*

        /// The policies and parts that lose objects.
        pub const BROKEN: &[Subject] = &[$(Subject::new::<$name>()),*];
    };
}

broken_policies! {
    "no barrier" NoBarrier: Insertion {
        shade_new: New::Leave,
        root_write: RootWrite::Nothing,
        whole_object: WholeObject::Nothing,
        rescan_dirty_roots: false,
    }
    "insertion that does not shade" InsertionWithoutNew: Insertion { shade_new: New::Leave }
    "insertion without the rescan" InsertionWithoutRescan: Insertion { rescan_dirty_roots: false }
    "insertion with scan-before in place of grey-again" InsertionScanningBefore: Insertion {
        whole_object: WholeObject::ScanBefore,
    }
    "deletion that does not shade" DeletionWithoutOld: Deletion { shade_old: false }
    "deletion with roots scanned one at a time" DeletionBitByBit: Deletion { roots: Roots::BitByBit }
    "deletion without scan-before" DeletionWithoutWhole: Deletion { whole_object: WholeObject::Nothing }
    "deletion whose weak upgrade does not shade" DeletionUpgrade: Deletion { upgrade_shades: false }
    "hybrid without the old half" HybridWithoutOld: Hybrid { shade_old: false }
    "hybrid without the root-write rule" HybridWithoutRootWrites: Hybrid { root_write: RootWrite::Nothing }
    "hybrid with white allocation" HybridWhite: Hybrid { birth: Birth::White }
    "hybrid with black allocation in the window" HybridBlack: Hybrid { birth: Birth::BlackInWindowToo }
    "hybrid whose window never opens" HybridWithoutWindow: Hybrid { window: false }
    "hybrid with scan-before alone in the window" HybridScanningBefore: Hybrid { whole_object: WholeObject::ScanBefore }
    "hybrid whose weak upgrade does not shade" HybridUpgrade: Hybrid { upgrade_shades: false }
    "watermark that does not shade" WatermarkWithoutOld: Watermark { shade_old: false }
    "watermark without the root-write rule" WatermarkWithoutRootWrites: Watermark { root_write: RootWrite::Nothing }
    "watermark without the shade on pop" WatermarkPop: Watermark {
        root_write: RootWrite::ShadeOldIfUnscannedButNotOnPop,
    }
    "watermark whose weak upgrade does not shade" WatermarkUpgrade: Watermark { upgrade_shades: false }
}
