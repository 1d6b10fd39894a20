//! [`AnyGc`]: a pointer to an object of any type.

use core::any::TypeId;
use core::fmt;
use core::hash::{Hash, Hasher};

use super::gc::Gc;
use crate::fault::{self, Fault};
use crate::mark::tracer::Tracer;
use crate::trace::Trace;
use crate::trace::private::Only;

/// A pointer to an object of any type: one word, `Copy`. The object's header tells the type.
///
/// Each [`Gc`], [`Str`](crate::Str), [`Array`](crate::Array) and [`DynGc`](crate::DynGc) converts to an `AnyGc` by
/// [`From`], at no cost, and [`downcast`](AnyGc::downcast) leads back. Two pointers are equal where they point to the
/// same object. Like a [`Gc`], an `AnyGc` is valid until the next safepoint.
///
/// ```
/// use grisaille::{AnyGc, Heap, Slot, Str};
///
/// Heap::new().enter(|cx| {
///     let bag: [AnyGc<'_>; 3] =
///         [cx.alloc(7i64).into(), cx.alloc(Slot::new(false)).into(), cx.alloc_str("seven").into()];
///     let [number, flag, text] = bag;
///     assert_eq!(number.downcast::<i64>().map(|number| *number), Some(7));
///     assert!(flag.is::<Slot<bool>>() && !flag.is::<bool>());
///     assert_eq!(text.downcast_str().unwrap(), "seven");
///     assert_eq!(number.type_name(), "i64");
/// });
/// ```
///
/// Types that differ only in the heap's lifetime are one type. The type that is asked for has the lifetime of the
/// pointer:
///
/// ```
/// use grisaille::{AnyGc, Gc, Heap, Slot, Trace};
///
/// #[derive(Trace)]
/// struct Node<'gc> {
///     next: Slot<Option<AnyGc<'gc>>>,
/// }
///
/// fn next<'gc>(object: AnyGc<'gc>) -> Option<AnyGc<'gc>> {
///     object.downcast::<Node<'gc>>()?.next.get()
/// }
///
/// Heap::new().enter(|cx| {
///     let node = cx.alloc(Node { next: Slot::new(None) });
///     node.next.set(cx, Some(node.into()));
///     assert_eq!(next(node.into()), Some(node.into()));
///     assert_eq!(next(cx.alloc('x').into()), None);
/// });
/// ```
///
/// An operation that takes a [`Gc`] (of a [`Weak`](crate::Weak), an [`Ephemeron`](crate::Ephemeron), a
/// [`Guardian`](crate::Guardian), an [`Identity`](crate::Identity)) takes [`as_gc`](AnyGc::as_gc) too; [`From`]
/// converts the `Gc` back.
///
/// # Cost
///
/// To ask for a type costs a load, an indirect call, and a comparison of two words. An enum of several pointer types
/// costs less where most values are asked for one of a few types.
#[derive(Clone, Copy)]
pub struct AnyGc<'gc>(Gc<'gc, AnyObject>);

/// The object behind an [`AnyGc`], for operations that work on every object by its [`Gc`]. It has no public fields.
///
/// ```
/// use grisaille::{AnyGc, AnyObject, Gc, Heap, Weak};
///
/// Heap::new().enter(|cx| {
///     let number = AnyGc::from(cx.alloc(7i64));
///     let weak: Weak<'_, AnyObject> = Gc::downgrade(number.as_gc(), cx);
///     assert_eq!(weak.upgrade(cx).map(AnyGc::from), Some(number));
/// });
/// ```
pub struct AnyObject {
    /// No value exists but behind a pointer to an object of another type, of which this covers nothing.
    _private: (),
}

impl<'gc> AnyGc<'gc> {
    /// Returns whether the object was allocated as a `T`, whatever the heap's lifetime in it is.
    ///
    /// ```
    /// # use grisaille::{AnyGc, ArrayObject, Heap, StrObject};
    /// # Heap::new().enter(|cx| {
    /// assert!(AnyGc::from(cx.alloc(1i64)).is::<i64>());
    /// assert!(!AnyGc::from(cx.alloc(1i64)).is::<u64>());
    /// assert!(AnyGc::from(cx.alloc_str("text")).is::<StrObject>());
    /// assert!(AnyGc::from(cx.alloc_array(2, |i| i)).is::<ArrayObject<usize>>());
    /// # });
    /// ```
    #[inline]
    pub fn is<T: Trace>(self) -> bool {
        self.has_id(TypeId::of::<T::At<'static>>())
    }

    /// Returns the object as what it was allocated as, or `None` where that is not a `T`.
    ///
    /// ```
    /// # use grisaille::{AnyGc, Heap};
    /// # Heap::new().enter(|cx| {
    /// let number = AnyGc::from(cx.alloc(7i64));
    /// assert_eq!(number.downcast::<i64>().map(|number| *number), Some(7));
    /// assert!(number.downcast::<char>().is_none());
    /// # });
    /// ```
    #[inline]
    pub fn downcast<T: Trace<At<'gc> = T>>(self) -> Option<Gc<'gc, T>> {
        // SAFETY: the object has the type's identity.
        self.is::<T>().then(|| unsafe { self.cast() })
    }

    /// Returns the name of the type that the object was allocated as, for reports: see [`Gc::type_name`].
    ///
    /// ```
    /// # use grisaille::{AnyGc, Heap};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(AnyGc::from(cx.alloc('x')).type_name(), "char");
    /// # });
    /// ```
    pub fn type_name(self) -> &'static str {
        Gc::type_name(self.0)
    }

    /// Returns the object's address: see [`Gc::addr`].
    ///
    /// ```
    /// # use grisaille::{AnyGc, Gc, Heap};
    /// # Heap::new().enter(|cx| {
    /// let number = cx.alloc(7i64);
    /// assert_eq!(AnyGc::from(number).addr(), Gc::addr(number));
    /// # });
    /// ```
    #[inline(always)]
    pub fn addr(self) -> usize {
        Gc::addr(self.0)
    }

    /// Returns a [`Gc`] to the same object, for operations that work on every object.
    ///
    /// ```
    /// # use grisaille::{AnyGc, Gc, Heap, Identity, Map};
    /// # Heap::new().enter(|cx| {
    /// let seen = cx.alloc(Map::new());
    /// let number = AnyGc::from(cx.alloc(7i64));
    /// seen.insert(cx, Identity(number.as_gc()), true);
    /// assert_eq!(seen.get(Identity(number.as_gc())), Some(true));
    /// # });
    /// ```
    #[inline(always)]
    pub fn as_gc(self) -> Gc<'gc, AnyObject> {
        self.0
    }

    /// Returns whether the object's type has this identity.
    #[inline]
    pub(crate) fn has_id(self, id: TypeId) -> bool {
        (self.0.object().info().about)().id == id || fault::is(Fault::AnyIsOfEveryType)
    }

    /// Returns the object as a `T`.
    ///
    /// # Safety
    /// The object must have [the identity](AnyGc::has_id) of `T`, with `'static` in the place of the heap's lifetime, which in
    /// `T` is `'gc`.
    #[inline(always)]
    pub(crate) unsafe fn cast<T>(self) -> Gc<'gc, T> {
        // SAFETY: by its identity (`About::id`) the object was allocated as a `T`, but for the heap's lifetime. This is `'gc`
        // in the result: until that ends the object lives, and so does what it leads to, as after `Mutator::adopt`.
        unsafe { Gc::from_object(self.0.object()) }
    }
}

impl<'gc, T: ?Sized> From<Gc<'gc, T>> for AnyGc<'gc> {
    #[inline(always)]
    fn from(object: Gc<'gc, T>) -> Self {
        // SAFETY: the object is live for `'gc`. An `AnyObject` covers none of it.
        AnyGc(unsafe { Gc::from_object(object.object()) })
    }
}

/// Compares addresses: two are equal where the object is the same.
impl PartialEq for AnyGc<'_> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        Gc::ptr_eq(self.0, other.0)
    }
}

impl Eq for AnyGc<'_> {}

/// Hashes the address of the object, which no other object has while the object lives.
impl Hash for AnyGc<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.addr().hash(state);
    }
}

/// Prints the address and the name of the type.
impl fmt::Debug for AnyGc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyGc({:#x}, {})", self.addr(), self.type_name())
    }
}

impl fmt::Pointer for AnyGc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.0, f)
    }
}

// SAFETY: passes its one pointer on; `At` replaces its lifetime. One word without padding, which is always initialized.
unsafe impl Trace for AnyGc<'_> {
    type At<'a> = AnyGc<'a>;
    const ATOMIC_WORD: bool = true;
    const MAX_POINTERS: usize = 1;
    const AT_MOST_ONE: bool = true;
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if !fault::is(Fault::AnyPointersAreNotTraced) {
            self.0.trace(tracer);
        }
    }
    #[inline(always)]
    fn __only(&self) -> Only {
        if fault::is(Fault::AnyPointersAreNotTraced) { Only::NONE } else { self.0.__only() }
    }
}

// SAFETY: there is no value of this type but behind a pointer to an object of another type, whose header names that
// type's trace. It has no lifetime.
unsafe impl Trace for AnyObject {
    type At<'a> = AnyObject;
    fn trace(&self, _: &mut Tracer<'_>) {
        let () = self._private;
        unreachable!("objects are traced through their header")
    }
}

impl fmt::Debug for AnyObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyObject")
    }
}
