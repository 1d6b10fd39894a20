//! Switches between fibers.
//!
//! A fiber that runs has its values and frames on the machine's stacks, above those of the code that resumed it. One
//! that does not run has them in its object, in lists: so a suspended fiber costs what it uses, its values are fields
//! like any others to the collector, and a fiber that nobody can resume any more is garbage, with all it leads to.
//!
//! A switch happens outside of a burst: a burst ends with [`Stop::Switch`], its frame with the instruction after the
//! call.

use grisaille::{Barrier, Gc, Mutator, StackView};

use super::burst::Burst;
use super::{FRAMES_MAX, Frame, Stop, Switch, VALUES_MAX, cold};
use crate::object::{Closure, Fiber, FiberMark, FiberState, Parked, Upvalue};
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
                self.frames.truncate(cx, self.frames.len() - 1);
                Ok(())
            }
        }
    }

    /// Puts a fiber on top of the stacks: `resume`, the fiber and a value lie there.
    fn resume<B: Barrier>(
        &mut self,
        cx: &Mutator<'s, B>,
        values: &mut StackView<'v, 's, Stored<'static>>,
    ) -> Result<(), Stop> {
        let [native, callee, sent] = [2, 1, 0].map(|distance| values.top(cx, distance));
        let Value::Fiber(fiber) = callee.unpack() else { return Err(cold("Only fibers can be resumed.")) };
        let state = fiber.state.get();
        if !matches!(state, FiberState::New | FiberState::Suspended) {
            return Err(cold("Can only resume a fiber that is suspended."));
        }
        let base = values.len() - 3;
        if self.frames.len() + fiber.frames.len() + 2 > FRAMES_MAX || base + fiber.values.len() + 2 > VALUES_MAX {
            return Err(cold("Stack overflow."));
        }
        let (frames, fibers, open) = (self.frames.len(), self.fibers.len(), self.open.len());
        values.truncate(cx, base);
        let done = self.place(cx, values, fiber, sent, base);
        if done.is_err() {
            // All is as it was.
            while self.open.len() > open {
                let upvalue = self.open.pop(cx).expect("one was opened");
                upvalue.slot.set(Upvalue::CLOSED);
            }
            self.frames.truncate(cx, frames);
            self.fibers.truncate(cx, fibers);
            values.truncate(cx, base);
            for value in [native, callee, sent] {
                values.try_push(cx, value)?;
            }
            return done;
        }
        fiber.state.set(FiberState::Running);
        fiber.values.clear(cx);
        fiber.frames.clear(cx);
        fiber.upvalues.clear(cx);
        Ok(())
    }

    /// Copies what a fiber has to the stacks.
    fn place<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        values: &mut StackView<'v, 's, Stored<'static>>,
        fiber: Gc<'a, Fiber<'a>>,
        sent: Stored<'a>,
        base: usize,
    ) -> Result<(), Stop> {
        self.fibers.try_push(cx, FiberMark { fiber, base: base as u32, frames: self.frames.len() as u32 })?;
        if let FiberState::New = fiber.state.get() {
            let function = fiber.function;
            values.try_push(cx, Value::Closure(function).pack())?;
            if function.arity == 1 {
                values.try_push(cx, sent)?;
            }
            let end = self.end_of_fibers;
            let end =
                Closure { function: Closure::END_OF_FIBER, entry: end, slots: END_SLOTS, arity: 0, upvalues: None };
            let end = cx.try_alloc(end)?;
            for closure in [end, function] {
                self.frames.push(cx, Frame { closure, ip: closure.entry, base: base as u32 });
            }
            return Ok(());
        }
        for value in fiber.values.iter() {
            values.try_push(cx, value)?;
        }
        for frame in fiber.frames.iter() {
            self.frames.push(cx, Frame { base: frame.base + base as u32, ..frame });
        }
        // They were parked from the highest slot down, and are open from the lowest up.
        for index in (0..fiber.upvalues.len()).rev() {
            let Some(Parked { slot, upvalue }) = fiber.upvalues.get(index) else { break };
            self.open.try_push(cx, upvalue)?;
            values.set(cx, base + slot as usize, upvalue.value.get());
            upvalue.slot.set(base as u32 + slot);
        }
        // What `yield` returns.
        values.try_push(cx, sent)?;
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
        let yielded = values.top(cx, 0);
        let own = base..values.len() - 2;
        let is_own = |upvalue: Gc<'_, Upvalue<'_>>| upvalue.slot.get() as usize >= base;
        let parked = (0..self.open.len()).rev().take_while(|&at| is_own(self.open.at(cx, at))).count();
        fiber.values.try_reserve(cx, own.len())?;
        fiber.frames.try_reserve(cx, self.frames.len() - frames)?;
        fiber.upvalues.try_reserve(cx, parked)?;
        // From here on nothing fails.
        for _ in 0..parked {
            let upvalue = self.open.pop(cx).expect("they were counted");
            let slot = upvalue.slot.get();
            upvalue.value.set(cx, values.at(cx, slot as usize));
            upvalue.slot.set(Upvalue::CLOSED);
            fiber.upvalues.push(cx, Parked { slot: slot - base as u32, upvalue });
        }
        for at in own {
            fiber.values.push(cx, values.at(cx, at));
        }
        for at in frames..self.frames.len() {
            let frame = self.frames.at(cx, at);
            fiber.frames.push(cx, Frame { base: frame.base - base as u32, ..frame });
        }
        fiber.state.set(FiberState::Suspended);
        self.frames.truncate(cx, frames);
        self.fibers.truncate(cx, self.fibers.len() - 1);
        values.truncate(cx, base);
        values.push(cx, yielded);
        Ok(())
    }
}
