//! The operations that a small program may do next.

use super::Bound;
use crate::machine::probe::View;
use crate::op::Op;
use crate::shadow::{Kind, Shade};

/// The operand that is nil.
const NIL: u8 = 0;

/// The operand that names a value by its place among those at hand.
fn operand(at: usize) -> u8 {
    (5 * at + 2).try_into().expect("few values are at hand")
}

/// The operations that do something in this state, and not the same as another: operands are enumerated by the
/// objects that they name. Left out is what is two others in one (`Grow`, `Move`; not `Take`, which buys depth), what is
/// many steps (`Begin`, `Finish`, `Collect`, `Safepoint`), what mutates a whole object in another way (`Whole`: here it
/// is a `Set` or a `Take` of a bag), strings and other kinds of objects, weak pointers as values, and a region's end.
pub fn menu(view: &View<'_>, bound: &Bound) -> Vec<Op> {
    let mut menu = Vec::with_capacity(16);
    // The objects at hand, each by its first operand.
    let mut names: Vec<(u32, u8)> = Vec::with_capacity(4);
    for (at, &shade) in view.operands.iter().enumerate() {
        if let Some(id) = shade
            && view.shadow.objects[id as usize].kind != Kind::Weak
            && names.iter().all(|(other, _)| *other != id)
        {
            names.push((id, operand(at)));
        }
    }
    // A value is not replaced by itself.
    let others = |holds: Shade| names.iter().filter(move |(id, _)| holds != Some(*id)).map(|(_, name)| *name);
    let is_in_register = |shade: Shade| view.registers.contains(&shade);
    let locals = view.locals.len() + view.kept.iter().map(Vec::len).sum::<usize>();
    if view.objects < bound.objects {
        for kind in [Kind::Guarded, Kind::Bag].map(Kind::number) {
            menu.extend([NIL].into_iter().chain(others(None)).map(|a| Op::Alloc { kind, a, b: NIL }));
        }
    }
    for &(id, name) in &names {
        for &slot in &SLOTS[..bound.slots] {
            let holds = view.shadow.get(id, slot);
            let slot = slot as u8;
            if holds.is_some() {
                if !is_in_register(holds) {
                    menu.push(Op::Get { from: name, slot });
                    menu.push(Op::Take { from: name, slot });
                }
                menu.push(Op::Set { to: name, slot, value: NIL });
            }
            menu.extend(others(holds).map(|value| Op::Set { to: name, slot, value }));
        }
        if locals < bound.locals {
            menu.push(Op::Root { value: name });
            menu.push(Op::RootCell { value: name });
            if !view.kept.is_empty() {
                menu.push(Op::Keep { value: name });
            }
        }
        if view.roots.len() < bound.roots {
            menu.push(Op::Persist { value: name });
        }
        if view.cells.len() < bound.weaks && view.shadow.objects[id as usize].kind == Kind::Guarded {
            menu.push(Op::Weaken { from: name });
        }
    }
    for (root, &holds) in view.roots.iter().enumerate() {
        let root = root as u8;
        menu.push(Op::DropRoot { root });
        menu.extend(others(holds).map(|value| Op::SetRoot { root, value }));
    }
    let cells = view.locals.iter().zip(&view.can_be_set).filter(|(_, can)| **can).map(|(holds, _)| *holds);
    for (local, holds) in cells.enumerate() {
        let local = local as u8;
        if holds.is_some() {
            menu.push(Op::SetLocal { local, value: NIL });
        }
        menu.extend(others(holds).map(|value| Op::SetLocal { local, value }));
    }
    if view.stacks.len() < bound.stacks {
        menu.push(Op::NewStack);
    }
    for (stack, values) in view.stacks.iter().enumerate() {
        let stack = stack as u8;
        menu.push(Op::DropStack { stack });
        if !values.is_empty() {
            menu.push(Op::Pop { stack });
        }
        if values.len() > 1 {
            menu.push(Op::Truncate { stack, len: 0 });
        }
        if values.len() < bound.height {
            menu.extend(others(None).map(|value| Op::Push { stack, value }));
        }
        for (index, &holds) in values.iter().enumerate() {
            let index = index as u8;
            menu.extend(others(holds).map(|value| Op::SetStack { stack, index, value }));
        }
        if !values.is_empty() {
            // The cells of the whole stack; where it has one value, that is written.
            menu.extend(others(None).map(|value| Op::Cells { stack, from: 0, value }));
        }
    }
    if view.kept.len() < bound.scopes {
        menu.push(Op::Scope);
    }
    if !view.kept.is_empty() {
        menu.push(Op::EndScope);
    }
    for (nth, cell) in view.cells.iter().enumerate() {
        let target = cell.map(|cell| view.shadow.objects[cell as usize].target);
        if !is_in_register(target) {
            menu.push(Op::Upgrade { nth: nth as u8, to: NIL, slot: 0 });
        }
    }
    menu
}

/// The slots that are used, in this order: an object is born with values in these.
const SLOTS: [usize; 2] = [0, 2];
