//! A sweeper's thread that a test plays: so the test says what the thread has come to when the process is forked.
//!
//! Within [`with`] the jobs that the heaps of this thread hand over go to no other thread. They wait here until the test has
//! some of their blocks swept, by [`sweep`]. [`fork`] makes this thread's heaps those of a forked child: the thread that had
//! the jobs is gone, in the middle of a block if the test wants it. The number of the process is another from then on, which
//! is all by which a heap knows a child; what a heap does about it is the code that runs in one.
//!
//! What the lost thread had not dropped of its block is dropped in the parent, and never in the child. [`parent_ends`] does
//! what the parent does: so each object is dropped once in the end, in one of the two.

use core::cell::RefCell;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::collections::VecDeque;

use super::{Job, State};
use crate::active::Session;
use crate::space::bitmap;
use crate::space::block::{BlockPtr, FIRST_GRANULE, Kind};
use crate::space::geometry::{GRANULE, GRANULES};
use crate::space::header::ObjectPtr;
use crate::sync::Arc;

/// How far a thread has come with a block when its process is forked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Come {
    /// The thread has no block in hand.
    Between,
    /// The block is claimed, and nothing of it done.
    Claimed,
    /// Half of the dead are dropped.
    Half,
    /// Half of the dead are dropped, and the drop of the next one has begun.
    InADrop,
    /// All of the dead are dropped, and a part of the bitmap is cleared.
    Cleared,
}

/// What is played.
#[derive(Default)]
struct Stage {
    /// How often this process was forked, to come to the child that is played.
    forks: u32,
    /// The jobs that the present thread has, the one that it is at first.
    jobs: VecDeque<Arc<Job>>,
    /// Those of lost threads, who keep their share of the memory for ever.
    lost: Vec<Arc<Job>>,
    /// The parents' copies of what lost threads had not dropped.
    copies: Vec<Copied>,
}

/// An object's bytes, as they were when the process was forked.
struct Copied {
    at: NonNull<u8>,
    layout: Layout,
}

impl Copied {
    /// # Safety
    /// The object must be complete.
    unsafe fn new(object: ObjectPtr) -> Copied {
        let bytes = object.granules() * GRANULE;
        let layout = Layout::from_size_align(bytes, GRANULE).expect("an object has a size");
        // SAFETY: no object is empty: it has a header.
        let at = NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
        // SAFETY: as many bytes as the object has, and as many as were allocated.
        unsafe { at.copy_from_nonoverlapping(NonNull::new_unchecked(object.addr() as *mut u8), bytes) };
        Copied { at, layout }
    }

    /// Frees the bytes.
    fn free(self) {
        // SAFETY: allocated with that layout.
        unsafe { dealloc(self.at.as_ptr(), self.layout) };
    }
}

std::thread_local! {
    static STAGE: RefCell<Option<Stage>> = const { RefCell::new(None) };
}

/// The number by which a heap knows its process.
pub(super) fn process() -> u32 {
    // Numbers of processes are smaller than this.
    std::process::id() | STAGE.with_borrow(|stage| stage.as_ref().map_or(0, |stage| stage.forks)) << 23
}

/// Returns whether a test plays the sweeper's thread of the heaps of this thread.
pub(super) fn is_on() -> bool {
    STAGE.with_borrow(Option::is_some)
}

/// Takes a job that is handed over, if a test plays the thread.
pub(super) fn takes(job: &Arc<Job>) -> bool {
    STAGE.with_borrow_mut(|stage| match stage {
        Some(stage) => {
            stage.jobs.push_back(job.clone());
            true
        }
        None => false,
    })
}

/// Runs `f`, in which the test plays the sweeper's thread for the heaps of this thread.
pub fn with<R>(f: impl FnOnce() -> R) -> R {
    struct End(Option<Stage>);
    impl Drop for End {
        fn drop(&mut self) {
            let ended = STAGE.replace(self.0.take());
            ended.into_iter().flat_map(|stage| stage.copies).for_each(Copied::free);
        }
    }
    let _end = End(STAGE.replace(Some(Stage::default())));
    f()
}

/// Returns the next job of the thread that is played.
fn job() -> Option<Arc<Job>> {
    STAGE.with_borrow(|stage| stage.as_ref()?.jobs.front().cloned())
}

fn job_ends() {
    STAGE.with_borrow_mut(|stage| stage.as_mut().and_then(|stage| stage.jobs.pop_front()));
}

/// Has the thread that is played sweep so many blocks, if it has as many. Drops run as on that thread.
pub fn sweep(blocks: usize) {
    // Nothing is entered on the sweeper's thread.
    let _suspended = Session::suspend();
    for _ in 0..blocks {
        while let Some(job) = job() {
            if job.sweep_one() {
                break;
            }
            job_ends();
        }
    }
}

/// Forks the process: from here on this thread plays the child. The thread that was played is gone. `come` says how far it
/// has come with the next block, if it has a job with blocks that nobody has taken. Returns the names of the types of the
/// objects that it has not dropped of those that it should have.
pub fn fork(come: Come) -> Vec<&'static str> {
    let mut names = Vec::new();
    while come != Come::Between
        && let Some(job) = job()
    {
        let claimed = (0..job.len()).find_map(|index| job.claim(index).map(|_| index));
        let Some(index) = claimed else {
            job_ends();
            continue;
        };
        debug_assert_eq!(job.state(index), State::Sweeping);
        // SAFETY: the block was claimed just now, and is ours (I7) until the process is forked, below.
        names = unsafe { leave(&job, job.block(index), come) };
        break;
    }
    STAGE.with_borrow_mut(|stage| {
        if let Some(stage) = stage {
            stage.lost.extend(stage.jobs.drain(..));
            stage.forks += 1;
        }
    });
    names
}

/// Does a part of the sweep of a block, and leaves the rest.
///
/// # Safety
/// The block must be ours (I7), and of that job.
unsafe fn leave(job: &Job, block: BlockPtr, come: Come) -> Vec<&'static str> {
    let (occupied, old) = (job.occupied, 1 - job.occupied);
    // SAFETY: ours by the caller's word.
    let dropped_to = unsafe { &block.front().dropped_to };
    let mut dead = Vec::new();
    let mut at = dropped_to.get() as usize;
    if block.kind() == Kind::BackgroundDrop {
        // SAFETY: as above; the old bitmap parses (I3).
        while let Some((object, next)) = unsafe { block.next_dead(old, occupied, at) } {
            dead.push((object, next));
            at = next;
        }
    }
    let (dropped, passed) = match come {
        Come::Between | Come::Claimed => (0, 0),
        Come::Half => (dead.len() / 2, dead.len() / 2),
        Come::InADrop => (dead.len() / 2, dead.len().min(dead.len() / 2 + 1)),
        Come::Cleared => (dead.len(), dead.len()),
    };
    {
        let _suspended = Session::suspend();
        for &(object, next) in &dead[..dropped] {
            dropped_to.set(next as u32);
            // SAFETY: `TypeInfo::drop`: it is dead, its drop may run on any thread, and the resume position is past it (I6).
            unsafe { super::drop_glue::drop_caught(object) };
        }
    }
    if let Some(&(_, next)) = dead[..passed].last() {
        dropped_to.set(next as u32);
    }
    if come == Come::Cleared {
        dropped_to.set(FIRST_GRANULE as u32);
        // SAFETY: as above; a leaf borrow.
        bitmap::clear_run(unsafe { block.bits(old) }, FIRST_GRANULE, (GRANULES - FIRST_GRANULE) / 2);
    }
    let left = dead[dropped..].iter().filter(|(object, _)| object.info().drop.is_some());
    let left: Vec<ObjectPtr> = left.map(|(object, _)| *object).collect();
    // SAFETY: dead, and not dropped.
    let copies: Vec<Copied> = left.iter().map(|object| unsafe { Copied::new(*object) }).collect();
    STAGE.with_borrow_mut(|stage| stage.as_mut().map(|stage| stage.copies.extend(copies)));
    left.iter().map(|object| (object.info().about)().name).collect()
}

/// The parents go on to their end: what lost threads had not dropped when the child was forked is dropped there.
pub fn parent_ends() {
    let copies = STAGE.with_borrow_mut(|stage| stage.as_mut().map(|stage| core::mem::take(&mut stage.copies)));
    let _suspended = Session::suspend();
    for copy in copies.unwrap_or_default() {
        // SAFETY: `TypeInfo::drop`: an object whose header was copied with it, and which was moved here: the child has
        // not dropped it and never will. Its drop may run on any thread.
        unsafe { super::drop_glue::drop_caught(ObjectPtr::from_header(copy.at)) };
        copy.free();
    }
}
