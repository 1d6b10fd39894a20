use super::testing::{free_run, take};
use super::*;
use crate::space::chunk::IDLE_CYCLES;
#[cfg(grisaille_poison = "asan")]
use crate::space::geometry::{GRANULE, GRANULES};
use proptest::prelude::*;

#[test]
fn the_first_chunks_are_small_and_the_limit_holds() {
    let mut arena = Arena::new(3 * BLOCK_SIZE).unwrap();
    let blocks: Vec<_> = (0..3).map(|_| take(&mut arena, 1, Kind::Plain, false, 0).unwrap()).collect();
    assert_eq!(arena.held, 3 * BLOCK_SIZE, "no more is held than may be used");
    assert!(take(&mut arena, 1, Kind::Plain, false, 0).is_err());
    free_run(&mut arena, blocks[1]);
    assert!(take(&mut arena, 1, Kind::Plain, false, 1).is_err(), "what the caller adds counts");
    assert_eq!(take(&mut arena, 1, Kind::Plain, false, 0).unwrap(), blocks[1], "the freed block is taken again");
}

/// Whether this system can decommit memory.
const RELEASES: bool = cfg!(all(any(target_os = "linux", target_os = "android"), not(miri)));

const CHUNK: usize = CHUNK_BLOCKS * BLOCK_SIZE;

fn take_part(
    arena: &mut Arena,
    run: usize,
    pages: usize,
    kind: Kind,
    large: bool,
    besides: usize,
) -> Result<BlockPtr, Full> {
    // SAFETY: no test uses a block that it has freed.
    unsafe { arena.take(run, pages, kind, large, besides) }
}

fn extend(arena: &mut Arena, block: BlockPtr, bytes: usize, besides: usize) -> Result<(), Full> {
    // SAFETY: tests have one thread, and extend what is taken.
    unsafe { arena.extend(block, bytes, besides) }
}

fn pages(block: BlockPtr) -> usize {
    // SAFETY: as above.
    unsafe { block.pages() }
}

/// Runs a cycle's phase `Release`. Returns in how many pieces memory was decommitted.
fn age_all(arena: &mut Arena) -> usize {
    let (mut index, mut pieces) = (0, 0);
    loop {
        let before = arena.held;
        match arena.age(index) {
            Decommit::NoChunk => return pieces,
            Decommit::Done => index += 1,
            Decommit::InPart { pages } => {
                assert_eq!(before - arena.held, pages * PAGE, "a piece is as large as it says");
                assert!(pages * PAGE <= CHUNK, "a piece is no more than 2 MiB");
                pieces += 1;
            }
        }
    }
}

fn decommit_all(arena: &mut Arena) {
    let mut index = 0;
    while arena.decommit(index) != Decommit::NoChunk {
        index += usize::from(arena.chunks[index].free_pages == 0);
    }
}

/// Makes an arena with that many full-sized chunks, each block of which is taken by itself; the small ones are taken.
fn full(chunks: usize) -> (Arena, Vec<BlockPtr>) {
    let mut arena = Arena::new(usize::MAX).unwrap();
    let mut blocks = Vec::new();
    while arena.chunks.iter().filter(|c| c.is_full_sized()).count() < chunks
        || arena.chunks.iter().any(|c| c.free_count > 0)
    {
        let block = take(&mut arena, 1, Kind::Plain, false, 0).unwrap();
        if arena.chunks.last().unwrap().is_full_sized() {
            blocks.push(block);
        }
    }
    assert_eq!((blocks.len(), arena.complaint([].into_iter()).is_some()), (chunks * CHUNK_BLOCKS, true));
    (arena, blocks)
}

#[test]
fn empty_chunks_go_back_late_and_come_again() {
    let mut arena = Arena::new(usize::MAX).unwrap();
    let run = take(&mut arena, 2 * CHUNK_BLOCKS, Kind::Plain, true, 0).unwrap();
    free_run(&mut arena, run);
    for cycle in 0..=IDLE_CYCLES {
        assert_eq!(arena.decommitted, 0, "before cycle {cycle}");
        age_all(&mut arena);
    }
    let went = if RELEASES { 2 * CHUNK } else { 0 };
    assert_eq!((arena.decommitted, arena.held), (went, 2 * CHUNK - went));
    assert_eq!(take(&mut arena, CHUNK_BLOCKS, Kind::Plain, true, 0).unwrap(), run);
    assert_eq!(arena.held, 2 * CHUNK);
}

#[test]
fn one_block_does_not_keep_its_chunk() {
    let (mut arena, blocks) = full(8);
    let (held, used) = (arena.held, arena.used);
    let (kept, free): (Vec<_>, Vec<_>) = blocks.iter().enumerate().partition(|(at, _)| at % CHUNK_BLOCKS == 7);
    free.iter().for_each(|(_, block)| free_run(&mut arena, **block));
    for cycle in 0..IDLE_CYCLES {
        assert_eq!((age_all(&mut arena), arena.held), (0, held), "cycle {cycle}");
    }
    let pieces = age_all(&mut arena);
    if RELEASES {
        assert_eq!((pieces, arena.held - arena.used), (16, 0), "on both sides of what is taken");
        assert_eq!(arena.held, used - free.len() * BLOCK_SIZE);
    }
    assert_eq!(age_all(&mut arena), 0);
    // The next blocks are taken beside those that are kept.
    let chunks = arena.chunks.len();
    let again: Vec<_> = free.iter().map(|_| take(&mut arena, 1, Kind::Plain, false, 0).unwrap()).collect();
    assert_eq!((arena.chunks.len(), arena.held, arena.used), (chunks, held, used));
    let expected: std::collections::HashSet<_> = free.iter().map(|(_, block)| **block).collect();
    assert!(again.iter().all(|block| expected.contains(block)) && !kept.is_empty());
}

#[test]
fn what_is_needed_now_and_then_stays() {
    let (mut arena, mut blocks) = full(1);
    let held = arena.held;
    for _ in 0..4 * IDLE_CYCLES {
        // Between two cycles all blocks are taken once, and at the end of each cycle nearly none.
        for block in blocks.drain(1..) {
            free_run(&mut arena, block);
        }
        assert_eq!((age_all(&mut arena), arena.held), (0, held));
        blocks.extend((1..CHUNK_BLOCKS).map(|_| take(&mut arena, 1, Kind::Plain, false, 0).unwrap()));
    }
    // Less than half of a chunk is not worth a system call either.
    for block in blocks.drain(..CHUNK_BLOCKS / 2) {
        free_run(&mut arena, block);
    }
    for _ in 0..4 * IDLE_CYCLES {
        assert_eq!((age_all(&mut arena), arena.held), (0, held));
    }
}

#[test]
fn blocks_are_taken_where_most_is_taken() {
    let (mut arena, blocks) = full(3);
    // The first chunk is nearly free, the second half free, and the last has one free block.
    let (sparse, rest) = blocks.split_at(CHUNK_BLOCKS);
    let (half, last) = rest.split_at(CHUNK_BLOCKS);
    sparse[1..]
        .iter()
        .chain(&half[..CHUNK_BLOCKS / 2])
        .chain(&last[..1])
        .for_each(|&block| free_run(&mut arena, block));
    for _ in 0..CHUNK_BLOCKS / 2 + 1 {
        let block = take(&mut arena, 1, Kind::Plain, false, 0).unwrap();
        assert!(!sparse.contains(&block), "the other chunks have room");
    }
    assert!(sparse.contains(&take(&mut arena, 1, Kind::Plain, false, 0).unwrap()));
}

#[test]
fn a_chunk_that_had_no_run_is_searched_again_when_it_got_a_block_back() {
    let (mut arena, blocks) = full(1);
    let chunks = arena.chunks.len();
    blocks[..16].iter().step_by(2).for_each(|&block| free_run(&mut arena, block));
    assert!((2..8).all(|run| arena.find(run, false, true).is_none()));
    free_run(&mut arena, blocks[3]);
    assert_eq!(take(&mut arena, 3, Kind::Plain, true, 0).unwrap(), blocks[2]);
    assert!(arena.find(2, false, true).is_none());
    assert_eq!(arena.chunks.len(), chunks);
}

#[test]
fn all_that_is_free_goes_back_when_it_is_asked_for() {
    let mut arena = Arena::new(usize::MAX).unwrap();
    let blocks: Vec<_> = (0..300).map(|_| take(&mut arena, 1, Kind::Plain, false, 0).unwrap()).collect();
    blocks.iter().step_by(3).for_each(|&block| free_run(&mut arena, block));
    let decommitted = arena.decommitted;
    decommit_all(&mut arena);
    if RELEASES {
        assert_eq!((arena.held, arena.used), (200 * BLOCK_SIZE, 200 * BLOCK_SIZE), "the small chunks too");
        assert!(arena.decommitted >= decommitted + 100 * BLOCK_SIZE);
    }
    let taken = blocks.iter().enumerate().filter(|(at, _)| at % 3 != 0).map(|(_, block)| *block);
    assert_eq!(arena.complaint(taken), None);
}

#[test]
fn no_more_is_held_than_the_limit_allows() {
    if !RELEASES {
        return;
    }
    let limit = 8 * CHUNK;
    let mut arena = Arena::new(limit).unwrap();
    // Runs that get longer, of which every other one goes.
    let mut runs = std::collections::VecDeque::new();
    for round in 0..400 {
        match take(&mut arena, 1 + round / 4, Kind::Plain, true, 0) {
            Ok(run) => runs.push_back(run),
            Err(Full) => free_run(&mut arena, runs.pop_front().unwrap()),
        }
        if round % 2 == 0 && runs.len() > 4 {
            free_run(&mut arena, runs.remove(runs.len() / 2).unwrap());
        }
        assert!(arena.held <= limit && arena.held >= arena.used, "round {round}: {}", arena.held);
        assert_eq!(arena.complaint(runs.iter().copied()), None);
    }
    assert!(arena.decommitted > 0, "it came near the limit");
}

#[test]
fn a_run_holds_the_pages_that_it_uses() {
    let mut arena = Arena::new(usize::MAX).unwrap();
    // Of two blocks, nine pages.
    let runs: Vec<_> = (0..1000).map(|_| take_part(&mut arena, 2, 9, Kind::Plain, true, 0).unwrap()).collect();
    assert_eq!((arena.used, arena.held), (9000 * PAGE, 9000 * PAGE));
    runs.iter().for_each(|&run| free_run(&mut arena, run));
    assert_eq!((arena.used, arena.held), (0, 9000 * PAGE));
    // The same runs again take no memory, and give none back.
    let runs: Vec<_> = (0..1000).map(|_| take_part(&mut arena, 2, 9, Kind::Plain, true, 0).unwrap()).collect();
    assert_eq!((arena.used, arena.held, arena.decommitted), (9000 * PAGE, 9000 * PAGE, 0));
    runs.iter().for_each(|&run| free_run(&mut arena, run));
    // Where whole blocks were in use, the pages behind the ninth are decommitted, but for a few.
    let blocks: Vec<_> = (0..2000).map(|_| take(&mut arena, 1, Kind::Plain, false, 0).unwrap()).collect();
    blocks.iter().for_each(|&block| free_run(&mut arena, block));
    let held = arena.held;
    let runs: Vec<_> = (0..1000).map(|_| take_part(&mut arena, 2, 9, Kind::Plain, true, 0).unwrap()).collect();
    assert_eq!(arena.used, 9000 * PAGE);
    if RELEASES {
        assert!(arena.slack <= 9000 / SLACK_SHARE + SLACK_PAGES && held - arena.held >= 5000 * PAGE, "{}", arena.held);
    }
    assert_eq!(arena.complaint(runs.iter().copied()), None);
    // A run that uses more of its pages later, until there are no more or the limit is reached.
    arena.limit = arena.used + 5 * PAGE;
    extend(&mut arena, runs[0], 12 * PAGE + 1, 0).unwrap();
    assert_eq!((pages(runs[0]), arena.used), (13, 9004 * PAGE));
    assert!(extend(&mut arena, runs[1], 11 * PAGE, 0).is_err() && extend(&mut arena, runs[1], 10 * PAGE, 1).is_err());
    extend(&mut arena, runs[1], 10 * PAGE, 0).unwrap();
    assert_eq!(arena.complaint(runs.iter().copied()), None);
    runs.iter().for_each(|&run| free_run(&mut arena, run));
    assert_eq!((arena.used, arena.slack), (0, 0));
}

#[test]
fn a_large_heap_has_a_precommitted_chunk() {
    let mut arena = Arena::new(usize::MAX).unwrap();
    assert_eq!(arena.precommit(), None);
    let large = take(&mut arena, PRECOMMIT_FROM / BLOCK_SIZE, Kind::Plain, true, 0).unwrap();
    let (base, bytes) = arena.precommit().unwrap();
    assert_eq!((bytes, arena.held), (CHUNK, PRECOMMIT_FROM + CHUNK));
    assert_eq!(arena.precommit(), None, "one is enough");
    // SAFETY: the chunk is the arena's.
    unsafe { commit_pages(base, bytes) };
    free_run(&mut arena, large);
    let blocks: Vec<_> =
        (0..=PRECOMMIT_FROM / BLOCK_SIZE).map(|_| take(&mut arena, 1, Kind::Plain, false, 0).unwrap()).collect();
    assert_eq!(blocks.last().unwrap().base(), base, "it is used when the others are full");
    assert!(arena.precommit().is_some(), "and then there is another");
    // Freed blocks are taken first.
    for block in blocks {
        free_run(&mut arena, block);
    }
    (0..=IDLE_CYCLES).for_each(|_| _ = age_all(&mut arena));
    if !RELEASES {
        return;
    }
    assert_eq!((arena.held, arena.chunks.iter().filter(|c| c.precommitted).count()), (0, 0));
    let _all: Vec<_> =
        (0..=PRECOMMIT_FROM / BLOCK_SIZE).map(|_| take(&mut arena, 1, Kind::Plain, false, 0).unwrap()).collect();
    let chunks = arena.chunks.len();
    assert_eq!(arena.precommit().map(|(_, bytes)| bytes), Some(CHUNK));
    assert_eq!(arena.chunks.len(), chunks);
}

#[test]
fn a_size_that_overflows_is_an_error() {
    assert!(take(&mut Arena::new(usize::MAX).unwrap(), usize::MAX / 2, Kind::Plain, true, 0).is_err());
}

#[test]
#[cfg(grisaille_poison = "asan")]
fn poison_does_not_leave_the_heap() {
    let mut arena = Arena::new(usize::MAX).unwrap();
    // Small chunks, and a large one; the last is partly free.
    let runs: Vec<_> = [1, 3, 5, 100].map(|run| take(&mut arena, run, Kind::Plain, true, 0).unwrap()).into();
    free_run(&mut arena, runs[1]);
    assert!(runs.iter().all(|run| poison::is_poisoned(
        // SAFETY: a granule of the block.
        unsafe { run.at(GRANULES - 1) }
    )));
    let chunks: Vec<_> = arena.chunks.iter().map(|c| (c.base, c.blocks() * BLOCK_SIZE)).collect();
    let Ok(mut memory) = Arc::try_unwrap(arena.memory) else { panic!("it is shared") };
    memory.unpoison();
    for (base, bytes) in chunks {
        for offset in (0..bytes).step_by(GRANULE) {
            // SAFETY: inside the chunk.
            assert!(!poison::is_poisoned(unsafe { base.add(offset) }), "byte {offset} of {bytes}");
        }
    }
}

proptest! {
    /// Runs never overlap, coalesce when they come back, and the accounts add up.
    #[test]
    fn runs_coalesce(ops in proptest::collection::vec((any::<bool>(), 1usize..80, 0usize..PAGES, any::<prop::sample::Index>()), 1..80)) {
        let mut arena = Arena::new(usize::MAX).unwrap();
        let mut taken: Vec<BlockPtr> = Vec::new();
        for (takes, run, unused, which) in ops {
            if takes || taken.is_empty() {
                let block = take_part(&mut arena, run, run * PAGES - unused, Kind::Plain, true, 0).unwrap();
                let range = |b: &BlockPtr| b.base().as_ptr().addr()..b.base().as_ptr().addr() + b.run() * BLOCK_SIZE;
                for other in &taken {
                    let (a, b) = (range(&block), range(other));
                    prop_assert!(a.end <= b.start || b.end <= a.start);
                }
                taken.push(block);
            } else {
                free_run(&mut arena, taken.swap_remove(which.index(taken.len())));
            }
            prop_assert_eq!(arena.used, taken.iter().map(|b| pages(*b) * PAGE).sum::<usize>());
            if unused == 0 {
                age_all(&mut arena);
            }
            prop_assert_eq!(arena.complaint(taken.iter().copied()), None);
        }
        for block in taken.drain(..) {
            free_run(&mut arena, block);
        }
        let held = arena.held;
        for chunk in 0..arena.chunks.len() {
            let blocks = arena.chunks[chunk].blocks();
            prop_assert!(arena.find(blocks, false, true).is_some(), "a chunk is whole again");
        }
        prop_assert_eq!(arena.held, held);
    }
}
