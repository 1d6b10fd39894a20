//! Tests the bench: runs every policy in small, and checks the calculations.

use std::error::Error;
use std::time::Duration;
use std::{env, fs, process};

use crate::policy::Policy;
use crate::row::{self, Row};
use crate::session::{Plan, Samples};
use crate::timeline::{Interruption, utilisation};
use crate::{plot, table};

/// All of it, in a few seconds.
pub fn run() -> Result<(), Box<dyn Error>> {
    utilisation_is_right();
    let mut rows = Vec::new();
    let plan = Plan { live: 1 << 20, time: Duration::from_millis(50), runs: 2, batch: 8, least: 5000, check: true };
    let mut samples = Samples::new();
    for policy in Policy::ALL {
        policy.run(&plan, &[1, 10_000], &mut samples, |stack, runs| {
            for run in &runs {
                assert!(run.batches > 0 && run.usual > 0, "{policy}: nothing was measured");
                assert_eq!(run.cycles > 0, policy != Policy::Control, "{policy}: {} cycles", run.cycles);
            }
            row::file(&mut rows, Row::new(1, stack, policy, &runs));
        });
    }
    assert_eq!(rows.len(), 2 * Policy::ALL.len());
    println!("{}", table::interruptions(&rows));
    println!("{}", table::culprits(&rows));

    let temporary = |end: &str| env::temp_dir().join(format!("pauses-{}.{end}", process::id()));
    let (csv, svg) = (temporary("csv"), temporary("svg"));
    row::write(&csv, &rows)?;
    assert_eq!(row::read(&csv)?, rows, "rows are not what they were when they were written");
    plot::draw(&rows, &svg)?;
    let drawn = fs::read_to_string(&svg)?;
    for policy in Policy::ALL {
        assert!(drawn.contains(policy.name()), "the plot does not name {policy}");
    }
    fs::remove_file(csv)?;
    fs::remove_file(svg)?;
    Ok(())
}

/// The calculation that looks at few windows, against one that looks at all.
fn utilisation_is_right() {
    let one = [Interruption { end: 600, time: 100 }];
    assert_eq!(utilisation(&one, 1000, 100), 0.0);
    assert_eq!(utilisation(&one, 1000, 200), 0.5);
    assert_eq!(utilisation(&one, 1000, 5000), 0.9);
    assert_eq!(utilisation(&[], 1000, 10), 1.0);
    let mut random = 1u64;
    let mut below = |bound: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % bound
    };
    for _ in 0..200 {
        let (mut interruptions, mut interrupted, mut end) = (Vec::new(), Vec::new(), 0);
        for _ in 0..below(20) {
            let (work, time) = (below(30), 1 + below(20));
            end += work + time;
            interruptions.push(Interruption { end, time });
            interrupted.extend((0..work).map(|_| 0).chain((0..time).map(|_| 1)));
        }
        let rest = below(30);
        interrupted.extend((0..rest).map(|_| 0));
        let (total, window) = (interrupted.len(), 1 + below(40) as usize);
        let worst = interrupted.windows(window.min(total).max(1)).map(|window| window.iter().sum::<u64>()).max();
        let expected = 1.0 - worst.unwrap_or(0) as f64 / window.min(total).max(1) as f64;
        let found = utilisation(&interruptions, total as u64, window as u64);
        assert!(
            (found - expected).abs() < 1e-9,
            "{found} and {expected}: {interruptions:?}, window {window} of {total}"
        );
    }
}
