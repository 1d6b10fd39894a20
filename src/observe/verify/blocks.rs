//! Checks every block against its bitmaps, and the accounts against a recount.

use super::{At, Verdict, Verifier, fail};
use crate::cycle::phase::Phase;
use crate::observe::stats::Stats;
use crate::space::bitmap::{self, Words};
use crate::space::block::{BlockPtr, FIRST_GRANULE, Kind};
use crate::space::geometry::{BLOCK_SIZE, GRANULE, GRANULES, PAGE, WORDS};
use crate::space::header::{HEADER_SIZE, KEY, ObjectPtr, QUEUED, TypeInfo};

/// A block and what the walk over it found.
pub(super) struct Walked {
    pub block: BlockPtr,
    /// Whether no sweep has the block, so that all of it may be read.
    pub registered: bool,
    /// The headers of allocated objects; in a block that is still to be swept, of those that survive.
    pub starts: Words,
    pub marked: Words,
    /// The objects that marking would find.
    pub found: Words,
}

impl Walked {
    fn base(&self) -> usize {
        self.block.base().as_ptr().addr()
    }
}

impl Verifier<'_> {
    pub(super) fn walk(&mut self) -> Verdict {
        let blocks = self.c.blocks.borrow();
        let all = blocks.registry.iter().map(|block| (block, true));
        let all = all.chain(blocks.unregistered().map(|block| (block, false)));
        for (block, registered) in all {
            if self.numbers.insert(block.base().as_ptr().addr(), self.numbers.len()).is_some() {
                return fail(format!("{block:?} is listed twice"));
            }
            let zero = [0; WORDS];
            self.blocks.push(Walked { block, registered, starts: zero, marked: zero, found: zero });
        }
        let bases = || self.blocks.iter().map(Walked::base);
        self.range = bases().min().unwrap_or(0)..bases().max().map_or(0, |last| last + BLOCK_SIZE);
        let (mut used, mut bytes, mut objects) = (0, 0, 0);
        for number in 0..self.blocks.len() {
            // SAFETY: this is the mutator.
            used += unsafe { self.blocks[number].block.pages() } * PAGE;
            let (more_bytes, more_objects) = self.walk_block(number)?;
            bytes += more_bytes;
            objects += more_objects;
        }
        if used != blocks.used() {
            return fail(format!("the blocks take {used} bytes, and the arena says {}", blocks.used()));
        }
        let taken = self.blocks.iter().map(|walked| walked.block);
        if let Some(complaint) = blocks.complaint().or_else(|| blocks.registry.arena.complaint(taken)) {
            return fail(complaint);
        }
        let phase = self.c.phase.get();
        if !blocks.is_swept() && !matches!(phase, Phase::Sweep | Phase::SweepTermination) {
            return fail(format!("blocks are unswept in phase {phase}"));
        }
        drop(blocks);
        let stats = Stats::of(self.c);
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
        let Walked { block, registered, .. } = self.blocks[number];
        let marker = &self.c.marker;
        // SAFETY: `occupied` may be read of any block: the mutator alone writes it, in blocks that are registered, and
        // while a sweep has a block, its thread only reads this bitmap too (I7).
        let mut allocated = unsafe { words(block, marker.occupied()) };
        // SAFETY: the other one is read of registered blocks only, which are the mutator's (I7).
        let marked = if registered { unsafe { words(block, marker.marked()) } } else { [0; WORDS] };
        // SAFETY: as above.
        if registered && bitmap::count(&allocated) < unsafe { block.front() }.live.get() as usize {
            return fail(format!("{block:?} has lost granules that survived its last sweep"));
        }
        if let Some((from, to)) = self.c.fresh_of(block) {
            bitmap::set_run(&mut allocated, from, to - from);
        }
        let unused = self.c.unused_of(block);
        if let Some((from, to)) = unused
            && (any(&allocated, from, to) || any(&marked, from, to) && !all(&marked, from, to))
        {
            return fail(format!("the open hole {from}..{to} of {block:?} is partly taken or partly marked ahead"));
        }
        let (mut bytes, mut objects, mut marked_granules) = (0, 0, 0);
        let mut start = 0;
        loop {
            start = bitmap::next_one(&allocated, start);
            if start == GRANULES {
                break;
            }
            let (info, size) = self.plausible(block, start)?;
            let name = (info.about)().name;
            let end = start + size.div_ceil(GRANULE);
            // SAFETY: this is the mutator.
            let room = unsafe { block.pages() } * PAGE;
            let fits = if block.is_large() {
                // One granule is left out for the alignment, also where an array was begun and not completed.
                (FIRST_GRANULE..=FIRST_GRANULE + 1).contains(&start) && size + start * GRANULE <= room
            } else {
                start >= FIRST_GRANULE && end * GRANULE <= room
            };
            if !fits {
                return fail(format!("{name} of {size} bytes at granule {start} of {block:?} does not fit there"));
            }
            if !info.alignment.suits(start * GRANULE, size) {
                return fail(format!("{name} at granule {start} of {block:?} is not aligned"));
            }
            let end = end.min(GRANULES);
            if !all(&allocated, start, end) {
                return fail(format!("{name} at granule {start} of {block:?} is allocated in part"));
            }
            if any(&marked, start, end) && !all(&marked, start, end) {
                return fail(format!("{name} at granule {start} of {block:?} is marked in part"));
            }
            if block.kind() == Kind::Plain && info.drop.is_some() {
                return fail(format!("{name} has drop glue, and lies in {block:?} of a kind without"));
            }
            bitmap::set_run(&mut self.blocks[number].starts, start, 1);
            bytes += size;
            objects += 1;
            marked_granules += if bitmap::get(&marked, start) { end - start } else { 0 };
            start = end;
        }
        // An unused hole is marked as a whole or not at all.
        let ahead = unused.map_or(0, |(from, to)| if any(&marked, from, to) { to - from } else { 0 });
        if bitmap::count(&marked) != marked_granules + ahead {
            return fail(format!("{block:?} has marks where no object is"));
        }
        if !self.is_marking() && !self.is_condemned() && any(&marked, 0, GRANULES) {
            return fail(format!("{block:?} has marks in phase {}", self.c.phase.get()));
        }
        self.blocks[number].marked = marked;
        Ok((bytes, objects))
    }

    /// Returns the type and the size, in bytes, of the object whose header stands at `granule`. A word that is not
    /// plausible as a header is not followed.
    pub(super) fn plausible(&self, block: BlockPtr, granule: usize) -> Verdict<(&'static TypeInfo, usize)> {
        // SAFETY: a granule of a taken block is within it, and initialized memory where `occupied` says that it is an
        // object's (I3).
        let word = unsafe { block.at(granule).cast::<usize>().read() };
        let address = word & !15;
        let in_heap = self.range.contains(&address) && self.numbers.contains_key(&(address & !(BLOCK_SIZE - 1)));
        // Not plausible: a pointer into the heap, a small number, poison, which payloads usually hold.
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
            None => fail(format!("{} at granule {granule} of {block:?} has an absurd length", (info.about)().name)),
        }
    }

    /// Returns where the object is, if one is allocated there.
    pub(super) fn locate(&self, object: ObjectPtr) -> Option<At> {
        let base = object.addr() & !(BLOCK_SIZE - 1);
        // Most pointers lead to the block that the one before led to.
        let mut block = self.nearest.get();
        if self.blocks.get(block).is_none_or(|walked| walked.base() != base) {
            block = *self.numbers.get(&base)?;
            self.nearest.set(block);
        }
        let granule = object.granule();
        let is_start = object.addr().is_multiple_of(GRANULE) && bitmap::get(&self.blocks[block].starts, granule);
        is_start.then_some(At { block, granule })
    }

    pub(super) fn object(&self, at: At) -> ObjectPtr {
        // SAFETY: `At`s come from `starts`, where allocated objects have their headers (I3).
        unsafe { self.blocks[at.block].block.object(at.granule) }
    }

    pub(super) fn is_marked(&self, at: At) -> bool {
        bitmap::get(&self.blocks[at.block].marked, at.granule)
    }

    pub(super) fn is_found(&self, at: At) -> bool {
        bitmap::get(&self.blocks[at.block].found, at.granule)
    }

    /// Records that the object is found, and returns whether that was known.
    pub(super) fn set_found(&mut self, at: At) -> bool {
        let found = &mut self.blocks[at.block].found;
        let before = bitmap::get(found, at.granule);
        bitmap::set_run(found, at.granule, 1);
        before
    }

    /// Calls `f` for every allocated object.
    pub(super) fn each_object(&self, mut f: impl FnMut(At) -> Verdict) -> Verdict {
        for (block, walked) in self.blocks.iter().enumerate() {
            let mut granule = bitmap::next_one(&walked.starts, 0);
            while granule < GRANULES {
                f(At { block, granule })?;
                granule = bitmap::next_one(&walked.starts, granule + 1);
            }
        }
        Ok(())
    }
}

/// Returns whether one of the bits is set.
fn any(words: &Words, from: usize, to: usize) -> bool {
    bitmap::next_one(words, from) < to
}

/// Returns whether all of the bits are set.
fn all(words: &Words, from: usize, to: usize) -> bool {
    bitmap::next_zero(words, from) >= to
}

/// Copies a bitmap. Reads word by word, and makes no reference: the sweeper may read the same bitmap.
///
/// # Safety
/// No other thread may write this bitmap meanwhile (I7).
unsafe fn words(block: BlockPtr, which: usize) -> Words {
    // SAFETY: in bounds; not written meanwhile, by the caller's word.
    core::array::from_fn(|word| unsafe { block.bits_word(which, word).read() })
}
