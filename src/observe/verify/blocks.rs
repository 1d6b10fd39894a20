//! Every block against its bitmaps, and the accounts against a recount.

use bitvec::prelude::{BitArray, Lsb0};

use super::{At, Verdict, Verifier, fail};
use crate::cycle::phase::Phase;
use crate::space::bitmap;
use crate::space::block::{BLOCK_SIZE, BlockPtr, FIRST_GRANULE, GRANULE, GRANULES, Kind, WORDS};
use crate::space::header::{HEADER_SIZE, KEY, ObjectPtr, QUEUED, TypeInfo};

type Bits = BitArray<[u64; WORDS], Lsb0>;

/// A block and what the walk over it found.
pub(super) struct Walked {
    pub block: BlockPtr,
    /// It is not in the hands of a sweep: all of it may be looked at.
    pub filed: bool,
    /// The headers of allocated objects. In a block that is still to be swept: of those that survive.
    pub starts: Bits,
    pub marked: Bits,
    /// What marking would find.
    pub found: Bits,
}

impl Verifier<'_> {
    pub(super) fn walk(&mut self) -> Verdict {
        let blocks = self.c.blocks.borrow();
        let all = blocks.each().map(|block| (block, true)).chain(blocks.unfiled().map(|block| (block, false)));
        for (block, filed) in all {
            if self.numbers.insert(block.base().as_ptr().addr(), self.numbers.len()).is_some() {
                return fail(format!("{block:?} is listed twice"));
            }
            let zero = Bits::ZERO;
            self.blocks.push(Walked { block, filed, starts: zero, marked: zero, found: zero });
        }
        let (mut used, mut bytes, mut objects) = (0, 0, 0);
        for number in 0..self.blocks.len() {
            used += self.blocks[number].block.run() * BLOCK_SIZE;
            let (more_bytes, more_objects) = self.walk_block(number)?;
            bytes += more_bytes;
            objects += more_objects;
        }
        if used != blocks.used() {
            return fail(format!("the blocks take {used} bytes, and the arena says {}", blocks.used()));
        }
        let taken = self.blocks.iter().map(|walked| walked.block);
        if let Some(complaint) = blocks.complaint().or_else(|| blocks.arena.complaint(taken)) {
            return fail(complaint);
        }
        let phase = self.c.phase.get();
        if !blocks.is_swept() && !matches!(phase, Phase::Sweep | Phase::SweepTermination) {
            return fail(format!("blocks are unswept in phase {phase}"));
        }
        drop(blocks);
        let stats = self.c.stats();
        if bytes as u64 != stats.bytes_live {
            return fail(format!("the objects take {bytes} bytes, and the books say {}", stats.bytes_live));
        }
        let booked = stats.objects_allocated - stats.objects_freed;
        if objects as u64 != booked {
            return fail(format!("there are {objects} objects, and the books say {booked}"));
        }
        Ok(())
    }

    /// Checks one block, and returns the bytes and the number of its objects.
    pub(super) fn walk_block(&mut self, number: usize) -> Verdict<(usize, usize)> {
        let Walked { block, filed, .. } = self.blocks[number];
        let marker = &self.c.marker;
        // SAFETY: `occupied` may be read of any block: the mutator alone writes it, in blocks that are filed, and
        // while a block is in a sweep's hands whoever has it only reads this bitmap too (I7).
        let mut allocated = unsafe { words(block, marker.occupied()) };
        // SAFETY: the other one is read of filed blocks only, which are the mutator's (I7).
        let marked = if filed { unsafe { words(block, marker.marked()) } } else { [0; WORDS] };
        // SAFETY: as above.
        if filed && bitmap::count(&allocated) < unsafe { block.front() }.live.get() as usize {
            return fail(format!("{block:?} has lost granules that survived its last sweep"));
        }
        if let Some((from, to)) = self.c.fresh_of(block) {
            bitmap::set_run(&mut allocated, from, to - from);
        }
        let unused = self.c.unused_of(block);
        let (allocated, marked) = (Bits::new(allocated), Bits::new(marked));
        if let Some((from, to)) = unused
            && (allocated[from..to].any() || marked[from..to].any() && !marked[from..to].all())
        {
            return fail(format!("the open hole {from}..{to} of {block:?} is partly taken or partly marked ahead"));
        }
        let (mut bytes, mut objects, mut marked_granules) = (0, 0, 0);
        let mut at = 0;
        while let Some(start) = allocated[at..].first_one().map(|more| at + more) {
            let (info, size) = self.plausible(block, start)?;
            let name = (info.name)();
            let end = start + size.div_ceil(GRANULE);
            let fits = if block.is_large() {
                start == FIRST_GRANULE && size + FIRST_GRANULE * GRANULE <= block.run() * BLOCK_SIZE
            } else {
                start >= FIRST_GRANULE && end <= GRANULES
            };
            if !fits {
                return fail(format!("{name} of {size} bytes at granule {start} of {block:?} does not fit there"));
            }
            let end = end.min(GRANULES);
            if !allocated[start..end].all() {
                return fail(format!("{name} at granule {start} of {block:?} is allocated in part"));
            }
            if marked[start..end].any() && !marked[start..end].all() {
                return fail(format!("{name} at granule {start} of {block:?} is marked in part"));
            }
            if block.kind() == Kind::Plain && info.drop.is_some() {
                return fail(format!("{name} has drop glue, and lies in {block:?} of a kind without"));
            }
            self.blocks[number].starts.set(start, true);
            bytes += size;
            objects += 1;
            marked_granules += if marked[start] { end - start } else { 0 };
            at = end;
        }
        let ahead = unused.map_or(0, |(from, to)| marked[from..to].count_ones());
        if marked.count_ones() != marked_granules + ahead {
            return fail(format!("{block:?} has marks where no object is"));
        }
        if !self.is_marking() && !self.is_condemned() && marked.any() {
            return fail(format!("{block:?} has marks in phase {}", self.c.phase.get()));
        }
        self.blocks[number].marked = marked;
        Ok((bytes, objects))
    }

    /// The type and the size, in bytes, of the object whose header stands there. What is not plausible as a header is
    /// not followed.
    pub(super) fn plausible(&self, block: BlockPtr, granule: usize) -> Verdict<(&'static TypeInfo, usize)> {
        // SAFETY: a granule of a taken block is within it, and initialized memory where `occupied` says that it is an
        // object's (I3).
        let word = unsafe { block.at(granule).cast::<usize>().read() };
        let address = word & !15;
        let in_heap = self.numbers.contains_key(&(address & !(BLOCK_SIZE - 1)));
        // A pointer into the heap, a small number, poison: all that payloads are usually made of.
        if word & 15 & !(QUEUED | KEY) != 0 || address < 4096 || address as u64 >> 56 != 0 || in_heap {
            return fail(format!("no header at granule {granule} of {block:?}, but {word:#x}"));
        }
        // SAFETY: a header was written where a run in `occupied` starts, and where its last object ended (I3).
        let object = unsafe { block.object(granule) };
        let info = object.info();
        let granules = if info.size.granules != 0 {
            Some(info.size.granules as usize)
        } else {
            // SAFETY: the info is the object's own, and says that the length word tells.
            let elements = unsafe { object.length_as(info) }.checked_mul(info.element as usize);
            let bytes = elements.and_then(|bytes| bytes.checked_add(HEADER_SIZE + info.prefix as usize));
            bytes.map(|bytes| bytes.div_ceil(GRANULE))
        };
        match granules.and_then(|granules| granules.checked_mul(GRANULE)) {
            Some(size) => Ok((info, size)),
            None => fail(format!("{} at granule {granule} of {block:?} has an absurd length", (info.name)())),
        }
    }

    /// Where the object is, if one is allocated there.
    pub(super) fn locate(&self, object: ObjectPtr) -> Option<At> {
        let block = *self.numbers.get(&(object.addr() & !(BLOCK_SIZE - 1)))?;
        let granule = object.granule();
        (object.addr().is_multiple_of(GRANULE) && self.blocks[block].starts[granule]).then_some(At { block, granule })
    }

    pub(super) fn object(&self, at: At) -> ObjectPtr {
        // SAFETY: `At`s come from `starts`, where allocated objects have their headers (I3).
        unsafe { self.blocks[at.block].block.object(at.granule) }
    }

    pub(super) fn is_marked(&self, at: At) -> bool {
        self.blocks[at.block].marked[at.granule]
    }

    pub(super) fn is_found(&self, at: At) -> bool {
        self.blocks[at.block].found[at.granule]
    }

    /// Calls `f` for every allocated object.
    pub(super) fn each_object(&self, mut f: impl FnMut(At) -> Verdict) -> Verdict {
        for (block, walked) in self.blocks.iter().enumerate() {
            for granule in walked.starts.iter_ones() {
                f(At { block, granule })?;
            }
        }
        Ok(())
    }
}

/// A copy of a bitmap. Reads word by word, and makes no reference: the sweeper may read the same bitmap.
///
/// # Safety
/// No other thread may write this bitmap meanwhile (I7).
unsafe fn words(block: BlockPtr, which: usize) -> [u64; WORDS] {
    // SAFETY: in bounds; not written meanwhile, by the caller's word.
    core::array::from_fn(|word| unsafe { block.bits_word(which, word).read() })
}
