//! The digest of all state that decides the collector's future, for the search through all small programs.

use super::collector::{BirthColor, Collector};
use crate::mark::tracer::Tracer;
use crate::mark::{weak_cell::target_of, weak_type::is_weak_cell};
use crate::roots::set::RootSet;
use crate::space::bitmap;
use crate::space::block::Kind;
use crate::space::digest::Digest;
use crate::space::geometry::{GRANULE, GRANULES};
use crate::space::header::ObjectPtr;
use crate::space::holes::Bump;

impl Collector {
    /// See [`observe::digest`](crate::observe::digest).
    pub(crate) fn digest(&self, digest: &mut Digest<'_>) {
        let Collector {
            marking,
            watch_roots,
            poll: _,
            window,
            traces_next,
            liveness_decided,
            refused,
            // Programs of the oracle that run their own steps have no cycles there.
            futile: _,
            birth,
            phase,
            bumps,
            marker,
            // Where the innermost scope begins is looked at under stress, to report it.
            roots: RootSet { locals, escapes, persistent, stacks, guardians: _, scope: _ },
            blocks,
            strings: _,
            pacer,
            counters,
            times: _,
            cycle: _,
            id: _,
            sweep,
            stress: _,
            // Programs of the oracle run their own steps.
            stressed: _,
            idle_at: _,
            born_black,
            black_from,
            lived,
            allocated_then,
            marked_from: _,
            mark_work: _,
            released,
            inspector: _,
            observed: _,
        } = self;
        marker.flush_barrier_buffer();
        digest.number(phase.get() as usize);
        for flag in [
            marking.get(),
            watch_roots.get(),
            window.get(),
            traces_next.get(),
            liveness_decided.get(),
            refused.get().is_some(),
        ] {
            digest.flag(flag);
        }
        digest.number(birth.get() as usize);
        digest.number(sweep.get() as usize);
        digest.number(released.get());
        bumps.iter().for_each(|bump| bump.digest(digest));
        marker.digest(digest);
        locals.digest(digest);
        escapes.digest(digest);
        persistent.borrow().digest_roots(digest);
        stacks.borrow().digest(digest);
        // The books, as the next `book_cycle` and the verifier evaluate them.
        let open: usize = bumps.iter().map(Bump::taken).sum();
        let allocated = self.objects_allocated();
        let black = birth.get() != BirthColor::White;
        digest.number(pacer.heap() + open);
        digest.number(allocated - counters.objects_freed.get() as usize);
        digest.number(lived.get() + allocated - allocated_then.get());
        digest.number(marker.objects.get() + if black { allocated - black_from.get() } else { 0 });
        digest.number(marker.granules.get() * GRANULE + born_black.get() + if black { open } else { 0 });
        blocks.borrow().digest(marker, digest);
        self.digest_objects(digest);
    }

    /// Digests the objects in the blocks: those allocated, and the dead that are still to be dropped.
    fn digest_objects(&self, digest: &mut Digest<'_>) {
        let blocks = self.blocks.borrow();
        let mut children = Vec::new();
        let of_blocks = blocks.registry.iter().map(|block| (block, true));
        let of_blocks = of_blocks.chain(blocks.unregistered().map(|block| (block, false)));
        for (block, registered) in of_blocks {
            // SAFETY: no other thread has a block of this heap; the copy ends the borrow.
            let mut words = unsafe { *block.bits(self.marker.occupied()) };
            if let Some((from, to)) = self.fresh_of(block) {
                bitmap::set_run(&mut words, from, to - from);
            }
            let mut at = bitmap::next_one(&words, 0);
            while at < GRANULES {
                // SAFETY: the bitmap of allocated objects parses (I3).
                let object = unsafe { block.object(at) };
                let info = object.info();
                digest.object(object);
                digest.number(core::ptr::from_ref(info).addr());
                digest.number(
                    object.granules() << 2
                        | usize::from(object.is_queued()) << 1
                        | usize::from(object.header().is_key()),
                );
                if is_weak_cell(info) {
                    // SAFETY: the object is a weak cell.
                    digest.number(unsafe { target_of(object) }.get().is_some().into());
                    // SAFETY: as above.
                    digest.address(unsafe { target_of(object) }.get().map_or(0, ObjectPtr::addr));
                }
                children.clear();
                if info.needs_trace {
                    let mut tracer = Tracer::listing(&mut children);
                    let mut piece = 0;
                    loop {
                        // SAFETY: the object is allocated, and so complete: no constructor is running.
                        piece = unsafe { tracer.trace_piece(object, piece) };
                        if piece == 0 {
                            break;
                        }
                    }
                }
                digest.objects(&children);
                at = if block.is_large() { GRANULES } else { bitmap::next_one(&words, at + object.granules()) };
            }
            if registered || block.kind() == Kind::Plain {
                continue;
            }
            // SAFETY: as above.
            let mut at = unsafe { block.front() }.dropped_to.get() as usize;
            // SAFETY: as above: the old bitmap parses (I3).
            let next_dead = |at| unsafe { block.next_dead(self.marker.marked(), self.marker.occupied(), at) };
            while let Some((object, next)) = next_dead(at) {
                digest.object(object);
                digest.number(core::ptr::from_ref(object.info()).addr());
                at = next;
            }
        }
    }
}
