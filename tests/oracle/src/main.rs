//! Runs the oracle for as long as one likes: `cargo run --release -p grisaille-oracle -- help`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use grisaille_oracle::{Subject, campaign, subject};

#[derive(Parser)]
#[command(about = "Looks for reachable objects that a heap frees.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Random programs, on each of the five policies unless one is named.
    Random {
        /// Operations on each policy.
        #[arg(long, default_value_t = 1_000_000)]
        operations: u64,
        /// Programs are made from it.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// One policy, or a heap that is broken on purpose, by name.
        #[arg(long)]
        subject: Option<String>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Random { operations, seed, subject } => random(operations, seed, subject.as_deref()),
    }
}

fn random(operations: u64, seed: u64, name: Option<&str>) -> ExitCode {
    let one = name.map(|name| Subject::by_name(name).map(|subject| vec![subject]));
    let Some(subjects) = one.unwrap_or_else(|| Some(subject::SOUND.to_vec())) else {
        eprintln!("there is no heap of that name; there are:");
        subject::SOUND.iter().chain(subject::broken()).for_each(|subject| eprintln!("  {}", subject.name));
        return ExitCode::FAILURE;
    };
    // What a broken heap panics with is in the report.
    std::panic::set_hook(Box::new(|_| {}));
    for subject in subjects {
        let campaign = campaign::run(&subject, seed, operations);
        println!(
            "{}, seed {seed}: {} operations in {} programs, {:.1?}",
            subject.name, campaign.operations, campaign.programs, campaign.time
        );
        if let Some((program, watch, failure)) = campaign.failure {
            println!("program {} failed at operation {}: {}", campaign.programs - 1, failure.at, failure.what);
            println!("{}", subject.shortest(program, watch));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
