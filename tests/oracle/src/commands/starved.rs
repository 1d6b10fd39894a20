//! Runs random programs with refused requests for memory.

use std::process::ExitCode;

use grisaille::fault;
use grisaille_oracle::campaign;

#[derive(clap::Args)]
pub struct Arguments {
    /// Operations on each heap, all runs of all programs together.
    #[arg(long, default_value_t = 1_000_000)]
    operations: u64,
    /// Programs are made from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A policy; the six policies, unless given.
    #[arg(long = "subject", value_name = "NAME")]
    subjects: Vec<String>,
}

pub fn run(arguments: &Arguments) -> ExitCode {
    let Some(subjects) = crate::subjects(&arguments.subjects) else { return ExitCode::FAILURE };
    // What a heap panics with is in the report.
    std::panic::set_hook(Box::new(|_| {}));
    for subject in subjects {
        let campaign = campaign::starve(&subject, arguments.seed, arguments.operations);
        println!(
            "{}, seed {}: {} operations, {} programs run {} times, {} requests for memory refused, {:.1?}",
            subject.name,
            arguments.seed,
            campaign.operations,
            campaign.programs,
            campaign.runs,
            campaign.refused,
            campaign.time
        );
        if let Some((program, watch, [granted, refused], failure)) = campaign.failure {
            println!(
                "program {} failed at operation {}, {granted} requests granted and the next {refused} refused: {}",
                campaign.programs - 1,
                failure.at,
                failure.what
            );
            println!("{}", fault::with_memory(granted, refused, || subject.replay(&program, watch)).0);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
