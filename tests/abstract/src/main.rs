//! Explores the table at its full bound, or prints the shortest traces.

use std::process::ExitCode;
use std::time::Instant;

use grisaille_abstract::bound::{Bound, FULL, SMALL};
use grisaille_abstract::column::{Broken, Named, broken, sound};
use grisaille_abstract::search::{Found, Goal, explore};
use grisaille_abstract::trace::page;

const USAGE: &str = "\
usage: grisaille-abstract          explore the sound policies and the broken ones at the full bound
       grisaille-abstract traces   print the shortest trace of each broken policy, as Markdown";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => explore_all(),
        ["traces"] => {
            print!("{}", page(&SMALL));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

/// Explores all columns. Fails where a result is not the one that is claimed.
fn explore_all() -> ExitCode {
    let mut all_as_claimed = true;
    let mut total = 0;
    for bound in FULL {
        println!("\n{bound}\n");
        println!("{:54}{:>12}{:>14}{:>9}{:>9}  found", "sound", "states", "transitions", "deepest", "seconds");
        for named in sound() {
            let found = explore_and_print(&named, &bound, Goal::Invariant, None);
            total += found.states;
            all_as_claimed &= found.lost.is_none() && found.broken.is_none();
        }
    }
    let bound = FULL[0];
    for collected in [false, true] {
        println!("\n{bound}{}\n", if collected { ", in the order of work of the real collector" } else { "" });
        println!("{:54}{:>12}{:>14}{:>9}{:>9}  found", "broken", "states", "transitions", "deepest", "seconds");
        for Broken { mut named, moves, as_collected } in broken() {
            if collected {
                named.column = named.column.as_collected();
            }
            let claimed = if collected { as_collected } else { Some(moves) };
            let found = explore_and_print(&named, &bound, Goal::Lost, claimed);
            total += found.states;
            all_as_claimed &= found.lost.map(|way| way.len()) == claimed;
        }
    }
    println!(
        "\n{total} states in all. {}",
        if all_as_claimed { "All is as claimed." } else { "Not all is as claimed." }
    );
    if all_as_claimed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `claimed`: in how many moves it should lose an object.
fn explore_and_print(named: &Named, bound: &Bound, goal: Goal, claimed: Option<usize>) -> Found {
    let start = Instant::now();
    let found = explore(&named.column, bound, goal);
    let seconds = start.elapsed().as_secs_f64();
    let lost = found.lost.as_ref().map(Vec::len);
    let mut verdict = match (lost, &found.broken) {
        (Some(moves), _) => format!("lost in {moves} moves"),
        (_, Some(way)) => format!("the invariant is broken in {} moves", way.len() - 1),
        (None, None) => "nothing is lost".into(),
    };
    if lost != claimed {
        verdict += " (not as claimed)";
    }
    let Found { states, transitions, depth, .. } = found;
    println!("{named:54}{states:>12}{transitions:>14}{depth:>9}{seconds:>9.1}  {verdict}");
    found
}
