//! Prints the peaks of memory of the patterns of [`grisaille_peers::fragmentation`], each taken in a process of its own:
//! `cargo run --release --bin fragmentation`, after `cargo build --release`, which builds the other program that it starts.

#![forbid(unsafe_code)]

use std::process::{Command, ExitCode};

use grisaille_peers::fragmentation::{PATTERNS, SUBJECTS, child};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [pattern, subject] = &arguments[..] {
        child(pattern, subject);
        return ExitCode::SUCCESS;
    }
    let Ok(program) = std::env::current_exe() else {
        eprintln!("this program does not know where it is");
        return ExitCode::FAILURE;
    };
    println!("| pattern | subject | peak / budget |\n|---|---|---|");
    for pattern in PATTERNS {
        for (name, subject, program) in [("glibc", SUBJECTS[0], program.clone())]
            .into_iter()
            .chain([("mimalloc", SUBJECTS[0], program.with_file_name("fragmentation-mimalloc"))])
            .chain(SUBJECTS[1..].iter().map(|subject| (*subject, *subject, program.clone())))
        {
            match Command::new(&program).args([pattern, subject]).output() {
                Ok(output) if output.status.success() => {
                    println!("| {pattern} | {name} | {} |", String::from_utf8_lossy(&output.stdout).trim());
                }
                other => {
                    eprintln!("{}: {other:?}", program.display());
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    ExitCode::SUCCESS
}
