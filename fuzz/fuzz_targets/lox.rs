//! Lox programs, under every policy: all of them must print the same.
#![no_main]

use grisaille_fuzz::lox::{Source, show_program_at_panic};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: show_program_at_panic(), |source: Source| {
    source.run_everywhere();
});
