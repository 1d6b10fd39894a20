//! [`Plan`]: the runner, which starts a process for each measurement.

use std::process::ExitCode;

use clap::Args;

/// What is to be measured.
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// The small sizes: does it work?
    #[arg(long)]
    pub quick: bool,
}

impl Plan {
    /// Measures, and prints.
    pub fn run(&self) -> ExitCode {
        ExitCode::SUCCESS
    }
}
