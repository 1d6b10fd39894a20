//! The pacer beside a mutator and a marker whose times are invented: what it leaves to the mutator, how often it
//! collects, and how high the heap peaks, in a time that no machine disturbs.

use super::*;

/// Bytes of work to mark a byte.
const WORK: f64 = 1.5;
/// Bytes allocated between two safepoints.
const SAFEPOINT: usize = 512;
/// Bytes that are allocated before the open hole is booked.
const HOLE: usize = 4096;

/// A mutator of which `live` bytes live: all else that it allocates is garbage.
#[derive(Clone, Copy)]
struct Program {
    live: usize,
    /// Bytes allocated in a nanosecond.
    allocates: f64,
    /// Bytes of work marked in a nanosecond.
    marks: f64,
    share: Option<u8>,
}

/// What was seen.
struct Seen {
    cycles: usize,
    peak: usize,
    /// The time of steps, and of all.
    steps: f64,
    time: f64,
    /// The least part of 20 milliseconds that the mutator had.
    utilisation: f64,
}

/// A marking in progress.
struct Marking {
    left: f64,
    born_black: usize,
    steps: f64,
}

impl Program {
    /// Runs the program under a policy that marks in steps, or with `incremental` false in one pause.
    fn run(self, incremental: bool) -> Seen {
        let pace = Pace { growth: 256, floor: 1 << 20, limit: usize::MAX, automatic: true, share: self.share };
        let (pacer, start) = (Pacer::new(pace, incremental).unwrap(), Instant::now());
        let at = |time: f64| start + Duration::from_nanos(time as u64);
        pacer.marking_ended(self.live, 0, (self.live as f64 * WORK) as usize, Duration::ZERO);
        pacer.step_ended(0, true, start);
        let mut seen = Seen { cycles: 0, peak: 0, steps: 0.0, time: 0.0, utilisation: 1.0 };
        let (mut marking, mut allocated, mut open, mut last) = (None::<Marking>, 0, 0, 0.0);
        let mut steps = Vec::new();
        while allocated < 32 * self.live {
            // Some cycles pass before the pacer knows the program.
            if seen.cycles < 4 {
                (seen.peak, seen.steps, seen.time, last, allocated) = (0, 0.0, 0.0, last - seen.time, 0);
                steps.clear();
            }
            allocated += SAFEPOINT;
            open += SAFEPOINT;
            seen.time += SAFEPOINT as f64 / self.allocates;
            if open < HOLE && pacer.is_too_early(open) {
                continue;
            }
            if let Some(marking) = &mut marking {
                marking.born_black += open;
            }
            let due = pacer.allocated(core::mem::take(&mut open));
            seen.peak = seen.peak.max(pacer.size());
            if !due {
                continue;
            }
            let away = seen.time - last;
            let mut spent = 0.0;
            if marking.is_none() {
                if !pacer.wants_cycle(usize::MAX) {
                    pacer.step_ended(0, true, at(seen.time));
                    continue;
                }
                pacer.idle_ends();
                pacer.charge(false, at(seen.time));
                pacer.cycle_starts(false);
                marking = Some(Marking { left: self.live as f64 * WORK, born_black: 0, steps: 0.0 });
            }
            if let Some(marking) = &mut marking {
                let charge = pacer.charge(false, at(seen.time));
                let timed = (charge.time.as_nanos() as f64 * self.marks).max(charge.anyway as f64);
                let bound = if incremental { timed.min(charge.work as f64) } else { f64::MAX };
                spent = bound.min(marking.left);
                marking.left -= spent;
                marking.steps += spent / self.marks;
            }
            let took = spent / self.marks;
            steps.push((seen.time, took));
            seen.steps += took;
            seen.time += took;
            last = seen.time;
            let ended = marking.take_if(|marking| marking.left <= 0.0);
            if let Some(Marking { born_black, steps, .. }) = &ended {
                let work = (self.live as f64 * WORK) as usize;
                pacer.marking_ended(self.live + born_black, *born_black, work, Duration::from_nanos(*steps as u64));
                pacer.swept();
                seen.cycles += 1;
            }
            let nanoseconds = |time: f64| Duration::from_nanos(time as u64);
            pacer.ran(&Run { wall: nanoseconds(took), took: nanoseconds(took), away: nanoseconds(away) });
            pacer.step_ended(spent as usize, ended.is_some(), at(seen.time));
        }
        seen.cycles -= 4;
        seen.utilisation = utilisation(&steps, 20e6);
        seen
    }
}

/// Returns the least part of any so long window that is not steps, of which each begins at a time and takes a time.
fn utilisation(steps: &[(f64, f64)], window: f64) -> f64 {
    let (mut worst, mut sum, mut end) = (0.0f64, 0.0, 0);
    // A worst window begins with a step.
    for &(start, took) in steps {
        while end < steps.len() && steps[end].0 < start + window {
            sum += steps[end].1;
            end += 1;
        }
        let beyond = steps[end - 1].0 + steps[end - 1].1 - (start + window);
        worst = worst.max(sum - beyond.max(0.0));
        sum -= took;
    }
    1.0 - worst / window
}

/// Programs of which a stopped world takes a fifth to a quarter of the time: an interpreter with a few megabytes, which
/// allocates 100 MB/s; one with 60 megabytes; a program that allocates 500 MB/s and is marked fast.
const USUAL: [Program; 3] = [
    Program { live: 4 << 20, allocates: 0.1, marks: 0.5, share: None },
    Program { live: 60 << 20, allocates: 0.1, marks: 0.5, share: None },
    Program { live: 60 << 20, allocates: 0.5, marks: 3.0, share: None },
];

#[test]
fn in_steps_a_heap_collects_hardly_more_often_than_in_pauses_and_peaks_no_higher() {
    for program in USUAL {
        let (steps, pauses) = (program.run(true), program.run(false));
        let ratio = steps.cycles as f64 / pauses.cycles as f64;
        assert!(ratio < 1.3, "{} MB: {} cycles and {}", program.live >> 20, steps.cycles, pauses.cycles);
        let peak = steps.peak as f64 / pauses.peak as f64;
        assert!(peak < 1.1, "{} MB: a peak of {} MB and {}", program.live >> 20, steps.peak >> 20, pauses.peak >> 20);
        let share = steps.steps / steps.time;
        assert!(share < 0.3, "{} MB: {share}", program.live >> 20);
    }
}

/// A program that allocates so fast that its gigabyte cannot be marked below the goal at a share of a half.
const FAST: Program = Program { live: 1 << 30, allocates: 0.5, marks: 1.0, share: None };

#[test]
fn a_mutator_has_its_share_of_any_20_milliseconds() {
    for program in USUAL.into_iter().chain([FAST]) {
        for share in [50, 75] {
            let had = Program { share: Some(share), ..program }.run(true).utilisation;
            assert!(had > 0.98 - f64::from(share) / 100.0, "{} MB, {share} %: {had}", program.live >> 20);
        }
    }
}

#[test]
fn while_a_gigabyte_is_marked_more_than_half_of_the_time_is_the_mutators() {
    let seen = FAST.run(true);
    assert!(seen.utilisation > 0.5, "{}", seen.utilisation);
    assert!(seen.peak < 4 * FAST.live, "{} MB", seen.peak >> 20);
}

#[test]
fn a_larger_share_ends_cycles_sooner() {
    let cycles = |share| Program { share: Some(share), ..USUAL[1] }.run(true).cycles;
    let cycles = [50, 75, 100].map(cycles);
    assert!(cycles.is_sorted_by(|a, b| a > b), "{cycles:?}");
}
