//! The sweeper's thread, played by the program, and what a child finds when the process is forked.
//!
//! The child's heap goes on without the thread. What the thread had in hand is swept there and not dropped, since nobody
//! knows which of its dead were: these objects are the machine's `lost`, which the child must never drop. Their drops are
//! the parent's, who goes on to its end when the child's heap is gone: so each object is dropped once after all.

use grisaille::played::{self, Come};
use grisaille::{Barrier, Budget, Mutator, Phase};

use super::frame::Locals;
use super::{Machine, Outcome};

impl Machine<'_> {
    pub(super) fn fork<B: Barrier>(
        &mut self,
        cx: &mut Mutator<'_, B>,
        frame: &dyn Locals<B>,
        blocks: u8,
        how: u8,
    ) -> Outcome {
        // Mostly to where the thread has something to do.
        if how < 192 {
            for _ in 0..64 {
                if cx.phase() == Phase::Sweep {
                    break;
                }
                self.step(cx, Budget::work(1));
                self.audit(cx, frame, true)?;
            }
        }
        played::sweep(blocks as usize % 4);
        let come = [Come::Between, Come::Claimed, Come::Half, Come::InADrop, Come::Cleared].get(how as usize % 6);
        let Some(&come) = come else {
            self.note(|_| "the sweeper's thread does some work".into());
            return Ok(());
        };
        let names = played::fork(come);
        self.lost += names.iter().filter(|name| name.contains("::Background<")).count();
        self.note(|_| format!("the process is forked, its sweeper {come:?}, before the drops of {names:?}"));
        Ok(())
    }

    /// Returns whether a cycle that does not end waits for the sweeper's thread: the program that plays it does nothing
    /// meanwhile.
    pub(super) fn waits_for_nobody<B: Barrier>(&self, cx: &Mutator<'_, B>) -> Outcome {
        if self.plays && cx.stats().collections_cut_short() > 0 {
            return Err("the collector waits for a thread that is gone".into());
        }
        Ok(())
    }

    /// The heap is gone: what a lost thread had not dropped was not dropped. Now the parent drops it.
    pub(super) fn parent_ends(&self) -> Outcome {
        if !self.plays {
            return Ok(());
        }
        let objects = self.shadow.objects.iter().enumerate();
        let left =
            objects.filter(|(id, object)| object.kind.is_background() && self.log.drops(*id as u32) == 0).count();
        if left != self.lost {
            return Err(format!("the heap is gone, and {left} objects were left to the parent, not {}", self.lost));
        }
        played::parent_ends();
        Ok(())
    }
}
