//! The goal: how large the heap may become before marking ends, and in which part of the headroom a cycle marks. Sizes are
//! in bytes.

use std::time::Duration;

use super::POLL_BYTES;

/// The part of the headroom in which a cycle marks: one in so many, or more where marking takes longer.
const MARKING_SHARE: usize = 8;

/// Returns the size that a heap of which `live` bytes live should not pass, `born_black` of them born black: with `growth`
/// bytes of headroom for each 256 that live, and no less than `floor`.
pub(super) fn wanted(live: usize, born_black: usize, growth: usize, floor: usize) -> usize {
    let grown = |bytes: usize, growth: usize| bytes.saturating_add((bytes / 256).saturating_mul(growth));
    // What was born black uses headroom up, or garbage that floats would make room for more of it from cycle to cycle.
    // A quarter of the growth is left however much that is.
    let marked = live.saturating_sub(born_black);
    grown(marked, growth).max(grown(live, growth / 4)).max(floor)
}

/// The part of the headroom in which a cycle marks: what is allocated between as many full steps as marking took
/// last time, and a quarter more: steps of a cycle that is late follow each other closely. (As much again in place of
/// that quarter left headroom unused: GCBench took 1.14 times as long as with the world stopped, and takes 1.07; Lox's
/// trees 1.22 and 1.15.) Nearly all of it, if need be: at 1 GB at random what the last cycle let float leaves little.
/// (With three quarters at the most p99.9 of the interruptions there, with a million roots, was 104 and 106
/// microseconds, and 82 and 88 with this.)
///
/// `marking` is how long marking took last time, `step` how long a step takes, and `spared` what was not allocated before the
/// steps of the last cycle, since barriers owed them.
pub(super) fn runway(headroom: usize, marking: Duration, step: Duration, spared: usize) -> usize {
    let steps = (marking.as_nanos() / step.as_nanos()) as usize;
    let runway = steps.saturating_mul(POLL_BYTES).saturating_sub(spared);
    let runway = runway.saturating_add(runway / 4);
    runway.clamp(headroom / MARKING_SHARE, headroom - headroom / 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals() {
        // Live, born black, growth, floor, goal.
        for [live, born_black, growth, floor, goal] in [
            [1000, 0, 256, 4096, 4096],
            [8192, 0, 256, 4096, 16384],
            [8192, 0, 128, 4096, 12288],
            [8192, 2048, 256, 0, 12288],
            // A quarter of the growth is left.
            [8192, 8192, 256, 0, 10240],
            [usize::MAX, 0, 256, 0, usize::MAX],
        ] {
            assert_eq!(wanted(live, born_black, growth, floor), goal, "{live} {born_black} {growth} {floor}");
        }
    }

    #[test]
    fn runways() {
        let step = Duration::from_micros(40);
        let runway = |headroom, steps, spared| runway(headroom, step * steps, step, spared);
        // An eighth of the headroom at the least, and all but a sixteenth at the most.
        assert_eq!(runway(16 << 20, 0, 0), 2 << 20);
        assert_eq!(runway(16 << 20, 10_000, 0), 15 << 20);
        // What is allocated between so many steps, and a quarter more.
        assert_eq!(runway(16 << 20, 256, 0), 5 << 20);
        assert_eq!(runway(16 << 20, 256, 1 << 20), (3 << 20) + (3 << 18));
        assert_eq!(runway(0, 256, 0), 0);
    }
}
