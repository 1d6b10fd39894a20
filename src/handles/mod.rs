//! Handles, with which programs keep values alive across safepoints. The areas behind the handles are in `roots`.

/// A trait that no handle of roots implements. An object that owns a handle keeps alive what the handle roots, and for
/// ever where that leads back to the object; so a skipped field must be `Unpin`, which no type that contains a handle
/// is, except behind a box. (Only an auto trait of the compiler's own can express such a rule.)
#[diagnostic::on_unimplemented(
    message = "an object must not own a `{Self}`, or what it roots would not die before the object",
    label = "this is, or holds, a handle of roots",
    note = "point to other objects with `Gc`, `List` or `Weak`, which the collector traces",
    note = "a handle of another heap may be owned in a `Box`"
)]
pub trait OwnedByAnObject {}

impl<V> Unpin for persistent::Persistent<V> where Self: OwnedByAnObject {}
impl<V> Unpin for stack::Stack<V> where Self: OwnedByAnObject {}
impl<T: ?Sized> Unpin for guardian::Guardian<T> where Self: OwnedByAnObject {}

pub(crate) mod guardian;
pub(crate) mod persistent;
pub(crate) mod rooted;
pub(crate) mod rooted_cell;
pub(crate) mod several;
pub(crate) mod stack;
pub(crate) mod stack_view;
