//! The subjects that programs run on: the six policies, and heaps that are broken on purpose.
//!
//! The broken ones are here, beside the tests, so that everyone can see what the tests are tested with: each detector
//! has to find each of them.

use grisaille::barrier::rules::{Birth, OnlyInTests, Policy, RootWrite, Roots, Rules, ShadeNew, WholeObject, Window};
use grisaille::fault::{self, Fault};
use grisaille::{Barrier, Deletion, Hybrid, Insertion, RootsFirst, StopTheWorld, Watermark};

use crate::machine::probe::{Probe, probe};
use crate::machine::{self, Failure, Watch};
use crate::op::Program;

const _: () = assert!(grisaille::HAS_FAULTS, "what can be broken here is the library in tests/subject");

/// A kind of heap: a policy, sound or not, and the part of the collector that is broken, if any.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The policy's name, or what is broken.
    pub name: &'static str,
    fault: Option<Fault>,
    run: fn(&Program, Watch) -> Result<(), Failure>,
    replay: fn(&Program, Watch) -> String,
    probe: fn(&Program, &mut Probe<'_>) -> Result<(), Failure>,
}

impl Subject {
    const fn new<B: Barrier>() -> Subject {
        Subject {
            name: <B as Barrier>::NAME,
            fault: None,
            run: machine::run::<B>,
            replay: machine::replay::<B>,
            probe: probe::<B>,
        }
    }

    const fn with_fault<B: Barrier>(name: &'static str, fault: Fault) -> Subject {
        Subject { name, fault: Some(fault), ..Subject::new::<B>() }
    }

    /// Runs a program that was run but for its last operation, and shows what it comes to.
    pub(crate) fn probe(&self, program: &Program, probe: &mut Probe<'_>) -> Result<(), Failure> {
        // SAFETY: as below.
        unsafe { fault::with(self.fault, || (self.probe)(program, probe)) }
    }

    /// Runs a program. A panic is a failure too.
    ///
    /// # Errors
    /// What went wrong, and at which operation.
    pub fn run(&self, program: &Program, watch: Watch) -> Result<(), Failure> {
        // SAFETY: the oracle looks before it touches anything.
        unsafe { fault::with(self.fault, || (self.run)(program, watch)) }
    }

    /// Runs a program, and tells what each operation did.
    pub fn replay(&self, program: &Program, watch: Watch) -> String {
        // SAFETY: as above.
        unsafe { fault::with(self.fault, || (self.replay)(program, watch)) }
    }

    /// What the failing program does, when all that it does not need is left out.
    pub fn shortest(&self, program: Program, watch: Watch) -> String {
        self.replay(&program.minimize(|program| self.run(program, watch).is_err()), watch)
    }

    /// The subject of that name, sound or broken.
    pub fn by_name(name: &str) -> Option<Subject> {
        SOUND
            .iter()
            .chain(SOUND_VARIANTS)
            .chain(BROKEN_POLICIES)
            .chain(BROKEN_PARTS)
            .find(|subject| subject.name == name)
            .copied()
    }
}

/// The policies that lose nothing.
pub const SOUND: &[Subject] = &[
    Subject::new::<Insertion>(),
    Subject::new::<Deletion>(),
    Subject::new::<RootsFirst>(),
    Subject::new::<Hybrid>(),
    Subject::new::<Watermark>(),
    Subject::new::<StopTheWorld>(),
];

macro_rules! variants {
    ($(#[$doc:meta])* $list:ident: $($text:literal $name:ident: $base:ident { $($rule:ident: $value:expr),* $(,)? })*) => {
        $(
            enum $name {}

            // SAFETY: none where the policy is unsound. The oracle looks before anything lost is touched.
            unsafe impl Policy for $name {
                const RULES: Rules = Rules { $($rule: $value,)* ..<$base as Policy>::RULES };
            }

            impl Barrier for $name {
                const NAME: &'static str = $text;
            }
        )*

        $(#[$doc])*
        pub const $list: &[Subject] = &[$(Subject::new::<$name>()),*];
    };
}

variants! {
    /// Variants that lose nothing: who has no window may trace objects while roots are still to be scanned.
    SOUND_VARIANTS:
    "insertion that traces while it scans" InsertionTracesEarly: Insertion { only_in_tests: OnlyInTests { traces_in_window: true, ..OnlyInTests::NONE } }
    "watermark that traces while it scans" WatermarkTracesEarly: Watermark { only_in_tests: OnlyInTests { traces_in_window: true, ..OnlyInTests::NONE } }
}

variants! {
    /// The policies that lose objects.
    BROKEN_POLICIES:
    "no barrier" NoBarrier: Insertion {
        shade_new: ShadeNew::Never,
        root_write: RootWrite::Nothing,
        whole_object: WholeObject::Nothing,
        rescan_dirty_roots: false,
    }
    "insertion that does not shade" InsertionWithoutNew: Insertion { shade_new: ShadeNew::Never }
    "insertion without the rescan" InsertionWithoutRescan: Insertion { rescan_dirty_roots: false }
    "insertion with scan-before in place of grey-again" InsertionScanningBefore: Insertion {
        whole_object: WholeObject::ScanBefore,
    }
    "deletion that does not shade" DeletionWithoutOld: Deletion { shade_old: false }
    "deletion with roots scanned one at a time" DeletionBitByBit: Deletion { roots: Roots::BitByBit }
    "deletion without scan-before" DeletionWithoutWhole: Deletion { whole_object: WholeObject::Nothing }
    "deletion whose weak upgrade does not shade" DeletionUpgrade: Deletion { upgrade_shades: false }
    "roots-first without the old half" RootsFirstWithoutOld: RootsFirst { shade_old: false }
    "roots-first without the root-write rule" RootsFirstWithoutRootWrites: RootsFirst { root_write: RootWrite::Nothing }
    "roots-first with white allocation" RootsFirstWhite: RootsFirst { birth: Birth::White }
    "roots-first with black allocation in the window" RootsFirstBlack: RootsFirst { only_in_tests: OnlyInTests { black_in_window: true, ..OnlyInTests::NONE } }
    "roots-first whose window is derived" RootsFirstDerivedWindow: RootsFirst { only_in_tests: OnlyInTests { window_is_derived: true, ..OnlyInTests::NONE } }
    "roots-first that traces in the window" RootsFirstTracesInWindow: RootsFirst { only_in_tests: OnlyInTests { traces_in_window: true, ..OnlyInTests::NONE } }
    "roots-first whose scopes copy what leaves unshaded" RootsFirstKeep: RootsFirst {
        only_in_tests: OnlyInTests { keeps_unshaded: true, ..OnlyInTests::NONE },
    }
    "roots-first whose window never opens" RootsFirstWithoutWindow: RootsFirst { window: Window::Never }
    "roots-first without scan-before" RootsFirstWithoutWhole: RootsFirst { whole_object: WholeObject::Nothing }
    "roots-first whose weak upgrade does not shade" RootsFirstUpgrade: RootsFirst { upgrade_shades: false }
    "roots-first that reads the old value after the store" RootsFirstReadsLate: RootsFirst { only_in_tests: OnlyInTests { reads_old_after_the_store: true, ..OnlyInTests::NONE } }
    "hybrid without the old half" HybridWithoutOld: Hybrid { shade_old: false }
    "hybrid without the new half" HybridWithoutNew: Hybrid { shade_new: ShadeNew::Never }
    "hybrid without the root-write rule" HybridWithoutRootWrites: Hybrid { root_write: RootWrite::Nothing }
    "hybrid with black birth whose initial pointers are not counted" HybridBlack: Hybrid { only_in_tests: OnlyInTests { black_in_window: true, ..OnlyInTests::NONE } }
    "hybrid whose window is derived" HybridDerivedWindow: Hybrid { only_in_tests: OnlyInTests { window_is_derived: true, ..OnlyInTests::NONE } }
    "hybrid with scan-before alone" HybridScanningBefore: Hybrid { whole_object: WholeObject::ScanBefore }
    "hybrid with grey-again alone" HybridGreyAgain: Hybrid { whole_object: WholeObject::GreyAgain }
    "watermark that does not shade" WatermarkWithoutOld: Watermark { shade_old: false }
    "watermark without the root-write rule" WatermarkWithoutRootWrites: Watermark { root_write: RootWrite::Nothing }
    "watermark without the shade on pop" WatermarkPop: Watermark {
        only_in_tests: OnlyInTests { pops_unshaded: true, ..OnlyInTests::NONE },
    }
    "watermark without the shade on destroy" WatermarkDestroy: Watermark {
        only_in_tests: OnlyInTests { destroys_unshaded: true, ..OnlyInTests::NONE },
    }
    "watermark whose weak upgrade does not shade" WatermarkUpgrade: Watermark { upgrade_shades: false }
}

/// Sound policies in a collector with a broken part.
pub const BROKEN_PARTS: &[Subject] = &[
    Subject::with_fault::<RootsFirst>("a grey object is swept", Fault::FreesAGreyObject),
    Subject::with_fault::<Insertion>("a dirty root is missed", Fault::MissesADirtyRoot),
    Subject::with_fault::<RootsFirst>("the mark stack forgets on overflow", Fault::ForgetsOnOverflow),
    Subject::with_fault::<RootsFirst>("a hole is retired without recording", Fault::RetiresWithoutRecording),
    Subject::with_fault::<RootsFirst>("a blackened tail is not whitened", Fault::LeavesTailMarked),
    Subject::with_fault::<RootsFirst>("a dead object is dropped twice", Fault::DropsTwice),
    Subject::with_fault::<RootsFirst>("marking ends while an array is scanned in part", Fault::ForgetsPieces),
    Subject::with_fault::<RootsFirst>("an ephemeron is forgotten when its key is marked", Fault::ForgetsEphemerons),
    Subject::with_fault::<RootsFirst>("a weak pointer is not told of a death", Fault::KeepsWeakCells),
    Subject::with_fault::<RootsFirst>("who asks keeps alive", Fault::AskingShades),
    Subject::with_fault::<RootsFirst>("owners keep their count", Fault::OwnersKeepTheirCount),
    Subject::with_fault::<RootsFirst>("a lost sweeper is waited for", Fault::LostSweepersAreWaitedFor),
    Subject::with_fault::<RootsFirst>("what a lost sweeper had is given up", Fault::OrphansAreGivenUp),
    Subject::with_fault::<RootsFirst>("what a lost sweeper had is dropped again", Fault::OrphansAreDroppedAgain),
    Subject::with_fault::<RootsFirst>("a rooted cell does not shade its new value", Fault::CellHidesNewRoot),
    Subject::with_fault::<RootsFirst>("an object that is aligned to 16 begins anywhere", Fault::ForgetsAlignment),
    Subject::with_fault::<Watermark>("a rooted cell does not shade its old value", Fault::CellHidesOldRoot),
    Subject::with_fault::<Insertion>("a rooted cell that is written is not dirty", Fault::CellIsNotDirty),
    Subject::with_fault::<RootsFirst>("the result of a scope is not shaded", Fault::ResultHidesNewRoot),
    Subject::with_fault::<RootsFirst>("a map that is rehashed is scanned on", Fault::MapIgnoresRehash),
    Subject::with_fault::<RootsFirst>("a map that has fewer parts is scanned on", Fault::MapShrinksUnseen),
    Subject::with_fault::<RootsFirst>("a part of a map that is split is scanned on", Fault::MapSplitsUnseen),
    Subject::with_fault::<RootsFirst>("a part of a map that is split loses an entry", Fault::MapLosesAnEntry),
    Subject::with_fault::<Insertion>("a map has no barrier for a new key", Fault::MapInsertsUnseen),
    Subject::with_fault::<Deletion>("a map has no barrier for a new value", Fault::MapReplacesUnseen),
    Subject::with_fault::<Deletion>("a map has no barrier for what is taken out", Fault::MapRemovesUnseen),
    Subject::with_fault::<RootsFirst>("a packed word is not traced", Fault::PackedWordsAreNotTraced),
    Subject::with_fault::<RootsFirst>("the keys of a map are not traced", Fault::MapForgetsKeys),
    Subject::with_fault::<Insertion>("a list has no barrier for what is pushed", Fault::ListPushesUnseen),
    Subject::with_fault::<Deletion>("a list has no barrier for what is popped", Fault::ListDropsUnseen),
    Subject::with_fault::<Insertion>("a list has no barrier for what comes to another place", Fault::ListMovesUnseen),
    Subject::with_fault::<Deletion>("a list has no barrier for what another value comes over", Fault::ListMovesUnseen),
    Subject::with_fault::<RootsFirst>("a pointer to any object is not traced", Fault::AnyPointersAreNotTraced),
    Subject::with_fault::<RootsFirst>("any object is of every type", Fault::AnyIsOfEveryType),
    Subject::with_fault::<RootsFirst>("a pointer by a trait is not traced", Fault::DynPointersAreNotTraced),
    Subject::with_fault::<RootsFirst>("what a native captures is not traced", Fault::NativesForgetCaptures),
    Subject::with_fault::<RootsFirst>("a key that is an identity is not traced", Fault::IdentitiesAreNotTraced),
    Subject::with_fault::<RootsFirst>("a weak table keeps the entries of the dead", Fault::WeakMapKeepsTheDead),
    Subject::with_fault::<RootsFirst>("a weak table forgets entries of the living", Fault::WeakMapForgetsTheLiving),
    Subject::with_fault::<RootsFirst>("the ephemerons of a weak table keep their keys", Fault::EphemeronsKeepKeys),
];

/// Whatever is broken.
pub fn broken() -> impl Iterator<Item = &'static Subject> {
    BROKEN_POLICIES.iter().chain(BROKEN_PARTS)
}
