//! [`Path`]: the way by which a root keeps an object alive.

use core::fmt;

use super::{Reached, Snapshot, short};

/// A path from a root to an object, which prints as `stack 0[3] -> Closure.env -> Env.slots[2] -> Str "x"`: the root, then each
/// object by the last part of its type's name, with the field that leads on. Fields have their names where the type
/// derives `Trace`, with a number where a field holds several pointers; pointers of other objects have numbers.
///
/// ```
/// use grisaille::{Gc, Heap};
///
/// Heap::new().enter(|cx| {
///     let object = cx.alloc(1u64);
///     let _why = cx.root(object);
///     let object = Gc::addr(object);
///     assert_eq!(cx.snapshot().path_to(object).unwrap().to_string(), "local 0 -> u64");
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    root: String,
    steps: Vec<String>,
}

impl Snapshot {
    /// Returns a path from a root to the object at that address: a shortest one, but for values of ephemerons. `None`
    /// where no root leads to the object, and where no object is. Addresses are those of [`Gc::addr`](crate::Gc::addr).
    ///
    /// ```
    /// use grisaille::{Gc, Heap};
    ///
    /// Heap::new().enter(|cx| {
    ///     let garbage = Gc::addr(cx.alloc(1u64));
    ///     assert_eq!(cx.snapshot().path_to(garbage), None);
    /// });
    /// ```
    #[must_use]
    pub fn path_to(&self, address: usize) -> Option<Path> {
        let mut object = &self.objects[*self.numbers.get(&address)? as usize];
        let mut steps = vec![object.name()];
        loop {
            match object.reached? {
                Reached::Root(number) => {
                    steps.reverse();
                    return Some(Path { root: self.roots[number as usize].place.clone(), steps });
                }
                Reached::Edge(from, edge) => {
                    object = &self.objects[from as usize];
                    let label = &self.edges[edge].label;
                    let dot = if label.field.is_some() { "." } else { "" };
                    steps.push(format!("{}{dot}{label}", short(object.type_name)));
                }
            }
        }
    }
}

impl super::Object {
    /// Returns the last part of the type's name, and the text of a string.
    pub(super) fn name(&self) -> String {
        match &self.text {
            Some(text) => format!("{} {text:?}", short(self.type_name)),
            None => short(self.type_name),
        }
    }
}

impl Path {
    /// Returns the root in words: `local 3`, `root 0`, `stack 0[7]`.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap};
    /// # Heap::new().enter(|cx| {
    /// let object = cx.alloc(1u64);
    /// let _why = cx.root(object);
    /// let object = Gc::addr(object);
    /// assert_eq!(cx.snapshot().path_to(object).unwrap().root(), "local 0");
    /// # });
    /// ```
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Returns the objects of the path, from the one that the root holds to the one that was asked for.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap};
    /// # Heap::new().enter(|cx| {
    /// let object = cx.alloc(1u64);
    /// let _why = cx.root(object);
    /// let object = Gc::addr(object);
    /// assert_eq!(cx.snapshot().path_to(object).unwrap().steps(), ["u64"]);
    /// # });
    /// ```
    #[must_use]
    pub fn steps(&self) -> &[String] {
        &self.steps
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        self.steps.iter().try_for_each(|step| write!(f, " -> {step}"))
    }
}
