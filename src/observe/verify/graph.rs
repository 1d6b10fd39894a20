//! The heap's graph, copied for a [`Snapshot`].

use core::any::TypeId;

use super::roots::Place;
use super::{At, Verdict, Verifier};
use crate::kit::string::{StrObject, text_of};
use crate::mark::color::Color;
use crate::mark::tracer::Pointers;
use crate::mark::{weak_cell::target_of, weak_type::is_weak_cell};
use crate::observe::snapshot::{Edge, EdgeKind, Label, Object, Root, Snapshot};
use crate::space::header::{About, ObjectPtr};

/// Most bytes of a string's text that are copied.
const TEXT: usize = 120;

impl Verifier<'_> {
    /// Copies the graph of all objects. Panics where the heap is broken.
    pub(crate) fn snapshot(self) -> Snapshot {
        self.graph().unwrap_or_else(|error| panic!("the heap is broken, says a snapshot of it: {error}"))
    }

    fn graph(mut self) -> Verdict<Snapshot> {
        self.walk()?;
        self.list_roots();
        let (mut objects, mut edges) = (Vec::new(), Vec::new());
        let mut numbers = hashbrown::HashMap::new();
        let mut places = Vec::new();
        self.each_object(|at| {
            numbers.insert(self.object(at), places.len() as u32);
            places.push(at);
            Ok(())
        })?;
        let number = |object: ObjectPtr| numbers.get(&object).copied();
        let mut pointers = Pointers::default();
        for &at in &places {
            let object = self.object(at);
            let about = (object.info().about)();
            let first = edges.len();
            self.children(at, &mut pointers);
            let labels = self.labels(at, &about, pointers.strong.len());
            for (&child, label) in pointers.strong.iter().zip(labels) {
                edges.extend(number(child).map(|to| Edge { to, label, kind: EdgeKind::Strong }));
            }
            let named = |field| Label { field: Some(field), index: None };
            if let Some((key, values)) = pointers.ephemeral.take()
                && let Some(key) = number(key)
            {
                edges.push(Edge { to: key, label: named("key"), kind: EdgeKind::Weak });
                let label = |index| Label { field: Some("value"), index: (values.len() > 1).then_some(index) };
                edges.extend(values.iter().enumerate().filter_map(|(index, &value)| {
                    Some(Edge { to: number(value)?, label: label(index), kind: EdgeKind::WhileAlive(key) })
                }));
            }
            if is_weak_cell(object.info())
                // SAFETY: asked of weak cells only.
                && let Some(target) = unsafe { target_of(object) }.get().and_then(number)
            {
                edges.push(Edge { to: target, label: named("target"), kind: EdgeKind::Weak });
            }
            let (_, bytes) = self.plausible(self.blocks[at.block].block, at.granule)?;
            objects.push(Object {
                address: object.payload().as_ptr().addr(),
                type_name: about.name,
                text: text(object, &about),
                bytes,
                color: self.color(at),
                edges: first..edges.len(),
                reached: None,
            });
        }
        let roots = self.roots.iter().filter(|root| root.alive).filter_map(|root| {
            let stack = if let Place::Stack([stack, _]) = root.place { Some(stack) } else { None };
            Some(Root { place: root.place.to_string(), stack, to: number(root.object)? })
        });
        Ok(Snapshot::new(objects, edges, roots.collect()))
    }

    fn color(&self, at: At) -> Color {
        match (self.is_marked(at), self.object(at).is_queued()) {
            (false, _) => Color::White,
            (true, true) => Color::Grey,
            (true, false) => Color::Black,
        }
    }

    /// Names the pointers of an object, `count` in all.
    fn labels(&self, at: At, about: &About, count: usize) -> Vec<Label> {
        let mut fields = Vec::new();
        if count > 0
            && let Some(name_fields) = about.fields
        {
            // SAFETY: the function is the object's own, which is complete; no guard over it is live, since the verifier
            // has the mutator to itself.
            unsafe { name_fields(self.object(at), &mut |first, field| fields.push((first, field))) };
        }
        let mut labels = Vec::with_capacity(count);
        let mut at = 0;
        for (number, &(first, field)) in fields.iter().enumerate() {
            let next = fields.get(number + 1).map_or(count, |&(next, _)| next).min(count);
            let several = next.saturating_sub(first) > 1;
            while at < next {
                labels.push(Label { field: Some(field), index: several.then(|| at - first) });
                at += 1;
            }
        }
        labels.extend((at..count).map(|index| Label { field: None, index: Some(index) }));
        labels
    }
}

/// Returns the text of a string object, up to some bytes.
fn text(object: ObjectPtr, about: &About) -> Option<String> {
    if about.id != TypeId::of::<StrObject>() {
        return None;
    }
    // SAFETY: that type's objects are strings, and this one is allocated; the text is copied at once.
    let text = unsafe { text_of(object) };
    let mut end = text.len().min(TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Some(text[..end].to_string())
}
