//! [`Snapshot`]: a copy of the heap's shape, to be asked why something is alive.

mod census;
mod dot;
mod path;
mod v8;

use core::fmt;
use core::ops::Range;
use std::collections::{HashMap, VecDeque};

use crate::mark::color::Color;

pub use census::{Census, Growth};
pub use path::Path;

/// A copy of the shape of a heap at one moment: its objects with type, size and colour, the pointers between them, and
/// the roots. Made by [`Heap::snapshot`](crate::Heap::snapshot) and [`Mutator::snapshot`](crate::Mutator::snapshot), outside
/// of the heap.
///
/// It answers three questions: *what is there?* ([`census`](Snapshot::census), and the difference of two), *why is this
/// alive?* ([`path_to`](Snapshot::path_to)), and *what does it look like?* ([`write_heapsnapshot`](Snapshot::write_heapsnapshot)
/// for the memory panel of Chrome's developer tools, [`write_dot`](Snapshot::write_dot) for Graphviz).
///
/// ```
/// use grisaille::{Gc, Heap, Slot, Trace};
///
/// #[derive(Trace)]
/// struct Document<'gc> {
///     undo: Slot<Option<Gc<'gc, Edit<'gc>>>>,
/// }
///
/// #[derive(Trace)]
/// struct Edit<'gc> {
///     before: Slot<Option<Gc<'gc, Edit<'gc>>>>,
///     text: grisaille::Str<'gc>,
/// }
///
/// let mut heap = Heap::new();
/// heap.enter(|cx| {
///     let text = cx.alloc_str("a long text");
///     let edit = cx.alloc(Edit { before: Slot::new(None), text });
///     let _document = cx.root(cx.alloc(Document { undo: Slot::new(Some(edit)) }));
///     let text = grisaille::Str::addr(text);
///     let path = cx.snapshot().path_to(text).unwrap();
///     // local 0 -> Document.undo -> Edit.text -> Str "a long text"
///     assert_eq!(path.to_string().matches("->").count(), 3);
///     assert!(path.to_string().ends_with("Edit.text -> Str \"a long text\""));
/// });
/// ```
pub struct Snapshot {
    objects: Vec<Object>,
    edges: Vec<Edge>,
    roots: Vec<Root>,
    /// The number of an object by its address.
    numbers: HashMap<usize, u32>,
}

/// An object of the heap.
pub(super) struct Object {
    /// The address that programs know: that of the payload.
    pub address: usize,
    pub type_name: &'static str,
    /// The text of a string, its beginning where it is long.
    pub text: Option<String>,
    /// Bytes of the object, header included.
    pub bytes: usize,
    pub color: Color,
    /// The object's pointers.
    pub edges: Range<usize>,
    /// How the object was reached first, if a root leads to it.
    pub reached: Option<Reached>,
}

/// How an object is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reached {
    /// By the root of that number.
    Root(u32),
    /// From an object, by the edge of that number.
    Edge(u32, usize),
}

/// A pointer from one object to another.
pub(super) struct Edge {
    pub to: u32,
    pub label: Label,
    pub kind: EdgeKind,
}

/// The name of a pointer in its object.
pub(super) struct Label {
    pub field: Option<&'static str>,
    /// The number of the pointer in its field, or in its object where no field is named. `None` where there is just one.
    pub index: Option<usize>,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.field, self.index) {
            (Some(field), None) => f.write_str(field),
            (Some(field), Some(index)) => write!(f, "{field}[{index}]"),
            (None, Some(index)) => write!(f, "[{index}]"),
            (None, None) => f.write_str("pointer"),
        }
    }
}

/// What a pointer does for the life of its target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EdgeKind {
    Strong,
    /// Keeps nothing alive: of a weak cell, or to the key of an ephemeron.
    Weak,
    /// Keeps its target alive while the object of that number, the key of the ephemeron, is alive.
    WhileAlive(u32),
}

/// A root.
pub(super) struct Root {
    /// The root in words: "local 3", "stack 0\[7\]".
    pub place: String,
    /// The stack in which the root lies, if it lies in one.
    pub stack: Option<usize>,
    pub to: u32,
}

/// Text of a type's name without the paths of its parts: `Option<Gc<Node>>`.
pub(super) fn short(name: &str) -> String {
    let mut short = String::new();
    let mut rest = name;
    while let Some(end) = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        let (path, tail) = rest.split_at(end);
        short.push_str(path.rsplit("::").next().unwrap_or(path));
        let next = tail.chars().next().map_or(0, char::len_utf8);
        short.push_str(&tail[..next]);
        rest = &tail[next..];
    }
    short.push_str(rest.rsplit("::").next().unwrap_or(rest));
    short.replace("<'_>", "").replace("'_, ", "")
}

/// Returns whether a type has that name, in full or its last part.
pub(super) fn is_named(type_name: &str, name: &str) -> bool {
    type_name == name || short(type_name) == name
}

impl Snapshot {
    /// Makes a snapshot of objects, of which no one is marked as reached, with their edges and the roots.
    pub(super) fn new(objects: Vec<Object>, edges: Vec<Edge>, roots: Vec<Root>) -> Snapshot {
        let numbers = objects.iter().zip(0..).map(|(object, number)| (object.address, number)).collect();
        let mut snapshot = Snapshot { objects, edges, roots, numbers };
        snapshot.reach();
        snapshot
    }

    /// Finds what the roots reach, breadth first: so the path by which an object is reached first is a shortest one, but
    /// for values of ephemerons, whose keys may be reached later.
    fn reach(&mut self) {
        let mut work = VecDeque::new();
        // The edges of ephemerons that were reached before their keys.
        let mut waiting: HashMap<u32, Vec<(u32, usize)>> = HashMap::new();
        for (root, number) in self.roots.iter().zip(0..) {
            let object = &mut self.objects[root.to as usize];
            if object.reached.is_none() {
                object.reached = Some(Reached::Root(number));
                work.push_back(root.to);
            }
        }
        while let Some(from) = work.pop_front() {
            let keeps = waiting.remove(&from).unwrap_or_default();
            let own = self.objects[from as usize].edges.clone().map(|edge| (from, edge));
            for (from, edge) in own.chain(keeps) {
                let Edge { to, kind, .. } = self.edges[edge];
                let follows = match kind {
                    EdgeKind::Strong => true,
                    EdgeKind::Weak => false,
                    EdgeKind::WhileAlive(key) => {
                        let alive = self.objects[key as usize].reached.is_some();
                        if !alive {
                            waiting.entry(key).or_default().push((from, edge));
                        }
                        alive
                    }
                };
                if follows && self.objects[to as usize].reached.is_none() {
                    self.objects[to as usize].reached = Some(Reached::Edge(from, edge));
                    work.push_back(to);
                }
            }
        }
    }

    /// Returns how many objects are in the heap. Some may be dead, and not swept yet.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let _kept = cx.root(cx.alloc(1));
    /// cx.alloc(2);
    /// assert_eq!((cx.snapshot().objects(), cx.snapshot().reachable()), (2, 1));
    /// # });
    /// ```
    pub fn objects(&self) -> usize {
        self.objects.len()
    }

    /// Returns how many objects a root leads to.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.alloc(2);
    /// assert_eq!(cx.snapshot().reachable(), 0);
    /// # });
    /// ```
    pub fn reachable(&self) -> usize {
        self.objects.iter().filter(|object| object.reached.is_some()).count()
    }

    /// Returns the addresses of all objects of a type, by the name that [`std::any::type_name`] gives, or by the last part
    /// of it (`Node` for `program::heap::Node<'_>`). Addresses are those of [`Gc::addr`](crate::Gc::addr).
    ///
    /// ```
    /// # use grisaille::Gc;
    /// # grisaille::Heap::new().enter(|cx| {
    /// let number = cx.alloc(7u64);
    /// let address = Gc::addr(number);
    /// assert!(cx.snapshot().of_type("u64").eq([address]));
    /// # });
    /// ```
    pub fn of_type<'s>(&'s self, name: &'s str) -> impl Iterator<Item = usize> + 's {
        let objects = self.objects.iter();
        objects.filter(move |object| is_named(object.type_name, name)).map(|object| object.address)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("objects", &self.objects.len()).finish_non_exhaustive()
    }
}
