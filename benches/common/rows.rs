//! Criterion's rows: a legend before each group, and settings with which all benches together take minutes.

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput};

pub type Group<'c> = BenchmarkGroup<'c, WallTime>;

/// The length of a row's run.
#[derive(Clone, Copy)]
pub enum Pace {
    /// Iterations of micro- to milliseconds.
    Short,
    /// Iterations of many milliseconds, or with much untimed work between them: one or a few a sample.
    Long,
}

/// Makes a group of rows, after printing its legend. `operations` is the number in an iteration: criterion's `elem/s`.
pub fn group<'c>(c: &'c mut Criterion, name: &str, legend: &str, operations: usize, pace: Pace) -> Group<'c> {
    println!("\n{name}: {legend}\n");
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(operations as u64)).nresamples(2000).sample_size(10);
    match pace {
        Pace::Short => group.warm_up_time(Duration::from_millis(50)).measurement_time(Duration::from_millis(250)),
        Pace::Long => group
            .sampling_mode(SamplingMode::Flat)
            .warm_up_time(Duration::from_millis(1))
            .measurement_time(Duration::from_millis(500)),
    };
    group
}
