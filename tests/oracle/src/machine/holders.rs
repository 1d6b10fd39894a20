//! Operations on handles that keep objects alive (locals, roots, stacks), and on weak pointers.

use grisaille::barrier::rules::Birth;
use grisaille::{Barrier, Color, Mutator, Phase, RefLock, Stack, StackView};

use super::frame::{Both, Frame, Keep, Local, Locals, Registers, nil};
use super::{Machine, Outcome, Watch, index, pick};
use crate::object::Value;
use crate::op::Op;
use crate::shadow::{Kind, SLOTS, Shade, Stuck};

// Values that an operand may name are not more than this many of each sort: a program that holds on to everything
// loses nothing.
pub(super) const MAX_LOCALS: usize = 3;
const MAX_ROOTS: usize = 2;
const MAX_STACKS: usize = 2;
const MAX_DEPTH: usize = 3;
/// Roots of weak pointers, and of ephemerons.
const MAX_CELLS: usize = 3;
const MAX_FORGOTTEN: usize = 2;

impl Machine<'_> {
    pub(super) fn on_holders<'a, 's, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        frame: &mut Frame<'_, 's, B>,
        keep: Keep<'_, 's, B>,
        registers: &mut Registers<'a>,
        op: Op,
    ) -> Outcome {
        let operand = |machine: &mut Self, number: u8| machine.operand(cx, &*frame, registers, number);
        match op {
            Op::Root { value } => {
                let value = operand(self, value);
                self.root(cx, frame, value);
            }
            Op::RootCell { value } => {
                let (shade, value) = operand(self, value);
                if self.locals.len() < MAX_LOCALS
                    && let Ok(local) = cx.try_root_cell(value)
                {
                    self.note(|m| format!("local {} = {shade:?}, which can be set", m.locals.len()));
                    frame.locals.push(Local::Cell(local));
                    self.locals.push(shade);
                }
            }
            Op::SetLocal { local, value } => {
                let (shade, value) = operand(self, value);
                let mut can_be_set = Vec::new();
                frame.can_be_set(&mut can_be_set);
                let cells: Vec<usize> = (0..can_be_set.len()).filter(|at| can_be_set[*at]).collect();
                if let Some(&at) = pick(&cells, local) {
                    self.note(|_| format!("local {at} = {shade:?}"));
                    frame.set_local(cx, at, value);
                    self.locals[at] = shade;
                }
            }
            Op::Keep { value } => {
                let (shade, value) = operand(self, value);
                if self.locals.len() + self.kept.iter().map(Vec::len).sum::<usize>() < MAX_LOCALS
                    && let Some(kept) = self.kept.last_mut()
                    && keep(cx, value)
                {
                    kept.push(shade);
                    self.note(|_| format!("{shade:?} is to leave the scope"));
                }
            }
            Op::Persist { value } => {
                let (shade, value) = operand(self, value);
                if shade.is_some()
                    && self.roots.len() < MAX_ROOTS
                    && let Ok(root) = cx.try_persist(value)
                {
                    self.note(|m| format!("root {} = {shade:?}, a new one", m.roots.len()));
                    self.roots.push((root, shade));
                }
            }
            Op::SetRoot { root, value } => {
                let (shade, value) = operand(self, value);
                if let Some(at) = index(root, self.roots.len()) {
                    self.note(|_| format!("root {at} = {shade:?}"));
                    self.roots[at].0.set(cx, value);
                    self.roots[at].1 = shade;
                }
            }
            Op::DropRoot { root } => {
                if let Some(at) = index(root, self.roots.len())
                    && self.may_drop_handles(cx)
                {
                    let (root, shade) = self.roots.swap_remove(at);
                    self.note(|_| format!("root {at}, {shade:?}, is dropped"));
                    registers.put((shade, root.get(cx)));
                }
            }
            Op::NewStack => {
                let capacity = if self.at.is_multiple_of(2) { 0 } else { MAX_DEPTH };
                if self.stacks.len() + self.opened.len() < MAX_STACKS
                    && let Ok(stack) = Stack::try_with_capacity(cx, capacity)
                {
                    self.note(|m| format!("stack {} is made", m.stacks.len()));
                    self.stacks.push((stack, Vec::new()));
                }
            }
            Op::Push { stack, value } => {
                let value = operand(self, value);
                self.push(cx, frame, stack, value);
            }
            Op::Pop { stack } => {
                if let Some(value) = self.pop(cx, frame, stack)? {
                    registers.put(value);
                }
            }
            Op::SetStack { stack, index: element, value } => {
                let (shade, value) = operand(self, value);
                self.on_stack(cx, frame, stack, |view, shades| {
                    let element = index(element, shades.len())?;
                    view.set(cx, element, value);
                    shades[element] = shade;
                    Some(format!("[{element}] = {shade:?}"))
                });
            }
            Op::Truncate { stack, len } => self.on_stack(cx, frame, stack, |view, shades| {
                let len = index(len, shades.len())?;
                view.truncate(cx, len);
                shades.truncate(len);
                Some(format!(" is cut to {len}"))
            }),
            Op::Cells { stack, from, value } => {
                let (shade, value) = operand(self, value);
                self.on_stack(cx, frame, stack, |view, shades| {
                    let from = index(from, shades.len())?;
                    let cells = view.cells(cx, from..shades.len());
                    let last = cells.len() - 1;
                    cells[0].set(cx.adopt(value));
                    cells[0].swap(&cells[last]);
                    shades[from] = shade;
                    shades.swap(from, from + last);
                    Some(format!(": the cells from {from} on, {shade:?} in its first, swapped with its last"))
                });
            }
            Op::Move { from, to } => match self.pop(cx, frame, from)? {
                Some(value) if to % 2 == 0 => self.push(cx, frame, to / 2, value),
                Some(value) => self.root(cx, frame, value),
                None => {}
            },
            Op::DropStack { stack } => {
                if let Some(at) = index(stack, self.stacks.len())
                    && self.may_drop_handles(cx)
                {
                    self.note(|_| format!("stack {at} is dropped"));
                    _ = self.stacks.swap_remove(at);
                }
            }
            Op::Weaken { from } => {
                // Where cells are born white while marking, a broken policy may lose them; after it, what they point to.
                let safe = match cx.phase() {
                    Phase::Idle => true,
                    // In a window in which nothing is traced they are born white.
                    Phase::Mark if B::RULES.traces_after_window() => {
                        cx.try_alloc(0u64).is_ok_and(|probe| cx.color(probe) == Color::Black)
                    }
                    Phase::Mark | Phase::MarkTermination => B::RULES.birth != Birth::White,
                    _ => false,
                };
                if self.watch == Watch::Drops && !safe {
                    return Ok(());
                }
                let target = operand(self, from);
                let Some((Some(id), target)) = self.or_garbage(cx, target) else { return Ok(()) };
                match target.weaken(cx) {
                    None => {}
                    Some(Err(_)) => self.note(|_| "no room for a weak pointer".into()),
                    Some(Ok(weak)) => {
                        let cell = self.shadow.add(Kind::Weak, [None; SLOTS], id);
                        self.note(|_| format!("#{cell} = a weak pointer to #{id}"));
                        self.add_cell(cx, (cell, weak));
                        if self.watch != Watch::Drops {
                            registers.put((Some(cell), weak));
                        }
                    }
                }
            }
            Op::Upgrade { nth, to, slot } => {
                let mut weaks =
                    self.operands(cx, frame, registers, |shadow, shade| shadow.kind(shade) == Some(Kind::Weak));
                weaks.extend(self.cells_of(cx, Kind::Weak));
                if let Some(&(Some(cell), weak)) = pick(&weaks, nth) {
                    let to = operand(self, to);
                    let live = self.upgrade(cx, registers, cell, weak)?;
                    self.set(cx, to, slot as usize % SLOTS, live);
                    registers.put(live);
                }
            }
            Op::Ask { nth } => {
                let mut weaks = self.operands(cx, frame, registers, |shadow, shade| {
                    matches!(shadow.kind(shade), Some(Kind::Weak | Kind::Ephemeron))
                });
                weaks.extend(self.cells_of(cx, Kind::Weak));
                weaks.extend(self.cells_of(cx, Kind::Ephemeron));
                if let Some(&(Some(cell), weak)) = pick(&weaks, nth) {
                    let target = self.shadow.at(cell).target;
                    let colors = self.colors_of(cx, frame, registers, target);
                    let lives = weak.is_alive(cx).ok_or("a weak pointer is none")?;
                    self.found(registers, target, lives)?;
                    self.note(|_| format!("#{target} is alive, says #{cell}: {lives}"));
                    if self.colors_of(cx, frame, registers, target) != colors {
                        return Err(format!("#{target} changed its colour when #{cell} was asked"));
                    }
                }
            }
            Op::Intern { text } => {
                let text = text as usize % self.interned.len();
                if self.watch != Watch::Drops
                    && let Ok(string) = cx.try_intern(["a", "b", "c", "d"][text])
                {
                    let id =
                        *self.interned[text].get_or_insert_with(|| self.shadow.add(Kind::Interned, [None; SLOTS], 0));
                    self.note(|_| format!("#{id} is interned"));
                    registers.put((Some(id), Value::Str(string)));
                }
            }
            Op::Leak { what, nth } => self.leak(cx, frame, registers, what, nth),
            _ => {}
        }
        Ok(())
    }

    /// A handle that is dropped while marking may be looked at once more in the next cycle. What it held is nothing to
    /// the shadow graph by then, so the drops do not tell whether a broken policy has lost it.
    pub(super) fn may_drop_handles<B: Barrier>(&self, cx: &Mutator<'_, B>) -> bool {
        self.watch != Watch::Drops || cx.phase() == Phase::Idle
    }

    /// Returns the value, or new garbage of the plainest kind where the value is nil. Returns `None` when the heap is
    /// full.
    pub(super) fn or_garbage<'a, B: Barrier>(&mut self, cx: &'a Mutator<'_, B>, value: Both<'a>) -> Option<Both<'a>> {
        if value.0.is_some() { Some(value) } else { self.alloc(cx, 0, [nil(); SLOTS]) }
    }

    /// Checks the colour of an object, from each pointer to it that is at hand.
    fn colors_of<'a, 's, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        frame: &Frame<'_, 's, B>,
        registers: &Registers<'a>,
        target: u32,
    ) -> Vec<Option<Color>> {
        let pointers = self.operands(cx, frame, registers, |_, shade| shade == Some(target));
        pointers.into_iter().map(|(_, value)| value.addr(cx).map(|(_, color)| color)).collect()
    }

    /// Roots a weak pointer or an ephemeron for good, in place of the oldest of its kind if there are enough.
    pub(super) fn add_cell<B: Barrier>(&mut self, cx: &Mutator<'_, B>, (id, value): (u32, Value<'_>)) {
        let kind = self.shadow.kind(Some(id));
        let mut same = (0..self.cells.len()).filter(|at| self.shadow.kind(self.cells[*at].1) == kind);
        let (oldest, count) = (same.next(), 1 + same.count());
        if let Some(oldest) = oldest
            && count >= MAX_CELLS
        {
            if !self.may_drop_handles(cx) {
                return;
            }
            _ = self.cells.remove(oldest);
        }
        self.cells.extend(cx.try_persist(value).ok().map(|root| (root, Some(id))));
    }

    pub(super) fn cells_of<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>, kind: Kind) -> Vec<Both<'a>> {
        let cells = self.cells.iter().filter(|(_, shade)| self.shadow.kind(*shade) == Some(kind));
        cells.map(|(root, shade)| (*shade, root.get(cx))).collect()
    }

    /// Uses a stack: one that is opened for this operation, or, as the last, the one that is open in this frame.
    fn on_stack<'s, B: Barrier>(
        &mut self,
        cx: &Mutator<'s, B>,
        frame: &mut Frame<'_, 's, B>,
        stack: u8,
        f: impl FnOnce(&mut StackView<'_, 's, Value<'static>>, &mut Vec<Shade>) -> Option<String>,
    ) {
        let Some(at) = index(stack, self.stacks.len() + usize::from(frame.view.is_some())) else { return };
        let said = match (self.stacks.get_mut(at), &mut frame.view, self.opened.last_mut()) {
            (Some((stack, shades)), ..) => f(&mut stack.open(cx), shades),
            (None, Some(view), Some(shades)) => f(view, shades),
            _ => None,
        };
        if let Some(said) = said {
            self.note(|_| format!("stack {at}{said}"));
        }
    }

    fn push<'a, 's, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        frame: &mut Frame<'_, 's, B>,
        stack: u8,
        (shade, value): Both<'a>,
    ) {
        if shade.is_some() {
            self.on_stack(cx, frame, stack, |view, shades| {
                (shades.len() < MAX_DEPTH && view.try_push(cx, value).is_ok()).then(|| {
                    shades.push(shade);
                    format!(": push {shade:?}")
                })
            });
        }
    }

    fn pop<'a, 's, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        frame: &mut Frame<'_, 's, B>,
        stack: u8,
    ) -> Result<Option<Both<'a>>, String> {
        let mut popped = (None, None);
        self.on_stack(cx, frame, stack, |view, shades| {
            popped = (shades.pop(), view.pop(cx));
            Some(format!(": pop {:?}", popped.0))
        });
        match popped {
            (Some(shade), Some(value)) => Ok(Some((shade, value))),
            (None, None) => Ok(None),
            _ => Err("a stack has not as many values as it should".into()),
        }
    }

    fn upgrade<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'_, B>,
        registers: &Registers<'a>,
        cell: u32,
        weak: Value<'a>,
    ) -> Result<Both<'a>, String> {
        let target = self.shadow.at(cell).target;
        let found = weak.upgrade(cx);
        self.found(registers, target, found.is_some())?;
        self.note(|_| format!("the weak pointer #{cell} to #{target} is upgraded: {}", found.is_some()));
        Ok(found.map_or(nil(), |value| (Some(target), value)))
    }

    /// Checks the answers of a weak pointer or an ephemeron about its target.
    pub(super) fn found(&mut self, registers: &Registers<'_>, target: u32, found: bool) -> Outcome {
        let gone = self.shadow.at(target).gone;
        if found && gone {
            return Err(format!("#{target} was upgraded, and had been gone already"));
        }
        if !found && self.reach(&registers.values, true)[target as usize] {
            return Err(format!("#{target} is reachable, and a weak pointer says that it is gone"));
        }
        self.shadow.at_mut(target).gone = !found;
        Ok(())
    }

    /// Forgets a handle or a guard.
    fn leak<'a, 's, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        frame: &Frame<'_, 's, B>,
        registers: &Registers<'a>,
        what: u8,
        nth: u8,
    ) {
        let forgotten = &mut self.forgotten;
        match what % 5 {
            0 => {
                if let Some(at) = index(nth, self.roots.len())
                    && forgotten.roots.len() < MAX_FORGOTTEN
                {
                    let (root, shade) = self.roots.swap_remove(at);
                    forgotten.roots.push(root);
                    forgotten.shades.push(shade);
                    self.note(|_| format!("root {at}, {shade:?}, is forgotten"));
                }
            }
            1 => {
                if let Some(at) = index(nth, self.stacks.len())
                    && forgotten.stacks.len() < MAX_FORGOTTEN
                {
                    let (stack, shades) = self.stacks.swap_remove(at);
                    forgotten.stacks.push(stack);
                    forgotten.shades.extend(shades);
                    self.note(|_| format!("stack {at} is forgotten"));
                }
            }
            2 => {
                if let Some(at) = index(nth, self.guards.len())
                    && forgotten.guards.len() < MAX_FORGOTTEN
                {
                    forgotten.guards.push(self.guards.swap_remove(at));
                    self.note(|_| format!("guardian {at} is forgotten"));
                }
            }
            guard => {
                let bags = self.operands(cx, frame, registers, |shadow, shade| shadow.kind(shade) == Some(Kind::Bag));
                if let Some(&(Some(id), Value::Bag(bag))) = pick(&bags, nth)
                    && self.shadow.at(id).stuck == Stuck::No
                {
                    let stuck = if guard == 3 {
                        std::mem::forget(bag.borrow());
                        Stuck::ReadOnly
                    } else {
                        std::mem::forget(RefLock::borrow_mut(bag, cx));
                        Stuck::Shut
                    };
                    self.shadow.at_mut(id).stuck = stuck;
                    self.note(|_| format!("a guard of #{id} is forgotten: {stuck:?}"));
                }
            }
        }
    }
}
