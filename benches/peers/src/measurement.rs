//! [`Measurement`]: the result of one process.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wait_timeout::ChildExt;

use crate::child::Child;
use crate::column::Column;
use crate::sample::Sample;
use crate::workload::Workload;

/// One process: a line of the file of raw results.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measurement {
    /// Who.
    pub column: Column,
    /// What.
    pub workload: Workload,
    /// At which size.
    pub size: usize,
    /// Whether the longest stall was measured, and not the time.
    pub watch: bool,
    /// Which repetition.
    pub repetition: usize,
    /// What came of it.
    pub outcome: Outcome,
}

/// How a process ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Outcome {
    /// With figures.
    Done(Sample),
    /// Not within so many seconds.
    TimedOut(u64),
    /// Otherwise, and what it said.
    Failed(String),
}

impl Outcome {
    /// The figures, if there are some.
    pub fn sample(&self) -> Option<&Sample> {
        match self {
            Outcome::Done(sample) => Some(sample),
            _ => None,
        }
    }

    /// Runs `program` with the arguments of `child`, for no longer than `timeout` seconds.
    pub fn of(program: &Path, child: &Child, timeout: u64) -> Outcome {
        Self::try_of(program, child, timeout).unwrap_or_else(|error| Outcome::Failed(error.to_string()))
    }

    fn try_of(program: &Path, child: &Child, timeout: u64) -> std::io::Result<Outcome> {
        let mut process =
            Command::new(program).args(child.arguments()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let Some(status) = process.wait_timeout(Duration::from_secs(timeout))? else {
            process.kill()?;
            process.wait()?;
            return Ok(Outcome::TimedOut(timeout));
        };
        // A line each, for which pipes have room.
        let [mut output, mut errors] = [String::new(), String::new()];
        process.stdout.take().map(|mut pipe| pipe.read_to_string(&mut output)).transpose()?;
        process.stderr.take().map(|mut pipe| pipe.read_to_string(&mut errors)).transpose()?;
        Ok(match serde_json::from_str(&output) {
            Ok(sample) if status.success() => Outcome::Done(sample),
            _ => Outcome::Failed(format!("{status}: {}", errors.trim())),
        })
    }
}
