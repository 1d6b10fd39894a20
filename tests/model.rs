//! Random programs of heap operations, against a shadow graph: under each policy, with each mode of sweeping.
//!
//! `PROPTEST_CASES=100000 cargo test --release --test model sound` runs more of them.

mod support;

use grisaille::{Barrier, Deletion, Hybrid, Insertion, StopTheWorld, Watermark};
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestError, TestRunner};
use support::{Config, Op, Program, Watch, replay, run};

/// Cases for each policy and watchman, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 2000;
/// Operations of a program, at most.
const OPS: usize = 300;

fn op() -> impl Strategy<Value = Op> {
    (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(select, a, b, c)| Op::new([select, a, b, c]))
}

fn program() -> impl Strategy<Value = Program> {
    let config = (0u8..3, 0u8..4, 0u8..8, 0u8..4);
    let config = config.prop_map(|(sweep, mode, queue, ending)| Config { sweep, mode, queue, ending });
    (config, prop::collection::vec(op(), 1..OPS)).prop_map(|(config, ops)| Program { config, ops })
}

/// What the failing program does, when all that it does not need is left out.
fn shortest<B: Barrier>(program: Program, watch: Watch) -> String {
    replay::<B>(&program.minimize(|program| run::<B>(program, watch).is_err()), watch)
}

fn sound<B: Barrier>(watch: Watch) {
    let mut config = ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/model.txt"))),
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    let outcome = TestRunner::new(config)
        .run(&program(), |program| run::<B>(&program, watch).map_err(|failure| TestCaseError::fail(failure.what)));
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(_, program)) => panic!("{}", shortest::<B>(program, watch)),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

macro_rules! sound {
    ($($name:ident $policy:ident)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn sound_by_the_verifier() {
                sound::<$policy>(Watch::Verifier);
            }

            #[test]
            fn sound_by_the_drops() {
                sound::<$policy>(Watch::Drops);
            }
        }
    )*};
}

sound! {
    insertion Insertion
    deletion Deletion
    hybrid Hybrid
    watermark Watermark
    stop_the_world StopTheWorld
}

/// Deliberately broken policies: the tests above must fail for each.
mod teeth {
    use grisaille::barrier::rules::{Birth, New, Policy, RootWrite, Roots, Rules, WholeObject};
    use proptest::test_runner::{RngAlgorithm, TestRng};

    use super::*;

    /// Runs programs until one fails, with a fixed seed, and panics if none does within `cases`. With `SHRINK` set it
    /// prints the shortest program that shrinking comes to.
    fn caught<B: Barrier>(watch: Watch, cases: u32) {
        let shrink = std::env::var_os("SHRINK").is_some();
        let max_shrink_iters = if shrink { 20_000 } else { 0 };
        let config = ProptestConfig { cases, failure_persistence: None, max_shrink_iters, ..ProptestConfig::default() };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let ran = std::cell::Cell::new((0, false));
        let outcome = TestRunner::new_with_rng(config, rng).run(&program(), |program| {
            let (count, failed) = ran.get();
            let outcome = run::<B>(&program, watch);
            ran.set((count + u32::from(!failed), failed || outcome.is_err()));
            outcome.map_err(|failure| TestCaseError::fail(failure.what))
        });
        let name = <B as Barrier>::NAME;
        match outcome {
            Err(TestError::Fail(_, program)) => {
                println!("{name}, {watch:?}: caught by case {}", ran.get().0);
                if shrink {
                    println!("{}", shortest::<B>(program, watch));
                }
            }
            Err(TestError::Abort(reason)) => panic!("{reason}"),
            Ok(()) => panic!("{name} loses objects, and {cases} cases watched by {watch:?} did not see it"),
        }
    }

    macro_rules! broken {
        ($($module:ident $text:literal $base:ident { $($rule:ident: $value:expr),* } $verifier:literal $drops:literal)*) => {$(
            mod $module {
                use super::*;

                enum Broken {}

                // SAFETY: unsound. The oracle looks before anything lost is touched.
                unsafe impl Policy for Broken {
                    const POLICY: &'static str = $text;
                    const RULES: Rules = Rules { $($rule: $value,)* ..<$base as Policy>::RULES };
                }

                #[test]
                fn is_caught_by_the_verifier() {
                    caught::<Broken>(Watch::Verifier, $verifier);
                }

                #[test]
                fn is_caught_by_the_drops() {
                    caught::<Broken>(Watch::Drops, $drops);
                }
            }
        )*
        };
    }

    broken! {
        no_barrier "no barrier" Insertion {
            shade_new: New::Leave, root_write: RootWrite::Nothing, whole_object: WholeObject::Nothing,
            rescan_dirty_roots: false
        } 100 100
        insertion_without_the_new_half "insertion that does not shade" Insertion { shade_new: New::Leave } 100 100
        insertion_without_rescan "insertion without the rescan" Insertion { rescan_dirty_roots: false } 100 100
        insertion_scanning_before "insertion with scan-before in place of grey-again" Insertion {
            whole_object: WholeObject::ScanBefore
        } 100 100
        deletion_without_the_old_half "deletion that does not shade" Deletion { shade_old: false } 100 100
        deletion_bit_by_bit "deletion with roots scanned one at a time" Deletion { roots: Roots::BitByBit } 500 2000
        deletion_without_whole "deletion without scan-before" Deletion { whole_object: WholeObject::Nothing } 200 200
        deletion_upgrade "deletion whose weak upgrade does not shade" Deletion { upgrade_shades: false } 500 500
        hybrid_without_the_old_half "hybrid without the old half" Hybrid { shade_old: false } 200 200
        hybrid_without_root_writes "hybrid without the root-write rule" Hybrid { root_write: RootWrite::Nothing } 3000 5000
        hybrid_white "hybrid with white allocation" Hybrid { birth: Birth::White } 100 100
        hybrid_black "hybrid with black allocation in the window" Hybrid { birth: Birth::BlackInWindowToo } 1000 10000
        hybrid_without_a_window "hybrid whose window never opens" Hybrid { window: false } 3000 5000
        hybrid_scanning_before "hybrid with scan-before alone in the window" Hybrid {
            whole_object: WholeObject::ScanBefore
        } 3000 5000
        hybrid_upgrade "hybrid whose weak upgrade does not shade" Hybrid { upgrade_shades: false } 500 500
        watermark_without_the_old_half "watermark that does not shade" Watermark { shade_old: false } 100 100
        watermark_without_root_writes "watermark without the root-write rule" Watermark {
            root_write: RootWrite::Nothing
        } 500 2000
        watermark_pop "watermark without the shade on pop" Watermark {
            root_write: RootWrite::ShadeOldIfUnscannedButNotOnPop
        } 500 1000
        watermark_upgrade "watermark whose weak upgrade does not shade" Watermark { upgrade_shades: false } 500 500
    }

    /// The hybrid's `new` half guards against a black object in the window. This collector scans all roots before it
    /// traces anything, and greys an object again that is mutated as a whole: in the window nothing is black. Should
    /// this test fail, the order has changed: then the policy belongs above.
    mod hybrid_without_the_new_half {
        use super::*;

        enum Broken {}

        // SAFETY: no object that can hold a pointer is black in the window (see above).
        unsafe impl Policy for Broken {
            const POLICY: &'static str = "hybrid without the new half";
            const RULES: Rules = Rules { shade_new: New::Leave, ..<Hybrid as Policy>::RULES };
        }

        #[test]
        fn is_harmless_as_long_as_roots_come_first() {
            let config = ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() };
            let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
            let outcome = TestRunner::new_with_rng(config, rng).run(&program(), |program| {
                run::<Broken>(&program, Watch::Verifier).map_err(|failure| TestCaseError::fail(failure.what))
            });
            assert!(outcome.is_ok(), "{outcome:?}");
        }
    }
}
