//! The heap, tested through its public API.

// The library with parts that can be broken, by the name that the derive's output has.
extern crate grisaille_subject as grisaille;

mod alignment;
mod any;
mod cells;
mod density;
mod drops;
mod entering;
mod fibers;
mod large;
mod ledger;
mod limits;
mod memory;
mod natives;
mod outside;
mod overflow;
mod rooted_cells;
mod shapes;
mod stats;
mod steps;
mod threads;
mod weak;

use grisaille::Sweep;

/// Every way to sweep.
const SWEEPS: [Sweep; 3] = [Sweep::Concurrent, Sweep::Lazy, Sweep::Eager];

#[path = "../support/policies.rs"]
mod policies;
pub(crate) use policies::for_each_policy;
