//! The runner, and the peers on the system's allocator.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use grisaille_peers::child::Child;
use grisaille_peers::runner::Plan;

/// The same workloads on grisaille and on what a program would take instead. Prints Markdown.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    plan: Plan,
}

#[derive(Subcommand)]
enum Command {
    /// Takes one sample in this process.
    Child(Child),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Child(child)) => child.run(),
        None => arguments.plan.run(),
    }
}
