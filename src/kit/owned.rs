//! [`Owned`]: a value whose bytes outside the heap are counted.
//!
//! The count has two halves, since a dead owner may be dropped on any thread, at any time, and after its heap is gone:
//! the mutator counts what owners take, and an atomic counter that the owners share adds up what they return
//! (`cycle/pace.rs`). An owner remembers what was counted for it and returns exactly that, whatever its content is by
//! then. Only code with a `Mutator` counts more, so that each increase is seen at once, and the next safepoint collects
//! if it must.

use core::fmt;
use core::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::external::External;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::cycle::collector::Collector;
use crate::cycle::pace::MAX_EXTERNAL;
use crate::fault::{self, Fault};
use crate::full::HeapFull;
use crate::mark::tracer::Tracer;
use crate::trace::layout::drop_on;
use crate::trace::{DropOn, Trace};

/// The most bytes that can be counted: a user's [`External`] may return any number.
const MAX_COUNTED: usize = MAX_EXTERNAL;

/// A value that owns memory outside the heap (a `Vec`, a `String`, a table), and whose bytes there are counted towards
/// the heap's goal and its [limit](crate::HeapBuilder::limit) for as long as the value lives.
///
/// Without an owner the heap does not know what a payload owns: a `String` of 100,000 bytes is an object of 32 bytes,
/// and thousands of dead ones do not make the heap collect. [`Mutator::own`] makes an owner and counts;
/// [`edit`](Owned::edit) lends the content out to be changed and counts again. When the owner is dropped, by the sweep
/// or otherwise, on any thread and also after its heap is gone, its count is subtracted. An owner that is forgotten
/// ([`mem::forget`](core::mem::forget)) stays counted: its memory is not freed either. [`External`] measures the
/// content.
///
/// An owner is a payload, or a field like any other: a field that holds pointers is traced; a field that holds none may
/// be skipped, and may be behind a `RefCell` or a `Mutex`.
///
/// ```
/// use grisaille::{Gc, Heap, Owned, RefLock, Trace};
/// use std::cell::RefCell;
///
/// #[derive(Trace)]
/// struct Text {
///     #[trace(skip)]
///     chars: RefCell<Owned<Vec<char>>>, // no pointers in it
/// }
///
/// #[derive(Trace)]
/// struct Node<'gc> {
///     children: Owned<Vec<Gc<'gc, Text>>>,
/// }
///
/// Heap::new().enter(|cx| {
///     let text = cx.alloc(Text { chars: RefCell::new(cx.own(Vec::with_capacity(1000))) });
///     text.chars.borrow_mut().edit(cx).push('a');
///     let node = cx.alloc(RefLock::new(Node { children: cx.own(vec![text]) }));
///     RefLock::borrow_mut(node, cx).children.edit(cx).push(text);
///     assert!(cx.stats().bytes_external() > 4000);
///
///     let name = cx.alloc(cx.own(String::from("name"))); // an owner as the payload
///     assert_eq!(name.len(), 4);
///     # let _ = node;
///     cx.collect();
///     assert_eq!(cx.stats().bytes_external(), 0);
/// });
/// ```
///
/// # Cost
/// Two words beside the value, one atomic addition when the owner is made, and two when it is dropped. An owner whose
/// content has no drop code of yours (`Owned<String>`, `Owned<Vec<Gc<..>>>`) is freed on the sweeper's thread.
pub struct Owned<T> {
    value: T,
    account: Account,
}

/// The count of one owner, and the counter to return it to. Dropped after the value, which the account does not read.
struct Account {
    bytes: usize,
    given_back: Arc<AtomicUsize>,
}

impl Account {
    /// Counts the bytes that an owner holds now, in the heap of collector `c`.
    fn recount(&mut self, c: &Collector, bytes: usize) {
        if !Arc::ptr_eq(&self.given_back, &c.pacer.given_back) {
            // The owner was moved here from another heap.
            *self = Account::new(c);
        }
        let before = self.bytes;
        // Counts the difference only, so that bytes that stay are not returned and taken again.
        if bytes > before {
            let room = MAX_COUNTED.saturating_sub(c.pacer.external());
            let more = (bytes - before).min(room);
            self.bytes = before + more;
            c.table_changed(0, more);
        } else if bytes < before {
            self.bytes = bytes;
            c.table_changed(before - bytes, 0);
        }
    }

    fn new(c: &Collector) -> Account {
        Account { bytes: 0, given_back: c.pacer.given_back.clone() }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if self.bytes > 0 && !fault::is(Fault::OwnersKeepTheirCount) {
            self.given_back.fetch_add(self.bytes, Ordering::Relaxed);
        }
    }
}

impl<B: Barrier> Mutator<'_, B> {
    /// Makes an owner of a value, and counts the bytes that the value holds outside the heap.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// let numbers = cx.own(vec![0u64; 100]);
    /// assert_eq!(cx.stats().bytes_external(), 800);
    /// drop(numbers);
    /// assert_eq!(cx.stats().bytes_external(), 0);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the limit leaves no room for these bytes: [`try_own`](Mutator::try_own) returns an error instead.
    #[track_caller]
    pub fn own<T: External>(&self, value: T) -> Owned<T> {
        self.try_own(value).unwrap_or_else(|full| full.panic())
    }

    /// Makes an owner of a value, or gives the value back when the limit leaves no room for the bytes that the value
    /// holds outside the heap.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// let mut heap = Heap::builder().limit(1 << 20).build().unwrap();
    /// heap.enter(|cx| {
    ///     let full = cx.try_own(vec![0u8; 2 << 20]).unwrap_err();
    ///     assert_eq!(full.0.len(), 2 << 20); // the value is not lost
    /// });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the value, when the heap is full.
    pub fn try_own<T: External>(&self, value: T) -> Result<Owned<T>, HeapFull<T>> {
        let (c, bytes) = (self.collector(), value.bytes_external());
        if bytes > 0 && !c.has_room_outside(bytes) {
            return Err(self.full(value, bytes));
        }
        let mut account = Account::new(c);
        account.recount(c, bytes);
        Ok(Owned { value, account })
    }
}

impl<T> Owned<T> {
    /// Returns the value, and subtracts its count.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let text: String = cx.own(String::from("text")).into_inner();
    /// assert_eq!((text.as_str(), cx.stats().bytes_external()), ("text", 0));
    /// # });
    /// ```
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Returns the number of bytes that are counted for the value now.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// assert_eq!(cx.own(vec![0u16; 8]).counted(), 16);
    /// # });
    /// ```
    pub fn counted(&self) -> usize {
        self.account.bytes
    }
}

impl<T: External> Owned<T> {
    /// Lends the value out to be changed. When the guard is dropped, also by a panic, the bytes are counted again, and
    /// if they have become many, the next safepoint has work to do. An owner that came from another heap is counted in
    /// this one from then on.
    ///
    /// Growth is counted and never refused; beyond the limit the next allocation or owner is refused. A guard that is
    /// forgotten leaves the count as it was until the next edit.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let mut text = cx.own(String::new());
    /// text.edit(cx).push_str("some text");
    /// assert_eq!((text.as_str(), text.counted()), ("some text", text.capacity()));
    /// *text.edit(cx) = String::new();
    /// assert_eq!(text.counted(), 0);
    /// # });
    /// ```
    pub fn edit<'a, B: Barrier>(&'a mut self, cx: &'a Mutator<'_, B>) -> Edit<'a, T> {
        Edit { owned: self, collector: cx.collector() }
    }

    /// Replaces the value, returns the old one, and counts again.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// let mut text = cx.own(String::from("old"));
    /// assert_eq!(text.replace(cx, String::from("newer")), "old");
    /// assert_eq!(text.counted(), 5);
    /// # });
    /// ```
    pub fn replace<B: Barrier>(&mut self, cx: &Mutator<'_, B>, value: T) -> T {
        core::mem::replace(&mut *self.edit(cx), value)
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Owned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for Owned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

// SAFETY: passes the value on; the account holds no pointer into a heap, and its drop code reads nothing but itself.
unsafe impl<T: Trace> Trace for Owned<T>
where
    for<'a> T::At<'a>: Sized,
{
    type At<'a> = Owned<T::At<'a>>;
    const NEEDS_TRACE: bool = T::NEEDS_TRACE;
    const MAX_POINTERS: usize = T::MAX_POINTERS;
    const DROP: DropOn = drop_on::<T>();
    #[inline]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.value.trace(tracer);
    }
}

/// A guard that lends out the value of an [`Owned`], made by [`edit`](Owned::edit): dropping it counts the value again.
///
/// ```
/// # grisaille::Heap::new().enter(|cx| {
/// let mut numbers = cx.own(Vec::new());
/// let mut edit = numbers.edit(cx);
/// edit.extend([1u64, 2, 3]);
/// edit.shrink_to_fit();
/// drop(edit);
/// assert_eq!(cx.stats().bytes_external(), 24);
/// # });
/// ```
pub struct Edit<'a, T: External> {
    owned: &'a mut Owned<T>,
    collector: &'a Collector,
}

impl<T: External> Deref for Edit<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.owned.value
    }
}

impl<T: External> DerefMut for Edit<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.owned.value
    }
}

impl<T: External> Drop for Edit<'_, T> {
    fn drop(&mut self) {
        let bytes = self.owned.value.bytes_external();
        if bytes != self.owned.account.bytes {
            self.owned.account.recount(self.collector, bytes);
        }
    }
}

impl<T: External + fmt::Debug> fmt::Debug for Edit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.owned.fmt(f)
    }
}
