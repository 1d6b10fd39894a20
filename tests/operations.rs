//! Random programs of heap operations, against a shadow graph: under each policy, with each mode of sweeping. And
//! against heaps that are broken on purpose, each of which must be found out.
//!
//! `PROPTEST_CASES=100000 cargo test --release --test operations sound` runs more of them.

use grisaille_oracle::random::program;
use grisaille_oracle::{Config, Op, Program, Subject, Watch, subject};
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngAlgorithm, TestError, TestRng, TestRunner};

/// Cases for each policy and watchman, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 2000;

fn sound(name: &str, watch: Watch) {
    let subject = Subject::by_name(name).expect("a policy");
    let mut config = ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/operations.txt"))),
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    let outcome = TestRunner::new(config)
        .run(&program(), |program| subject.run(&program, watch).map_err(|failure| TestCaseError::fail(failure.what)));
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(_, program)) => panic!("{}", subject.shortest(program, watch)),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

macro_rules! sound {
    ($($module:ident $name:literal)*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn sound_by_the_verifier() {
                sound($name, Watch::Verifier);
            }

            #[test]
            fn sound_by_the_second_mark() {
                sound($name, Watch::SecondMark);
            }

            #[test]
            fn sound_by_the_drops() {
                sound($name, Watch::Drops);
            }
        }
    )*};
}

sound! {
    insertion "insertion"
    deletion "deletion"
    hybrid "hybrid"
    watermark "watermark"
    stop_the_world "stop-the-world"
}

/// Runs programs until one fails, with a fixed seed, and panics if none does within `cases`. With `SHRINK` set it
/// prints the shortest program that shrinking comes to.
fn caught(subject: &Subject, watch: Watch, cases: u32) {
    let shrink = std::env::var_os("SHRINK").is_some();
    let max_shrink_iters = if shrink { 20_000 } else { 0 };
    let config = ProptestConfig { cases, failure_persistence: None, max_shrink_iters, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let ran = std::cell::Cell::new((0, false));
    let outcome = TestRunner::new_with_rng(config, rng).run(&program(), |program| {
        let (count, failed) = ran.get();
        let outcome = subject.run(&program, watch);
        ran.set((count + u32::from(!failed), failed || outcome.is_err()));
        outcome.map_err(|failure| TestCaseError::fail(failure.what))
    });
    let name = subject.name;
    match outcome {
        Err(TestError::Fail(_, program)) => {
            println!("{name}, {watch:?}: caught by case {}", ran.get().0);
            if shrink {
                println!("{}", subject.shortest(program, watch));
            }
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
        Ok(()) => panic!("{name} loses objects, and {cases} cases watched by {watch:?} did not see it"),
    }
}

/// Cases within which every broken heap is found out.
const TEETH: u32 = 10_000;

#[test]
fn broken_heaps_are_caught_by_the_verifier() {
    for subject in subject::broken() {
        caught(subject, Watch::Verifier, TEETH);
    }
}

#[test]
fn broken_heaps_are_caught_by_the_second_mark() {
    for subject in subject::broken() {
        caught(subject, Watch::SecondMark, TEETH);
    }
}

/// All but one: what a destroyed area held is not reachable any more when the collector would have to look at it, so
/// programs that are watched by drops alone do not destroy any while marking.
#[test]
fn broken_heaps_are_caught_by_the_drops() {
    for subject in subject::broken().filter(|subject| subject.name != "watermark without the shade on destroy") {
        caught(subject, Watch::Drops, TEETH);
    }
}

/// What may be left out, or done in another order. Should the second fail, the order in which this collector works has
/// changed, and it belongs to the broken ones.
#[test]
fn sound_variants_lose_nothing() {
    for subject in subject::SOUND_VARIANTS {
        for watch in Watch::ALL {
            sound(subject.name, watch);
        }
    }
}

/// The verifier took the part of a map that was scanned for black, after the map had moved its entries. Whether it does
/// depends on how the keys are hashed: several maps are tried.
#[test]
fn a_map_that_moved_its_entries_is_scanned_again() {
    let program = Program {
        config: Config::default(),
        ops: vec![
            Op::Grow { kind: 224, to: 0, slot: 73 },
            Op::Grow { kind: 0, to: 1, slot: 67 },
            Op::Fill { nth: 0, count: 224, how: 159 },
            Op::Step { work: 56 },
            Op::Fill { nth: 0, count: 0, how: 174 },
        ],
    };
    let subject = Subject::by_name("hybrid").unwrap();
    for _ in 0..20 {
        subject.run(&program, Watch::Verifier).unwrap();
    }
}
