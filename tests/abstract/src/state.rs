//! [`State`]: a heap in the middle of a cycle, and its packed form.

/// Objects that a state has room for.
pub const OBJECTS: usize = 3;
/// Slots that an object has room for.
pub const SLOTS: usize = 2;
/// Roots that a state has room for.
pub const ROOTS: usize = 3;

/// An object's number.
pub type Object = usize;

/// What slots and roots hold: an object, or nil.
pub type Pointer = Option<Object>;

/// The colour of an object, if there is one of this number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Color {
    /// Not reached yet.
    White,
    /// Reached, and to be traced.
    Grey,
    /// Traced, or born so.
    Black,
    /// No such object.
    Absent,
}

/// What the collector knows of a root.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Status {
    /// Scanned, or made since the cycle began. A root that holds nil and is scanned may as well not exist.
    Scanned,
    /// To be scanned.
    Unscanned,
    /// Written since it was scanned.
    Dirty,
    /// Of an area that was destroyed: the mutator cannot see it, and the collector has still to look.
    Ghost,
}

/// A root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Root {
    /// The object that the root holds.
    pub value: Pointer,
    /// The collector's knowledge of the root.
    pub status: Status,
    /// Whether the mutator has the root as a cell, and may write it by no rule until the collector's next move.
    pub cell: bool,
}

impl Root {
    /// A root that may as well not exist.
    pub const NONE: Root = Root { value: None, status: Status::Scanned, cell: false };
}

/// A set of objects.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Set(pub u8);

impl Set {
    /// Returns whether the set has the object.
    pub fn has(self, object: Object) -> bool {
        self.0 >> object & 1 == 1
    }

    /// Returns the set of all objects.
    pub fn of(objects: impl IntoIterator<Item = Object>) -> Set {
        let mut set = Set::default();
        objects.into_iter().for_each(|object| _ = set.insert(object));
        set
    }

    /// Returns the union of two sets.
    pub fn and(self, other: Set) -> Set {
        Set(self.0 | other.0)
    }

    /// Returns the objects of this set that the other does not have.
    pub fn but(self, other: Set) -> Set {
        Set(self.0 & !other.0)
    }

    /// Returns whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds the object; true: it was not there.
    pub fn insert(&mut self, object: Object) -> bool {
        let before = self.0;
        self.0 |= 1 << object;
        self.0 != before
    }

    /// Iterates over the objects of the set.
    pub fn iter(self) -> impl Iterator<Item = Object> {
        (0..OBJECTS).filter(move |&object| self.has(object))
    }
}

/// A heap in the middle of a cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// The objects.
    pub colors: [Color; OBJECTS],
    /// The values of the objects' slots.
    pub slots: [[Pointer; SLOTS]; OBJECTS],
    /// The roots of all areas.
    pub roots: [Root; ROOTS],
    /// The areas that exist.
    pub areas: [bool; 2],
    /// The objects that the mutator can reach, by roots or by registers.
    pub held: Set,
    /// The objects that the mutator may write without a barrier, since it mutates them as a whole.
    pub guarded: Set,
    /// The target of the weak pointer.
    pub weak: Pointer,
    /// Whether the window is open.
    pub window: bool,
    /// Whether liveness is decided.
    pub ended: bool,
}

impl State {
    /// A state without objects and areas.
    pub fn empty() -> State {
        State {
            colors: [Color::Absent; OBJECTS],
            slots: [[None; SLOTS]; OBJECTS],
            roots: [Root::NONE; ROOTS],
            areas: [false; 2],
            held: Set::default(),
            guarded: Set::default(),
            weak: None,
            window: false,
            ended: false,
        }
    }

    /// Returns the objects that exist.
    pub fn objects(&self) -> Set {
        Set::of((0..OBJECTS).filter(|&object| self.colors[object] != Color::Absent))
    }

    /// Returns the objects of a colour.
    pub fn of_color(&self, color: Color) -> Set {
        Set::of((0..OBJECTS).filter(|&object| self.colors[object] == color))
    }

    /// Returns whether the value is an object, and white.
    pub fn is_white(&self, pointer: Pointer) -> bool {
        pointer.is_some_and(|object| self.colors[object] == Color::White)
    }

    /// Makes a white object grey.
    pub fn shade(&mut self, pointer: Pointer) {
        if let Some(object) = pointer
            && self.colors[object] == Color::White
        {
            self.colors[object] = Color::Grey;
        }
    }

    /// Shades the children of an object.
    pub fn shade_children(&mut self, object: Object) {
        for child in self.slots[object] {
            self.shade(child);
        }
    }

    /// Returns whether some root is still to be scanned.
    pub fn has_unscanned(&self) -> bool {
        self.roots.iter().any(|root| matches!(root.status, Status::Unscanned | Status::Ghost))
    }

    /// Adds all that the objects of the set lead to, through objects that `passes` lets through.
    pub fn close(&self, mut set: Set, passes: impl Fn(Color) -> bool) -> Set {
        loop {
            let before = set;
            for object in before.iter() {
                for child in self.slots[object].into_iter().flatten() {
                    if passes(self.colors[child]) {
                        set.insert(child);
                    }
                }
            }
            if set == before {
                return set;
            }
        }
    }

    /// Returns the objects that the roots lead to.
    pub fn rooted(&self) -> Set {
        let roots = self.roots.iter().filter(|root| root.status != Status::Ghost);
        self.close(Set::of(roots.filter_map(|root| root.value)), |_| true)
    }
}

/// A state in one word. Low bits first: three objects of 2 + 2 * 2 bits, three roots of 2 + 2 + 1, then single bits.
impl State {
    /// Returns the state as a word, its objects renamed: `names[object]` is the new name.
    pub fn pack(&self, names: [Object; OBJECTS], bound: &crate::bound::Bound) -> u64 {
        let pointer = |pointer: Pointer| pointer.map_or(0, |object| names[object] as u64 + 1);
        let mut word = 0;
        let mut sets = 0;
        for (object, &name) in names.iter().enumerate() {
            let [first, second] = self.slots[object].map(pointer);
            // The slots of an object are alike.
            let bits = self.colors[object] as u64 | first.min(second) << 2 | first.max(second) << 4;
            word |= bits << (6 * name);
            sets |= u64::from(self.held.has(object)) << name;
            sets |= u64::from(self.guarded.has(object)) << (3 + name);
        }
        // So are the roots of an area.
        let mut roots =
            self.roots.map(|root| pointer(root.value) | (root.status as u64) << 2 | u64::from(root.cell) << 4);
        for area in 0..2 {
            roots[bound.roots_of(area)].sort_unstable_by(|a, b| b.cmp(a));
        }
        let mut areas = self.areas;
        // And two areas of one size: only `1+1` fits.
        if bound.areas == [1, 1] && (areas[0], roots[0]) < (areas[1], roots[1]) {
            roots.swap(0, 1);
            areas.swap(0, 1);
        }
        for (at, root) in roots.into_iter().enumerate() {
            word |= root << (18 + 5 * at);
        }
        word |= sets << 33;
        word |= pointer(self.weak) << 39;
        for (at, bit) in [areas[0], areas[1], self.window, self.ended].into_iter().enumerate() {
            word |= u64::from(bit) << (41 + at);
        }
        word
    }

    /// Returns the state that a word stands for.
    pub fn unpack(word: u64) -> State {
        const COLORS: [Color; 4] = [Color::White, Color::Grey, Color::Black, Color::Absent];
        const STATUSES: [Status; 4] = [Status::Scanned, Status::Unscanned, Status::Dirty, Status::Ghost];
        let field = |from: usize, bits: usize| (word >> from) as usize & ((1 << bits) - 1);
        let pointer = |from: usize| field(from, 2).checked_sub(1);
        State {
            colors: core::array::from_fn(|object| COLORS[field(6 * object, 2)]),
            slots: core::array::from_fn(|object| {
                core::array::from_fn(|slot| pointer(6 * object + 2 + 2 * (SLOTS - 1 - slot)))
            }),
            roots: core::array::from_fn(|root| Root {
                value: pointer(18 + 5 * root),
                status: STATUSES[field(18 + 5 * root + 2, 2)],
                cell: field(18 + 5 * root + 4, 1) == 1,
            }),
            held: Set(field(33, 3) as u8),
            guarded: Set(field(36, 3) as u8),
            weak: pointer(39),
            areas: [field(41, 1) == 1, field(42, 1) == 1],
            window: field(43, 1) == 1,
            ended: field(44, 1) == 1,
        }
    }
}
