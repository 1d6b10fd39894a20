//! The one word in front of each object, and what it points to.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use super::block::{BLOCK_SIZE, Block, GRANULE};

/// What the collector knows of a type. The header of each object points to one; the low bits of that word are flags,
/// hence the alignment.
#[repr(align(16))]
pub(crate) struct TypeInfo {
    /// Granules of an object, header included; 0 when the length word tells.
    pub granules: u32,
    /// Bytes of one element, where the length word tells.
    pub element: u32,
    /// Payload bytes in front of the elements (the length word and what else is fixed).
    pub prefix: u32,
    /// Whether an object holds pointers at all. One that holds none is marked and never queued.
    pub needs_trace: bool,
    /// Calls the visitor for each pointer, starting at piece `from`, and returns the piece to go on from, or 0 when
    /// nothing is left. The last argument is the collector's `Tracer`, erased: this room does not know it.
    pub trace: unsafe fn(ObjectPtr, usize, NonNull<()>) -> usize,
    /// Runs the payload's drop glue, where it has any.
    pub drop: Option<unsafe fn(ObjectPtr)>,
    /// The type's name, for reports.
    pub name: fn() -> &'static str,
}

/// The object waits on the grey set (or was lost from it by an overflow).
pub(crate) const QUEUED: usize = 1;
/// An ephemeron waits for the object to be marked.
pub(crate) const KEY: usize = 2;
const FLAGS: usize = 15;

/// The header word: a `&'static TypeInfo` whose low bits are flags. Atomic because a marker thread may read it one
/// day; all accesses are relaxed and compile to plain moves.
#[repr(transparent)]
pub(crate) struct Header(AtomicPtr<TypeInfo>);

// Payloads follow the header at once, and are aligned to a granule.
const _: () = assert!(size_of::<usize>() == 8, "grisaille needs 64-bit pointers");

/// Bytes of a header.
pub(crate) const HEADER_SIZE: usize = size_of::<Header>();

/// Points to the header of an object that has been written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(transparent)]
pub(crate) struct ObjectPtr(NonNull<Header>);

impl ObjectPtr {
    /// # Safety
    /// `header` must be granule-aligned memory inside a block's data, owned by the caller, with room for a header.
    #[inline(always)]
    pub unsafe fn write(header: NonNull<u8>, info: &'static TypeInfo) -> ObjectPtr {
        let header = header.cast::<Header>();
        // SAFETY: the caller owns this memory, and granules are aligned for a word.
        unsafe { header.write(Header(AtomicPtr::new(core::ptr::from_ref(info).cast_mut()))) };
        ObjectPtr(header)
    }

    /// # Safety
    /// `header` must be the address of a header that was written (I3).
    #[inline(always)]
    pub unsafe fn from_header(header: NonNull<u8>) -> ObjectPtr {
        ObjectPtr(header.cast())
    }

    /// # Safety
    /// `payload` must be the payload address of an object, with the provenance of its block.
    #[inline(always)]
    pub unsafe fn from_payload(payload: NonNull<u8>) -> ObjectPtr {
        // SAFETY: the header stands directly in front of the payload, in the same block.
        unsafe { ObjectPtr(payload.cast::<Header>().sub(1)) }
    }

    #[inline(always)]
    pub fn addr(self) -> usize {
        self.0.as_ptr().addr()
    }

    #[inline(always)]
    pub fn payload(self) -> NonNull<u8> {
        // SAFETY: an object's payload follows its header (for a ZST in the last granule: one past the block).
        unsafe { self.0.add(1).cast() }
    }

    #[inline(always)]
    fn word(self) -> *mut TypeInfo {
        // SAFETY: an ObjectPtr points to a written header; blocks outlive the pointers into them.
        unsafe { self.0.as_ref() }.0.load(Relaxed)
    }

    #[inline(always)]
    pub fn info(self) -> &'static TypeInfo {
        // A word that was never written, a small number, what freed memory is overwritten with: all but what is
        // likely to stand where a walk has lost its way.
        debug_assert!(
            self.word().addr() >> 12 != 0 && self.word().addr() >> 56 == 0,
            "I3: no header at {:#x}, but {:#x}",
            self.addr(),
            self.word().addr()
        );
        // SAFETY: without its flags the word is the `&'static TypeInfo` that `write` stored.
        unsafe { &*self.word().map_addr(|a| a & !FLAGS) }
    }

    #[inline(always)]
    pub fn is_queued(self) -> bool {
        self.word().addr() & QUEUED != 0
    }

    #[inline(always)]
    pub fn set_queued(self, on: bool) {
        let word = self.word().map_addr(|a| if on { a | QUEUED } else { a & !QUEUED });
        // SAFETY: as in `word`.
        unsafe { self.0.as_ref() }.0.store(word, Relaxed);
    }

    #[inline(always)]
    pub fn is_key(self) -> bool {
        self.word().addr() & KEY != 0
    }

    pub fn set_key(self, on: bool) {
        let word = self.word().map_addr(|a| if on { a | KEY } else { a & !KEY });
        // SAFETY: as in `word`.
        unsafe { self.0.as_ref() }.0.store(word, Relaxed);
    }

    /// Replaces the type of an object whose size stays what it was: how an array that is being filled stops being
    /// filler.
    ///
    /// # Safety
    /// `info` must describe the payload as it is now, with the same size (I4).
    pub unsafe fn become_type(self, info: &'static TypeInfo) {
        // SAFETY: as in `word`; the caller vouches for the contents.
        unsafe { self.0.as_ref() }.0.store(core::ptr::from_ref(info).cast_mut(), Relaxed);
    }

    /// Granules of the object, header included (I4).
    #[inline(always)]
    pub fn granules(self) -> usize {
        let info = self.info();
        if info.granules != 0 { info.granules as usize } else { self.granules_by_length(info) }
    }

    #[inline(never)]
    fn granules_by_length(self, info: &TypeInfo) -> usize {
        let bytes = HEADER_SIZE + info.prefix as usize + self.length() * info.element as usize;
        bytes.div_ceil(GRANULE)
    }

    /// The length word. Only for types whose `granules` is 0.
    #[inline(always)]
    pub fn length(self) -> usize {
        // SAFETY: the payload of such a type starts with its length, written before the object was published.
        unsafe { self.payload().cast::<usize>().read() }
    }

    /// The block that holds the header (for a large object: the first of its run).
    #[inline(always)]
    pub fn block(self) -> NonNull<Block> {
        let block = self.0.as_ptr().map_addr(|a| a & !(BLOCK_SIZE - 1)).cast::<Block>();
        // SAFETY: blocks are aligned to their size and never lie at address zero.
        unsafe { NonNull::new_unchecked(block) }
    }

    /// The granule of its block at which the header stands.
    #[inline(always)]
    pub fn granule(self) -> usize {
        (self.addr() & (BLOCK_SIZE - 1)) / GRANULE
    }
}

/// Stands in the header of memory that is taken and not yet an object: an array whose elements are being made. Its
/// length word counts the bytes that follow it.
pub(crate) static FILLER: TypeInfo = TypeInfo {
    granules: 0,
    element: 1,
    prefix: size_of::<usize>() as u32,
    needs_trace: false,
    trace: trace_nothing,
    drop: None,
    name: || "filler",
};

/// The trace function of types without pointers.
pub(crate) unsafe fn trace_nothing(_: ObjectPtr, _: usize, _: NonNull<()>) -> usize {
    0
}
