//! Operations on weak maps, weak sets, and maps whose keys are derived.
//!
//! A weak table may know of a key that the program has lost, until a cycle has ended. So what it gives is looked up among
//! the entries of the shadow, and those of reachable keys must be there.

use grisaille::{AnyGc, Barrier, Gc, Identity, Mutator};

use super::frame::{Both, Registers};
use super::kit::MAX_ENTRIES;
use super::{Machine, Outcome};
use crate::object::{Ledger, STRANGER, Term, Value};
use crate::shadow::{Kind, SLOTS, Shade};

/// Entries of a weak table, at most, but for those of strangers.
const MAX_WEAK: usize = 8;

/// An entry that a weak table gives: its key, `None` for a stranger, and its value.
type Given<'a> = (Option<Value<'a>>, Value<'a>);

/// Returns the entries that a weak table says that it has.
pub(super) fn given<'a, B: Barrier>(cx: &'a Mutator<'_, B>, table: Value<'a>) -> Vec<Given<'a>> {
    match table {
        Value::Registry(o) => o.map.iter(cx).map(|(key, value)| (Value::of_any(AnyGc::from(key)), value)).collect(),
        Value::Club(o) => o.set.iter(cx).map(|key| (Value::of_any(AnyGc::from(key)), Value::Nil)).collect(),
        _ => Vec::new(),
    }
}

/// Returns the number of entries of a weak table, or `None` where the value is none.
pub(super) fn len_with_dead(table: Value<'_>) -> Option<usize> {
    match table {
        Value::Registry(o) => Some(o.map.len_with_dead()),
        Value::Club(o) => Some(o.set.len_with_dead()),
        _ => None,
    }
}

/// Gives a weak table keys that nobody else has. Returns how many of them it took.
fn give_strangers<'a, B: Barrier>(cx: &'a Mutator<'_, B>, table: Value<'a>, count: usize) -> usize {
    let take = |_: &usize| {
        let Ok(key) = cx.try_alloc(STRANGER) else { return false };
        let key = AnyGc::from(key).as_gc();
        match table {
            Value::Registry(o) => o.map.try_insert(cx, key, Value::Nil).is_ok(),
            Value::Club(o) => o.set.try_insert(cx, key) == Ok(true),
            _ => false,
        }
    };
    (0..count).take_while(take).count()
}

impl Machine<'_> {
    /// Returns the place of the entry with this key, by what the key is.
    pub(super) fn entry_of(&self, table: u32, key: Value<'_>) -> Option<usize> {
        let is_key = |entry: &(u32, Shade)| key.complaint(self.shadow.at(entry.0), entry.0).is_none();
        self.shadow.at(table).entries.iter().position(is_key)
    }

    /// Gives a key of a table a value.
    pub(super) fn enter<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        how: u8,
        (id, table): (u32, Value<'a>),
        key: (u8, Both<'a>),
        value: Both<'a>,
    ) -> Outcome {
        if let Value::Ledger(ledger) = table {
            return self.write_ledger(cx, how, (id, ledger), key, value);
        }
        let (Some(by), object) = key.1 else { return Ok(()) };
        let (true, Some(pointer)) = (self.shadow.at(by).kind.may_be_key(), object.as_any()) else { return Ok(()) };
        let (pointer, at) = (pointer.as_gc(), self.shadow.at(id).entries.iter().position(|entry| entry.0 == by));
        if at.is_none() && self.shadow.at(id).entries.len() >= MAX_WEAK {
            return Ok(());
        }
        let (had, stored) = match table {
            Value::Registry(o) => {
                if o.map.contains_key(cx, pointer) != at.is_some() {
                    return Err(format!("#{id} has a key that it should not, or lacks one: #{by}"));
                }
                match o.map.try_insert(cx, pointer, value.1) {
                    Ok(old) => (old.is_some(), true),
                    Err(_) => (at.is_some(), false),
                }
            }
            Value::Club(o) => match o.set.try_insert(cx, pointer) {
                Ok(is_new) => (!is_new, true),
                Err(_) => (at.is_some(), false),
            },
            _ => return Ok(()),
        };
        if had != at.is_some() {
            return Err(format!("#{id} has a key that it should not, or lacks one: #{by}"));
        }
        if !stored {
            self.note(|_| format!("no room in #{id}"));
            return Ok(());
        }
        let shade = value.0.filter(|_| matches!(table, Value::Registry(_)));
        let entries = &mut self.shadow.at_mut(id).entries;
        match at {
            Some(at) => entries[at].1 = shade,
            None => entries.push((by, shade)),
        }
        self.note(|_| format!("#{id}: #{by} is entered, with {shade:?}"));
        Ok(())
    }

    /// Takes a key out of a table, or all.
    pub(super) fn strike<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        registers: &mut Registers<'a>,
        (id, table): (u32, Value<'a>),
        (number, key): (u8, Both<'a>),
    ) -> Outcome {
        if number == u8::MAX {
            match table {
                Value::Registry(o) => o.map.clear(cx),
                Value::Club(o) => o.set.clear(cx),
                Value::Ledger(o) => o.map.clear(cx),
                _ => return Ok(()),
            }
            self.forget_entries(id);
            self.note(|_| format!("#{id} is cleared"));
            return Ok(());
        }
        let at = key.0.and_then(|key| self.shadow.at(id).entries.iter().position(|entry| entry.0 == key));
        let had = at.map(|at| self.shadow.at(id).entries[at].1);
        let (had, removed) = match (table, key.1.as_any()) {
            (Value::Registry(o), Some(pointer)) => {
                // A look first, which leaves the entry.
                let found = o.map.get(cx, pointer.as_gc());
                let removed = o.map.remove(cx, pointer.as_gc());
                if found.is_some() != removed.is_some() {
                    return Err(format!("#{id} has a key, and does not give it"));
                }
                (had, removed)
            }
            (Value::Club(o), Some(pointer)) => {
                let found = o.set.contains(cx, pointer.as_gc());
                (had, (o.set.remove(cx, pointer.as_gc()) && found).then_some(Value::Nil))
            }
            (Value::Ledger(o), _) => match self.term(cx, key, number % 2 == 1) {
                Some(term) => (had, o.map.remove(cx, term)),
                None => {
                    let slot = usize::from(number) % SLOTS;
                    let had = self.shadow.at_mut(id).slots[slot].take().map(Some);
                    (had, o.map.remove(cx, Term::Number(slot as u8)))
                }
            },
            _ => return Ok(()),
        };
        if removed.is_some() != had.is_some() {
            return Err(format!("#{id} has a key that it should not, or lacks one: {:?}", key.0));
        }
        if let Some(at) = at {
            self.shadow.at_mut(id).entries.swap_remove(at);
        }
        self.note(|_| format!("#{id}: a key is struck out, its value was {had:?}"));
        registers.put((had.flatten(), removed.unwrap_or(Value::Nil)));
        Ok(())
    }

    /// Looks through a table: takes an entry to the registers, keeps some, or forgets the dead.
    pub(super) fn survey<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        registers: &mut Registers<'a>,
        (id, table): (u32, Value<'a>),
        how: u8,
        count: usize,
    ) -> Outcome {
        if let Value::Ledger(ledger) = table {
            return self.survey_ledger(cx, registers, (id, ledger), how, count);
        }
        let Some(before) = len_with_dead(table) else { return Ok(()) };
        let found = given(cx, table);
        let mut visited = vec![false; self.shadow.at(id).entries.len()];
        for (key, _) in &found {
            let Some(key) = *key else { continue };
            match self.entry_of(id, key) {
                Some(at) if !visited[at] => visited[at] = true,
                _ => return Err(format!("#{id} gives {} that it should not have, or twice", key.noun())),
            }
        }
        for (at, visited) in visited.iter().enumerate() {
            let key = self.shadow.at(id).entries[at].0;
            self.found(registers, key, *visited)?;
        }
        let gone = |m: &mut Self| {
            let mut visits = visited.iter();
            m.shadow.at_mut(id).entries.retain(|_| visits.next() == Some(&true));
        };
        match how % 4 {
            0 | 1 => {
                let known = found.iter().filter_map(|(key, value)| key.map(|key| (key, *value)));
                if let Some((key, value)) = known.clone().nth(count % known.count().max(1)) {
                    let at = self.entry_of(id, key).expect("found above");
                    let (key_id, shade) = self.shadow.at(id).entries[at];
                    self.note(|_| format!("registers = #{key_id} and {shade:?}, an entry of #{id}"));
                    registers.put((Some(key_id), key));
                    registers.put((shade, value));
                }
                return Ok(());
            }
            2 => {
                match table {
                    Value::Registry(o) => o.map.purge(cx),
                    Value::Club(o) => o.set.purge(cx),
                    _ => {}
                }
                gone(self);
                let strangers = found.iter().filter(|(key, _)| key.is_none()).count();
                self.shadow.at_mut(id).strangers = strangers;
            }
            _ => {
                gone(self);
                let mut kept = Vec::new();
                let mut keep = |key: AnyGc<'a>| {
                    let keeps = Value::of_any(key).is_some() && kept.len() < count % 4;
                    kept.extend(keeps.then_some(key));
                    keeps
                };
                match table {
                    Value::Registry(o) => o.map.retain(cx, |key, _| keep(AnyGc::from(key))),
                    Value::Club(o) => o.set.retain(cx, |key| keep(AnyGc::from(key))),
                    _ => {}
                }
                let kept: Vec<_> = kept.into_iter().map(|key| self.entry_of(id, Value::Any(key))).collect();
                let mut at = 0;
                let object = self.shadow.at_mut(id);
                object.entries.retain(|_| {
                    at += 1;
                    kept.contains(&Some(at - 1))
                });
                object.strangers = 0;
            }
        }
        let (len, left) = (len_with_dead(table), &self.shadow.at(id));
        if len != Some(left.entries.len() + left.strangers) {
            return Err(format!("of {before} entries of #{id} {len:?} are left, not {}", left.entries.len()));
        }
        self.note(|m| format!("#{id} has {} entries left", m.shadow.at(id).entries.len()));
        Ok(())
    }

    /// Gives a weak table keys that nobody else has.
    pub(super) fn enter_strangers<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        (id, table): (u32, Value<'a>),
        count: usize,
    ) {
        let count = give_strangers(cx, table, count);
        self.shadow.at_mut(id).strangers += count;
        self.note(|_| format!("#{id} gets {count} keys that nobody else has"));
    }

    /// Returns the key of a ledger that an object is, or `None` where it is none. With `anew` a text is made once more:
    /// it is the same key.
    fn term<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, (key, object): Both<'a>, anew: bool) -> Option<Term<'a>> {
        let (id, kind) = (key?, self.shadow.kind(key)?);
        match object.plain() {
            Value::Cons(cons) => Some(Term::Cons(Identity(cons))),
            Value::Str(text) if kind != Kind::Interned => {
                let equal = if anew { cx.try_alloc_str(text.as_str()).ok() } else { None };
                Some(Term::Text(equal.unwrap_or(text)))
            }
            _ if kind.may_be_key() => {
                Some(Term::Other { object: Identity(object.as_any()?.as_gc()), number: id as u8 })
            }
            _ => None,
        }
    }

    fn write_ledger<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        how: u8,
        (id, ledger): (u32, Gc<'a, Ledger<'a>>),
        (by, key): (u8, Both<'a>),
        (shade, value): Both<'a>,
    ) -> Outcome {
        // Nothing is no value: a slot that holds it has no entry.
        if shade.is_none() {
            return Ok(());
        }
        let slot = usize::from(by) % SLOTS;
        let object = self.shadow.at(id);
        let at = key.0.and_then(|key| object.entries.iter().position(|entry| entry.0 == key));
        let term = self.term(cx, key, false);
        let before = if term.is_some() { at.is_some() } else { object.slots[slot].is_some() };
        if term.is_some() && !before && object.entries.len() >= MAX_ENTRIES {
            return Ok(());
        }
        let (map, word) = (&ledger.map, term.unwrap_or(Term::Number(slot as u8)));
        // A text that is equal is the same key; but in an entry that is made lies the text of the operand.
        let same = self.term(cx, key, true).unwrap_or(word);
        if map.contains_key(same) != before {
            return Err(format!("#{id} has a key that it should not, or lacks one"));
        }
        let stored = match how % 4 {
            2 => map.replace(cx, same, value).is_some(),
            3 if before => {
                map.update(cx, same, |_| value);
                true
            }
            1 if !before => map.try_get_or_insert_with(cx, word, || value).is_ok(),
            _ => map.try_insert(cx, word, value).is_ok(),
        };
        if stored {
            let object = self.shadow.at_mut(id);
            match (term, at) {
                (None, _) => object.slots[slot] = shade,
                (Some(_), Some(at)) => object.entries[at].1 = shade,
                (Some(_), None) => object.entries.extend(key.0.map(|key| (key, shade))),
            }
            self.note(|_| format!("#{id}: the key {:?} has the value {shade:?}", key.0.filter(|_| term.is_some())));
        }
        Ok(())
    }

    fn survey_ledger<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        registers: &mut Registers<'a>,
        (id, ledger): (u32, Gc<'a, Ledger<'a>>),
        how: u8,
        count: usize,
    ) -> Outcome {
        let mut taken: Vec<_> = Vec::new();
        match how % 4 {
            0 => taken.extend(ledger.map.pop(cx)),
            1 => taken.extend(ledger.map.drain(cx).take(count % 4 + 4 * SLOTS)),
            _ => {
                let mut visits = 0;
                ledger.map.retain(cx, |term, value| {
                    visits += 1;
                    let keeps = visits % 4 < count % 4;
                    taken.extend((!keeps).then_some((term, value)));
                    keeps
                });
            }
        }
        for (term, value) in taken {
            let shade = match self.entry_of_term(id, term) {
                Some(Ok(slot)) => self.shadow.at_mut(id).slots[slot].take().map(Some),
                Some(Err(at)) => Some(self.shadow.at_mut(id).entries.swap_remove(at).1),
                None => None,
            };
            let Some(shade) = shade else { return Err(format!("#{id} gives out an entry that it should not have")) };
            registers.put((shade, value));
        }
        self.note(|m| format!("#{id} has {} keys left that are objects", m.shadow.at(id).entries.len()));
        Ok(())
    }

    /// Returns the entry of a ledger's key: a slot, or an entry whose key is an object.
    pub(super) fn entry_of_term(&self, id: u32, term: Term<'_>) -> Option<Result<usize, usize>> {
        match term {
            Term::Number(slot) => Some(Ok(usize::from(slot))).filter(|_| usize::from(slot) < SLOTS),
            term => {
                let at = self.entry_of(id, key_of(term))?;
                match term {
                    Term::Other { number, .. } if number != self.shadow.at(id).entries[at].0 as u8 => None,
                    _ => Some(Err(at)),
                }
            }
        }
    }

    /// After a full collection: gives each weak table that is rooted keys that die, several times, and checks that it
    /// forgets them.
    pub(super) fn dead_entries_are_forgotten<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>) -> Outcome {
        use super::frame::Frame;
        let frame = Frame::outermost();
        let tables = |m: &mut Self, cx: &Mutator<'_, B>| {
            let all = m.operands(cx, &frame, &Registers::EMPTY, |shadow, shade| {
                shadow.kind(shade).is_some_and(Kind::is_weak_table)
            });
            all.into_iter().filter_map(|(shade, _)| shade).collect::<std::collections::BTreeSet<u32>>()
        };
        for id in tables(self, cx) {
            let mut strangers = 0;
            for round in 0..4 {
                let given = {
                    let all = self.operands(cx, &frame, &Registers::EMPTY, |_, shade| shade == Some(id));
                    let Some(&(_, table)) = all.first() else { return Ok(()) };
                    let table = table.plain();
                    let before = len_with_dead(table).unwrap_or(0);
                    let count = if round < 3 { before / 2 + 8 } else { 0 };
                    let given = give_strangers(cx, table, count);
                    strangers += given;
                    self.shadow.at_mut(id).strangers += given;
                    // No table grew in the last rounds; what was dead before them was looked for in each.
                    let (after, live) = (len_with_dead(table).unwrap_or(0), self.shadow.at(id).entries.len());
                    if round == 2 && given == count && after > live + given {
                        return Err(format!(
                            "#{id} has {after} entries: {live} of objects that it was given, {given} that are new, and dead ones"
                        ));
                    }
                    given
                };
                self.note(|_| format!("#{id} gets {given} keys that nobody else has"));
                self.collect(cx, &frame)?;
            }
            self.note(|_| format!("#{id} was given {strangers} keys that died"));
        }
        Ok(())
    }
}

/// Returns the key of a ledger, which is no number, as a value.
pub(super) fn key_of(term: Term<'_>) -> Value<'_> {
    match term {
        Term::Number(_) => Value::Nil,
        Term::Text(text) => Value::Str(text),
        Term::Cons(Identity(cons)) => Value::Cons(cons),
        Term::Other { object, .. } => Value::Any(AnyGc::from(object.0)),
    }
}
