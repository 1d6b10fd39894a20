//! The goal: the size that the heap may reach before marking ends, and the part of the headroom in which a cycle marks.
//! Sizes are in bytes.

use std::time::Duration;

use super::POLL_BYTES;

/// Share of the headroom in which a cycle marks: one in this many, or more where marking takes longer.
const MARKING_SHARE: usize = 8;

/// Returns the size that a heap with `live` live bytes, `born_black` of them born black, should not pass: with `growth`
/// bytes of headroom for each 256 live ones, and no less than `floor`.
pub(super) fn wanted(live: usize, born_black: usize, growth: usize, floor: usize) -> usize {
    let grown = |bytes: usize, growth: usize| bytes.saturating_add((bytes / 256).saturating_mul(growth));
    // Bytes born black use headroom up, or floating garbage would make room for more of itself from cycle to cycle.
    // At least a quarter of the growth is left.
    let marked = live.saturating_sub(born_black);
    grown(marked, growth).max(grown(live, growth / 4)).max(floor)
}

/// Returns the part of the headroom in which a cycle marks: the bytes allocated between as many full steps as marking
/// took last time, and a quarter more, since the steps of a late cycle follow each other closely. Nearly all of the
/// headroom, if need be. Measured in `docs/experiments.md`, "The pacer".
///
/// `marking` is the time of the last marking, `step` that of a step, and `spared` the bytes not allocated before the
/// steps of the last cycle that barriers owed.
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
            // Only a quarter of the growth is left.
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
        // The bytes allocated between that many steps, and a quarter more.
        assert_eq!(runway(16 << 20, 256, 0), 5 << 20);
        assert_eq!(runway(16 << 20, 256, 1 << 20), (3 << 20) + (3 << 18));
        assert_eq!(runway(0, 256, 0), 0);
    }
}
