//! The one word in front of each object, and what it points to.

use core::any::TypeId;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use super::alignment::Alignment;
use super::geometry::{BLOCK_SIZE, GRANULE};
use super::tally::{MarkTally, ObjectSize};

/// Describes a type to the collector. Each object's header points to one; the low bits of that word are flags, hence
/// the alignment.
///
/// `trace`, `mark_alike` and `drop` are unsafe to call: each field says what its caller promises, and the functions
/// stored in these fields rely on that and on nothing else; their SAFETY comments name the field. A `TypeInfo` promises
/// in turn that the functions are for objects in whose header it stands, and `size`, `element` and `prefix` tell the
/// size of such an object (I4).
#[repr(align(16))]
pub(crate) struct TypeInfo {
    /// The size of an object, header included.
    pub size: ObjectSize,
    /// Bytes of one element, where the length word tells the size.
    pub element: u32,
    /// Payload bytes beside the elements: the length word and what else is fixed, and padding.
    pub prefix: u32,
    /// The alignment of the payload.
    pub alignment: Alignment,
    /// Whether an object holds pointers at all. One that holds none is marked and never queued.
    pub needs_trace: bool,
    /// Passes each pointer to the tracer, starting at piece `from`, and returns the piece to go on from, or 0 when
    /// nothing is left. The third argument is the collector's `Tracer`, erased since this room does not know that type.
    /// The last is the top of the tracer's edges; the new top is returned, so that it stays in a register.
    ///
    /// # Safety
    /// * The object's header names this `TypeInfo`, and its payload is complete and not dropped. Until the call ends nobody
    ///   writes it or borrows it exclusively: the mutator stands at a safepoint, or in a barrier in front of the write.
    /// * `from` is 0, or what the last call for this object returned.
    /// * The third argument points to a live `Tracer` that is not for rooting, and that nobody else uses until the call
    ///   ends.
    /// * The top is of that tracer's edges.
    pub trace: Trace,
    /// The mark loop among objects of this type, where it has one: without prefetches, and with them.
    ///
    /// # Safety
    /// * As for `trace`, of an object that is marked and booked in the tally; the second argument is this `TypeInfo`.
    /// * The third argument points to the `LoopState` of the mark loop that is running, whose prefetched edges are written
    ///   down in it, and that nobody else uses until the call ends.
    /// * The top is of that loop's edges.
    /// * Marking goes on, on this thread: every block is swept, and the mutator's (I7).
    pub mark_alike: Option<[MarkAlike; 2]>,
    /// Runs the payload's drop glue, where it has any.
    ///
    /// # Safety
    /// * The object's header names this `TypeInfo`, and its payload is complete and was not dropped: whoever calls has moved
    ///   the block's resume position past it (I6), or drops what is left of a heap that is gone.
    /// * Nobody uses the payload any more, but for the size of the object (I4).
    /// * This is a thread on which the type may be dropped: the mutator's, or the sweeper's where the object's block is of
    ///   [`Kind::BackgroundDrop`](super::block::Kind).
    pub drop: Option<unsafe fn(ObjectPtr)>,
    /// The type as a program names it, for reports and downcasts.
    pub about: fn() -> About,
    /// The function by which a `DynGc` views the object, erased; [`no_view`] where the object was not allocated for one. Its
    /// type follows from `about`'s `dyn_trait`.
    pub view: unsafe fn(),
}

/// A type as a program names it.
pub(crate) struct About {
    pub name: &'static str,
    /// The type, with `'static` in the place of the heap's lifetime. A `Gc` to the object may be made of a type with this
    /// identity, and of no other.
    pub id: TypeId,
    /// The trait object type that the object was allocated for, if it was.
    pub dyn_trait: Option<TypeId>,
    /// Names the fields of an object, where it has fields with names.
    pub fields: Option<NameFields>,
}

/// Calls the function with the name of each field that is traced, after the number of pointers that the fields before it hold:
/// the order is that of [`TypeInfo::trace`].
///
/// # Safety
/// As for [`TypeInfo::trace`], but for what is said of the tracer.
pub(crate) type NameFields = unsafe fn(ObjectPtr, &mut dyn FnMut(usize, &'static str));

impl About {
    /// Describes a type that no `Gc` of a program points to: its identity is that of no type which a program can name.
    pub(crate) fn internal(name: &'static str) -> About {
        enum Internal {}
        About { name, id: TypeId::of::<Internal>(), dyn_trait: None, fields: None }
    }

    /// Describes a type, given with `'static` in the place of the heap's lifetime.
    pub(crate) fn of<T: ?Sized + 'static>(name: &'static str) -> About {
        About { name, id: TypeId::of::<T>(), dyn_trait: None, fields: None }
    }
}

/// Stands where an object has no view.
///
/// # Safety
/// None of a caller's promises is needed.
unsafe fn no_view() {
    unreachable!("a view of an object that was allocated for none")
}

impl TypeInfo {
    /// Makes the description of objects that hold a `T`: without pointers and drop glue, until something else is said.
    pub(crate) const fn sized<T>(about: fn() -> About) -> TypeInfo {
        Alignment::assert_enough_for::<T>();
        let size = ObjectSize::of_bytes(object_bytes::<T>());
        TypeInfo { size, ..TypeInfo::bytes(0, 0, Alignment::of::<T>(), about) }
    }

    /// Makes the description of objects that hold a `Prefix`, which begins with the length word, and then as many `E` as that
    /// says: without pointers and drop glue, until something else is said.
    pub(crate) const fn by_length<Prefix, E>(about: fn() -> About) -> TypeInfo {
        Alignment::assert_enough_for::<E>();
        assert!(size_of::<E>() <= u32::MAX as usize, "the element is too large for the heap");
        let prefix = bytes_by_length::<Prefix, E>(0).expect("a fixed part is small") - HEADER_SIZE;
        TypeInfo::bytes(prefix as u32, size_of::<E>() as u32, Alignment::of::<E>(), about)
    }

    const fn bytes(prefix: u32, element: u32, alignment: Alignment, about: fn() -> About) -> TypeInfo {
        TypeInfo {
            size: ObjectSize::BY_LENGTH,
            element,
            prefix,
            alignment,
            needs_trace: false,
            trace: trace_nothing,
            mark_alike: None,
            drop: None,
            about,
            view: no_view,
        }
    }

    /// Returns the same description for objects that hold pointers, if `needs_trace`.
    pub(crate) const fn traced_if(self, needs_trace: bool, trace: Trace) -> TypeInfo {
        if needs_trace { TypeInfo { needs_trace, trace, ..self } } else { self }
    }

    /// Returns the same description for objects with drop glue, if `needs_drop`.
    pub(crate) const fn dropped_if(self, needs_drop: bool, drop: unsafe fn(ObjectPtr)) -> TypeInfo {
        if needs_drop { TypeInfo { drop: Some(drop), ..self } } else { self }
    }
}

/// Passes the pointers of an object to the tracer: [`TypeInfo::trace`].
pub(crate) type Trace = unsafe fn(ObjectPtr, usize, NonNull<()>, *mut ObjectPtr) -> TraceResult;

/// Traces a marked object and those of its type that the object leads to. The third argument is the mark loop's
/// `LoopState`, erased; then come the top of the loop's edges and its tally, which are returned as they are at the end.
pub(crate) type MarkAlike =
    unsafe fn(ObjectPtr, &'static TypeInfo, NonNull<()>, *mut ObjectPtr, MarkTally) -> AlikeResult;

/// What a mark loop among objects of one type returns.
#[repr(C)]
pub(crate) struct AlikeResult {
    /// The new top of the edges.
    pub top: *mut ObjectPtr,
    pub tally: MarkTally,
}

/// What a trace returns.
#[repr(C)]
pub(crate) struct TraceResult {
    /// The piece to go on from, or 0, with [`BOOKED`](TraceResult::BOOKED).
    pub next: usize,
    /// The new top of the edges.
    pub top: *mut ObjectPtr,
}

impl TraceResult {
    /// The bit of `next` that says: the tracer has work booked.
    pub(crate) const BOOKED: usize = 1 << (usize::BITS - 1);

    /// Returns the piece to go on from, or 0.
    #[inline(always)]
    pub(crate) fn piece(&self) -> usize {
        self.next & !TraceResult::BOOKED
    }
}

/// Bytes of an object that holds a `T`, header included.
pub(crate) const fn object_bytes<T>() -> usize {
    (HEADER_SIZE + size_of::<T>()).next_multiple_of(Alignment::of::<T>().unit())
}

/// Returns where in the payload the elements begin that follow a `Prefix`.
pub(crate) const fn elements_at<Prefix, E>() -> usize {
    size_of::<Prefix>().next_multiple_of(align_of::<E>())
}

/// Returns the bytes of an object that holds a `Prefix`, which begins with the length word, and then `len` elements,
/// header included. `None` where the number overflows.
#[inline(always)]
pub(crate) const fn bytes_by_length<Prefix, E>(len: usize) -> Option<usize> {
    // The size of an element is a multiple of its alignment, so the padding does not depend on the number of elements.
    let fixed = const {
        assert!(
            size_of::<Prefix>().is_multiple_of(GRANULE) && align_of::<Prefix>() <= GRANULE,
            "a fixed part is granules"
        );
        (HEADER_SIZE + elements_at::<Prefix, E>()).next_multiple_of(Alignment::of::<E>().unit())
    };
    let most = isize::MAX as usize - GRANULE - fixed;
    if size_of::<E>() != 0 && len > most / size_of::<E>() {
        return None;
    }
    Some((fixed + size_of::<E>() * len).next_multiple_of(GRANULE))
}

/// Header flag: the object is in the grey set, or was lost from it by mark-stack overflow.
pub(crate) const QUEUED: usize = 1;
/// Header flag: an ephemeron waits for the object to be marked.
pub(crate) const KEY: usize = 2;
const FLAGS: usize = 15;

/// The header word: a `&'static TypeInfo` whose low bits are flags. Atomic because a marker thread may read it one
/// day; all accesses are relaxed and compile to plain moves. It takes a granule, also where a word is less, so that what
/// follows is aligned to granules.
#[repr(C, align(8))]
pub(crate) struct Header(AtomicPtr<TypeInfo>);

/// The length word of an object, which takes a granule, as a header does.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Length(pub usize);

// Payloads follow the header at once.
const _: () = assert!(size_of::<Header>() == GRANULE && size_of::<Length>() == GRANULE);
const _: () = assert!(size_of::<usize>() >= 4, "grisaille needs pointers of 32 or 64 bits");

/// Bytes of a header.
pub(crate) const HEADER_SIZE: usize = size_of::<Header>();

/// Points to the header of an object that has been written.
///
/// Whoever makes an `ObjectPtr` promises that, and that neither it nor a copy of it is used when the block is free
/// again: the object is allocated, or its block not swept. So reading the header is safe; reading more of the object
/// than its header tells is not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(transparent)]
pub(crate) struct ObjectPtr(NonNull<Header>);

impl ObjectPtr {
    /// # Safety
    /// `header` must be granule-aligned memory inside a block's data, owned by the caller, with room for a header. What is
    /// made of it must not be used when the memory is free again.
    #[inline(always)]
    pub(crate) unsafe fn write(header: NonNull<u8>, info: &'static TypeInfo) -> ObjectPtr {
        let header = header.cast::<Header>();
        // SAFETY: the caller owns this memory, and granules are aligned for a word.
        unsafe { header.write(Header(AtomicPtr::new(core::ptr::from_ref(info).cast_mut()))) };
        ObjectPtr(header)
    }

    /// # Safety
    /// `header` must be the address of a header that was written (I3), with the provenance of its block. What is made of it
    /// must not be used when the memory is free again.
    #[inline(always)]
    pub(crate) unsafe fn from_header(header: NonNull<u8>) -> ObjectPtr {
        ObjectPtr(header.cast())
    }

    /// # Safety
    /// `payload` must be the payload address of an object, with the provenance of its block. What is made of it must not be
    /// used when the memory is free again.
    #[inline(always)]
    pub(crate) unsafe fn from_payload(payload: NonNull<u8>) -> ObjectPtr {
        // SAFETY: the header stands directly in front of the payload, in the same block.
        unsafe { ObjectPtr(payload.cast::<Header>().sub(1)) }
    }

    #[inline(always)]
    pub(crate) fn addr(self) -> usize {
        self.0.as_ptr().addr()
    }

    #[inline(always)]
    pub(crate) fn payload(self) -> NonNull<u8> {
        // SAFETY: an object's payload follows its header (for a ZST in the last granule: one past the block).
        unsafe { self.0.add(1).cast() }
    }

    /// Returns the header word, for callers that read it more than once.
    #[inline(always)]
    pub(crate) fn header(self) -> HeaderWord {
        // SAFETY: an ObjectPtr points to a written header; blocks outlive the pointers into them.
        let word = unsafe { self.0.as_ref() }.0.load(Relaxed);
        // Refuses what most often stands where a walk has lost its way: a word never written, a small number, the
        // pattern that freed memory is overwritten with.
        debug_assert!(
            word.addr() >> 12 != 0 && word.addr() as u64 >> 56 == 0,
            "I3: no header at {:#x}, but {:#x}",
            self.addr(),
            word.addr()
        );
        HeaderWord(word)
    }

    #[inline(always)]
    pub(crate) fn info(self) -> &'static TypeInfo {
        self.header().info()
    }

    #[inline(always)]
    pub(crate) fn is_queued(self) -> bool {
        self.header().is_queued()
    }

    #[inline(always)]
    pub(crate) fn set_queued(self, on: bool) {
        let word = self.header().0.map_addr(|a| if on { a | QUEUED } else { a & !QUEUED });
        // SAFETY: as in `header`.
        unsafe { self.0.as_ref() }.0.store(word, Relaxed);
    }

    pub(crate) fn set_key(self, on: bool) {
        let word = self.header().0.map_addr(|a| if on { a | KEY } else { a & !KEY });
        // SAFETY: as in `header`.
        unsafe { self.0.as_ref() }.0.store(word, Relaxed);
    }

    /// Replaces the type of an object whose size stays what it was: turns filler into an array whose elements are made.
    ///
    /// # Safety
    /// `info` must describe the payload as it is now, with the same size (I4).
    pub(crate) unsafe fn become_type(self, info: &'static TypeInfo) {
        // SAFETY: as in `header`; the caller vouches for the contents.
        unsafe { self.0.as_ref() }.0.store(core::ptr::from_ref(info).cast_mut(), Relaxed);
    }

    /// Returns the granules of the object, header included (I4).
    #[inline(always)]
    pub(crate) fn granules(self) -> usize {
        let info = self.info();
        if info.size.granules != 0 {
            info.size.granules as usize
        } else {
            // SAFETY: the info is the object's own, and says that the length word tells.
            unsafe { self.granules_by_length(info) }
        }
    }

    /// # Safety
    /// As for [`length_as`](ObjectPtr::length_as).
    #[inline(never)]
    unsafe fn granules_by_length(self, info: &TypeInfo) -> usize {
        // SAFETY: passed on.
        unsafe { self.granules_for_length(info) }
    }

    /// Returns the granules of an object whose size follows from its length word, with the `TypeInfo` read already.
    ///
    /// # Safety
    /// As for [`length_as`](ObjectPtr::length_as).
    #[inline(always)]
    pub(crate) unsafe fn granules_for_length(self, info: &TypeInfo) -> usize {
        // SAFETY: passed on.
        let bytes = HEADER_SIZE + info.prefix as usize + unsafe { self.length_as(info) } * info.element as usize;
        bytes.div_ceil(GRANULE)
    }

    /// Returns the number of elements.
    ///
    /// # Safety
    /// `info` must be the object's own, and its size be by length.
    #[inline(always)]
    pub(crate) unsafe fn length_as(self, info: &TypeInfo) -> usize {
        // SAFETY: passed on.
        info.size.length_in(unsafe { self.length() })
    }

    /// Returns the length word.
    ///
    /// # Safety
    /// The object must be of a type whose size is by length.
    #[inline(always)]
    pub(crate) unsafe fn length(self) -> usize {
        // SAFETY: the payload of such a type starts with its length word, written before anybody could see the object (I4).
        unsafe { self.payload().cast::<usize>().read() }
    }

    /// Returns the number of the header's granule in its block.
    #[inline(always)]
    pub(crate) fn granule(self) -> usize {
        (self.addr() & (BLOCK_SIZE - 1)) / GRANULE
    }
}

/// The header word of an object, as it was read.
#[derive(Clone, Copy)]
pub(crate) struct HeaderWord(*mut TypeInfo);

impl HeaderWord {
    #[inline(always)]
    pub(crate) fn info(self) -> &'static TypeInfo {
        // SAFETY: without its flags the word is the `&'static TypeInfo` that `ObjectPtr::write` stored.
        unsafe { &*self.0.map_addr(|a| a & !FLAGS) }
    }

    /// Fast path: returns the type if no flag is set, and `None` otherwise.
    #[inline(always)]
    pub(crate) fn info_without_flags(self) -> Option<&'static TypeInfo> {
        // SAFETY: as above; there are no flags to take off.
        (self.0.addr() & FLAGS == 0).then(|| unsafe { &*self.0 })
    }

    /// Returns whether the word names that type and no flag is set.
    #[inline(always)]
    pub(crate) fn is_just(self, info: &'static TypeInfo) -> bool {
        core::ptr::eq(self.0, info)
    }

    /// Returns whether the object is grey, or was scanned in part.
    #[inline(always)]
    pub(crate) fn is_queued(self) -> bool {
        self.0.addr() & QUEUED != 0
    }

    /// Returns whether an ephemeron waits for the object to be marked.
    #[inline(always)]
    pub(crate) fn is_key(self) -> bool {
        self.0.addr() & KEY != 0
    }
}

/// The type of memory that is allocated and not yet an object: an array whose elements are being made. The length word
/// counts the bytes that follow it.
pub(crate) static FILLER: TypeInfo = TypeInfo::by_length::<Length, u8>(|| About::internal("filler"));

/// The trace function of types without pointers.
///
/// # Safety
/// None of the promises of [`TypeInfo::trace`] is needed: neither object nor tracer is touched.
pub(crate) unsafe fn trace_nothing(_: ObjectPtr, _: usize, _: NonNull<()>, top: *mut ObjectPtr) -> TraceResult {
    TraceResult { next: 0, top }
}
