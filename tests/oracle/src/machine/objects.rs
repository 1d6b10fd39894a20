//! Operations on objects and their slots.

use grisaille::fault::{self, Fault};
use grisaille::{Barrier, Mutator, Slot};

use super::frame::{Both, Frame, Local, Locals, Registers, nil};
use super::quiet::{self, Bang};
use super::{Machine, Outcome, Watch, index, pick};
use crate::object::{Value, Witness, number};
use crate::op::Op;
use crate::shadow::{Kind, SLOTS, Shade, Shadow, Stuck};

/// Locals, of all scopes: see `holders`.
use super::holders::MAX_LOCALS;

impl Machine<'_> {
    pub(super) fn on_objects<'a, 's, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        frame: &mut Frame<'_, 's, B>,
        registers: &mut Registers<'a>,
        op: Op,
    ) -> Outcome {
        let operand = |machine: &mut Self, number: u8| machine.operand(cx, &*frame, registers, number);
        match op {
            Op::Forget => *registers = Registers::EMPTY,
            Op::Alloc { kind, a, b } => {
                let items = [operand(self, a), nil(), operand(self, b)];
                if let Some(new) = self.alloc(cx, kind, items) {
                    registers.put(new);
                }
            }
            Op::Grow { kind, to, slot } => {
                let (to, object) = operand(self, to);
                let slot = slot as usize % SLOTS;
                match (to, object.get(slot)) {
                    (Some(to), Some(inner)) if self.shadow.may_set(to, slot) => {
                        let inner = (self.shadow.get(to, slot), inner);
                        if let Some(new) = self.alloc(cx, kind, [inner, nil(), nil()]) {
                            self.set(cx, (Some(to), object), slot, new);
                        }
                    }
                    _ => {
                        if let Some(new) = self.alloc(cx, kind, [nil(); SLOTS]) {
                            self.root(cx, frame, new);
                        }
                    }
                }
            }
            Op::Get { from, slot } => {
                let (shade, value) = operand(self, from);
                let slot = slot as usize % SLOTS;
                if let (Some(id), Some(value)) = (shade, value.get(slot)) {
                    let shade = self.shadow.get(id, slot);
                    self.note(|_| format!("register = #{id}[{slot}], {shade:?}"));
                    registers.put((shade, value));
                }
            }
            Op::Take { from, slot } => {
                let (shade, value) = operand(self, from);
                let slot = slot as usize % SLOTS;
                if let (Some(id), Some(taken)) = (shade, value.get(slot))
                    && self.shadow.may_set(id, slot)
                {
                    let shade = self.shadow.get(id, slot);
                    self.note(|_| format!("register = #{id}[{slot}], {shade:?}, which is cleared"));
                    self.set(cx, (Some(id), value), slot, nil());
                    registers.put((shade, taken));
                }
            }
            Op::Set { to, slot, value } => {
                let (to, value) = (operand(self, to), operand(self, value));
                self.set(cx, to, slot as usize % SLOTS, value);
            }
            Op::Disguise { value, how } => {
                let (shade, value) = operand(self, value);
                if let Some(any) = value.as_any() {
                    let disguised = if how % 4 == 3 { value.plain() } else { Value::Any(any) };
                    self.note(|_| format!("register = {shade:?}, by {disguised}", disguised = disguised.pointer()));
                    registers.put((shade, disguised));
                }
            }
            Op::Whole { nth, value } => {
                let wholes = self.operands(cx, frame, registers, |shadow, shade| {
                    matches!(shadow.kind(shade), Some(Kind::Bag | Kind::Tuple))
                });
                let (shade, value) = operand(self, value);
                if let Some(&(Some(id), object)) = pick(&wholes, nth)
                    && self.shadow.at(id).stuck == Stuck::No
                {
                    self.note(|_| format!("#{id} is rotated, with {shade:?} at its end"));
                    let [_, b, c] = self.shadow.at(id).slots;
                    self.shadow.at_mut(id).slots = [b, c, shade];
                    object.rotate(cx, value);
                }
            }
            Op::Edit { nth, len, how } => {
                let owners = self.operands(cx, frame, registers, |shadow, shade| {
                    shadow.kind(shade).is_some_and(|kind| kind == Kind::Bag || kind.is_background())
                });
                if let Some(&(Some(id), object)) = pick(&owners, nth)
                    && self.shadow.at(id).stuck == Stuck::No
                {
                    object.edit(cx, id, len.into(), how);
                    let counted = object.counted().unwrap_or(0);
                    self.note(|_| format!("#{id} owns {counted} bytes"));
                    self.shadow.at_mut(id).owned = counted;
                }
            }
            Op::Churn { blocks } => {
                for _ in 0..blocks % 32 {
                    // At the limit the rest of it finds no room.
                    let numbers = cx.try_alloc_array(600, |_| Slot::new(0u64)).is_ok();
                    let values = cx.try_alloc_array(600, |_| Slot::new(Value::Nil)).is_ok();
                    if !numbers || !values {
                        break;
                    }
                }
                self.note(|_| "garbage".into());
            }
            Op::Interrupt { what, len } => {
                let len = len as usize * [1, 1, 20, 60][what as usize / 2 % 4] + 1;
                let maps = self.operands(cx, frame, registers, |shadow, shade| shadow.kind(shade) == Some(Kind::Map));
                let banged = match pick(&maps, what / 2) {
                    Some((_, Value::Map(map))) if what % 2 == 1 => quiet::catch::<_, Bang>(|| {
                        map.update(cx, number(len), |_| quiet::raise(Bang));
                    })
                    .is_err(),
                    // Half of an array is made, with drop glue or without.
                    _ => {
                        let made = quiet::catch::<_, Bang>(|| {
                            let half = |at: usize| if at == len / 2 { quiet::raise(Bang) } else { at };
                            if what % 2 == 0 {
                                cx.try_alloc_array(len, |at| Box::new(half(at))).is_ok()
                            } else {
                                cx.try_alloc_array(len, |at| Slot::new(Value::Int(half(at) as u32))).is_ok()
                            }
                        });
                        // A full heap does not call the closure.
                        !matches!(made, Ok(true))
                    }
                };
                self.note(|_| "a closure panics".into());
                if !banged {
                    return Err("a panic of a closure did not come out".into());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Allocates an object. Returns `None` when the heap is full.
    pub(super) fn alloc<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        kind: u8,
        items: [Both<'a>; SLOTS],
    ) -> Option<Both<'a>> {
        let mut kind = match self.watch {
            // Drops on the sweeper's thread come at a time that is known where the program plays it.
            Watch::Drops if self.plays && kind % 4 == 3 => Kind::Background,
            Watch::Drops => Kind::with_witness(kind),
            Watch::Verifier | Watch::SecondMark => Kind::new(kind),
        };
        if matches!(fault::current(), Some(Fault::DropsTwice | Fault::LeavesTailMarked)) {
            // Of what may be dropped twice without harm: a witness, whose log is kept for ever.
            std::mem::forget(self.log.clone());
            kind = if kind.may_be_dropped_twice() { kind } else { Kind::Guarded };
        }
        let id = self.shadow.objects.len() as u32;
        let Some(value) = Value::alloc(cx, kind, id, items.map(|item| item.1), &self.log) else {
            self.note(|_| format!("no room for a {kind:?}"));
            return None;
        };
        let mut slots = if kind.has_slots() { items.map(|item| item.0) } else { [None; SLOTS] };
        for (slot, shade) in slots.iter_mut().enumerate() {
            *shade = self.shadow.held(kind, slot, *shade);
        }
        self.shadow.add(kind, slots, 0);
        self.shadow.at_mut(id).owned = value.counted().unwrap_or(0);
        self.note(|_| format!("#{id} = a new {kind:?} with {slots:?}"));
        let cargo = Witness::cargo_of(kind);
        cx.adjust_external(cargo as isize);
        self.external += cargo;
        Some((Some(id), value))
    }

    pub(super) fn set<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        (to, object): Both<'a>,
        slot: usize,
        (shade, value): Both<'a>,
    ) {
        if let Some(id) = to
            && self.shadow.may_set(id, slot)
        {
            if object.set(cx, slot, value) {
                self.shadow.set(id, slot, shade);
                self.note(|m| format!("#{id}[{slot}] = {:?}", m.shadow.get(id, slot)));
            } else {
                self.note(|_| format!("no room to write #{id}[{slot}]"));
            }
        }
    }

    /// Roots a value in the current scope. Roots that hold nothing are of no interest.
    pub(super) fn root<'s, B: Barrier>(
        &mut self,
        cx: &Mutator<'s, B>,
        frame: &mut Frame<'_, 's, B>,
        (shade, value): Both<'_>,
    ) {
        if shade.is_some() && self.locals.len() < MAX_LOCALS {
            let Ok(local) = cx.try_root(value) else { return };
            self.note(|m| format!("local {} = {shade:?}", m.locals.len()));
            frame.locals.push(Local::Rooted(local));
            self.locals.push(shade);
        }
    }

    /// Returns the value that an operand names.
    pub(super) fn operand<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        frame: &dyn Locals<B>,
        registers: &Registers<'a>,
        number: u8,
    ) -> Both<'a> {
        let all = self.operands(cx, frame, registers, |_, shade| shade.is_some());
        match number % 5 {
            0 => nil(),
            1 if registers.newest().0.is_some() => registers.newest(),
            deep => {
                let mut found = index(number / 5, all.len()).map_or(nil(), |at| all[at]);
                // A root, or what lies deeper: that is where collector and mutator have not met yet.
                for step in 2..deep as usize {
                    let inner = (0..SLOTS).map(|slot| (slot + step + number as usize) % SLOTS).find_map(|slot| {
                        let id = found.0?;
                        Some((Some(self.shadow.get(id, slot)?), found.1.get(slot)?))
                    });
                    found = inner.unwrap_or(found);
                }
                found
            }
        }
    }

    /// Returns the values at hand of which the predicate holds, each as often as it is there.
    pub(super) fn operands<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        frame: &dyn Locals<B>,
        registers: &Registers<'a>,
        holds: impl Fn(&Shadow, Shade) -> bool,
    ) -> Vec<Both<'a>> {
        let mut all = registers.values.to_vec();
        self.rooted(cx, frame, &mut all);
        all.retain(|(shade, _)| holds(&self.shadow, *shade));
        all
    }

    /// Returns all rooted values, but for the roots of weak pointers and ephemerons.
    pub(super) fn rooted<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        frame: &dyn Locals<B>,
        all: &mut Vec<Both<'a>>,
    ) {
        let (mut locals, mut viewed) = (Vec::new(), Vec::new());
        frame.locals(cx, &mut locals);
        frame.viewed(cx, &mut viewed);
        all.extend(self.locals.iter().copied().zip(locals));
        all.extend(self.roots.iter().map(|(root, shade)| (*shade, root.get(cx))));
        for (stack, shades) in &mut self.stacks {
            let view = stack.open(cx);
            all.extend(shades.iter().enumerate().map(|(at, shade)| (*shade, view.at(cx, at))));
        }
        all.extend(self.opened.iter().flatten().copied().zip(viewed));
    }
}
