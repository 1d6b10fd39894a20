//! The second mark: what is reachable, found out once more and compared with what marking says.
//!
//! It runs at the one moment at which the marks are final: it has just been decided what dies, and no mutator has run
//! since. It begins at what the mutator can get at, keeps its own bits, uses no grey set, no queue, no mark stack, and
//! looks at nothing that the cycle noted (what is scanned, what is dirty, what waits).

use hashbrown::HashMap;

use super::{At, Verdict, Verifier, VerifyError};
use crate::cycle::phase::Phase;
use crate::mark::tracer::Pointers;
use crate::space::header::ObjectPtr;

/// Values of ephemerons that were come across before their keys.
pub(super) struct Closure {
    waiting: HashMap<ObjectPtr, Vec<ObjectPtr>>,
}

impl Closure {
    pub fn new(waiting: impl Iterator<Item = (ObjectPtr, Vec<ObjectPtr>)>) -> Closure {
        let mut closure = Closure { waiting: HashMap::new() };
        waiting.for_each(|(key, values)| drop(closure.values_if(false, key, values)));
        closure
    }

    /// The values of an ephemeron if its key is found; else they wait for it.
    pub fn values_if(&mut self, found: bool, key: ObjectPtr, values: Vec<ObjectPtr>) -> Vec<ObjectPtr> {
        if found {
            return values;
        }
        self.waiting.entry(key).or_default().extend(values);
        Vec::new()
    }

    /// The object is found: what waited for it.
    pub fn values_of(&mut self, object: ObjectPtr) -> Vec<ObjectPtr> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        self.waiting.remove(&object).unwrap_or_default()
    }
}

impl Verifier<'_> {
    /// Marks a second time and compares. In other phases than [`Weak`](Phase::Weak) the marks mean nothing, and there
    /// is nothing to say.
    pub(super) fn second_mark(&mut self) -> Verdict {
        if self.c.phase.get() != Phase::Weak {
            return Ok(());
        }
        let mut work: Vec<At> = Vec::new();
        for root in self.roots.iter().filter(|root| root.alive) {
            match self.locate(root.object) {
                Some(at) => work.push(at),
                None => return Err(self.is_gone(root.object, &root.place.to_string())),
            }
        }
        let mut closure = Closure::new(core::iter::empty());
        let mut pointers = Pointers::default();
        while let Some(at) = work.pop() {
            if self.set_found(at) {
                continue;
            }
            let object = self.object(at);
            self.children(at, &mut pointers);
            pointers.strong.extend(closure.values_of(object));
            if let Some((key, values)) = pointers.ephemeral.take() {
                let found = self.locate(key).is_some_and(|key| self.is_found(key));
                pointers.strong.extend(closure.values_if(found, key, values));
            }
            for &child in &pointers.strong {
                match self.locate(child) {
                    Some(to) => work.push(to),
                    None => return Err(self.is_gone(child, &self.name(at))),
                }
            }
        }
        // A world that stood still since the roots were scanned leaves nothing afloat: both marks are the same.
        let exact = !self.rules.incremental;
        self.each_object(|at| {
            let (first, second) = (self.is_marked(at), self.is_found(at));
            if second && !first || exact && first && !second {
                let what = if second {
                    format!("the second mark reaches {}, and the first did not", self.name(at))
                } else {
                    format!("the first mark reached {}, and the second does not", self.name(at))
                };
                return Err(VerifyError { what, path: self.path_to(at) });
            }
            Ok(())
        })
    }

    /// What `holder` points to was freed.
    pub(super) fn is_gone(&self, object: ObjectPtr, holder: &str) -> VerifyError {
        let what = format!("{holder} points to {:#x}, where no object is: it was freed", object.addr());
        VerifyError { what, path: Vec::new() }
    }
}
