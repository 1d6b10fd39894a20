//! [`Bound`]: the bounds of an exploration.

/// The size of the heap, and the means of the mutator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound {
    /// Objects that exist at once, at most 3. Unreachable objects make room.
    pub objects: usize,
    /// Slots of an object, 1 or 2.
    pub slots: usize,
    /// Roots of each area, at most 3 in all.
    pub areas: [usize; 2],
    /// Whether there is a weak pointer.
    pub weak: bool,
    /// Objects that may be mutated as a whole at once.
    pub guards: usize,
    /// Whether roots are lent as cells.
    pub cells: bool,
}

/// Enough for every rule to show why it is there.
pub const SMALL: Bound = Bound { objects: 2, slots: 1, areas: [1, 1], weak: true, guards: 1, cells: true };

/// The bounds that `cargo run` explores. The broken columns run at the first of these.
pub const FULL: [Bound; 5] = [
    Bound { objects: 3, ..SMALL },
    Bound { objects: 3, areas: [2, 1], cells: false, ..SMALL },
    Bound { objects: 3, areas: [3, 0], cells: false, guards: 3, ..SMALL },
    Bound { slots: 2, areas: [2, 1], guards: 2, ..SMALL },
    Bound { objects: 3, slots: 2, weak: false, cells: false, ..SMALL },
];

impl Bound {
    /// Returns the roots of an area.
    pub fn roots_of(&self, area: usize) -> core::ops::Range<usize> {
        if area == 0 { 0..self.areas[0] } else { self.areas[0]..self.roots() }
    }

    /// Returns the area of a root.
    pub fn area_of(&self, root: usize) -> usize {
        usize::from(root >= self.areas[0])
    }

    /// Returns the number of roots.
    pub fn roots(&self) -> usize {
        self.areas[0] + self.areas[1]
    }

    /// Returns the areas that may exist.
    pub fn all_areas(&self) -> core::ops::Range<usize> {
        0..if self.areas[1] == 0 { 1 } else { 2 }
    }
}

impl core::fmt::Display for Bound {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Bound { objects, slots, areas, weak, guards, cells } = self;
        let [first, second] = areas;
        let areas = if *second == 0 { format!("{first}") } else { format!("{first}+{second}") };
        let weak = if *weak { ", weak" } else { "" };
        let guards = if *guards > 0 { format!(", {guards} guarded") } else { String::new() };
        let cells = if *cells { ", cells" } else { "" };
        f.pad(&format!("{objects}x{slots} slots, {areas} roots{weak}{guards}{cells}"))
    }
}
