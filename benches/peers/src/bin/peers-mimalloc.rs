//! The peers on mimalloc. Only the runner uses it.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use grisaille_peers::child::Child;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One sample on mimalloc.
#[derive(Parser)]
enum Command {
    /// Takes one sample in this process.
    Child(Child),
}

fn main() -> ExitCode {
    let Command::Child(child) = Command::parse();
    child.run()
}
