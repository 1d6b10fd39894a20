//! The table, in Markdown.

use std::fmt::Write;

use super::run::Figures;

/// The figures of a program under a policy.
#[derive(Clone, Debug)]
pub struct Row {
    pub program: String,
    pub policy: &'static str,
    pub figures: Figures,
}

impl Row {
    /// Makes a row of the runs' figures: the run of the median time, and of all the shortest longest interruption and
    /// the best utilisation, since the machine disturbs these.
    pub fn new(program: &str, policy: &'static str, mut runs: Vec<Figures>) -> Row {
        runs.sort_by_key(|run| run.processor);
        let mut figures = runs[runs.len() / 2];
        for run in &runs {
            figures.longest = figures.longest.min(run.longest);
            for (best, utilisation) in figures.utilisation.iter_mut().zip(run.utilisation) {
                *best = best.max(utilisation);
            }
        }
        Row { program: program.into(), policy, figures }
    }
}

/// Returns the time of a row beside that of the first policy, under which the world stops.
pub fn ratio(rows: &[Row], row: &Row) -> f64 {
    let base = rows.iter().find(|other| other.program == row.program).unwrap_or(row);
    row.figures.processor as f64 / base.figures.processor as f64
}

/// Returns all rows as a table.
pub fn table(rows: &[Row]) -> String {
    let mut out = String::from(
        "| program | policy | processor, s | ratio | collector | cycles | marked, MB | peak, MB | heap, MB | longest, µs | MMU 1 ms | 5 ms | 20 ms |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let f = &row.figures;
        let utilisation = f.utilisation.map(|share| format!("{:.0} %", share * 100.0)).join(" | ");
        let _ = writeln!(
            out,
            "| {} | {} | {:.2} | {:.2} | {:.0} % | {} | {:.1} | {:.1} | {:.1} | {:.0} | {utilisation} |",
            row.program,
            row.policy,
            f.processor as f64 / 1e9,
            ratio(rows, row),
            f.steps as f64 / f.thread as f64 * 100.0,
            f.cycles,
            f.marked as f64 / 1e6,
            f.peak as f64 / 1e6,
            f.heap as f64 / 1e6,
            f.longest as f64 / 1e3,
        );
    }
    out
}
