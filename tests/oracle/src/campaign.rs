//! Runs many random programs in a row, each of which can be made again from the seed and its number.

use std::time::{Duration, Instant};

use grisaille::fault;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::random::{DIETS, OPS};
use crate::{By, Config, Failure, Program, Subject, Watch};

/// What a campaign came to.
#[derive(Debug)]
pub struct Campaign {
    /// Programs that were run, the failing one included.
    pub programs: u64,
    /// Operations in them.
    pub operations: u64,
    /// The time that it took.
    pub time: Duration,
    /// The program that failed.
    pub failure: Option<(Program, Watch, Failure)>,
}

/// The `number`th program of a seed: fewer than [`OPS`] operations, with the diets of [`crate::random::program`] in turn.
pub fn program(seed: u64, number: u64) -> Program {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&number.to_le_bytes());
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &key);
    let [sweep, mode, queue, ending, limit, ..] = rng.next_u64().to_le_bytes();
    let op = DIETS[(number % DIETS.len() as u64) as usize];
    let ops = (0..1 + rng.next_u32() as usize % (OPS - 1)).map(|_| op(rng.next_u32().to_le_bytes())).collect();
    Program { config: Config { sweep, mode, queue, ending, limit }, ops }
}

/// Runs programs until they have had so many operations together, or one fails. Watchmen take turns.
pub fn run(subject: &Subject, seed: u64, operations: u64) -> Campaign {
    let start = Instant::now();
    let mut campaign = Campaign { programs: 0, operations: 0, time: Duration::ZERO, failure: None };
    while campaign.operations < operations && campaign.failure.is_none() {
        let program = program(seed, campaign.programs);
        let watch = Watch::ALL[(campaign.programs % Watch::ALL.len() as u64) as usize];
        campaign.programs += 1;
        campaign.operations += program.ops.len() as u64;
        campaign.failure = subject.run(&program, watch).err().map(|failure| (program, watch, failure));
    }
    campaign.time = start.elapsed();
    campaign
}

/// What a campaign without memory came to.
#[derive(Debug)]
pub struct Starved {
    /// Programs that were made.
    pub programs: u64,
    /// How often one was run, and operations in all these runs.
    pub runs: u64,
    /// Operations of them.
    pub operations: u64,
    /// Requests for memory that were refused.
    pub refused: u64,
    /// The time that it took.
    pub time: Duration,
    /// The program that failed, after how many requests were granted, and how many were refused then.
    pub failure: Option<(Program, Watch, [u64; 2], Failure)>,
}

/// Runs programs in a world that has no memory for them: each one once for every request for memory that it makes, which
/// is refused, and once more with all those after it refused too. Until they have had so many operations together, or one
/// fails.
pub fn starve(subject: &Subject, seed: u64, operations: u64) -> Starved {
    let start = Instant::now();
    let mut campaign = Starved { programs: 0, runs: 0, operations: 0, refused: 0, time: Duration::ZERO, failure: None };
    while campaign.operations < operations && campaign.failure.is_none() {
        let program = program(seed, campaign.programs);
        let watch = Watch::ALL[(campaign.programs % Watch::ALL.len() as u64) as usize];
        campaign.programs += 1;
        for granted in 0.. {
            let mut refused = 0;
            for refuse in [1, u64::MAX] {
                let (outcome, count) = fault::with_memory(granted, refuse, || subject.run(&program, watch));
                campaign.runs += 1;
                campaign.operations += program.ops.len() as u64;
                refused += count;
                if let Err(failure) = outcome {
                    campaign.failure = Some((program, watch, [granted, refuse], failure));
                    campaign.time = start.elapsed();
                    return campaign;
                }
            }
            campaign.refused += refused;
            // It does not ask so often.
            if refused == 0 {
                break;
            }
        }
    }
    campaign.time = start.elapsed();
    campaign
}

/// Which program of a seed is the first that this detector finds something wrong with, counted from 1, among so many.
pub fn first_found(subject: &Subject, watch: Watch, by: By, seed: u64, programs: u64) -> Option<u64> {
    let found = |number: &u64| subject.run(&program(seed, *number), watch).is_err_and(|failure| failure.by() == by);
    (0..programs).find(found).map(|number| number + 1)
}
