//! Checks what names objects: roots, weak cells, interned strings, guardians.

use core::fmt;

use super::{Verdict, Verifier, VerifyError, fail};
use crate::mark::{weak_cell::target_of, weak_type::is_weak_cell};
use crate::roots::Surveyed;
use crate::roots::area::PointerArea;
use crate::space::header::ObjectPtr;

/// Where a root lies.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Local(usize),
    Escape(usize),
    Root(usize),
    Stack([usize; 2]),
    Guarded(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Local(index) => write!(f, "local {index}"),
            Place::Escape(index) => write!(f, "value {index} that leaves its scope"),
            Place::Root(index) => write!(f, "root {index}"),
            Place::Stack([stack, index]) => write!(f, "stack {stack}[{index}]"),
            Place::Guarded(index) => write!(f, "object {index} that a guardian gives back"),
        }
    }
}

pub(super) struct RootSeen {
    pub object: ObjectPtr,
    pub place: Place,
    /// Whether the collector will scan the root before this cycle's marking ends.
    pub pending: bool,
    /// Whether the root's handle lives: the mutator can reach the object.
    pub alive: bool,
}

impl Verifier<'_> {
    pub(super) fn list_roots(&mut self) {
        let (c, roots) = (self.c, &mut self.roots);
        let (rescan, last_look) = (self.rules.rescan_dirty_roots, self.rules.takes_snapshot_lazily());
        let mut area = |area: &PointerArea, place: fn(usize) -> Place| {
            let mut index = 0;
            area.survey(&mut |object, unscanned, dirty| {
                let pending = unscanned || dirty && rescan;
                roots.push(RootSeen { object, place: place(index), pending, alive: true });
                index += 1;
            });
        };
        area(&c.roots.locals, Place::Local);
        area(&c.roots.escapes, Place::Escape);
        let mut table = |root: Surveyed<'_>, place: Place| {
            let pending = root.unscanned || root.dirty && rescan;
            roots.extend(root.objects.iter().map(|&object| RootSeen { object, place, pending, alive: root.alive }));
        };
        c.roots.persistent.borrow().survey(c.cycle.get(), last_look, &mut |root| {
            let place = Place::Root(root.place[1]);
            table(root, place);
        });
        c.roots.stacks.borrow().survey(c.cycle.get(), last_look, &mut |root| {
            let place = Place::Stack(root.place);
            table(root, place);
        });
        let mut index = 0;
        c.roots.guardians.borrow().survey(c.cycle.get(), &mut |object, pending| {
            roots.push(RootSeen { object, place: Place::Guarded(index), pending, alive: true });
            index += 1;
        });
    }

    /// Checks that weak cells and interned strings name allocated objects: those that die are forgotten before they are
    /// swept.
    pub(super) fn weak_tables(&self) -> Verdict {
        for string in self.c.strings.borrow().each() {
            if self.locate(string).is_none() {
                return fail(format!(
                    "an interned string at {:#x} was freed, and is still in the table",
                    string.addr()
                ));
            }
        }
        let mut freed = None;
        self.c.roots.guardians.borrow().each_registered(&mut |object| {
            if self.locate(object).is_none() {
                freed = Some(object.addr());
            }
        });
        if let Some(addr) = freed {
            return fail(format!("a guarded object at {addr:#x} was freed"));
        }
        self.each_object(|at| {
            let cell = self.object(at);
            if is_weak_cell(cell.info())
                // SAFETY: asked of weak cells only.
                && let Some(target) = unsafe { target_of(cell) }.get()
                && self.locate(target).is_none()
            {
                let what = format!("a weak cell names {:#x}, which was freed", target.addr());
                return Err(VerifyError { what, path: self.path_to(at) });
            }
            Ok(())
        })
    }
}
