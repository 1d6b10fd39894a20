//! [`Gc`]: a pointer to a heap object.

use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::mark::tracer::Tracer;
use crate::space::header::ObjectPtr;
use crate::trace::Trace;
use crate::trace::private::Only;

/// A pointer to an object in the heap: one word, `Copy`, dereferenced at no cost.
///
/// A `Gc` is valid until the next safepoint. [`Mutator::safepoint`](crate::Mutator::safepoint) and everything else that
/// may collect takes `&mut Mutator`, while a `Gc<'gc, T>` borrows the mutator for `'gc`: the compiler refuses a pointer
/// that is kept across a safepoint. A value that must be kept is rooted ([`Mutator::root`](crate::Mutator::root)), lies
/// on a [`Stack`](crate::Stack), or in another object's [`Slot`](crate::Slot).
///
/// Dereferencing gives the object. The functions of `Gc` itself are associated functions (`Gc::addr(this)`), so that
/// they hide no method of the object. Comparing, hashing and displaying go to the object, as for an `Rc`: two pointers
/// are equal where their objects are. [`Gc::ptr_eq`] asks whether the object is the same one, and an
/// [`Identity`](crate::Identity) compares and hashes by address. `Debug` prints the address, since objects may form
/// cycles.
///
/// ```
/// use grisaille::{Gc, Heap};
///
/// let mut heap = Heap::new();
/// heap.enter(|cx| {
///     let number: Gc<'_, i64> = cx.alloc(7);
///     let same = number; // Copy
///     assert_eq!(*same, 7);
///     assert!(Gc::ptr_eq(number, same));
/// });
/// ```
///
/// ```compile_fail
/// # use grisaille::Heap;
/// let mut heap = Heap::new();
/// heap.enter(|cx| {
///     let number = cx.alloc(7);
///     cx.safepoint();
///     assert_eq!(*number, 7); // may have been freed: it was not rooted
/// });
/// ```
pub struct Gc<'gc, T: ?Sized> {
    payload: NonNull<T>,
    /// Covariant in both. `*const T`, since the object is shared and belongs to one thread.
    _heap: PhantomData<(&'gc (), *const T)>,
}

impl<T: ?Sized> Clone for Gc<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Gc<'_, T> {}

impl<'gc, T> Gc<'gc, T> {
    /// Makes a pointer of an object.
    ///
    /// # Safety
    /// `object` must hold a live `T` until the first safepoint after `'gc` began.
    #[inline(always)]
    pub(crate) unsafe fn from_object(object: ObjectPtr) -> Self {
        Gc { payload: object.payload().cast(), _heap: PhantomData }
    }
}

impl<'gc, T: ?Sized> Gc<'gc, T> {
    #[inline(always)]
    pub(crate) fn object(self) -> ObjectPtr {
        // SAFETY: a Gc is made from an object's payload, with the provenance of its block.
        unsafe { ObjectPtr::from_payload(self.payload.cast()) }
    }

    /// Returns the object, for as long as the pointer is valid. (`Deref` and `AsRef` return it for the borrow of the
    /// pointer itself.)
    ///
    /// ```
    /// # use grisaille::{Gc, Heap};
    /// fn text<'gc>(name: Gc<'gc, String>) -> &'gc str {
    ///     Gc::as_ref(name).as_str()
    /// }
    /// # Heap::new().enter(|cx| assert_eq!(text(cx.alloc("x".to_string())), "x"));
    /// ```
    #[allow(clippy::should_implement_trait, reason = "`AsRef`, which is implemented too, gives the shorter lifetime")]
    #[inline(always)]
    pub fn as_ref(this: Self) -> &'gc T {
        // SAFETY: the object is live until the next safepoint, which `'gc` does not survive; nothing hands out `&mut`
        // to what lies in the heap but a `RefMut`, which checks its flag.
        unsafe { &*this.payload.as_ptr() }
    }

    /// Returns whether two pointers point to the same object.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap};
    /// # Heap::new().enter(|cx| {
    /// let (a, b) = (cx.alloc(1), cx.alloc(1));
    /// assert!(Gc::ptr_eq(a, a) && !Gc::ptr_eq(a, b));
    /// # });
    /// ```
    #[inline(always)]
    pub fn ptr_eq(a: Self, b: Self) -> bool {
        Gc::addr(a) == Gc::addr(b)
    }

    /// Returns the address of the object, which does not change while the object lives: the heap does not move objects.
    /// A later object may have the same address.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap};
    /// # Heap::new().enter(|cx| {
    /// let a = cx.alloc(1u64);
    /// assert_eq!(Gc::addr(a) % 8, 0);
    /// # });
    /// ```
    #[inline(always)]
    pub fn addr(this: Self) -> usize {
        this.payload.cast::<u8>().as_ptr().addr()
    }

    /// Returns the name of the type that the object was allocated as, for reports.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(Gc::type_name(cx.alloc(1u64)), "u64");
    /// # });
    /// ```
    pub fn type_name(this: Self) -> &'static str {
        (this.object().info().about)().name
    }
}

impl<T: ?Sized> Deref for Gc<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        Gc::as_ref(*self)
    }
}

impl<T: ?Sized> AsRef<T> for Gc<'_, T> {
    #[inline(always)]
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized> Borrow<T> for Gc<'_, T> {
    #[inline(always)]
    fn borrow(&self) -> &T {
        self
    }
}

/// Compares the objects.
impl<T: ?Sized + PartialEq> PartialEq for Gc<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Eq> Eq for Gc<'_, T> {}

/// Compares the objects.
impl<T: ?Sized + PartialOrd> PartialOrd for Gc<'_, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

/// Compares the objects.
impl<T: ?Sized + Ord> Ord for Gc<'_, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

/// Hashes the object.
impl<T: ?Sized + Hash> Hash for Gc<'_, T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

/// Displays the object.
impl<T: ?Sized + fmt::Display> fmt::Display for Gc<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Prints the address: following pointers would recurse, and might not end.
impl<T: ?Sized> fmt::Debug for Gc<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gc({:#x})", Gc::addr(*self))
    }
}

impl<T: ?Sized> fmt::Pointer for Gc<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.payload, f)
    }
}

// SAFETY: passes itself on; `At` replaces the lifetime of the pointer and of what it points to.
unsafe impl<'gc, T: ?Sized + Trace> Trace for Gc<'gc, T> {
    type At<'a> = Gc<'a, T::At<'a>>;
    const ATOMIC_WORD: bool = size_of::<Gc<'gc, T>>() == size_of::<usize>();
    const MAX_POINTERS: usize = 1;
    const AT_MOST_ONE: bool = true;
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.visit(self.object());
    }
    #[inline(always)]
    fn __only(&self) -> Only {
        Only::some(self.object())
    }
}
