//! The Markdown.

use std::fmt::Write;

use crate::column::Column;
use crate::machine;
use crate::measurement::{Measurement, Outcome};
use crate::runner::{REPETITIONS_IF_SLOW, SLOW};
use crate::sample::Sample;
use crate::workload::Workload;

/// All tables, the machine, and what is to be said about the peers.
pub fn markdown(measurements: &[Measurement]) -> String {
    let mut report = Report::new(measurements);
    let mut text = String::new();
    report.times(&mut text);
    report.peaks(&mut text);
    report.stalls(&mut text);
    report.notes(&mut text);
    text
}

struct Report<'m> {
    measurements: &'m [Measurement],
    columns: Vec<Column>,
    workloads: Vec<(Workload, usize)>,
    notes: Vec<&'static str>,
}

impl<'m> Report<'m> {
    fn new(measurements: &'m [Measurement]) -> Self {
        let columns = Column::all().filter(|column| measurements.iter().any(|m| m.column == *column)).collect();
        let mut workloads: Vec<_> = measurements.iter().map(|m| (m.workload, m.size)).collect();
        workloads.sort_unstable();
        workloads.dedup();
        Report { measurements, columns, workloads, notes: Vec::new() }
    }

    fn times(&mut self, text: &mut String) {
        let _ = writeln!(
            text,
            "Nanoseconds a unit, and in brackets how many times as long that is as in the first column:\n"
        );
        self.table(text, &self.workloads.clone(), false, |samples, first| {
            let time = |samples: &[&Sample]| median(samples.iter().map(|sample| sample.nanoseconds_a_unit));
            let Some(time_of) = time(samples) else { return String::new() };
            match time(first) {
                Some(first) => format!("{} ({}×)", digits(time_of), digits(time_of / first)),
                None => digits(time_of),
            }
        });
    }

    fn peaks(&mut self, text: &mut String) {
        let _ = writeln!(text, "\nPeak memory of the process, in MiB:\n");
        self.table(text, &self.workloads.clone(), false, |samples, _| {
            median(samples.iter().filter_map(|sample| sample.peak).map(mebibytes)).map_or("?".into(), digits)
        });
        let _ = write!(text, "\nThe fields of what lives at once, without headers and tables, in MiB:");
        for (index, &(workload, size)) in self.workloads.iter().enumerate() {
            let live = digits(mebibytes(workload.live(size)));
            let _ = write!(text, "{} {} {live}", if index > 0 { "," } else { "" }, workload.name(size));
        }
        text.push_str(".\n");
        let start = self.measurements.iter().filter_map(|m| m.outcome.sample()?.at_start).map(mebibytes);
        if let (Some(low), Some(high)) = (start.clone().min_by(f64::total_cmp), start.max_by(f64::total_cmp)) {
            let _ = writeln!(text, "Resident before the workload began: {} to {}.", digits(low), digits(high));
        }
    }

    fn stalls(&mut self, text: &mut String) {
        let workloads: Vec<_> = self.workloads.iter().copied().filter(|(workload, _)| workload.ticks()).collect();
        if workloads.is_empty() {
            return;
        }
        let _ = writeln!(
            text,
            "\nLongest stall, in microseconds: the longest time that 100 steps took, by the thread's processor time (the \
             smallest of all repetitions), and in brackets by the clock on the wall (the median):\n"
        );
        self.table(text, &workloads, true, |samples, _| {
            let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1e3;
            let processor = samples.iter().filter_map(|sample| sample.stall_processor).map(microseconds);
            let wall = median(samples.iter().filter_map(|sample| sample.stall_wall).map(microseconds));
            match (processor.min_by(f64::total_cmp), wall) {
                (Some(processor), Some(wall)) => format!("{} ({})", digits(processor), digits(wall)),
                _ => String::new(),
            }
        });
    }

    fn table(
        &mut self,
        text: &mut String,
        workloads: &[(Workload, usize)],
        watch: bool,
        cell: impl Fn(&[&Sample], &[&Sample]) -> String,
    ) {
        let columns = self.columns_of(workloads, watch);
        let _ = write!(text, "| |");
        for column in &columns {
            let _ = write!(text, " {column} |");
        }
        let _ = writeln!(text, "\n|---|{}", "---:|".repeat(columns.len()));
        for &(workload, size) in workloads {
            let _ = write!(text, "| {}, {} |", workload.name(size), workload.unit());
            let first = self.samples(&columns[0], workload, watch);
            for column in &columns {
                let samples = self.samples(column, workload, watch);
                let mut entry = if samples.is_empty() { String::new() } else { cell(&samples, &first) };
                if let Some(failure) = self.failure(column, workload, watch) {
                    entry = failure;
                }
                let note = column.peer().reason(workload).or(column.peer().remark(workload));
                if column.peer().reason(workload).is_some() {
                    entry.push('–');
                }
                if let Some(note) = note {
                    let _ = write!(entry, " [{}]", self.note(note));
                }
                let _ = write!(text, " {entry} |");
            }
            text.push('\n');
        }
    }

    /// The columns in which there is something to show.
    fn columns_of(&self, workloads: &[(Workload, usize)], watch: bool) -> Vec<Column> {
        let has = |column: &Column| {
            workloads.iter().any(|&(workload, size)| {
                let of_them = |m: &&Measurement| (m.workload, m.size, m.watch) == (workload, size, watch);
                self.measurements.iter().filter(of_them).any(|m| m.column == *column)
            })
        };
        self.columns.iter().filter(|column| has(column)).cloned().collect()
    }

    fn samples(&self, column: &Column, workload: Workload, watch: bool) -> Vec<&'m Sample> {
        let of_them = |m: &&Measurement| m.column == *column && m.workload == workload && m.watch == watch;
        self.measurements.iter().filter(of_them).filter_map(|m| m.outcome.sample()).collect()
    }

    fn failure(&self, column: &Column, workload: Workload, watch: bool) -> Option<String> {
        let of_them = |m: &&Measurement| m.column == *column && m.workload == workload && m.watch == watch;
        self.measurements.iter().filter(of_them).find_map(|m| match &m.outcome {
            Outcome::Done(_) => None,
            Outcome::TimedOut(seconds) => Some(format!("over {seconds} s")),
            Outcome::Failed(_) => Some("failed".to_owned()),
        })
    }

    /// The number of a note.
    fn note(&mut self, note: &'static str) -> usize {
        let known = self.notes.iter().position(|known| *known == note).unwrap_or_else(|| {
            self.notes.push(note);
            self.notes.len() - 1
        });
        known + 1
    }

    fn notes(&self, text: &mut String) {
        text.push('\n');
        for (index, note) in self.notes.iter().enumerate() {
            let _ = writeln!(text, "{}. {note}", index + 1);
        }
        text.push('\n');
        for column in &self.columns {
            let _ = writeln!(text, "* {column}: {}", column.peer().note);
        }
        text.push('\n');
        let repetitions = self.measurements.iter().map(|m| m.repetition + 1).max().unwrap_or(0);
        let slow = |m: &&Measurement| m.outcome.sample().is_some_and(|sample| sample.seconds > SLOW);
        let _ = writeln!(text, "* {repetitions} repetitions, interleaved; medians");
        if repetitions > REPETITIONS_IF_SLOW && self.measurements.iter().any(|m| slow(&m)) {
            let _ = writeln!(text, "* {REPETITIONS_IF_SLOW} repetitions of what took more than {SLOW} s");
        }
        text.push_str(&machine::describe());
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// Three digits.
fn digits(value: f64) -> String {
    match value {
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::{digits, median};

    #[test]
    fn medians() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
    }

    #[test]
    fn three_digits() {
        assert_eq!(
            [0.123, 9.994, 9.995, 99.94, 99.96, 1234.5].map(digits),
            ["0.12", "9.99", "10.0", "99.9", "100", "1234"]
        );
    }
}
