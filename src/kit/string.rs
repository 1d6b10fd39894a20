//! [`Str`]: a string whose bytes lie in the object.

use crate::barrier::Barrier;
use crate::kit::array::complete;
use crate::mutator::{HeapFull, Mutator, heap_is_full};
use crate::pointer::gc::Gc;
use crate::space::block::{GRANULE, Kind};
use crate::space::header::{HEADER_SIZE, ObjectPtr, Size, TypeInfo, trace_nothing};
use crate::trace::{Trace, Tracer};

/// A string in the heap: its bytes lie in the object, whose pointer is one word. It never changes, and knows its hash.
///
/// Reached through [`Gc`]: see [`as_str`](Gc::as_str). [`Mutator::intern`] makes strings that are equal the same object.
///
/// ```
/// use grisaille::Heap;
///
/// Heap::new().enter(|cx| {
///     let name = cx.alloc_str("grey");
///     assert_eq!(name.as_str(), "grey");
/// });
/// ```
#[repr(C)]
pub struct Str {
    len: usize,
    hash: u64,
    bytes: [u8; 0],
}

static STR: TypeInfo = TypeInfo {
    size: Size::BY_LENGTH,
    element: 1,
    prefix: size_of::<Str>() as u32,
    needs_trace: false,
    trace: trace_nothing,
    mark_alike: None,
    drop: None,
    name: || "grisaille::Str",
};

/// The text of a string object.
///
/// # Safety
/// `object` must be a `Str`, live for `'x`.
pub(crate) unsafe fn text_of<'x>(object: ObjectPtr) -> &'x str {
    // SAFETY: the bytes follow the length word and the hash, and were copied from a `str`.
    unsafe {
        let bytes = object.payload().add(size_of::<Str>());
        core::str::from_utf8_unchecked(core::slice::from_raw_parts(bytes.as_ptr(), object.length()))
    }
}

impl<B: Barrier> Mutator<'_, B> {
    /// Allocates a string.
    ///
    /// # Panics
    /// When the heap is full.
    #[track_caller]
    pub fn alloc_str<'a>(&'a self, text: &str) -> Gc<'a, Str> {
        self.try_alloc_str(text).unwrap_or_else(|_| heap_is_full())
    }

    /// Allocates a string, unless the heap is full.
    ///
    /// ```
    /// # use grisaille::Heap;
    /// # Heap::new().enter(|cx| {
    /// assert_eq!(cx.try_alloc_str("grey")?.len(), 4);
    /// # Ok::<(), grisaille::HeapFull<()>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`HeapFull`].
    pub fn try_alloc_str<'a>(&'a self, text: &str) -> Result<Gc<'a, Str>, HeapFull<()>> {
        self.place_str(text, hash_of(text))
    }

    pub(crate) fn place_str<'a>(&'a self, text: &str, hash: u64) -> Result<Gc<'a, Str>, HeapFull<()>> {
        let room = size_of::<Str>() + text.len();
        let filler = self.place_filler((HEADER_SIZE + room).next_multiple_of(GRANULE), Kind::Plain)?;
        // SAFETY: there is room for the hash and the bytes behind the length word.
        unsafe {
            filler.payload().cast::<u64>().add(1).write(hash);
            filler
                .payload()
                .add(size_of::<Str>())
                .copy_from_nonoverlapping(core::ptr::NonNull::from(text).cast(), text.len());
            let object = complete(filler, text.len(), &STR);
            self.collector().born(object);
            Ok(Gc::from_object(object))
        }
    }
}

/// The hash of a string: the same for the same text, within one process.
#[inline]
pub(crate) fn hash_of(text: &str) -> u64 {
    use core::hash::BuildHasher;
    use std::sync::LazyLock;
    // Random by process, so that no input can be made to collide.
    static STATE: LazyLock<hashbrown::DefaultHashBuilder> = LazyLock::new(Default::default);
    STATE.hash_one(text)
}

impl<'gc> Gc<'gc, Str> {
    /// The text.
    #[inline(always)]
    pub fn as_str(self) -> &'gc str {
        // SAFETY: the string is live until the next safepoint.
        unsafe { text_of(self.object()) }
    }

    /// Bytes of the text.
    #[inline(always)]
    pub fn len(self) -> usize {
        self.as_ref().len
    }

    /// Whether the text is empty.
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The hash of the text, which the object holds: the same for equal texts, in one run of a program.
    ///
    /// ```
    /// # grisaille::Heap::new().enter(|cx| {
    /// assert_eq!(cx.alloc_str("a").hash(), cx.intern("a").hash());
    /// # });
    /// ```
    #[inline(always)]
    pub fn hash(self) -> u64 {
        self.as_ref().hash
    }
}

// SAFETY: holds no pointers.
unsafe impl Trace for Str {
    type At<'a> = Str;
    const NEEDS_TRACE: bool = false;
    fn trace(&self, _: &mut Tracer<'_>) {
        let _ = self.bytes;
    }
}

impl core::fmt::Debug for Str {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Str(len {})", self.len)
    }
}
