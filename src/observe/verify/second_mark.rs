//! The second mark: finds out once more what is reachable, and compares that with the marks.
//!
//! It runs when the marks are final: liveness was just decided, and no mutator has run since. It starts at what the
//! mutator can reach and keeps its own bits. It uses no grey set and no mark stack, and nothing that the cycle recorded
//! (what is scanned, what is dirty, what waits).

use hashbrown::HashMap;

use super::{At, Verdict, Verifier, VerifyError};
use crate::cycle::phase::Phase;
use crate::mark::tracer::Pointers;
use crate::space::header::ObjectPtr;

/// Values of ephemerons that were reached before their keys.
pub(super) struct Closure {
    waiting: HashMap<ObjectPtr, Vec<ObjectPtr>>,
}

impl Closure {
    pub(super) fn new(waiting: impl Iterator<Item = (ObjectPtr, Vec<ObjectPtr>)>) -> Closure {
        let mut closure = Closure { waiting: HashMap::new() };
        waiting.for_each(|(key, values)| drop(closure.values_if(false, key, values)));
        closure
    }

    /// Returns the values of an ephemeron if its key is found; else keeps them until it is.
    pub(super) fn values_if(&mut self, found: bool, key: ObjectPtr, values: Vec<ObjectPtr>) -> Vec<ObjectPtr> {
        if found {
            return values;
        }
        self.waiting.entry(key).or_default().extend(values);
        Vec::new()
    }

    /// Returns the values that waited for this object, which is found now.
    pub(super) fn values_of(&mut self, object: ObjectPtr) -> Vec<ObjectPtr> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        self.waiting.remove(&object).unwrap_or_default()
    }
}

impl Verifier<'_> {
    /// Marks a second time and compares. In phases other than [`Weak`](Phase::Weak) the marks mean nothing, and all is
    /// well.
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
        // Under stop-the-world marking there is no floating garbage: both marks are the same.
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

    /// Reports that `holder` points to what was freed.
    pub(super) fn is_gone(&self, object: ObjectPtr, holder: &str) -> VerifyError {
        let what = format!("{holder} points to {:#x}, where no object is: it was freed", object.addr());
        VerifyError { what, path: Vec::new() }
    }
}
