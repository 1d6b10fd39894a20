//! Searches and campaigns, from the command line.

use grisaille_oracle::Subject;
use grisaille_oracle::small::{Bound, search};
use grisaille_oracle::subject;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let depth: usize = args[1].parse().unwrap();
    let names: Vec<Subject> = match args.get(2).map(String::as_str) {
        None => subject::SOUND.to_vec(),
        Some("broken") => subject::BROKEN.to_vec(),
        Some(name) => vec![Subject::by_name(name).expect("a subject")],
    };
    let get = |n: &str| std::env::var(n).map_or(1, |t| t.parse().unwrap());
    for subject in names {
        let start = std::time::Instant::now();
        let outcome = search(&subject, Bound::new(depth, get("S")), get("T"));
        let s = start.elapsed().as_secs_f64();
        println!(
            "{:50} {:>9} programs {:>9} states, longest {} {s:.2} s, {:.0}/s {:?}",
            subject.name,
            outcome.programs,
            outcome.states,
            outcome.longest,
            outcome.programs as f64 / s,
            outcome.levels
        );
        if let Some(found) = outcome.found {
            println!("   depth {}: {}", found.depth, found.failure.what.lines().next().unwrap());
            println!("   {:?}", found.program);
        }
    }
}
