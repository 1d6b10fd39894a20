//! The sweeper's thread: one for each process, started when it is first needed, never joined, parked when idle.
//!
//! A heap hands it a [`Job`], a sweep task: the blocks of one cycle. Mutator and sweeper claim a block by
//! compare-and-swap of its state, `Unswept -> Sweeping`, which gives a [`Claim`]; sweeping consumes the claim, and
//! releases the block with `Sweeping -> Swept`, which publishes the bitmaps. No thread waits for a block. A heap that
//! is dropped meanwhile moves the block that the sweeper holds to `Abandoned` and leaves the rest of its drops to the
//! sweeper; the last share of the task frees the memory.
//!
//! A forked child lacks the thread. A block that the thread held when the process was forked is inherited
//! ([`Job::inherit`]) and swept without drops, since it is unknown which of the dead were dropped. What these own is
//! leaked in the child, and so is the memory of a heap whose tasks the thread had. The next task starts a thread of the
//! child's.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::list::BlockList;
use super::{drop_glue, sweep};
use crate::fault::{self, Fault};
use crate::memory;
use crate::space::arena::{Memory, commit_pages};
use crate::space::block::{BlockPtr, FIRST_GRANULE, Kind};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::mpsc::{SyncSender, sync_channel};
#[cfg(not(grisaille_faults))]
use crate::sync::process_id as this_process;
use crate::sync::{Arc, PerProcess, thread};

/// The state of a block of a task, which says who may touch the block (I7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum State {
    /// The thread that claims it.
    Unswept = 0,
    /// The thread that claimed it.
    Sweeping = 1,
    /// The mutator.
    Swept = 2,
    /// The thread that claimed it, after the heap was dropped.
    Abandoned = 3,
    /// The mutator of a forked process, if the sweeper's thread held the block when the process was forked.
    Inherited = 4,
}

/// A sweep task: the blocks to be swept in one cycle, without those whose drop glue must run on the mutator's thread.
///
/// The states are here and not in the blocks: a late sweeper must not read the memory of a block that the mutator has
/// swept, freed and put to another use.
pub(crate) struct Job {
    blocks: BlockList,
    /// The bitmap of the survivors.
    pub occupied: usize,
    /// Whether freed memory is overwritten.
    pub overwrite: bool,
    /// Whether the sweeper's thread has the task too.
    pub handed_over: bool,
    /// The process of that thread.
    process: u32,
    /// Number of drops of dead objects that have ended, on whatever thread: shows a waiting mutator that there is
    /// progress. Relaxed.
    dropped: std::sync::atomic::AtomicUsize,
    /// The sweeper's next block. The mutator has a position of its own.
    next: AtomicUsize,
    /// Keeps the blocks' memory.
    _memory: Arc<Memory>,
}

/// A claimed block of a task: only the owner of the claim may touch the block (I7). A successful compare-and-swap makes
/// the one claim of a block; sweeping consumes it.
#[must_use = "a block that is claimed and not swept is never published"]
pub(crate) struct Claim<'j> {
    job: &'j Job,
    index: usize,
    /// The state that the claim gave the block: `Sweeping` or `Inherited`.
    state: State,
}

impl Claim<'_> {
    /// Sweeps the block and publishes it: the block is the mutator's from here on.
    pub(crate) fn sweep(self) {
        let Claim { job, index, state } = self;
        let block = job.block(index);
        if state == State::Inherited && !fault::is(Fault::OrphansAreDroppedAgain) {
            // SAFETY: the block is the claim's (I7). The thread that held it wrote neither the bitmap of the survivors
            // nor the survivors, and a sweep writes everything else anew.
            unsafe { sweep::sweep_again(block, job.occupied, job.overwrite) };
        } else {
            if state == State::Inherited {
                // SAFETY: the block is ours (I7), by the claim.
                unsafe { block.front() }.dropped_to.set(FIRST_GRANULE as u32);
            }
            let ended = || _ = job.dropped.fetch_add(1, Ordering::Relaxed);
            // SAFETY: the block is the claim's (I7). A task has no block whose drops must run on the mutator's thread.
            unsafe { sweep::sweep_in_background(block, job.occupied, job.overwrite, ended) };
        }
        if !job.change(index, state, State::Swept) && block.kind() == Kind::BackgroundDrop {
            // SAFETY: the heap is gone, and `abandon` left the block to this claim (I7); the survivors were not
            // dropped, and are not used any more.
            unsafe { drop_glue::drop_all(block, job.occupied) };
        }
    }
}

impl Job {
    /// Makes a task of unswept blocks.
    ///
    /// # Safety
    /// The blocks must be of this memory, of kinds whose drops may run on any thread, and in no other task. From here
    /// on the caller must touch a block only through its [`Claim`], or after it has read the state
    /// [`Swept`](State::Swept) (I7). `occupied` must be the bitmap of the survivors, and the other one parse (I3).
    pub(crate) unsafe fn new(
        blocks: BlockList,
        occupied: usize,
        overwrite: bool,
        handed_over: bool,
        memory: Arc<Memory>,
    ) -> Job {
        Job {
            blocks,
            occupied,
            overwrite,
            handed_over,
            process: this_process(),
            dropped: Default::default(),
            next: AtomicUsize::new(0),
            _memory: memory,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Returns the bytes of memory that the list of blocks takes.
    pub(crate) fn bytes(&self) -> usize {
        self.blocks.bytes()
    }

    pub(crate) fn block(&self, index: usize) -> BlockPtr {
        self.blocks.block(index)
    }

    pub(crate) fn state(&self, index: usize) -> State {
        match self.blocks.state(index).load(Ordering::Acquire) {
            0 => State::Unswept,
            1 => State::Sweeping,
            2 => State::Swept,
            3 => State::Abandoned,
            _ => State::Inherited,
        }
    }

    /// Moves a block from one state to another, and publishes earlier writes. Returns false when the block was not in
    /// the first state.
    fn change(&self, index: usize, from: State, to: State) -> bool {
        let state = self.blocks.state(index);
        state.compare_exchange(from as u8, to as u8, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Claims an unswept block.
    pub(crate) fn claim(&self, index: usize) -> Option<Claim<'_>> {
        let claimed = self.change(index, State::Unswept, State::Sweeping);
        claimed.then_some(Claim { job: self, index, state: State::Sweeping })
    }

    /// Returns whether this process was forked from the one whose sweeper has the task: no thread of this one has.
    /// Makes a system call.
    pub(crate) fn has_lost_its_sweeper(&self) -> bool {
        self.handed_over && self.process != this_process() && !fault::is(Fault::LostSweepersAreWaitedFor)
    }

    /// Claims a block that the sweeper's thread held when this process was forked. (No other block is in state
    /// `Sweeping` at a call: the mutator does not call this while it sweeps a block.)
    pub(crate) fn inherit(&self, index: usize) -> Option<Claim<'_>> {
        let inherited = self.has_lost_its_sweeper() && self.change(index, State::Sweeping, State::Inherited);
        inherited.then_some(Claim { job: self, index, state: State::Inherited })
    }

    /// Returns the number of drops of dead objects that have ended.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Leaves a block and its survivors to the thread that is sweeping it. Returns false when none is: then the block
    /// is swept, or was left already.
    ///
    /// # Safety
    /// The heap must be about to be dropped: from here on only the owner of the block's [`Claim`] may use or drop its
    /// objects.
    pub(crate) unsafe fn abandon(&self, index: usize) -> bool {
        self.change(index, State::Sweeping, State::Abandoned)
    }

    /// Sweeps one block on the sweeper's thread. Returns false when none is left to claim.
    pub(crate) fn sweep_one(&self) -> bool {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.blocks.len() {
                return false;
            }
            if let Some(claim) = self.claim(index) {
                claim.sweep();
                return true;
            }
        }
    }
}

#[cfg(grisaille_faults)]
use played::process as this_process;

/// Returns whether a test plays the thread.
#[cfg(not(grisaille_faults))]
const fn is_played() -> bool {
    false
}

#[cfg(grisaille_faults)]
use played::is_on as is_played;

/// The name of the thread.
const NAME: &str = "grisaille-sweeper";

/// An order to the sweeper's thread.
enum Order {
    Sweep(Arc<Job>),
    /// Commit the pages of a chunk in advance. The heap may be gone meanwhile, or use the chunk.
    CommitPages(NonNull<u8>, usize, Arc<Memory>),
}

// SAFETY: the address is of memory that the order has a share of, and whose contents the order leaves as they are.
unsafe impl Send for Order {}

/// Returns where to send orders, if the thread could be started.
fn sweeper() -> Option<&'static SyncSender<Order>> {
    static SWEEPER: PerProcess<SyncSender<Order>> = PerProcess::new(start);
    SWEEPER.get()
}

/// The number of orders that may wait. The channel has room for them from the start, so that no order takes memory;
/// what a full channel refuses, the mutator does itself. Each heap has few orders waiting, one for each cycle whose
/// blocks it swept sooner than the sweeper's thread could.
const MAX_ORDERS: usize = if cfg!(loom) { 1 } else { 128 };

/// More memory than std and the system take for a thread and a channel, without the thread's stack. std aborts when an
/// allocation fails, so this is checked before.
const THREAD: Layout = Layout::new::<[usize; 8192]>();
const _: () = assert!(MAX_ORDERS * size_of::<[Order; 2]>() <= THREAD.size() / 4);

fn start() -> Option<SyncSender<Order>> {
    // To ask for a thread that the target does not have costs some memory each time, and std's clock is missing too.
    if cfg!(target_family = "wasm") || !memory::is_there(THREAD) {
        return None;
    }
    let (sender, orders) = sync_channel::<Order>(MAX_ORDERS);
    let body = move || {
        for order in orders {
            match order {
                Order::Sweep(job) => while job.sweep_one() {},
                // SAFETY: the chunk is of memory that the order has a share of.
                Order::CommitPages(base, bytes, _memory) => unsafe { commit_pages(base, bytes) },
            }
        }
    };
    thread::Builder::new().name(NAME.into()).spawn(body).ok().map(|_| sender)
}

/// Returns whether there is a sweeper's thread. Starts it if it is first needed. Without it the mutator sweeps by
/// itself.
pub(crate) fn takes_orders() -> bool {
    is_played() || sweeper().is_some()
}

/// Hands a task to the sweeper's thread. Returns false when too many orders wait there: the task is the mutator's alone.
pub(crate) fn hand_over(job: &Arc<Job>) -> bool {
    #[cfg(grisaille_faults)]
    if played::takes(job) {
        return true;
    }
    // The thread never ends, so the channel never closes.
    sweeper().is_some_and(|sweeper| sweeper.try_send(Order::Sweep(job.clone())).is_ok())
}

/// Orders the sweeper's thread to commit the pages of a chunk in advance, unless too many orders wait there.
///
/// # Safety
/// The chunk must be of `memory`.
pub(crate) unsafe fn have_pages_committed(base: NonNull<u8>, bytes: usize, memory: Arc<Memory>) {
    if !is_played()
        && let Some(sweeper) = sweeper()
    {
        let _ = sweeper.try_send(Order::CommitPages(base, bytes, memory));
    }
}

#[cfg(grisaille_faults)]
pub mod played;

#[cfg(all(test, loom))]
mod loom;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::space::arena::{Arena, testing};
    use crate::space::bitmap;
    use crate::space::geometry::GRANULE;
    use crate::space::header::{About, ObjectPtr, TypeInfo};
    use crate::space::poison;

    fn job(arena: &mut Arena, count: usize) -> Job {
        let blocks = (0..count).map(|_| testing::take(arena, 1, Kind::Plain, false, 0).unwrap()).collect();
        // SAFETY: new, empty blocks of this arena.
        unsafe { Job::new(blocks, 1, false, true, arena.memory()) }
    }

    #[test]
    fn each_block_is_claimed_once() {
        let mut arena = Arena::new(usize::MAX).unwrap();
        let job = job(&mut arena, 3);
        let claim = job.claim(1);
        assert!(claim.is_some() && job.claim(1).is_none());
        assert!(job.sweep_one() && job.sweep_one() && !job.sweep_one());
        assert_eq!([0, 1, 2].map(|i| job.state(i)), [State::Swept, State::Sweeping, State::Swept]);
        // SAFETY: nothing lies in the blocks.
        assert!(unsafe { job.abandon(1) && !job.abandon(0) });
    }

    /// Found by the binary-trees bench: the state was a word in the block, and a late sweeper claimed blocks that the
    /// mutator had swept, freed and put to another use, and cleared their bitmaps.
    #[test]
    fn a_late_sweeper_touches_nothing() {
        let mut arena = Arena::new(usize::MAX).unwrap();
        let late = job(&mut arena, 2);
        for index in 0..2 {
            late.claim(index).unwrap().sweep();
            testing::free_run(&mut arena, late.block(index));
        }
        let reused = testing::take(&mut arena, 2, Kind::Plain, true, 0).unwrap();
        // SAFETY: the test's own block.
        bitmap::set_run(unsafe { reused.bits(0) }, FIRST_GRANULE, 100);
        poison::unpoison(late.block(1).base(), 4096);
        // SAFETY: the second block of the run is plain memory now.
        unsafe { late.block(1).base().write_bytes(0, 4096) };
        assert!(!late.sweep_one());
        // SAFETY: as above.
        assert_eq!(bitmap::count(unsafe { reused.bits(0) }), 100);
    }

    /// A forked child has its parent's tasks, and not the thread that held a block.
    #[test]
    fn what_a_lost_sweeper_had_in_hand_is_swept_and_not_dropped() {
        static DROPS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        static OBJECT: TypeInfo = TypeInfo {
            drop: Some(|_| _ = DROPS.fetch_add(1, Ordering::Relaxed)),
            ..TypeInfo::sized::<()>(|| About::internal("an object"))
        };
        let mut arena = Arena::new(usize::MAX).unwrap();
        let block = testing::take(&mut arena, 1, Kind::BackgroundDrop, false, 0).unwrap();
        // SAFETY: the test's own block, with three objects of a granule each at its beginning, of which the last is
        // alive.
        let mut job = unsafe {
            poison::unpoison(block.at(FIRST_GRANULE), 3 * GRANULE);
            for at in FIRST_GRANULE..FIRST_GRANULE + 3 {
                ObjectPtr::write(block.at(at), &OBJECT);
            }
            bitmap::set_run(block.bits(0), FIRST_GRANULE, 3);
            bitmap::set_run(block.bits(1), FIRST_GRANULE + 2, 1);
            Job::new([block].into_iter().collect(), 1, true, true, arena.memory())
        };
        // The thread has dropped one object, and cleared a part of the bitmap.
        let _claim = job.claim(0);
        // SAFETY: as above.
        unsafe {
            block.front().dropped_to.set(FIRST_GRANULE as u32 + 1);
            bitmap::clear_run(block.bits(0), FIRST_GRANULE, 1);
        }
        assert!(job.inherit(0).is_none(), "its sweeper is there");
        job.process = job.process.wrapping_add(1);
        let claim = job.inherit(0).unwrap();
        assert!(job.inherit(0).is_none() && job.claim(0).is_none(), "it has an heir");
        claim.sweep();
        assert_eq!((job.state(0), DROPS.load(Ordering::Relaxed)), (State::Swept, 0));
        // SAFETY: swept, and so the test's.
        unsafe {
            assert_eq!((block.front().live.get(), block.front().dropped_to.get()), (1, FIRST_GRANULE as u32));
            assert_eq!((bitmap::count(block.bits(0)), bitmap::count(block.bits(1))), (0, 1));
        }
    }

    #[test]
    fn an_abandoned_block_is_finished_by_its_sweeper() {
        let mut arena = Arena::new(usize::MAX).unwrap();
        let job = job(&mut arena, 1);
        let claim = job.claim(0).unwrap();
        // SAFETY: nothing lies in the block.
        assert!(unsafe { job.abandon(0) });
        claim.sweep();
        assert_eq!(job.state(0), State::Abandoned);
    }
}
