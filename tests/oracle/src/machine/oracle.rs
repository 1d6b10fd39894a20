//! The oracle: checks that what the shadow graph reaches is in the heap, and as it should be, and that the rest is gone
//! in the end.

use std::time::Duration;

use grisaille::{Barrier, Color, Mutator, Phase};

use super::frame::{Both, Frame, Locals};
use super::{Machine, Outcome, VERIFIER, Watch, tables};
use crate::object::{Value, number};
use crate::shadow::{Kind, Object, SLOTS, Shade};

impl Machine<'_> {
    /// Returns the objects that the shadow graph reaches; with `guarded`, also those that guardians keep.
    pub(super) fn reach(&self, registers: &[Both<'_>], guarded: bool) -> Vec<bool> {
        let registers = registers.iter().map(|(shade, _)| *shade);
        let areas = self.kept.iter().chain(&self.opened).chain(self.stacks.iter().map(|(_, shades)| shades));
        let areas = areas.chain([&self.locals, &self.forgotten.shades]).flatten().copied();
        let handles = self.roots.iter().chain(&self.cells).map(|(_, shade)| *shade);
        let guards = self.guards.iter().chain(&self.forgotten.guards).flat_map(|guard| &guard.entries);
        let guards = guards.filter(|_| guarded).map(|entry| Some(entry.id));
        self.shadow.reach(registers.chain(areas).chain(handles).chain(guards))
    }

    /// Finds whether something was lost, then checks everything. With `stopped` no registers live.
    pub(super) fn audit<B: Barrier>(
        &mut self,
        cx: &mut Mutator<'_, B>,
        frame: &dyn Locals<B>,
        stopped: bool,
    ) -> Outcome {
        if self.blind {
            return Ok(());
        }
        if self.watch == Watch::Verifier && stopped {
            cx.verify().map_err(|error| format!("{VERIFIER}{error}"))?;
        }
        if stopped {
            self.note_unreachable();
        }
        self.walk(cx, frame, &[], false)
    }

    /// Notes which entries of guardians a cycle that begins now may find unreachable. To be called where no registers live.
    pub(super) fn note_unreachable(&mut self) {
        if self.guards.iter().chain(&self.forgotten.guards).any(|guard| !guard.entries.is_empty()) {
            let reached = self.reach(&[], false);
            let guards = self.guards.iter_mut().chain(&mut self.forgotten.guards);
            for entry in guards.flat_map(|guard| &mut guard.entries) {
                entry.unreachable |= !reached[entry.id as usize];
            }
        }
    }

    /// Walks heap and shadow in step. With `exact`, weak pointers must know of each death too.
    pub(super) fn walk<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        frame: &dyn Locals<B>,
        registers: &[Both<'a>],
        exact: bool,
    ) -> Outcome {
        if self.blind {
            return Ok(());
        }
        let reached = self.reach(registers, true);
        for (id, object) in self.shadow.objects.iter().enumerate() {
            let drops = if object.kind.has_witness() { self.log.drops(id as u32) } else { 0 };
            if reached[id] && drops != 0 {
                return Err(format!("#{id} is reachable, and was dropped"));
            }
            if drops > 1 {
                return Err(format!("#{id} was dropped {drops} times"));
            }
        }
        for (at, guard) in self.guards.iter().enumerate() {
            let (guarded, expected) = (guard.handle.guarded(cx), guard.entries.len());
            if guarded != expected {
                return Err(format!("guardian {at} guards {guarded} objects, not {expected}"));
            }
        }
        self.weak_tables.clear();
        let mut work = registers.to_vec();
        self.rooted(cx, frame, &mut work);
        work.extend(self.cells.iter().map(|(root, shade)| (*shade, root.get(cx))));
        let marking = matches!(cx.phase(), Phase::Mark | Phase::MarkTermination);
        let mut addresses: Vec<Option<usize>> = vec![None; self.shadow.objects.len()];
        let mut seen = vec![false; self.shadow.objects.len()];
        while let Some((shade, value)) = work.pop() {
            let Some(id) = shade else {
                if !matches!(value, Value::Nil) {
                    return Err(format!("{} where nil should be", value.noun()));
                }
                continue;
            };
            let addr = value.addr(cx);
            if std::mem::replace(&mut seen[id as usize], true) {
                if addresses[id as usize] != addr.map(|addr| addr.0) {
                    return Err(format!("#{id} is two objects"));
                }
                continue;
            }
            addresses[id as usize] = addr.map(|addr| addr.0);
            let value = value.plain();
            let object = self.shadow.at(id);
            if let Some(complaint) = value.complaint(object, id) {
                return Err(format!("#{id} is not intact: {complaint}"));
            }
            match (cx.phase(), addr) {
                (Phase::Weak, Some((_, Color::White | Color::Grey))) => {
                    return Err(format!("#{id} is reachable, and was condemned"));
                }
                (Phase::Idle | Phase::Sweep, Some((_, Color::Grey | Color::Black))) => {
                    return Err(format!("#{id} has a colour while nobody marks"));
                }
                _ => {}
            }
            if matches!(object.kind, Kind::Weak | Kind::Ephemeron) {
                let target = object.target;
                let lives = reached[target as usize];
                if exact && value.upgrade(cx).is_some() != lives {
                    let state = if lives { "reachable" } else { "unreachable" };
                    return Err(format!("#{target} is {state}, and the weak pointer #{id} does not know it"));
                }
                // While marking, a look at an ephemeron's parts would shade them, and hide what a policy loses.
                if object.kind == Kind::Ephemeron && lives && !marking {
                    match (value.upgrade(cx), value.reveal(cx)) {
                        (Some(key), Some(value)) => work.extend([(Some(target), key), (object.slots[0], value)]),
                        _ => return Err(format!("the key of #{id} is reachable, and it says that it is gone")),
                    }
                }
                continue;
            }
            if object.kind.has_slots() {
                let slots = object.slots.iter().enumerate();
                work.extend(slots.filter_map(|(slot, shade)| value.get(slot).map(|child| (*shade, child))));
            }
            match value {
                Value::List(list) => {
                    let items = object.items.iter().zip(list.items.iter());
                    work.extend(items.map(|(shade, value)| (*shade, value.or_nil())));
                }
                Value::Map(map) => {
                    let held = object.filler.iter().filter(|(_, shade)| shade.is_some());
                    work.extend(held.filter_map(|(at, shade)| Some((*shade, map.get(number(SLOTS + *at as usize))?))));
                    if object.entries.is_empty() {
                        continue;
                    }
                    // Keys are found by the entries that the map has, and compared as any value is.
                    for (key, value) in map.iter() {
                        if let Some(key) = key.as_object() {
                            let key = Value::Cons(key);
                            let is_key =
                                |entry: &&(u32, Shade)| key.complaint(self.shadow.at(entry.0), entry.0).is_none();
                            let Some(entry) = object.entries.iter().find(is_key) else {
                                return Err(format!("#{id} has an object as a key that it should not have"));
                            };
                            work.extend([(Some(entry.0), key), (entry.1, value)]);
                        }
                    }
                }
                Value::Ledger(ledger) => {
                    for (term, value) in ledger.map.iter() {
                        match self.entry_of_term(id, term) {
                            // Among the slots.
                            Some(Ok(_)) => {}
                            Some(Err(at)) => {
                                let (key, shade) = object.entries[at];
                                work.extend([(Some(key), tables::key_of(term)), (shade, value)]);
                            }
                            None => return Err(format!("#{id} has a key that it should not have")),
                        }
                    }
                }
                _ => {}
            }
            if let Some(len) = tables::len_with_dead(value) {
                self.weak_tables.push((id, len));
                let live = object.entries.iter().filter(|(key, _)| reached[*key as usize]).count();
                if len < live {
                    return Err(format!(
                        "the weak table #{id} has {len} entries, and {live} of its keys are reachable"
                    ));
                }
                // As for an ephemeron's parts.
                if marking {
                    continue;
                }
                let (mut found, mut others) = (0, 0);
                for (key, value) in tables::given(cx, value) {
                    let Some(key) = key else { continue };
                    let Some(at) = self.entry_of(id, key) else {
                        return Err(format!("the weak table #{id} has a key that it should not have"));
                    };
                    let (key_id, shade) = object.entries[at];
                    if reached[key_id as usize] {
                        found += 1;
                        work.extend([(Some(key_id), key), (shade, value)]);
                    } else {
                        others += 1;
                    }
                }
                if found != live {
                    return Err(format!(
                        "{live} keys of the weak table #{id} are reachable, and it has {found} of them"
                    ));
                }
                if exact && others != 0 {
                    return Err(format!(
                        "{others} keys of the weak table #{id} are unreachable, and it has them still"
                    ));
                }
            }
        }
        addresses.retain(Option::is_some);
        addresses.sort_unstable();
        if addresses.windows(2).any(|two| two[0] == two[1]) {
            return Err("two objects lie at one address".into());
        }
        Ok(())
    }

    /// Checks, two cycles later, that unreachable objects are gone.
    pub(super) fn end<B: Barrier>(&mut self, cx: &mut Mutator<'_, B>) -> Outcome {
        let frame = Frame::outermost();
        self.audit(cx, &frame, true)?;
        self.collect(cx, &frame)?;
        self.audit(cx, &frame, true)?;
        while self.give_back(cx)? {
            self.collect(cx, &frame)?;
            self.audit(cx, &frame, true)?;
        }
        self.dead_entries_are_forgotten(cx)?;
        self.settle(cx)?;
        self.exact(cx, &frame)
    }

    /// Checks, after a whole cycle in which the mutator did not run, that unreachable objects are gone.
    pub(super) fn exact<B: Barrier>(&mut self, cx: &Mutator<'_, B>, frame: &dyn Locals<B>) -> Outcome {
        self.walk(cx, frame, &[], true)?;
        let reached = self.reach(&[], true);
        let (mut lost, mut lost_bytes) = (0, 0);
        for (id, object) in self.shadow.objects.iter().enumerate() {
            if object.kind.has_witness() && !reached[id] && self.log.drops(id as u32) != 1 {
                if lost == self.lost || !object.kind.is_background() {
                    return Err(format!("#{id} is unreachable, and was not dropped by a full collection"));
                }
                lost += 1;
                lost_bytes += object.owned;
            }
        }
        if lost != self.lost {
            return Err(format!("{} objects are left to the parent, and {lost} were not dropped", self.lost));
        }
        let stats = cx.stats();
        let live = stats.objects_allocated() - stats.objects_freed();
        let alive = self.shadow.objects.iter().zip(&reached).filter(|(_, reached)| **reached);
        // The buffers of a list and of its text are objects too, and so is the table that each map here has from the start,
        // and each entry of a weak table.
        let parts =
            |object: &Object| u64::from(object.buffer || object.kind.has_table()) + u64::from(object.text_buffer);
        let objects: u64 = alive.map(|(object, _)| 1 + parts(object)).sum();
        let entries: usize = self.weak_tables.iter().map(|(_, len)| len).sum();
        let expected = objects + entries as u64;
        // Nobody can ask the weak tables that only a forgotten handle leads to how many dead entries they have.
        let tables = self.shadow.objects.iter().enumerate().filter(|(id, object)| {
            object.kind.is_weak_table() && reached[*id] && !self.weak_tables.iter().any(|seen| seen.0 as usize == *id)
        });
        let most = expected + tables.map(|(_, table)| table.entries.len() + table.strangers).sum::<usize>() as u64;
        if !(expected..=most).contains(&live) {
            return Err(format!("after a full collection {live} objects live, and {expected} are reachable"));
        }
        let interned = self.interned.iter().flatten().filter(|id| reached[**id as usize]).count();
        if cx.interned_count() != interned {
            return Err(format!("{} strings are interned, and {interned} reachable", cx.interned_count()));
        }
        let owned: usize =
            self.shadow.objects.iter().zip(&reached).filter(|o| *o.1).map(|(object, _)| object.owned).sum();
        let outside = (self.external + owned + lost_bytes) as u64;
        if stats.bytes_external() != outside && !self.shadow.objects.iter().any(|object| object.kind.has_table()) {
            return Err(format!("{} bytes lie outside the heap, not {outside}", stats.bytes_external()));
        }
        Ok(())
    }

    /// After a full collection, takes the objects that guardians give back, and drops the pointers. Returns whether
    /// there was any.
    fn give_back<B: Barrier>(&mut self, cx: &Mutator<'_, B>) -> Result<bool, String> {
        let mut given: Vec<Shade> = Vec::new();
        for at in 0..self.guards.len() {
            while let Some((shade, _)) = self.retrieve(cx, at)? {
                given.push(shade);
            }
        }
        // What was ready before the collection is a root, and kept others from being given.
        let mut registers: Vec<Both<'_>> = given.iter().map(|shade| (*shade, Value::Nil)).collect();
        let forgotten = self.forgotten.guards.iter().flat_map(|guard| &guard.entries);
        registers.extend(forgotten.map(|entry| (Some(entry.id), Value::Nil)));
        let reached = self.reach(&registers, false);
        for entry in self.guards.iter().flat_map(|guard| &guard.entries) {
            if !reached[entry.id as usize] {
                return Err(format!("#{} is unreachable, and its guardian does not give it back", entry.id));
            }
        }
        Ok(!given.is_empty())
    }

    /// Checks, when the heap is gone, that each object was dropped once.
    pub(super) fn everything_is_dropped(&self) -> Outcome {
        for (id, object) in self.shadow.objects.iter().enumerate() {
            // The sweeper may have the last objects in its hands.
            let mut patience = if object.kind.is_background() { 5000 } else { 0 };
            while object.kind.has_witness() && self.log.drops(id as u32) != 1 {
                if patience == 0 {
                    return Err(format!("the heap is gone, and #{id} was dropped {} times", self.log.drops(id as u32)));
                }
                patience -= 1;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        Ok(())
    }
}
