//! [`List`]: a sequence that grows.
//!
//! A list is one word that points to a *buffer*, an object that is replaced by one of twice the size when it is full.
//! The buffer holds the number of its elements in use; the others are uninitialized memory that is never read, so
//! elements need no default. Every element is a [`Slot`] with its write barrier; a pop is a write that stores nothing.
//! The mark loop scans a buffer in pieces; an element that enters or leaves the scanned part between two pieces went
//! through the barrier. A buffer that was replaced does not change any more, and under the policies that rely on its
//! elements the barrier of the list's word shades it.
//!
//! A move of values within a buffer is a write of each place that they come to: the scan may have passed the one place
//! and not the other. [`copy_within`](List::copy_within) runs the barrier of all these writes, and then moves.
//!
//! Functions of users (of `retain`, of a comparison) may use the list that they are called for. So they are called when
//! all elements are initialized and nothing of the list is borrowed, and what the list is afterwards is read anew.

mod bytes;
mod edit;
mod iter;
mod run;
mod sort;

use core::any::type_name;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Index;
use core::ptr::NonNull;

pub use self::iter::ListIter;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::fault::{self, Fault};
use crate::full::HeapFull;
use crate::mark::edges::Top;
use crate::mark::tracer::{Tracer, trace_with};
use crate::pointer::gc::Gc;
use crate::pointer::slot::Slot;
use crate::space::alignment::Alignment;
use crate::space::block::Kind;
use crate::space::header::{About, ObjectPtr, TraceResult, TypeInfo, bytes_by_length, elements_at};
use crate::trace::Trace;
use crate::trace::private::Only;

/// Number of elements that are scanned in one piece.
const PIECE: usize = 128;
/// Number of elements of the first buffer.
const FIRST: usize = 4;

/// A sequence of values that grows at its end, as a field or as an object of its own.
///
/// The write barrier works at the element, and a long list is marked in pieces. An empty list is one word, and `push`
/// takes amortized constant time: once in many pushes it copies the list to a new buffer in the heap, which allocates
/// and never collects.
///
/// The methods that allocate take the mutator for exactly `'gc`, the lifetime for which the list itself was borrowed
/// from it.
///
/// ```
/// use grisaille::{Gc, Heap, List, Trace};
///
/// #[derive(Trace)]
/// struct Log<'gc> {
///     numbers: List<'gc, Gc<'gc, i64>>,
/// }
///
/// Heap::new().enter(|cx| {
///     let log = cx.root(cx.alloc(Log { numbers: List::new() }));
///     for n in 0..100 {
///         let log = log.get(cx);
///         log.numbers.push(cx, cx.alloc(n));
///         cx.safepoint();
///     }
///     let log = log.get(cx);
///     let numbers = &log.numbers;
///     assert_eq!(numbers.iter().map(|n| *n).sum::<i64>(), 4950);
///     assert_eq!(numbers.pop(cx).map(|n| *n), Some(99));
/// });
/// ```
pub struct List<'gc, V> {
    buffer: Slot<Option<Gc<'gc, Buffer>>>,
    /// The buffer's elements. Invariant: a value is written through one view and read through another.
    _elements: PhantomData<Cell<V>>,
}

/// The fixed part of the object behind a list; the elements follow it.
#[repr(C)]
struct Buffer {
    /// The length word: the number of elements that there is room for.
    capacity: usize,
    /// The number of elements in use, which are initialized.
    len: Cell<usize>,
}

struct InfoOfBuffer<V>(PhantomData<V>);

impl<V: Trace + Copy> InfoOfBuffer<V> {
    const INFO: TypeInfo = TypeInfo::by_length::<Buffer, Slot<V>>(|| About::internal(type_name::<List<'static, V>>()))
        .traced_if(V::NEEDS_TRACE, trace_buffer::<V>);
}

/// Returns the first `len` elements of a buffer.
///
/// # Safety
/// `object` must be a complete buffer of `V` for `'x`, and `len` not be greater than its own.
unsafe fn elements<'x, V>(object: ObjectPtr, len: usize) -> &'x [Slot<V>] {
    // SAFETY: passed on: those below the buffer's length are initialized.
    unsafe { core::slice::from_raw_parts(first(object).as_ptr(), len) }
}

/// Returns the address of the first element.
///
/// # Safety
/// `object` must be a buffer, or the filler that is to become one.
unsafe fn first<V>(object: ObjectPtr) -> NonNull<Slot<V>> {
    // SAFETY: passed on: the elements follow the buffer's fixed part, in the same object.
    unsafe { object.payload().add(const { elements_at::<Buffer, Slot<V>>() }).cast() }
}

/// Traces a piece of a buffer.
///
/// # Safety
/// As for [`TypeInfo::trace`].
unsafe fn trace_buffer<V: Trace + Copy>(object: ObjectPtr, from: usize, erased: NonNull<()>, top: Top) -> TraceResult {
    // SAFETY: `TypeInfo::trace`: the header names `InfoOfBuffer<V>`, so the object is a buffer of `V`; it is complete.
    let len = unsafe { object.payload().cast::<Buffer>().as_ref() }.len.get();
    // SAFETY: as above. The buffer may have become shorter since the last piece.
    let all = unsafe { elements::<V>(object, len) };
    let end = len.min(from + PIECE);
    let scan = |tracer: &mut Tracer<'_>| {
        for element in &all[from.min(end)..end] {
            element.get().trace(tracer);
        }
        tracer.scanned::<Slot<V>>(end - from.min(end));
        if end == len { 0 } else { end }
    };
    // SAFETY: `TypeInfo::trace`: a tracer that is exclusive until the end of the call, and a top of its edges.
    unsafe { trace_with(erased, top, scan) }
}

impl<'gc, V: Trace + Copy + 'gc> List<'gc, V> {
    /// Makes an empty list, which takes no memory besides its word.
    ///
    /// ```
    /// # use grisaille::List;
    /// assert!(List::<'_, i64>::new().is_empty());
    /// ```
    pub fn new() -> Self {
        List { buffer: Slot::new(None), _elements: PhantomData }
    }

    /// Returns the number of values.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.push(cx, 7);
    /// assert_eq!((list.len(), list.is_empty()), (1, false));
    /// # });
    /// ```
    #[inline]
    pub fn len(&self) -> usize {
        self.buffer.get().map_or(0, |buffer| buffer.len.get())
    }

    /// Returns whether there is no value.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// assert!(cx.alloc(List::<usize>::new()).is_empty());
    /// # });
    /// ```
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the values, as fields. A push that moves the list to a new buffer leaves this slice as it was.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// (0..3).for_each(|n| list.push(cx, n));
    /// list.as_slice()[1].set(cx, 10);
    /// assert_eq!(list.iter().collect::<Vec<_>>(), [0, 10, 2]);
    /// # });
    /// ```
    #[inline]
    pub fn as_slice(&self) -> &'gc [Slot<V>] {
        match self.buffer.get() {
            // SAFETY: a buffer is complete, and this one is live until the next safepoint; until then its elements stay
            // initialized, also where the list is truncated.
            Some(buffer) => unsafe { elements(buffer.object(), buffer.len.get()) },
            None => &[],
        }
    }

    /// Returns the value at an index, or `None` where there is none.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.push(cx, 7);
    /// assert_eq!((list.get(0), list.get(1)), (Some(7), None));
    /// # });
    /// ```
    #[inline]
    pub fn get(&self, index: usize) -> Option<V> {
        self.as_slice().get(index).map(Slot::get)
    }

    /// Replaces the value at an index, with the barrier of [`Slot::set`].
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.push(cx, 7);
    /// list.set(cx, 0, 8);
    /// assert_eq!(list.get(0), Some(8));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When there is no such value.
    #[inline]
    #[track_caller]
    pub fn set<B: Barrier>(&self, cx: &Mutator<'_, B>, index: usize, value: V) {
        self.as_slice()[index].set(cx, value);
    }

    /// Adds a value at the end. Amortized constant time: a push into a full buffer copies all values to one of twice
    /// the size.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.push(cx, 7);
    /// assert_eq!(list.get(0), Some(7));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the list must grow and the heap is full: [`try_push`](List::try_push) returns an error instead.
    #[inline]
    #[track_caller]
    pub fn push<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, value: V) {
        self.try_push(cx, value).unwrap_or_else(|full| full.panic());
    }

    /// Adds a value at the end, unless the list must grow and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, HeapFull, List};
    /// let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    /// heap.enter(|cx| {
    ///     let list = cx.alloc(List::<usize>::new());
    ///     let full = (0..).find_map(|n| list.try_push(cx, n).err()).unwrap();
    ///     assert_eq!(full.0, list.len()); // the value is not lost, and the list is what it was
    /// });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    #[inline]
    pub fn try_push<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, value: V) -> Result<(), HeapFull<V>> {
        let buffer = match self.buffer.get() {
            Some(buffer) if buffer.len.get() < buffer.capacity => buffer,
            _ => match self.grow(cx, 1) {
                Ok(buffer) => buffer,
                Err(full) => return Err(full.with(value)),
            },
        };
        let len = buffer.len.get();
        cx.before_write::<V, ()>(|collector| {
            if !fault::is(Fault::ListPushesUnseen) {
                collector.before_write::<B, _, _>(&(), &value);
            }
        });
        // SAFETY: below the capacity, and the element is not read before the length includes it.
        unsafe { first::<V>(buffer.object()).add(len).write(Slot::new(value)) };
        buffer.len.set(len + 1);
        Ok(())
    }

    /// Adds all values of an iterator at the end. (The trait `Extend` passes no mutator.)
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.extend(cx, 0..3);
    /// assert_eq!(list.iter().collect::<Vec<_>>(), [0, 1, 2]);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the list must grow and the heap is full: the values added before stay. Passes panics of the iterator on.
    #[track_caller]
    pub fn extend<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, values: impl IntoIterator<Item = V>) {
        values.into_iter().for_each(|value| self.push(cx, value));
    }

    /// Adds the values of an iterator at the end, until one finds the heap full.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::builder().limit(1 << 20).build().unwrap().enter(|cx| {
    /// let list = cx.alloc(List::<u64>::new());
    /// let mut values = 0..;
    /// let full = list.try_extend(cx, &mut values).unwrap_err();
    /// // Nothing is lost: those before are in the list, and those behind are still to come.
    /// assert_eq!((list.last().unwrap() + 1, full.0 + 1), (full.0, values.next().unwrap()));
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value for which there was no room: the values added before stay.
    ///
    /// # Panics
    /// Passes panics of the iterator on.
    pub fn try_extend<B: Barrier>(
        &self,
        cx: &'gc Mutator<'_, B>,
        values: impl IntoIterator<Item = V>,
    ) -> Result<(), HeapFull<V>> {
        values.into_iter().try_for_each(|value| self.try_push(cx, value))
    }

    /// Removes and returns the last value, or returns `None` where there is none.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.push(cx, 7);
    /// assert_eq!((list.pop(cx), list.pop(cx)), (Some(7), None));
    /// # });
    /// ```
    #[inline]
    pub fn pop<B: Barrier>(&self, cx: &Mutator<'_, B>) -> Option<V> {
        let value = self.as_slice().last()?.get();
        self.truncate(cx, self.len() - 1);
        Some(value)
    }

    /// Drops all values from index `len` on. Has no effect where there are fewer. The list keeps its buffer, which
    /// [`shrink_to_fit`](List::shrink_to_fit) frees. Constant time; while the collector marks, and the policy shades
    /// what is overwritten, time in proportion to the number of dropped values.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// (0..9).for_each(|n| list.push(cx, n));
    /// list.truncate(cx, 2);
    /// assert_eq!(list.iter().collect::<Vec<_>>(), [0, 1]);
    /// # });
    /// ```
    #[inline]
    pub fn truncate<B: Barrier>(&self, cx: &Mutator<'_, B>, len: usize) {
        let Some(buffer) = self.buffer.get() else { return };
        if len >= buffer.len.get() {
            return;
        }
        self.before_truncate(cx, len);
        buffer.len.set(len);
    }

    /// Runs the barrier for the removal of all values from index `len` on, before it.
    #[inline]
    fn before_truncate<B: Barrier>(&self, cx: &Mutator<'_, B>, len: usize) {
        cx.before_write::<V, ()>(|collector| {
            if const { B::RULES.shade_old } && !fault::is(Fault::ListDropsUnseen) {
                let dropped = &self.as_slice()[len..];
                dropped.iter().for_each(|old| collector.before_write::<B, _, _>(&old.get(), &()));
            }
        });
    }

    /// Drops all values and the buffer. Constant time. A cycle frees the buffer.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.push(cx, 7);
    /// list.clear(cx);
    /// assert!(list.is_empty());
    /// # });
    /// ```
    pub fn clear<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        self.buffer.set(cx, None);
    }

    /// Makes room for `additional` more values, so that adding them does not make the list grow.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.reserve(cx, 1000);
    /// let before = cx.stats().objects_allocated();
    /// (0..1000).for_each(|n| list.push(cx, n));
    /// assert_eq!(cx.stats().objects_allocated(), before);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full: [`try_reserve`](List::try_reserve) returns an error instead.
    #[track_caller]
    pub fn reserve<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, additional: usize) {
        self.try_reserve(cx, additional).unwrap_or_else(|full| full.panic());
    }

    /// Makes room for `additional` more values, unless the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::builder().limit(1 << 18).build().unwrap().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// assert!(list.try_reserve(cx, 100).is_ok() && list.try_reserve(cx, 100_000).is_err());
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full.
    pub fn try_reserve<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, additional: usize) -> Result<(), HeapFull<()>> {
        match self.buffer.get() {
            Some(buffer) if additional <= buffer.capacity - buffer.len.get() => Ok(()),
            None if additional == 0 => Ok(()),
            _ => self.grow(cx, additional).map(drop),
        }
    }

    /// Moves the list to a buffer of exactly its size, if its buffer is larger; a cycle frees the old buffer. An empty
    /// list has no buffer afterwards. Time in proportion to the number of values.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.root(cx.alloc(List::<usize>::new()));
    /// (0..1000).for_each(|n| list.get(cx).push(cx, n));
    /// list.get(cx).truncate(cx, 10);
    /// cx.collect();
    /// let before = cx.stats().bytes_live();
    /// list.get(cx).shrink_to_fit(cx);
    /// cx.collect();
    /// assert!(cx.stats().bytes_live() + 990 * 8 <= before);
    /// assert_eq!(list.get(cx).iter().sum::<usize>(), 45);
    /// # });
    /// ```
    ///
    /// Where the heap has no room for the new buffer, the list keeps the old one:
    /// [`try_shrink_to_fit`](List::try_shrink_to_fit) returns an error instead.
    pub fn shrink_to_fit<B: Barrier>(&self, cx: &'gc Mutator<'_, B>) {
        let _kept = self.try_shrink_to_fit(cx);
    }

    /// Moves the list to a buffer of exactly its size, unless the heap has no room for the buffer.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// list.push(cx, 7);
    /// list.try_shrink_to_fit(cx)?;
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full: the list keeps its buffer.
    pub fn try_shrink_to_fit<B: Barrier>(&self, cx: &'gc Mutator<'_, B>) -> Result<(), HeapFull<()>> {
        match self.buffer.get() {
            Some(buffer) if buffer.len.get() == 0 => self.clear(cx),
            Some(buffer) if buffer.len.get() < buffer.capacity => drop(self.move_to(cx, 0)?),
            _ => {}
        }
        Ok(())
    }

    /// Visits the values that there are now, from first to last, each with its content at the time of the visit.
    ///
    /// ```
    /// # use grisaille::{Heap, List};
    /// # Heap::new().enter(|cx| {
    /// let list = cx.alloc(List::<usize>::new());
    /// (0..4).for_each(|n| list.push(cx, n));
    /// for n in list.iter() {
    ///     list.push(cx, n); // not visited
    /// }
    /// assert_eq!(list.len(), 8);
    /// # });
    /// ```
    pub fn iter(&self) -> ListIter<'gc, V> {
        ListIter { slots: self.as_slice().iter() }
    }

    /// Moves the list to a buffer with room for `additional` more values, and of at least twice the size.
    #[cold]
    #[inline(never)]
    fn grow<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, additional: usize) -> Result<Gc<'gc, Buffer>, HeapFull<()>> {
        let len = self.len();
        let capacity = len.checked_add(additional).ok_or_else(|| cx.full((), usize::MAX))?;
        self.move_to(cx, capacity.max(2 * len).max(FIRST))
    }

    /// Moves the list to a buffer with room for `capacity` values, or for the present ones if these are more.
    fn move_to<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, capacity: usize) -> Result<Gc<'gc, Buffer>, HeapFull<()>> {
        let old = self.as_slice();
        let capacity = capacity.max(old.len());
        let bytes = bytes_by_length::<Buffer, Slot<V>>(capacity).ok_or_else(|| cx.full((), usize::MAX))?;
        let object = cx.place_filler(bytes, Kind::Plain, const { Alignment::of::<Slot<V>>() })?;
        // SAFETY: the filler has room for the buffer's fixed part and its elements, and belongs to this call alone. The
        // copies are the first pointers of a new object, as the policies know them. The size is the filler's.
        let new = unsafe {
            (&raw mut (*object.payload().cast::<Buffer>().as_ptr()).len).write(Cell::new(old.len()));
            let from = NonNull::from(old).cast::<Slot<V>>();
            first::<V>(object).copy_from_nonoverlapping(from, old.len());
            cx.complete(object, capacity, const { &InfoOfBuffer::<V>::INFO })
        };
        // SAFETY: complete; no safepoint before `'gc` ends, for which `cx` is borrowed.
        let new = unsafe { Gc::from_object(new) };
        self.buffer.set(cx, Some(new));
        Ok(new)
    }
}

/// Returns the field at an index: `list[0].get()`, `list[0].set(cx, value)`. Panics where there is none.
impl<'gc, V: Trace + Copy + 'gc> Index<usize> for List<'gc, V> {
    type Output = Slot<V>;
    #[inline]
    #[track_caller]
    fn index(&self, index: usize) -> &Slot<V> {
        &self.as_slice()[index]
    }
}

impl<'gc, V: Trace + Copy + 'gc> Default for List<'gc, V> {
    fn default() -> Self {
        List::new()
    }
}

// SAFETY: holds no pointer by itself: an object that starts with one is traced through its header.
unsafe impl Trace for Buffer {
    type At<'a> = Buffer;
    fn trace(&self, _: &mut Tracer<'_>) {
        unreachable!("buffers are traced through their header")
    }
}

// SAFETY: passes the buffer on, whose header names the trace of its elements; `At` replaces the lifetime in them.
unsafe impl<V: Trace> Trace for List<'_, V>
where
    for<'a> V::At<'a>: Sized,
{
    type At<'a> = List<'a, V::At<'a>>;
    const MAX_POINTERS: usize = 1;
    const AT_MOST_ONE: bool = true;
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.buffer.trace(tracer);
    }
    #[inline(always)]
    fn __only(&self) -> Only {
        self.buffer.__only()
    }
}

impl<V> fmt::Debug for List<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("List { .. }")
    }
}
