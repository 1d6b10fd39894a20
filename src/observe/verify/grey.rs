//! Checks the grey set, and the policy's invariant.

use hashbrown::HashSet;

use super::blocks::Walked;
use super::second_mark::Closure;
use super::{At, Verdict, Verifier, VerifyError, fail};
use crate::mark::tracer::Pointers;
use crate::space::bitmap::{self, Words};
use crate::space::geometry::GRANULES;
use crate::space::header::ObjectPtr;

impl Verifier<'_> {
    /// Checks that each grey object is queued once, and that nothing else is grey.
    pub(super) fn queue(&mut self) -> Verdict {
        let mut queued: HashSet<ObjectPtr> = HashSet::new();
        for (object, piece) in self.c.marker.queued_objects() {
            let Some(at) = self.locate(object) else {
                return fail(format!("the queue holds {:#x}, where no object is", object.addr()));
            };
            // A whole-object write may have made the object black meanwhile: its entry is skipped when its turn comes.
            if !object.is_queued() {
                continue;
            }
            if !self.is_marked(at) {
                return fail(format!("{} is queued, and not marked", self.name(at)));
            }
            if !queued.insert(object) {
                return fail(format!("{} is queued twice", self.name(at)));
            }
            if piece != 0 {
                self.in_pieces.insert(object, self.goes_on_at(at, piece));
            }
        }
        let listed: HashSet<usize> =
            self.c.marker.overflowed_blocks().map(|block| block.base().as_ptr().addr()).collect();
        if let Some(walked) = self.blocks.iter().find(|walked| {
            // SAFETY: registered blocks are swept, and the mutator's (I7).
            walked.registered
                && unsafe { walked.block.front() }.mark_stack_overflowed.get()
                    != listed.contains(&walked.block.base().as_ptr().addr())
        }) {
            return fail(format!("{:?} has lost grey objects and is not listed, or is and has none", walked.block));
        }
        if !(self.is_marking() || queued.is_empty() && listed.is_empty()) {
            return fail(format!("{} objects are queued in phase {}", queued.len(), self.c.phase.get()));
        }
        let mut lost = false;
        self.each_object(|at| {
            let object = self.object(at);
            if !object.is_queued() || queued.contains(&object) {
                return Ok(());
            }
            lost = true;
            // SAFETY: while marking every block is swept, and the mutator's (I7).
            let may_be_lost = || unsafe { self.blocks[at.block].block.front() }.mark_stack_overflowed.get();
            if self.is_marking() && self.is_marked(at) && may_be_lost() {
                return Ok(());
            }
            let what = format!("{} says that it is queued, and is not", self.name(at));
            Err(VerifyError { what, path: self.path_to(at) })
        })?;
        if (lost || !queued.is_empty()) && self.c.marker.is_empty() {
            return fail("there are grey objects, and the marker says that there are none".into());
        }
        Ok(())
    }

    /// Computes what this cycle's marking would find if the mutator stopped now.
    pub(super) fn find(&mut self) {
        let mut work: Vec<At> = Vec::new();
        for root in &self.roots {
            if root.pending
                && let Some(at) = self.locate(root.object)
            {
                work.push(at);
            }
        }
        for block in 0..self.blocks.len() {
            let Walked { starts, marked, .. } = &self.blocks[block];
            let found: Words = core::array::from_fn(|word| starts[word] & marked[word]);
            let mut granule = bitmap::next_one(&found, 0);
            while granule < GRANULES {
                let at = At { block, granule };
                if self.object(at).is_queued() {
                    work.push(at);
                }
                granule = bitmap::next_one(&found, granule + 1);
            }
            self.blocks[block].found = found;
        }
        // A waiting ephemeron is traced again when its key is marked; one whose key is marked is grey.
        for ephemeron in self.ephemerons.iter().filter(|ephemeron| ephemeron.waits) {
            if self.locate(ephemeron.key).is_some_and(|key| self.is_marked(key)) {
                work.extend(ephemeron.values.iter().filter_map(|&value| self.locate(value)));
            }
        }
        let waiting = self.ephemerons.iter().filter(|ephemeron| ephemeron.waits && self.is_found(ephemeron.at));
        let mut closure = Closure::new(waiting.map(|ephemeron| (ephemeron.key, ephemeron.values.clone())));
        let mut pointers = Pointers::default();
        while let Some(at) = work.pop() {
            let seen = self.set_found(at);
            let object = self.object(at);
            if !seen {
                work.extend(closure.values_of(object).into_iter().filter_map(|value| self.locate(value)));
            }
            // Marking does not scan black objects again. Grey ones are pushed once, above.
            if seen && !object.is_queued() {
                continue;
            }
            self.children_of_pieces(at, self.next_piece(at), 0, &mut pointers);
            if let Some((key, values)) = pointers.ephemeral.take() {
                let found = self.locate(key).is_some_and(|key| self.is_found(key));
                pointers.strong.extend(closure.values_if(found, key, values));
            }
            for &child in &pointers.strong {
                if let Some(to) = self.locate(child)
                    && !self.is_found(to)
                {
                    work.push(to);
                }
            }
        }
    }

    /// Checks that whatever a root or a black object points to is found.
    pub(super) fn nothing_is_lost(&self) -> Verdict {
        for root in self.roots.iter().filter(|root| root.alive) {
            if let Some(at) = self.locate(root.object)
                && !self.is_found(at)
            {
                let what = format!("{} is reachable, and marking will not find it", self.name(at));
                return Err(VerifyError { what, path: vec![root.place.to_string(), self.name(at)] });
            }
        }
        let window = self.c.window.get();
        let strong = self.rules.always_shades_new() || self.rules.shades_new_in_window() && window;
        let woken: HashSet<ObjectPtr> = self
            .ephemerons
            .iter()
            .filter(|ephemeron| ephemeron.waits)
            .map(|ephemeron| self.object(ephemeron.at))
            .collect();
        let nothing_is_traced =
            window && self.rules.traces_after_window() && !self.rules.only_in_tests.traces_in_window();
        let mut pointers = Pointers::default();
        self.each_object(|at| {
            // The scanned part of a grey object counts as black.
            let scanned = self.next_piece(at);
            if !self.is_marked(at) || self.object(at).is_queued() && scanned == 0 {
                return Ok(());
            }
            if nothing_is_traced && self.object(at).info().needs_trace {
                let what = format!("{} is black, and there are roots to be scanned", self.name(at));
                return Err(VerifyError { what, path: self.path_to(at) });
            }
            self.children_of_pieces(at, 0, scanned, &mut pointers);
            // An ephemeron whose key was marked when it was traced. One that waited for its key is grey.
            if let Some((key, values)) = pointers.ephemeral.take()
                && self.locate(key).is_some_and(|key| self.is_marked(key))
                && !woken.contains(&self.object(at))
            {
                pointers.strong.extend(values);
            }
            for (number, &child) in pointers.strong.iter().enumerate() {
                let Some(to) = self.locate(child) else { continue };
                if strong && !self.is_marked(to) || !self.is_found(to) {
                    let what = format!(
                        "pointer {number} of a black {} leads to a white {} {}",
                        self.name(at),
                        self.name(to),
                        if strong {
                            "(the policy is to keep the strong invariant)"
                        } else {
                            "that marking will not find"
                        }
                    );
                    let mut path = self.path_to(at);
                    path.push(self.name(to));
                    return Err(VerifyError { what, path });
                }
            }
            Ok(())
        })
    }
}
