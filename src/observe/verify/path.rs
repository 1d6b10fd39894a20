//! Reports: where an object is, in words.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use super::roots::Place;
use super::{At, Verifier};
use crate::mark::tracer::Pointers;
use crate::space::header::ObjectPtr;

impl Verifier<'_> {
    pub(super) fn name(&self, at: At) -> String {
        (self.object(at).info().about)().name.to_string()
    }

    /// Returns the shortest path from a live root to the object, in words: breadth first over allocated objects.
    pub(super) fn path_to(&self, target: At) -> Vec<String> {
        // How each object was reached first: from a root, or from an object by the pointer of that number.
        let mut came: HashMap<ObjectPtr, Result<Place, (ObjectPtr, usize)>> = HashMap::new();
        let mut work = VecDeque::new();
        for root in self.roots.iter().filter(|root| root.alive) {
            if let (Some(at), Entry::Vacant(entry)) = (self.locate(root.object), came.entry(root.object)) {
                entry.insert(Ok(root.place));
                work.push_back(at);
            }
        }
        let goal = self.object(target);
        let mut pointers = Pointers::default();
        while let Some(at) = work.pop_front() {
            if at == target {
                break;
            }
            self.children(at, &mut pointers);
            for (number, &child) in pointers.strong.iter().enumerate() {
                if let (Some(to), Entry::Vacant(entry)) = (self.locate(child), came.entry(child)) {
                    entry.insert(Err((self.object(at), number)));
                    work.push_back(to);
                }
            }
        }
        let mut path = vec![self.name(target)];
        let mut object = goal;
        loop {
            match came.get(&object) {
                Some(Err((from, number))) => {
                    let name = self.locate(*from).map_or_else(String::new, |at| self.name(at));
                    path.push(format!("{name}[pointer {number}]"));
                    object = *from;
                }
                Some(Ok(place)) => {
                    path.push(place.to_string());
                    break;
                }
                None => {
                    path.push("(no root leads there)".into());
                    break;
                }
            }
        }
        path.reverse();
        path
    }
}
