//! Changing a [`StrBuf`].

use core::fmt;

use super::StrBuf;
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;

impl<'gc> StrBuf<'gc> {
    /// Replaces the character with the number `index`, and returns the old one. Takes the time of
    /// [`char_at`](StrBuf::char_at); where the characters differ in length, time in proportion to the text behind them.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = StrBuf::from_str(cx, "grau");
    /// assert_eq!((text.set_char(cx, 2, 'ü'), text.set_char(cx, 3, 'n')), ('a', 'u'));
    /// assert_eq!(text, "grün");
    /// # });
    /// ```
    ///
    /// # Panics
    /// When there is no such character. When the text must be copied and the heap is full:
    /// [`try_set_char`](StrBuf::try_set_char) returns an error instead.
    #[inline]
    #[track_caller]
    pub fn set_char<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, index: usize, new: char) -> char {
        self.try_set_char(cx, index, new).unwrap_or_else(|full| full.panic())
    }

    /// Replaces the character with the number `index`, and returns the old one, unless the text must be copied and the
    /// heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(StrBuf::from_str(cx, "gray").try_set_char(cx, 2, 'e')?, 'a');
    /// # Ok::<(), grisaille::HeapFull<char>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the new character, when the heap is full.
    ///
    /// # Panics
    /// When there is no such character.
    #[inline]
    #[track_caller]
    pub fn try_set_char<B: Barrier>(
        &self,
        cx: &'gc Mutator<'_, B>,
        index: usize,
        new: char,
    ) -> Result<char, HeapFull<char>> {
        let found = self.char_offset(index).zip(self.char_at(index));
        let Some((at, old)) = found else {
            panic!("a text of {} characters has none with the number {index}", self.char_count())
        };
        // SAFETY: a character of the text.
        match unsafe { self.replace(cx, at..at + old.len_utf8(), new.encode_utf8(&mut [0; 4]), 0) } {
            Ok(()) => Ok(old),
            Err(full) => Err(full.with(new)),
        }
    }

    /// Adds a character at the end. Amortized constant time.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.alloc(StrBuf::new());
    /// "grün".chars().for_each(|c| text.push(cx, c));
    /// assert_eq!(*text, "grün");
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the text must grow and the heap is full: [`try_push`](StrBuf::try_push) returns an error instead.
    #[inline]
    #[track_caller]
    pub fn push<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, new: char) {
        self.try_push(cx, new).unwrap_or_else(|full| full.panic());
    }

    /// Adds a character at the end, unless the text must grow and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::builder().limit(1 << 18).build().unwrap().enter(|cx| {
    /// let text = StrBuf::new();
    /// let full = (0..).find_map(|_| text.try_push(cx, 'x').err()).unwrap();
    /// assert_eq!((full.0, text.len()), ('x', text.char_count())); // the text is what it was
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`], with the character, when the heap is full.
    #[inline]
    pub fn try_push<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, new: char) -> Result<(), HeapFull<char>> {
        let end = self.len();
        // SAFETY: the end of the text.
        match unsafe { self.replace(cx, end..end, new.encode_utf8(&mut [0; 4]), 1) } {
            Ok(()) => Ok(()),
            Err(full) => Err(full.with(new)),
        }
    }

    /// Adds a text at the end.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.alloc(StrBuf::from_str(cx, "gr"));
    /// text.push_str(cx, "ün");
    /// assert_eq!(*text, "grün");
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the text must grow and the heap is full: [`try_push_str`](StrBuf::try_push_str) returns an error instead.
    #[track_caller]
    pub fn push_str<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, new: &str) {
        self.try_push_str(cx, new).unwrap_or_else(|full| full.panic());
    }

    /// Adds a text at the end, unless the text must grow and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::builder().limit(1 << 18).build().unwrap().enter(|cx| {
    /// let text = StrBuf::from_str(cx, "grey");
    /// assert!(text.try_push_str(cx, &"x".repeat(1 << 19)).is_err());
    /// assert_eq!(text, "grey");
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full: the text is what it was.
    pub fn try_push_str<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, new: &str) -> Result<(), HeapFull<()>> {
        let end = self.len();
        // SAFETY: the end of the text.
        unsafe { self.replace(cx, end..end, new, new.chars().count()) }
    }

    /// Puts a character at the byte `at`. Time in proportion to the text behind it.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.alloc(StrBuf::from_str(cx, "gry"));
    /// text.insert(cx, 2, 'e');
    /// assert_eq!(*text, "grey");
    /// # });
    /// ```
    ///
    /// # Panics
    /// When no character begins at `at` and the text does not end there. When the heap is full:
    /// [`try_insert_str`](StrBuf::try_insert_str) returns an error instead.
    #[track_caller]
    pub fn insert<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, at: usize, new: char) {
        self.insert_str(cx, at, new.encode_utf8(&mut [0; 4]));
    }

    /// Puts a text at the byte `at`. Time in proportion to the text behind it.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.alloc(StrBuf::from_str(cx, "gy"));
    /// text.insert_str(cx, 1, "re");
    /// assert_eq!(*text, "grey");
    /// # });
    /// ```
    ///
    /// # Panics
    /// When no character begins at `at` and the text does not end there. When the heap is full:
    /// [`try_insert_str`](StrBuf::try_insert_str) returns an error instead.
    #[track_caller]
    pub fn insert_str<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, at: usize, new: &str) {
        self.try_insert_str(cx, at, new).unwrap_or_else(|full| full.panic());
    }

    /// Puts a text at the byte `at`, unless the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = StrBuf::from_str(cx, "gy");
    /// text.try_insert_str(cx, 1, "re")?;
    /// assert_eq!(text, "grey");
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full: the text is what it was.
    ///
    /// # Panics
    /// When no character begins at `at` and the text does not end there.
    #[track_caller]
    pub fn try_insert_str<B: Barrier>(
        &self,
        cx: &'gc Mutator<'_, B>,
        at: usize,
        new: &str,
    ) -> Result<(), HeapFull<()>> {
        self.check(at);
        // SAFETY: just checked.
        unsafe { self.replace(cx, at..at, new, new.chars().count()) }
    }

    /// Removes and returns the last character, or returns `None` where there is none.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.alloc(StrBuf::from_str(cx, "ü"));
    /// assert_eq!((text.pop(cx), text.pop(cx)), (Some('ü'), None));
    /// # });
    /// ```
    pub fn pop<B: Barrier>(&self, cx: &Mutator<'_, B>) -> Option<char> {
        let last = self.with(|text| text.chars().next_back())?;
        self.bytes.truncate(cx, self.len() - last.len_utf8());
        self.chars.set(self.chars.get() - 1);
        Some(last)
    }

    /// Removes and returns the character at the byte `at`. Time in proportion to the text behind it.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.alloc(StrBuf::from_str(cx, "grün"));
    /// assert_eq!(text.remove(cx, 2), 'ü');
    /// assert_eq!(*text, "grn");
    /// # });
    /// ```
    ///
    /// # Panics
    /// When no character begins at `at`. When the text is lent out, so that it must be copied, and the heap is full:
    /// [`try_remove`](StrBuf::try_remove) returns an error instead.
    #[track_caller]
    pub fn remove<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, at: usize) -> char {
        self.try_remove(cx, at).unwrap_or_else(|full| full.panic())
    }

    /// Removes and returns the character at the byte `at`, unless the text is lent out and the heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = StrBuf::from_str(cx, "grey");
    /// let before = text.as_str();
    /// assert_eq!(text.try_remove(cx, 0)?, 'g'); // this copies the text
    /// assert_eq!((before, text.as_str()), ("grey", "rey"));
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full: the text is what it was.
    ///
    /// # Panics
    /// When no character begins at `at`.
    #[track_caller]
    pub fn try_remove<B: Barrier>(&self, cx: &'gc Mutator<'_, B>, at: usize) -> Result<char, HeapFull<()>> {
        self.check(at);
        let Some(old) = self.with(|text| text[at..].chars().next()) else {
            panic!("no character begins at the end of a text")
        };
        // SAFETY: a character of the text.
        unsafe { self.replace(cx, at..at + old.len_utf8(), "", 0) }?;
        self.chars.set(self.chars.get() - 1);
        Ok(old)
    }

    /// Drops what is behind the first `len` bytes. Has no effect where the text is shorter. Constant time while all
    /// characters are ASCII, otherwise time in proportion to what is dropped. The text keeps its buffer.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.alloc(StrBuf::from_str(cx, "grün"));
    /// text.truncate(cx, 4);
    /// assert_eq!((text.as_str(), text.char_count()), ("grü", 3));
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the byte `len` is in the middle of a character.
    #[track_caller]
    pub fn truncate<B: Barrier>(&self, cx: &Mutator<'_, B>, len: usize) {
        if len < self.len() {
            self.check(len);
            let dropped =
                if self.is_ascii() { self.len() - len } else { self.with(|text| text[len..].chars().count()) };
            self.bytes.truncate(cx, len);
            self.chars.set(self.chars.get() - dropped);
        }
    }

    /// Makes the text empty. The text keeps its buffer, which [`shrink_to_fit`](StrBuf::shrink_to_fit) frees.
    ///
    /// ```
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.alloc(StrBuf::from_str(cx, "grey"));
    /// text.clear(cx);
    /// assert!(text.is_empty());
    /// # });
    /// ```
    pub fn clear<B: Barrier>(&self, cx: &Mutator<'_, B>) {
        self.bytes.truncate(cx, 0);
        self.chars.set(0);
    }

    /// Returns what `write!` writes to: formatted output goes to the end of the text. When the heap is full, writing is an
    /// error, and what was written before stays.
    ///
    /// ```
    /// # use core::fmt::Write;
    /// # use grisaille::{Heap, StrBuf};
    /// # Heap::new().enter(|cx| {
    /// let text = cx.alloc(StrBuf::new());
    /// write!(text.writer(cx), "{:04}", 7)?;
    /// assert_eq!(*text, "0007");
    /// # Ok::<(), core::fmt::Error>(()) }).unwrap();
    /// ```
    pub fn writer<B: Barrier>(&self, cx: &'gc Mutator<'_, B>) -> impl fmt::Write {
        Writer { text: self, cx }
    }
}

/// What [`StrBuf::writer`] returns.
struct Writer<'a, 'gc, 's, B: Barrier> {
    text: &'a StrBuf<'gc>,
    cx: &'gc Mutator<'s, B>,
}

impl<B: Barrier> fmt::Write for Writer<'_, '_, '_, B> {
    fn write_str(&mut self, new: &str) -> fmt::Result {
        self.text.try_push_str(self.cx, new).map_err(|_| fmt::Error)
    }
}
