//! [`Str`]: a string whose bytes lie in the object.

use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

use crate::barrier::Barrier;
use crate::context::Mutator;
use crate::full::HeapFull;
use crate::mark::tracer::Tracer;
use crate::pointer::any::AnyGc;
use crate::pointer::gc::Gc;
use crate::space::alignment::Alignment;
use crate::space::block::Kind;
use crate::space::geometry::GRANULE;
use crate::space::header::{About, HEADER_SIZE, ObjectPtr, TypeInfo};
use crate::space::tally::ObjectSize;
use crate::trace::Trace;
use crate::trace::private::Only;

/// A pointer to a string in the heap, whose bytes lie in the object: one word, `Copy`, and `Deref` to `str`.
///
/// Like a [`Gc`], a string is valid until the next safepoint. The text never changes (one that does:
/// [`StrBuf`](crate::StrBuf)). Besides its bytes the object takes 16: a header, and a word that holds length and hash.
/// [`Mutator::intern`] makes equal strings the same object. Strings are compared, ordered and hashed by their text;
/// for interned strings, and others that are the same object, a comparison of pointers suffices.
///
/// ```
/// use grisaille::Heap;
///
/// Heap::new().enter(|cx| {
///     let name = cx.alloc_str("grey");
///     assert_eq!(name, "grey");
///     assert!(name.starts_with("gr"));
///     assert_eq!(format!("{name} {name:?}"), r#"grey "grey""#);
/// });
/// ```
///
/// An operation that takes a [`Gc`] (of a [`Weak`](crate::Weak), an [`Ephemeron`](crate::Ephemeron), a
/// [`Guardian`](crate::Guardian)) takes [`Str::as_gc`] too; [`From`] converts the `Gc` back.
///
/// # Hashes
///
/// The hash of a text is 32 bits of what `std`'s [`RandomState`](std::hash::RandomState) makes of it: a keyed hash
/// (SipHash) whose key is random by process. Without the key nobody can compute texts that collide, so texts from
/// strangers may be interned and may be keys of a [`Map`](crate::Map). Keep the results of
/// [`hash_code`](Str::hash_code) from those who write the texts: with them, texts that collide can be found. By chance
/// one pair of texts in 2^32 shares its 32 bits: some pairs among some 100,000 texts, each of which costs a comparison
/// now and then.
#[derive(Clone, Copy)]
pub struct Str<'gc>(Gc<'gc, StrObject>);

/// The object behind a [`Str`], for operations that work on every object by its [`Gc`]. It has no public fields.
///
/// ```
/// use grisaille::{Gc, Heap, Str, StrObject};
///
/// Heap::new().enter(|cx| {
///     let object: Gc<'_, StrObject> = Str::as_gc(cx.intern("name"));
///     assert_eq!(Str::from(object), "name");
/// });
/// ```
#[repr(C)]
pub struct StrObject {
    /// The length in the lower half, the hash in the upper half.
    ///
    /// 32 bits of a hash are enough: of `n` strings some `n * n / 2^33` pairs share theirs (5 pairs of 200,000 strings,
    /// 116 of a million), and a collision costs one comparison of two texts, where their lengths are equal too, when
    /// one of them is looked up. Tables of more than 2^25 buckets take bucket and tag from the same bits: their tags
    /// distinguish less.
    word: u64,
    bytes: [u8; 0],
}

static STR: TypeInfo = TypeInfo {
    size: ObjectSize::BY_HALF_LENGTH,
    ..TypeInfo::by_length::<StrObject, u8>(|| About::of::<StrObject>("grisaille::Str"))
};

/// Returns the text of a string object.
///
/// # Safety
/// `object` must be a `StrObject`, live for `'x`.
pub(crate) unsafe fn text_of<'x>(object: ObjectPtr) -> &'x str {
    // SAFETY: passed on: the bytes follow the word, whose lower half is their number, and were copied from a `str`.
    unsafe {
        let bytes = object.payload().add(size_of::<StrObject>());
        core::str::from_utf8_unchecked(core::slice::from_raw_parts(bytes.as_ptr(), object.length_as(&STR)))
    }
}

impl<B: Barrier> Mutator<'_, B> {
    /// Allocates a string. Costs a copy of the text, and a [hash](Str#hashes) of it.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(cx.alloc_str("grey").len(), 4);
    /// # });
    /// ```
    ///
    /// # Panics
    /// When the heap is full, or the text longer than `u32::MAX` bytes: [`try_alloc_str`](Mutator::try_alloc_str)
    /// returns an error instead.
    #[track_caller]
    pub fn alloc_str<'a>(&'a self, text: &str) -> Str<'a> {
        self.try_alloc_str(text).unwrap_or_else(|full| full.panic())
    }

    /// Allocates a string, unless the heap is full or the text longer than `u32::MAX` bytes.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(cx.try_alloc_str("grey")?.len(), 4);
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`] when the heap is full, or the text longer than `u32::MAX` bytes.
    pub fn try_alloc_str<'a>(&'a self, text: &str) -> Result<Str<'a>, HeapFull<()>> {
        self.place_str(text, word_of(text).ok_or_else(|| self.full((), text.len()))?)
    }

    /// Allocates a string. `word` must be the text's own word, as [`word_of`] returns it.
    pub(crate) fn place_str<'a>(&'a self, text: &str, word: u64) -> Result<Str<'a>, HeapFull<()>> {
        let bytes = (HEADER_SIZE + size_of::<StrObject>() + text.len()).next_multiple_of(GRANULE);
        // SAFETY: whole granules; the string is written below.
        let at = unsafe { self.take_bytes(bytes, Kind::Plain, Alignment::Eight) }?;
        // SAFETY: the bytes belong to this call alone, with room for header, word and text; nothing reads them before
        // all is there (I3, I4); no safepoint before `'a` ends.
        unsafe {
            let object = ObjectPtr::write(at, &STR);
            object.payload().cast::<u64>().write(word);
            object
                .payload()
                .add(size_of::<StrObject>())
                .copy_from_nonoverlapping(core::ptr::NonNull::from(text).cast(), text.len());
            Ok(Str(Gc::from_object(object)))
        }
    }
}

/// Returns the word of a string object with this text, or `None` where no object has room for the text. Equal texts
/// have equal hashes within one process.
#[inline]
pub(crate) fn word_of(text: &str) -> Option<u64> {
    use core::hash::BuildHasher;
    use std::hash::RandomState;
    use std::sync::LazyLock;
    // Keyed, so that texts that collide cannot be computed without the key. (For words that costs too much: see
    // `key.rs`.)
    static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    // Checked first, so that a text that is too long is not read.
    let len = length_half(text.len())?;
    let mut hasher = STATE.build_hasher();
    hasher.write(text.as_bytes());
    let hash = hasher.finish();
    Some(len | (hash ^ hash << 32) >> 32 << 32)
}

/// Returns the lower half of the word, or `None` where the length does not fit.
#[inline(always)]
fn length_half(len: usize) -> Option<u64> {
    u32::try_from(len).ok().map(u64::from)
}

/// Returns the hash in a word, spread over 64 bits: tables take buckets from the low bits and tags from the high bits.
#[inline(always)]
pub(crate) fn hash_in(word: u64) -> u64 {
    (word >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<'gc> Str<'gc> {
    /// Makes a pointer of a string object.
    ///
    /// # Safety
    /// `object` must be a string, live until the first safepoint after `'gc` began.
    #[inline(always)]
    pub(crate) unsafe fn from_object(object: ObjectPtr) -> Self {
        // SAFETY: passed on.
        Str(unsafe { Gc::from_object(object) })
    }

    #[inline(always)]
    pub(crate) fn object(self) -> ObjectPtr {
        self.0.object()
    }

    /// Returns the text, for as long as the pointer is valid. (`Deref` returns it for the borrow of the pointer
    /// itself.)
    ///
    /// ```
    /// # use grisaille::{Heap, Str};
    /// fn extension<'gc>(name: Str<'gc>) -> Option<&'gc str> {
    ///     name.as_str().split('.').nth(1)
    /// }
    /// # Heap::new().enter(|cx| assert_eq!(extension(cx.alloc_str("list.rs")), Some("rs")));
    /// ```
    #[inline(always)]
    pub fn as_str(self) -> &'gc str {
        // SAFETY: the string is live until the next safepoint. Its bytes are reached by the pointer, whose provenance
        // is that of the block, and not by a reference to the `StrObject`, which covers its first word alone.
        unsafe { text_of(self.object()) }
    }

    /// Returns the word that holds length and hash.
    #[inline(always)]
    pub(crate) fn word(self) -> u64 {
        self.0.word
    }

    /// Returns the [hash](Str#hashes) of the text, which the object holds: the same for equal texts, within one
    /// process.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// assert_eq!(cx.alloc_str("a").hash_code(), cx.intern("a").hash_code());
    /// # });
    /// ```
    #[inline(always)]
    pub fn hash_code(self) -> u64 {
        hash_in(self.word())
    }

    /// Returns whether two pointers point to the same string object. For two interned strings this tells whether their
    /// texts are equal.
    ///
    /// ```
    /// # use grisaille::{Heap, Str};
    /// # Heap::new().enter(|cx| {
    /// let (a, b) = (cx.alloc_str("name"), cx.intern("name"));
    /// assert!(a == b && !Str::ptr_eq(a, b) && Str::ptr_eq(b, cx.intern("name")));
    /// # });
    /// ```
    #[inline(always)]
    pub fn ptr_eq(a: Self, b: Self) -> bool {
        Gc::ptr_eq(a.0, b.0)
    }

    /// Returns the object's address: see [`Gc::addr`].
    ///
    /// ```
    /// # use grisaille::{Heap, Str};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(Str::addr(cx.intern("a")), Str::addr(cx.intern("a")));
    /// # });
    /// ```
    #[inline(always)]
    pub fn addr(this: Self) -> usize {
        Gc::addr(this.0)
    }

    /// Returns a [`Gc`] to the same object, for operations that work on every object.
    ///
    /// ```
    /// # use grisaille::{Gc, Heap, Str};
    /// # Heap::new().enter(|cx| {
    /// let weak = Gc::downgrade(Str::as_gc(cx.alloc_str("name")), cx);
    /// assert_eq!(weak.upgrade(cx).map(Str::from).unwrap(), "name");
    /// # });
    /// ```
    #[inline(always)]
    pub fn as_gc(this: Self) -> Gc<'gc, StrObject> {
        this.0
    }
}

impl Deref for Str<'_> {
    type Target = str;
    #[inline(always)]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Str<'_> {
    #[inline(always)]
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Str<'_> {
    #[inline(always)]
    fn borrow(&self) -> &str {
        self
    }
}

impl<'gc> From<Str<'gc>> for AnyGc<'gc> {
    #[inline(always)]
    fn from(string: Str<'gc>) -> Self {
        string.0.into()
    }
}

impl<'gc> AnyGc<'gc> {
    /// Returns the object as a string, or `None` where it is none.
    ///
    /// ```
    /// # use grisaille::{AnyGc, Heap};
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(AnyGc::from(cx.alloc_str("grey")).downcast_str().unwrap(), "grey");
    /// assert!(AnyGc::from(cx.alloc("grey".to_string())).downcast_str().is_none());
    /// # });
    /// ```
    #[inline]
    pub fn downcast_str(self) -> Option<Str<'gc>> {
        self.downcast::<StrObject>().map(Str)
    }
}

impl<'gc> From<Gc<'gc, StrObject>> for Str<'gc> {
    #[inline(always)]
    fn from(object: Gc<'gc, StrObject>) -> Self {
        Str(object)
    }
}

impl<'gc> From<Str<'gc>> for Gc<'gc, StrObject> {
    #[inline(always)]
    fn from(string: Str<'gc>) -> Self {
        string.0
    }
}

/// Compares the texts, and reads them only where the objects differ and their words, which hold length and hash, are
/// equal.
impl PartialEq for Str<'_> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        Str::ptr_eq(*self, *other) || (self.word() == other.word() && self.as_str() == other.as_str())
    }
}

impl Eq for Str<'_> {}

impl PartialEq<str> for Str<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Str<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<Str<'_>> for str {
    fn eq(&self, other: &Str<'_>) -> bool {
        self == other.as_str()
    }
}

impl PartialEq<Str<'_>> for &str {
    fn eq(&self, other: &Str<'_>) -> bool {
        *self == other.as_str()
    }
}

impl PartialOrd for Str<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Orders by the text, as `str` does.
impl Ord for Str<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

/// Hashes the text as `str` does, so that a table keyed by `Str` can be searched for a `str`.
/// [`hash_code`](Str::hash_code) costs less.
impl Hash for Str<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

// SAFETY: passes its one pointer on; `At` replaces the pointer's lifetime. One word without padding, which is always
// initialized.
unsafe impl Trace for Str<'_> {
    type At<'a> = Str<'a>;
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

// SAFETY: holds no pointers.
unsafe impl Trace for StrObject {
    type At<'a> = StrObject;
    const NEEDS_TRACE: bool = false;
    fn trace(&self, _: &mut Tracer<'_>) {
        let _ = self.bytes;
    }
}

impl fmt::Debug for StrObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StrObject(len {})", self.word as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;
    use crate::cycle::allocate::MEDIUM;
    use crate::space::block::{BIG, BlockPtr, LARGE};
    use std::collections::HashSet;

    #[test]
    fn a_string_takes_two_words_besides_its_bytes() {
        Heap::new().enter(|cx| {
            for (bytes, granules) in [(0, 2), (1, 3), (8, 3), (9, 4), (16, 4), (100, 15), (1 << 20, (1 << 17) + 2)] {
                let text = "x".repeat(bytes);
                let string = cx.alloc_str(&text);
                assert_eq!((string.object().granules(), string.len()), (granules, bytes));
                assert!(string.as_str() == text);
            }
            cx.verify().unwrap();
        });
    }

    #[test]
    fn strings_of_each_size_are_where_their_size_belongs_and_count_whole() {
        Heap::builder().automatic(false).build().unwrap().enter(|cx| {
            let (mut strings, mut bytes) = (Vec::new(), 0);
            let ends = [MEDIUM, BIG, LARGE].map(|end| end / GRANULE);
            for granules in [2, 3, 63, 64, 65].into_iter().chain(ends.into_iter().flat_map(|end| [end, end + 1])) {
                // Behind the large string the hole has room for the next.
                let before = cx.alloc_str(&"y".repeat(granules.min(BIG / GRANULE / 2) * GRANULE));
                let string = cx.alloc_str(&"x".repeat((granules - 2) * GRANULE));
                let block = BlockPtr::of(string.object());
                let place = (block.is_large(), block.run() > 1);
                assert_eq!(string.object().granules(), granules);
                assert_eq!(place, (granules * GRANULE > LARGE, granules * GRANULE > BIG), "{granules}");
                bytes += (before.object().granules() + granules) * GRANULE;
                strings.push((cx.root(before), cx.root(string)));
            }
            cx.collect();
            assert_eq!(cx.stats().bytes_live, bytes as u64);
            cx.verify().unwrap();
        });
    }

    #[test]
    fn a_text_whose_length_does_not_fit_is_an_error() {
        assert_eq!(length_half(u32::MAX as usize), Some(u64::from(u32::MAX)));
        assert_eq!(length_half(u32::MAX as usize + 1), None);
        assert_eq!(length_half(usize::MAX), None);
    }

    /// The text's memory is never touched, so it takes none.
    #[test]
    #[cfg(not(any(miri, grisaille_poison = "asan")))]
    fn a_text_that_is_too_long_is_not_looked_at() {
        use std::alloc::{Layout, alloc_zeroed, dealloc};
        let layout = Layout::array::<u8>(u32::MAX as usize + 1).unwrap();
        // SAFETY: the layout is not empty.
        let Some(text) = core::ptr::NonNull::new(unsafe { alloc_zeroed(layout) }) else {
            return eprintln!("this system has no 4 GiB of addresses: nothing was tested");
        };
        // SAFETY: zeros are letters of a text.
        let zeros =
            unsafe { core::str::from_utf8_unchecked(core::slice::from_raw_parts(text.as_ptr(), layout.size())) };
        Heap::new().enter(|cx| {
            assert!(cx.try_alloc_str(zeros).is_err() && cx.try_intern(zeros).is_err());
            assert_eq!((cx.interned_count(), cx.stats().objects_allocated), (0, 0));
        });
        // SAFETY: allocated above, and not used any more.
        unsafe { dealloc(text.as_ptr(), layout) };
    }

    #[test]
    fn hashes_tell_texts_apart_in_the_bits_that_tables_use() {
        Heap::new().enter(|cx| {
            let hashes: Vec<u64> = (0..4096).map(|n| cx.alloc_str(&format!("name {n}")).hash_code()).collect();
            let distinct = |hashes: &mut dyn Iterator<Item = u64>| hashes.collect::<HashSet<u64>>().len();
            assert!(distinct(&mut hashes.iter().copied()) >= 4090);
            assert_eq!(distinct(&mut hashes.iter().map(|hash| hash >> 57)), 128);
            for bucket in 0..128 {
                // Some 32 hashes share each of so few buckets: their tags distinguish them.
                let mut mates = hashes.iter().filter(|&hash| hash % 128 == bucket).map(|hash| hash >> 57);
                assert!(distinct(&mut mates) > 4);
            }
            assert!((0..4096).all(|n| cx.intern(&format!("name {n}")).hash_code() == hashes[n]));
        });
    }
}
