//! Searches for reachable objects that a heap frees, for as long as you like: `cargo run -p grisaille-oracle -- help`.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use commands::{mutants, random, small, starved};
use grisaille_oracle::{Subject, subject};

/// Programs of heap operations, and the oracle that watches them.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs random programs, made from a seed.
    Random(random::Arguments),
    /// Runs random programs without memory: each request for some is refused once, alone and with all after it.
    Starved(starved::Arguments),
    /// Runs every small program: up to some operations, with any number of collector steps of one unit between them.
    Small(small::Arguments),
    /// Prints which detector finds which broken heap, and how soon: the table of tests/README.md.
    Mutants(mutants::Arguments),
    /// One cell of that table, in a process of its own.
    #[command(hide = true)]
    Detect(mutants::Cell),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Random(arguments) => random::run(&arguments),
        Command::Starved(arguments) => starved::run(&arguments),
        Command::Small(arguments) => small::run(&arguments),
        Command::Mutants(arguments) => mutants::run(&arguments),
        Command::Detect(cell) => mutants::detect(&cell),
    }
}

/// The subjects that are meant: those named, or else the six policies.
fn subjects(names: &[String]) -> Option<Vec<Subject>> {
    if names.is_empty() {
        return Some(subject::SOUND.to_vec());
    }
    let named: Option<Vec<Subject>> = names.iter().map(|name| Subject::by_name(name)).collect();
    if named.is_none() {
        eprintln!("there is no heap of that name; there are:");
        let all = subject::SOUND.iter().chain(subject::SOUND_VARIANTS).chain(subject::broken());
        all.for_each(|subject| eprintln!("  {}", subject.name));
    }
    named
}
