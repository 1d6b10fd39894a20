//! Explores the table at its full bound, or prints the shortest traces.
use std::time::Instant;
use grisaille_abstract::bound::Bound;
use grisaille_abstract::column::{broken, sound};
use grisaille_abstract::search::{Goal, explore};
use grisaille_abstract::trace;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let n = |i: usize| args[i].parse::<usize>().unwrap();
    let bound = Bound { objects: n(2), slots: n(3), areas: [n(4), n(5)], weak: n(6) == 1, guards: n(7) };
    let list = if args[1] == "sound" { sound() } else { broken() };
    for named in list {
        let t = Instant::now();
        let found = explore(&named.column, &bound, if args[1] == "sound" { Goal::Invariant } else { Goal::Lost });
        println!("{named:60} {bound} initial {} states {} trans {} depth {} lost {:?} broken {:?} {:.1}s", found.initial, found.states, found.transitions, found.depth, found.lost.as_ref().map(|l| l.len()), found.broken.as_ref().map(|l|l.len()), t.elapsed().as_secs_f32());
        if let Some(way) = &found.lost {
            println!("{}", trace::table(&trace::replay(way, &named.column, &bound), &named.column, &bound));
        }
    }
}
