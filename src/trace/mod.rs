//! [`Trace`]: how the collector finds the pointers in a value, and how a value's lifetime is replaced.

use core::mem::ManuallyDrop;

use crate::mark::edges::Top;
use crate::mark::tracer::Tracer;
use crate::space::header::ObjectPtr;

pub(crate) mod alike;
mod foreign;
mod impls;
pub(crate) mod layout;

/// A type that may live in the heap, or be rooted.
///
/// Derive it: `#[derive(Trace)]` works for structs and enums with at most one lifetime, which is the heap's, and any
/// type parameters. Fields that hold no pointers and do not implement `Trace` take `#[trace(skip)]`, and must then be
/// `Send + Unpin + 'static`.
///
/// ```
/// use grisaille::{Gc, Slot, Trace};
///
/// #[derive(Clone, Copy, Trace)]
/// enum Value<'gc> {
///     Nil,
///     Number(f64),
///     Pair(Gc<'gc, Pair<'gc>>),
/// }
///
/// #[derive(Trace)]
/// struct Pair<'gc> {
///     car: Slot<Value<'gc>>,
///     cdr: Slot<Value<'gc>>,
///     #[trace(skip)]
///     line: std::num::NonZeroU32,
/// }
/// # let _ = (Value::Nil, Value::Number(1.0));
/// ```
///
/// # Types of other crates
///
/// The standard library's types need no feature (nor do x86-64's vectors of 16 bytes, `__m128` and the like). For
/// those of other crates there are features, none of which is on by default; the version of the crate is part of a
/// feature's name, since its types are then part of this crate's API.
///
/// | feature | types |
/// |---|---|
/// | `arrayvec-0_7` | `ArrayVec`, `ArrayString` |
/// | `hashbrown-0_17` | `HashMap`, `HashSet` |
/// | `indexmap-2` | `IndexMap`, `IndexSet` |
/// | `num-bigint-0_5` | `BigInt`, `BigUint`, `Sign` |
/// | `ordered-float-5` | `OrderedFloat` and `NotNan`, of `f32` and `f64` |
/// | `smallvec-1` | `SmallVec<[T; N]>` |
///
/// Those that grow are also [`External`](crate::External). A type of a crate that is not in this table lives in a
/// skipped field, if it holds no pointers.
///
/// # Safety
///
/// * `trace` must pass each [`Gc`](crate::Gc), [`Weak`](crate::Weak) and other pointer of this crate that the value
///   holds to the pointer's own `trace`, every time, and do nothing else with them.
/// * `trace` should not panic. Where it does, the value is traced again in the next step, and the heap is whole. Under
///   [`StopTheWorld`](crate::StopTheWorld), which marks in one pause, and [`Deletion`](crate::Deletion), which scans
///   the roots in one, it must not panic: the pause would end too soon.
/// * `At<'a>` must be the same type with its one heap lifetime replaced by `'a`, and nothing else replaced: values
///   are reinterpreted from one to the other. What does not follow the heap's lifetime (function pointers, `dyn Fn`,
///   anything contravariant in it) must not be replaced in.
/// * All else that the value holds must be `Send + 'static`.
/// * `NEEDS_TRACE` may be false only where no value of the type holds a pointer.
/// * The type must not implement `Drop` in a way that follows pointers: their objects may be gone.
/// * `ATOMIC_WORD` (hidden, false by default) may be true only for types of one initialized word without padding.
/// * `MAX_POINTERS` (hidden, unbounded by default) may be no smaller than the number of pointers that `trace` passes
///   on, nor than the sum of the `MAX_POINTERS` of the parts that `trace` passes the tracer to for one value: pointers are
///   stored without a check for room, and a part that may have a pointer stores a word also where it has none.
/// * `AT_MOST_ONE` (hidden, false by default) may be true only where `trace` passes one pointer on at the most, and `__only`
///   (hidden) returns that pointer, or none where `trace` passes none on. The other hidden functions keep their defaults.
pub unsafe trait Trace {
    /// The type with its heap lifetime replaced.
    type At<'a>: ?Sized + for<'b> Trace<At<'b> = Self::At<'b>> + 'a;

    /// Whether values of the type may hold pointers.
    const NEEDS_TRACE: bool = true;

    /// Whether the type is one word, and may be read and written as an atomic one.
    #[doc(hidden)]
    const ATOMIC_WORD: bool = false;

    /// The most pointers that `trace` passes on, whatever the value, and the most words that it stores, which may be
    /// more (see the trait's Safety section): memory safety depends on it. The default is no bound, at the cost of a
    /// check for each pointer; the derive adds up the bounds of the fields.
    #[doc(hidden)]
    const MAX_POINTERS: usize = usize::MAX;

    /// Whether [`__only`](Trace::__only) returns what `trace` passes on, which is then one pointer at the most: memory safety
    /// depends on it.
    #[doc(hidden)]
    const AT_MOST_ONE: bool = false;

    /// The thread on which drop glue runs.
    #[doc(hidden)]
    const DROP: DropOn = DropOn::Mutator;

    /// Passes each pointer of the value to the tracer.
    fn trace(&self, tracer: &mut Tracer<'_>);

    /// Returns the one pointer that `trace` passes on, if it passes one on. To be asked where
    /// [`AT_MOST_ONE`](Trace::AT_MOST_ONE) is true only. An enum's is a choice between loads of the same word, and no jump.
    #[doc(hidden)]
    #[inline(always)]
    fn __only(&self) -> private::Only {
        private::Only::NONE
    }

    /// Returns what a value without pointers has.
    #[doc(hidden)]
    #[inline(always)]
    fn __nothing() -> private::Only {
        private::Only::NONE
    }

    /// Passes on what [`__only`](Trace::__only) returns: the `trace` of types for which [`AT_MOST_ONE`](Trace::AT_MOST_ONE)
    /// is true.
    #[doc(hidden)]
    #[inline(always)]
    fn __trace_only(&self, tracer: &mut Tracer<'_>) {
        // Where there is never a pointer, there need not be room for one.
        if const { Self::NEEDS_TRACE && Self::MAX_POINTERS > 0 } {
            tracer.visit_if_some(self.__only().0);
        }
    }

    /// Passes each pointer to the tracer, in the order of `trace`, and tells the name of each field in front of its
    /// pointers: for reports.
    #[doc(hidden)]
    fn __trace_fields(&self, tracer: &mut Tracer<'_>, _names: &mut private::FieldNames<'_>) {
        self.trace(tracer);
    }

    // The derive's proofs are code that is compiled and never called. They use items of this trait only: in the program
    // that derives, any other name may mean something else, and whoever redefines the trait's name does not implement
    // this trait.

    /// Compiles where the derive is right about the fields.
    #[doc(hidden)]
    fn __prove(_: &mut Self) {}

    /// Compiles where the derive is right about the fields of `At`.
    #[doc(hidden)]
    fn __prove_at<'a>(_: &mut Self::At<'a>) {}

    /// Takes a value that exists already, of which nothing is coerced and, under `&mut`, no lifetime shortened: so the
    /// reference leads to a `T`.
    #[doc(hidden)]
    fn __is_exactly<T: ?Sized>(_: (&mut T,)) {}

    /// As `__is_exactly`, with the bounds of a skipped field. Its name is what the compiler says of a field that changes
    /// with a type parameter.
    #[doc(hidden)]
    fn __skipped_field_is_the_same_at_every_lifetime<T: ?Sized + Send + private::NoHandleOfRoots + 'static>(
        _: (&mut T,),
    ) {
    }

    /// Can be called where the type has no `Drop`.
    #[doc(hidden)]
    fn __has_no_drop()
    where
        Self: private::TypesThatDeriveTraceMustNotImplementDrop<Does = ()>,
    {
    }
}

/// The thread on which dead values of a type are dropped.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DropOn {
    /// The heap's own thread.
    Mutator,
    /// The sweeper's thread may.
    Sweeper,
}

/// Returns the same value with its heap lifetime replaced.
///
/// # Safety
/// What the value points to must stay alive for `'a`: it is rooted, or `'a` ends before the next safepoint.
#[inline(always)]
pub(crate) unsafe fn restamp<'a, V: Trace + Copy>(value: V) -> V::At<'a>
where
    V::At<'a>: Copy,
{
    const { assert!(size_of::<V>() == size_of::<V::At<'a>>()) };
    let value = ManuallyDrop::new(value);
    // SAFETY: the two are the same type but for a lifetime (`Trace`'s contract).
    unsafe { core::mem::transmute_copy::<V, V::At<'a>>(&value) }
}

/// Names that the derive's output uses. Not part of the API.
#[doc(hidden)]
pub mod private {
    use core::fmt;

    use crate::mark::tracer::Tracer;
    pub use crate::trace::DropOn;

    use crate::space::header::ObjectPtr;

    /// The pointer of a value that has one at the most.
    #[derive(Clone, Copy, Debug)]
    pub struct Only(pub(crate) Option<ObjectPtr>);

    impl Only {
        pub(crate) const NONE: Only = Only(None);

        #[inline(always)]
        pub(crate) fn some(object: ObjectPtr) -> Only {
            Only(Some(object))
        }
    }

    /// Receives the names of fields, after the number of pointers in front of each.
    pub struct FieldNames<'a>(pub(crate) &'a mut dyn FnMut(usize, &'static str));

    impl FieldNames<'_> {
        /// Receives the name of the field whose pointers the tracer is passed next.
        pub fn field(&mut self, tracer: &Tracer<'_>, name: &'static str) {
            (self.0)(tracer.listed(), name);
        }
    }

    impl fmt::Debug for FieldNames<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("FieldNames")
        }
    }

    /// The bound of a skipped field, so that no object owns handles of roots, which are not `Unpin`.
    #[diagnostic::on_unimplemented(
        message = "an object must not own a `{Self}`, or what it roots would not die before the object",
        label = "this is not `Unpin`: a skipped field must be, which handles of roots are not",
        note = "point to other objects with `Gc`, `List` or `Weak`, which the collector traces",
        note = "what is not `Unpin` for another reason, or belongs to another heap, may be owned in a `Box`"
    )]
    pub trait NoHandleOfRoots {}

    impl<T: ?Sized + Unpin> NoHandleOfRoots for T {}

    /// Implemented by the derive for its type, which is impossible where the type has a `Drop`: the two impls would
    /// overlap. If the derive is made to implement another trait of this name, the type lacks the right `Does`.
    pub trait TypesThatDeriveTraceMustNotImplementDrop {
        /// Whether the type implements `Drop`.
        type Does;
    }

    /// The type implements `Drop`.
    #[derive(Debug)]
    pub enum ImplementsDrop {}

    #[allow(drop_bounds, reason = "an impl of `Drop` is what is meant, and not drop glue")]
    impl<T: Drop + ?Sized> TypesThatDeriveTraceMustNotImplementDrop for T {
        type Does = ImplementsDrop;
    }
}

/// Returns the most pointers that a value has, given those of its fields.
const fn sum(fields: &[usize]) -> usize {
    match fields {
        [first, rest @ ..] => first.saturating_add(sum(rest)),
        [] => 0,
    }
}

impl Tracer<'_> {
    /// Traces a value of few pointers: stores them from `top` on, and returns the new top.
    ///
    /// # Safety
    /// `top` must be of this tracer's edges, with [room](Tracer::has_room) above it for as many pointers as the value's
    /// type can have.
    #[inline(always)]
    pub(crate) unsafe fn trace_few<T: Trace>(&self, value: &T, top: Top) -> Top {
        debug_assert!(self.has_room(top, T::MAX_POINTERS), "the edges have no room for a value's pointers");
        // SAFETY: a value passes no more pointers on than its type's `MAX_POINTERS` (`Trace`'s contract); the rest is the
        // caller's promise.
        let mut copy = unsafe { self.unchecked(top) };
        value.trace(&mut copy);
        debug_assert!(
            copy.top().addr() - top.addr() <= T::MAX_POINTERS * size_of::<ObjectPtr>(),
            "a trace passed more pointers on than its type's MAX_POINTERS says"
        );
        copy.top()
    }
}
