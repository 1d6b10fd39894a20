//! The running frame's part of the value stack.

use std::cell::Cell;

use crate::value::{Stored, equal};

/// The slots of the running frame, and how many of them are in use.
///
/// The cells borrow the stack and the mutator, so they end with their burst. Writes to them need no barrier: taking the
/// cells counted as writing to all of them.
#[derive(Clone, Copy)]
pub struct Slots<'a> {
    pub cells: &'a [Cell<Stored<'a>>],
    pub top: usize,
}

impl<'a> Slots<'a> {
    #[inline(always)]
    pub fn push(&mut self, value: impl Into<Stored<'a>>) {
        self.cells[self.top].set(value.into());
        self.top += 1;
    }

    #[inline(always)]
    pub fn pop(&mut self) -> Stored<'a> {
        self.top -= 1;
        self.cells[self.top].get()
    }

    #[inline(always)]
    pub fn drop(&mut self, count: usize) {
        self.top -= count;
    }

    /// Pops `count` values and pushes one: with 1, replaces the top.
    #[inline(always)]
    pub fn replace(&mut self, count: usize, value: impl Into<Stored<'a>>) {
        self.top -= count - 1;
        self.cells[self.top - 1].set(value.into());
    }

    /// Pops two values, and returns whether they are equal.
    #[inline(always)]
    pub fn pop_equal(&mut self) -> bool {
        let equal = equal(self.peek(1), self.peek(0));
        self.drop(2);
        equal
    }

    /// Returns the value `distance` below the top one.
    #[inline(always)]
    pub fn peek(&self, distance: usize) -> Stored<'a> {
        self.cells[self.top - 1 - distance].get()
    }

    /// Replaces the value `distance` below the top one.
    #[inline(always)]
    pub fn poke(&self, distance: usize, value: impl Into<Stored<'a>>) {
        self.cells[self.top - 1 - distance].set(value.into());
    }

    #[inline(always)]
    pub fn get(&self, slot: u8) -> Stored<'a> {
        self.cells[usize::from(slot)].get()
    }

    #[inline(always)]
    pub fn set(&self, slot: u8, value: impl Into<Stored<'a>>) {
        self.cells[usize::from(slot)].set(value.into());
    }
}
