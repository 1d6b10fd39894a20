//! [`Registry`]: the blocks of a heap that are taken and swept, each in the lists that its state demands, and the arena
//! of the free ones.

use std::collections::HashSet;

use super::list::{BlockLine, BlockList, OwnBlocks};
use crate::memory::NoMemory;
use crate::space::arena::Arena;
use crate::space::block::{BLOCK_ROOM, BlockPtr, KINDS, Kind};
use crate::space::geometry::GRANULE;

/// Least free bytes of a block that is offered for allocation.
const MIN_FREE: usize = 512;

/// The registered blocks; see the module.
pub(crate) struct Registry {
    pub arena: Arena,
    /// Every block that is taken and swept, without those in `own`.
    all: BlockList,
    /// Blocks with drop glue that must run on the mutator's thread, and blocks that there was no memory to list: no
    /// other thread touches these.
    own: OwnBlocks,
    /// Number of blocks in `all` with drops that may run on the sweeper's thread.
    background: usize,
    /// Blocks with holes, by kind and by length of run ([`line()`]).
    available: [BlockLine; 2 * KINDS],
    /// Bytes of the holes in `available`.
    offered: usize,
}

/// All registered blocks, as a sweep takes them over.
pub(super) struct Unregistered {
    /// Blocks that any thread may sweep.
    pub shared: BlockList,
    /// Blocks that only the mutator sweeps.
    pub own: OwnBlocks,
    /// Number of blocks in `shared` with drops to run.
    pub background: usize,
}

/// Returns the index in `available` of the line for a kind and a length of run.
fn line(kind: Kind, run: usize) -> usize {
    kind as usize + if run > 1 { KINDS } else { 0 }
}

/// Returns the bytes of a block that were free after its last sweep.
///
/// # Safety
/// The block must be swept, and the mutator's (I7).
unsafe fn free_in(block: BlockPtr) -> usize {
    // SAFETY: the block is the mutator's (I7): the caller's promise.
    BLOCK_ROOM - unsafe { block.front() }.live.get() as usize * GRANULE
}

impl Registry {
    pub(super) fn new(limit: usize) -> Result<Registry, NoMemory> {
        Ok(Registry {
            arena: Arena::new(limit)?,
            all: BlockList::default(),
            own: OwnBlocks::default(),
            background: 0,
            available: Default::default(),
            offered: 0,
        })
    }

    /// Registers a swept block, or frees it if no object in it is live. That is how a large object is
    /// freed too: see [`large`](super::large).
    ///
    /// # Safety
    /// The block must be this heap's, swept, the mutator's (I7), and in no list. If no object in it is live, nobody may
    /// use it from here on.
    pub(crate) unsafe fn register(&mut self, block: BlockPtr) {
        // SAFETY: the block is the mutator's (I7): the caller's promise.
        if unsafe { block.front() }.live.get() == 0 {
            // SAFETY: the block has no live object, and is in no list: the caller's promise.
            unsafe { self.arena.free_run(block) };
            return;
        }
        // SAFETY: passed on.
        unsafe { self.list(block) };
        // SAFETY: the block is the mutator's (I7): the caller's promise.
        let free = unsafe { free_in(block) };
        // In a run, free bytes at the end of the first block may have more behind them.
        let least = if block.run() > 1 { GRANULE } else { MIN_FREE };
        if !block.is_large() && free >= least {
            self.offered += free;
            // SAFETY: the block was in no list, and so in no line; it is the mutator's (I7) until the next sweep, which
            // drops the lines.
            unsafe { self.available[line(block.kind(), block.run())].push_front(block) };
        }
    }

    /// Lists a block, without offering its holes.
    ///
    /// # Safety
    /// The block must be this heap's, swept, the mutator's (I7), and in no list.
    pub(super) unsafe fn list(&mut self, block: BlockPtr) {
        if block.kind() == Kind::Drop || self.all.push(block).is_err() {
            // SAFETY: the block is in no other list, and in no task until it is popped: the mutator's (I7).
            unsafe { self.own.push(block) };
        } else {
            self.background += usize::from(block.kind() == Kind::BackgroundDrop);
        }
    }

    /// Offers up to `tries` blocks with holes, of runs of that length, until one is accepted. Returns whether one was.
    /// A refused block goes to the end of the line: it has no hole for this object, and may have one for a smaller.
    pub(super) fn offer(
        &mut self,
        kind: Kind,
        run: usize,
        tries: usize,
        mut accepts: impl FnMut(BlockPtr) -> bool,
    ) -> bool {
        let waiting = &mut self.available[line(kind, run)];
        let mut refused = None;
        for _ in 0..tries {
            let Some(block) = waiting.pop_front() else { break };
            // All blocks were offered.
            if refused == Some(block) {
                // SAFETY: the block was just taken off this line, and no area has entered it.
                unsafe { waiting.push_front(block) };
                break;
            }
            if accepts(block) {
                // SAFETY: offered blocks are swept, and the mutator's (I7).
                self.offered -= unsafe { free_in(block) };
                return true;
            }
            refused.get_or_insert(block);
            // SAFETY: as above.
            unsafe { waiting.push_back(block) };
        }
        false
    }

    /// Returns whether no block of the kind, of runs of that length, is offered.
    pub(super) fn offers_none(&self, kind: Kind, run: usize) -> bool {
        self.available[line(kind, run)].is_empty()
    }

    /// Takes all blocks out of the lists, at the beginning of a sweep. Constant time.
    pub(super) fn unregister_all(&mut self) -> Unregistered {
        self.available = Default::default();
        self.offered = 0;
        Unregistered {
            shared: core::mem::take(&mut self.all),
            own: core::mem::take(&mut self.own),
            background: core::mem::take(&mut self.background),
        }
    }

    /// Iterates over the registered blocks.
    pub(crate) fn iter(&self) -> impl Iterator<Item = BlockPtr> + '_ {
        self.all.iter().chain(self.own.iter())
    }

    /// Returns the bytes of memory that the lists of blocks and the maps of chunks take.
    pub(super) fn bytes(&self) -> usize {
        self.all.bytes() + self.arena.bytes_of_maps()
    }

    /// Returns the bytes that listing a block allocates, without those of the list of pieces.
    pub(super) fn wanted(&self) -> usize {
        self.all.wanted()
    }

    /// Returns the bytes of holes in the blocks that are offered.
    pub(super) fn offered(&self) -> usize {
        self.offered
    }

    #[cfg(test)]
    pub(crate) fn offer_for_tests(&mut self, block: BlockPtr) {
        // SAFETY: the block is new and empty.
        unsafe {
            self.offered += free_in(block);
            self.available[line(block.kind(), block.run())].push_front(block);
        }
    }

    #[cfg(test)]
    pub(crate) fn recount_offered(&mut self) {
        self.offered = self
            .available
            .iter()
            .flat_map(BlockLine::iter)
            // SAFETY: offered blocks are swept, and the mutator's (I7).
            .map(|block| unsafe { free_in(block) })
            .sum();
    }

    /// Checks that each block is in the lists that its state demands, once, and returns what is wrong, for the verifier.
    pub(super) fn complaint(&self) -> Option<String> {
        let registered: HashSet<BlockPtr> = self.iter().collect();
        let mut offered = HashSet::new();
        for (number, waiting) in self.available.iter().enumerate() {
            for block in waiting.iter() {
                if !registered.contains(&block) || !offered.insert(block) {
                    return Some(format!("{block:?} is offered for allocation, and not registered, or offered twice"));
                }
                // SAFETY: blocks that are offered are the mutator's (I7).
                let live = unsafe { block.front() }.live.get();
                if block.is_large() || line(block.kind(), block.run()) != number || live == 0 {
                    return Some(format!("{block:?} is offered for objects of another kind than it holds"));
                }
            }
        }
        // SAFETY: offered blocks are swept, and the mutator's (I7).
        let holes: usize = offered.iter().map(|&block| unsafe { free_in(block) }).sum();
        if holes != self.offered {
            return Some(format!("{holes} bytes are offered, and the count is {}", self.offered));
        }
        let background = self.all.iter().filter(|block| block.kind() == Kind::BackgroundDrop).count();
        if background != self.background {
            return Some(format!("{background} blocks have background drops, and the count is {}", self.background));
        }
        let misplaced = self.all.iter().find(|block| block.kind() == Kind::Drop);
        misplaced.map(|block| format!("{block:?} is listed with those that may be swept on another thread"))
    }

    /// Digests the blocks, in the order of each list.
    #[cfg(grisaille_faults)]
    pub(super) fn digest(&self, digest: &mut crate::space::digest::Digest<'_>) {
        let Registry { arena, all, own, background, available, offered: _ } = self;
        arena.digest(digest);
        digest.number(*background);
        let lists = [all.iter().collect(), own.iter().collect()];
        let lines = available.iter().map(|line| line.iter().collect::<Vec<_>>());
        for list in lists.into_iter().chain(lines) {
            digest.number(list.len());
            list.into_iter().for_each(|block| digest.block(block));
        }
    }
}
