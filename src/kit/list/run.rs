//! Moves of runs of values between a [`List`] and a stack, for [`Fiber`](crate::Fiber).
//!
//! A move copies the values, in one go, and the barriers do no work for each of them where the whole list moves. While
//! the heap's barriers are on, a buffer is written as a whole only when it is black or new, and one that is still to be
//! scanned is given up when its values go: the list's word loses it through the barrier, and the mark loop scans it in
//! pieces, as it is. So what each policy must see is one of these:
//!
//! | move | in the heap | at the root |
//! |---|---|---|
//! | stack to list | a whole-object write of a buffer that is black or new | a pop. Where unscanned roots are shaded when they are popped, the buffer is greyed instead: it holds all of them |
//! | list to stack | the list's word loses an unscanned buffer, or a black one becomes shorter | a write to the range, as by `StackView::cells` |
//!
//! Where a part of the list moves, its other values keep the buffer, and the barriers see each value that moves, as they
//! do for [`List::push`] and [`List::truncate`].

use super::{Buffer, List, first};
use crate::barrier::Barrier;
use crate::barrier::rules::WholeObject;
use crate::context::Mutator;
use crate::fault::{self, Fault};
use crate::full::HeapFull;
use crate::handles::stack_view::StackView;
use crate::pointer::gc::Gc;
use crate::pointer::slot::Slot;
use crate::trace::Trace;

/// Spare room in values that a buffer may keep, besides a quarter of what it holds.
const SPARE: usize = 8;

/// Where values come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    /// A new buffer.
    New,
    /// A buffer that holds none.
    Empty,
    /// The end of a buffer that holds some.
    End,
}

impl<V: Trace + Copy> StackView<'_, '_, V>
where
    for<'a> V::At<'a>: Copy,
{
    /// Moves the values of the stack from index `from` on to the end of a list. Where the heap has no room for them,
    /// nothing is moved.
    ///
    /// # Panics
    /// When the stack has fewer than `from` values.
    #[track_caller]
    pub(in crate::kit) fn try_move_to<'gc, B: Barrier>(
        &mut self,
        cx: &'gc Mutator<'_, B>,
        list: &List<'gc, V::At<'gc>>,
        from: usize,
    ) -> Result<(), HeapFull<()>> {
        let (values, moved) = self.run(from);
        let len = list.len();
        if moved == 0 {
            if len == 0 {
                list.clear(cx);
            }
            return Ok(());
        }
        let wanted = len + moved;
        let marking = is_watched::<V, B>(cx);
        // A list that is filled at once has little room to spare. One that is added to has more, so that it is not copied
        // each time.
        let spare = if len == 0 { wanted / 4 } else { wanted } + SPARE;
        let (buffer, to) = match list.buffer.get().filter(|buffer| (wanted..=wanted + spare).contains(&buffer.capacity))
        {
            Some(buffer) if len > 0 => (buffer, To::End),
            Some(buffer) if !marking || is_black(cx, buffer) => (buffer, To::Empty),
            _ if len == 0 => (list.move_to(cx, wanted)?, To::New),
            _ => (list.move_to(cx, wanted + wanted / 4).or_else(|_| list.move_to(cx, wanted))?, To::New),
        };
        let c = cx.collector();
        const { assert!(size_of::<V>() == size_of::<Slot<V>>() && align_of::<V>() == align_of::<Slot<V>>()) };
        // SAFETY: the values lie in the stack, which is in memory of its own, and there is room for them in the buffer,
        // where a `Slot` has the layout of its value. They are of the list's type but for the lifetime, and stay live: the
        // list holds them. No element is read before the length includes it.
        let come = unsafe {
            let come = first::<V::At<'gc>>(buffer.object()).add(len);
            come.copy_from_nonoverlapping(values.cast(), moved);
            core::slice::from_raw_parts(come.as_ptr(), moved)
        };
        if to == To::End {
            if const { B::RULES.always_shades_new() || B::RULES.shades_new_in_window() }
                && marking
                && !fault::is(Fault::FiberAddsUnseen)
            {
                come.iter().for_each(|value| c.before_write::<B, _, _>(&(), &value.get()));
            }
            self.truncate(cx, from);
        } else {
            let unscanned = self.cut_run(cx, from) && !fault::is(Fault::FiberHidesUnscannedRoots);
            let written = to == To::Empty && marking && !fault::is(Fault::FiberStaysBlack);
            // Black: an empty one was, and under the policies that want an unscanned one grey a new one is.
            if unscanned || written && greys_again(cx) {
                c.marker.shade_again(buffer.object());
            }
        }
        buffer.len.set(wanted);
        Ok(())
    }

    /// Moves the last `count` values of a list to the top of the stack, in their order. Where there is no room for them,
    /// nothing is moved.
    ///
    /// # Panics
    /// When the list has fewer values.
    #[track_caller]
    pub(in crate::kit) fn try_move_from<'gc, B: Barrier>(
        &mut self,
        cx: &'gc Mutator<'_, B>,
        list: &List<'gc, V::At<'gc>>,
        count: usize,
    ) -> Result<(), HeapFull<()>> {
        let left = list.len().checked_sub(count).expect("a Fiber cannot give more values than it holds");
        let Some(buffer) = list.buffer.get().filter(|_| count > 0) else { return Ok(()) };
        self.try_reserve(cx, count)?;
        if left > 0 {
            list.before_truncate(cx, left);
        }
        // SAFETY: the values are initialized, live until the next safepoint, and in an object; they are of the stack's type
        // but for the lifetime. Room was made.
        unsafe { self.push_run(cx, first::<V::At<'gc>>(buffer.object()).add(left).cast(), count) };
        let in_place = left > 0 || !is_watched::<V, B>(cx) || is_black(cx, buffer);
        // Where it is still to be scanned, and the values are part of a snapshot, it stays as it is.
        if in_place || const { !B::RULES.shade_old } || fault::is(Fault::FiberResumesUnscanned) {
            buffer.len.set(left);
        }
        if !in_place && !fault::is(Fault::FiberResumesUnscanned) {
            list.buffer.set(cx, None);
        }
        Ok(())
    }
}

/// Returns whether the collector must know of writes to a list of such values.
fn is_watched<V: Trace, B: Barrier>(cx: &Mutator<'_, B>) -> bool {
    (const { V::NEEDS_TRACE && B::RULES.has_write_barrier() }) && cx.collector().marking.get()
}

/// Returns whether a black object that is written as a whole must be scanned again. To be called while marking.
fn greys_again<B: Barrier>(cx: &Mutator<'_, B>) -> bool {
    match B::RULES.whole_object {
        WholeObject::GreyAgain => true,
        WholeObject::GreyAgainInWindow => cx.collector().window.get(),
        WholeObject::Nothing | WholeObject::ScanBefore => false,
    }
}

/// Returns whether the buffer was scanned in this cycle. To be called while marking.
fn is_black<B: Barrier>(cx: &Mutator<'_, B>, buffer: Gc<'_, Buffer>) -> bool {
    cx.collector().marker.is_black(buffer.object())
}
