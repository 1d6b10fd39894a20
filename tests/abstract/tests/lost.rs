//! Every rule of the table prevents a lost object: without the rule one is lost, in a known number of moves.

use grisaille_abstract::bound::SMALL;
use grisaille_abstract::column::{Broken, broken};
use grisaille_abstract::search::{Goal, explore};
use grisaille_abstract::trace::page;

#[test]
fn every_broken_rule_loses_an_object() {
    for Broken { named, moves, .. } in broken() {
        let found = explore(&named.column, &SMALL, Goal::Lost);
        assert_eq!(found.lost.map(|way| way.len()), Some(moves), "{named}");
    }
}

/// An invariant that no broken rule breaks would say nothing.
#[test]
fn the_invariant_is_broken_before_an_object_is_lost() {
    for Broken { named, moves, .. } in broken() {
        let found = explore(&named.column, &SMALL, Goal::Invariant);
        let way = found.broken.unwrap_or_else(|| panic!("{named}: the invariant holds"));
        assert!(found.lost.is_none() && way.len() - 1 < moves, "{named}: {way:?}");
    }
}

/// The order in which the real collector works saves one of them: but under `Hybrid` it traces no object before all roots
/// are scanned, so nothing is black in the window. That column is what it runs, but for the order.
#[test]
fn the_order_of_work_saves_a_window_without_a_barrier() {
    let mut saved = Vec::new();
    for Broken { named, as_collected, .. } in broken() {
        let column = named.column.as_collected();
        let found = explore(&column, &SMALL, Goal::Lost);
        assert_eq!(found.lost.map(|way| way.len()), as_collected, "{named}");
        if as_collected.is_none() {
            assert!(explore(&column, &SMALL, Goal::Invariant).broken.is_none(), "{named}");
            saved.push(named.change);
        }
    }
    assert_eq!(saved, ["that traces in the window"]);
}

#[test]
fn the_page_of_the_documentation_is_what_the_search_finds() {
    let page = page(&SMALL);
    let written = include_str!("../../../src/barrier/lost.md");
    assert!(
        page == written,
        "src/barrier/lost.md is out of date: cargo run --release -p grisaille-abstract -- traces >src/barrier/lost.md"
    );
}
