//! Runs every small program.

use std::process::ExitCode;
use std::time::Instant;

use grisaille_oracle::small::{Bound, search};
use grisaille_oracle::{Watch, subject};

#[derive(clap::Args)]
pub struct Arguments {
    /// Operations of a program, at the most, besides steps of the collector.
    #[arg(long, default_value_t = 5)]
    depth: usize,
    /// Slots of an object that are used: 1 or 2.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    slots: u8,
    /// A policy, sound or broken; all that are sound, unless given.
    #[arg(long = "subject", value_name = "NAME")]
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

pub fn run(arguments: &Arguments) -> ExitCode {
    let Some(mut subjects) = crate::subjects(&arguments.subjects) else { return ExitCode::FAILURE };
    if arguments.broken {
        subjects = subject::broken().copied().collect();
    }
    std::panic::set_hook(Box::new(|_| {}));
    let bound = Bound::new(arguments.depth, arguments.slots.into());
    println!("{bound:?}, {} threads", arguments.threads);
    let mut as_it_should = true;
    for subject in subjects {
        let start = Instant::now();
        let outcome = search(&subject, bound, arguments.threads);
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
        as_it_should &= outcome.found.is_some() == subject::broken().any(|broken| broken.name == subject.name);
        if let Some(found) = outcome.found {
            println!("  program {} fails, of {} operations:", found.programs, found.depth);
            println!("{}", subject.replay(&found.program, Watch::Verifier));
        }
    }
    if as_it_should { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
