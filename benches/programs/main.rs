//! Programs of the two interpreters in `examples/`, Lox and Lisp, under each policy: barrier by barrier.
//!
//! Each run is a process of its own, this one called again, so that its peak of memory is its own.
//!
//! | column | what it says |
//! |---|---|
//! | `processor` | processor time of the process, the sweeper's thread included: the median of the runs |
//! | `ratio` | of that time to `stop-the-world`'s |
//! | `collector` | the share of the mutator's processor time that steps take |
//! | `cycles`, `marked` | how many cycles, and how many bytes they marked |
//! | `peak` | most resident memory of the process (on Linux) |
//! | `heap` | most bytes of the heap's objects when a step began |
//! | `longest` | the longest interruption, in processor time |
//! | `MMU` | minimum mutator utilisation: over all windows of that length, the least share of processor time that is not steps (Cheng and Blelloch, PLDI 2001) |
//!
//! ```text
//! cargo bench -p grisaille-benches --bench programs                        # all of them, under all policies
//! cargo bench -p grisaille-benches --bench programs -- cache --runs 5      # those whose name has a part
//! cargo bench -p grisaille-benches --bench programs -- --file my.scm       # programs of one's own, .scm or .lox
//! ```
//!
//! The programs in `programs/scheme` are what the pacer was tuned with.

mod plot;
mod run;
mod table;

#[path = "../common/mod.rs"]
mod common;

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

use clap::Parser;
use common::{each_barrier, each_policy, is_test};
use grisaille::Barrier;
use run::Program;
use table::Row;

/// Programs of Lox and Lisp under each policy.
#[derive(Parser, Debug)]
struct Arguments {
    /// Parts of the names of the programs to run.
    filter: Vec<String>,
    /// Runs of each program under each policy.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Other programs, in place of those that are here.
    #[arg(long)]
    file: Vec<PathBuf>,
    /// Where the plot goes.
    #[arg(long, default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/programs.svg"))]
    svg: PathBuf,
    /// Runs the program under this policy in this process, and prints a row of figures.
    #[arg(long, hide = true)]
    policy: Option<String>,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
    /// See whether it works.
    #[arg(long)]
    test: bool,
}

/// Runs the program, if the policy has that name.
fn run_as<B: Barrier>(program: &Program, policy: &str) {
    if B::NAME == policy {
        println!("{}", run::run::<B>(program).to_line());
    }
}

fn add_name<B: Barrier>(names: &mut Vec<&'static str>) {
    names.push(B::NAME);
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut programs = match arguments.file.as_slice() {
        [] => run::programs(),
        files => files.iter().map(|file| Program::read(file)).collect::<Result<_, _>>()?,
    };
    if let Some(policy) = &arguments.policy {
        let named = |program: &&Program| arguments.filter.first().is_none_or(|name| program.name == *name);
        let program = programs.iter().find(named).ok_or("there is no such program")?;
        each_policy!(run_as(program, policy));
        return Ok(());
    }
    let is_meant = |name: &str| arguments.filter.is_empty() || arguments.filter.iter().any(|part| name.contains(part));
    programs.retain(|program| is_meant(&program.name));
    let mut runs = arguments.runs.max(1);
    if is_test() {
        programs.retain(|program| ["trees_small.lox", "rewrite.scm"].contains(&program.name.as_str()));
        runs = 1;
    }
    let mut policies = Vec::new();
    each_policy!(add_name(&mut policies));
    let mut rows: Vec<Row> = Vec::new();
    for program in &programs {
        let mut seen = vec![Vec::new(); policies.len()];
        // In turn, so that what disturbs the machine disturbs all.
        for _ in 0..runs {
            for (policy, seen) in policies.iter().zip(&mut seen) {
                seen.push(in_a_process(program, policy, &arguments.file)?);
            }
        }
        rows.extend(policies.iter().zip(seen).map(|(policy, seen)| Row::new(&program.name, policy, seen)));
    }
    println!("{}", table::table(&rows));
    plot::draw(&rows, &policies, &arguments.svg)?;
    println!("Plot: {}.", arguments.svg.display());
    Ok(())
}

/// Runs the program in a process of its own.
fn in_a_process(program: &Program, policy: &str, files: &[PathBuf]) -> Result<run::Figures, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([&program.name, "--policy", policy, "--bench"]);
    files.iter().for_each(|file| _ = command.arg("--file").arg(file));
    let output = command.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{} under {policy}: {said}", program.name).into());
    }
    let said = String::from_utf8(output.stdout)?;
    run::Figures::of_line(said.trim_end()).ok_or_else(|| format!("{}: {said}", program.name).into())
}
