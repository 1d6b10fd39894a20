//! Searches, from the command line.
//!
//! `cargo run --release -p grisaille-oracle -- small` runs every small program under each policy.

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use grisaille_oracle::small::{Bound, search};
use grisaille_oracle::{Subject, Watch, subject};

/// Programs of heap operations, and the oracle that watches them.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs every small program: up to some operations, with any number of collector steps of one unit between them.
    Small(Small),
}

#[derive(clap::Args)]
struct Small {
    /// Operations of a program, at the most, besides steps of the collector.
    #[arg(long, default_value_t = 5)]
    depth: usize,
    /// Slots of an object that are used: 1 or 2.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    slots: u8,
    /// A policy, sound or broken; all that are sound, unless given.
    #[arg(long = "subject", visible_alias = "policy", value_name = "NAME")]
    subjects: Vec<String>,
    /// All that are broken, each of which should be found out.
    #[arg(long, conflicts_with = "subjects")]
    broken: bool,
    /// Threads; on one, what is found is the same each time.
    #[arg(long, default_value_t = threads())]
    threads: usize,
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn main() -> ExitCode {
    let Command::Small(args) = Args::parse().command;
    small(&args)
}

fn small(args: &Small) -> ExitCode {
    let mut subjects = if args.broken { subject::BROKEN.to_vec() } else { subject::SOUND.to_vec() };
    if !args.subjects.is_empty() {
        let named: Option<_> = args.subjects.iter().map(|name| Subject::by_name(name)).collect();
        let Some(named) = named else {
            eprintln!("these can be searched:");
            for subject in subject::SOUND.iter().chain(subject::BROKEN) {
                eprintln!("    {}", subject.name);
            }
            return ExitCode::FAILURE;
        };
        subjects = named;
    }
    let bound = Bound::new(args.depth, args.slots.into());
    println!("{bound:?}, {} threads", args.threads);
    let mut as_it_should = true;
    for subject in subjects {
        let start = Instant::now();
        let outcome = search(&subject, bound, args.threads);
        println!(
            "{}: {} programs, the longest of {} operations and steps, came to {} states in {:.1} s",
            subject.name,
            outcome.programs,
            outcome.longest,
            outcome.states,
            start.elapsed().as_secs_f64()
        );
        for (depth, (programs, states)) in outcome.levels.iter().enumerate() {
            println!("    {depth} operations: {programs} programs, {states} states");
        }
        let is_sound = subject::SOUND.iter().any(|sound| sound.name == subject.name);
        as_it_should &= outcome.found.is_none() == is_sound;
        if let Some(found) = outcome.found {
            println!("  program {} fails, of {} operations:", found.programs, found.depth);
            println!("{}", subject.replay(&found.program, Watch::Verifier));
        }
    }
    if as_it_should { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
