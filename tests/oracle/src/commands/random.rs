//! Runs random programs.

use std::process::ExitCode;

use grisaille_oracle::campaign;

#[derive(clap::Args)]
pub struct Arguments {
    /// Operations on each heap.
    #[arg(long, default_value_t = 1_000_000)]
    operations: u64,
    /// Programs are made from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A policy, or a heap that is broken on purpose; the six policies, unless given.
    #[arg(long = "subject", value_name = "NAME")]
    subjects: Vec<String>,
}

pub fn run(arguments: &Arguments) -> ExitCode {
    let Some(subjects) = crate::subjects(&arguments.subjects) else { return ExitCode::FAILURE };
    // What a broken heap panics with is in the report.
    std::panic::set_hook(Box::new(|_| {}));
    for subject in subjects {
        let campaign = campaign::run(&subject, arguments.seed, arguments.operations);
        println!(
            "{}, seed {}: {} operations in {} programs, {:.1?}",
            subject.name, arguments.seed, campaign.operations, campaign.programs, campaign.time
        );
        if let Some((program, watch, failure)) = campaign.failure {
            println!("program {} failed at operation {}: {}", campaign.programs - 1, failure.at, failure.what);
            println!("{}", subject.shortest(program, watch));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
