//! The goal: the size that the heap may reach before marking ends, and the part of the headroom in which a cycle marks.
//! Sizes are in bytes.

/// The last part of the headroom, which a cycle does not plan to use: one in this many.
pub(super) const SLACK_SHARE: usize = 16;
/// Most headroom for what was born black: one byte for so many of the growth's.
const BLACK_SHARE: usize = 8;
/// Factor of the growth up to which the goal gives way to the mutator's share of the time.
const MOST_STRETCHED: usize = 3;

/// Returns the size that a heap with `live` live bytes, `born_black` of them born black, should not pass: with `growth`
/// bytes of headroom for each 256 live ones, and no less than `floor`.
pub(super) fn wanted(live: usize, born_black: usize, growth: usize, floor: usize) -> usize {
    let grown = |bytes: usize, growth: usize| bytes.saturating_add((bytes / 256).saturating_mul(growth));
    // Bytes born black use headroom up, all but an eighth of it, or floating garbage would make room for more of itself
    // from cycle to cycle. At least a quarter of the growth is left.
    let marked = live.saturating_sub(born_black);
    let black = born_black.min((marked / 256).saturating_mul(growth) / BLACK_SHARE);
    grown(marked, growth).saturating_add(black).max(grown(live, growth / 4)).max(floor)
}

/// Returns the size up to which the goal is raised where the mutator allocates `needed` bytes in its share of the time
/// while a cycle marks: so that there is room for these, up to a multiple of the growth.
pub(super) fn stretched(live: usize, born_black: usize, growth: usize, needed: usize) -> usize {
    let marked = live.saturating_sub(born_black);
    let most = marked.saturating_add((marked / 256).saturating_mul(growth).saturating_mul(MOST_STRETCHED));
    live.saturating_add(needed).saturating_add(needed / 4).min(most)
}

/// Returns how much of what was new when marking began was alive, in 1/256: `before` bytes were marked the time before,
/// and of `size` bytes `marked` now. What was marked before is taken to be alive still.
pub(super) fn survival(before: usize, size: usize, marked: usize) -> usize {
    let new = size.saturating_sub(before);
    let survived = marked.saturating_sub(before).min(new);
    (survived as u128 * 256).checked_div(new as u128).unwrap_or(0) as usize
}

/// Returns the part of the headroom in which a cycle marks: the `needed` bytes that the mutator allocates in its share
/// of that time, an eighth more, and the slack. Nearly all of the headroom, if need be.
pub(super) fn runway(headroom: usize, needed: usize) -> usize {
    let runway = needed.saturating_add(needed / 8).saturating_add(headroom / SLACK_SHARE);
    runway.min(headroom - headroom / 16)
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
            // What was born black is not counted, but for an eighth of the growth.
            [8192, 512, 256, 0, 15872],
            [8192, 2048, 256, 0, 13056],
            // Only a quarter of the growth is left.
            [8192, 8192, 256, 0, 10240],
            [usize::MAX, 0, 256, 0, usize::MAX],
        ] {
            assert_eq!(wanted(live, born_black, growth, floor), goal, "{live} {born_black} {growth} {floor}");
        }
    }

    #[test]
    fn runways() {
        // An eighth more than is needed and a sixteenth of the headroom, and all but a sixteenth at the most.
        assert_eq!(runway(16 << 20, 0), 1 << 20);
        assert_eq!(runway(16 << 20, 8 << 20), 10 << 20);
        assert_eq!(runway(16 << 20, 16 << 20), 15 << 20);
        assert_eq!(runway(0, 1 << 20), 0);
    }

    #[test]
    fn goals_give_way() {
        // Room for what is needed, a quarter more, and three times the growth at the most.
        assert_eq!(stretched(9 << 20, 1 << 20, 256, 4 << 20), 14 << 20);
        assert_eq!(stretched(9 << 20, 1 << 20, 256, 64 << 20), 32 << 20);
        assert_eq!(stretched(9 << 20, 1 << 20, 128, 64 << 20), 20 << 20);
    }

    #[test]
    fn survivals() {
        assert_eq!(survival(8 << 20, 16 << 20, 8 << 20), 0);
        assert_eq!(survival(8 << 20, 16 << 20, 4 << 20), 0, "some of the old died");
        assert_eq!(survival(8 << 20, 16 << 20, 12 << 20), 128);
        assert_eq!(survival(8 << 20, 16 << 20, 16 << 20), 256);
        assert_eq!(survival(0, 0, 0), 0);
        assert_eq!(survival(0, usize::MAX, usize::MAX), 256);
    }
}
