//! Heap operations on each policy, beside the oracle: the first byte selects policy and watchman.
#![no_main]

use grisaille_fuzz::mutate::mutate;
use grisaille_fuzz::operations::{HEAD, Trial, catch_panics};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(init: catch_panics(), |trial: Trial| trial.run());

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(data, size, max_size, seed, HEAD).unwrap_or_else(|| fuzzer_mutate(data, size, max_size))
});
