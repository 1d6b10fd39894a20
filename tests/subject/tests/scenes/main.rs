//! The textbook scenes of incremental marking, step by step: which object is white, grey or black, and when.
//!
//! A file for each policy asserts colours; `lost` removes the rules of the table in `src/barrier/mod.rs`, one at a
//! time, and shows the object that is lost without each; `programs` has the small mutators that both the sound policies
//! and the broken ones run, at every interleaving with the collector.

// The library with parts that can be broken, by the name that the derive's output has.
extern crate grisaille_subject as grisaille;

mod colors;
mod deletion;
mod hybrid;
mod insertion;
mod lost;
mod programs;
mod roots_first;
mod stage;
mod stop_the_world;
mod watermark;
