//! The tables, in Markdown.

use std::fmt::Write;

use crate::policy::Policy;
use crate::row::{CULPRITS, Row, TOLD_QUANTILES};
use crate::timeline::TOLD;

/// Microseconds, with as many digits as they deserve.
fn micros(nanos: f64) -> String {
    match nanos / 1000.0 {
        0.0 => "–".into(),
        micros if micros < 10.0 => format!("{micros:.1}"),
        micros => format!("{micros:.0}"),
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// How long the interruptions are, and what is left to the mutator.
pub fn interruptions(rows: &[Row]) -> String {
    let mut out = String::from(
        "| live | stack | policy | p50 | p99 | p99.9 | longest | by | longest, wall | MMU 1 ms | 5 ms | 20 ms | interrupted | sweeping |\n\
         |---:|---:|---|---:|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let quantiles = TOLD_QUANTILES.map(|at| micros(row.quantiles[at]));
        let utilisation = TOLD.map(|at| format!("{:.0} %", row.utilisation[at] * 100.0));
        let culprit = row.longest_culprit().unwrap_or("–");
        let sweeping = if row.policy == Policy::Control { "–".into() } else { percent(row.sweeping) };
        let _ = writeln!(
            out,
            "| {} MB | {} | {} | {} | {} | {culprit} | {} | {} | {} | {sweeping} |",
            row.live,
            row.stack,
            row.policy,
            quantiles.join(" | "),
            micros(row.longest),
            micros(row.longest_wall),
            utilisation.join(" | "),
            percent(row.interrupted),
        );
    }
    out
}

/// The longest interruption by who made it, and what an undisturbed batch takes.
pub fn culprits(rows: &[Row]) -> String {
    let mut out = format!("| live | stack | policy | {} | a batch |\n", CULPRITS.join(" | "));
    let _ = writeln!(out, "|---:|---:|---|{}", "---:|".repeat(CULPRITS.len() + 1));
    for row in rows {
        let times = row.longest_by.map(micros);
        let (times, usual) = (times.join(" | "), micros(row.usual));
        let _ = writeln!(out, "| {} MB | {} | {} | {times} | {usual} |", row.live, row.stack, row.policy);
    }
    out
}
