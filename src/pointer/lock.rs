//! [`Lock`] and [`RefLock`]: mutation of a whole object.

use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::gc::Gc;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::mark::tracer::Tracer;
use crate::trace::layout::drop_on;
use crate::trace::{DropOn, Trace};

/// An object whose value is replaced as a whole. For a field, use [`Slot`](crate::Slot).
///
/// A lock is written through its [`Gc`] only, since the collector must know which object changes: [`Lock::set`] and
/// [`Lock::replace`] are associated functions that take a `Gc`. While the collector marks, a write costs what the
/// heap's [policy](crate::barrier) does before the mutation of a whole object: it scans the object once, or makes the
/// object grey again.
///
/// ```
/// use grisaille::{Gc, Heap, Lock};
///
/// Heap::new().enter(|cx| {
///     let point: Gc<'_, Lock<(f64, f64)>> = cx.alloc(Lock::new((0.0, 0.0)));
///     Lock::set(point, cx, (1.0, 2.0));
///     assert_eq!(point.get(), (1.0, 2.0));
/// });
/// ```
pub struct Lock<T> {
    value: UnsafeCell<T>,
    _invariant: PhantomData<Cell<T>>,
}

impl<T> Lock<T> {
    /// Makes a lock around `value`.
    ///
    /// ```
    /// assert_eq!(grisaille::Lock::new(1).get(), 1);
    /// ```
    pub fn new(value: T) -> Self {
        Lock { value: UnsafeCell::new(value), _invariant: PhantomData }
    }

    /// Returns a copy of the value.
    ///
    /// ```
    /// # use grisaille::{Heap, Lock};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(cx.alloc(Lock::new(3i64)).get(), 3);
    /// # });
    /// ```
    #[inline]
    pub fn get(&self) -> T
    where
        T: Copy,
    {
        // SAFETY: no reference to the value is ever given away while the lock is shared, and the lock is not Sync.
        unsafe { *self.value.get() }
    }

    /// Borrows the value of a lock that is not in the heap. (There is no `&mut` to a lock in the heap.)
    ///
    /// ```
    /// let mut lock = grisaille::Lock::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Takes the value out of a lock that is not in the heap.
    ///
    /// ```
    /// assert_eq!(grisaille::Lock::new(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: Trace> Lock<T> {
    /// Replaces the value of a lock in the heap, and returns the old one.
    ///
    /// ```
    /// # use grisaille::{Heap, Lock};
    /// # Heap::new().enter(|cx| {
    /// let name = cx.alloc(Lock::new(String::from("old")));
    /// assert_eq!(Lock::replace(name, cx, String::from("new")), "old");
    /// # });
    /// ```
    #[inline]
    pub fn replace<B: Barrier>(this: Gc<'_, Self>, cx: &Mutator<'_, B>, value: T) -> T {
        // SAFETY: a `Gc` points to a live object, and no reference to a `Lock`'s value is ever given away.
        unsafe { cx.collector().before_whole_write::<B>(this.object(), T::NEEDS_TRACE) };
        // SAFETY: as in `get`; the old value leaves by move.
        unsafe { core::mem::replace(&mut *this.value.get(), value) }
    }

    /// Replaces the value of a lock in the heap, and drops the old one.
    ///
    /// ```
    /// # use grisaille::{Heap, Lock};
    /// # Heap::new().enter(|cx| {
    /// let count = cx.alloc(Lock::new(1i64));
    /// Lock::set(count, cx, 2);
    /// assert_eq!(count.get(), 2);
    /// # });
    /// ```
    #[inline]
    pub fn set<B: Barrier>(this: Gc<'_, Self>, cx: &Mutator<'_, B>, value: T) {
        drop(Lock::replace(this, cx, value));
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Lock::new(T::default())
    }
}

impl<T> From<T> for Lock<T> {
    fn from(value: T) -> Self {
        Lock::new(value)
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

impl<T: Copy + fmt::Debug> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lock").field(&self.get()).finish()
    }
}

/// An object that is borrowed as a whole, with borrows checked at run time, as in a `RefCell`: for collections and
/// other values that change in more ways than a [`Slot`](crate::Slot) can.
///
/// A `RefLock` is written through its [`Gc`] only: [`RefLock::borrow_mut`] is an associated function that takes a `Gc`.
/// All of the barrier's work is done before `borrow_mut` returns; a guard that is forgotten leaves the object borrowed
/// for ever and harms nothing else. While the collector marks, `borrow_mut` may scan the whole object: for a collection
/// that grows large use [`Slot`](crate::Slot)s, a [`List`](crate::List) or a [`Map`](crate::Map) instead.
///
/// ```
/// use grisaille::{Gc, Heap, RefLock};
///
/// Heap::new().enter(|cx| {
///     let list = cx.alloc(RefLock::new(Vec::new()));
///     RefLock::borrow_mut(list, cx).push(cx.alloc(1));
///     assert_eq!(*list.borrow()[0], 1);
/// });
/// ```
pub struct RefLock<T> {
    /// 0: not borrowed; negative: mutably borrowed; positive: the number of shared borrows.
    borrows: Cell<isize>,
    value: UnsafeCell<T>,
    _invariant: PhantomData<Cell<T>>,
}

impl<T> RefLock<T> {
    /// Makes a lock around `value`.
    ///
    /// ```
    /// assert_eq!(*grisaille::RefLock::new(1).borrow(), 1);
    /// ```
    pub fn new(value: T) -> Self {
        RefLock { borrows: Cell::new(0), value: UnsafeCell::new(value), _invariant: PhantomData }
    }

    #[inline]
    fn value(&self) -> NonNull<T> {
        // SAFETY: the address of a field is not null.
        unsafe { NonNull::new_unchecked(self.value.get()) }
    }

    /// Borrows the value. The guard borrows the pointer or reference that leads to the lock; for a guard that lives as
    /// long as a `Gc` is valid, call `Gc::as_ref(this).borrow()`.
    ///
    /// ```
    /// # use grisaille::{Heap, RefLock};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(RefLock::new(vec![1i64, 2]));
    /// assert_eq!(list.borrow().len(), 2);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the value is mutably borrowed.
    #[inline]
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, T> {
        self.try_borrow().unwrap_or_else(|error| error.panic())
    }

    /// Borrows the value, unless it is mutably borrowed.
    ///
    /// ```
    /// # use grisaille::{Heap, RefLock};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(RefLock::new(vec![1i64]));
    /// let guard = RefLock::borrow_mut(list, cx);
    /// assert!(list.try_borrow().is_err());
    /// drop(guard);
    /// assert!(list.try_borrow().is_ok());
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`BorrowError`] when the value is mutably borrowed.
    #[inline]
    pub fn try_borrow(&self) -> Result<Ref<'_, T>, BorrowError> {
        let borrows = self.borrows.get();
        if !(0..isize::MAX).contains(&borrows) {
            return Err(BorrowError(()));
        }
        self.borrows.set(borrows + 1);
        Ok(Ref { value: self.value(), borrows: &self.borrows, _borrowed: PhantomData })
    }

    /// Borrows the value of a lock that is not in the heap. (There is no `&mut` to a lock in the heap.)
    ///
    /// ```
    /// let mut lock = grisaille::RefLock::new(vec![1]);
    /// lock.get_mut().push(2);
    /// assert_eq!(lock.into_inner(), [1, 2]);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Takes the value out of a lock that is not in the heap.
    ///
    /// ```
    /// assert_eq!(grisaille::RefLock::new(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

// The guards hold no reference to the value. A reference that is passed by value promises for the whole call that
// nobody writes its referent, while a guard may be dropped in the middle of a call, and the lock be written after that.
// The counter may be a reference: a reference to a cell promises nothing of the cell's content, and the lock itself
// lives for `'a`.

/// The shared borrow of a [`RefLock`], which ends when the guard is dropped.
///
/// ```
/// use grisaille::{Heap, Ref, RefLock};
///
/// Heap::new().enter(|cx| {
///     let list = cx.alloc(RefLock::new(vec![1i64, 2]));
///     let guard: Ref<'_, Vec<i64>> = list.borrow();
///     assert_eq!(guard.len(), 2);
///     assert!(RefLock::try_borrow_mut(list, cx).is_err());
/// });
/// ```
#[must_use = "the value is borrowed until the guard is dropped"]
pub struct Ref<'a, T: ?Sized> {
    value: NonNull<T>,
    borrows: &'a Cell<isize>,
    _borrowed: PhantomData<&'a T>,
}

/// The exclusive borrow of a [`RefLock`], which ends when the guard is dropped.
///
/// ```
/// use grisaille::{Heap, RefLock, RefMut};
///
/// Heap::new().enter(|cx| {
///     let list = cx.alloc(RefLock::new(vec![1i64, 2]));
///     let mut guard: RefMut<'_, Vec<i64>> = RefLock::borrow_mut(list, cx);
///     guard.push(3);
///     drop(guard);
///     assert_eq!(list.borrow().len(), 3);
/// });
/// ```
#[must_use = "the value is borrowed until the guard is dropped"]
pub struct RefMut<'a, T: ?Sized> {
    value: NonNull<T>,
    borrows: &'a Cell<isize>,
    /// Invariant in `T`, as `NonNull` alone is not.
    _borrowed: PhantomData<&'a mut T>,
}

/// The error of [`RefLock::try_borrow`] when the value is mutably borrowed.
///
/// ```
/// use grisaille::{BorrowError, Heap, RefLock};
///
/// Heap::new().enter(|cx| {
///     let list = cx.alloc(RefLock::new(vec![1i64]));
///     let _guard = RefLock::borrow_mut(list, cx);
///     let error: BorrowError = list.try_borrow().unwrap_err();
///     assert_eq!(error.to_string(), "the RefLock is mutably borrowed");
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BorrowError(());

impl BorrowError {
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn panic(self) -> ! {
        panic!("{self}")
    }
}

impl fmt::Display for BorrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the RefLock is mutably borrowed")
    }
}

impl core::error::Error for BorrowError {}

/// The error of [`RefLock::try_borrow_mut`] when the value is borrowed.
///
/// ```
/// use grisaille::{BorrowMutError, Heap, RefLock};
///
/// Heap::new().enter(|cx| {
///     let list = cx.alloc(RefLock::new(vec![1i64]));
///     let _guard = list.borrow();
///     let error: BorrowMutError = RefLock::try_borrow_mut(list, cx).unwrap_err();
///     assert_eq!(error.to_string(), "the RefLock is borrowed");
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BorrowMutError(());

impl BorrowMutError {
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn panic(self) -> ! {
        panic!("{self}")
    }
}

impl fmt::Display for BorrowMutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the RefLock is borrowed")
    }
}

impl core::error::Error for BorrowMutError {}

impl<T: Trace> RefLock<T> {
    /// Borrows the value of a lock in the heap exclusively. The write barrier of the whole object runs before this
    /// returns.
    ///
    /// ```
    /// # use grisaille::{Heap, RefLock};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(RefLock::new(vec![1i64, 2]));
    /// RefLock::borrow_mut(list, cx).push(3);
    /// assert_eq!(*list.borrow(), [1, 2, 3]);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the value is borrowed.
    #[inline]
    #[track_caller]
    pub fn borrow_mut<'a, B: Barrier>(this: Gc<'a, Self>, cx: &'a Mutator<'_, B>) -> RefMut<'a, T> {
        RefLock::try_borrow_mut(this, cx).unwrap_or_else(|error| error.panic())
    }

    /// Borrows the value of a lock in the heap exclusively, unless it is borrowed.
    ///
    /// ```
    /// # use grisaille::{Heap, RefLock};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(RefLock::new(vec![1i64]));
    /// let guard = list.borrow();
    /// assert!(RefLock::try_borrow_mut(list, cx).is_err());
    /// # drop(guard);
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`BorrowMutError`] when the value is borrowed, shared or exclusively.
    #[inline]
    pub fn try_borrow_mut<'a, B: Barrier>(
        this: Gc<'a, Self>,
        cx: &'a Mutator<'_, B>,
    ) -> Result<RefMut<'a, T>, BorrowMutError> {
        let lock = Gc::as_ref(this);
        if lock.borrows.get() != 0 {
            return Err(BorrowMutError(()));
        }
        // SAFETY: a `Gc` points to a live object, and the flag says that its value is not borrowed.
        unsafe { cx.collector().before_whole_write::<B>(this.object(), T::NEEDS_TRACE) };
        lock.borrows.set(-1);
        Ok(RefMut { value: lock.value(), borrows: &lock.borrows, _borrowed: PhantomData })
    }
}

impl<'a, T: ?Sized> Ref<'a, T> {
    /// Makes a guard of a part of the value, as std's [`Ref::map`](core::cell::Ref::map) does. The whole value stays
    /// borrowed until that guard is dropped. An associated function, so that it hides no method of the value.
    ///
    /// ```
    /// use grisaille::{Heap, Ref, RefLock};
    ///
    /// Heap::new().enter(|cx| {
    ///     let pair = cx.alloc(RefLock::new((1i64, String::from("two"))));
    ///     let text: Ref<'_, str> = Ref::map(pair.borrow(), |(_, text)| text.as_str());
    ///     assert_eq!(&*text, "two");
    ///     assert!(RefLock::try_borrow_mut(pair, cx).is_err());
    ///     drop(text);
    ///     assert!(RefLock::try_borrow_mut(pair, cx).is_ok());
    /// });
    /// ```
    ///
    /// # Panics
    /// Passes a panic of `part` on, and ends the borrow.
    #[inline]
    pub fn map<U: ?Sized>(this: Self, part: impl FnOnce(&T) -> &U) -> Ref<'a, U> {
        let value = NonNull::from(part(&this));
        // The borrow passes to the new guard.
        let this = ManuallyDrop::new(this);
        Ref { value, borrows: this.borrows, _borrowed: PhantomData }
    }
}

impl<'a, T: ?Sized> RefMut<'a, T> {
    /// Makes a guard of a part of the value, as std's [`RefMut::map`](core::cell::RefMut::map) does. The whole value
    /// stays borrowed until that guard is dropped. An associated function, so that it hides no method of the value.
    ///
    /// ```
    /// use grisaille::{Heap, RefLock, RefMut};
    ///
    /// Heap::new().enter(|cx| {
    ///     let list = cx.alloc(RefLock::new(vec![1i64, 2, 3]));
    ///     let mut last: RefMut<'_, i64> =
    ///         RefMut::map(RefLock::borrow_mut(list, cx), |list| list.last_mut().unwrap());
    ///     *last = 4;
    ///     assert!(list.try_borrow().is_err());
    ///     drop(last);
    ///     assert_eq!(*list.borrow(), [1, 2, 4]);
    /// });
    /// ```
    ///
    /// # Panics
    /// Passes a panic of `part` on, and ends the borrow.
    #[inline]
    pub fn map<U: ?Sized>(mut this: Self, part: impl FnOnce(&mut T) -> &mut U) -> RefMut<'a, U> {
        let value = NonNull::from(part(&mut this));
        // The borrow passes to the new guard.
        let this = ManuallyDrop::new(this);
        RefMut { value, borrows: this.borrows, _borrowed: PhantomData }
    }
}

impl<T: Default> Default for RefLock<T> {
    fn default() -> Self {
        RefLock::new(T::default())
    }
}

impl<T> From<T> for RefLock<T> {
    fn from(value: T) -> Self {
        RefLock::new(value)
    }
}

impl<T: ?Sized> Deref for Ref<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock lives for `'a`, and this is its value or a part of it. While this guard lives, the counter is
        // positive, and no exclusive borrow is made.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> Drop for Ref<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.borrows.set(self.borrows.get() - 1);
    }
}

impl<T: ?Sized> Deref for RefMut<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: as in `deref_mut`.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for RefMut<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock lives for `'a`, and this is its value or a part of it. While this guard lives, the counter is
        // negative, and no other borrow is made; the collector does not read the value before the next safepoint, which
        // the guard does not survive.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized> Drop for RefMut<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.borrows.set(0);
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RefMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RefMut<'_, T> {
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

impl<T: fmt::Debug> fmt::Debug for RefLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_borrow() {
            Ok(value) => f.debug_tuple("RefLock").field(&*value).finish(),
            Err(_) => f.write_str("RefLock(<borrowed>)"),
        }
    }
}
