//! The shadow graph: what the heap should hold, in plain Rust.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Slots of every object that has any.
pub const SLOTS: usize = 3;

/// The kinds of object.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Kind {
    Cons,
    /// An object with drop glue that runs on the mutator's thread.
    Guarded,
    /// The same, and its drop panics.
    Grenade,
    /// The same, and its drop enters another heap.
    Host,
    /// The same, and it owns bytes outside the heap.
    Parcel,
    /// An object with drop glue that may run on the sweeper's thread, aligned to 16.
    Background,
    /// The same, and its drop panics.
    Fuse,
    Bag,
    Tuple,
    /// An array of slots.
    Array(u32),
    /// An array whose elements have drop glue and are aligned to 16.
    Shelf(u32),
    /// An array without pointers, whose elements are aligned to 16.
    Numbers(u32),
    /// Three tagged words.
    Words,
    /// Three packed words.
    Packs,
    /// An object with numbers that are aligned to 16.
    Wide,
    List,
    Map,
    Str,
    /// A string of so many bytes.
    Text(u32),
    Interned,
    /// The cell of a weak pointer.
    Weak,
    Ephemeron,
    /// Two pointers to objects of any type, and one to an object that is seen by a trait.
    Holder,
    /// An object that is seen by a trait.
    Thin,
    /// An object of another type that is seen by the trait, with drop glue that runs on the mutator's thread.
    Thick,
    /// A function of the host whose captures can be written.
    Native,
    /// A function of the host whose captures stay as they are.
    Closure,
    /// A weak map.
    Registry,
    /// A weak set.
    Club,
    /// A map whose keys are of a type that derives `Key`.
    Ledger,
}

/// The kinds that can be allocated, by number: the plainest most often.
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
    Kind::Wide,
    Kind::Background,
    Kind::Str,
    // A small one, one of medium size, a large one (of a block) that is scanned in pieces; in the other table, one of
    // two blocks.
    Kind::Array(4),
    Kind::Array(40),
    Kind::Array(600),
];

/// From here on a number means one of the rarer kinds.
pub const RARE: u8 = 224;

/// The least number of a list.
pub const LIST: u8 = RARE + 5;

const RARE_KINDS: [Kind; 32] = [
    Kind::Map,
    Kind::Map,
    Kind::Ledger,
    Kind::Registry,
    Kind::Club,
    Kind::List,
    Kind::List,
    Kind::List,
    Kind::Native,
    Kind::Closure,
    Kind::Words,
    Kind::Packs,
    Kind::Holder,
    Kind::Parcel,
    Kind::Holder,
    Kind::Grenade,
    Kind::Thin,
    Kind::Thick,
    Kind::Fuse,
    Kind::Thick,
    Kind::Host,
    Kind::Registry,
    Kind::Shelf(4),
    Kind::Shelf(30),
    Kind::Shelf(400),
    Kind::Numbers(5),
    Kind::Numbers(200),
    Kind::Numbers(2000),
    Kind::Text(700),
    Kind::Text(9000),
    Kind::Text(40_000),
    Kind::Array(2100),
];

/// The rarer kinds that tell of their death by a drop on the mutator's thread.
const RARE_WITNESSES: [Kind; 11] = [
    Kind::Parcel,
    Kind::Grenade,
    Kind::Thick,
    Kind::Host,
    Kind::Shelf(4),
    Kind::Shelf(30),
    Kind::Shelf(400),
    Kind::Native,
    Kind::Closure,
    Kind::Thick,
    Kind::Grenade,
];

/// The kinds that programs about the host's types have: pointers to any type, trait objects, natives, weak tables, maps
/// with keys of derived types.
pub const OF_THE_HOST: [Kind; 8] =
    [Kind::Holder, Kind::Registry, Kind::Native, Kind::Thick, Kind::Ledger, Kind::Closure, Kind::Club, Kind::Thin];

impl Kind {
    /// The kind that a number stands for.
    pub fn new(number: u8) -> Kind {
        match number.checked_sub(RARE) {
            Some(rare) => RARE_KINDS[rare as usize],
            None => KINDS[number as usize % KINDS.len()],
        }
    }

    /// The least number of a kind that can be allocated.
    pub fn number(self) -> u8 {
        (0..=u8::MAX).find(|number| Kind::new(*number) == self).expect("a kind that can be allocated")
    }

    /// A number for each kind.
    pub fn tag(self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// The same, of kinds that tell of their death by a drop.
    pub fn with_witness(number: u8) -> Kind {
        match number.checked_sub(RARE) {
            Some(rare) => RARE_WITNESSES[rare as usize % RARE_WITNESSES.len()],
            None if number % 3 == 2 => Kind::Bag,
            None => Kind::Guarded,
        }
    }

    /// Whether it has [`SLOTS`] slots. (A map's are what it has for the first numbers.)
    pub fn has_slots(self) -> bool {
        !matches!(
            self,
            Kind::Str | Kind::Text(_) | Kind::Interned | Kind::Weak | Kind::Ephemeron | Kind::Numbers(_) | Kind::List
        ) && !self.is_weak_table()
    }

    pub fn has_witness(self) -> bool {
        self.is_guarded()
            || self.is_background()
            || self.is_native()
            || matches!(self, Kind::Bag | Kind::Shelf(_) | Kind::Thick)
    }

    /// Whether it is a function of the host.
    pub fn is_native(self) -> bool {
        matches!(self, Kind::Native | Kind::Closure)
    }

    /// Whether it is seen by a trait.
    pub fn is_seen(self) -> bool {
        matches!(self, Kind::Thin | Kind::Thick)
    }

    /// Whether it keeps entries for objects that it does not keep alive.
    pub fn is_weak_table(self) -> bool {
        matches!(self, Kind::Registry | Kind::Club)
    }

    /// Whether it has a table of its own, which is an object too, from the start.
    pub fn has_table(self) -> bool {
        self.is_weak_table() || matches!(self, Kind::Map | Kind::Ledger)
    }

    /// Whether weak tables have such objects as keys: of several types, each told apart from others by its canary.
    pub fn may_be_key(self) -> bool {
        self.is_guarded() || self.is_seen() || matches!(self, Kind::Cons | Kind::Tuple)
    }

    /// Whether a second drop, of a collector that is broken, does no harm: there is nothing to free.
    pub fn may_be_dropped_twice(self) -> bool {
        matches!(
            self,
            Kind::Cons
                | Kind::Tuple
                | Kind::Wide
                | Kind::Array(_)
                | Kind::Str
                | Kind::Text(_)
                | Kind::Numbers(_)
                | Kind::Guarded
        )
    }

    /// Whether it is of the type `Guarded`.
    pub fn is_guarded(self) -> bool {
        matches!(self, Kind::Guarded | Kind::Grenade | Kind::Host | Kind::Parcel)
    }

    /// Whether it is of the type `Background`.
    pub fn is_background(self) -> bool {
        matches!(self, Kind::Background | Kind::Fuse)
    }

    /// Whether a slot of such an object may hold a pointer to an object of the kind `held`. If not, it holds nothing.
    pub fn may_hold(self, slot: usize, held: Kind) -> bool {
        match self {
            Kind::Words => held == Kind::Cons,
            Kind::Cons if slot == SLOTS - 1 => held == Kind::Cons,
            Kind::Packs => held != Kind::Ephemeron,
            Kind::Holder if slot == SLOTS - 1 => held.is_seen(),
            Kind::Holder => !matches!(held, Kind::Weak | Kind::Ephemeron),
            _ => true,
        }
    }
}

/// A value: nothing, or an object by its number.
pub type Shade = Option<u32>;

/// A guard of an object's lock was forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Stuck {
    #[default]
    No,
    /// One that reads: it is never written again.
    ReadOnly,
    /// One that writes: nobody gets at it again.
    Shut,
}

pub struct Object {
    pub kind: Kind,
    pub slots: [Shade; SLOTS],
    /// The values of a list.
    pub items: Vec<Shade>,
    /// A list has a buffer, which is an object too.
    pub buffer: bool,
    /// The text of a list.
    pub text: String,
    /// The text has a buffer.
    pub text_buffer: bool,
    /// The entries of a map, or of a weak table, whose keys are objects.
    pub entries: Vec<(u32, Shade)>,
    /// Entries of a weak table, at most, whose keys were never rooted.
    pub strangers: usize,
    /// The numbers that a map has beside those that are its slots, counted from there. Some have an object as their value.
    pub filler: BTreeMap<u32, Shade>,
    /// Of a weak pointer: what it points to. Of an ephemeron: its key.
    pub target: u32,
    /// A weak pointer or an ephemeron has said that it is no more.
    pub gone: bool,
    pub stuck: Stuck,
    /// Bytes that its owner holds outside the heap.
    pub owned: usize,
}

impl Object {
    /// Of a weak table: returns what is wrong with it if it says that it has so many entries, dead ones included.
    pub fn complaint_of_weak_table(&self, len: usize) -> Option<String> {
        let most = self.entries.len() + self.strangers;
        (len > most).then(|| format!("the weak table has {len} entries, and had at most {most}"))
    }

    /// Of a map: the number that one of the upper half of numbers names, among those that have an object as their value.
    pub fn held(&self, nth: u8) -> Option<u32> {
        let held = || self.filler.iter().filter(|(_, shade)| shade.is_some());
        let nth = usize::from(nth.checked_sub(128)?).checked_rem(held().count())?;
        held().nth(nth).map(|(at, _)| *at)
    }
}

/// All objects that ever were, by number.
#[derive(Default)]
pub struct Shadow {
    pub objects: Vec<Object>,
}

impl Shadow {
    pub fn add(&mut self, kind: Kind, slots: [Shade; SLOTS], target: u32) -> u32 {
        self.objects.push(Object {
            kind,
            slots,
            items: Vec::new(),
            buffer: false,
            text: String::new(),
            text_buffer: false,
            entries: Vec::new(),
            strangers: 0,
            filler: BTreeMap::new(),
            target,
            gone: false,
            stuck: Stuck::No,
            owned: 0,
        });
        self.objects.len() as u32 - 1
    }

    pub fn at(&self, id: u32) -> &Object {
        &self.objects[id as usize]
    }

    pub fn at_mut(&mut self, id: u32) -> &mut Object {
        &mut self.objects[id as usize]
    }

    pub fn kind(&self, value: Shade) -> Option<Kind> {
        value.map(|id| self.at(id).kind)
    }

    pub fn get(&self, id: u32, slot: usize) -> Shade {
        match self.at(id).kind {
            Kind::List => self.at(id).items.get(slot).copied().flatten(),
            _ => self.at(id).slots[slot],
        }
    }

    /// Whether the object has such a slot and can be written.
    pub fn may_set(&self, id: u32, slot: usize) -> bool {
        let object = self.at(id);
        object.stuck == Stuck::No
            && object.kind != Kind::Closure
            && (object.kind.has_slots() || (object.kind == Kind::List && slot < object.items.len()))
    }

    pub fn set(&mut self, id: u32, slot: usize, value: Shade) {
        let value = self.held(self.at(id).kind, slot, value);
        match self.at(id).kind {
            Kind::List => self.at_mut(id).items[slot] = value,
            _ => self.at_mut(id).slots[slot] = value,
        }
    }

    /// What the slot of an object of that kind holds of a value.
    pub fn held(&self, kind: Kind, slot: usize, value: Shade) -> Shade {
        value.filter(|held| kind.may_hold(slot, self.at(*held).kind))
    }

    /// What the roots reach. The value of an ephemeron, or of a weak table's entry, is reached where its key is.
    pub fn reach(&self, roots: impl Iterator<Item = Shade>) -> Vec<bool> {
        let mut reached = vec![false; self.objects.len()];
        let mut work: Vec<u32> = roots.flatten().collect();
        let mut waiting: Vec<u32> = Vec::new();
        let mut weak_tables: Vec<u32> = Vec::new();
        loop {
            while let Some(id) = work.pop() {
                if !std::mem::replace(&mut reached[id as usize], true) {
                    let object = self.at(id);
                    if object.kind == Kind::Ephemeron {
                        waiting.push(id);
                        continue;
                    }
                    if object.kind.is_weak_table() {
                        weak_tables.push(id);
                        continue;
                    }
                    work.extend(object.slots.iter().chain(&object.items).chain(object.filler.values()).flatten());
                    work.extend(object.entries.iter().flat_map(|(key, value)| [Some(*key), *value]).flatten());
                }
            }
            waiting.retain(|&id| {
                let object = self.at(id);
                let key_lives = reached[object.target as usize];
                if key_lives {
                    work.extend(object.slots.iter().flatten());
                }
                !key_lives
            });
            for &id in &weak_tables {
                let entries = self.at(id).entries.iter().filter(|(key, _)| reached[*key as usize]);
                work.extend(entries.filter_map(|(_, value)| *value).filter(|value| !reached[*value as usize]));
            }
            if work.is_empty() {
                return reached;
            }
        }
    }
}

pub mod checks {
    use super::*;

    /// Every kind that can be allocated is allocated by some number.
    pub fn every_kind_is_selected() {
        let kinds: Vec<Kind> = (0..=255).map(Kind::new).collect();
        assert!(KINDS.iter().chain(&RARE_KINDS).all(|kind| kinds.contains(kind)));
        assert_eq!(Kind::new(LIST), Kind::List);
        assert_eq!(Kind::new(RARE), Kind::Map);
        assert!(OF_THE_HOST.iter().all(|kind| kinds.contains(kind)));
        let witnesses: Vec<Kind> = (0..=255).map(Kind::with_witness).collect();
        assert!(RARE_WITNESSES.iter().all(|kind| witnesses.contains(kind)));
        assert!(witnesses.iter().all(|kind| kind.has_witness() && !kind.is_background()));
        let made = |kind: &Kind| matches!(kind, Kind::Interned | Kind::Weak | Kind::Ephemeron);
        assert!(!kinds.iter().any(made), "those are made by operations of their own");
    }

    /// What [`Shadow::reach`] makes of chains of ephemerons.
    pub fn an_ephemeron_keeps_its_value_for_its_key_only() {
        let mut shadow = Shadow::default();
        let [a, b] = [0, 1].map(|_| shadow.add(Kind::Cons, [None; SLOTS], 0));
        // The value of the first is the key of the second, whose value is the last object.
        let last = shadow.add(Kind::Cons, [None; SLOTS], 0);
        let second = shadow.add(Kind::Ephemeron, [Some(last), None, None], b);
        let first = shadow.add(Kind::Ephemeron, [Some(b), None, None], a);
        let reached = |roots: &[u32]| {
            let reached = shadow.reach(roots.iter().map(|id| Some(*id)));
            [a, b, last].map(|id| reached[id as usize])
        };
        assert_eq!(reached(&[second, first]), [false, false, false]);
        assert_eq!(reached(&[second, first, a]), [true, true, true]);
        assert_eq!(reached(&[first, a]), [true, true, false]);
        assert_eq!(reached(&[second, a]), [true, false, false]);
    }

    /// What [`Shadow::reach`] makes of a weak map, one of whose values leads to the key of another.
    pub fn a_weak_map_keeps_its_values_for_their_keys_only() {
        let mut shadow = Shadow::default();
        let [a, b, last] = [0; 3].map(|_| shadow.add(Kind::Cons, [None; SLOTS], 0));
        let map = shadow.add(Kind::Registry, [None; SLOTS], 0);
        shadow.at_mut(map).entries = vec![(b, Some(last)), (a, Some(b))];
        let reached = |roots: &[u32]| {
            let reached = shadow.reach(roots.iter().map(|id| Some(*id)));
            [a, b, last].map(|id| reached[id as usize])
        };
        assert_eq!(reached(&[map]), [false, false, false]);
        assert_eq!(reached(&[map, a]), [true, true, true]);
        assert_eq!(reached(&[map, b]), [false, true, true]);
        assert_eq!(reached(&[a]), [true, false, false]);
    }
}
