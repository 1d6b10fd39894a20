//! Switches between fibers.
//!
//! A fiber that runs has its values and frames on the machine's stacks, above those of the code that resumed it. One
//! that does not run has them in its object, each kind in a [`grisaille::Fiber`]: so a suspended fiber costs what it
//! uses, and a fiber that nobody can resume any more is garbage, with all it leads to.
//!
//! A switch happens outside of a burst: a burst ends with [`Stop::Switch`], its frame with the instruction after the
//! call.

use grisaille::{Barrier, Gc, Mutator, StackView};

use super::burst::Burst;
use super::{FRAMES_MAX, Frame, Stop, Switch, VALUES_MAX, cold};
use crate::object::{Closure, FiberMark, FiberState, Parked, Upvalue};
use crate::value::{Stored, Value};

/// The slots of the frame that is below a fiber's own: for its result.
const END_SLOTS: u32 = 1;

impl<'v, 's> Burst<'_, 'v, 's> {
    /// Does a switch. Where it fails for lack of memory, nothing has happened but the attempt.
    #[cold]
    pub(super) fn switch<B: Barrier>(
        &mut self,
        cx: &Mutator<'s, B>,
        values: &mut StackView<'v, 's, Stored<'static>>,
        switch: Switch,
    ) -> Result<(), Stop> {
        match switch {
            Switch::Resume => self.resume(cx, values),
            Switch::Yield => self.suspend(cx, values),
            Switch::End => {
                // The result lies where that of `resume` belongs.
                let fiber = self.fibers.pop(cx).expect("a fiber ends that was resumed").fiber;
                fiber.state.set(FiberState::Done);
                fiber.values.clear(cx);
                fiber.frames.clear(cx);
                fiber.upvalues.clear(cx);
                self.frames.truncate(cx, self.frames.len() - 1);
                Ok(())
            }
        }
    }

    /// Puts a fiber on top of the stacks: `resume`, the fiber and a value lie there.
    fn resume<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        values: &mut StackView<'v, 's, Stored<'static>>,
    ) -> Result<(), Stop> {
        let [callee, sent] = [1, 0].map(|distance| values.top(cx, distance));
        let Value::Fiber(fiber) = callee.unpack() else { return Err(cold("Only fibers can be resumed.")) };
        let state = fiber.state.get();
        if !matches!(state, FiberState::New | FiberState::Suspended) {
            return Err(cold("Can only resume a fiber that is suspended."));
        }
        let (base, frames) = (values.len() - 3, self.frames.len());
        if frames + fiber.frames.len() + 2 > FRAMES_MAX || base + fiber.values.len() + 2 > VALUES_MAX {
            return Err(cold("Stack overflow."));
        }
        values.try_reserve(cx, fiber.values.len())?;
        self.fibers.try_reserve(cx, 1)?;
        self.open.try_reserve(cx, fiber.upvalues.len())?;
        let end = match state {
            FiberState::New => {
                let entry = self.end_of_fibers;
                let slots = END_SLOTS;
                let end = Closure { function: Closure::END_OF_FIBER, entry, slots, arity: 0, upvalues: None };
                Some(cx.try_alloc(end)?)
            }
            _ => None,
        };
        // From here on nothing fails.
        values.truncate(cx, base);
        self.fibers.push(cx, FiberMark { fiber, base: base as u32, frames: frames as u32 });
        fiber.state.set(FiberState::Running);
        if let Some(end) = end {
            let function = fiber.function;
            values.push(cx, Value::Closure(function).pack());
            if function.arity == 1 {
                values.push(cx, sent);
            }
            for closure in [end, function] {
                self.frames.push(cx, Frame { closure, ip: closure.entry, base: base as u32 });
            }
            return Ok(());
        }
        values.resume(cx, &fiber.values);
        self.frames.resume(cx, &fiber.frames);
        let before = fiber.base.get();
        if before as usize != base {
            for at in frames..self.frames.len() {
                let frame = self.frames.at(cx, at);
                self.frames.set(cx, at, Frame { base: frame.base - before + base as u32, ..frame });
            }
        }
        // They were parked from the highest slot down, and are open from the lowest up.
        while let Some(Parked { slot, upvalue }) = fiber.upvalues.pop(cx) {
            self.open.push(cx, upvalue);
            values.set(cx, base + slot as usize, upvalue.value.get());
            upvalue.slot.set(base as u32 + slot);
        }
        // What `yield` returns.
        values.push(cx, sent);
        Ok(())
    }

    /// Takes the running fiber off the stacks: `yield` and a value lie on top. The value is what `resume` returns.
    fn suspend<B: Barrier>(
        &mut self,
        cx: &Mutator<'s, B>,
        values: &mut StackView<'v, 's, Stored<'static>>,
    ) -> Result<(), Stop> {
        let Some(mark) = self.fibers.get_top(cx, 0) else { return Err(cold("Can only yield in a fiber.")) };
        let (fiber, base, frames) = (mark.fiber, mark.base as usize, mark.frames as usize);
        let [native, yielded] = [1, 0].map(|distance| values.top(cx, distance));
        let is_own = |upvalue: Gc<'_, Upvalue<'_>>| upvalue.slot.get() as usize >= base;
        let parked = (0..self.open.len()).rev().take_while(|&at| is_own(self.open.at(cx, at))).count();
        fiber.upvalues.try_reserve(cx, parked)?;
        self.frames.try_suspend(cx, &fiber.frames, frames)?;
        values.truncate(cx, values.len() - 2);
        if let Err(full) = values.try_suspend(cx, &fiber.values, base) {
            // All is as it was: the stacks have the room that they had.
            self.frames.resume(cx, &fiber.frames);
            values.push(cx, native);
            values.push(cx, yielded);
            return Err(full.into());
        }
        // From here on nothing fails.
        for _ in 0..parked {
            let upvalue = self.open.pop(cx).expect("they were counted");
            let slot = upvalue.slot.replace(Upvalue::CLOSED) - base as u32;
            upvalue.value.set(cx, fiber.values.get(slot as usize).expect("an open upvalue's slot is in use"));
            fiber.upvalues.push(cx, Parked { slot, upvalue });
        }
        fiber.base.set(base as u32);
        fiber.state.set(FiberState::Suspended);
        self.fibers.truncate(cx, self.fibers.len() - 1);
        values.push(cx, yielded);
        Ok(())
    }
}
