//! What keeps heap objects alive: the shadow stack of [`Rooted`](crate::Rooted)s, the table of [`Persistent`](crate::Persistent)s,
//! and embedders' [`Stack`](crate::Stack)s.
//!
//! Roots are what the mutator writes without the heap's write barrier. Each kind of area tells the collector of its
//! writes by the policy's rule for roots, behind a flag (`Collector::watch_roots`) that is off unless the rule needs
//! it just then. Areas are scanned from the top down, so "unscanned" is always `[0, limit)`.
//! [`table`] holds the areas behind handles.

/// What a table of roots says of one of them when it is surveyed, for the verifier.
pub(crate) struct Surveyed<'x> {
    /// What it points to.
    pub objects: &'x [crate::space::header::ObjectPtr],
    /// The area it is in, and its place there.
    pub place: [usize; 2],
    /// A scan of this cycle will come to it.
    pub unscanned: bool,
    /// A rescan would.
    pub dirty: bool,
    /// Its handle lives.
    pub alive: bool,
}

/// What no handle of roots implements. An object that owns one keeps alive what is rooted by it, and for ever where that
/// leads back to the object; so a skipped field must be `Unpin`, which no type with a handle in it is, but where that is
/// in a box. (What is left for such a rule is one of the compiler's own auto traits.)
#[diagnostic::on_unimplemented(
    message = "an object must not own a `{Self}`, or what it roots would not die before the object",
    label = "this is, or holds, a handle of roots",
    note = "point to other objects with `Gc`, `List` or `Weak`, which the collector traces",
    note = "a handle of another heap may be owned in a `Box`"
)]
pub trait OwnedByAnObject {}

impl<V> Unpin for persistent::Persistent<V> where Self: OwnedByAnObject {}
impl<V> Unpin for stack::Stack<V> where Self: OwnedByAnObject {}
impl<T: ?Sized> Unpin for crate::kit::guardian::Guardian<T> where Self: OwnedByAnObject {}

pub(crate) mod persistent;
pub(crate) mod rooted;
pub(crate) mod stack;
pub(crate) mod table;
