//! [`Array`]: a slice whose elements lie in the object.

use core::any::{TypeId, type_name};
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::mem::needs_drop;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;
use crate::mark::edges::Top;
use crate::mark::tracer::{Tracer, trace_with};
use crate::pointer::any::AnyGc;
use crate::pointer::gc::Gc;
use crate::space::alignment::Alignment;
use crate::space::block::Kind;
use crate::space::header::{
    About, FILLER, HEADER_SIZE, Length, ObjectPtr, TraceResult, TypeInfo, bytes_by_length, elements_at,
};
use crate::trace::Trace;
use crate::trace::layout::{has_few, kind_of};
use crate::trace::private::Only;

/// Number of elements that are scanned in one piece.
const PIECE: usize = 128;

/// Arrays of at most so many elements are traced without a check of the room for each, as structs are.
const SMALL: usize = 8;

/// A pointer to a slice in the heap, whose elements lie in the object: one word, `Copy`, and `Deref` to `[T]`.
///
/// Like a [`Gc`], an array is valid until the next safepoint. For elements that change, use [`Slot`](crate::Slot)s. A
/// large array is marked in pieces, and its allocation is a run of blocks. Besides its elements the object takes 16
/// bytes: a header, and a length; 32 bytes where elements are aligned to 16.
///
/// An array is a pointer type of its own and not a `Gc` to a slice: a `Gc` to an object of variable length takes two
/// words, and a reference to an object whose type ends with its length may not be used to read what follows.
///
/// ```
/// use grisaille::{Array, Heap, Slot};
///
/// Heap::new().enter(|cx| {
///     let squares: Array<'_, Slot<f64>> = cx.alloc_array(4, |i| Slot::new((i * i) as f64));
///     squares[3].set(cx, 10.0);
///     assert_eq!(squares.iter().map(Slot::get).sum::<f64>(), 0.0 + 1.0 + 4.0 + 10.0);
/// });
/// ```
///
/// An operation that takes a [`Gc`] (of a [`Weak`](crate::Weak), an [`Ephemeron`](crate::Ephemeron), a
/// [`Guardian`](crate::Guardian)) takes [`Array::as_gc`] too; [`From`] converts the `Gc` back.
pub struct Array<'gc, T>(Gc<'gc, ArrayObject<T>>);

/// The object behind an [`Array`], for operations that work on every object by its [`Gc`]. It has no public fields.
///
/// ```
/// use grisaille::{Array, ArrayObject, Gc, Heap};
///
/// Heap::new().enter(|cx| {
///     let object: Gc<'_, ArrayObject<u64>> = Array::as_gc(cx.alloc_array(2, |i| i as u64));
///     assert_eq!(*Array::from(object), [0, 1]);
/// });
/// ```
#[repr(C)]
pub struct ArrayObject<T: ?Sized> {
    len: usize,
    /// The elements, which follow.
    _elements: PhantomData<T>,
}

struct InfoOfArray<T>(PhantomData<T>);

/// Describes arrays of `T`: see [`about`](crate::trace::layout::about).
fn about_array<T: Trace>() -> About {
    About::of::<ArrayObject<T::At<'static>>>(type_name::<Array<'static, T>>())
}

impl<T: Trace> InfoOfArray<T> {
    const INFO: TypeInfo = TypeInfo::by_length::<Length, T>(about_array::<T>)
        .traced_if(T::NEEDS_TRACE, trace_array::<T>)
        .dropped_if(needs_drop::<T>(), drop_array::<T>);
}

/// Returns the elements of an array.
///
/// # Safety
/// `object` must be an array of `T`, complete, for `'x`.
unsafe fn elements<'x, T>(object: ObjectPtr) -> &'x [T] {
    // SAFETY: passed on: the elements follow the length word, and there are as many as that says.
    unsafe { core::slice::from_raw_parts(first::<T>(object).as_ptr(), object.length()) }
}

/// Returns the address of the first element.
///
/// # Safety
/// `object` must be an array, or the filler that is to become one.
unsafe fn first<T>(object: ObjectPtr) -> NonNull<T> {
    // SAFETY: passed on: the length word is part of the object; the elements follow it.
    unsafe { object.payload().add(const { elements_at::<Length, T>() }).cast() }
}

/// Traces a piece of an array.
///
/// # Safety
/// As for [`TypeInfo::trace`].
unsafe fn trace_array<T: Trace>(object: ObjectPtr, from: usize, erased: NonNull<()>, top: Top) -> TraceResult {
    // SAFETY: `TypeInfo::trace`: the header names `InfoOfArray<T>`, so the object is an array of `T`; it is complete.
    let all = unsafe { elements::<T>(object) };
    if const { has_few::<T>() } && !all.is_empty() && all.len() <= SMALL {
        // SAFETY: `TypeInfo::trace`: a tracer that is exclusive until the end of the call.
        let tracer = unsafe { erased.cast::<Tracer<'_>>().as_mut() };
        if tracer.has_room(top, all.len() * T::MAX_POINTERS) {
            // SAFETY: the top is of the tracer's edges, and there was room for the pointers of all elements.
            let top = all.iter().fold(top, |top, element| unsafe { tracer.trace_few(element, top) });
            tracer.scanned::<T>(all.len());
            return TraceResult { next: TraceResult::BOOKED, top };
        }
    }
    let end = all.len().min(from + PIECE);
    let scan = |tracer: &mut Tracer<'_>| {
        for element in &all[from..end] {
            element.trace(tracer);
        }
        tracer.scanned::<T>(end - from);
        if end == all.len() { 0 } else { end }
    };
    // SAFETY: `TypeInfo::trace`: a tracer that is exclusive until the end of the call, and a top of its edges.
    unsafe { trace_with(erased, top, scan) }
}

/// Drops the elements of an array.
///
/// # Safety
/// As for [`TypeInfo::drop`].
unsafe fn drop_array<T>(object: ObjectPtr) {
    // SAFETY: `TypeInfo::drop`: the header names `InfoOfArray<T>`, so the object is an array of `T`; it is complete,
    // was not dropped, and is not in use.
    unsafe { NonNull::slice_from_raw_parts(first::<T>(object), object.length()).drop_in_place() };
}

impl<B: Barrier> Mutator<'_, B> {
    /// Allocates an array of `len` elements, which `f` makes from their indices. Time in proportion to `len`.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(*cx.alloc_array(3, |i| 10 * i), [0, 10, 20]);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full: [`try_alloc_array`](Mutator::try_alloc_array) returns an error instead. Passes panics of
    /// `f` on.
    #[track_caller]
    pub fn alloc_array<'a, T: Trace<At<'a> = T>>(&'a self, len: usize, f: impl FnMut(usize) -> T) -> Array<'a, T> {
        self.try_alloc_array(len, f).unwrap_or_else(|full| full.panic())
    }

    /// Allocates an array of `len` elements, which `f` makes from their indices, unless the heap is full.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(*cx.try_alloc_array(3, |i| i).unwrap(), [0, 1, 2]);
    /// assert!(cx.try_alloc_array(usize::MAX, |i| i).is_err());
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full, before `f` is called.
    pub fn try_alloc_array<'a, T: Trace<At<'a> = T>>(
        &'a self,
        len: usize,
        mut f: impl FnMut(usize) -> T,
    ) -> Result<Array<'a, T>, HeapFull<()>> {
        let bytes = bytes_by_length::<Length, T>(len).ok_or_else(|| self.full((), usize::MAX))?;
        let filler = self.place_filler(bytes, const { kind_of::<T>() }, const { Alignment::of::<T>() })?;
        /// Drops the elements made so far when `f` panics; the memory stays filler until it is swept.
        struct Made<T>(NonNull<T>, usize);
        impl<T> Drop for Made<T> {
            fn drop(&mut self) {
                // SAFETY: the first elements were written, and nothing else will drop them.
                unsafe { NonNull::slice_from_raw_parts(self.0, self.1).drop_in_place() };
            }
        }
        // SAFETY: the filler becomes an array of `T`, for which it has room.
        let mut made = Made(unsafe { first::<T>(filler) }, 0);
        while made.1 < len {
            let element = f(made.1);
            // SAFETY: below `len`, for which there is room.
            unsafe { made.0.add(made.1).write(element) };
            made.1 += 1;
        }
        core::mem::forget(made);
        // SAFETY: all elements are there, and the size is the filler's: the length word's meaning changes with it.
        let object = unsafe { self.complete(filler, len, const { &InfoOfArray::<T>::INFO }) };
        // SAFETY: complete; no safepoint before `'a` ends.
        Ok(Array(unsafe { Gc::from_object(object) }))
    }

    /// Takes `bytes` of memory, which are filler until the object in them is complete: size and header are right at
    /// every moment (I3, I4), whatever happens meanwhile.
    pub(crate) fn place_filler(
        &self,
        bytes: usize,
        kind: Kind,
        alignment: Alignment,
    ) -> Result<ObjectPtr, HeapFull<()>> {
        // SAFETY: whole units of the alignment (`bytes_by_length`); the filler is written below.
        let at = unsafe { self.take_bytes(bytes, kind, alignment) }?;
        // SAFETY: the bytes belong to this call alone.
        unsafe {
            let object = ObjectPtr::write(at, &FILLER);
            object.payload().cast::<usize>().write(bytes - HEADER_SIZE - size_of::<Length>());
            Ok(object)
        }
    }

    /// Turns filler into an object, which is born by that.
    ///
    /// # Safety
    /// The filler must be of this heap, taken since the last safepoint, and the payload behind the length word be what
    /// `info` describes, for that length.
    pub(crate) unsafe fn complete(&self, filler: ObjectPtr, len: usize, info: &'static TypeInfo) -> ObjectPtr {
        // SAFETY: passed on; nothing reads the object between the two writes.
        unsafe {
            filler.payload().cast::<usize>().write(len);
            filler.become_type(info);
        }
        if info.needs_trace {
            self.born(filler);
        }
        filler
    }
}

impl<'gc, T> Array<'gc, T> {
    /// Returns the elements, for as long as the pointer is valid. (`Deref` returns them for the borrow of the pointer
    /// itself.)
    ///
    /// ```
    /// # use grisaille::{Array, Heap};
    /// fn first<'gc>(names: Array<'gc, String>) -> Option<&'gc str> {
    ///     names.as_slice().first().map(String::as_str)
    /// }
    /// # Heap::new().enter(|cx| assert_eq!(first(cx.alloc_array(1, |_| "x".to_string())), Some("x")));
    /// ```
    #[inline(always)]
    pub fn as_slice(self) -> &'gc [T] {
        // SAFETY: the array is complete and live until the next safepoint. The elements are reached by the pointer, whose
        // provenance is that of the block, and not by a reference to the `ArrayObject`, which covers its length alone.
        unsafe { elements(self.0.object()) }
    }

    /// Returns whether two pointers point to the same array.
    ///
    /// ```
    /// # use grisaille::{Array, Heap};
    /// # Heap::new().enter(|cx| {
    /// let (a, b) = (cx.alloc_array(1, |i| i), cx.alloc_array(1, |i| i));
    /// assert!(a == b && !Array::ptr_eq(a, b) && Array::ptr_eq(a, a));
    /// # });
    /// ```
    #[inline(always)]
    pub fn ptr_eq(a: Self, b: Self) -> bool {
        Gc::ptr_eq(a.0, b.0)
    }

    /// Returns the object's address: see [`Gc::addr`].
    ///
    /// ```
    /// # use grisaille::{Array, Heap};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(Array::addr(cx.alloc_array(1, |i| i)) % 8, 0);
    /// # });
    /// ```
    #[inline(always)]
    pub fn addr(this: Self) -> usize {
        Gc::addr(this.0)
    }

    /// Returns a [`Gc`] to the same object, for operations that work on every object.
    ///
    /// ```
    /// # use grisaille::{Array, Gc, Heap, Mutator};
    /// # Heap::new().enter(|cx| {
    /// let weak = Gc::downgrade(Array::as_gc(cx.alloc_array(3, |i| i)), cx);
    /// let array = weak.upgrade(cx).map(Array::from).unwrap();
    /// assert_eq!(*array, [0, 1, 2]);
    /// # });
    /// ```
    #[inline(always)]
    pub fn as_gc(this: Self) -> Gc<'gc, ArrayObject<T>> {
        this.0
    }
}

impl<T> Clone for Array<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Array<'_, T> {}

impl<T> Deref for Array<'_, T> {
    type Target = [T];
    #[inline(always)]
    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T> AsRef<[T]> for Array<'_, T> {
    #[inline(always)]
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<T> Borrow<[T]> for Array<'_, T> {
    #[inline(always)]
    fn borrow(&self) -> &[T] {
        self
    }
}

impl<'gc, T> From<Array<'gc, T>> for AnyGc<'gc> {
    #[inline(always)]
    fn from(array: Array<'gc, T>) -> Self {
        array.0.into()
    }
}

impl<'gc> AnyGc<'gc> {
    /// Returns the object as an array of `T`, or `None` where it is none.
    ///
    /// ```
    /// # use grisaille::{AnyGc, Heap};
    /// # Heap::new().enter(|cx| {
    /// let array = AnyGc::from(cx.alloc_array(2, |i| i));
    /// assert_eq!(*array.downcast_array::<usize>().unwrap(), [0, 1]);
    /// assert!(array.downcast_array::<isize>().is_none());
    /// # });
    /// ```
    #[inline]
    pub fn downcast_array<T: Trace<At<'gc> = T>>(self) -> Option<Array<'gc, T>> {
        // SAFETY: the object has the identity of an array object of `T`.
        self.is_array_of::<T>().then(|| Array(unsafe { self.cast() }))
    }

    /// Returns whether the object is an array of `T`. (With the bound of `downcast_array`, the compiler would take
    /// `At<'static>` for `T` too.)
    #[inline]
    fn is_array_of<T: Trace>(self) -> bool {
        self.has_id(TypeId::of::<ArrayObject<T::At<'static>>>())
    }
}

impl<'gc, T> From<Gc<'gc, ArrayObject<T>>> for Array<'gc, T> {
    #[inline(always)]
    fn from(object: Gc<'gc, ArrayObject<T>>) -> Self {
        Array(object)
    }
}

impl<'gc, T> From<Array<'gc, T>> for Gc<'gc, ArrayObject<T>> {
    #[inline(always)]
    fn from(array: Array<'gc, T>) -> Self {
        array.0
    }
}

impl<'gc, T: 'gc> IntoIterator for Array<'gc, T> {
    type Item = &'gc T;
    type IntoIter = core::slice::Iter<'gc, T>;
    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.as_slice().iter()
    }
}

impl<'a, T> IntoIterator for &'a Array<'_, T> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;
    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.as_slice().iter()
    }
}

/// Compares the elements.
impl<T: PartialEq> PartialEq for Array<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Array<'_, T> {}

/// Compares the elements.
impl<T: PartialOrd> PartialOrd for Array<'_, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

/// Compares the elements.
impl<T: Ord> Ord for Array<'_, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

/// Hashes the elements.
impl<T: Hash> Hash for Array<'_, T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

/// Prints the address and the length: the elements may lead back to the array.
impl<T> fmt::Debug for Array<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Array({:#x}, len {})", Gc::addr(self.0), self.len())
    }
}

// SAFETY: passes its one pointer on; `At` replaces the lifetime of the pointer and in the elements. One word without
// padding, which is always initialized.
unsafe impl<T: Trace> Trace for Array<'_, T>
where
    for<'a> T::At<'a>: Sized,
{
    type At<'a> = Array<'a, T::At<'a>>;
    const ATOMIC_WORD: bool = true;
    const MAX_POINTERS: usize = 1;
    const AT_MOST_ONE: bool = true;
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
    }
    #[inline(always)]
    fn __only(&self) -> Only {
        self.0.__only()
    }
}

// SAFETY: there is no value of this type outside an object whose header names `trace_array`; `At` replaces the
// lifetime in the element.
unsafe impl<T: Trace> Trace for ArrayObject<T>
where
    for<'a> T::At<'a>: Sized,
{
    type At<'a> = ArrayObject<T::At<'a>>;
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    fn trace(&self, _: &mut Tracer<'_>) {
        unreachable!("arrays are traced through their header")
    }
}

impl<T> fmt::Debug for ArrayObject<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArrayObject(len {})", self.len)
    }
}
