//! Makes the table of `tests/README.md`: which detector finds which broken heap, and how soon.
//!
//! Each cell is a process of its own: a heap with a broken part may take the whole process with it.

use std::fmt::Write;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::ValueEnum;
use grisaille_oracle::small::{Bound, search};
use grisaille_oracle::{By, Subject, Watch, campaign, subject};

/// A detector of what is broken.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Detector {
    /// Random programs beside the shadow graph.
    Shadow,
    /// The verifier, at each step of random programs.
    Verifier,
    /// The second mark, in random programs.
    SecondMark,
    /// All small programs.
    Small,
    /// The fuzzer.
    Fuzzer,
}

impl Detector {
    fn heading(self) -> &'static str {
        match self {
            Detector::Shadow => "random programs: shadow graph",
            Detector::Verifier => "random programs: verifier",
            Detector::SecondMark => "random programs: second mark",
            Detector::Small => "every small program",
            Detector::Fuzzer => "fuzzer",
        }
    }
}

/// The time that each detector tries.
#[derive(Clone, clap::Args)]
pub struct Effort {
    /// Of random programs, and of the fuzzer.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Random programs, at the most.
    #[arg(long, default_value_t = 20_000)]
    programs: u64,
    /// Operations of a small program, at the most, besides steps of the collector.
    #[arg(long, default_value_t = 5)]
    depth: usize,
    /// Runs of the fuzzer, at the most.
    #[arg(long, default_value_t = 200_000)]
    fuzz_runs: u64,
}

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    effort: Effort,
    /// The fuzz target of operations, built.
    #[arg(long, requires = "seeds")]
    fuzzer: Option<PathBuf>,
    /// Its seeds.
    #[arg(long)]
    seeds: Option<PathBuf>,
    /// The column to make, or all of them.
    #[arg(long = "detector", value_name = "DETECTOR")]
    detectors: Vec<Detector>,
}

#[derive(clap::Args)]
pub struct Cell {
    subject: String,
    detector: Detector,
    #[command(flatten)]
    effort: Effort,
}

/// Prints after how many cases the detector finds something.
pub fn detect(cell: &Cell) -> ExitCode {
    let Some(subject) = Subject::by_name(&cell.subject) else { return ExitCode::FAILURE };
    std::panic::set_hook(Box::new(|_| {}));
    let effort = &cell.effort;
    let random = |watch, by| {
        campaign::first_found(&subject, watch, by, effort.seed, effort.programs).map(|number| number.to_string())
    };
    let found = match cell.detector {
        // Programs that are watched by drops have no objects without a drop: no maps.
        Detector::Shadow => random(Watch::Drops, By::Shadow).or_else(|| random(Watch::Verifier, By::Shadow)),
        Detector::Verifier => random(Watch::Verifier, By::Verifier),
        Detector::SecondMark => random(Watch::SecondMark, By::SecondMark),
        Detector::Small => search(&subject, Bound::new(effort.depth, 1), 1)
            .found
            .map(|found| format!("{} of {} operations", found.programs, found.depth)),
        Detector::Fuzzer => None,
    };
    match found {
        Some(found) => {
            println!("{found}");
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    }
}

/// Prints the table, in Markdown.
pub fn run(arguments: &Arguments) -> ExitCode {
    match table(arguments) {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn table(arguments: &Arguments) -> io::Result<String> {
    let detectors = if arguments.detectors.is_empty() { Detector::value_variants() } else { &arguments.detectors };
    let mut text = String::from("| broken |");
    for detector in detectors {
        let _ = write!(text, " {} |", detector.heading());
    }
    text += "\n|---|";
    text += &"---:|".repeat(detectors.len());
    for subject in subject::broken() {
        let _ = write!(text, "\n| {} |", subject.name);
        for &detector in detectors {
            let cell = match detector {
                Detector::Fuzzer => fuzzed(subject, arguments)?,
                _ => alone(subject, detector, &arguments.effort)?,
            };
            eprintln!("{}: {}: {cell}", subject.name, detector.heading());
            let _ = write!(text, " {cell} |");
        }
    }
    Ok(text + "\n")
}

/// Returns the cell of the table where nothing was found.
const NOTHING: &str = "–";

/// Runs this program again, for one cell.
fn alone(subject: &Subject, detector: Detector, effort: &Effort) -> io::Result<String> {
    let name = detector.to_possible_value().expect("no detector is hidden");
    let output = Command::new(std::env::current_exe()?)
        .args(["detect", subject.name, name.get_name()])
        .args(["--seed", &effort.seed.to_string(), "--programs", &effort.programs.to_string()])
        .args(["--depth", &effort.depth.to_string()])
        .output()?;
    Ok(match output.status.code() {
        Some(0) => String::from_utf8_lossy(&output.stdout).trim().into(),
        Some(_) => NOTHING.into(),
        None => "the process dies".into(),
    })
}

/// Runs the fuzzer until it finds something.
fn fuzzed(subject: &Subject, arguments: &Arguments) -> io::Result<String> {
    let (Some(fuzzer), Some(seeds)) = (&arguments.fuzzer, &arguments.seeds) else { return Ok("not run".into()) };
    let scratch = std::env::temp_dir().join(format!("grisaille-mutants-{}", std::process::id()));
    // What the fuzzer keeps goes to its first folder.
    let corpus = scratch.join("corpus");
    std::fs::create_dir_all(&corpus)?;
    let effort = &arguments.effort;
    let output = Command::new(fuzzer)
        .env("GRISAILLE_SUBJECT", subject.name)
        .args([format!("-runs={}", effort.fuzz_runs), format!("-seed={}", effort.seed)])
        .args(["-print_final_stats=1".into(), format!("-artifact_prefix={}/", scratch.display())])
        .args([&corpus, seeds])
        .output();
    std::fs::remove_dir_all(&scratch)?;
    let output = output?;
    if output.status.success() {
        return Ok(NOTHING.into());
    }
    let report = String::from_utf8_lossy(&output.stderr);
    let runs = report.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    Ok(runs.map_or("failed".into(), |runs| runs.trim().into()))
}
