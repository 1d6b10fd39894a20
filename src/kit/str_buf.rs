//! [`StrBuf`]: a text that changes.
//!
//! The bytes are those of a [`List`], so they lie in the heap, and a text that grows moves to a buffer of twice the size.
//!
//! # Why a `&str` stays what it was
//!
//! A text is changed through a shared reference, and a `&str` of it may be alive meanwhile: programs pass one text as both
//! the source and the target. So the text remembers how many of its buffer's bytes were *lent*, and these are never
//! written again: an operation that would write one moves the text to a new buffer first. The old one is what the `&str`
//! points to, and lives until the next safepoint, which the `&str` does not survive. Bytes behind the lent ones may be
//! written, so what is pushed behind a lent text is not copied.
//!
//! A `&str` that is lent to a function alone ([`StrBuf::with`]) is over when the function ends; the number of those bytes
//! is counted apart, and set back.

mod edit;

use core::cell::Cell;
use core::fmt;
use core::ops::Range;

use super::list::List;
use super::string::Str;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;

/// A text that grows and changes, as a field or as an object of its own: what `string-set!` of a Scheme, a buffer of an
/// editor or a builder of output needs. For texts that never change: [`Str`].
///
/// The methods are those of [`String`], and count in bytes of UTF-8 as it does. A language that counts characters uses
/// [`char_count`](StrBuf::char_count), [`char_at`](StrBuf::char_at), [`set_char`](StrBuf::set_char) and
/// [`char_offset`](StrBuf::char_offset). They take constant time while all characters are ASCII, and time in proportion
/// to the text otherwise; where other characters are to be replaced one by one in long texts, an array of
/// [`Slot<char>`](crate::Slot) is faster, and takes four bytes for each.
///
/// The bytes lie in the heap. An empty text takes four words and no buffer. No operation collects.
///
/// A `&str` that [`as_str`](StrBuf::as_str) returns stays what it was when the text is changed, also when it is changed
/// by itself; the first operation that would change one of these bytes copies the text, and takes time in proportion to
/// it. Prefer [`with`](StrBuf::with) where a text is read and changed in turn.
///
/// ```
/// use core::fmt::Write;
/// use grisaille::{Heap, StrBuf};
///
/// Heap::new().enter(|cx| {
///     let text = cx.alloc(StrBuf::from_str(cx, "gray"));
///     text.set_char(cx, 2, 'e');
///     text.push_str(cx, text.as_str()); // "grey" behind "grey"
///     write!(text.writer(cx), ", {} bytes", text.len())?;
///     assert_eq!(*text, "greygrey, 8 bytes");
/// #   Ok::<(), core::fmt::Error>(())
/// }).unwrap();
/// ```
#[derive(Default, grisaille_derive::Trace)]
pub struct StrBuf<'gc> {
    /// The text, in UTF-8.
    bytes: List<'gc, u8>,
    /// The number of characters.
    #[trace(skip)]
    chars: Cell<usize>,
    /// The number of the buffer's first bytes that a `&'gc str` may name.
    #[trace(skip)]
    lent: Cell<usize>,
    /// The number of the buffer's first bytes that are lent to a running function.
    #[trace(skip)]
    held: Cell<usize>,
}

impl<'gc> StrBuf<'gc> {
    /// Makes an empty text, which has no buffer.
    ///
    /// ```
    /// # use grisaille::StrBuf;
    /// assert_eq!(StrBuf::new(), "");
    /// ```
    pub fn new() -> Self {
        StrBuf::default()
    }

    /// Makes a copy of a text.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.alloc(StrBuf::from_str(cx, "grey"));
    /// assert_eq!(*text, "grey");
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full: [`try_from_str`](StrBuf::try_from_str) returns an error instead.
    #[track_caller]
    pub fn from_str<B: Barrier>(cx: &'gc Mutator<'_, B>, text: &str) -> Self {
        StrBuf::try_from_str(cx, text).unwrap_or_else(|full| full.panic())
    }

    /// Makes a copy of a text, unless the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::builder().limit(1 << 18).build().unwrap().enter(|cx| {
    /// assert!(StrBuf::try_from_str(cx, "grey").is_ok());
    /// assert!(StrBuf::try_from_str(cx, &"grey".repeat(1 << 17)).is_err());
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full.
    pub fn try_from_str<B: Barrier>(cx: &'gc Mutator<'_, B>, text: &str) -> Result<Self, HeapFull<()>> {
        let copy = StrBuf::new();
        copy.bytes.try_reserve(cx, text.len())?;
        copy.try_push_str(cx, text)?;
        Ok(copy)
    }

    /// Returns the length in bytes.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(StrBuf::from_str(cx, "grün").len(), 5);
    /// # });
    /// ```
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns whether the text is empty.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// assert!(StrBuf::from_str(cx, "").is_empty() && !StrBuf::from_str(cx, " ").is_empty());
    /// # });
    /// ```
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the number of characters. Constant time.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(StrBuf::from_str(cx, "grün").char_count(), 4);
    /// # });
    /// ```
    #[inline]
    pub fn char_count(&self) -> usize {
        self.chars.get()
    }

    /// Returns the character with the number `index`, or `None` where there is none. Constant time while all characters
    /// are ASCII, otherwise time in proportion to `index`.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = StrBuf::from_str(cx, "grün");
    /// assert_eq!((text.char_at(3), text.char_at(4)), (Some('n'), None));
    /// # });
    /// ```
    #[inline]
    pub fn char_at(&self, index: usize) -> Option<char> {
        if self.is_ascii() { self.bytes.get(index).map(char::from) } else { self.with(|text| text.chars().nth(index)) }
    }

    /// Returns where the character with the number `index` begins, in bytes; for the number behind the last, the length;
    /// beyond that, `None`. Takes the time of [`char_at`](StrBuf::char_at).
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = StrBuf::from_str(cx, "grün");
    /// assert_eq!((text.char_offset(3), text.char_offset(4), text.char_offset(5)), (Some(4), Some(5), None));
    /// # });
    /// ```
    #[inline]
    pub fn char_offset(&self, index: usize) -> Option<usize> {
        if index >= self.chars.get() {
            return (index == self.chars.get()).then(|| self.len());
        }
        if self.is_ascii() { Some(index) } else { self.with(|text| text.char_indices().nth(index)).map(|(at, _)| at) }
    }

    /// Makes room for `additional` more bytes, so that adding them does not make the text grow.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.alloc(StrBuf::new());
    /// text.reserve(cx, 1000);
    /// let before = cx.stats().objects_allocated();
    /// (0..1000).for_each(|_| text.push(cx, 'x'));
    /// assert_eq!(cx.stats().objects_allocated(), before);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full: [`try_reserve`](StrBuf::try_reserve) returns an error instead.
    #[track_caller]
    pub fn reserve<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, additional: usize) {
        self.try_reserve(cx, additional).unwrap_or_else(|full| full.panic());
    }

    /// Makes room for `additional` more bytes, unless the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::builder().limit(1 << 18).build().unwrap().enter(|cx| {
    /// let text = cx.alloc(StrBuf::new());
    /// assert!(text.try_reserve(cx, 100).is_ok() && text.try_reserve(cx, 1_000_000).is_err());
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full.
    pub fn try_reserve<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, additional: usize) -> Result<(), HeapFull<()>> {
        if additional <= self.bytes.spare() { Ok(()) } else { self.move_away(cx, additional) }
    }

    /// Moves the text to a buffer of exactly its size, if its buffer is larger; a cycle frees the old buffer. An empty text
    /// has no buffer afterwards. Where the heap has no room for the new buffer, the text keeps the old one.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.root(cx.alloc(StrBuf::from_str(cx, &"x".repeat(10_000))));
    /// text.get(cx).truncate(cx, 10);
    /// text.get(cx).shrink_to_fit(cx);
    /// cx.collect();
    /// assert!(cx.stats().bytes_live() < 1000);
    /// # });
    /// ```
    pub fn shrink_to_fit<B: Barrier>(&self, cx: &'gc Mutator<'_, B>) {
        if self.bytes.spare() > 0 && self.bytes.try_shrink_to_fit(cx).is_ok() {
            self.moved();
        }
    }

    /// Returns the text as it is now. What is done to the text afterwards does not change the result; an operation that
    /// would change these bytes copies the text first. [`with`](StrBuf::with) leads to no copy.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.alloc(StrBuf::from_str(cx, "gray"));
    /// let before = text.as_str();
    /// text.set_char(cx, 2, 'e');
    /// assert_eq!((before, text.as_str()), ("gray", "grey"));
    /// # });
    /// ```
    pub fn as_str(&self) -> &'gc str {
        self.lent.set(self.lent.get().max(self.len()));
        // SAFETY: lent for as long as the buffer is the text's.
        unsafe { self.peek() }
    }

    /// Calls a function with the text. The function may change the text: what it sees stays as it was.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.alloc(StrBuf::from_str(cx, "grey"));
    /// assert!(text.with(|text| text.starts_with("gr")));
    /// # });
    /// ```
    ///
    /// # Panics
    /// Passes panics of the function on.
    pub fn with<R>(&self, f: impl FnOnce(&str) -> R) -> R {
        let held = self.held.get();
        self.held.set(held.max(self.len()));
        // SAFETY: held until the function has ended.
        let result = f(unsafe { self.peek() });
        // Enough: where the text has moved, what was held before this call is no part of the new buffer. (After a panic
        // the bytes stay held: that costs a copy.)
        self.held.set(held);
        result
    }

    /// Copies the text to a [`Str`], which never changes.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(StrBuf::from_str(cx, "grey").to_str(cx), cx.intern("grey"));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full, or the text longer than `u32::MAX` bytes: [`try_to_str`](StrBuf::try_to_str) returns an
    /// error instead.
    #[track_caller]
    pub fn to_str<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>) -> Str<'a> {
        self.with(|text| cx.alloc_str(text))
    }

    /// Copies the text to a [`Str`], unless the heap is full or the text longer than `u32::MAX` bytes.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(StrBuf::from_str(cx, "grey").try_to_str(cx)?, "grey");
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full, or the text longer than `u32::MAX` bytes.
    pub fn try_to_str<'a, B: Barrier>(&self, cx: &'a Mutator<'_, B>) -> Result<Str<'a>, HeapFull<()>> {
        self.with(|text| cx.try_alloc_str(text))
    }

    /// Returns whether all characters are ASCII, so that each takes one byte.
    #[inline(always)]
    fn is_ascii(&self) -> bool {
        self.chars.get() == self.len()
    }

    /// Returns the text.
    ///
    /// # Safety
    /// The bytes must be lent or held for as long as the result is in use.
    #[inline(always)]
    unsafe fn peek(&self) -> &'gc str {
        // SAFETY: the bytes are whole characters: each operation leaves them so. Bytes that are lent or held are not
        // written: `replace` sees to that, which is the only one that writes any.
        unsafe { core::str::from_utf8_unchecked(self.bytes.as_bytes()) }
    }

    /// Checks that a character begins at a byte, or the text ends there.
    #[track_caller]
    fn check(&self, at: usize) {
        let begins = self.with(|text| text.is_char_boundary(at));
        assert!(begins, "no character begins at byte {at} of a text of {} bytes", self.len());
    }

    /// Notes that the text has a new buffer, of which nothing is lent.
    fn moved(&self) {
        self.lent.set(0);
        self.held.set(0);
    }

    #[cold]
    #[inline(never)]
    fn move_away<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, additional: usize) -> Result<(), HeapFull<()>> {
        self.bytes.move_away(cx, additional)?;
        self.moved();
        Ok(())
    }

    /// Replaces the bytes of a range by a text, and counts `more` characters in addition.
    ///
    /// # Safety
    /// The range must lie in the text, and both its ends between characters.
    #[inline(always)]
    unsafe fn replace<B: Barrier>(
        &self,
        cx: &'gc Mutator<'_, B>,
        range: Range<usize>,
        with: &str,
        more: usize,
    ) -> Result<(), HeapFull<()>> {
        let additional = with.len().saturating_sub(range.len());
        if additional > self.bytes.spare() || range.start < self.lent.get().max(self.held.get()) {
            self.move_away(cx, additional)?;
        }
        // SAFETY: the range is in the text, and there is room. What a `&str` names of this buffer lies before the range,
        // since it was lent or held; so does `with`, if it is a part of the text. What is replaced are whole characters.
        unsafe { self.bytes.splice(range, with.as_bytes()) };
        self.chars.set(self.chars.get() + more);
        Ok(())
    }
}

impl PartialEq for StrBuf<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.with(|one| other.with(|other| one == other))
    }
}

impl Eq for StrBuf<'_> {}

impl PartialEq<str> for StrBuf<'_> {
    fn eq(&self, other: &str) -> bool {
        self.with(|text| text == other)
    }
}

impl PartialEq<&str> for StrBuf<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.with(|text| text == *other)
    }
}

impl fmt::Display for StrBuf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|text| text.fmt(f))
    }
}

impl fmt::Debug for StrBuf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|text| text.fmt(f))
    }
}
