//! Tells AddressSanitizer and Valgrind's memcheck which memory no object occupies.
//!
//! These tools see a heap as a few chunks allocated long ago, inside of which any access is fine. With
//! `cfg(grisaille_poison = "asan")` or `"valgrind"` (`.ci/sanitize` sets it) the functions here tell them more:
//!
//! * free blocks, the heads of free blocks included, are poisoned: when their chunk is made, when they are freed;
//! * in a block that is taken, all but its head is poisoned, until it is allocated;
//! * an object's granules are accessible from its allocation, and poisoned by the sweep of its block, on whichever
//!   thread that is (I7).
//!
//! So a read or a write through a pointer to an object that was swept is reported, until its memory is another
//! object's. Three things stay unseen: an object that died and was not swept yet, an access past an object's end that
//! hits its neighbour (there is no gap between them), and an access inside the last granule behind a payload.
//!
//! To memcheck the payload of a new object is undefined as well, until it is written.
//!
//! Without the cfg the calls compile to nothing.

use core::ptr::NonNull;

/// Whether a tool is told.
pub(crate) const ON: bool = cfg!(any(grisaille_poison = "asan", grisaille_poison = "valgrind"));

/// Makes memory inaccessible.
#[inline(always)]
pub(crate) fn poison(at: NonNull<u8>, bytes: usize) {
    #[cfg(grisaille_poison = "asan")]
    asan::poison(at, bytes);
    #[cfg(grisaille_poison = "valgrind")]
    memcheck::request(memcheck::MAKE_MEM_NOACCESS, at, bytes);
    #[cfg(not(any(grisaille_poison = "asan", grisaille_poison = "valgrind")))]
    let _ = (at, bytes);
}

/// Makes memory accessible, with undefined contents.
#[inline(always)]
pub(crate) fn unpoison(at: NonNull<u8>, bytes: usize) {
    #[cfg(grisaille_poison = "asan")]
    asan::unpoison(at, bytes);
    #[cfg(grisaille_poison = "valgrind")]
    memcheck::request(memcheck::MAKE_MEM_UNDEFINED, at, bytes);
    #[cfg(not(any(grisaille_poison = "asan", grisaille_poison = "valgrind")))]
    let _ = (at, bytes);
}

#[cfg(all(test, grisaille_poison = "asan"))]
pub(crate) use asan::is_poisoned;

#[cfg(grisaille_poison = "asan")]
#[allow(unreachable_pub, reason = "the same in each build")]
mod asan {
    #[cfg(test)]
    use core::ffi::c_int;
    use core::ffi::c_void;
    use core::ptr::NonNull;

    // AddressSanitizer's runtime, from `sanitizer/asan_interface.h`. Its shadow has a byte for 8 bytes: a granule.
    // Are these undefined at the link? Then the sanitizer is not on: `-Zsanitizer=address`.
    unsafe extern "C" {
        fn __asan_poison_memory_region(at: *const c_void, bytes: usize);
        fn __asan_unpoison_memory_region(at: *const c_void, bytes: usize);
        #[cfg(test)]
        fn __asan_address_is_poisoned(at: *const c_void) -> c_int;
    }

    pub fn poison(at: NonNull<u8>, bytes: usize) {
        // SAFETY: only the runtime's shadow of the range is written.
        unsafe { __asan_poison_memory_region(at.as_ptr().cast(), bytes) };
    }

    pub fn unpoison(at: NonNull<u8>, bytes: usize) {
        // SAFETY: as above.
        unsafe { __asan_unpoison_memory_region(at.as_ptr().cast(), bytes) };
    }

    /// Whether AddressSanitizer would report an access.
    #[cfg(test)]
    pub(crate) fn is_poisoned(at: NonNull<u8>) -> bool {
        // SAFETY: the shadow is read, and not the memory.
        unsafe { __asan_address_is_poisoned(at.as_ptr().cast()) != 0 }
    }
}

#[cfg(grisaille_poison = "valgrind")]
#[allow(unreachable_pub, reason = "the same in each build")]
mod memcheck {
    use core::ptr::NonNull;

    // `VG_USERREQ_TOOL_BASE('M', 'C')` and what follows it in `valgrind/memcheck.h`.
    pub const MAKE_MEM_NOACCESS: usize = 0x4D43_0000;
    pub const MAKE_MEM_UNDEFINED: usize = 0x4D43_0001;

    #[cfg(not(target_arch = "x86_64"))]
    compile_error!("grisaille_poison = \"valgrind\" knows the client requests of x86-64 only");

    /// A client request: a sequence that Valgrind recognizes and a processor does nothing for. It is part of Valgrind's
    /// interface (`valgrind/valgrind.h`) and will not change. The crates that wrap it want Valgrind's headers and a C
    /// compiler, some libclang too.
    #[inline(always)]
    pub fn request(code: usize, at: NonNull<u8>, bytes: usize) {
        let arguments: [usize; 6] = [code, at.as_ptr().expose_provenance(), bytes, 0, 0, 0];
        // SAFETY: the rotations add up to 128, so `rdi` is what it was; the exchange is of a register with itself.
        // Valgrind reads the arguments and puts its answer into `rdx`.
        unsafe {
            core::arch::asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") arguments.as_ptr(),
                inout("rdx") 0usize => _,
                options(nostack),
            );
        }
    }
}

#[cfg(all(test, grisaille_poison = "asan"))]
mod tests {
    use super::is_poisoned;
    use crate::space::bitmap;
    use crate::space::block::{BlockPtr, FIRST_GRANULE};
    use crate::space::geometry::{BLOCK_SIZE, GRANULE, GRANULES};
    use crate::{Array, Budget, Deletion, Gc, Heap, Mutator, RootsFirst, Slot, Sweep, barrier::Barrier};

    /// Of every block, exactly what no object occupies is poisoned.
    fn check<B: Barrier>(cx: &Mutator<'_, B>) {
        let c = cx.collector();
        // What lies in the open holes is booked, so `occupied` names all there is.
        c.checkpoint();
        let mut blocks = 0;
        for block in c.blocks.borrow().registry.iter() {
            blocks += 1;
            for granule in 0..GRANULES {
                // SAFETY: no sweep is in progress: the block is the mutator's (I7). A leaf borrow.
                let free = !bitmap::get(unsafe { block.bits(c.marker.occupied()) }, granule);
                let free = free && granule >= FIRST_GRANULE;
                // SAFETY: a granule of the block.
                assert_eq!(is_poisoned(unsafe { block.at(granule) }), free, "granule {granule} of block {blocks}");
            }
            // SAFETY: as above.
            if !block.is_large() && !bitmap::get(unsafe { block.bits(c.marker.occupied()) }, GRANULES - 1) {
                for offset in (BLOCK_SIZE..block.run() * BLOCK_SIZE).step_by(GRANULE) {
                    assert!(poisoned_at(block, offset), "byte {offset} of a run of which no object has that part");
                }
            }
            if block.is_large() {
                // SAFETY: as above.
                let at = bitmap::next_one(unsafe { block.bits(c.marker.occupied()) }, FIRST_GRANULE);
                // SAFETY: the run has one object, whose header stands there (I3).
                let bytes = unsafe { block.object(at) }.granules() * GRANULE;
                let (start, end) = (at * GRANULE + bytes, block.run() * BLOCK_SIZE);
                for offset in (BLOCK_SIZE..end).step_by(GRANULE) {
                    assert_eq!(poisoned_at(block, offset), offset >= start, "byte {offset} of a run to {end}");
                }
            }
        }
        assert!(blocks > 0);
    }

    fn poisoned_at(block: BlockPtr, offset: usize) -> bool {
        // SAFETY: inside the block's run.
        is_poisoned(unsafe { block.base().add(offset) })
    }

    type List<'gc> = Array<'gc, Slot<Option<Gc<'gc, String>>>>;

    /// Objects of all kinds come and go: every other one dies at once, a third later.
    fn churn<B: Barrier>(sweep: Sweep) {
        let heap = Heap::builder().barrier::<B>().sweep(sweep).stress(true).automatic(false).build();
        heap.unwrap().enter(|cx| {
            let list: List<'_> = cx.alloc_array(3000, |_| Slot::new(None));
            let list = cx.root(list);
            for round in 0..6 {
                for index in 0..3000_usize {
                    cx.alloc([index; 3]);
                    cx.alloc(index as u128);
                    cx.alloc_str("some text".get(..index % 9).unwrap_or_default());
                    let text = cx.alloc(String::from("with drop glue"));
                    list.get(cx)[index].set(cx, (index % 3 != round % 3).then_some(text));
                    if index % 100 == 0 {
                        cx.alloc_array(index * 10, |at| at);
                        cx.alloc_array(index * 5, |at| at as u128);
                        cx.step(Budget::work(10_000));
                    }
                }
                check_idle(cx);
            }
        });
    }

    fn check_idle<B: Barrier>(cx: &mut Mutator<'_, B>) {
        cx.collect();
        check(cx);
        // In holes of all sizes, and in new blocks.
        for len in 0..2000 {
            cx.alloc_array(len % 90, |at| at);
        }
        check(cx);
    }

    #[test]
    fn exactly_what_no_object_occupies_is_poisoned() {
        churn::<RootsFirst>(Sweep::Lazy);
        churn::<Deletion>(Sweep::Concurrent);
    }

    #[test]
    fn free_blocks_are_poisoned() {
        let mut heap = Heap::new();
        heap.enter(|cx| {
            let array = cx.alloc_array(100_000, |at| at);
            let object = Array::as_gc(array).object();
            let block = BlockPtr::of(object);
            let end = FIRST_GRANULE * GRANULE + object.granules() * GRANULE;
            let run = block.run() * BLOCK_SIZE;
            assert!(run > BLOCK_SIZE && end < run);
            assert!(!poisoned_at(block, end - GRANULE) && poisoned_at(block, end));
            cx.collect();
            assert!((0..run).step_by(GRANULE).all(|offset| poisoned_at(block, offset)));
        });
    }
}
