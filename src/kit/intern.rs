//! Interning: equal strings are one object. The table of these objects does not keep them alive.

use super::string::{Str, hash_in, text_of, word_of};
use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;

impl<B: Barrier> Mutator<'_, B> {
    /// Returns the string object with this text: the existing one, or a new one. Two interned strings are equal where
    /// [`Str::ptr_eq`] returns true. The table is weak: a string that nothing else points to dies, and its entry is
    /// removed.
    ///
    /// Costs a hash of the text, a search in the table, and for a new string an allocation and an insertion.
    ///
    /// ```
    /// use grisaille::{Heap, Str};
    ///
    /// Heap::new().enter(|cx| {
    ///     assert!(Str::ptr_eq(cx.intern("name"), cx.intern("name")));
    ///     assert!(!Str::ptr_eq(cx.intern("name"), cx.intern("game")));
    /// });
    /// ```
    ///
    /// # Panics
    /// When the heap is full, or the text longer than `u32::MAX` bytes: [`try_intern`](Mutator::try_intern) returns an
    /// error instead.
    #[track_caller]
    pub fn intern<'a>(&'a self, text: &str) -> Str<'a> {
        self.try_intern(text).unwrap_or_else(|full| full.panic())
    }

    /// Returns the string object with this text as [`intern`](Mutator::intern) does, unless the string is new and the
    /// heap is full.
    ///
    /// ```
    /// # use grisaille::{Heap, Str};
    /// # Heap::new().enter(|cx| {
    /// assert!(Str::ptr_eq(cx.try_intern("name")?, cx.intern("name")));
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the string is new and the heap is full, or when the text is longer than `u32::MAX` bytes.
    pub fn try_intern<'a>(&'a self, text: &str) -> Result<Str<'a>, HeapFull<()>> {
        let c = self.collector();
        let word = word_of(text).ok_or_else(|| self.full((), text.len()))?;
        let hash = hash_in(word);
        // SAFETY: entries are string objects; the memory of a dead one stays as it is until its entry is removed.
        let is = |object| unsafe { text_of(object) } == text && c.may_find(object);
        let (found, wanted) = {
            let strings = c.strings.borrow();
            (strings.find(hash, is), strings.wanted(hash))
        };
        if let Some(object) = found
            && c.may_upgrade::<B>(object)
        {
            // SAFETY: a live string; no safepoint before `'a` ends.
            return Ok(unsafe { Str::from_object(object) });
        }
        if wanted > 0 && !c.has_room_outside(wanted) {
            return Err(self.full((), wanted));
        }
        let new = self.place_str(text, word)?;
        c.strings.borrow_mut().insert(hash, new.object()).map_err(|_| self.full((), wanted))?;
        Ok(new)
    }

    /// Returns the number of interned strings, for tests and tools. Dead ones count until the collector finds them.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// cx.intern("name");
    /// assert_eq!(cx.interned_count(), 1);
    /// cx.collect();
    /// assert_eq!(cx.interned_count(), 0);
    /// # });
    /// ```
    pub fn interned_count(&self) -> usize {
        self.collector().strings.borrow().len()
    }
}
