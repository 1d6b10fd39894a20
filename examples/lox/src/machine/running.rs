//! The running frame, kept in registers.

use std::slice::Iter;

use grisaille::{Barrier, Gc, Mutator, StackView};

use super::burst::numbers;
use super::slots::Slots;
use super::{Frame, Stop};
use crate::code::Op;
use crate::object::Closure;
use crate::value::Stored;

/// A closure to be entered, and the number of arguments above it.
pub(super) struct Call<'a> {
    pub callee: Gc<'a, Closure<'a>>,
    pub arguments: usize,
}

/// The running frame. All its methods are small and inlined: it is in memory only where a function that is not inlined
/// gets it.
pub(super) struct Running<'m, 'a> {
    pub closure: Gc<'a, Closure<'a>>,
    /// The frame's first slot in the value stack.
    pub base: usize,
    pub slots: Slots<'a>,
    /// The instructions from the next one to the end of the program.
    pub rest: Iter<'m, Op>,
}

impl<'m, 'a> Running<'m, 'a> {
    /// Makes a frame the running one, with the values below `top` in use.
    #[inline(always)]
    pub fn new<'s, B: Barrier>(
        cx: &'a Mutator<'s, B>,
        values: &'a StackView<'_, 's, Stored<'static>>,
        code: &'m [Op],
        frame: Frame<'a>,
        top: usize,
    ) -> Running<'m, 'a> {
        let base = frame.base as usize;
        let cells = values.cells(cx, base..base + frame.closure.slots as usize);
        Running {
            closure: frame.closure,
            base,
            slots: Slots { cells, top: top - base },
            rest: code[frame.ip as usize..].iter(),
        }
    }

    /// Returns the index of the next instruction.
    #[inline(always)]
    pub fn next(&self, code: &[Op]) -> usize {
        code.len() - self.rest.len()
    }

    #[inline(always)]
    pub fn jump(&mut self, code: &'m [Op], distance: u32) {
        self.rest = code[self.next(code) + distance as usize..].iter();
    }

    #[inline(always)]
    pub fn jump_back(&mut self, code: &'m [Op], distance: u32) {
        self.rest = code[self.next(code) - distance as usize..].iter();
    }

    #[inline(always)]
    pub fn jump_if(&mut self, condition: bool, code: &'m [Op], distance: u32) {
        if condition {
            self.jump(code, distance);
        }
    }

    /// Pops two numbers, and jumps unless `holds` is true of them.
    #[inline(always)]
    pub fn jump_unless(
        &mut self,
        code: &'m [Op],
        distance: u32,
        holds: impl FnOnce(f64, f64) -> bool,
    ) -> Result<(), Stop> {
        let (a, b) = numbers(self.slots.peek(1), self.slots.peek(0))?;
        self.slots.drop(2);
        self.jump_if(!holds(a, b), code, distance);
        Ok(())
    }
}
