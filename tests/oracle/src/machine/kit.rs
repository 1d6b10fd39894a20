//! Operations on lists, maps, ephemerons and guardians.

use grisaille::{Barrier, Gc, Guardian, Map, Mutator, Tagged};

use super::frame::{Both, Frame, Registers, nil};
use super::text::Text;
use super::{Entry, Guard, Machine, Outcome, Watch, index, pick};
use crate::object::{Row, Value, Word, number};
use crate::op::Op;
use crate::shadow::{Kind, SLOTS};

/// Values of a list, at most.
pub(super) const MAX_ITEMS: usize = 600;
/// Numbers of a map: more than two of its tables take, as large as they are where the library can be broken.
const MAX_NUMBERS: u32 = 2600;
/// Of the numbers that a list or a map gets at once, so many at the most have an object of their own as their value.
const MAX_HELD: usize = 12;
/// Entries of a map whose keys are objects.
pub(super) const MAX_ENTRIES: usize = 4;
/// What has keys.
const TABLES: [Kind; 4] = [Kind::Map, Kind::Registry, Kind::Club, Kind::Ledger];
/// The bit of an operation that says that some of its numbers have an object as their value.
const HOLDS: u8 = 32;
const MAX_GUARDS: usize = 2;
/// Objects that are registered with a guardian, at most.
const MAX_GUARDED: usize = 4;

impl Machine<'_> {
    pub(super) fn on_kit<'a, 's, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        frame: &mut Frame<'_, 's, B>,
        registers: &mut Registers<'a>,
        op: Op,
    ) -> Outcome {
        let operand = |machine: &mut Self, number: u8| machine.operand(cx, &*frame, registers, number);
        match op {
            Op::Ephemeron { key, value } => {
                if self.watch != Watch::Drops {
                    let value = operand(self, value);
                    let key = operand(self, key);
                    let Some((Some(key), object)) = self.or_garbage(cx, key) else { return Ok(()) };
                    if let Some(ephemeron) = object.ephemeron(cx, value.1) {
                        let id = self.shadow.add(Kind::Ephemeron, [value.0, None, None], key);
                        self.note(|_| format!("#{id} = an ephemeron of #{key} and {:?}", value.0));
                        self.add_cell(cx, (id, ephemeron));
                        registers.put((Some(id), ephemeron));
                    }
                }
            }
            Op::Reveal { nth, part, to } => {
                if let Some((id, ephemeron)) = self.nth_ephemeron(cx, frame, registers, nth) {
                    let key = self.shadow.at(id).target;
                    let (noun, found) = match part % 2 {
                        0 => ("key", ephemeron.upgrade(cx).map(|object| (Some(key), object))),
                        _ => ("value", ephemeron.reveal(cx).map(|value| (self.shadow.at(id).slots[0], value))),
                    };
                    self.found(registers, key, found.is_some())?;
                    self.note(|_| format!("register = the {noun} of #{id}, {:?}", found.map(|found| found.0)));
                    let (found, to) = (found.unwrap_or(nil()), operand(self, to));
                    self.set(cx, to, part as usize / 2 % SLOTS, found);
                    registers.put(found);
                }
            }
            Op::Conceal { nth, value } => {
                let value = operand(self, value);
                if let Some((id, ephemeron)) = self.nth_ephemeron(cx, frame, registers, nth) {
                    let (key, lives) = (self.shadow.at(id).target, ephemeron.conceal(cx, value.1));
                    self.found(registers, key, lives)?;
                    if lives {
                        self.note(|_| format!("the value of #{id} = {:?}", value.0));
                        self.shadow.at_mut(id).slots[0] = value.0;
                    }
                }
            }
            Op::Append { nth, value } => {
                let value = operand(self, value);
                if let Some((id, Value::List(list))) = self.nth_of(cx, frame, registers, nth, &[Kind::List]) {
                    self.append(cx, id, list, value);
                    return self.write_text(cx, id, list, Text::Push, nth);
                }
            }
            Op::Shorten { nth, len } => {
                if let Some((id, Value::List(list))) = self.nth_of(cx, frame, registers, nth, &[Kind::List]) {
                    let items = &mut self.shadow.at_mut(id).items;
                    match len {
                        u8::MAX => {
                            list.items.clear(cx);
                            items.clear();
                            self.shadow.at_mut(id).buffer = false;
                        }
                        pop if pop % 2 == 0 => match (list.items.pop(cx), items.pop()) {
                            (Some(value), Some(shade)) => registers.put((shade, value.or_nil())),
                            (None, None) => {}
                            _ => return Err(format!("#{id} has not as many values as it should")),
                        },
                        cut => {
                            list.items.truncate(cx, cut as usize);
                            items.truncate(cut as usize);
                        }
                    }
                    self.note(|m| format!("#{id} has {} values left", m.shadow.at(id).items.len()));
                    let edit = if len == u8::MAX { Text::Clear } else { Text::Cut };
                    return self.write_text(cx, id, list, edit, len);
                }
            }
            Op::Arrange { nth, how, at } => {
                // One of the first operands; the others have low numbers too.
                let value = operand(self, how / 8);
                if let Some((id, Value::List(list))) = self.nth_of(cx, frame, registers, nth, &[Kind::List]) {
                    self.write_text(cx, id, list, Text::Change, how ^ at)?;
                    return self.arrange(cx, registers, (id, list), [how, at], value);
                }
            }
            Op::Fill { nth, count, how } => self.fill(cx, frame, registers, [nth, count, how]),
            Op::Insert { nth, key, value } => {
                let (key, value) = ((key, operand(self, key)), operand(self, value));
                return match self.nth_of(cx, frame, registers, nth, &TABLES) {
                    Some((id, Value::Map(map))) => self.insert(cx, nth / 64, (id, map), key, value),
                    Some(table) => self.enter(cx, nth / 64, table, key, value),
                    None => Ok(()),
                };
            }
            Op::Remove { nth, key } => {
                let by = operand(self, key);
                let table = self.nth_of(cx, frame, registers, nth, &TABLES);
                if let Some((id, Value::Map(map))) = table {
                    if key == u8::MAX {
                        map.clear(cx);
                        self.forget_entries(id);
                        self.note(|_| format!("#{id} is cleared"));
                        return Ok(());
                    }
                    let object = self.shadow.at_mut(id);
                    let (removed, shade) = match by {
                        (Some(key), Value::Cons(cons)) => {
                            let at = object.entries.iter().position(|entry| entry.0 == key);
                            let shade = at.map(|at| object.entries.swap_remove(at).1);
                            (map.remove(cx, Tagged::object(cons)), shade)
                        }
                        _ => match object.held(key) {
                            Some(at) => (map.remove(cx, number(SLOTS + at as usize)), object.filler.remove(&at)),
                            None => {
                                let slot = key as usize % SLOTS;
                                (map.remove(cx, number(slot)), object.slots[slot].take().map(Some))
                            }
                        },
                    };
                    if removed.is_some() != shade.is_some() {
                        return Err(format!("#{id} has a key that it should not, or lacks one"));
                    }
                    self.note(|_| format!("#{id}: a key is removed, its value was {shade:?}"));
                    registers.put((shade.flatten(), removed.unwrap_or(Value::Nil)));
                } else if let Some(table) = table {
                    return self.strike(cx, registers, table, (key, by));
                }
            }
            Op::TakeOut { nth, how, count } => {
                return match self.nth_of(cx, frame, registers, nth, &TABLES) {
                    Some((id, Value::Map(map))) => self.take_out(cx, registers, (id, map), how, count.into()),
                    Some(table) => self.survey(cx, registers, table, how, count.into()),
                    None => Ok(()),
                };
            }
            Op::Guard { guardian, value } => {
                if guardian % 4 == 3 && self.guards.len() < MAX_GUARDS || self.guards.is_empty() {
                    let Ok(handle) = Guardian::try_new(cx) else { return Ok(()) };
                    self.guards.push(Guard { handle, entries: Vec::new() });
                }
                let Some(at) = index(guardian, self.guards.len()) else { return Ok(()) };
                let value = match operand(self, value) {
                    // A guarded object, whatever the watchman is.
                    (None, _) => self.alloc(cx, 6, [nil(); SLOTS]),
                    value => Some(value),
                };
                let value = value.map(|(shade, value)| (shade, value.plain()));
                if let Some((Some(id), Value::Guarded(object))) = value
                    && self.guards[at].entries.len() < MAX_GUARDED
                    && self.guards[at].handle.try_register(cx, object).is_ok()
                {
                    self.note(|_| format!("#{id} is registered with guardian {at}"));
                    self.guards[at].entries.push(Entry { id, unreachable: false });
                }
            }
            Op::Retrieve { guardian } => {
                if let Some(at) = index(guardian, self.guards.len())
                    && let Some(value) = self.retrieve(cx, at)?
                {
                    registers.put(value);
                }
            }
            Op::DropGuardian { guardian } => {
                if let Some(at) = index(guardian, self.guards.len())
                    && self.may_drop_handles(cx)
                {
                    self.note(|_| format!("guardian {at} is dropped"));
                    self.guards.swap_remove(at);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the `nth` object of one of these kinds that is at hand.
    fn nth_of<'a, 's, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        frame: &Frame<'_, 's, B>,
        registers: &Registers<'a>,
        nth: u8,
        kinds: &[Kind],
    ) -> Option<(u32, Value<'a>)> {
        let holds = |shade| matches!(shade, Some(kind) if kinds.contains(&kind));
        let all = self.operands(cx, frame, registers, |shadow, shade| holds(shadow.kind(shade)));
        let (shade, value) = *pick(&all, nth)?;
        Some((shade?, value.plain()))
    }

    fn nth_ephemeron<'a, 's, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        frame: &Frame<'_, 's, B>,
        registers: &Registers<'a>,
        nth: u8,
    ) -> Option<(u32, Value<'a>)> {
        let mut all = self.operands(cx, frame, registers, |shadow, shade| shadow.kind(shade) == Some(Kind::Ephemeron));
        all.extend(self.cells_of(cx, Kind::Ephemeron));
        let (shade, value) = *pick(&all, nth)?;
        Some((shade?, value))
    }

    fn append<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        id: u32,
        list: Gc<'a, Row<'a>>,
        (shade, value): Both<'a>,
    ) {
        let object = self.shadow.at_mut(id);
        if object.items.len() < MAX_ITEMS {
            let len = list.items.len();
            match list.items.try_push(cx, value) {
                Ok(()) => {
                    object.items.push(shade);
                    object.buffer = true;
                    self.note(|_| format!("#{id}[{len}] = {shade:?}, which is pushed"));
                }
                Err(_) => self.note(|_| format!("no room in #{id}")),
            }
        }
    }

    /// Gives a list or a map numbers, or room for them.
    fn fill<'a, 's, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        frame: &Frame<'_, 's, B>,
        registers: &Registers<'a>,
        [nth, count, how]: [u8; 3],
    ) {
        match self.nth_of(cx, frame, registers, nth, &[Kind::List, Kind::Map, Kind::Registry, Kind::Club]) {
            Some((id, table @ (Value::Registry(_) | Value::Club(_)))) => {
                self.enter_strangers(cx, (id, table), usize::from(count) / 4);
            }
            Some((id, Value::List(list))) => {
                if how % 8 == 7 {
                    if list.items.try_shrink_to_fit(cx).is_ok() {
                        let object = self.shadow.at_mut(id);
                        object.buffer &= !object.items.is_empty();
                    }
                    self.note(|_| format!("#{id} gives its spare room back"));
                    return;
                }
                if how % 4 == 3 {
                    if list.items.try_reserve(cx, count as usize).is_ok() && count > 0 {
                        self.shadow.at_mut(id).buffer = true;
                    }
                    self.note(|_| format!("#{id} makes room for {count} values"));
                    return;
                }
                let every = if how & HOLDS != 0 { usize::from(count) / MAX_HELD + 1 } else { usize::MAX };
                for nth in 0..usize::from(count) {
                    let held = if nth % every == every - 1 { self.alloc(cx, 0, [nil(); SLOTS]) } else { None };
                    self.append(cx, id, list, held.unwrap_or((None, Value::Int(count.into()))));
                }
            }
            Some((id, Value::Map(map))) => {
                match how % 4 {
                    0 | 1 => {
                        // Few at a time, most often.
                        let count = if how % 16 == 1 { 8 * usize::from(count) } else { count.into() };
                        let filler = &self.shadow.at(id).filler;
                        let free: Vec<u32> =
                            (0..MAX_NUMBERS).filter(|at| !filler.contains_key(at)).take(count).collect();
                        let every = if how & HOLDS != 0 { free.len() / MAX_HELD + 1 } else { usize::MAX };
                        for (nth, at) in free.into_iter().enumerate() {
                            let held = if nth % every == every - 1 { self.alloc(cx, 0, [nil(); SLOTS]) } else { None };
                            let (shade, value) = held.unwrap_or((None, Value::Int(at)));
                            if map.try_insert(cx, number(SLOTS + at as usize), value).is_ok() {
                                self.shadow.at_mut(id).filler.insert(at, shade);
                            }
                        }
                    }
                    2 => {
                        for _ in 0..count {
                            if let Some((last, _)) = self.shadow.at_mut(id).filler.pop_last() {
                                map.remove(cx, number(SLOTS + last as usize));
                            }
                        }
                        map.shrink_to_fit(cx);
                    }
                    _ => drop(map.try_reserve(cx, count as usize)),
                }
                self.note(|m| format!("#{id} has {} numbers more", m.shadow.at(id).filler.len()));
            }
            _ => {}
        }
    }

    /// Gives a key of a map a value.
    fn insert<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        how: u8,
        (id, map): (u32, Gc<'a, Map<'a, Word<'a>, Value<'a>>>),
        (by, key): (u8, Both<'a>),
        (shade, value): Both<'a>,
    ) -> Outcome {
        // Nothing is no value: a slot that holds it has no entry.
        if shade.is_none() {
            return Ok(());
        }
        let object = self.shadow.at_mut(id);
        if let (Some(at), false) = (object.held(by), matches!(key.1, Value::Cons(_))) {
            let word = number(SLOTS + at as usize);
            let old =
                if how == 2 { map.replace(cx, word, value) } else { map.try_insert(cx, word, value).ok().flatten() };
            if old.is_none() {
                return Err(format!("#{id} lacks a key"));
            }
            object.filler.insert(at, shade);
            self.note(|_| format!("#{id}: a number has the value {shade:?}"));
            return Ok(());
        }
        let (word, entry) = match key {
            (Some(key), Value::Cons(cons)) => {
                let at = object.entries.iter().position(|entry| entry.0 == key);
                (Tagged::object(cons), Err((key, at)))
            }
            _ => (number(by as usize % SLOTS), Ok(by as usize % SLOTS)),
        };
        let before = match entry {
            Ok(slot) => object.slots[slot].is_some(),
            Err((_, at)) => at.is_some(),
        };
        if !before && entry.is_err() && object.entries.len() >= MAX_ENTRIES {
            return Ok(());
        }
        if map.contains_key(word) != before {
            return Err(format!("#{id} has a key that it should not, or lacks one"));
        }
        let stored = match how {
            2 => map.replace(cx, word, value).is_some(),
            3 if before => {
                map.update(cx, word, |_| value);
                true
            }
            _ => map.try_insert(cx, word, value).is_ok(),
        };
        if stored {
            match entry {
                Ok(slot) => object.slots[slot] = shade,
                Err((_, Some(at))) => object.entries[at].1 = shade,
                Err((key, None)) => object.entries.push((key, shade)),
            }
            self.note(|_| format!("#{id}: a key has the value {shade:?}"));
        }
        Ok(())
    }

    /// Records that a map or a weak table has no entries any more.
    pub(super) fn forget_entries(&mut self, id: u32) {
        let object = self.shadow.at_mut(id);
        object.slots = [None; SLOTS];
        object.filler.clear();
        object.entries.clear();
        object.strangers = 0;
    }

    /// Takes entries out of a map: pops one, drains some or all, or keeps some.
    fn take_out<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        registers: &mut Registers<'a>,
        (id, map): (u32, Gc<'a, Map<'a, Word<'a>, Value<'a>>>),
        how: u8,
        count: usize,
    ) -> Outcome {
        let before = map.len();
        let (taken, expected): (Vec<_>, _) = match how % 4 {
            0 => (map.pop(cx).into_iter().collect(), before.min(1)),
            1 => {
                let mut drain = map.drain(cx);
                let taken = drain.by_ref().take(count).collect();
                std::mem::forget(drain);
                (taken, before.min(count))
            }
            2 => {
                // The rest goes when the iterator is dropped.
                let seen = map.drain(cx).take(count).count();
                if !map.is_empty() || seen != before.min(count) {
                    return Err(format!(
                        "of the {before} entries of #{id}, a drain gave {seen}, and {} are left",
                        map.len()
                    ));
                }
                self.forget_entries(id);
                (Vec::new(), 0)
            }
            _ => {
                let (mut taken, mut seen) = (Vec::new(), 0);
                map.retain(cx, |key, value| {
                    seen += 1;
                    // Uses the map meanwhile: a value is replaced by itself.
                    let keeps = seen % 8 < count % 8;
                    if seen % 3 == 0 {
                        map.replace(cx, key, value);
                    }
                    if !keeps {
                        taken.push((key, value));
                    }
                    keeps
                });
                if seen != before {
                    return Err(format!("of the {before} entries of #{id}, retain visited {seen}"));
                }
                let expected = (1..=before).filter(|seen| seen % 8 >= count % 8).count();
                (taken, expected)
            }
        };
        if how % 4 != 2 && (taken.len() != expected || map.len() != before - expected) {
            return Err(format!("{} entries were taken out of the {before} of #{id}, not {expected}", taken.len()));
        }
        for (key, value) in taken {
            let object = self.shadow.at_mut(id);
            let had = match (key.as_object(), key.as_integer()) {
                (Some(cons), _) => {
                    let key = Value::Cons(cons);
                    let shadow = &self.shadow;
                    let is_key = |entry: &(u32, _)| key.complaint(shadow.at(entry.0), entry.0).is_none();
                    let at = shadow.at(id).entries.iter().position(is_key);
                    at.map(|at| self.shadow.at_mut(id).entries.swap_remove(at).1)
                }
                (None, Some(slot)) if (slot as usize) < SLOTS => object.slots[slot as usize].take().map(Some),
                (None, Some(number)) => object.filler.remove(&(number as u32 - SLOTS as u32)),
                _ => None,
            };
            match had {
                Some(shade) if shade.is_some() => registers.put((shade, value)),
                Some(_) => {}
                None => return Err(format!("#{id} gives out an entry that it should not have")),
            }
        }
        self.note(|m| format!("#{id} has {} numbers left", m.shadow.at(id).filler.len()));
        Ok(())
    }

    /// Takes what a guardian gives back, if anything.
    pub(super) fn retrieve<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        at: usize,
    ) -> Result<Option<Both<'a>>, String> {
        let Some(object) = self.guards[at].handle.next(cx) else { return Ok(None) };
        let value = Value::Guarded(object);
        let entries = &mut self.guards[at].entries;
        let of = |entry: &Entry| value.complaint(self.shadow.at(entry.id), entry.id).is_none();
        let of: Vec<usize> = (0..entries.len()).filter(|at| of(&entries[*at])).collect();
        let Some(&first) = of.first() else {
            return Err(format!("guardian {at} gives back what was not registered with it"));
        };
        let found = of.iter().copied().find(|at| entries[*at].unreachable).unwrap_or(first);
        let Entry { id, unreachable } = entries.swap_remove(found);
        if !unreachable {
            return Err(format!("guardian {at} gives back #{id}, which was reachable all the time"));
        }
        self.note(|_| format!("guardian {at} gives back #{id}"));
        Ok(Some((Some(id), value)))
    }
}
