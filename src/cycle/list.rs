//! [`BlockList`]: blocks, and for each the state that it will have in a sweep. [`BlockLine`]: blocks that wait.
//!
//! The list lies in pieces. So it grows without being moved, and the job of a sweep is made of it in constant time, however
//! many blocks there are: the states stand ready when it starts.

use crate::space::block::BlockPtr;
use crate::sync::atomic::AtomicU8;

/// Entries of a piece.
const PIECE: usize = if cfg!(loom) { 2 } else { 1024 };

struct Entry {
    block: BlockPtr,
    state: AtomicU8,
}

/// See the module.
#[derive(Default)]
pub(crate) struct BlockList {
    /// All but the last are full.
    pieces: Vec<Vec<Entry>>,
}

impl BlockList {
    /// Adds a block in state 0. At the most a piece is allocated, and the list of them copied.
    pub fn push(&mut self, block: BlockPtr) {
        let entry = Entry { block, state: AtomicU8::new(0) };
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(entry),
            // The first one grows: most heaps have few blocks.
            None => self.pieces.push(vec![entry]),
            Some(_) => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(entry);
                self.pieces.push(piece);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * PIECE + last.len())
    }

    pub fn block(&self, index: usize) -> BlockPtr {
        self.pieces[index / PIECE][index % PIECE].block
    }

    pub fn state(&self, index: usize) -> &AtomicU8 {
        &self.pieces[index / PIECE][index % PIECE].state
    }

    pub fn iter(&self) -> impl Iterator<Item = BlockPtr> + '_ {
        self.pieces.iter().flatten().map(|entry| entry.block)
    }
}

/// Blocks that wait, linked through them: it takes no memory, and none of it ever takes long.
#[derive(Default)]
pub(crate) struct BlockLine {
    first: Option<BlockPtr>,
    last: Option<BlockPtr>,
}

impl BlockLine {
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub fn push_front(&mut self, block: BlockPtr) {
        block.next_offered.set(self.first.replace(block));
        self.last.get_or_insert(block);
    }

    pub fn push_back(&mut self, block: BlockPtr) {
        block.next_offered.set(None);
        match self.last.replace(block) {
            Some(last) => last.next_offered.set(Some(block)),
            None => self.first = Some(block),
        }
    }

    pub fn pop_front(&mut self) -> Option<BlockPtr> {
        let block = self.first?;
        self.first = block.next_offered.get();
        if self.first.is_none() {
            self.last = None;
        }
        Some(block)
    }

    /// From the front to the back.
    pub fn iter(&self) -> impl Iterator<Item = BlockPtr> {
        core::iter::successors(self.first, |block| block.next_offered.get())
    }
}

impl FromIterator<BlockPtr> for BlockList {
    fn from_iter<I: IntoIterator<Item = BlockPtr>>(blocks: I) -> BlockList {
        let mut list = BlockList::default();
        blocks.into_iter().for_each(|block| list.push(block));
        list
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::space::arena::Arena;
    use crate::space::block::Kind;

    #[test]
    fn blocks_keep_their_places() {
        let mut arena = Arena::new(usize::MAX);
        let mut list = BlockList::default();
        assert_eq!((list.len(), list.iter().count()), (0, 0));
        let blocks: Vec<_> = (0..2 * PIECE + 1).map(|_| arena.take(1, Kind::Plain, false, 0).unwrap()).collect();
        for (index, &block) in blocks.iter().enumerate() {
            list.push(block);
            assert_eq!((list.len(), list.block(index)), (index + 1, block));
        }
        assert!(list.iter().eq(blocks.iter().copied()));
        assert!((0..list.len()).all(|index| list.block(index) == blocks[index]));
    }

    #[test]
    fn a_line_has_two_ends() {
        let mut arena = Arena::new(usize::MAX);
        let [a, b, c] = [(); 3].map(|()| arena.take(1, Kind::Plain, false, 0).unwrap());
        let mut line = BlockLine::default();
        for _ in 0..2 {
            assert!(line.is_empty() && line.pop_front().is_none());
            line.push_back(b);
            line.push_front(a);
            line.push_back(c);
            assert!(line.iter().eq([a, b, c]));
            assert_eq!([(); 3].map(|()| line.pop_front()), [Some(a), Some(b), Some(c)]);
            line.push_front(c);
            line.push_back(a);
            assert_eq!([(); 2].map(|()| line.pop_front()), [Some(c), Some(a)]);
        }
    }
}
