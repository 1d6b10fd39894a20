//! The same operations with the sweeper's thread: every sweep is handed over to it, however small, by two heaps at once.
#![no_main]

use grisaille_fuzz::mutate::mutate;
use grisaille_fuzz::operations::{HEAD, Pair, catch_panics};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(init: catch_panics(), |pair: Pair| pair.run());

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(data, size, max_size, seed, HEAD + 1).unwrap_or_else(|| fuzzer_mutate(data, size, max_size))
});
