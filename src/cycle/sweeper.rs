//! The sweeper thread: one a process, started on first need, joined never, parked when idle.
//!
//! A heap hands it a [`Job`]: the blocks of one cycle. Mutator and sweeper take blocks from it by compare-and-swap of
//! a block's state, `Unswept -> Sweeping`, which gives a [`Claim`]; sweeping takes that, and releases the block with
//! `Sweeping -> Swept`, which publishes the bitmaps.
//! Nobody waits for a block. A heap that is dropped meanwhile moves the block in the sweeper's hands to `Abandoned`
//! and leaves the rest of that block's drops to it; the last share of the job frees the memory.
//!
//! In a forked child the thread is missing. What it had in hand when the process was forked is inherited
//! ([`Job::inherit`]): swept without a drop, since nobody knows which of the dead were dropped. What they own is leaked in the
//! child, and so is the memory of a heap whose jobs the thread had. The next job starts a thread of the child's own.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::list::BlockList;
use super::sweep;
use crate::memory;
use crate::space::arena::{Memory, take_pages};
use crate::space::block::{BlockPtr, Kind};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::mpsc::{Sender, channel};
use crate::sync::{Arc, PerProcess, thread};

/// Who may touch a block of a job (I7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum State {
    /// Whoever claims it.
    Unswept = 0,
    /// The thread that claimed it.
    Sweeping = 1,
    /// The mutator.
    Swept = 2,
    /// The thread that claimed it: the heap is gone.
    Abandoned = 3,
    /// The mutator: this process was forked while the sweeper's thread was at it.
    Inherited = 4,
}

/// The blocks of one cycle that are to be swept, none of which has drop glue that must run on the mutator's thread.
///
/// The states are here and not in the blocks: a sweeper that comes late, when the mutator has swept a block, freed it
/// and put it to another use, must not look at its memory.
pub(crate) struct Job {
    blocks: BlockList,
    /// The bitmap that holds what survived.
    pub occupied: usize,
    /// Overwrite what is freed.
    pub overwrite: bool,
    /// The sweeper's thread has it too.
    pub handed_over: bool,
    /// Of which process that thread is.
    process: u32,
    /// Drops of dead objects that have ended, on whatever thread. It tells who waits that it is not for nothing, and orders
    /// nothing.
    dropped: std::sync::atomic::AtomicUsize,
    /// Where the sweeper goes on. The mutator has a position of its own.
    next: AtomicUsize,
    /// Keeps the blocks' memory.
    _memory: Arc<Memory>,
}

/// A block of a job that has been taken from it: whoever has this may touch the block, and nobody else does (I7). There is one
/// for a block, which a successful compare-and-swap makes; sweeping takes it.
#[must_use = "a block that is claimed and not swept is never published"]
pub(crate) struct Claim<'j> {
    job: &'j Job,
    index: usize,
    /// The state into which it was moved: `Sweeping`, or `Inherited`.
    state: State,
}

impl Claim<'_> {
    /// Sweeps the block and publishes it: it is the mutator's from here on.
    pub fn sweep(self) {
        let Claim { job, index, state } = self;
        let block = job.block(index);
        if state == State::Inherited {
            // SAFETY: the block is ours (I7), by the claim. Whoever had it wrote nothing that a sweep does not write anew: not
            // the bitmap of what survived, nor what that names.
            unsafe { sweep::sweep_again(block, job.occupied, job.overwrite) };
        } else {
            let ended = || _ = job.dropped.fetch_add(1, Ordering::Relaxed);
            // SAFETY: the block is ours (I7), by the claim. In a job there is none whose drops must run on the mutator's
            // thread.
            unsafe { sweep::sweep_in_background(block, job.occupied, job.overwrite, ended) };
        }
        if !job.change(index, state, State::Swept) && block.kind() == Kind::BackgroundDrop {
            // SAFETY: the heap is gone and left the block to us (I7), by `abandon`; what survived has not been dropped, and
            // nobody uses it any more.
            unsafe { sweep::drop_all(block, job.occupied) };
        }
    }
}

impl Job {
    /// All `blocks` are unswept.
    ///
    /// # Safety
    /// The blocks must be of this memory, of kinds whose drops may run on any thread, and in no other job. From here on the
    /// caller touches one that is unswept by its [`Claim`] only, and one that is [swept](State::Swept) when it has seen that
    /// (I7). `occupied` must be the bitmap that says what survived, and the other one parse (I3).
    pub unsafe fn new(
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
            process: std::process::id(),
            dropped: Default::default(),
            next: AtomicUsize::new(0),
            _memory: memory,
        }
    }

    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Bytes of memory that the list takes.
    pub fn bytes(&self) -> usize {
        self.blocks.bytes()
    }

    pub fn block(&self, index: usize) -> BlockPtr {
        self.blocks.block(index)
    }

    pub fn state(&self, index: usize) -> State {
        match self.blocks.state(index).load(Ordering::Acquire) {
            0 => State::Unswept,
            1 => State::Sweeping,
            2 => State::Swept,
            3 => State::Abandoned,
            _ => State::Inherited,
        }
    }

    /// Moves a block from one state to the next. What was written before is published with it. Returns false where it was not
    /// in the first state.
    fn change(&self, index: usize, from: State, to: State) -> bool {
        let state = self.blocks.state(index);
        state.compare_exchange(from as u8, to as u8, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Takes an unswept block.
    pub fn claim(&self, index: usize) -> Option<Claim<'_>> {
        let claimed = self.change(index, State::Unswept, State::Sweeping);
        claimed.then_some(Claim { job: self, index, state: State::Sweeping })
    }

    /// Returns whether this process was forked from the one whose sweeper has the job: nobody has it here. A system call.
    pub fn has_lost_its_sweeper(&self) -> bool {
        self.handed_over && self.process != std::process::id()
    }

    /// Takes a block that the sweeper's thread had in hand when this process was forked. (No other can be in that state where
    /// somebody looks: a mutator that sweeps a block looks at none before it has.)
    pub fn inherit(&self, index: usize) -> Option<Claim<'_>> {
        let inherited = self.has_lost_its_sweeper() && self.change(index, State::Sweeping, State::Inherited);
        inherited.then_some(Claim { job: self, index, state: State::Inherited })
    }

    /// How many drops of dead objects have ended.
    pub fn dropped(&self) -> usize {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Leaves a block, and what survives in it, to whoever sweeps it just now. Returns false where nobody does: then it is
    /// swept, or was left already.
    ///
    /// # Safety
    /// The heap must be about to go: nobody uses an object of this block, or drops it, but who has the block's [`Claim`].
    pub unsafe fn abandon(&self, index: usize) -> bool {
        self.change(index, State::Sweeping, State::Abandoned)
    }

    /// Sweeps one block on the sweeper's thread. Returns false where none is left to take.
    pub fn sweep_one(&self) -> bool {
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

/// What the thread is called.
const NAME: &str = "grisaille-sweeper";

/// What the thread is asked for.
enum Order {
    Sweep(Arc<Job>),
    /// The pages of a chunk that lies ahead are to be taken. The heap may be gone meanwhile, or use it.
    TakePages(NonNull<u8>, usize, Arc<Memory>),
}

// SAFETY: the address is that of memory which the order keeps, and of which only the pages are touched.
unsafe impl Send for Order {}

/// Where orders go, if the thread could be started.
fn sweeper() -> Option<&'static Sender<Order>> {
    static SWEEPER: PerProcess<Sender<Order>> = PerProcess::new(start);
    SWEEPER.get()
}

/// What std and the system take for a thread and a channel, but for the thread's stack: more than enough of it. std does not
/// look at the answer when it asks, so this is asked for before.
const THREAD: Layout = Layout::new::<[usize; 8192]>();
/// The same for an order: room for some more of them in the channel.
const ORDER: Layout = Layout::new::<[usize; 256]>();

fn start() -> Option<Sender<Order>> {
    if !memory::is_there(THREAD) {
        return None;
    }
    let (sender, orders) = channel::<Order>();
    let body = move || {
        for order in orders {
            match order {
                Order::Sweep(job) => while job.sweep_one() {},
                // SAFETY: a chunk of this memory, of which the order has a share.
                Order::TakePages(base, bytes, _memory) => unsafe { take_pages(base, bytes) },
            }
        }
    };
    thread::Builder::new().name(NAME.into()).spawn(body).ok().map(|_| sender)
}

/// Whether there is a sweeper thread, and memory to order something of it; starts it on first need. Without it the mutator
/// sweeps by itself.
pub(crate) fn takes_orders() -> bool {
    sweeper().is_some() && memory::is_there(ORDER)
}

/// Hands a job to the sweeper thread.
pub(crate) fn hand_over(job: &Arc<Job>) {
    if let Some(sweeper) = sweeper() {
        // The thread never ends, so the channel never closes; if it did, the mutator would sweep.
        let _ = sweeper.send(Order::Sweep(job.clone()));
    }
}

/// Has the sweeper thread take the pages of a chunk.
///
/// # Safety
/// The chunk must be of `memory`.
pub(crate) unsafe fn have_pages_taken(base: NonNull<u8>, bytes: usize, memory: Arc<Memory>) {
    if let Some(sweeper) = sweeper().filter(|_| memory::is_there(ORDER)) {
        let _ = sweeper.send(Order::TakePages(base, bytes, memory));
    }
}

#[cfg(all(test, loom))]
mod loom;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::space::arena::{Arena, testing};
    use crate::space::bitmap;
    use crate::space::block::FIRST_GRANULE;
    use crate::space::geometry::GRANULE;
    use crate::space::header::{ObjectPtr, TypeInfo, trace_nothing};
    use crate::space::poison;
    use crate::space::tally::Size;

    fn job(arena: &mut Arena, count: usize) -> Job {
        let blocks = (0..count).map(|_| testing::take(arena, 1, Kind::Plain, false, 0).unwrap()).collect();
        // SAFETY: new blocks of this arena, which nothing lies in.
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

    /// Found by the binary-trees bench: the state was a word in the block, and a sweeper that came late took blocks
    /// that the mutator had swept, freed and put to another use, and cleared their bitmaps.
    #[test]
    fn a_late_sweeper_touches_nothing() {
        let mut arena = Arena::new(usize::MAX).unwrap();
        let late = job(&mut arena, 2);
        for index in 0..2 {
            late.claim(index).unwrap().sweep();
            testing::give_back(&mut arena, late.block(index));
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

    /// A forked child has its parent's jobs, and not the thread that had a block in hand.
    #[test]
    fn what_a_lost_sweeper_had_in_hand_is_swept_and_not_dropped() {
        static DROPS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        static OBJECT: TypeInfo = TypeInfo {
            size: Size::of_bytes(GRANULE),
            element: 0,
            prefix: 0,
            needs_trace: false,
            trace: trace_nothing,
            mark_alike: None,
            drop: Some(|_| _ = DROPS.fetch_add(1, Ordering::Relaxed)),
            name: || "an object",
        };
        let mut arena = Arena::new(usize::MAX).unwrap();
        let block = testing::take(&mut arena, 1, Kind::BackgroundDrop, false, 0).unwrap();
        // SAFETY: the test's own block; three objects of a granule each lie at its beginning, of which the last one lives.
        let mut job = unsafe {
            for at in FIRST_GRANULE..FIRST_GRANULE + 3 {
                ObjectPtr::write(block.at(at), &OBJECT);
            }
            bitmap::set_run(block.bits(0), FIRST_GRANULE, 3);
            bitmap::set_run(block.bits(1), FIRST_GRANULE + 2, 1);
            Job::new([block].into_iter().collect(), 1, true, true, arena.memory())
        };
        // The thread has come so far: one is dropped, and a part of the bitmap cleared.
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
