//! [`Plan`]: the runner, which starts a process for each measurement.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;

use crate::child::Child;
use crate::column::Column;
use crate::measurement::{Measurement, Outcome};
use crate::peer::Allocator;
use crate::report;
use crate::workload::Workload;

/// A process that took longer than so many seconds is repeated less often.
pub const SLOW: f64 = 4.0;

/// How often, at most.
pub const REPETITIONS_IF_SLOW: usize = 3;

/// What is to be measured.
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// Only these workloads.
    #[arg(long)]
    pub workload: Vec<Workload>,
    /// Only these peers.
    #[arg(long)]
    pub peer: Vec<String>,
    /// How often. Three times at most for what takes more than 4 seconds; once for what does not end.
    #[arg(long, default_value_t = 5)]
    pub repetitions: usize,
    /// The small sizes: does it work?
    #[arg(long)]
    pub quick: bool,
    /// Seconds after which a process is stopped.
    #[arg(long, default_value_t = 30)]
    pub timeout: u64,
    /// Appends the raw results to a file, a line of JSON each.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Measures nothing: prints the tables of raw results.
    #[arg(long)]
    pub from: Vec<PathBuf>,
}

impl Plan {
    /// Measures, and prints. Fails when a process fails, or when two peers do not return the same.
    pub fn run(&self) -> ExitCode {
        let measured = if self.from.is_empty() { self.measure() } else { self.read() };
        let measurements = match measured {
            Ok(measurements) => measurements,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        };
        print!("{}", report::markdown(&measurements));
        let faults = faults(&measurements);
        for fault in &faults {
            eprintln!("{fault}");
        }
        if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn read(&self) -> Result<Vec<Measurement>, Box<dyn Error>> {
        let mut measurements = Vec::new();
        for file in &self.from {
            for line in fs::read_to_string(file)?.lines() {
                measurements.push(serde_json::from_str(line)?);
            }
        }
        Ok(measurements)
    }

    fn measure(&self) -> Result<Vec<Measurement>, Box<dyn Error>> {
        if let Some(unknown) = self.peer.iter().find(|name| !Column::all().any(|column| column.peer == **name)) {
            return Err(format!("there is no peer `{unknown}`").into());
        }
        let programs = Programs::build()?;
        let workloads = if self.workload.is_empty() { Workload::ALL } else { &self.workload };
        let columns: Vec<Column> =
            Column::all().filter(|column| self.peer.is_empty() || self.peer.contains(&column.peer)).collect();
        let mut json = self.json.as_ref().map(|file| append_to(file)).transpose()?;
        let mut measurements: Vec<Measurement> = Vec::new();
        for repetition in 0..self.repetitions {
            for &workload in workloads {
                for column in columns.iter().filter(|column| column.peer().row(workload).is_some()) {
                    for watch in [false, true] {
                        if watch && !workload.ticks() || self.has_enough(&measurements, column, workload, watch) {
                            continue;
                        }
                        let child = Child { peer: column.peer.clone(), workload, quick: self.quick, watch };
                        let outcome = Outcome::of(programs.of(column.allocator), &child, self.timeout);
                        let size = workload.size(self.quick);
                        let column = column.clone();
                        let measurement = Measurement { column, workload, size, watch, repetition, outcome };
                        if let Some(json) = &mut json {
                            writeln!(json, "{}", serde_json::to_string(&measurement)?)?;
                        }
                        measurements.push(measurement);
                    }
                }
            }
        }
        Ok(measurements)
    }

    /// Whether what came before says that it need not be repeated.
    fn has_enough(&self, all: &[Measurement], column: &Column, workload: Workload, watch: bool) -> bool {
        let mut count = 0;
        let mut slow = false;
        for before in all.iter().filter(|m| m.column == *column && m.workload == workload && m.watch == watch) {
            count += 1;
            match &before.outcome {
                Outcome::Done(sample) => slow |= sample.seconds > SLOW,
                Outcome::TimedOut(_) | Outcome::Failed(_) => return true,
            }
        }
        slow && count >= REPETITIONS_IF_SLOW
    }
}

fn append_to(file: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(file)
}

/// Processes that failed, and checksums that differ.
fn faults(measurements: &[Measurement]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut checksums = BTreeMap::new();
    for Measurement { column, workload, size, outcome, .. } in measurements {
        match outcome {
            Outcome::Done(sample) => {
                let (expected, first) = *checksums.entry((*workload, *size)).or_insert((sample.checksum, column));
                if sample.checksum != expected {
                    faults.push(format!("{workload:?}: {column} computes {}, {first} {expected}", sample.checksum));
                }
            }
            Outcome::Failed(error) => faults.push(format!("{workload:?} on {column}: {error}")),
            Outcome::TimedOut(_) => {}
        }
    }
    faults
}

/// The binaries, one an allocator.
struct Programs {
    system: PathBuf,
    mimalloc: PathBuf,
}

impl Programs {
    /// Has cargo build the other binary from the sources of this one, if it was cargo that ran this one.
    fn build() -> Result<Programs, Box<dyn Error>> {
        let system = std::env::current_exe()?;
        let mimalloc = system.with_file_name(format!("peers-mimalloc{}", std::env::consts::EXE_SUFFIX));
        if let Some(cargo) = std::env::var_os("CARGO") {
            let mut build = Command::new(cargo);
            build.args(["build", "--quiet", "--bin", "peers-mimalloc", "--manifest-path"]);
            build.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
            if !cfg!(debug_assertions) {
                build.arg("--release");
            }
            if !build.status()?.success() {
                return Err("`peers-mimalloc` cannot be built".into());
            }
        }
        if !mimalloc.exists() {
            return Err(format!("there is no {}: use `cargo run --release`", mimalloc.display()).into());
        }
        Ok(Programs { system, mimalloc })
    }

    fn of(&self, allocator: Allocator) -> &Path {
        match allocator {
            Allocator::System => &self.system,
            Allocator::Mimalloc => &self.mimalloc,
        }
    }
}
