//! The objects in the heap: [`Value`], a pointer to an object of any type.

mod forms;
mod log;
mod types;

use std::cell::RefCell;
use std::sync::Arc;

use grisaille::{
    AnyGc, Array, Barrier, Color, DynGc, Ephemeron, Gc, HeapFull, List, Lock, Map, Mutator, Owned, Ref, RefLock,
    RefMut, Slot, Str, StrBuf, Tagged, Trace, Weak, WeakMap, WeakSet,
};

pub use self::log::{Log, Witness};
pub use self::types::{
    Background, Bag, Captures, Closure, Club, Cons, Dyn, FAILS, Function, Guarded, Held, Holder, Item, Ledger, Native,
    Packs, Registry, Row, Seen, Short, Term, Thick, Thin, Tuple, Unseen, Wide, Word, Words, function,
};
use crate::machine::quiet::{self, Bang};
use crate::shadow::{Kind, Object, SLOTS, Stuck};

/// The number that a canary is xored with: an id alone is too likely to be found by chance.
const CANARY: u64 = 0xca11_ab1e_5afe_0000;

/// A value: an enum of 16 bytes, as interpreters have them.
#[derive(Clone, Copy, Trace)]
pub enum Value<'gc> {
    Nil,
    /// A number: the canary of an array of slots, and what fills lists and maps.
    Int(u32),
    Cons(Gc<'gc, Cons<'gc>>),
    Guarded(Gc<'gc, Guarded<'gc>>),
    Background(Gc<'gc, Background<'gc>>),
    Bag(Gc<'gc, RefLock<Bag<'gc>>>),
    Tuple(Gc<'gc, Lock<Tuple<'gc>>>),
    Array(Array<'gc, Slot<Value<'gc>>>),
    Shelf(Array<'gc, Item<'gc>>),
    Numbers(Array<'gc, u128>),
    Words(Gc<'gc, Words<'gc>>),
    Packs(Gc<'gc, Packs<'gc>>),
    Wide(Gc<'gc, Wide<'gc>>),
    List(Gc<'gc, Row<'gc>>),
    Map(Gc<'gc, Map<'gc, Word<'gc>, Value<'gc>>>),
    Str(Str<'gc>),
    Weak(Weak<'gc, Cons<'gc>>),
    WeakGuarded(Weak<'gc, Guarded<'gc>>),
    Ephemeron(Ephemeron<'gc, Cons<'gc>, Value<'gc>>),
    EphemeronGuarded(Ephemeron<'gc, Guarded<'gc>, Value<'gc>>),
    /// A pointer to any of the objects above and below, but for weak pointers and ephemerons.
    Any(AnyGc<'gc>),
    Seen(Dyn<'gc>),
    Holder(Gc<'gc, Holder<'gc>>),
    Native(Gc<'gc, Native<'gc>>),
    Closure(Gc<'gc, Closure<'gc>>),
    Registry(Gc<'gc, Registry<'gc>>),
    Club(Gc<'gc, Club<'gc>>),
    Ledger(Gc<'gc, Ledger<'gc>>),
}

/// Changes what an owner holds.
fn change<T: Clone, B: Barrier>(cx: &Mutator<'_, B>, owned: &mut Owned<Vec<T>>, how: u8, f: impl FnOnce(&mut Vec<T>)) {
    match how % 3 {
        0 => f(&mut owned.edit(cx)),
        1 => {
            let mut new = (**owned).clone();
            f(&mut new);
            drop(owned.replace(cx, new));
        }
        _ => {
            let banged = quiet::catch::<(), Bang>(|| {
                let mut edit = owned.edit(cx);
                f(&mut edit);
                quiet::raise(Bang);
            });
            assert!(banged.is_err(), "the panic of an edit did not come out");
        }
    }
}

fn canary(id: u32) -> u64 {
    CANARY ^ u64::from(id)
}

/// The canary in both halves of a wide number.
fn wide(canary: u64) -> u128 {
    u128::from(canary) << 64 | u128::from(canary)
}

/// The elements of an array that stand for its slots: the first holds the canary.
fn elements(len: usize) -> [usize; SLOTS] {
    [1, len / 2, len - 1]
}

/// The keys of weak tables that are never rooted.
pub const STRANGER: u64 = 0x5742_a4e7;

/// A number as a key.
pub fn number<'gc>(number: usize) -> Word<'gc> {
    Tagged::integer(number as isize).expect("a small number")
}

fn text_of(kind: Kind, id: u32) -> String {
    let text = format!("string {id}, ");
    match kind {
        Kind::Text(len) => text.chars().cycle().take(len as usize).collect(),
        _ => text,
    }
}

impl<'gc> Value<'gc> {
    /// Allocates an object of the kind. Returns `None` when the heap is full; the value then came back whole.
    pub fn alloc<B: Barrier>(
        cx: &'gc Mutator<'_, B>,
        kind: Kind,
        id: u32,
        items: [Value<'gc>; SLOTS],
        log: &Arc<Log>,
    ) -> Option<Value<'gc>> {
        let canary = canary(id);
        let witness = || Witness::new(log, kind, id);
        let whole = |found: u64| assert_eq!(found, canary, "a full heap gave back another value");
        match kind {
            Kind::Cons => {
                let wide = [Slot::new(items[0]), Slot::new(items[1])];
                let cons = cx.try_alloc(Cons { canary, wide, word: Slot::new(items[2].as_cons()) });
                cons.map_err(|full| whole(full.0.canary)).ok().map(Value::Cons)
            }
            Kind::Guarded | Kind::Grenade | Kind::Host | Kind::Parcel => {
                let made = cx.try_alloc(Guarded { canary, slots: items.map(Slot::new), witness: witness() });
                let refused = |full: HeapFull<Guarded<'_>>| {
                    let mut object = full.into_inner();
                    object.witness.refuse();
                    whole(object.canary);
                };
                made.map_err(refused).ok().map(Value::Guarded)
            }
            Kind::Background | Kind::Fuse => {
                let freight = RefCell::new(cx.try_own(vec![canary]).ok()?);
                let slots = items.map(Slot::new);
                let made = cx.try_alloc(Background { canary, slots, freight, witness: witness() });
                let refused = |full: HeapFull<Background<'_>>| {
                    let mut object = full.into_inner();
                    object.witness.refuse();
                    whole(object.canary);
                };
                made.map_err(refused).ok().map(Value::Background)
            }
            Kind::Bag => {
                let items = cx.try_own(items.to_vec()).ok()?;
                let made = cx.try_alloc(RefLock::new(Bag { canary, items, witness: witness() }));
                let refused = |full: HeapFull<RefLock<Bag<'_>>>| {
                    let mut bag = full.into_inner().into_inner();
                    bag.witness.refuse();
                    whole(bag.canary);
                };
                made.map_err(refused).ok().map(Value::Bag)
            }
            Kind::Tuple => {
                let made = cx.try_alloc(Lock::new(Tuple { canary, items }));
                made.map_err(|full| whole(full.into_inner().into_inner().canary)).ok().map(Value::Tuple)
            }
            Kind::Array(len) => {
                let at = elements(len as usize);
                let array = cx.try_alloc_array(len as usize, |index| {
                    let slot = at.iter().position(|&element| element == index);
                    Slot::new(slot.map_or(Value::Int(id), |slot| items[slot]))
                });
                array.ok().map(Value::Array)
            }
            Kind::Shelf(len) => {
                let at = elements(len as usize);
                let shelf = cx.try_alloc_array(len as usize, |index| {
                    let slot = at.iter().position(|&element| element == index);
                    let value = slot.map_or(Value::Int(id), |slot| items[slot]);
                    Item { slot: Slot::new(value), witness: (index == 0).then(witness) }
                });
                shelf.ok().map(Value::Shelf)
            }
            Kind::Numbers(len) => {
                cx.try_alloc_array(len as usize, |index| wide(canary) ^ index as u128).ok().map(Value::Numbers)
            }
            Kind::Words => {
                let slots = items.map(|item| Slot::new(item.as_word()));
                cx.try_alloc(Words { canary, slots }).ok().map(Value::Words)
            }
            Kind::Packs => {
                let slots = items.map(|item| Slot::new(item.as_short().into()));
                cx.try_alloc(Packs { canary, slots }).ok().map(Value::Packs)
            }
            Kind::Wide => {
                let (canary, last) = (wide(canary), !wide(canary));
                cx.try_alloc(Wide { canary, slots: items.map(Slot::new), last }).ok().map(Value::Wide)
            }
            Kind::List => cx.try_alloc(Row { canary, items: List::new(), text: StrBuf::new() }).ok().map(Value::List),
            Kind::Map => {
                let map = cx.try_alloc(Map::new()).ok()?;
                // In an empty table the first entries may find no room either.
                map.try_reserve(cx, SLOTS).ok()?;
                let map = Value::Map(map);
                (0..SLOTS).all(|slot| map.set(cx, slot, items[slot])).then_some(map)
            }
            Kind::Str | Kind::Text(_) => cx.try_alloc_str(&text_of(kind, id)).ok().map(Value::Str),
            Kind::Thin => {
                let made = cx.try_alloc_dyn(Thin { canary, slots: items.map(Slot::new) });
                made.map_err(|full| whole(full.0.canary)).ok().map(Value::Seen)
            }
            Kind::Thick => {
                let [a, b, c] = items.map(Slot::new);
                let made = cx.try_alloc_dyn(Thick { witness: witness(), slots: [c, b, a], canary });
                let refused = |full: HeapFull<Thick<'_>>| {
                    let mut object = full.into_inner();
                    object.witness.refuse();
                    whole(object.canary);
                };
                made.map_err(refused).ok().map(Value::Seen)
            }
            Kind::Holder => {
                let any = [items[0], items[1]].map(|item| Slot::new(item.as_any()));
                let made = cx.try_alloc(Holder { canary, any, seen: Slot::new(items[2].as_seen()) });
                made.map_err(|full| whole(full.0.canary)).ok().map(Value::Holder)
            }
            Kind::Native => {
                let held = Held { canary, slots: items.map(Slot::new) };
                let made = cx.try_alloc(Native::new(function(log, kind, id), held));
                let refused = |full: HeapFull<Native<'_>>| {
                    whole(full.0.captured().canary);
                    drop(full);
                    log.undo(id);
                };
                made.map_err(refused).ok().map(Value::Native)
            }
            Kind::Closure => {
                let made = cx.try_alloc(Closure::new(function(log, kind, id), Captures { canary, items }));
                let refused = |full: HeapFull<Closure<'_>>| {
                    whole(full.0.captured().canary);
                    drop(full);
                    log.undo(id);
                };
                made.map_err(refused).ok().map(Value::Closure)
            }
            // Each table has had an entry: so it has its object from the start.
            Kind::Registry => {
                let registry = cx.try_alloc(Registry { canary, map: WeakMap::new() }).ok()?;
                let key = AnyGc::from(cx.try_alloc(STRANGER).ok()?).as_gc();
                registry.map.try_insert(cx, key, Value::Nil).ok()?;
                registry.map.remove(cx, key).map(|_| Value::Registry(registry))
            }
            Kind::Club => {
                let club = cx.try_alloc(Club { canary, set: WeakSet::new() }).ok()?;
                let key = AnyGc::from(cx.try_alloc(STRANGER).ok()?).as_gc();
                club.set.try_insert(cx, key).ok()?;
                club.set.remove(cx, key).then_some(Value::Club(club))
            }
            Kind::Ledger => {
                let ledger = cx.try_alloc(Ledger { canary, map: Map::new() }).ok()?;
                ledger.map.try_reserve(cx, SLOTS).ok()?;
                let ledger = Value::Ledger(ledger);
                (0..SLOTS).all(|slot| ledger.set(cx, slot, items[slot])).then_some(ledger)
            }
            Kind::Interned | Kind::Weak | Kind::Ephemeron => unreachable!("made by operations of their own"),
        }
    }

    /// Returns the canary of an object.
    pub fn canary_of(id: u32) -> u64 {
        canary(id)
    }

    /// Returns what is wrong if this is not the object that the shadow says, with the canary of `id`.
    pub fn complaint(self, object: &Object, id: u32) -> Option<String> {
        let kind = object.kind;
        let found = match (self.plain(), kind) {
            (Value::Cons(o), Kind::Cons) => o.canary,
            (Value::Guarded(o), kind) if kind.is_guarded() => {
                if let Some(complaint) = o.witness.complaint(kind) {
                    return Some(complaint);
                }
                o.canary
            }
            (Value::Background(o), kind) if kind.is_background() => {
                if let Some(complaint) = o.witness.complaint(kind) {
                    return Some(complaint);
                }
                if o.freight.borrow().iter().any(|word| *word != canary(id)) {
                    return Some("what its owner holds has changed".into());
                }
                o.canary
            }
            (Value::Bag(o), Kind::Bag) => match (o.try_borrow(), object.stuck) {
                (Err(_), Stuck::Shut) => return None,
                (Ok(bag), Stuck::No | Stuck::ReadOnly) => bag.canary,
                (_, stuck) => return Some(format!("its lock is not as it was left: {stuck:?}")),
            },
            (Value::Tuple(o), Kind::Tuple) => o.get().canary,
            (Value::Words(o), Kind::Words) => o.canary,
            (Value::Packs(o), Kind::Packs) => o.canary,
            (Value::Wide(o), Kind::Wide) if !std::ptr::from_ref(o.as_ref()).is_aligned() => {
                return Some("it is not aligned".into());
            }
            (Value::Wide(o), Kind::Wide) if o.canary == wide(canary(id)) && o.last == !o.canary => canary(id),
            (Value::Wide(o), Kind::Wide) => return Some(format!("its canaries are {:#x} and {:#x}", o.canary, o.last)),
            (Value::Array(o), Kind::Array(len)) if o.len() == len as usize => match o.as_slice()[0].get() {
                Value::Int(found) => canary(found),
                other => return Some(format!("the array's first element is {}, not its canary", other.noun())),
            },
            (Value::Shelf(o), Kind::Shelf(len)) if o.len() == len as usize => match o.as_slice()[0].slot.get() {
                Value::Int(found) => canary(found),
                other => return Some(format!("the array's first element is {}, not its canary", other.noun())),
            },
            (Value::Numbers(o), Kind::Numbers(len)) => {
                let intact = o.len() == len as usize
                    && o.as_slice()
                        .iter()
                        .enumerate()
                        .all(|(index, number)| *number == wide(canary(id)) ^ index as u128);
                return (!intact).then(|| format!("the array of {} numbers has changed", o.len()));
            }
            (Value::List(o), Kind::List) => {
                let intact = o.items.len() == object.items.len()
                    && o.items.iter().zip(&object.items).all(|(value, shade)| match value {
                        Value::Nil | Value::Int(_) => shade.is_none(),
                        _ => shade.is_some(),
                    });
                if !intact {
                    return Some(format!("the list has {} values, not {}", o.items.len(), object.items.len()));
                }
                if o.text != object.text.as_str() || o.text.char_count() != object.text.chars().count() {
                    return Some(format!("its text is {:?}, not {:?}", o.text, object.text));
                }
                o.canary
            }
            (Value::Map(o), Kind::Map) => {
                let slots = object.slots.iter().flatten().count();
                let expected = slots + object.entries.len() + object.filler.len();
                if o.len() != expected || o.iter().count() != expected {
                    return Some(format!("the map has {} entries, not {expected}", o.len()));
                }
                let filler = object.filler.iter().all(|(at, shade)| match o.get(number(SLOTS + *at as usize)) {
                    Some(Value::Int(n)) => n == *at && shade.is_none(),
                    Some(value) => !matches!(value, Value::Nil) && shade.is_some(),
                    None => false,
                });
                return (!filler).then(|| "a number that was put into the map is not in it".into());
            }
            (Value::Str(o), Kind::Str | Kind::Text(_)) => {
                let intact = o.as_str() == text_of(kind, id);
                return (!intact).then(|| format!("the string of {} bytes has changed", o.len()));
            }
            (Value::Str(_), Kind::Interned) | (Value::Weak(_) | Value::WeakGuarded(_), Kind::Weak) => return None,
            (Value::Ephemeron(_) | Value::EphemeronGuarded(_), Kind::Ephemeron) => return None,
            (Value::Seen(o), Kind::Thin | Kind::Thick) => {
                let is = [DynGc::downcast::<Thin<'gc>>(o).is_some(), DynGc::downcast::<Thick<'gc>>(o).is_some()];
                if is != [kind == Kind::Thin, kind == Kind::Thick] || DynGc::downcast::<Cons<'gc>>(o).is_some() {
                    return Some(format!("it is taken for what it is not: {}", DynGc::type_name(o)));
                }
                let seen = DynGc::as_ref(o);
                if let Some(complaint) = seen.witness().and_then(|witness| witness.complaint(kind)) {
                    return Some(complaint);
                }
                seen.canary()
            }
            (Value::Holder(o), Kind::Holder) => o.canary,
            (Value::Native(o), Kind::Native) => o.captured().canary,
            (Value::Closure(o), Kind::Closure) => o.captured().canary,
            (Value::Registry(o), Kind::Registry) => {
                if let Some(complaint) = object.complaint_of_weak_table(o.map.len_with_dead()) {
                    return Some(complaint);
                }
                o.canary
            }
            (Value::Club(o), Kind::Club) => {
                if let Some(complaint) = object.complaint_of_weak_table(o.set.len_with_dead()) {
                    return Some(complaint);
                }
                o.canary
            }
            (Value::Ledger(o), Kind::Ledger) => {
                let expected = object.slots.iter().flatten().count() + object.entries.len();
                if o.map.len() != expected || o.map.iter().count() != expected {
                    return Some(format!("the ledger has {} entries, not {expected}", o.map.len()));
                }
                o.canary
            }
            (value, kind) => return Some(format!("it is {}, not {kind:?}", value.noun())),
        };
        (found != canary(id)).then(|| format!("its canary is {found:#x}"))
    }

    /// Returns the address of a strong pointer's object, and its colour.
    pub fn addr<B: Barrier>(self, cx: &Mutator<'_, B>) -> Option<(usize, Color)> {
        let object = self.as_any()?;
        Some((object.addr(), cx.color(object.as_gc())))
    }

    /// Returns the value of a slot, or `None` where the value has no such slot, or the slot cannot be read.
    pub fn get(self, slot: usize) -> Option<Value<'gc>> {
        let value = match self.plain() {
            Value::Cons(o) if slot < SLOTS - 1 => o.as_ref().wide[slot].get(),
            Value::Cons(o) => o.as_ref().word.get().map_or(Value::Nil, Value::Cons),
            Value::Guarded(o) => o.as_ref().slots[slot].get(),
            Value::Background(o) => o.as_ref().slots[slot].get(),
            Value::Bag(o) => *Ref::map(o.try_borrow().ok()?, |bag| &bag.items[slot]),
            Value::Tuple(o) => o.get().items[slot],
            Value::Array(o) => o.as_slice()[elements(o.len())[slot]].get(),
            Value::Shelf(o) => o.as_slice()[elements(o.len())[slot]].slot.get(),
            Value::Words(o) => o.as_ref().slots[slot].get().as_object().map_or(Value::Nil, Value::Cons),
            Value::Packs(o) => Value::of_short(o.as_ref().slots[slot].unpack()),
            Value::Wide(o) => o.as_ref().slots[slot].get(),
            Value::List(o) => o.as_ref().items.get(slot)?.or_nil(),
            Value::Map(o) => o.get(number(slot)).unwrap_or(Value::Nil),
            Value::Seen(o) => DynGc::as_ref(o).slot(slot).get(),
            Value::Holder(o) => match o.as_ref().any.get(slot) {
                Some(any) => any.get().map_or(Value::Nil, Value::Any),
                None => o.as_ref().seen.get().map_or(Value::Nil, Value::Seen),
            },
            Value::Native(o) => o.as_ref().captured().slots[slot].get(),
            Value::Closure(o) => o.captured().items[slot],
            Value::Ledger(o) => o.map.get(Term::Number(slot as u8)).unwrap_or(Value::Nil),
            _ => return None,
        };
        Some(value)
    }

    /// Returns the value, but for the numbers that fill lists.
    pub fn or_nil(self) -> Value<'gc> {
        if let Value::Int(_) = self { Value::Nil } else { self }
    }

    /// Writes a slot that the object has. Returns false when the heap is full.
    pub fn set<B: Barrier>(self, cx: &'gc Mutator<'_, B>, slot: usize, value: Value<'gc>) -> bool {
        match self.plain() {
            Value::Cons(o) if slot < SLOTS - 1 => o.wide[slot].set(cx, value),
            Value::Cons(o) => o.word.set(cx, value.as_cons()),
            Value::Guarded(o) => o.slots[slot].set(cx, value),
            Value::Background(o) => o.slots[slot].set(cx, value),
            Value::Bag(o) => {
                let mut items = RefMut::map(RefLock::borrow_mut(o, cx), |bag| &mut bag.items);
                items.edit(cx)[slot] = value;
            }
            Value::Tuple(o) => {
                let mut tuple = o.get();
                tuple.items[slot] = value;
                Lock::set(o, cx, tuple);
            }
            Value::Array(o) => o.as_slice()[elements(o.len())[slot]].set(cx, value),
            Value::Shelf(o) => o.as_slice()[elements(o.len())[slot]].slot.set(cx, value),
            Value::Words(o) => o.slots[slot].set(cx, value.as_word()),
            Value::Packs(o) => o.slots[slot].pack(cx, value.as_short()),
            Value::Wide(o) => o.slots[slot].set(cx, value),
            Value::List(o) => o.items.set(cx, slot, value),
            Value::Map(o) => match value {
                Value::Nil => drop(o.remove(cx, number(slot))),
                value => return o.try_insert(cx, number(slot), value).is_ok(),
            },
            Value::Seen(o) => DynGc::as_ref(o).slot(slot).set(cx, value),
            Value::Holder(o) => match o.any.get(slot) {
                Some(any) => any.set(cx, value.as_any()),
                None => o.seen.set(cx, value.as_seen()),
            },
            Value::Native(o) => o.captured().slots[slot].set(cx, value),
            Value::Ledger(o) => match value {
                Value::Nil => drop(o.map.remove(cx, Term::Number(slot as u8))),
                value => return o.map.try_insert(cx, Term::Number(slot as u8), value).is_ok(),
            },
            _ => {}
        }
        true
    }

    /// Rotates the slots of an object that is mutated as a whole, and puts a value in the last.
    pub fn rotate<B: Barrier>(self, cx: &'gc Mutator<'_, B>, value: Value<'gc>) {
        match self.plain() {
            Value::Bag(o) => {
                let mut bag = RefLock::borrow_mut(o, cx);
                let mut items = bag.items.edit(cx);
                items.remove(0);
                items.push(value);
            }
            Value::Tuple(o) => {
                let Tuple { canary, items: [_, b, c] } = o.get();
                Lock::set(o, cx, Tuple { canary, items: [b, c, value] });
            }
            _ => {}
        }
    }

    /// Returns the bytes outside the heap that are counted for the object's owner, or `None` where there is no owner in
    /// reach.
    pub fn counted(self) -> Option<usize> {
        match self.plain() {
            Value::Background(o) => Some(o.freight.borrow().counted()),
            Value::Bag(o) => Some(o.try_borrow().ok()?.items.counted()),
            _ => None,
        }
    }

    /// Gives the object's owner room for so many values, or for no more than it has. `how`: by an edit, by replacement,
    /// or by an edit that panics.
    pub fn edit<B: Barrier>(self, cx: &'gc Mutator<'_, B>, id: u32, len: usize, how: u8) {
        match self.plain() {
            Value::Background(o) => {
                let mut freight = o.freight.borrow_mut();
                change(cx, &mut freight, how, |words| {
                    words.resize(len, canary(id));
                    words.shrink_to_fit();
                });
            }
            Value::Bag(o) => {
                let mut bag = RefLock::borrow_mut(o, cx);
                change(cx, &mut bag.items, how, |items| {
                    items.shrink_to_fit();
                    items.reserve_exact(len);
                });
            }
            _ => {}
        }
    }

    /// Returns whether a weak pointer, or an ephemeron, says that its object is alive.
    pub fn is_alive<B: Barrier>(self, cx: &'gc Mutator<'_, B>) -> Option<bool> {
        match self {
            Value::Weak(weak) => Some(weak.is_alive(cx)),
            Value::WeakGuarded(weak) => Some(weak.is_alive(cx)),
            Value::Ephemeron(ephemeron) => Some(ephemeron.is_alive(cx)),
            Value::EphemeronGuarded(ephemeron) => Some(ephemeron.is_alive(cx)),
            _ => None,
        }
    }

    /// Makes a weak pointer to the object, where its type has one.
    pub fn weaken<B: Barrier>(self, cx: &'gc Mutator<'_, B>) -> Option<Result<Value<'gc>, HeapFull<()>>> {
        match self.plain() {
            Value::Cons(o) => Some(Gc::try_downgrade(o, cx).map(Value::Weak)),
            Value::Guarded(o) => Some(Gc::try_downgrade(o, cx).map(Value::WeakGuarded)),
            _ => None,
        }
    }

    /// Returns the target of a weak pointer, or the key of an ephemeron.
    pub fn upgrade<B: Barrier>(self, cx: &'gc Mutator<'_, B>) -> Option<Value<'gc>> {
        match self {
            Value::Weak(weak) => weak.upgrade(cx).map(Value::Cons),
            Value::WeakGuarded(weak) => weak.upgrade(cx).map(Value::Guarded),
            Value::Ephemeron(ephemeron) => ephemeron.key(cx).map(Value::Cons),
            Value::EphemeronGuarded(ephemeron) => ephemeron.key(cx).map(Value::Guarded),
            _ => None,
        }
    }

    /// Makes an ephemeron with this key. Returns `None` when the value is no key, or the heap is full.
    pub fn ephemeron<B: Barrier>(self, cx: &'gc Mutator<'_, B>, value: Value<'gc>) -> Option<Value<'gc>> {
        match self.plain() {
            Value::Cons(key) => cx.try_alloc_ephemeron(key, value).ok().map(Value::Ephemeron),
            Value::Guarded(key) => cx.try_alloc_ephemeron(key, value).ok().map(Value::EphemeronGuarded),
            _ => None,
        }
    }

    /// Returns the value of an ephemeron.
    pub fn reveal<B: Barrier>(self, cx: &'gc Mutator<'_, B>) -> Option<Value<'gc>> {
        match self {
            Value::Ephemeron(ephemeron) => ephemeron.value(cx),
            Value::EphemeronGuarded(ephemeron) => ephemeron.value(cx),
            _ => None,
        }
    }

    /// Replaces the value of an ephemeron. Returns false when its key is gone.
    pub fn conceal<B: Barrier>(self, cx: &'gc Mutator<'_, B>, value: Value<'gc>) -> bool {
        match self {
            Value::Ephemeron(ephemeron) => ephemeron.set(cx, value),
            Value::EphemeronGuarded(ephemeron) => ephemeron.set(cx, value),
            _ => false,
        }
    }
}
