//! The shadow graph: what the heap should hold, in plain Rust.

/// Slots of every object that has any.
pub const SLOTS: usize = 3;

/// The kinds of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Cons,
    Guarded,
    Background,
    Bag,
    Tuple,
    Array(u32),
    Str,
    Interned,
    /// The cell of a weak pointer.
    Weak,
}

impl Kind {
    /// The kinds that can be allocated, by number: the plainest most often.
    pub fn new(number: u8) -> Kind {
        const KINDS: [Kind; 16] = [
            Kind::Cons,
            Kind::Cons,
            Kind::Cons,
            Kind::Cons,
            Kind::Cons,
            Kind::Guarded,
            Kind::Guarded,
            Kind::Bag,
            Kind::Bag,
            Kind::Tuple,
            Kind::Tuple,
            Kind::Background,
            Kind::Str,
            // A small one, one of medium size, a large one (of a block) that is scanned in pieces, one of two blocks.
            Kind::Array(4),
            Kind::Array(40),
            Kind::Array(600),
        ];
        match number {
            u8::MAX => Kind::Array(2100),
            _ => KINDS[number as usize % KINDS.len()],
        }
    }

    /// The least number of a kind that can be allocated.
    pub fn number(self) -> u8 {
        (0..=u8::MAX).find(|number| Kind::new(*number) == self).expect("a kind that can be allocated")
    }

    /// A number for each kind.
    pub fn tag(self) -> u64 {
        match self {
            Kind::Cons => 1,
            Kind::Guarded => 2,
            Kind::Background => 3,
            Kind::Bag => 4,
            Kind::Tuple => 5,
            Kind::Str => 6,
            Kind::Interned => 7,
            Kind::Weak => 8,
            Kind::Array(len) => 9 + u64::from(len),
        }
    }

    /// The same, of kinds that tell of their death by a drop.
    pub fn with_witness(number: u8) -> Kind {
        if number % 3 == 2 { Kind::Bag } else { Kind::Guarded }
    }

    pub fn has_slots(self) -> bool {
        !matches!(self, Kind::Str | Kind::Interned | Kind::Weak)
    }

    pub fn has_witness(self) -> bool {
        matches!(self, Kind::Guarded | Kind::Background | Kind::Bag)
    }

    /// Whether the slot may hold anything, or pointers to conses only.
    pub fn is_word(self, slot: usize) -> bool {
        self == Kind::Cons && slot == SLOTS - 1
    }
}

/// A value: nothing, or an object by its number.
pub type Shade = Option<u32>;

pub struct Object {
    pub kind: Kind,
    pub slots: [Shade; SLOTS],
    /// Of a weak pointer: what it points to.
    pub target: u32,
    /// A weak pointer has said that it is no more.
    pub gone: bool,
}

/// All objects that ever were, by number.
#[derive(Default)]
pub struct Shadow {
    pub objects: Vec<Object>,
}

impl Shadow {
    pub fn add(&mut self, kind: Kind, slots: [Shade; SLOTS], target: u32) -> u32 {
        self.objects.push(Object { kind, slots, target, gone: false });
        self.objects.len() as u32 - 1
    }

    pub fn kind(&self, value: Shade) -> Option<Kind> {
        value.map(|id| self.objects[id as usize].kind)
    }

    pub fn get(&self, id: u32, slot: usize) -> Shade {
        self.objects[id as usize].slots[slot]
    }

    pub fn set(&mut self, id: u32, slot: usize, value: Shade) {
        let word = self.objects[id as usize].kind.is_word(slot);
        let value = if word { self.cons_only(value) } else { value };
        self.objects[id as usize].slots[slot] = value;
    }

    /// What a slot for conses makes of a value.
    pub fn cons_only(&self, value: Shade) -> Shade {
        value.filter(|_| self.kind(value) == Some(Kind::Cons))
    }

    /// What the roots reach.
    pub fn reach(&self, roots: impl Iterator<Item = Shade>) -> Vec<bool> {
        let mut reached = vec![false; self.objects.len()];
        let mut work: Vec<u32> = roots.flatten().collect();
        while let Some(id) = work.pop() {
            if !std::mem::replace(&mut reached[id as usize], true) {
                work.extend(self.objects[id as usize].slots.iter().flatten());
            }
        }
        reached
    }
}
