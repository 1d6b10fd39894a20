//! [`BlockList`]: blocks, each with its state in the next sweep. [`BlockLine`]: a queue of blocks. [`OwnBlocks`]: a
//! stack of blocks.
//!
//! A `BlockList` lies in pieces. So it grows without being moved, and is turned into the task of a sweep in constant
//! time, however many blocks there are: the states are initialized already.

use crate::memory::{NoMemory, reserve_exact, reserve_one};
use crate::space::block::BlockPtr;
use crate::sync::atomic::AtomicU8;

/// Number of entries of a piece.
const PIECE: usize = if cfg!(loom) { 2 } else { 1024 };

struct Entry {
    block: BlockPtr,
    state: AtomicU8,
}

/// Blocks with their states; see the module.
#[derive(Default)]
pub(crate) struct BlockList {
    /// The pieces, of which all but the last are full.
    pieces: Vec<Vec<Entry>>,
}

impl BlockList {
    /// Adds a block in state 0. At the most allocates one piece, and copies the list of pieces.
    pub(crate) fn push(&mut self, block: BlockPtr) -> Result<(), NoMemory> {
        let entry = Entry { block, state: AtomicU8::new(0) };
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < PIECE => {
                // The first piece grows: most heaps have few blocks.
                reserve_one(piece)?;
                piece.push(entry);
            }
            last => {
                let mut piece = Vec::new();
                reserve_exact(&mut piece, if last.is_none() { 4.min(PIECE) } else { PIECE })?;
                reserve_one(&mut self.pieces)?;
                piece.push(entry);
                self.pieces.push(piece);
            }
        }
        Ok(())
    }

    /// Returns the bytes of memory that the list takes.
    pub(crate) fn bytes(&self) -> usize {
        let entries = self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * PIECE + last.capacity());
        entries * size_of::<Entry>() + self.pieces.capacity() * size_of::<Vec<Entry>>()
    }

    /// Returns the bytes that adding a block allocates, without those of the list of pieces.
    pub(crate) fn wanted(&self) -> usize {
        let more = match self.pieces.last() {
            Some(last) if last.len() < last.capacity() => 0,
            Some(last) if last.len() < PIECE => last.len(),
            Some(_) => PIECE,
            None => 4.min(PIECE),
        };
        more * size_of::<Entry>()
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * PIECE + last.len())
    }

    pub(crate) fn block(&self, index: usize) -> BlockPtr {
        self.pieces[index / PIECE][index % PIECE].block
    }

    pub(crate) fn state(&self, index: usize) -> &AtomicU8 {
        &self.pieces[index / PIECE][index % PIECE].state
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = BlockPtr> + '_ {
        self.pieces.iter().flatten().map(|entry| entry.block)
    }
}

/// A queue of blocks, linked through them: it needs no memory, and each operation takes constant time. The blocks in it
/// are the mutator's (I7), as the callers of `push_front` and `push_back` promise.
#[derive(Default)]
pub(crate) struct BlockLine {
    first: Option<BlockPtr>,
    last: Option<BlockPtr>,
}

/// A stack of blocks that only the mutator sweeps, linked through them.
#[derive(Default)]
pub(crate) struct OwnBlocks {
    last: Option<BlockPtr>,
}

impl OwnBlocks {
    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// # Safety
    /// The block must be in no `OwnBlocks`, and the mutator's (I7) until it is popped.
    pub(super) unsafe fn push(&mut self, block: BlockPtr) {
        // SAFETY: the block is the mutator's (I7): the caller's promise.
        unsafe { block.front() }.next_own.set(self.last.replace(block));
    }

    pub(super) fn last(&self) -> Option<BlockPtr> {
        self.last
    }

    pub(super) fn pop(&mut self) -> Option<BlockPtr> {
        let block = self.last?;
        // SAFETY: the block is the mutator's (I7) as long as it is in the list.
        self.last = unsafe { block.front() }.next_own.get();
        Some(block)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = BlockPtr> {
        // SAFETY: the block is the mutator's (I7) as long as it is in the list.
        core::iter::successors(self.last, |block| unsafe { block.front() }.next_own.get())
    }
}

impl BlockLine {
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// # Safety
    /// The block must be in no line, and the mutator's (I7) until it is popped or the line dropped.
    pub(super) unsafe fn push_front(&mut self, block: BlockPtr) {
        // SAFETY: the block is the mutator's (I7): the caller's promise.
        unsafe { block.front() }.next_offered.set(self.first.replace(block));
        self.last.get_or_insert(block);
    }

    /// # Safety
    /// As for [`push_front`](BlockLine::push_front).
    pub(super) unsafe fn push_back(&mut self, block: BlockPtr) {
        // SAFETY: the block is the mutator's (I7): the caller's promise.
        unsafe { block.front() }.next_offered.set(None);
        match self.last.replace(block) {
            // SAFETY: the block is the mutator's (I7) as long as it is in the line.
            Some(last) => unsafe { last.front() }.next_offered.set(Some(block)),
            None => self.first = Some(block),
        }
    }

    pub(super) fn pop_front(&mut self) -> Option<BlockPtr> {
        let block = self.first?;
        // SAFETY: the block is the mutator's (I7) as long as it is in the line.
        self.first = unsafe { block.front() }.next_offered.get();
        if self.first.is_none() {
            self.last = None;
        }
        Some(block)
    }

    /// Iterates from the front to the back.
    pub(super) fn iter(&self) -> impl Iterator<Item = BlockPtr> {
        // SAFETY: the block is the mutator's (I7) as long as it is in the line.
        core::iter::successors(self.first, |block| unsafe { block.front() }.next_offered.get())
    }
}

#[cfg(test)]
impl FromIterator<BlockPtr> for BlockList {
    fn from_iter<I: IntoIterator<Item = BlockPtr>>(blocks: I) -> BlockList {
        let mut list = BlockList::default();
        blocks.into_iter().for_each(|block| list.push(block).expect("the test has memory"));
        list
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::space::arena::{Arena, testing::take};
    use crate::space::block::Kind;

    #[test]
    fn blocks_keep_their_places() {
        let mut arena = Arena::new(usize::MAX).unwrap();
        let mut list = BlockList::default();
        assert_eq!((list.len(), list.iter().count()), (0, 0));
        let blocks: Vec<_> = (0..2 * PIECE + 1).map(|_| take(&mut arena, 1, Kind::Plain, false, 0).unwrap()).collect();
        for (index, &block) in blocks.iter().enumerate() {
            let promised = list.bytes() + list.wanted();
            let pieces = list.pieces.capacity();
            list.push(block).unwrap();
            let grown = (list.pieces.capacity() - pieces) * size_of::<Vec<Entry>>();
            assert_eq!(list.bytes(), promised + grown);
            assert_eq!((list.len(), list.block(index)), (index + 1, block));
            assert!(list.bytes() >= list.len() * 16);
        }
        assert!(list.iter().eq(blocks.iter().copied()));
        assert!((0..list.len()).all(|index| list.block(index) == blocks[index]));
    }

    #[test]
    fn a_line_has_two_ends() {
        let mut arena = Arena::new(usize::MAX).unwrap();
        let [a, b, c] = [(); 3].map(|()| take(&mut arena, 1, Kind::Plain, false, 0).unwrap());
        let mut line = BlockLine::default();
        for _ in 0..2 {
            assert!(line.is_empty() && line.pop_front().is_none());
            // SAFETY: the test's own blocks, in no line.
            unsafe {
                line.push_back(b);
                line.push_front(a);
                line.push_back(c);
            }
            assert!(line.iter().eq([a, b, c]));
            assert_eq!([(); 3].map(|()| line.pop_front()), [Some(a), Some(b), Some(c)]);
            // SAFETY: the test's own blocks, all of which were popped.
            unsafe {
                line.push_front(c);
                line.push_back(a);
            }
            assert_eq!([(); 2].map(|()| line.pop_front()), [Some(c), Some(a)]);
        }
    }
}
