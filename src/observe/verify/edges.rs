//! Checks the pointers in objects.

use super::{At, Verdict, Verifier, VerifyError};
use crate::mark::ephemeron::head_of;
use crate::mark::tracer::{Pointers, Tracer};
use crate::space::header::ObjectPtr;

/// An ephemeron, whose values count while its key is alive.
pub(super) struct Ephemeron {
    pub at: At,
    pub key: ObjectPtr,
    pub values: Vec<ObjectPtr>,
    /// Whether the ephemeron was traced while its key was white; it becomes grey again with the key.
    pub waits: bool,
}

impl Verifier<'_> {
    /// Lists the pointers that the object holds, in the order in which its `Trace` passes them.
    pub(super) fn children(&self, at: At, pointers: &mut Pointers) {
        self.children_of_pieces(at, 0, 0, pointers);
    }

    /// Lists the pointers of the pieces `from` to `until`, which is left out; 0 stands for the end.
    pub(super) fn children_of_pieces(&self, at: At, from: usize, until: usize, pointers: &mut Pointers) {
        pointers.strong.clear();
        pointers.ephemeral = None;
        pointers.restarts = None;
        let object = self.object(at);
        let info = object.info();
        if !info.needs_trace {
            return;
        }
        let mut tracer = Tracer::listing_all(pointers);
        let mut piece = from;
        loop {
            // SAFETY: the info is the object's own, which is allocated and so complete: no constructor is running,
            // and no guard over it is live, since the verifier has the mutator to itself.
            piece = unsafe { tracer.trace_piece(object, piece) };
            if piece == 0 || piece == until {
                return;
            }
        }
    }

    /// Returns the piece from which the object will be scanned, where the mark loop has come to `piece`.
    pub(super) fn goes_on_at(&self, at: At, piece: usize) -> usize {
        let mut pointers = Pointers::default();
        // SAFETY: as for `children_of_pieces`.
        unsafe { Tracer::listing_all(&mut pointers).trace_piece(self.object(at), piece) };
        pointers.restarts.unwrap_or(piece)
    }

    /// Returns where scanning goes on in a grey object: at its beginning, unless it is scanned in part.
    pub(super) fn next_piece(&self, at: At) -> usize {
        self.in_pieces.get(&self.object(at)).copied().unwrap_or(0)
    }

    /// Checks that no pointer in an allocated object, reachable or not, leads to what was freed: marking follows all
    /// that a marked object holds, so what survives is closed. Lists the ephemerons on the way.
    pub(super) fn edges(&mut self) -> Verdict {
        let mut pointers = Pointers::default();
        let mut ephemerons = Vec::new();
        self.each_object(|at| {
            self.children(at, &mut pointers);
            for (number, &child) in pointers.strong.iter().enumerate() {
                if self.locate(child).is_none() {
                    let what = format!(
                        "pointer {number} of {} leads to {:#x}, where no object is: it was freed",
                        self.name(at),
                        child.addr()
                    );
                    return Err(VerifyError { what, path: self.path_to(at) });
                }
            }
            if let Some((key, values)) = pointers.ephemeral.take() {
                if let Some(&gone) = values.iter().chain([&key]).find(|object| self.locate(**object).is_none()) {
                    let part = if gone == key { "key" } else { "value" };
                    let what = format!("the {part} of {} was freed, and its key not cleared", self.name(at));
                    return Err(VerifyError { what, path: self.path_to(at) });
                }
                // SAFETY: only ephemerons report a key.
                let waits = unsafe { head_of(self.object(at)) }.next.get().is_some();
                ephemerons.push(Ephemeron { at, key, values, waits });
            }
            Ok(())
        })?;
        self.ephemerons = ephemerons;
        Ok(())
    }

    /// Checks, once liveness is decided, that whatever lives points to what lives.
    pub(super) fn nothing_reachable_is_condemned(&self) -> Verdict {
        for root in self.roots.iter().filter(|root| root.alive) {
            if let Some(at) = self.locate(root.object)
                && !self.is_marked(at)
            {
                let what = format!("{} is liveness_decided, and reachable", self.name(at));
                return Err(VerifyError { what, path: vec![root.place.to_string(), self.name(at)] });
            }
        }
        let mut pointers = Pointers::default();
        self.each_object(|at| {
            if !self.is_marked(at) {
                return Ok(());
            }
            self.children(at, &mut pointers);
            if let Some((key, values)) = pointers.ephemeral.take()
                && self.locate(key).is_some_and(|key| self.is_marked(key))
            {
                pointers.strong.extend(values);
            }
            for &child in &pointers.strong {
                if let Some(to) = self.locate(child)
                    && !self.is_marked(to)
                {
                    let what =
                        format!("{} is liveness_decided, and {} that lives points to it", self.name(to), self.name(at));
                    return Err(VerifyError { what, path: self.path_to(at) });
                }
            }
            Ok(())
        })
    }
}
