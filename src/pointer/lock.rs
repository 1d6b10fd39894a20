//! [`Lock`] and [`RefLock`]: mutation of a whole object.

use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::gc::Gc;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::mark::tracer::Tracer;
use crate::trace::{DropOn, Trace, drop_on};

/// An object whose value is replaced as a whole. For a field, use [`Slot`](crate::Slot).
///
/// It is reached through [`Gc`] only: the collector must know which object changes.
///
/// ```
/// use grisaille::{Gc, Heap, Lock};
///
/// Heap::new().enter(|cx| {
///     let point: Gc<'_, Lock<(f64, f64)>> = cx.alloc(Lock::new((0.0, 0.0)));
///     point.set(cx, (1.0, 2.0));
///     assert_eq!(point.get(), (1.0, 2.0));
/// });
/// ```
pub struct Lock<T> {
    value: UnsafeCell<T>,
    _invariant: PhantomData<Cell<T>>,
}

impl<T> Lock<T> {
    /// A lock around `value`.
    pub fn new(value: T) -> Self {
        Lock { value: UnsafeCell::new(value), _invariant: PhantomData }
    }

    /// The value, of a lock that is not in the heap (nothing hands out `&mut` to one that is).
    ///
    /// ```
    /// let mut lock = grisaille::Lock::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The value, out of a lock that is not in the heap.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<'gc, T: Trace> Gc<'gc, Lock<T>> {
    /// A copy of the value.
    #[inline]
    pub fn get(self) -> T
    where
        T: Copy,
    {
        // SAFETY: no reference to the value is ever given away, and the lock is not Sync.
        unsafe { *self.as_ref().value.get() }
    }

    /// Replaces the value, and gives the old one back.
    ///
    /// ```
    /// # use grisaille::{Heap, Lock};
    /// # Heap::new().enter(|cx| {
    /// let name = cx.alloc(Lock::new(String::from("old")));
    /// assert_eq!(name.replace(cx, String::from("new")), "old");
    /// # });
    /// ```
    #[inline]
    pub fn replace<B: Barrier>(self, cx: &Mutator<'_, B>, value: T) -> T {
        // SAFETY: a `Gc` points to a live object, and no reference to a `Lock`'s value is ever given away.
        unsafe { cx.collector().before_whole_write::<B>(self.object(), T::NEEDS_TRACE) };
        // SAFETY: as in `get`; the old value leaves by move.
        unsafe { core::mem::replace(&mut *self.as_ref().value.get(), value) }
    }

    /// Replaces the value.
    #[inline]
    pub fn set<B: Barrier>(self, cx: &Mutator<'_, B>, value: T) {
        drop(self.replace(cx, value));
    }
}

// SAFETY: passes its value on.
unsafe impl<T: Trace> Trace for Lock<T>
where
    for<'a> T::At<'a>: Sized,
{
    type At<'a> = Lock<T::At<'a>>;
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    const MAX_POINTERS: usize = T::MAX_POINTERS;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        // SAFETY: no `&mut` to the value exists while anything is traced: `replace` holds one for no user code.
        unsafe { &*self.value.get() }.trace(tracer);
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock { .. }")
    }
}

/// An object that is borrowed as a whole, checked at run time as a `RefCell` is: for collections and other values
/// that change in more ways than a [`Slot`](crate::Slot) can.
///
/// It is reached through [`Gc`] only. All of the barrier's work is done by [`borrow_mut`](Gc::borrow_mut) before it
/// returns; a guard that is forgotten leaves the object borrowed for ever and harms nothing else. While marking,
/// `borrow_mut` may scan the whole object: a collection that grows large is better made of [`Slot`](crate::Slot)s.
///
/// ```
/// use grisaille::{Gc, Heap, RefLock};
///
/// Heap::new().enter(|cx| {
///     let list = cx.alloc(RefLock::new(Vec::new()));
///     list.borrow_mut(cx).push(cx.alloc(1));
///     assert_eq!(*list.borrow()[0], 1);
/// });
/// ```
pub struct RefLock<T> {
    /// 0: free; negative: mutably borrowed; positive: that many shared borrows.
    borrows: Cell<isize>,
    value: UnsafeCell<T>,
    _invariant: PhantomData<Cell<T>>,
}

impl<T> RefLock<T> {
    /// A lock around `value`.
    pub fn new(value: T) -> Self {
        RefLock { borrows: Cell::new(0), value: UnsafeCell::new(value), _invariant: PhantomData }
    }

    #[inline]
    fn value(&self) -> NonNull<T> {
        // SAFETY: the address of a field is not null.
        unsafe { NonNull::new_unchecked(self.value.get()) }
    }

    /// The value, of a lock that is not in the heap (nothing hands out `&mut` to one that is).
    ///
    /// ```
    /// let mut lock = grisaille::RefLock::new(vec![1]);
    /// lock.get_mut().push(2);
    /// assert_eq!(lock.into_inner(), [1, 2]);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The value, out of a lock that is not in the heap.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

// The guards hold no reference to the value. A reference that is passed by value promises for the whole call that nobody
// writes what it points to, while a guard may be dropped in the middle of one, and the lock be written after that. The
// counter may be a reference: one to a cell promises nothing of what is in it, and the lock itself lives for `'a`.

/// A shared borrow of a [`RefLock`].
pub struct Ref<'a, T> {
    value: NonNull<T>,
    borrows: &'a Cell<isize>,
    _borrowed: PhantomData<&'a T>,
}

/// The exclusive borrow of a [`RefLock`].
pub struct RefMut<'a, T> {
    value: NonNull<T>,
    borrows: &'a Cell<isize>,
    /// Invariant in `T`, which `NonNull` is not.
    _borrowed: PhantomData<&'a mut T>,
}

impl<'gc, T: Trace> Gc<'gc, RefLock<T>> {
    /// Borrows the value.
    ///
    /// # Panics
    /// When it is mutably borrowed.
    #[inline]
    #[track_caller]
    pub fn borrow(self) -> Ref<'gc, T> {
        self.try_borrow().expect("the RefLock is mutably borrowed")
    }

    /// Borrows the value, unless it is mutably borrowed.
    ///
    /// ```
    /// # use grisaille::{Heap, RefLock};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(RefLock::new(vec![1i64]));
    /// let guard = list.borrow_mut(cx);
    /// assert!(list.try_borrow().is_none());
    /// drop(guard);
    /// assert!(list.try_borrow().is_some());
    /// # });
    /// ```
    #[inline]
    pub fn try_borrow(self) -> Option<Ref<'gc, T>> {
        let lock = self.as_ref();
        let borrows = lock.borrows.get();
        if !(0..isize::MAX).contains(&borrows) {
            return None;
        }
        lock.borrows.set(borrows + 1);
        Some(Ref { value: lock.value(), borrows: &lock.borrows, _borrowed: PhantomData })
    }

    /// Borrows the value exclusively.
    ///
    /// # Panics
    /// When it is borrowed.
    #[inline]
    #[track_caller]
    pub fn borrow_mut<'a, B: Barrier>(self, cx: &'a Mutator<'_, B>) -> RefMut<'a, T>
    where
        'gc: 'a,
    {
        self.try_borrow_mut(cx).expect("the RefLock is borrowed")
    }

    /// Borrows the value exclusively, unless it is borrowed.
    ///
    /// ```
    /// # use grisaille::{Heap, RefLock};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(RefLock::new(vec![1i64]));
    /// let guard = list.borrow();
    /// assert!(list.try_borrow_mut(cx).is_none());
    /// # drop(guard);
    /// # });
    /// ```
    #[inline]
    pub fn try_borrow_mut<'a, B: Barrier>(self, cx: &'a Mutator<'_, B>) -> Option<RefMut<'a, T>>
    where
        'gc: 'a,
    {
        let lock = self.as_ref();
        if lock.borrows.get() != 0 {
            return None;
        }
        // SAFETY: a `Gc` points to a live object, and the flag says that its value is not borrowed.
        unsafe { cx.collector().before_whole_write::<B>(self.object(), T::NEEDS_TRACE) };
        lock.borrows.set(-1);
        Some(RefMut { value: lock.value(), borrows: &lock.borrows, _borrowed: PhantomData })
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock lives for `'a`. While this guard does, the counter is positive, and no exclusive borrow is
        // made.
        unsafe { self.value.as_ref() }
    }
}

impl<T> Drop for Ref<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.borrows.set(self.borrows.get() - 1);
    }
}

impl<T> Deref for RefMut<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: as in `deref_mut`.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for RefMut<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock lives for `'a`. While this guard does, the counter is negative, and no other borrow is made;
        // the collector does not look at the value before the next safepoint, which the guard does not survive.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for RefMut<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.borrows.set(0);
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for RefMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

// SAFETY: passes its value on.
unsafe impl<T: Trace> Trace for RefLock<T>
where
    for<'a> T::At<'a>: Sized,
{
    type At<'a> = RefLock<T::At<'a>>;
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    const DROP: DropOn = drop_on::<T>();
    const MAX_POINTERS: usize = T::MAX_POINTERS;
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        // SAFETY: a guard does not survive a safepoint, so no usable `&mut` exists while the collector traces;
        // `before_whole_write` traces before the guard is made.
        unsafe { &*self.value.get() }.trace(tracer);
    }
}

impl<T> fmt::Debug for RefLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefLock { .. }")
    }
}
