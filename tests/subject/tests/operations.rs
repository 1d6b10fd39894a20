//! Random programs of heap operations, against a shadow graph: under each policy, with each mode of sweeping. And on
//! heaps that are broken on purpose, each of which must be detected.
//!
//! `PROPTEST_CASES=100000 cargo test --release --test operations sound` runs more of them.

// The library with parts that can be broken, by the name that the derive's output has.
extern crate grisaille_subject as grisaille;

use grisaille::fault;
use grisaille_oracle::random::{about_lists, about_maps, about_the_host, program};
use grisaille_oracle::{Config, Op, Program, Subject, Watch, campaign, subject};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{FileFailurePersistence, RngAlgorithm, TestError, TestRng, TestRunner};

/// Cases for each policy and detector, unless `PROPTEST_CASES` says otherwise.
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
    roots_first "roots-first"
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
    // How the entries of a map lie is another in each process, so these cases are not the same each time.
    let programs = match () {
        () if is_about("map", subject) => about_maps().boxed(),
        () if is_about("list", subject) => about_lists().boxed(),
        () if is_about_the_host(subject) => about_the_host().boxed(),
        () => program().boxed(),
    };
    let outcome = TestRunner::new_with_rng(config, rng).run(&programs, |program| {
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

/// Returns whether a map, or a list, is broken in this subject.
fn is_about(noun: &str, subject: &Subject) -> bool {
    subject.name.split(' ').any(|word| word == noun)
}

/// Returns whether one of the host's types is broken in this subject.
fn is_about_the_host(subject: &Subject) -> bool {
    ["any", "trait", "native", "identity", "table"].iter().any(|noun| is_about(noun, subject))
}

/// Cases within which every broken heap is found out.
const TEETH: u32 = 10_000;

#[test]
fn broken_policies_are_caught_by_the_verifier() {
    for subject in subject::BROKEN_POLICIES {
        caught(subject, Watch::Verifier, TEETH);
    }
}

/// All but one, which is lost in one program of thousands: see below.
#[test]
fn broken_policies_are_caught_by_the_second_mark() {
    for subject in subject::BROKEN_POLICIES.iter().filter(|subject| subject.name != "hybrid with scan-before alone") {
        caught(subject, Watch::SecondMark, TEETH);
    }
}

/// All but some. What a destroyed area held is not reachable any more when the collector would have to look at it, so
/// programs that are watched by drops alone do not destroy any while marking. And what is lost under `Hybrid` where a root is
/// still unscanned and an object traced already is lost in one program of thousands: the verifier sees the danger, drops
/// only the loss.
#[test]
fn broken_policies_are_caught_by_the_drops() {
    let rare = [
        "watermark without the shade on destroy",
        "hybrid without the new half",
        "hybrid whose window is derived",
        "hybrid with scan-before alone",
        "hybrid with grey-again alone",
    ];
    let seen = |subject: &&Subject| !rare.contains(&subject.name);
    for subject in subject::BROKEN_POLICIES.iter().filter(seen) {
        caught(subject, Watch::Drops, TEETH);
    }
}

/// A collector with a broken part may take the process with it before anybody looks: each has one of its own, and to die
/// is to be caught.
#[test]
fn broken_parts_are_caught() {
    for subject in subject::BROKEN_PARTS {
        for watch in Watch::ALL {
            // Programs that are watched by drops alone have no ephemerons, maps, lists, packed words and weak tables: these
            // tell of no drop.
            let unseen = ["ephemeron", "map", "list", "packed", "identity", "table"];
            let unseen = unseen.iter().any(|noun| is_about(noun, subject));
            if unseen && watch == Watch::Drops {
                continue;
            }
            let this = std::env::current_exe().expect("a test has a file");
            let output = std::process::Command::new(this)
                .args(["--exact", "one_broken_part", "--ignored", "--nocapture"])
                .env(BROKEN_PART, subject.name)
                .env(WATCHED_BY, format!("{watch:?}"))
                .output()
                .expect("a test can be run again");
            let died = output.status.code().is_none();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(died || text.contains("caught by case"), "{}, {watch:?}:\n{text}", subject.name);
            let how = text.lines().find(|line| line.contains("caught by case")).unwrap_or("the process died");
            println!("{}, {watch:?}: {how}", subject.name);
        }
    }
}

const BROKEN_PART: &str = "GRISAILLE_TEST_BROKEN_PART";
const WATCHED_BY: &str = "GRISAILLE_TEST_WATCHED_BY";

#[test]
#[ignore = "broken_parts_are_caught runs it"]
fn one_broken_part() {
    let name = std::env::var(BROKEN_PART).expect("broken_parts_are_caught names one");
    let watch = std::env::var(WATCHED_BY).expect("and who watches");
    let watch = Watch::ALL.into_iter().find(|known| format!("{known:?}") == watch).expect("a watchman");
    let subject = Subject::by_name(&name).expect("a broken part");
    // Within these no luck is needed: the rarest that was seen came by case 2712.
    let cases = if is_about("map", &subject) { 4 * TEETH } else { TEETH };
    caught(&subject, watch, cases);
}

/// What the notes of a program say where one of these things happens.
const HAPPENS: &[&str] = &[
    "by a pointer to any",
    "by a pointer of its own type",
    "a new Holder",
    "a new Thin",
    "a new Thick",
    "which is called",
    "ends: well",
    "ends: it fails",
    "is entered, with Some",
    "is struck out, its value was Some",
    "an entry of #",
    "entries left",
    "keys that died",
    "keys left that are objects",
];

/// Counts how often each of these things happens in programs.
fn count_what_happens(programs: impl IntoIterator<Item = Program>) -> Vec<(&'static str, usize)> {
    let subject = Subject::by_name("roots-first").expect("a policy");
    let mut counts: Vec<_> = HAPPENS.iter().map(|what| (*what, 0)).collect();
    for program in programs {
        let notes = subject.replay(&program, Watch::Verifier);
        counts.iter_mut().for_each(|(what, count)| *count += notes.matches(*what).count());
    }
    counts
}

/// Programs about the host's types do what they are about, and so do some that are about everything, and the fuzzer's
/// seeds.
#[test]
fn programs_about_the_host_get_somewhere() {
    let random = |strategy: BoxedStrategy<Program>| {
        let mut runner =
            TestRunner::new_with_rng(ProptestConfig::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        (0..400).map(move |_| strategy.new_tree(&mut runner).expect("a program").current()).collect::<Vec<_>>()
    };
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/operations");
    let seeds = std::fs::read_dir(seeds).expect("the fuzzer has seeds").map(|entry| {
        // The first byte selects the heap.
        let bytes = entry.and_then(|entry| std::fs::read(entry.path())).expect("a file");
        Program::from_bytes(bytes.get(1..).unwrap_or_default())
    });
    let sorts = [
        ("about the host", random(about_the_host().boxed())),
        ("of all sorts", random(program().boxed())),
        ("that are seeds", seeds.collect()),
    ];
    for (sort, programs) in sorts {
        let number = programs.len();
        let counts = count_what_happens(programs);
        println!("{number} programs {sort}: {counts:?}");
        assert!(counts.iter().all(|(_, count)| *count > 0), "{number} programs {sort}: {counts:?}");
    }
}

/// The operations that may be done in another order.
#[test]
fn sound_variants_lose_nothing() {
    for subject in subject::SOUND_VARIANTS {
        for watch in Watch::ALL {
            sound(subject.name, watch);
        }
    }
}

/// Operations on each policy's heaps, in all runs without memory together.
const STARVED: u64 = 60_000;

#[test]
fn sound_without_memory() {
    for subject in subject::SOUND {
        let campaign = campaign::starve(subject, 1, STARVED);
        if let Some((program, watch, [granted, refused], failure)) = campaign.failure {
            let replay = fault::with_memory(granted, refused, || subject.replay(&program, watch)).0;
            panic!(
                "{granted} requests for memory were granted, and the next {refused} refused: {}\n{replay}",
                failure.what
            );
        }
        assert!(campaign.refused > 500, "{}: only {} requests were refused", subject.name, campaign.refused);
    }
}

/// A failure prints as a test to be pasted here: this is one. Under the policy that does not shade it fails.
mod pasted {
    use super::*;

    #[test]
    fn pasted() {
        let program = Program {
            config: Config { sweep: 0, mode: 0, queue: 0, ending: 0, limit: 0 },
            ops: vec![
                Op::Grow { kind: 0, to: 0, slot: 0 },
                Op::Step { work: 64 },
                Op::Step { work: 16 },
                Op::Step { work: 16 },
                Op::Grow { kind: 0, to: 41, slot: 0 },
            ],
        };
        let subject = Subject::by_name("insertion").unwrap();
        subject.run(&program, Watch::Verifier).unwrap();

        // What is printed is what stands above.
        let printed = program.to_test("insertion", Watch::Verifier);
        let source: String = include_str!("operations.rs").lines().map(|line| line.trim().to_owned() + "\n").collect();
        for line in printed.lines().take_while(|line| *line != "}") {
            assert!(source.contains(line.trim()), "this is not how it is printed: {line}");
        }
        let broken = Subject::by_name("insertion that does not shade").unwrap();
        assert!(broken.run(&program, Watch::Verifier).is_err());
    }

    /// The verifier took the first buckets of the map for scanned, and the mark loop knew better.
    #[test]
    fn a_map_is_rehashed_between_two_pieces() {
        let program = Program {
            config: Config { sweep: 0, mode: 0, queue: 4, ending: 0, limit: 2 },
            ops: vec![
                Op::Grow { kind: 224, to: 0, slot: 49 },
                Op::Fill { nth: 0, count: 139, how: 132 },
                Op::Grow { kind: 0, to: 1, slot: 62 },
                Op::Step { work: 0 },
                Op::Fill { nth: 0, count: 85, how: 19 },
                Op::Step { work: 0 },
                Op::Fill { nth: 0, count: 0, how: 58 },
            ],
        };
        let subject = Subject::by_name("deletion").unwrap();
        subject.run(&program, Watch::Verifier).unwrap();
    }

    /// The map was shrunk to one table while the mark loop stood in a later one, and grew again: the scan went on from there.
    #[test]
    fn a_map_is_shrunk_and_split_again_between_two_pieces() {
        let program = Program {
            config: Config { sweep: 0, mode: 0, queue: 2, ending: 0, limit: 0 },
            ops: vec![
                Op::Grow { kind: 224, to: 121, slot: 123 },
                Op::Fill { nth: 155, count: 115, how: 49 },
                Op::Fill { nth: 243, count: 165, how: 49 },
                Op::Step { work: 79 },
                Op::TakeOut { nth: 227, how: 175, count: 66 },
                Op::Fill { nth: 219, count: 124, how: 18 },
                Op::Fill { nth: 131, count: 107, how: 49 },
            ],
        };
        for name in ["insertion", "insertion that traces while it scans", "roots-first", "hybrid"] {
            Subject::by_name(name).unwrap().run(&program, Watch::Verifier).unwrap();
        }
    }
}
