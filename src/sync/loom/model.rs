//! Runs scenes under loom in every order, and then with a weakness ([`WEAKNESSES`]), with which they must fail.

use core::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc as Shared;
use std::sync::atomic::{AtomicUsize as Count, Ordering::Relaxed};
use std::time::Instant;

use super::{Weakness, weaken};

// loom's threads are coroutines of one thread, so they share this.
std::thread_local! {
    /// What happened in some execution.
    static SEEN: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// Notes that something happened in an execution.
pub(crate) fn saw(what: &'static str) {
    SEEN.with_borrow_mut(|seen| seen.insert(what));
}

/// Returns whether `what` happened in some execution.
pub(crate) fn has_seen(what: &str) -> bool {
    SEEN.with_borrow(|seen| seen.contains(what))
}

/// Returns whether the scene runs with that weakness.
pub(crate) fn is_weak(name: &str) -> bool {
    std::env::var(WEAKNESS).is_ok_and(|weakness| weakness == name)
}

/// Runs a scene in every order, or in every order with at most so many preemptions. All that `wanted` names must have
/// happened in some execution.
pub(crate) fn explore(name: &str, preemptions: Option<usize>, scene: fn(), wanted: &[&str]) {
    let weakness = std::env::var(WEAKNESS).unwrap_or_default();
    weaken(WEAKNESSES.iter().find(|(name, _)| *name == weakness).map_or(Weakness::None, |(_, weakness)| *weakness));
    let executions = Shared::new(Count::new(0));
    let count = executions.clone();
    let mut model = ::loom::model::Builder::new();
    model.preemption_bound = model.preemption_bound.or(preemptions);
    model.max_branches = 10_000;
    let bound = model.preemption_bound.map_or("in every order".into(), |n| format!("with up to {n} preemptions"));
    let start = Instant::now();
    model.check(move || {
        count.fetch_add(1, Relaxed);
        scene();
    });
    println!("{name}: {} executions, {bound}, {:.1?}", executions.load(Relaxed), start.elapsed());
    for what in wanted {
        assert!(has_seen(what), "never seen: {what}");
    }
}

/// The environment variable that names a weakness to a child process.
const WEAKNESS: &str = "GRISAILLE_WEAKNESS";

/// The weaknesses by name. Those of one exchange give the states of a block before and after it.
const WEAKNESSES: [(&str, Weakness); 11] = [
    ("no share of the memory", Weakness::None),
    ("no release", Weakness::NoRelease),
    ("no acquire on load", Weakness::NoAcquireOnLoad),
    ("no acquire on failure", Weakness::NoAcquireOnFailure),
    ("no fence", Weakness::NoFence),
    ("an exchange in two steps", Weakness::TwoSteps),
    ("claimed without looking", Weakness::Blind(0, 1)),
    ("published without looking", Weakness::Blind(1, 2)),
    ("abandoned without looking", Weakness::Blind(1, 3)),
    ("never published", Weakness::Refused(1, 2)),
    ("never abandoned", Weakness::Refused(1, 3)),
];

/// Runs a scene with a weakness, in a process of its own: a model that has failed cannot be unwound, and with a
/// weakness the code may do anything. The scene must fail, and with this complaint.
pub(crate) fn fails(module: &str, scene: &str, weakness: &str, complaint: &str) {
    assert!(WEAKNESSES.iter().any(|(name, _)| *name == weakness));
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([&format!("{}::{scene}::holds", module.split_once("::").unwrap().1), "--exact", "--nocapture"])
        .env(WEAKNESS, weakness)
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    let said = said.lines().find(|line| !line.is_empty() && !line.starts_with("thread '")).unwrap_or_default();
    println!("{scene}, {weakness}: {said}");
    assert!(!child.status.success(), "not seen");
    assert!(said.contains(complaint), "it failed otherwise");
}

/// Makes a test of each scene, and one for each weakness with which the scene must fail, with a part of the complaint.
/// Calls `begin` before each execution.
macro_rules! scenes {
    ($($scene:ident $bound:expr, $seen:tt { $($needs:ident $weakness:literal $text:literal)* })*) => {$(
        mod $scene {
            use super::*;

            #[test]
            fn holds() {
                let scene = || {
                    begin();
                    super::$scene();
                };
                $crate::sync::model::explore(stringify!($scene), $bound, scene, &$seen);
            }

            $(
                #[test]
                fn $needs() {
                    let module = module_path!().rsplit_once("::").unwrap().0;
                    $crate::sync::model::fails(module, stringify!($scene), $weakness, $text);
                }
            )*
        }
    )*};
}
pub(crate) use scenes;
