//! Ratios from interleaved repetitions, as Markdown tables.

use std::fmt::Write as _;

/// A case of a table, which is timed many times over.
pub struct Case<'a> {
    name: String,
    /// Runs the case once, and returns nanoseconds (or the table's unit).
    run: Box<dyn FnMut() -> f64 + 'a>,
    times: Vec<f64>,
}

impl<'a> Case<'a> {
    pub fn new(name: impl Into<String>, run: impl FnMut() -> f64 + 'a) -> Self {
        Case { name: name.into(), run: Box::new(run), times: Vec::new() }
    }
}

/// Runs the cases in turn, in one order and then in the other, so that whatever the machine does meanwhile affects all
/// of them. A first round is not counted.
pub fn interleave(cases: &mut [Case<'_>], repetitions: usize) {
    for round in 0..=repetitions {
        let mut order: Vec<usize> = (0..cases.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let case = &mut cases[index];
            let time = (case.run)();
            if round > 0 || repetitions == 0 {
                case.times.push(time);
            }
        }
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

pub fn smallest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

pub fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// A ratio of two cases, by their names.
pub struct Ratio(pub &'static str, pub &'static str);

/// Makes a table of the cases, each relative to the first.
pub fn table(title: &str, unit: &str, legend: &str, cases: &[Case<'_>], more: &[Ratio]) {
    let mut text = format!("\n## {title}\n\n{legend}\n\n");
    let base = &cases[0];
    let _ = writeln!(text, "| | {unit}, median | smallest | against {} | each repetition |", base.name);
    text.push_str("|---|--:|--:|--:|:-:|\n");
    let mut row = |name: &str, case: &Case<'_>, base: &Case<'_>| {
        let each: Vec<f64> = case.times.iter().zip(&base.times).map(|(a, b)| a / b).collect();
        let _ = writeln!(
            text,
            "| {name} | {:.2} | {:.2} | **{:.3}** | {:.3} to {:.3} |",
            median(&case.times),
            smallest(&case.times),
            median(&case.times) / median(&base.times),
            smallest(&each),
            largest(&each),
        );
    };
    for case in cases {
        row(&case.name, case, base);
    }
    for Ratio(a, b) in more {
        let find = |name: &str| cases.iter().find(|case| case.name == name).expect("a case of the table");
        row(&format!("{a} against {b}"), find(a), find(b));
    }
    print!("{text}");
}
